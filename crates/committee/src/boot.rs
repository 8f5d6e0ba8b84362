use holobiont_identity::framing::Framed;
use holobiont_identity::{Digest, UniqueId};

/// What the quote of a boot binds for the enrolment, beside node id and boot key: blake3 of
/// `"holobiont-enrolment|" ‖ 0x01 ‖ organism's stable id ‖ framed enrolment`.
///
/// The organism is in it, so that a boot of one organism's node is none of another's, also where an
/// organism enrols nobody and the enrolment is empty.
///
/// ```
/// use holobiont_committee::enrolment_digest;
/// use holobiont_identity::UniqueId;
///
/// let (one, other) = (UniqueId::from_name("one"), UniqueId::from_name("other"));
/// assert_ne!(enrolment_digest(&one, b""), enrolment_digest(&other, b""));
/// ```
#[must_use]
pub fn enrolment_digest(organism: &UniqueId, enrolment: &[u8]) -> Digest {
    let mut framed = Framed::new();
    framed.fixed(b"holobiont-enrolment|\x01").fixed(organism).blob(enrolment);
    Digest::of(framed.into_bytes())
}

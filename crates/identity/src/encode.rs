use serde::Serialize;

/// The canonical encoding of plain data.
///
/// # Panics
///
/// Never: postcard refuses only sequences of unknown length and what a `Serialize` of our own
/// refuses, and this crate has neither.
#[expect(clippy::expect_used, reason = "no input reaches it, and no hash may stand for a failure")]
pub(crate) fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain data has an encoding")
}

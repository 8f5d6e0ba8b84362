//! The Confidential Computing Event Log: a TCG PC Client crypto-agile log, as firmware leaves it
//! in the memory that the ACPI table `CCEL` points to.

use super::{Event, EventLogError, MAX_EVENTS, kind, raw::RawEvent};
use crate::reader::Reader;

const SPEC_ID: [u8; 16] = *b"Spec ID Event03\0";
const SHA384: u16 = 0xc;
const SHA384_BYTES: usize = 48;
/// The TCG has named fewer than this.
const MAX_ALGORITHMS: u32 = 16;

/// Sizes of the digests that the log announces, by TCG algorithm id.
struct Algorithms(Vec<(u16, u16)>);

/// The events, and how many bytes of the log are in use.
pub(super) fn parse(bytes: &[u8]) -> Result<(Vec<Event>, usize), EventLogError> {
    let mut reader = Reader::new(bytes);
    let algorithms = spec_id(&mut reader)?;
    let mut events = Vec::new();
    for index in 0_u32.. {
        if is_end(&reader)? {
            break;
        }
        if usize::try_from(index).is_ok_and(|index| index >= MAX_EVENTS) {
            return Err(EventLogError::TooManyEvents { limit: MAX_EVENTS });
        }
        events.extend(event(index, &algorithms, &mut reader)?.read());
    }
    Ok((events, reader.at()))
}

/// The first event, in the TCG's old form, which says how long each digest of the others is.
fn spec_id(reader: &mut Reader<'_>) -> Result<Algorithms, EventLogError> {
    reader.u32("Spec ID register")?;
    if reader.u32("Spec ID type")? != kind::NO_ACTION {
        return Err(EventLogError::UnknownForm);
    }
    reader.fixed::<20>("Spec ID digest")?;
    let mut spec = reader.section("Spec ID event")?;
    if spec.fixed("Spec ID signature")? != SPEC_ID {
        return Err(EventLogError::UnknownForm);
    }
    // Platform class, version, errata, size of a UINTN.
    spec.fixed::<8>("Spec ID platform")?;
    let count = spec.u32("number of algorithms")?;
    if count > MAX_ALGORITHMS {
        return Err(EventLogError::SpecId { why: "it has too many algorithms" });
    }
    let mut sizes = Vec::new();
    for _ in 0..count {
        sizes.push((spec.u16("algorithm")?, spec.u16("digest size")?));
    }
    let vendor = spec.u8("vendor information size")?;
    spec.slice(vendor.into(), "vendor information")?;
    if !spec.rest().is_empty() {
        return Err(EventLogError::SpecId { why: "it goes on after its vendor information" });
    }
    let algorithms = Algorithms(sizes);
    if algorithms.digest_bytes(SHA384) != Some(SHA384_BYTES) {
        return Err(EventLogError::SpecId { why: "it has no SHA-384, which TDX extends with" });
    }
    Ok(algorithms)
}

impl Algorithms {
    fn digest_bytes(&self, algorithm: u16) -> Option<usize> {
        self.0.iter().find(|(id, _)| *id == algorithm).map(|(_, bytes)| usize::from(*bytes))
    }
}

/// Whether only padding is left: bytes 0xFF, as firmware fills the memory, or zero.
fn is_end(reader: &Reader<'_>) -> Result<bool, EventLogError> {
    let rest = reader.rest();
    let padding = match rest {
        [] => return Ok(true),
        [0xff, 0xff, 0xff, 0xff, ..] => 0xff,
        [0, 0, 0, 0, 0, 0, 0, 0, ..] => 0,
        [first @ (0 | 0xff), others @ ..] if others.len() < 8 => {
            return Ok(others.iter().all(|byte| byte == first));
        }
        _ => return Ok(false),
    };
    match rest.iter().all(|byte| *byte == padding) {
        true => Ok(true),
        false => Err(EventLogError::Trailing { at: reader.at() }),
    }
}

/// `TCG_PCR_EVENT2`: register, type, digests, payload. MR index 1 is RTMR0; 0 is MRTD, which no
/// event can extend.
fn event<'a>(
    index: u32,
    algorithms: &Algorithms,
    reader: &mut Reader<'a>,
) -> Result<RawEvent<'a>, EventLogError> {
    let got = reader.u32("event register")?;
    let rtmr = match got {
        1 => 0,
        2 => 1,
        3 => 2,
        4 => 3,
        _ => return Err(EventLogError::Register { index, got }),
    };
    let kind = reader.u32("event type")?;
    let count = reader.u32("number of digests")?;
    if count > MAX_ALGORITHMS {
        return Err(EventLogError::Digests { index, got: count });
    }
    let mut digests = Vec::new();
    for _ in 0..count {
        match reader.u16("digest algorithm")? {
            SHA384 => digests.push(reader.fixed("event digest")?),
            algorithm => {
                let bytes = algorithms.digest_bytes(algorithm);
                let bytes = bytes.ok_or(EventLogError::Algorithm { index, algorithm })?;
                reader.slice(bytes, "event digest")?;
            }
        }
    }
    let &[digest] = digests.as_slice() else {
        let got = u32::try_from(digests.len()).unwrap_or(u32::MAX);
        return Err(EventLogError::Digests { index, got });
    };
    let payload = reader.section("event payload")?.rest();
    Ok(RawEvent { index, rtmr, kind, digest, runtime_name: "", payload })
}

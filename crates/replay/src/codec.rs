//! One version byte, then `postcard`: how commits, snapshots and rosters are written.

use serde::{Deserialize, Serialize};

/// Why bytes are not what they claim to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownVersion(u8),
    Malformed,
}

pub(crate) fn encode<T: Serialize>(version: u8, value: &T) -> Vec<u8> {
    let mut out = vec![version];
    #[expect(
        clippy::expect_used,
        reason = "these types hold nothing that postcard refuses"
    )]
    out.extend(postcard::to_stdvec(value).expect("plain data always encodes"));
    out
}

pub(crate) fn decode<T: for<'de> Deserialize<'de>>(
    version: u8,
    bytes: &[u8],
) -> Result<T, Refusal> {
    let (found, body) = bytes.split_first().ok_or(Refusal::Malformed)?;
    if *found != version {
        return Err(Refusal::UnknownVersion(*found));
    }
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        _ => Err(Refusal::Malformed),
    }
}

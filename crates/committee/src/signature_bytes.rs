//! 64 bytes of signature in serde: bare in binary formats, hex in text ones.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) fn serialize<S: Serializer>(bytes: &[u8; 64], out: S) -> Result<S::Ok, S::Error> {
    if out.is_human_readable() {
        return out.serialize_str(&hex::encode(bytes));
    }
    let (head, tail) = bytes.split_at(32);
    let halves: (Option<&[u8; 32]>, Option<&[u8; 32]>) = (head.first_chunk(), tail.first_chunk());
    match halves {
        (Some(head), Some(tail)) => (head, tail).serialize(out),
        _ => Err(serde::ser::Error::custom("64 bytes are two halves")),
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<[u8; 64], D::Error> {
    let mut bytes = [0; 64];
    if input.is_human_readable() {
        let text = String::deserialize(input)?;
        hex::decode_to_slice(&text, &mut bytes)
            .map_err(|_| D::Error::custom("a signature is 128 hex digits"))?;
        return Ok(bytes);
    }
    let halves = <[[u8; 32]; 2]>::deserialize(input)?;
    bytes.iter_mut().zip(halves.as_flattened()).for_each(|(to, from)| *to = *from);
    Ok(bytes)
}

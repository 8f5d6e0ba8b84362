use holobiont_identity::Digest;
use holobiont_identity::framing::{Framed, FramedReader};

use crate::{Damage, Genesis};

const GENESIS_MAGIC: &[u8; 4] = b"HBGN";
const GENESIS_VERSION: u32 = 1;
const MAX_GENESIS_BYTES: u32 = 1024;

/// Opens an envelope; the body is written after it.
pub(super) fn begin(magic: &[u8; 4], version: u32) -> Framed {
    let mut framed = Framed::new();
    framed.fixed(magic).u32(version);
    framed
}

/// Ends an envelope with the hash of all that is in it.
pub(super) fn end(mut framed: Framed) -> Vec<u8> {
    let digest = framed.digest();
    framed.fixed(digest);
    framed.into_bytes()
}

/// The body of an envelope, once magic, version and hash hold.
pub(super) fn body<'a>(
    bytes: &'a [u8],
    magic: &[u8; 4],
    version: u32,
) -> Result<FramedReader<'a>, Damage> {
    check_version(bytes, magic, version)?;
    let Some((content, hash)) = bytes.split_last_chunk::<32>() else {
        return Err(Damage::FileHash);
    };
    if Digest::of(content).as_bytes() != hash {
        return Err(Damage::FileHash);
    }
    let mut reader = FramedReader::new(content);
    reader.fixed::<8>()?;
    Ok(reader)
}

/// Refuses bytes of another format or of an unknown version of this one.
pub(super) fn check_version(bytes: &[u8], magic: &[u8; 4], version: u32) -> Result<(), Damage> {
    let mut reader = FramedReader::new(bytes);
    if reader.fixed::<4>().ok().as_ref() != Some(magic) {
        return Err(Damage::BadMagic);
    }
    match reader.u32() {
        Ok(found) if found == version => Ok(()),
        Ok(found) => Err(Damage::UnknownVersion(found)),
        Err(_) => Err(Damage::Truncated { needed_bytes: 8 }),
    }
}

pub(crate) fn encode_genesis(genesis: &Genesis) -> Vec<u8> {
    let mut framed = begin(GENESIS_MAGIC, GENESIS_VERSION);
    framed.blob(genesis.encode());
    end(framed)
}

pub(crate) fn decode_genesis(bytes: &[u8]) -> Result<Genesis, Damage> {
    let mut reader = body(bytes, GENESIS_MAGIC, GENESIS_VERSION)?;
    let genesis = Genesis::decode(reader.blob(MAX_GENESIS_BYTES)?)?;
    reader.finish()?;
    Ok(genesis)
}

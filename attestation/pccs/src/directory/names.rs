use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use holobiont_attestation::PckCa;
use holobiont_identity::Digest;

use super::{KEPT_SETS, MAX_PLATFORMS};
use crate::StoreError;

/// The most names of one directory that are looked at: ours, and as many again of whatever else.
const MAX_NAMES: usize = (KEPT_SETS + MAX_PLATFORMS) * 2;

/// What a set is for; as text, the name of its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Platform {
    pub(super) fmspc: [u8; 6],
    pub(super) ca: PckCa,
}

impl Platform {
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (fmspc, ca) = name.split_once('-')?;
        let fmspc = <[u8; 6]>::try_from(hex::decode(fmspc).ok()?).ok()?;
        let mut cas = [PckCa::Platform, PckCa::Processor].into_iter();
        let platform = Self { fmspc, ca: cas.find(|it| it.as_str() == ca)? };
        // Other spellings of the hex are other directories.
        (platform.to_string() == name).then_some(platform)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", hex::encode(self.fmspc), self.ca)
    }
}

/// Where a set of this name lies.
pub(super) fn set(directory: &Path, id: &Digest) -> PathBuf {
    directory.join(format!("{id}.json"))
}

/// The set's name in a file's, when it is a set's file.
pub(super) fn id(name: &str) -> Option<Digest> {
    let id = Digest::from_hex(name.strip_suffix(".json")?).ok()?;
    (format!("{id}.json") == name).then_some(id)
}

/// Names in a directory, sorted. One that is no text is nobody's here.
pub(super) fn of_directory(path: &Path) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(StoreError::io("reading", path))? {
        let entry = entry.map_err(StoreError::io("reading", path))?;
        names.extend(entry.file_name().into_string());
        if names.len() > MAX_NAMES {
            let why = format!("it holds more than {MAX_NAMES} names");
            return Err(StoreError::damaged(path, why));
        }
    }
    names.sort();
    Ok(names)
}

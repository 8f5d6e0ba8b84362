//! Small files, read whole and replaced atomically.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use holobiont_identity::{Coalition, MAX_CONFIG_BYTES, Organism, ReplayOrder};

use crate::failure::Failure;

/// Reads text of at most `limit_bytes`.
pub(crate) fn read_text(file: &Path, limit_bytes: u64) -> Result<String, Failure> {
    let bytes = read_bytes(file, limit_bytes)?;
    String::from_utf8(bytes).map_err(|_| Failure::Input {
        file: file.to_owned(),
        place: Default::default(),
        what: "is no UTF-8 text".to_owned(),
        help: "save it as UTF-8",
    })
}

/// Reads at most `limit_bytes`.
pub(crate) fn read_bytes(file: &Path, limit_bytes: u64) -> Result<Vec<u8>, Failure> {
    let opened = File::open(file).map_err(Failure::io(file, "opening"))?;
    let mut bytes = Vec::new();
    opened
        .take(limit_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(Failure::io(file, "reading"))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit_bytes {
        return Err(Failure::Input {
            file: file.to_owned(),
            place: Default::default(),
            what: format!("is larger than {limit_bytes} bytes"),
            help: "name the right file, or split it",
        });
    }
    Ok(bytes)
}

/// Whether nothing is in the way of writing to this folder: it is not there, or is empty.
pub(crate) fn is_free(dir: &Path) -> Result<bool, Failure> {
    match std::fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Failure::io(dir, "listing")(error)),
    }
}

/// Replaces a file: all of it or nothing, and durable.
pub(crate) fn replace(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut name = std::ffi::OsString::from(".");
    name.push(file.file_name().unwrap_or_default());
    name.push(".partial");
    let partial = file.with_file_name(name);
    let mut out = File::create(&partial).map_err(Failure::io(&partial, "creating"))?;
    out.write_all(bytes).and_then(|()| out.sync_all()).map_err(Failure::io(&partial, "writing"))?;
    std::fs::rename(&partial, file).map_err(Failure::io(file, "naming"))?;
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.unwrap_or_else(|| Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Failure::io(dir, "syncing"))
}

/// Reads a config's text; one byte more than is allowed, so that its reader says so.
pub(crate) fn config_text(file: &Path) -> Result<String, Failure> {
    read_text(file, u64::try_from(MAX_CONFIG_BYTES).unwrap_or(u64::MAX).saturating_add(1))
}

/// Reads an `organism.toml`.
pub(crate) fn organism(file: &Path) -> Result<(Organism, String), Failure> {
    let source = config_text(file)?;
    match Organism::parse(&source) {
        Ok(organism) => Ok((organism, source)),
        Err(error) => Err(Failure::config(file, &source, error)),
    }
}

/// Reads a `coalition.toml`.
pub(crate) fn coalition(file: &Path) -> Result<Coalition, Failure> {
    let source = config_text(file)?;
    Coalition::parse(&source).map_err(|error| Failure::config(file, &source, error))
}

/// Reads an `orders.toml`.
pub(crate) fn orders(file: &Path, organism: &Organism) -> Result<Vec<ReplayOrder>, Failure> {
    let source = config_text(file)?;
    ReplayOrder::parse(&source, organism).map_err(|error| Failure::config(file, &source, error))
}

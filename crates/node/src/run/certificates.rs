use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use holobiont_committee::{Certificate, MAX_CERTIFICATE_BYTES};

use crate::failure::Failure;

/// Cuts whose certificates share a file.
const CUTS_A_FILE: u64 = 4_096;
/// What stands before a certificate: its cut and its length.
const HEADER_BYTES: usize = 12;

/// Every certificate that this node has seen made, by cut: the committee's state keeps but the
/// newest.
///
/// `certificates/{first cut}.certificates`: `u64 cut ‖ u32 length ‖ certificate`, in the order in
/// which they were made. What a crash cuts off is told again from the log behind the newest
/// snapshot; what is lost before that, other nodes have.
pub(crate) struct CertificateBook {
    dir: PathBuf,
    open: Mutex<Option<Open>>,
}

/// The file that certificates go to now.
struct Open {
    first: u64,
    file: File,
    held: BTreeMap<u64, Vec<u8>>,
    is_synced: bool,
}

impl CertificateBook {
    /// Opens the folder, and makes it where there is none.
    pub(crate) fn open(dir: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(dir).map_err(Failure::io(dir, "creating"))?;
        Ok(Self { dir: dir.to_owned(), open: Mutex::new(None) })
    }

    /// Keeps one. One that is here already is left as it is.
    pub(crate) fn keep(&self, certificate: &Certificate) -> io::Result<()> {
        let cut = certificate.statement.cut;
        let mut open = self.lock();
        let file = self.file_of(&mut open, cut)?;
        if file.held.contains_key(&cut) {
            return Ok(());
        }
        let bytes = certificate.encode();
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let mut entry = Vec::with_capacity(bytes.len().saturating_add(HEADER_BYTES));
        entry.extend(cut.to_le_bytes());
        entry.extend(length.to_le_bytes());
        entry.extend(&bytes);
        file.file.write_all(&entry)?;
        file.is_synced = false;
        file.held.insert(cut, bytes);
        Ok(())
    }

    /// The certificate of a cut, encoded.
    pub(crate) fn get(&self, cut: u64) -> io::Result<Option<Vec<u8>>> {
        let first = first_of(cut);
        if let Some(open) = self.lock().as_ref().filter(|open| open.first == first) {
            return Ok(open.held.get(&cut).cloned());
        }
        match File::open(self.path(first)) {
            Ok(mut file) => Ok(read(&mut file)?.0.remove(&cut)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes what was kept durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match self.lock().as_mut().filter(|open| !open.is_synced) {
            Some(open) => {
                open.file.sync_data()?;
                open.is_synced = true;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn file_of<'a>(&self, open: &'a mut Option<Open>, cut: u64) -> io::Result<&'a mut Open> {
        let first = first_of(cut);
        if let Some(before) = open.take_if(|open| open.first != first) {
            before.file.sync_data()?;
        }
        match open {
            Some(open) => Ok(open),
            none => {
                let mut options = OpenOptions::new();
                let mut file =
                    options.read(true).append(true).create(true).open(self.path(first))?;
                let (held, whole_bytes) = read(&mut file)?;
                file.set_len(whole_bytes)?;
                Ok(none.insert(Open { first, file, held, is_synced: true }))
            }
        }
    }

    fn path(&self, first: u64) -> PathBuf {
        self.dir.join(format!("{first:020}.certificates"))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn first_of(cut: u64) -> u64 {
    cut.saturating_sub(cut.checked_rem(CUTS_A_FILE).unwrap_or(0))
}

/// The certificates of a file, and the size of those that are whole.
fn read(file: &mut File) -> io::Result<(BTreeMap<u64, Vec<u8>>, u64)> {
    let limit_bytes =
        CUTS_A_FILE.saturating_mul(u64::try_from(MAX_CERTIFICATE_BYTES).unwrap_or(u64::MAX));
    let mut bytes = Vec::new();
    file.take(limit_bytes).read_to_end(&mut bytes)?;
    let (mut held, mut rest, mut whole_bytes) = (BTreeMap::new(), bytes.as_slice(), 0_u64);
    while let Some((cut, length, after)) = header(rest)
        && let Some((encoded, after)) = after.split_at_checked(length)
        && Certificate::decode(encoded).is_ok_and(|certificate| certificate.statement.cut == cut)
    {
        held.insert(cut, encoded.to_vec());
        let entry_bytes = HEADER_BYTES.saturating_add(length);
        whole_bytes = whole_bytes.saturating_add(u64::try_from(entry_bytes).unwrap_or(u64::MAX));
        rest = after;
    }
    Ok((held, whole_bytes))
}

fn header(bytes: &[u8]) -> Option<(u64, usize, &[u8])> {
    let (cut, rest) = bytes.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    Some((u64::from_le_bytes(*cut), length, rest))
}

#[cfg(test)]
mod tests {
    use holobiont_committee::CutStatement;
    use holobiont_identity::Digest;

    use super::*;

    fn certificate(cut: u64) -> Certificate {
        let digest = Digest::of(cut.to_le_bytes());
        let statement = CutStatement {
            content_hash: digest,
            roster_digest: digest,
            cut,
            log_index: cut,
            time_ms: 1,
            log_digest: digest,
            output: None,
            state_digest: digest,
        };
        Certificate { statement, signatures: Vec::new() }
    }

    #[test]
    fn what_was_kept_is_found_again_and_a_torn_end_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let cuts = [1, 2, 4_095, 4_096, 4_097, 9_000];
        let book = CertificateBook::open(dir.path()).unwrap();
        for cut in cuts {
            book.keep(&certificate(cut)).unwrap();
            book.keep(&certificate(cut)).unwrap();
        }
        drop(book);
        let last = dir.path().join(format!("{:020}.certificates", 8_192));
        let whole = std::fs::read(&last).unwrap();
        std::fs::write(&last, [whole.as_slice(), &whole[..whole.len() - 1]].concat()).unwrap();

        let book = CertificateBook::open(dir.path()).unwrap();
        book.keep(&certificate(9_001)).unwrap();
        for cut in cuts.into_iter().chain([9_001]) {
            assert_eq!(book.get(cut).unwrap(), Some(certificate(cut).encode()), "{cut}");
        }
        assert_eq!(book.get(3).unwrap(), None);
        assert_eq!(book.get(u64::MAX).unwrap(), None);
    }
}

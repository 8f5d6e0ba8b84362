use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use holobiont_committee::{ExportReader, ExportStart};
use holobiont_surface::Surface;
use serde::Serialize;

use super::signed::Served;
use crate::exported::Recomputed;
use crate::failure::Failure;
use crate::http::Asking;

/// Another node of the same committee, whose host may be an honest one: a log that was made up agrees
/// with nobody's.
pub(super) struct Other {
    asking: Asking,
    served: Served,
    log: PathBuf,
}

/// What another node's log and results came to.
#[derive(Serialize)]
pub(super) struct Agreement {
    pub(super) url: String,
    /// Entries that both logs have; each is the same in both.
    pub(super) entries_compared: u64,
    /// Cut of its newest certificate, where it could be compared.
    pub(super) certificate_cut: Option<u64>,
    /// Last record of its surface, where what was recomputed goes as far: the head is the same.
    pub(super) head_compared: Option<u64>,
}

impl Other {
    pub(super) const fn new(asking: Asking, served: Served, log: PathBuf) -> Self {
        Self { asking, served, log }
    }

    pub(super) fn fetch(&self) -> Result<(), Failure> {
        self.asking.download("/v1/cuts", &self.log)
    }

    /// Holds it against the log that was audited and what that gave; the first difference is named.
    pub(super) fn compare(
        &self,
        log: &Path,
        recomputed: &Recomputed,
        own: &Surface,
    ) -> Result<Agreement, Failure> {
        let url = self.asking.base().to_owned();
        let entries_compared = compare_logs(&url, log, &self.log)?;
        let certificate_cut = self.served.certificate_agrees(recomputed)?;
        let theirs = self.served.head.head.filter(|head| head.seq < own.next_seq());
        if let Some(theirs) = theirs
            && own.head_at(theirs.seq)? != theirs
        {
            return Err(Failure::Differs {
                what: format!(
                    "{url} serves another history of the organism's surface up to record {}",
                    theirs.seq
                ),
            });
        }
        let head_compared = theirs.map(|head| head.seq);
        Ok(Agreement { url, entries_compared, certificate_cut, head_compared })
    }
}

type Reader = ExportReader<BufReader<File>>;

/// How many entries both logs have, all of them equal. One that begins at a snapshot is compared from
/// there on.
fn compare_logs(url: &str, one: &Path, other: &Path) -> Result<u64, Failure> {
    let (mut ours, mut theirs) = (Reader::open(one)?, Reader::open(other)?);
    let begins_at = theirs.start().log_index();
    let is_first = matches!(theirs.start(), ExportStart::First { .. });
    if is_first && theirs.start() != ours.start() {
        return Err(Failure::Differs {
            what: format!("{url} has a log that begins with another config or roster"),
        });
    }
    let mut compared = 0_u64;
    let mut our = ours.entry()?;
    while our.as_ref().is_some_and(|(index, _)| *index <= begins_at) {
        our = ours.entry()?;
    }
    let mut their = theirs.entry()?;
    while let (Some(one), Some(other)) = (&our, &their) {
        if one != other {
            let index = one.0.min(other.0);
            return Err(Failure::Differs {
                what: format!("{url} has another log: the first difference is entry {index}"),
            });
        }
        compared = compared.saturating_add(1);
        (our, their) = (ours.entry()?, theirs.entry()?);
    }
    Ok(compared)
}

#[cfg(test)]
mod tests {
    use holobiont_committee::{ExportFile, ExportStart};
    use holobiont_identity::Digest;
    use holobiont_policy::Roster;

    use super::*;

    fn log(file: &Path, entries: &[(u64, &[u8])]) {
        let start = ExportStart::First { content_hash: Digest::of("o"), roster: Roster::replay() };
        let mut log = ExportFile::create(file, &start).unwrap();
        for (index, entry) in entries {
            log.entry(*index, entry).unwrap();
        }
        log.finish().unwrap();
    }

    #[test]
    fn the_first_entry_that_two_logs_have_otherwise_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| dir.path().join(name));
        log(&one, &[(1, b"a"), (3, b"b"), (4, b"c")]);
        let compares = |entries: &[(u64, &[u8])]| {
            log(&other, entries);
            compare_logs("http://b", &one, &other).map_err(|error| error.to_string())
        };
        assert_eq!(compares(&[(1, b"a"), (3, b"b")]), Ok(2), "one log is longer");
        assert_eq!(compares(&[(1, b"a"), (3, b"b"), (4, b"c"), (5, b"d")]), Ok(3));
        for (entries, at) in [
            (&[(1, &b"a"[..]), (3, b"x"), (4, b"y")][..], "entry 3"),
            (&[(1, b"a"), (2, b"b")], "entry 2"),
        ] {
            let error = compares(entries).unwrap_err();
            assert!(error.contains("http://b") && error.ends_with(at), "{error}");
        }
    }
}

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use holobiont_archive::{Batch, Sink, SinkError};
use holobiont_committee_fold::{Copies, FoldError};
use holobiont_surface::{Genesis, Head};

/// Space that copies leave to the committee's log and snapshots, in bytes.
const RESERVE_BYTES: u64 = 64 << 20;

/// One member's copy, as a follower writes it; good for one follower.
///
/// The fold may cut the copy back while the follower reads: what it reads then follows on nothing.
/// So records go in under their numbers, and the copy refuses those that are not due.
pub(crate) struct CopySink {
    copies: Arc<Copies>,
    place: u16,
    genesis: Genesis,
    /// Where this node's files are.
    data_dir: PathBuf,
    /// How far the copy may be ahead of the fold, in bytes; none for what the committee has agreed on.
    ahead_bytes: Option<u64>,
    /// The record that this follower brings next; none before it has asked.
    due: Mutex<Option<u64>>,
}

impl CopySink {
    pub(crate) fn new(
        copies: Arc<Copies>,
        place: u16,
        genesis: Genesis,
        data_dir: PathBuf,
        ahead_bytes: Option<u64>,
    ) -> Arc<Self> {
        Arc::new(Self { copies, place, genesis, data_dir, ahead_bytes, due: Mutex::default() })
    }

    /// Records that were not folded yet: a member that floods may not fill the disk with them.
    fn is_full(&self) -> Option<String> {
        let limit_bytes = self.ahead_bytes?;
        let ahead_bytes = self.copies.ahead_bytes(self.place);
        (ahead_bytes >= limit_bytes).then(|| {
            format!(
                "{ahead_bytes} bytes of records are copied and not folded yet; [budget] ahead_bytes \
                 allows {limit_bytes}"
            )
        })
    }

    /// Free space under which no records come in: a member that floods may not stop the log.
    fn has_room(&self) -> bool {
        rustix::fs::statvfs(&self.data_dir)
            .map_or(true, |stat| stat.f_bavail.saturating_mul(stat.f_frsize) >= RESERVE_BYTES)
    }
}

impl Sink for CopySink {
    fn genesis(&self) -> Genesis {
        self.genesis.clone()
    }

    fn next_seq(&self) -> u64 {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        *due.get_or_insert_with(|| self.copies.next_seq(self.place))
    }

    fn append_batch(&self, batch: &Batch) -> Result<(), SinkError> {
        if !self.has_room() {
            let why = format!("less than {RESERVE_BYTES} bytes are free, which are for the log");
            return Err(SinkError::Failed { why, out_of_space: true });
        }
        if let Some(why) = self.is_full() {
            return Err(SinkError::Full { why });
        }
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        // After a refusal the copy is asked again where it goes on: it may have been cut back.
        let appended = self.copies.append_stored(self.place, batch.stored());
        *due = appended.as_ref().ok().copied();
        appended.map(drop).map_err(refused)
    }

    fn sync(&self) -> Result<Option<Head>, SinkError> {
        self.copies.sync(self.place).map_err(refused)
    }
}

fn refused(error: FoldError) -> SinkError {
    match error {
        FoldError::Copy { source, .. } => source.into(),
        other => {
            let out_of_space = other.is_out_of_space();
            SinkError::Failed { why: other.to_string(), out_of_space }
        }
    }
}

#[cfg(test)]
mod tests {
    use holobiont_archive::RecordReader;
    use holobiont_committee_fold::CopyOptions;
    use holobiont_identity::Organism;
    use holobiont_surface::NewRecord;

    use super::*;

    fn batch(genesis: &Genesis, seq: u64) -> Batch {
        let payload = [7; 1_000];
        let mut stored = Vec::new();
        let record =
            NewRecord { clock: seq, closes_clock: true, time_ms: 0, kind: 1, payload: &payload };
        record.encode_into(seq, &mut stored).unwrap();
        let mut reader = RecordReader::new(genesis, seq);
        reader.push(&stored);
        reader.take().unwrap().unwrap()
    }

    #[test]
    fn a_member_that_floods_is_not_read_on_but_for_what_was_agreed() {
        let organism = Organism::parse(
            "version = 1\nname = \"test\"\nprogram = { name = \"cross-feed\", version = 1 }\n\
             policy = { max_advance = 10 }\n\
             member = [{ name = \"a\", stable_id = \"a\", surface = \"s\" }]\n",
        );
        let (organism, dir) = (Arc::new(organism.unwrap()), tempfile::tempdir().unwrap());
        let (copies, _) = Copies::open(&organism, dir.path(), CopyOptions::default()).unwrap();
        let genesis = copies.genesis(0).unwrap();
        let copies = Arc::new(copies);
        let sink = |ahead_bytes| {
            let (copies, dir) = (Arc::clone(&copies), dir.path().to_owned());
            CopySink::new(copies, 0, genesis.clone(), dir, ahead_bytes)
        };
        let (follows, fetches) = (sink(Some(10_000)), sink(None));
        let mut taken = 0;
        let full = loop {
            match follows.append_batch(&batch(&genesis, taken)) {
                Ok(()) => taken += 1,
                Err(error) => break error,
            }
            follows.sync().unwrap();
        };
        assert!((9..=10).contains(&taken), "{taken} records of a little over 1,000 bytes");
        assert!(matches!(&full, SinkError::Full { why } if why.contains("ahead_bytes")), "{full}");
        fetches.append_batch(&batch(&genesis, taken)).unwrap();
        fetches.sync().unwrap();
        assert_eq!(copies.next_seq(0), taken + 1);
    }
}

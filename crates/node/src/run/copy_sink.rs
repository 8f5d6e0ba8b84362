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
    /// The record that this follower brings next; none before it has asked.
    due: Mutex<Option<u64>>,
}

impl CopySink {
    pub(crate) fn new(
        copies: Arc<Copies>,
        place: u16,
        genesis: Genesis,
        data_dir: PathBuf,
    ) -> Arc<Self> {
        Arc::new(Self { copies, place, genesis, data_dir, due: Mutex::default() })
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

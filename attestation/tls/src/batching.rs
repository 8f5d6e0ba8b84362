use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use holobiont_attestation::{
    Batch, Evidence, Leaf, MAX_BATCH_LEAVES, ProviderKind, QuoteProvider, ReportData, TlsBinding,
};

use crate::prover::same_trust;
use crate::{Prover, ProverError};

/// When a gathered batch is quoted: as soon as `leaves` connections wait, or when the first has
/// waited for `gather_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gather {
    /// This many waiting connections are quoted at once, 1 to [`MAX_BATCH_LEAVES`]. A committee's
    /// node knows it: its peers.
    pub leaves: usize,
    /// The longest that a connection waits for others, in milliseconds.
    pub gather_ms: u64,
}

/// Answers all connections that wait by one quote over the Merkle root of their leaves.
///
/// A guest makes one quote at a time and takes up to a second over it. Whoever comes while one is
/// being made goes into the next. Freshness and binding are each peer's own: its nonce and its
/// exporter are in its leaf. A connection that is alone gets a plain quote.
pub struct BatchingProver {
    provider: Arc<dyn QuoteProvider>,
    gather: Gather,
    desk: Mutex<Desk>,
    moved: Condvar,
}

#[derive(Default)]
struct Desk {
    /// Number of the batch that gathers now.
    batch: u64,
    waiting: Vec<Waiting>,
    quoting: bool,
    /// Finished batches, each until its last member has taken its answer.
    done: BTreeMap<u64, Finished>,
}

struct Waiting {
    leaf: Leaf,
    report_data: ReportData,
}

struct Finished {
    result: Result<Quoted, ProverError>,
    members_left: usize,
}

struct Quoted {
    quote: Vec<u8>,
    event_log: Option<Vec<u8>>,
    /// None where the only member got a plain quote.
    batch: Option<Batch>,
}

impl BatchingProver {
    /// A prover over this guest's quotes. `gather.leaves` is brought within its bounds.
    pub fn new(provider: Arc<dyn QuoteProvider>, gather: Gather) -> Self {
        let leaves = gather.leaves.clamp(1, MAX_BATCH_LEAVES);
        let gather = Gather { leaves, ..gather };
        Self { provider, gather, desk: Mutex::default(), moved: Condvar::new() }
    }

    /// The first of a batch leads it: waits for others and for the quote before, then makes this
    /// one. The answers are there when it returns.
    fn lead<'a>(&'a self, mut desk: MutexGuard<'a, Desk>) -> MutexGuard<'a, Desk> {
        let gather = Duration::from_millis(self.gather.gather_ms);
        let started = Instant::now();
        loop {
            let left = gather.saturating_sub(started.elapsed());
            let full = desk.waiting.len() >= self.gather.leaves || left.is_zero();
            desk = match (desk.quoting, full) {
                (true, _) => self.wait(desk),
                (false, true) => break,
                (false, false) => {
                    let waited = self.moved.wait_timeout(desk, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        let members = std::mem::take(&mut desk.waiting);
        let batch = desk.batch;
        desk.batch = batch.wrapping_add(1);
        desk.quoting = true;
        self.moved.notify_all();
        drop(desk);

        let mut answer = Answer {
            prover: self,
            batch,
            members: members.len(),
            result: Err(ProverError::Abandoned),
        };
        answer.result = self.quote(members);
        drop(answer);
        self.lock()
    }

    fn quote(&self, members: Vec<Waiting>) -> Result<Quoted, ProverError> {
        let (report_data, batch) = match <[Waiting; 1]>::try_from(members) {
            Ok([only]) => (only.report_data, None),
            Err(members) => {
                let leaves = members.into_iter().map(|it| it.leaf).collect();
                let batch = Batch::new(leaves, self.simulated())
                    .map_err(|source| ProverError::Batch { source: Arc::new(source) })?;
                (batch.report_data(), Some(batch))
            }
        };
        let quote = self.provider.quote(&report_data).map_err(ProverError::provider)?;
        let event_log = self.provider.event_log().map_err(ProverError::provider)?;
        Ok(Quoted { quote, event_log, batch })
    }

    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, desk: MutexGuard<'a, Desk>) -> MutexGuard<'a, Desk> {
        self.moved.wait(desk).unwrap_or_else(PoisonError::into_inner)
    }
}

impl Prover for BatchingProver {
    fn simulated(&self) -> bool {
        self.provider.kind() == ProviderKind::Simulated
    }

    fn evidence(&self, binding: &TlsBinding) -> Result<Evidence, ProverError> {
        same_trust(&*self.provider, binding)?;
        let mut desk = self.lock();
        while desk.waiting.len() >= MAX_BATCH_LEAVES {
            desk = self.wait(desk);
        }
        let (batch, index) = (desk.batch, desk.waiting.len());
        desk.waiting.push(Waiting { leaf: binding.leaf(), report_data: binding.report_data() });
        self.moved.notify_all();
        if index == 0 {
            desk = self.lead(desk);
        }
        loop {
            if let Some(answer) = desk.take(batch, index) {
                return answer;
            }
            desk = self.wait(desk);
        }
    }
}

impl Desk {
    fn take(&mut self, batch: u64, index: usize) -> Option<Result<Evidence, ProverError>> {
        let finished = self.done.get_mut(&batch)?;
        let answer = match &finished.result {
            Ok(quoted) => quoted.evidence(index),
            Err(error) => Err(error.clone()),
        };
        finished.members_left = finished.members_left.saturating_sub(1);
        if finished.members_left == 0 {
            self.done.remove(&batch);
        }
        Some(answer)
    }
}

impl Quoted {
    fn evidence(&self, index: usize) -> Result<Evidence, ProverError> {
        let path = |batch: &Batch| batch.path(index).ok_or(ProverError::Abandoned);
        let batch = self.batch.as_ref().map(path).transpose()?;
        Ok(Evidence { quote: self.quote.clone(), event_log: self.event_log.clone(), batch })
    }
}

/// Hands out a batch's result when it goes out of scope, so that nobody waits for ever for a
/// provider that panicked.
struct Answer<'a> {
    prover: &'a BatchingProver,
    batch: u64,
    members: usize,
    result: Result<Quoted, ProverError>,
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        let result = std::mem::replace(&mut self.result, Err(ProverError::Abandoned));
        // A leader that panics will not come for its own answer.
        let members_left = self.members.saturating_sub(usize::from(std::thread::panicking()));
        let mut desk = self.prover.lock();
        desk.quoting = false;
        if members_left > 0 {
            desk.done.insert(self.batch, Finished { result, members_left });
        }
        drop(desk);
        self.prover.moved.notify_all();
    }
}

impl std::fmt::Debug for BatchingProver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchingProver")
            .field("provider", &self.provider.kind())
            .field("gather", &self.gather)
            .finish_non_exhaustive()
    }
}

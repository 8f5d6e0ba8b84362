use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use holobiont_identity::UniqueId;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout_at;

use crate::commands::dev::network::layout::NodeAt;
use crate::commands::dev::network::watch::{Seen, Watch};
use crate::failure::Failure;
use crate::run::told::Told;

/// Nothing here takes longer, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(300);

/// What one node says, asked again and again.
pub(super) struct Progress {
    name: String,
    latest: watch::Receiver<Latest>,
    samples: Arc<Mutex<Vec<Sample>>>,
    _following: JoinSet<()>,
}

/// What a node said last.
#[derive(Debug, Clone, Default)]
pub(super) struct Latest {
    pub(super) seen: Seen,
    /// The clock event up to which everything was certified. Cuts may come between two answers: then
    /// it is an earlier one.
    pub(super) certified: u64,
}

/// One answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) at: Instant,
    /// The clock event and the cut up to which everything was certified.
    pub(super) certified: u64,
    pub(super) cut: u64,
    pub(super) leader: Option<UniqueId>,
    pub(super) term: u64,
}

impl Progress {
    /// Asks a node, with so much time between two questions.
    pub(super) fn of(node: &NodeAt, every: Duration) -> Result<Self, Failure> {
        let watch = Watch::new([node], every);
        let seen = watch.node(0).ok_or_else(|| silent(&node.name))?;
        let (sender, latest) = watch::channel(Latest::default());
        let samples = Arc::default();
        let mut following = JoinSet::new();
        following.spawn(follow(seen, sender, Arc::clone(&samples), watch));
        Ok(Self { name: node.name.clone(), latest, samples, _following: following })
    }

    pub(super) fn latest(&self) -> Latest {
        self.latest.borrow().clone()
    }

    /// The next answer for which this is so.
    pub(super) async fn until<T>(
        &mut self,
        what: &str,
        mut is_so: impl FnMut(&Told, u64) -> Option<T>,
    ) -> Result<T, Failure> {
        let until = tokio::time::Instant::now() + PATIENCE;
        while let Ok(Ok(())) = timeout_at(until, self.latest.changed()).await {
            let latest = self.latest.borrow_and_update();
            let Some(told) = latest.seen.told.as_ref().filter(|_| latest.seen.answers) else {
                continue;
            };
            if let Some(failed) = &told.failed {
                return Err(Failure::Stopped { what: format!("{}: {failed}", self.name) });
            }
            if let Some(so) = is_so(told, latest.certified) {
                return Ok(so);
            }
        }
        let latest = self.latest();
        let told = latest.seen.told.as_ref().map(|told| {
            let certified = told.certified.as_ref().map_or(0, |it| it.cut);
            format!("cut {}, folded {}, certified {certified}", told.cut, told.folded_cut)
        });
        let says = told.unwrap_or_else(|| "it says nothing".to_owned());
        Err(Failure::Differs { what: format!("{} {what}: {says}", self.name) })
    }

    /// Waits until everything up to this clock event is certified; what was said then.
    pub(super) async fn certifies(&mut self, clock: u64) -> Result<Told, Failure> {
        let what = format!("does not certify clock event {clock}");
        self.until(&what, |told, certified| (certified >= clock).then(|| told.clone())).await
    }

    /// The answers since the last call.
    pub(super) fn take_samples(&self) -> Vec<Sample> {
        std::mem::take(&mut self.samples.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same, and they stay.
    pub(super) fn samples(&self) -> Vec<Sample> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn follow(
    mut seen: watch::Receiver<Seen>,
    latest: watch::Sender<Latest>,
    samples: Arc<Mutex<Vec<Sample>>>,
    _watch: Watch,
) {
    let mut watermarks = Watermarks::default();
    while seen.changed().await.is_ok() {
        let at = Instant::now();
        let seen = seen.borrow_and_update().clone();
        if let Some(told) = seen.told.as_ref().filter(|_| seen.answers) {
            watermarks.note(told);
            let sample = Sample {
                at,
                certified: watermarks.certified,
                cut: told.certified.as_ref().map_or(0, |it| it.cut),
                leader: told.leader,
                term: told.term,
            };
            samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
        }
        latest.send_replace(Latest { seen, certified: watermarks.certified });
    }
}

/// The watermark of each cut that has no certificate yet, as it was seen.
#[derive(Debug, Default)]
struct Watermarks {
    open: BTreeMap<u64, u64>,
    certified: u64,
}

impl Watermarks {
    fn note(&mut self, told: &Told) {
        if let Some(watermark) = told.watermark {
            self.open.insert(told.cut, watermark);
        }
        if let Some(certified) = &told.certified {
            self.certify(certified.cut);
        }
    }

    fn certify(&mut self, cut: u64) {
        let open = self.open.split_off(&cut.saturating_add(1));
        let closed = std::mem::replace(&mut self.open, open);
        let newest = closed.last_key_value().map_or(0, |(_, watermark)| *watermark);
        self.certified = self.certified.max(newest);
    }
}

fn silent(name: &str) -> Failure {
    Failure::Silent { what: format!("{name} does not answer") }
}

#[cfg(test)]
mod tests {
    use super::Watermarks;

    #[test]
    fn a_cut_that_was_not_seen_counts_as_the_one_before() {
        let mut watermarks = Watermarks::default();
        watermarks.open.extend([(3, 30), (5, 50), (6, 60)]);
        let certified = [2, 4, 4, 5, 9].map(|cut| {
            watermarks.certify(cut);
            watermarks.certified
        });
        assert_eq!(certified, [0, 30, 30, 50, 60]);
    }
}

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use holobiont_archive::Stop;
use holobiont_committee_fold::{Aside, aside_of_output};
use holobiont_committee_raft::Signing;
use holobiont_replay::Snapshot;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::links::Links;
use super::running::Running;
use super::terms::TermBook;

/// How often everything is looked at that no change announces, in milliseconds.
const LOOK_MS: u64 = 250;
/// The least time between two looks, in milliseconds.
const LEAST_LOOK_MS: u64 = 20;
/// How often files are synced and budgets held, in milliseconds.
const TIDY_MS: u64 = 2_000;
/// How often peers are greeted, in milliseconds: well within the time that an idle connection has.
const GREET_MS: u64 = 20_000;
/// So many of the newest files and folders that were put aside are kept of each surface, whatever the
/// budget: they may be all that shows what a source or a host did.
const KEPT_ASIDE: usize = 3;
/// Steps of the log that one look archives at most.
const MAX_STEPS: usize = 64;

/// Why a node ends by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// A newer boot of it was admitted.
    Fenced,
    /// Its log, its fold or its disk.
    Failed(String),
    /// Its disk differs from what the committee has.
    Contradicted(String),
}

/// What a node does beside its part in the committee: archives the log, checks enrolments, follows
/// rosters and configs with its connections, keeps within its disk.
pub(crate) struct Keeper {
    pub(crate) running: Arc<Running>,
    pub(crate) terms: Arc<TermBook>,
    pub(crate) links: Links,
    /// Organism time for the clock that verdicts are judged at, in seconds.
    pub(crate) time_s: Arc<AtomicU64>,
    pub(crate) disk_bytes: u64,
    pub(crate) end: watch::Sender<Option<End>>,
    pub(crate) stop: Stop,
}

impl Keeper {
    pub(crate) async fn run(self) {
        let keeper = Arc::new(self);
        let mut changes = keeper.running.node.changes();
        let mut tidied = Instant::now();
        let mut greeted = Instant::now();
        while !keeper.stop.is_stopped() {
            keeper.look();
            if greeted.elapsed() >= Duration::from_millis(GREET_MS) {
                greeted = Instant::now();
                keeper.links.greet();
            }
            let here = Arc::clone(&keeper);
            let tidy = tidied.elapsed() >= Duration::from_millis(TIDY_MS);
            if tidy {
                tidied = Instant::now();
            }
            let kept = tokio::task::spawn_blocking(move || here.keep(tidy)).await;
            if kept.is_err() {
                tracing::error!("the log's archive is not kept: a thread ended early");
            }
            sleep(Duration::from_millis(LEAST_LOOK_MS)).await;
            tokio::select! {
                () = sleep(Duration::from_millis(LOOK_MS)) => {}
                changed = changes.changed() => if changed.is_err() { return },
                () = keeper.stop.stopped() => {}
            }
        }
        // What came last is kept too.
        let here = Arc::clone(&keeper);
        let _ = tokio::task::spawn_blocking(move || here.keep(true)).await;
    }

    fn look(&self) {
        let node = &self.running.node;
        let status = node.status();
        self.time_s.fetch_max(status.time_ms / 1_000, Ordering::Relaxed);
        // A node that is fenced stops its work, and says that too.
        if status.signing == Signing::Fenced {
            self.end.send_replace(Some(End::Fenced));
        } else if let Some(why) = status.failed {
            let end = match status.signing {
                Signing::Contradicted { .. } => End::Contradicted(why),
                _ => End::Failed(why),
            };
            self.end.send_replace(Some(end));
        }
        let (organism, roster, number) = node.with_machine(|machine| {
            let organism = Arc::clone(machine.organism());
            (organism, machine.roster().clone(), machine.roster_number())
        });
        self.terms.hears(node.heard_nodes());
        if self.terms.stands(&organism, &roster, number) {
            let content_hash = organism.content_hash();
            tracing::info!(%content_hash, number, "connections are made anew, under new terms");
            self.links.reconnect();
            self.links.greet();
        }
    }

    /// Everything that writes files.
    fn keep(&self, tidy: bool) {
        if let Err(error) = self.archive() {
            tracing::error!(error, "the committee's log cannot be archived");
        }
        let running = &self.running;
        if let Some(view) = running.node.output() {
            running.output.has_grown(view);
        }
        let head = running.node.with_machine(|machine| {
            machine.latest_certificate().and_then(|it| it.statement.output)
        });
        let differs = running.node.status().signing.differs();
        if let Some(head) = head.filter(|_| !differs)
            && let Err(error) = running.output.certify(head)
        {
            tracing::debug!(%error, "the certified commits are not here yet");
        }
        if tidy {
            self.tidy();
        }
    }

    fn archive(&self) -> Result<(), String> {
        let (node, log) = (&self.running.node, &self.running.log);
        for _ in 0..MAX_STEPS {
            let from = log.next_index();
            let entries = node.entries(from).map_err(|error| error.to_string())?;
            let Some((first, _)) = entries.first() else { return Ok(()) };
            if *first > from {
                let newest = node.newest_snapshot().map_err(|error| error.to_string())?;
                let newest = newest.ok_or("the log was pruned, and there is no snapshot")?;
                tracing::warn!(from, "the archived log begins anew at this node's snapshot");
                log.begin_anew(&newest).map_err(|error| error.to_string())?;
                continue;
            }
            log.append(&entries).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn tidy(&self) {
        let running = &self.running;
        let synced = running.certificates.sync().and_then(|()| running.log.sync());
        if let Err(error) = synced {
            tracing::error!(%error, "archives cannot be made durable");
        }
        if let Err(error) = running.trust.keep_marks() {
            tracing::error!(%error, "the marks cannot be kept");
        }
        // Folders are listed once for both.
        let aside: BTreeMap<u16, Vec<Aside>> =
            running.places().map(|place| (place, self.aside(place))).collect();
        self.drop_records(&aside);
        self.drop_aside(&aside);
    }

    /// Records that a restart does not read again go, where a copy is over its budget.
    fn drop_records(&self, aside: &BTreeMap<u16, Vec<Aside>>) {
        let running = &self.running;
        let over: Vec<_> = running
            .copy_bytes()
            .into_iter()
            .map(|(place, bytes)| (place, bytes.saturating_add(total(of(aside, place)))))
            .filter(|(_, bytes)| *bytes > self.disk_bytes)
            .collect();
        if over.is_empty() {
            return;
        }
        let newest = running.node.newest_snapshot();
        let Ok(Some(newest)) = newest else { return };
        let Ok(snapshot) = Snapshot::decode(&newest.replay) else { return };
        for (place, bytes) in over {
            // What a restart from the newest snapshot does not read again may go.
            let position = snapshot.positions.get(usize::from(place));
            let before_seq = position.map_or(0, |position| position.next_seq);
            match running.copies.retain(place, before_seq) {
                Ok(earliest) => tracing::debug!(place, bytes, earliest, "old records are dropped"),
                Err(error) => tracing::error!(place, %error, "old records cannot be dropped"),
            }
        }
    }

    /// What was put aside goes, but for the newest, where the operator's budget asks for it.
    fn drop_aside(&self, aside: &BTreeMap<u16, Vec<Aside>>) {
        let running = &self.running;
        for (place, bytes) in running.copy_bytes() {
            self.drop_oldest(bytes, of(aside, place));
        }
        let output_dir = running.data_dir.join("output");
        match aside_of_output(&output_dir) {
            Ok(aside) if aside.is_empty() => {}
            Ok(aside) => self.drop_oldest(running.output.size_bytes(), &aside),
            Err(error) => tracing::error!(%error, "what was put aside cannot be looked at"),
        }
    }

    fn aside(&self, place: u16) -> Vec<Aside> {
        self.running.copies.aside(place).unwrap_or_else(|error| {
            tracing::error!(place, %error, "what was put aside cannot be looked at");
            Vec::new()
        })
    }

    fn drop_oldest(&self, kept_bytes: u64, aside: &[Aside]) {
        let sizes: Vec<u64> = aside.iter().map(|it| it.size_bytes).collect();
        for old in aside.iter().take(too_many(kept_bytes, &sizes, self.disk_bytes)) {
            let (path, bytes) = (old.path.display(), old.size_bytes);
            match old.remove() {
                Ok(()) => tracing::warn!(
                    %path,
                    bytes,
                    "removed for [budget] disk_bytes: it was put aside as another history, and newer \
                     ones are kept"
                ),
                Err(error) => tracing::error!(%path, %error, "what was put aside stays"),
            }
        }
    }
}

fn of(aside: &BTreeMap<u16, Vec<Aside>>, place: u16) -> &[Aside] {
    aside.get(&place).map_or(&[], Vec::as_slice)
}

fn total(aside: &[Aside]) -> u64 {
    aside.iter().map(|it| it.size_bytes).fold(0, u64::saturating_add)
}

/// How many of the oldest have to go, so that with what is kept all is within the budget; the newest
/// [`KEPT_ASIDE`] stay in any case.
fn too_many(kept_bytes: u64, sizes: &[u64], budget_bytes: u64) -> usize {
    let mut bytes = sizes.iter().copied().fold(kept_bytes, u64::saturating_add);
    let removable = sizes.len().saturating_sub(KEPT_ASIDE);
    let goes = sizes.iter().take(removable).take_while(|size| {
        let is_over = bytes > budget_bytes;
        bytes = bytes.saturating_sub(**size);
        is_over
    });
    goes.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_was_put_aside_only_the_oldest_go_and_only_for_the_budget() {
        let sizes = [40, 30, 20, 10, 10];
        assert_eq!(too_many(100, &sizes, 210), 0, "there is room");
        assert_eq!(too_many(100, &sizes, 209), 1);
        assert_eq!(too_many(100, &sizes, 170), 1);
        assert_eq!(too_many(100, &sizes, 169), 2);
        assert_eq!(too_many(100, &sizes, 0), 2, "the newest stay");
        assert_eq!(too_many(100, &sizes[2..], 0), 0);
    }
}

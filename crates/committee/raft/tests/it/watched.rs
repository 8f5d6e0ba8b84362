//! What is seen of a run, and held against what must hold.

use std::sync::PoisonError;

use holobiont_committee::MachineEvent;
use holobiont_committee_raft::Signing;
use holobiont_identity::UniqueId;

use crate::host::Host;
use crate::invariants::{Invariants, no_panic};
use crate::places::Boot;
use crate::world::World;

/// What the run has seen so far.
#[derive(Default)]
pub(crate) struct Watched {
    pub(crate) invariants: Invariants,
    /// The first thing that did not hold.
    pub(crate) broken: Option<String>,
    /// Events of the logs as each boot told them, not looked at yet: its name, the log index.
    pub(crate) heard: Vec<(String, u64, MachineEvent)>,
    /// Those that were looked at.
    pub(crate) told: Vec<(String, MachineEvent)>,
}

impl Watched {
    pub(crate) fn hold(&mut self, verdict: Result<(), String>) {
        if let Err(why) = verdict {
            self.broken.get_or_insert_with(|| format!("at {} ms: {why}", Host::now_ms()));
        }
    }
}

impl World {
    /// Looks at every boot: what it has committed, certified and decided.
    pub(crate) fn look(&mut self) {
        let quorum = self.roster.majority();
        let Self { places, watched, .. } = self;
        let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, _, event) in watched.heard.split_off(0) {
            if let MachineEvent::Certified(certificate) = &event {
                let verdict = watched.invariants.one_certificate.saw(&name, certificate, quorum);
                watched.hold(verdict);
                watched.invariants.acknowledged.saw(&certificate.statement);
            }
            if let MachineEvent::Split { cut } = &event {
                watched.hold(Err(format!("{name} finds the committee split at cut {cut}")));
            }
            watched.told.push((name, event));
        }
        for place in places.iter_mut() {
            for boot in &mut place.boots {
                if place.is_forged {
                    watched.hold(no_panic(&boot.name, &boot.computer));
                    continue;
                }
                boot.look(&place.id, &mut watched);
            }
        }
    }
}

impl Boot {
    fn look(&mut self, id: &UniqueId, watched: &mut Watched) {
        let Self { name, computer, node, next_entry, .. } = self;
        watched.hold(no_panic(name, computer));
        let status = node.status();
        watched.hold(watched.invariants.minority.saw(id, name, status.committed));
        let verdict =
            node.with_machine(|machine| watched.invariants.statuses_agree.saw(name, machine));
        watched.hold(verdict);
        if let Some(why) =
            status.failed.as_ref().filter(|_| !self.may_fail && status.signing != Signing::Fenced)
        {
            watched.hold(Err(format!("{name} has failed: {why}")));
        }
        if let Signing::Diverged { cut } = status.signing {
            watched.hold(Err(format!("{name} has diverged at cut {cut}")));
        }
        // Entries that a snapshot has taken the place of are not there.
        let Ok(entries) = node.entries(*next_entry) else {
            *next_entry = watched.invariants.logs_agree.end();
            return;
        };
        for (index, payload) in entries {
            *next_entry = index + 1;
            let payload = payload.map(|payload| payload.0);
            let verdict = watched.invariants.logs_agree.saw(name, index, payload);
            watched.hold(verdict);
        }
    }
}

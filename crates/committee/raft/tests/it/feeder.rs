//! What brings members' records to a node: its sources, and its peers where it has none.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use holobiont_committee_fold::{Copies, Need};
use holobiont_identity::UniqueId;
use holobiont_policy::Unavailable;
use holobiont_surface::Surface;

use crate::dice::Dice;
use crate::host::{Computer, Host};
use crate::member::{Members, Owned, Told};
use crate::net::{Line, SimulatedNode};

/// The most records that a source hands over at once.
const BATCH: usize = 64;
const EVERY_MS: u64 = 8;

/// The copies of all nodes that run, by the boot: peers read records from them.
#[derive(Default)]
pub(crate) struct Shelves(Mutex<BTreeMap<u64, (UniqueId, Weak<Copies>)>>);

impl Shelves {
    fn inside(&self) -> MutexGuard<'_, BTreeMap<u64, (UniqueId, Weak<Copies>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put(&self, line: &Line, copies: &Arc<Copies>) {
        self.inside().insert(line.boot, (line.id, Arc::downgrade(copies)));
    }

    pub(crate) fn remove(&self, boot: u64) {
        self.inside().remove(&boot);
    }

    /// Those that a node can reach.
    fn around(&self, line: &Line) -> Vec<Arc<Copies>> {
        let inside = self.inside();
        let others =
            inside.values().filter(|(id, _)| *id != line.id && line.net.reaches(line.id, *id));
        others.filter_map(|(_, copies)| copies.upgrade()).collect()
    }
}

/// Carries records to one boot of a node.
#[derive(Clone)]
pub(crate) struct Feeder {
    pub(crate) number: usize,
    pub(crate) line: Line,
    pub(crate) node: SimulatedNode,
    pub(crate) copies: Arc<Copies>,
    pub(crate) members: Arc<Members>,
    pub(crate) shelves: Arc<Shelves>,
}

impl Feeder {
    /// Feeds for as long as the computer runs.
    pub(crate) fn start(self, computer: &Arc<Computer>, dice: &mut Dice) {
        for member in 0..self.members.count() {
            let genesis = self.members.genesis(member);
            let place = u16::try_from(member).expect("few members");
            self.copies.found(place, &genesis).expect("the copy's genesis");
            let (feeder, mut dice) = (self.clone(), dice.fork());
            computer.spawn(async move {
                loop {
                    Host::wait_ms(dice.within(1..=2 * EVERY_MS)).await;
                    feeder.follow(place);
                }
            });
        }
        computer.spawn(async move {
            loop {
                Host::wait_ms(EVERY_MS).await;
                for need in self.node.needs() {
                    self.fill(&need);
                }
            }
        });
    }

    /// The next records from the node's own source.
    fn follow(&self, member: u16) {
        let place = usize::from(member);
        let own = self.copies.durable(member);
        let told = self.members.ask(place, self.number, own, BATCH);
        match told {
            Told::Records(records) => {
                self.take(member, &records);
                self.node.unavailable(member, None);
            }
            Told::Silence | Told::Other => {
                self.node.unavailable(member, Some(Unavailable::Source));
            }
            Told::Gone(gone) => {
                self.node.gap(member, gone.earliest, gone.head_before, gone.closed_before);
                let resume_from =
                    self.node.with_machine(|machine| machine.policy().members()[place].resume_from);
                // The committee has gone past it, or a snapshot has: the copy begins anew behind the
                // gap.
                let from = resume_from.max(self.copies.taken_to(member));
                if from >= gone.earliest {
                    self.restart(member, from);
                }
            }
        }
    }

    /// Records that the committee has agreed on and that this node lacks.
    fn fill(&self, need: &Need) {
        let place = usize::from(need.member);
        let from = self.copies.next_seq(need.member);
        if from > need.seq {
            return;
        }
        let records = self.members.fetch(place, self.number, from, need.seq, &need.head);
        if !records.is_empty() {
            return self.take(need.member, &records);
        }
        for peer in self.shelves.around(&self.line) {
            if let Some(records) = of_peer(&peer, need, from) {
                return self.take(need.member, &records);
            }
        }
        // Nobody has what lies between any more.
        if from < need.from_seq {
            self.restart(need.member, need.from_seq);
        }
    }

    /// The copy goes on at `seq`: what is before is gone for all.
    fn restart(&self, member: u16, seq: u64) {
        if self.copies.next_seq(member) < seq {
            self.members.start_at(usize::from(member), self.number, seq, |start| {
                self.copies.restart_at(member, start).expect("a copy begins anew");
            });
        }
    }

    fn take(&self, member: u16, records: &[Owned]) {
        if records.is_empty() {
            return;
        }
        let records: Vec<_> = records.iter().map(Owned::as_new).collect();
        // A peer's records may not follow on a copy that is to be cut back first.
        if self.copies.append(member, &records).is_ok() {
            self.copies.sync(member).expect("the copy is synced");
        }
    }
}

fn of_peer(peer: &Copies, need: &Need, from: u64) -> Option<Vec<Owned>> {
    let view: Surface = peer.view(need.member).ok()?;
    if view.head_at(need.seq).ok()?.hash != need.head {
        return None;
    }
    let mut cursor = view.cursor(from).ok()?;
    let mut records = Vec::new();
    while cursor.next_seq() <= need.seq {
        let record = cursor.next_record().ok()??;
        records.push(Owned::of(&record));
    }
    Some(records)
}

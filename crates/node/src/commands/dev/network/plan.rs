//! Which faults happen when: a function of the seed.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::links::Place;

/// Something that goes wrong for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// These processes are killed, and started again when it is over.
    Kill(Vec<Place>),
    /// This process is stopped, and goes on when it is over.
    Pause(Place),
    /// Nothing goes from one to the other; back it does.
    OneWay(Place, Place),
    /// Nothing goes between this node and any other node, in either direction.
    Isolate(Place),
    /// Connections between the two are closed, and new ones as well.
    Sever(Place, Place),
    /// What goes from and to this node is slow.
    Slow { node: Place, delay_ms: u64, bytes_per_s: u64 },
    /// The member publishes nothing.
    Stall(Place),
}

/// A fault and its time, counted from the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) fault: Fault,
}

#[derive(Clone, Copy)]
enum Kind {
    KillNode,
    PauseNode,
    IsolateNode,
    OneWay,
    SeverNodes,
    SlowNode,
    SeverMember,
    StallMember,
    PauseMember,
    KillMember,
    KillMajority,
    RestartAll,
}

const MENU: [Kind; 12] = [
    Kind::KillNode,
    Kind::StallMember,
    Kind::PauseNode,
    Kind::OneWay,
    Kind::KillMember,
    Kind::IsolateNode,
    Kind::SlowNode,
    Kind::SeverMember,
    Kind::SeverNodes,
    Kind::PauseMember,
    Kind::KillMajority,
    Kind::RestartAll,
];

/// Before the first fault, so that there is something to disturb.
const FIRST_MS: u64 = 1_500;
const GAP_MS: (u64, u64) = (400, 2_500);
const LENGTH_MS: (u64, u64) = (800, 7_000);
/// A committee without a majority does nothing, which is soon seen.
const MAJORITY_MS: (u64, u64) = (2_000, 5_000);
/// How long all are gone when all are restarted.
const RESTART_MS: u64 = 200;

struct Planner {
    rng: ChaCha8Rng,
    nodes: usize,
    members: usize,
    planned: Vec<Planned>,
}

/// The faults of this seed, none of which lasts past `length`. Every kind comes once before any
/// comes twice. A majority of the nodes is in trouble only when that is what is tried.
pub(super) fn plan(seed: u64, nodes: usize, members: usize, length: Duration) -> Vec<Planned> {
    let rng = ChaCha8Rng::seed_from_u64(seed);
    let mut planner = Planner { rng, nodes, members, planned: Vec::new() };
    let mut at = Duration::from_millis(FIRST_MS);
    loop {
        for kind in planner.shuffled() {
            let Some(from) = planner.add(kind, at, length) else { return planner.planned };
            at = from.saturating_add(planner.between(GAP_MS));
        }
    }
}

impl Planner {
    /// Adds one fault at this time or later; when it begins. None when there is no time left.
    fn add(&mut self, kind: Kind, at: Duration, length: Duration) -> Option<Duration> {
        let is_of_all = matches!(kind, Kind::KillMajority | Kind::RestartAll);
        let last = self.planned.iter().map(|planned| planned.to).max().unwrap_or_default();
        // Nothing else goes on while a majority is gone.
        let from = if is_of_all { at.max(last) } else { at.max(self.alone_until()) };
        let to = match kind {
            Kind::RestartAll => from.saturating_add(Duration::from_millis(RESTART_MS)),
            Kind::KillMajority => from.saturating_add(self.between(MAJORITY_MS)),
            _ => from.saturating_add(self.between(LENGTH_MS)),
        };
        if to > length {
            return None;
        }
        if let Some(fault) = self.fault(kind, from) {
            self.planned.push(Planned { from, to, fault });
        }
        Some(if is_of_all { to } else { from })
    }

    /// When the last fault of a majority is over.
    fn alone_until(&self) -> Duration {
        let all = self.planned.iter().filter(|it| self.troubled(&it.fault).len() > self.minority());
        all.map(|planned| planned.to).max().unwrap_or_default()
    }

    /// None where everybody that it could happen to is in trouble.
    fn fault(&mut self, kind: Kind, at: Duration) -> Option<Fault> {
        Some(match kind {
            Kind::KillNode => Fault::Kill(vec![self.sound_node(at)?]),
            Kind::PauseNode => Fault::Pause(self.sound_node(at)?),
            Kind::IsolateNode => Fault::Isolate(self.sound_node(at)?),
            Kind::SlowNode => Fault::Slow {
                node: self.sound_node(at)?,
                delay_ms: self.below(120).saturating_add(20),
                bytes_per_s: self.below(400_000).saturating_add(100_000),
            },
            Kind::OneWay => {
                let (from, to) = self.two_nodes(at)?;
                Fault::OneWay(from, to)
            }
            Kind::SeverNodes => {
                let (from, to) = self.two_nodes(at)?;
                Fault::Sever(from, to)
            }
            Kind::SeverMember => Fault::Sever(self.sound_node(at)?, self.sound_member(at)?),
            Kind::StallMember => Fault::Stall(self.sound_member(at)?),
            Kind::PauseMember => Fault::Pause(self.sound_member(at)?),
            Kind::KillMember => Fault::Kill(vec![self.sound_member(at)?]),
            Kind::KillMajority => {
                let count = self.minority().saturating_add(1);
                Fault::Kill(self.some_nodes(count))
            }
            Kind::RestartAll => Fault::Kill(self.some_nodes(self.nodes)),
        })
    }

    /// Nodes that can be in trouble while the others are a majority.
    const fn minority(&self) -> usize {
        self.nodes.saturating_sub(1) / 2
    }

    /// The nodes that a fault keeps from doing their part.
    fn troubled(&self, fault: &Fault) -> Vec<Place> {
        let is_node = |place: &&Place| matches!(place, Place::Node(_));
        match fault {
            Fault::Kill(places) => places.iter().filter(is_node).copied().collect(),
            Fault::Pause(place) | Fault::Isolate(place) | Fault::Slow { node: place, .. } => {
                [*place].iter().filter(is_node).copied().collect()
            }
            // A link is missed by one of its ends at most: the other one has all the others.
            Fault::OneWay(from @ Place::Node(_), Place::Node(_))
            | Fault::Sever(from @ Place::Node(_), Place::Node(_)) => vec![*from],
            Fault::OneWay(..) | Fault::Sever(..) | Fault::Stall(_) => Vec::new(),
        }
    }

    fn under_way(&self, at: Duration) -> impl Iterator<Item = &Fault> {
        self.planned.iter().filter(move |it| it.to > at).map(|it| &it.fault)
    }

    fn sound_node(&mut self, at: Duration) -> Option<Place> {
        let troubled: Vec<Place> =
            self.under_way(at).flat_map(|fault| self.troubled(fault)).collect();
        let sound: Vec<Place> =
            (0..self.nodes).map(Place::Node).filter(|it| !troubled.contains(it)).collect();
        let gone = self.nodes.saturating_sub(sound.len());
        if gone < self.minority() { self.one_of(&sound) } else { None }
    }

    fn sound_member(&mut self, at: Duration) -> Option<Place> {
        let in_trouble = |fault: &Fault| match fault {
            Fault::Kill(places) => places.clone(),
            Fault::Pause(place) | Fault::Stall(place) | Fault::Sever(_, place) => vec![*place],
            _ => Vec::new(),
        };
        let troubled: Vec<Place> = self.under_way(at).flat_map(in_trouble).collect();
        let sound: Vec<Place> =
            (0..self.members).map(Place::Member).filter(|it| !troubled.contains(it)).collect();
        self.one_of(&sound)
    }

    fn two_nodes(&mut self, at: Duration) -> Option<(Place, Place)> {
        let from = self.sound_node(at)?;
        let others: Vec<Place> =
            (0..self.nodes).map(Place::Node).filter(|other| *other != from).collect();
        Some((from, self.one_of(&others)?))
    }

    fn some_nodes(&mut self, count: usize) -> Vec<Place> {
        let mut left: Vec<Place> = (0..self.nodes).map(Place::Node).collect();
        let mut chosen = Vec::new();
        while chosen.len() < count
            && let Some(node) = self.one_of(&left)
        {
            left.retain(|other| *other != node);
            chosen.push(node);
        }
        chosen
    }

    fn shuffled(&mut self) -> Vec<Kind> {
        let mut left = MENU.to_vec();
        let mut menu = Vec::new();
        while !left.is_empty() {
            menu.push(left.swap_remove(self.index(left.len())));
        }
        menu
    }

    fn one_of(&mut self, places: &[Place]) -> Option<Place> {
        let index = if places.is_empty() { 0 } else { self.index(places.len()) };
        places.get(index).copied()
    }

    fn index(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.below(length)).unwrap_or(0)
    }

    /// The bounds are small, so no remainder is likelier than another by what anybody could see.
    fn below(&mut self, limit: u64) -> u64 {
        self.rng.next_u64() % limit.max(1)
    }

    fn between(&mut self, (least, most): (u64, u64)) -> Duration {
        let span = most.saturating_sub(least).saturating_add(1);
        Duration::from_millis(self.below(span).saturating_add(least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTES: Duration = Duration::from_secs(300);

    #[test]
    fn a_seed_is_a_plan_and_another_seed_is_another() {
        assert_eq!(plan(1, 3, 6, MINUTES), plan(1, 3, 6, MINUTES));
        assert_ne!(plan(1, 3, 6, MINUTES), plan(2, 3, 6, MINUTES));
    }

    #[test]
    fn a_longer_run_begins_as_a_shorter_one_does() {
        let (short, long) = (plan(9, 5, 4, MINUTES), plan(9, 5, 4, 2 * MINUTES));
        assert_eq!(long[..short.len()], short);
    }

    #[test]
    fn a_majority_is_in_trouble_only_on_purpose_and_then_nothing_else_is() {
        for (seed, nodes) in (0..50).zip([3, 5, 7].into_iter().cycle()) {
            let planned = plan(seed, nodes, 6, MINUTES);
            let planner =
                Planner { rng: ChaCha8Rng::seed_from_u64(0), nodes, members: 6, planned: vec![] };
            let is_large = |it: &Planned| planner.troubled(&it.fault).len() > planner.minority();
            assert!(planned.iter().any(is_large), "seed {seed}");
            for it in &planned {
                assert!(it.from < it.to && it.to <= MINUTES);
                let others = planned
                    .iter()
                    .filter(|other| *other != it && other.from <= it.from && it.from < other.to);
                if is_large(it) {
                    assert_eq!(others.count(), 0, "seed {seed}");
                } else {
                    let mut troubled = planner.troubled(&it.fault);
                    for other in others {
                        troubled.extend(planner.troubled(&other.fault));
                    }
                    troubled.sort_unstable();
                    troubled.dedup();
                    assert!(troubled.len() <= planner.minority(), "seed {seed}");
                }
            }
        }
    }

    #[test]
    fn a_single_node_has_faults_of_its_members_and_of_all() {
        let planned = plan(3, 1, 2, MINUTES);
        assert!(planned.len() > 20);
        assert!(planned.iter().any(|it| it.fault == Fault::Kill(vec![Place::Node(0)])));
    }
}

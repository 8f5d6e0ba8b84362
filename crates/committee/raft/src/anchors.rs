use std::collections::BTreeMap;

use holobiont_committee::CutStatement;
use holobiont_identity::{Digest, UniqueId};
use holobiont_policy::Roster;
use serde::{Deserialize, Serialize};

use crate::Gate;

/// Anchors of its own fold that a node keeps, the newest.
pub const MAX_ANCHORS: usize = 4_096;
/// Anchors in one question or answer, and those kept of another node that is ahead.
pub const MAX_TOLD_ANCHORS: usize = 8;
/// The least time between two anchors of a node whose state has been held against the others', in
/// milliseconds: each costs a look at the whole machine.
const ANCHOR_EVERY_MS: u64 = 20;
/// A node whose state has not been held against the others' takes one at every cut, while that is no
/// more than this part of its time.
const ANCHOR_REST: u64 = 4;

/// The whole of a node's state at a cut, in one digest: what it would sign, and the committee's
/// machine beside it with its keys, roster and orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Anchor {
    pub(crate) cut: u64,
    pub(crate) digest: Digest,
}

impl Anchor {
    /// `machine` is `Machine::snapshot` right after the cut.
    pub(crate) fn of(statement: &CutStatement, machine: &[u8]) -> Self {
        let parts = [*statement.digest().as_bytes(), *Digest::of(machine).as_bytes()];
        let bytes = [b"holobiont-anchor|\x01".as_slice(), parts.as_flattened()].concat();
        Self { cut: statement.cut, digest: Digest::of(bytes) }
    }
}

/// What a node's state is worth, by the others' anchors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Worth {
    /// Not enough of them know a cut that it knows.
    Unknown,
    /// A majority of the roster has the same, with itself.
    Held,
    /// So many have another that no majority can have the same: these, the newest at this cut.
    Contradicted { cut: u64, by: Vec<UniqueId> },
}

/// A node's state held against the others'.
///
/// The disk is its host's, who can write anything there: another committee's log, a machine with other
/// keys, each with the right checksums. The log's terms and indices say nothing of that. So each node
/// keeps what its own fold came to at cuts of this run, and signs nothing before a majority (itself
/// counted) has come to the same, at a cut that has all of its disk's log behind it.
#[derive(Debug, Default)]
pub(crate) struct Anchors {
    own: BTreeMap<u64, Digest>,
    /// What others have told of cuts that the fold has not come to.
    ahead: BTreeMap<UniqueId, BTreeMap<u64, Digest>>,
    /// The newest cut that each has told, 0 for none.
    newest: BTreeMap<UniqueId, u64>,
    /// The newest cut at which each was compared, and whether it has the same.
    compared: BTreeMap<UniqueId, (u64, bool)>,
    /// End of the log that the disk brought.
    disk_log: u64,
    /// The newest cut in it, as far as the fold has come.
    disk_cut: u64,
    /// When the last one was taken, and how long that took, in the runtime's ms.
    taken: (u64, u64),
    /// A node that is behind asked it for its snapshot.
    has_withheld: bool,
    is_held: bool,
}

impl Anchors {
    /// The disk brought a log up to this index.
    pub(crate) const fn begin(&mut self, disk_log: u64) {
        self.disk_log = disk_log;
    }

    /// Whether an anchor of this cut is worth its price.
    pub(crate) fn wants(&self, cut: u64, now_ms: u64) -> bool {
        let (at_ms, took_ms) = self.taken;
        let rest_ms = match self.is_held {
            true => ANCHOR_EVERY_MS,
            false => took_ms.saturating_mul(ANCHOR_REST),
        };
        now_ms.saturating_sub(at_ms) >= rest_ms
            || (!self.is_held && self.ahead.values().any(|told| told.contains_key(&cut)))
    }

    /// The fold has come to a cut, made by this log entry.
    pub(crate) fn came_to(&mut self, cut: u64, log_index: u64) {
        if log_index <= self.disk_log {
            self.disk_cut = self.disk_cut.max(cut);
        }
    }

    /// Its state there; taken between these times. Gives the nodes that are found to have another.
    pub(crate) fn took(&mut self, own: Anchor, (from_ms, to_ms): (u64, u64)) -> Vec<UniqueId> {
        self.taken = (to_ms, to_ms.saturating_sub(from_ms));
        self.own.insert(own.cut, own.digest);
        if self.own.len() > MAX_ANCHORS {
            self.own.pop_first();
        }
        let mut differ = Vec::new();
        for (node, told) in &mut self.ahead {
            // What lies before it is compared no more.
            let later = told.split_off(&own.cut.saturating_add(1));
            let here = std::mem::replace(told, later).remove(&own.cut);
            let Some(theirs) = here else { continue };
            self.compared.insert(*node, (own.cut, theirs == own.digest));
            if theirs != own.digest {
                differ.push(*node);
            }
        }
        differ
    }

    /// Another node tells of its state. Gives the cut at which it is found to be another than here.
    pub(crate) fn hear(&mut self, node: UniqueId, told: &[Anchor]) -> Option<u64> {
        let told = told.iter().take(MAX_TOLD_ANCHORS);
        let newest = told.clone().map(|it| it.cut).max().unwrap_or(0);
        self.newest.insert(node, newest);
        let end = self.own.last_key_value().map_or(0, |(cut, _)| *cut);
        let before = self.compared.get(&node).copied();
        let ahead = self.ahead.entry(node).or_default();
        for anchor in told {
            if let Some(own) = self.own.get(&anchor.cut) {
                let known = self.compared.entry(node).or_insert((0, false));
                // What was the same may have come apart since; never the other way.
                if known.0 <= anchor.cut {
                    *known = (anchor.cut, *own == anchor.digest);
                }
            } else if anchor.cut > end {
                ahead.insert(anchor.cut, anchor.digest);
            }
        }
        while ahead.len() > MAX_TOLD_ANCHORS {
            ahead.pop_last();
        }
        let now = self.compared.get(&node).copied();
        now.filter(|now| !now.1 && before != Some(*now)).map(|(cut, _)| cut)
    }

    /// What is told: the state at the cuts that the other asks about, and the newest.
    pub(crate) fn tell(&self, asked: &[Anchor]) -> Vec<Anchor> {
        let known = |cut: u64| self.own.get(&cut).map(|digest| Anchor { cut, digest: *digest });
        let half = MAX_TOLD_ANCHORS / 2;
        let newest = self.own.keys().rev().take(half).copied();
        let cuts = asked.iter().rev().take(half).map(|it| it.cut).chain(newest);
        let told: BTreeMap<u64, Anchor> =
            cuts.filter_map(known).map(|anchor| (anchor.cut, anchor)).collect();
        told.into_values().collect()
    }

    /// What a majority says of it. Once held, always.
    pub(crate) fn weigh(&mut self, node: &UniqueId, roster: &Roster, folded: u64) -> Worth {
        if self.is_held {
            return Worth::Held;
        }
        let nodes = roster.nodes();
        let others = || nodes.iter().filter(|other| *other != node);
        let differ = |other: &&UniqueId| self.compared.get(other).is_some_and(|it| !it.1);
        let by: Vec<UniqueId> = others().filter(differ).copied().collect();
        if nodes.len().saturating_sub(by.len()) < roster.majority() {
            let cuts = by.iter().filter_map(|other| self.compared.get(other));
            let cut = cuts.map(|(cut, _)| *cut).max().unwrap_or(0);
            return Worth::Contradicted { cut, by };
        }
        let same = |other: &&UniqueId| {
            self.compared.get(other).is_some_and(|(cut, same)| *same && *cut >= self.disk_cut)
        };
        let itself = usize::from(nodes.contains(node));
        let has_all = folded >= self.disk_log;
        if !has_all || others().filter(same).count().saturating_add(itself) < roster.majority() {
            return Worth::Unknown;
        }
        self.is_held = true;
        self.ahead.clear();
        Worth::Held
    }

    pub(crate) const fn is_held(&self) -> bool {
        self.is_held
    }

    /// Whether there is anything to be compared.
    pub(crate) fn is_empty(&self) -> bool {
        self.own.is_empty()
    }

    /// Whether it may give its snapshot to a node that is behind, which has nothing to hold it against.
    pub(crate) fn may_give(&mut self) -> bool {
        self.has_withheld |= !self.is_held;
        self.is_held
    }

    /// Whether it leads nobody: it withholds the snapshot that others need to follow it, and all that it
    /// has lies ahead of what as many of them have as share a node with any majority. What a majority
    /// had committed one of those has and can lead with; this node, whose state nobody can compare,
    /// must not keep it from that.
    pub(crate) fn is_alone(&self, node: &UniqueId, roster: &Roster) -> bool {
        let Some((first, _)) = self.own.first_key_value() else { return false };
        let nodes = roster.nodes();
        let behind = |other: &&UniqueId| self.newest.get(other).is_some_and(|cut| cut < first);
        let behind = nodes.iter().filter(|other| *other != node).filter(behind).count();
        self.has_withheld
            && !self.is_held
            && behind > 0
            && behind >= Gate::answers_needed(nodes.len())
    }

    /// Nodes that have another state.
    pub(crate) fn contradicted_by(&self) -> Vec<UniqueId> {
        let differing = self.compared.iter().filter(|(_, (_, same))| !same);
        differing.map(|(node, _)| *node).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(count: usize) -> (Vec<UniqueId>, Roster) {
        let nodes: Vec<_> = (0..count).map(|it| UniqueId::from_name(&format!("{it}"))).collect();
        (nodes.clone(), Roster::new(nodes).unwrap())
    }

    fn anchor(cut: u64, history: &str) -> Anchor {
        Anchor { cut, digest: Digest::of(format!("{history} {cut}")) }
    }

    fn fold(anchors: &mut Anchors, cuts: std::ops::RangeInclusive<u64>) -> Vec<UniqueId> {
        let fold = |cut| {
            anchors.came_to(cut, cut * 10);
            anchors.took(anchor(cut, "true"), (0, 0))
        };
        cuts.flat_map(fold).collect()
    }

    #[test]
    fn a_majority_with_the_same_state_holds_it_and_too_many_with_another_contradict_it() {
        let (nodes, roster) = nodes(5);
        let mut anchors = Anchors::default();
        fold(&mut anchors, 1..=9);
        assert_eq!(anchors.hear(nodes[1], &[anchor(9, "true")]), None);
        assert_eq!(anchors.weigh(&nodes[0], &roster, 90), Worth::Unknown);
        assert_eq!(anchors.hear(nodes[2], &[anchor(3, "forged"), anchor(8, "forged")]), Some(8));
        assert_eq!(anchors.hear(nodes[2], &[anchor(8, "forged")]), None, "told once");
        assert_eq!(anchors.weigh(&nodes[0], &roster, 90), Worth::Unknown);
        assert_eq!(anchors.contradicted_by(), [nodes[2]]);
        anchors.hear(nodes[3], &[anchor(7, "true")]);
        assert_eq!(anchors.weigh(&nodes[0], &roster, 90), Worth::Held);
        assert!(anchors.is_held());

        let mut anchors = Anchors::default();
        fold(&mut anchors, 1..=9);
        for node in &nodes[1..3] {
            anchors.hear(*node, &[anchor(5, "other")]);
            assert_eq!(anchors.weigh(&nodes[0], &roster, 90), Worth::Unknown);
        }
        anchors.hear(nodes[3], &[anchor(6, "other")]);
        let by = nodes[1..4].to_vec();
        assert_eq!(anchors.weigh(&nodes[0], &roster, 90), Worth::Contradicted { cut: 6, by });
    }

    #[test]
    fn what_others_tell_of_cuts_ahead_is_compared_when_the_fold_comes_there() {
        let (nodes, roster) = nodes(3);
        let mut anchors = Anchors::default();
        fold(&mut anchors, 1..=2);
        assert_eq!(anchors.hear(nodes[1], &[anchor(4, "true"), anchor(6, "true")]), None);
        assert_eq!(anchors.hear(nodes[2], &[anchor(5, "other")]), None);
        assert!(fold(&mut anchors, 3..=3).is_empty());
        assert_eq!(anchors.weigh(&nodes[0], &roster, 30), Worth::Unknown);
        assert_eq!(fold(&mut anchors, 4..=5), [nodes[2]]);
        assert_eq!(anchors.weigh(&nodes[0], &roster, 50), Worth::Held);
    }

    #[test]
    fn only_a_cut_behind_which_all_of_the_disk_lies_counts() {
        let (nodes, roster) = nodes(3);
        let mut anchors = Anchors::default();
        anchors.begin(47);
        fold(&mut anchors, 1..=3);
        anchors.hear(nodes[1], &[anchor(3, "true")]);
        assert_eq!(anchors.weigh(&nodes[0], &roster, 30), Worth::Unknown, "more of it comes");
        fold(&mut anchors, 4..=4);
        assert_eq!(anchors.weigh(&nodes[0], &roster, 47), Worth::Unknown, "cut 4 is of the disk");
        anchors.hear(nodes[1], &[anchor(4, "true")]);
        assert_eq!(anchors.weigh(&nodes[0], &roster, 46), Worth::Unknown);
        assert_eq!(anchors.weigh(&nodes[0], &roster, 47), Worth::Held);
    }

    #[test]
    fn a_node_that_is_ahead_of_all_others_stands_alone_until_they_come_there() {
        let (nodes, roster) = nodes(3);
        let mut anchors = Anchors::default();
        assert!(!anchors.is_alone(&nodes[0], &roster), "it has nothing");
        fold(&mut anchors, 50..=51);
        anchors.hear(nodes[1], &[]);
        assert!(!anchors.is_alone(&nodes[0], &roster), "the other may have as much");
        anchors.hear(nodes[2], &[anchor(9, "true")]);
        assert!(!anchors.is_alone(&nodes[0], &roster), "they can follow its log");
        assert!(!anchors.may_give());
        assert!(anchors.is_alone(&nodes[0], &roster));
        anchors.hear(nodes[2], &[anchor(50, "true")]);
        assert!(!anchors.is_alone(&nodes[0], &roster));
    }

    #[test]
    fn what_is_kept_and_told_is_bounded_and_answers_what_was_asked() {
        let (nodes, _) = nodes(2);
        let mut anchors = Anchors::default();
        fold(&mut anchors, 1..=5_000);
        assert_eq!(anchors.own.len(), MAX_ANCHORS);
        let told = anchors.tell(&[anchor(1, "x"), anchor(2_000, "x"), anchor(9_000, "x")]);
        let cuts: Vec<u64> = told.iter().map(|it| it.cut).collect();
        assert_eq!(cuts, [2_000, 4_997, 4_998, 4_999, 5_000]);
        let many: Vec<_> = (6_000..7_000).map(|cut| anchor(cut, "x")).collect();
        (0..3).for_each(|_| assert_eq!(anchors.hear(nodes[1], &many), None));
        assert!(anchors.ahead[&nodes[1]].len() <= MAX_TOLD_ANCHORS);
    }

    #[test]
    fn a_node_in_doubt_takes_every_cut_and_another_a_few() {
        let (nodes, roster) = nodes(1);
        let mut anchors = Anchors::default();
        anchors.took(anchor(1, "true"), (100, 100));
        assert!(anchors.wants(2, 100));
        anchors.took(anchor(2, "true"), (100, 110));
        assert!(!anchors.wants(3, 149) && anchors.wants(3, 150), "unless that is all it does");
        anchors.hear(UniqueId::from_name("other"), &[anchor(3, "true")]);
        assert!(anchors.wants(3, 110), "or it is waited for");
        assert_eq!(anchors.weigh(&nodes[0], &roster, 0), Worth::Held, "it is the only node");
        assert!(!anchors.wants(3, 129) && anchors.wants(3, 130));
    }
}

use std::collections::BTreeMap;

use holobiont_identity::UniqueId;
use serde::{Deserialize, Serialize};

/// How many older boots of one node are remembered.
const MAX_OLDER: usize = 64;

/// Which boots of the other nodes this one no longer hears.
///
/// A disk can be copied and started twice, and two boots with one past could promise different
/// things: vote for two candidates in one term. So a boot asks the others what its node has promised
/// before it takes part, and whoever has answered hears no earlier boot of that node any more, long
/// before the log has fenced its key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Boots(BTreeMap<UniqueId, Known>);

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// The boot that asked last.
    newest: Option<[u8; 32]>,
    /// Those that asked before it, oldest first.
    older: Vec<[u8; 32]>,
}

impl Known {
    fn outdate(&mut self, key: [u8; 32]) {
        if self.older.contains(&key) {
            return;
        }
        if self.older.len() == MAX_OLDER {
            self.older.remove(0);
        }
        self.older.push(key);
    }
}

impl Boots {
    /// A boot asks what its node has promised: from now on no earlier one is heard. False for one
    /// that is such an earlier one itself.
    pub(crate) fn recalled(&mut self, node: UniqueId, key: [u8; 32]) -> bool {
        let known = self.0.entry(node).or_default();
        if known.older.contains(&key) {
            return false;
        }
        if let Some(before) = known.newest.replace(key).filter(|before| *before != key) {
            known.outdate(before);
        }
        true
    }

    /// Whether a later boot of that node has asked since.
    pub(crate) fn is_older(&self, node: &UniqueId, key: &[u8; 32]) -> bool {
        self.0.get(node).is_some_and(|known| known.older.contains(key))
    }

    /// Takes in what another node knows, of the nodes of a roster.
    pub(crate) fn learn(&mut self, other: &Self, roster: &[UniqueId]) {
        for node in roster {
            let Some(theirs) = other.0.get(node) else { continue };
            let known = self.0.entry(*node).or_default();
            theirs.older.iter().take(MAX_OLDER).for_each(|key| known.outdate(*key));
            known.newest = known.newest.or(theirs.newest);
            known.newest = known.newest.filter(|newest| !known.older.contains(newest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_that_asked_is_heard_and_those_before_it_are_not() {
        let node = UniqueId::from_name("node");
        let mut boots = Boots::default();
        assert!(boots.recalled(node, [1; 32]) && boots.recalled(node, [1; 32]));
        assert!(!boots.is_older(&node, &[1; 32]));
        assert!(boots.recalled(node, [2; 32]));
        assert!(boots.is_older(&node, &[1; 32]) && !boots.is_older(&node, &[2; 32]));
        assert!(!boots.recalled(node, [1; 32]), "it does not come back by asking again");

        let mut restarted = Boots::default();
        restarted.learn(&boots, &[node]);
        assert!(restarted.is_older(&node, &[1; 32]) && !restarted.is_older(&node, &[2; 32]));
    }

    #[test]
    fn what_is_remembered_of_one_node_is_bounded() {
        let node = UniqueId::from_name("node");
        let mut boots = Boots::default();
        for boot in 0..200 {
            assert!(boots.recalled(node, [boot; 32]));
        }
        assert_eq!(boots.0[&node].older.len(), MAX_OLDER);
        assert!(boots.is_older(&node, &[198; 32]));
    }
}

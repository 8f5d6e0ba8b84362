use std::collections::BTreeMap;

use holobiont_identity::UniqueId;
use serde::{Deserialize, Serialize};

/// The highest number of a boot: nobody starts a node as often, and the next one must still have a
/// number.
pub const MAX_BOOT_NUMBER: u64 = 1 << 48;

/// One boot of a node, as it names itself in every message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Boot {
    /// Its key; first, for whoever has to compare it with the connection's.
    pub(crate) key: [u8; 32],
    /// More than a majority of the others knew of that node when the boot asked them, and more than
    /// its disk did; 0 before they have answered.
    pub(crate) number: u64,
}

/// Which boot of each other node this one hears.
///
/// A disk can be copied and started twice, and two boots with one past could promise different
/// things: vote for two candidates in one term. So a boot takes a number from the others before it
/// takes part, and whoever has seen that number hears no boot of that node with a lower one any more,
/// long before the log has fenced its key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Boots(BTreeMap<UniqueId, Boot>);

impl Boots {
    /// Whether a boot that says something is heard: the one with the highest number, and of two that
    /// took the same number the first. One that has taken none is heard only asking for it.
    pub(crate) fn hears(&mut self, node: UniqueId, boot: Boot) -> bool {
        if boot.number > MAX_BOOT_NUMBER {
            return false;
        }
        let known = self.0.entry(node).or_insert(boot);
        if known.number < boot.number {
            *known = boot;
        }
        boot.number > 0 && known.key == boot.key
    }

    /// The number that the next boot of a node takes.
    pub(crate) fn next(&self, node: &UniqueId) -> u64 {
        self.0.get(node).map_or(0, |known| known.number).saturating_add(1)
    }

    /// Takes in what another node knows, of the nodes of a roster.
    pub(crate) fn learn(&mut self, other: &Self, roster: &[UniqueId]) {
        for node in roster {
            if let Some(theirs) = other.0.get(node) {
                self.hears(*node, *theirs);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn boot(key: u8, number: u64) -> Boot {
        Boot { key: [key; 32], number }
    }

    #[test]
    fn the_boot_that_took_the_highest_number_is_heard_and_no_other() {
        let node = UniqueId::from_name("node");
        let mut boots = Boots::default();
        assert!(!boots.hears(node, boot(1, 0)), "it has not asked for a number yet");
        assert_eq!(boots.next(&node), 1);
        assert!(boots.hears(node, boot(1, 1)) && boots.hears(node, boot(1, 1)));
        assert_eq!(boots.next(&node), 2);
        assert!(boots.hears(node, boot(2, 2)));
        assert!(!boots.hears(node, boot(1, 1)), "it is outdated");
        assert!(!boots.hears(node, boot(3, 2)), "the number is taken");
        assert!(!boots.hears(node, boot(3, u64::MAX)), "no boot has that number");
        assert_eq!(boots.next(&node), 3);

        let mut restarted = Boots::default();
        restarted.learn(&boots, &[node]);
        assert!(!restarted.hears(node, boot(1, 1)) && restarted.hears(node, boot(2, 2)));
        let mut elsewhere = Boots::default();
        elsewhere.learn(&boots, &[]);
        assert_eq!(elsewhere, Boots::default(), "only nodes of the roster are remembered");
    }
}

use holobiont_identity::UniqueId;

use super::Verdict;

/// Nodes that are cut off and are no majority commit nothing: while they are, none of them takes an
/// entry for committed that no log had before.
///
/// Source: the issue's *Faults* ("in no case: a minority that commits"); DESIGN, why `openraft`.
#[derive(Debug, Default)]
pub(crate) struct Minority {
    cut_off: Vec<UniqueId>,
    /// The farthest log of all nodes when they were cut off.
    last_log: u64,
}

impl Minority {
    pub(crate) fn isolated(&mut self, nodes: &[UniqueId], last_log: u64) {
        self.cut_off = nodes.to_vec();
        self.last_log = last_log;
    }

    pub(crate) fn healed(&mut self) {
        self.cut_off.clear();
    }

    pub(crate) fn saw(&self, node: &UniqueId, who: &str, committed: u64) -> Verdict {
        match self.cut_off.contains(node) && committed > self.last_log {
            true => Err(format!(
                "{who} is cut off with a minority and has committed entry {committed}; all logs ended \
                 at {} when it was",
                self.last_log
            )),
            false => Ok(()),
        }
    }
}

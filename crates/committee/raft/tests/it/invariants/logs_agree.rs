use std::collections::BTreeMap;

use super::Verdict;

/// All nodes have the same committed entries.
///
/// Source: Raft's state machine safety (Ongaro and Ousterhout, section 5.4.3); SPEC 3.
#[derive(Debug, Default)]
pub(crate) struct LogsAgree {
    /// By index: the payload (none for an entry of the engine's own), and who had it first.
    entries: BTreeMap<u64, (Option<Vec<u8>>, String)>,
}

impl LogsAgree {
    pub(crate) fn saw(&mut self, who: &str, index: u64, payload: Option<Vec<u8>>) -> Verdict {
        let (first, whose) =
            self.entries.entry(index).or_insert_with(|| (payload.clone(), who.to_owned()));
        match *first == payload {
            true => Ok(()),
            false => Err(format!("{who} and {whose} have committed different entries {index}")),
        }
    }

    /// Every committed command that was ever seen, in order.
    pub(crate) fn commands(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.entries.iter().filter_map(|(index, (payload, _))| Some((*index, payload.as_deref()?)))
    }

    /// The first entry that was seen of none.
    pub(crate) fn end(&self) -> u64 {
        let mut end = 1;
        for index in self.entries.range(1..).map(|(index, _)| *index) {
            if index != end {
                break;
            }
            end += 1;
        }
        end
    }
}

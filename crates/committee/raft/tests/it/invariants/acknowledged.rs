use std::collections::BTreeMap;

use holobiont_committee::CutStatement;
use holobiont_surface::Surface;

use super::Verdict;

/// A commit under a certificate that a client has seen is never lost: every node ends with the
/// certificate's cut behind it, and with that very head in its output.
///
/// Source: the issue's *Faults* ("in no case: an acknowledged commit lost"); CONTRIBUTING, *Nothing
/// lost*.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    seen: BTreeMap<u64, CutStatement>,
}

impl Acknowledged {
    pub(crate) fn saw(&mut self, statement: &CutStatement) {
        self.seen.entry(statement.cut).or_insert_with(|| statement.clone());
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.len()
    }

    pub(crate) fn newest(&self) -> Option<&CutStatement> {
        self.seen.values().next_back()
    }

    pub(crate) fn statement(&self, cut: u64) -> Option<&CutStatement> {
        self.seen.get(&cut)
    }

    /// At the end, for each node that is well: up to the cut that was the newest a while ago.
    pub(crate) fn kept(
        &self,
        who: &str,
        newest: u64,
        (folded_cut, certified_cut): (u64, u64),
        output: &Surface,
    ) -> Verdict {
        if folded_cut < newest || certified_cut < newest {
            return Err(format!(
                "a client saw the certificate of cut {newest}; {who} has folded {folded_cut}, and \
                 knows certificates up to {certified_cut}"
            ));
        }
        for (cut, statement) in self.seen.range(..=newest) {
            let Some(head) = statement.output else { continue };
            let own = output.head_at(head.seq).map_err(|error| {
                format!("{who} has not got commit {} of cut {cut}: {error}", head.seq)
            })?;
            if own != head {
                return Err(format!(
                    "{who} has another head at {} than cut {cut}: {own:?}",
                    head.seq
                ));
            }
        }
        Ok(())
    }
}

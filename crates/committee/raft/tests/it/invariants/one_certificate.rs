use std::collections::{BTreeMap, BTreeSet};

use holobiont_committee::{Certificate, CutStatement};
use holobiont_identity::UniqueId;

use super::Verdict;

/// No two certificates for one cut say different things, and each stands on a majority of keys that
/// were made at boots of those nodes.
///
/// Source: the issue's *Faults* ("in no case: two certificates for one cut with different heads");
/// SPEC 4, certificates.
#[derive(Debug, Default)]
pub(crate) struct OneCertificate {
    certified: BTreeMap<u64, CutStatement>,
    /// Every boot's key there ever was, with its node.
    genuine: BTreeSet<(UniqueId, [u8; 32])>,
}

impl OneCertificate {
    pub(crate) fn booted(&mut self, node: UniqueId, key: [u8; 32]) {
        self.genuine.insert((node, key));
    }

    pub(crate) fn saw(&mut self, who: &str, certificate: &Certificate, quorum: usize) -> Verdict {
        let cut = certificate.statement.cut;
        certificate.verify(quorum, &|node, key| self.genuine.contains(&(*node, *key))).map_err(
            |error| format!("{who} has a certificate of cut {cut} that is none: {error}"),
        )?;
        let first = self.certified.entry(cut).or_insert_with(|| certificate.statement.clone());
        match *first == certificate.statement {
            true => Ok(()),
            false => Err(format!(
                "two certificates for cut {cut}: {who} has {:?}, another had {first:?}",
                certificate.statement
            )),
        }
    }
}

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holobiont_attestation::{Binding, Evidence, Verdict, distinct_platforms};
use holobiont_attestation_tls::{Admission, Appraiser, Refusal};
use holobiont_identity::UniqueId;

/// Which node runs on which machine, for as long as it is connected.
///
/// Where the committee's pins ask for `min_distinct_platforms` of `nodes` nodes, at most
/// `nodes - min_distinct_platforms` nodes may share a machine with another; one more is refused,
/// in words that both sides read. A machine that cannot be told counts as shared.
///
/// ```
/// use holobiont_archive::PlatformBook;
///
/// // Three nodes, each on a machine of its own.
/// let book = PlatformBook::new(3, Some(3));
/// assert_eq!(book.may_share(), Some(0));
/// // The pins ask for nothing.
/// assert_eq!(PlatformBook::new(3, None).may_share(), None);
/// ```
#[derive(Debug, Clone, Default)]
pub struct PlatformBook(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    may_share: Option<usize>,
    nodes: BTreeMap<UniqueId, Page>,
}

#[derive(Debug)]
struct Page {
    connections: usize,
    verdict: Verdict,
}

/// A node id that may not be on the machine that it is on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "node {node} is on a machine that another node is on, or that cannot be told, and the \
     committee's pins let {may_share} nodes share one: run it on a machine of its own"
)]
pub struct SamePlatform {
    /// The node that came later.
    pub node: UniqueId,
    /// How many nodes may share a machine with others.
    pub may_share: usize,
}

impl PlatformBook {
    /// A book for a roster of so many nodes, and what the committee's pins say of machines.
    pub fn new(nodes: usize, min_distinct_platforms: Option<u16>) -> Self {
        let book = Self::default();
        book.rule(nodes, min_distinct_platforms);
        book
    }

    /// Another roster, or other pins. Who is connected stays so.
    pub fn rule(&self, nodes: usize, min_distinct_platforms: Option<u16>) {
        let least = min_distinct_platforms.map(usize::from);
        self.lock().may_share = least.map(|least| nodes.saturating_sub(least));
    }

    /// How many nodes may share a machine with others; none where any may.
    pub fn may_share(&self) -> Option<usize> {
        self.lock().may_share
    }

    /// Whether the book takes a node with this verdict.
    ///
    /// # Errors
    ///
    /// [`SamePlatform`].
    pub fn check(&self, node: UniqueId, verdict: &Verdict) -> Result<(), SamePlatform> {
        self.lock().check(node, verdict)
    }

    /// Enters a node until what is returned is dropped: a connected peer, or this node itself.
    ///
    /// # Errors
    ///
    /// [`SamePlatform`].
    pub fn hold(&self, node: UniqueId, verdict: &Verdict) -> Result<Held, SamePlatform> {
        let mut pages = self.lock();
        pages.check(node, verdict)?;
        let verdict = verdict.clone();
        let page = pages
            .nodes
            .entry(node)
            .or_insert_with(|| Page { connections: 0, verdict: verdict.clone() });
        page.connections = page.connections.saturating_add(1);
        page.verdict = verdict;
        Ok(Held { book: self.clone(), node })
    }

    /// Connections that this node id has open.
    pub(crate) fn connections(&self, node: &UniqueId) -> usize {
        self.lock().nodes.get(node).map_or(0, |page| page.connections)
    }

    /// The same appraiser, which also refuses what the book refuses.
    pub(crate) fn over(&self, appraiser: Arc<dyn Appraiser>) -> Arc<dyn Appraiser> {
        Arc::new(Booked { appraiser, book: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn check(&self, node: UniqueId, verdict: &Verdict) -> Result<(), SamePlatform> {
        let Some(may_share) = self.may_share else {
            return Ok(());
        };
        let others = self.nodes.iter().filter(|(other, _)| **other != node);
        let mut verdicts: Vec<Verdict> = others.map(|(_, page)| page.verdict.clone()).collect();
        let shared =
            |verdicts: &[Verdict]| verdicts.len().saturating_sub(distinct_platforms(verdicts));
        let before = shared(&verdicts);
        verdicts.push(verdict.clone());
        let after = shared(&verdicts);
        if after > before && after > may_share {
            return Err(SamePlatform { node, may_share });
        }
        Ok(())
    }
}

/// A node's entry; leaving the scope takes it out.
#[derive(Debug)]
pub struct Held {
    book: PlatformBook,
    node: UniqueId,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut pages = self.book.lock();
        let left = pages.nodes.get_mut(&self.node).map(|page| {
            page.connections = page.connections.saturating_sub(1);
            page.connections
        });
        if left == Some(0) {
            pages.nodes.remove(&self.node);
        }
    }
}

struct Booked {
    appraiser: Arc<dyn Appraiser>,
    book: PlatformBook,
}

impl Appraiser for Booked {
    fn simulated(&self) -> bool {
        self.appraiser.simulated()
    }

    fn appraise(
        &self,
        evidence: &Evidence,
        binding: &Binding,
        now_s: u64,
    ) -> Result<Admission, Refusal> {
        let admission = self.appraiser.appraise(evidence, binding, now_s)?;
        if let Binding::Tls(tls) = binding {
            let node = UniqueId::from_bytes(tls.node);
            let checked = self.book.check(node, &admission.verdict);
            checked.map_err(|error| Refusal::new(SamePlatform::CODE, &error.to_string()))?;
        }
        Ok(admission)
    }
}

impl SamePlatform {
    /// The code of the refusal.
    pub const CODE: &'static str = "same-platform";
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use holobiont_attestation::PckCa;
    use holobiont_enclave_simulated::{QuoteForm, Scene};

    use super::*;

    /// What a simulated Intel's scene says of a guest that it admits, on machine `machine`; one
    /// that cannot be told where there is none.
    fn verdict(machine: Option<u8>) -> Verdict {
        let scene = Scene::new(1_800_000_000, QuoteForm::V5Td15, PckCa::Platform).unwrap();
        let mut verdict = scene.verdict();
        assert!(verdict.admits());
        let platform = verdict.platform.as_mut().unwrap();
        platform.piid = Some([machine.unwrap_or(0); 16]);
        platform.ppid = vec![0; 16];
        verdict
    }

    fn node(number: u8) -> UniqueId {
        UniqueId::from_bytes([number; 32])
    }

    #[test]
    fn as_many_nodes_share_machines_as_the_pins_let() {
        let [one, two, unknown] = [Some(1), Some(2), None].map(verdict);
        let book = PlatformBook::new(4, Some(3));
        let first = book.hold(node(1), &one).unwrap();
        let _second = book.hold(node(2), &one).unwrap();
        let error = book.hold(node(3), &one).unwrap_err();
        assert_eq!(error, SamePlatform { node: node(3), may_share: 1 });
        // A machine that cannot be told may be any.
        assert!(book.check(node(3), &unknown).is_err());
        let _third = book.hold(node(3), &two).unwrap();
        // Another connection of a node that is here already.
        drop(book.hold(node(2), &one).unwrap());
        assert!(book.check(node(4), &one).is_err());
        drop(first);
        assert!(book.hold(node(4), &one).is_ok());
        book.rule(4, None);
        assert!(book.hold(node(5), &unknown).is_ok());
    }

    #[test]
    fn a_node_is_there_until_its_last_connection_ends() {
        let one = Arc::new(verdict(Some(1)));
        let book = PlatformBook::new(2, Some(2));
        let (near, far) = (book.hold(node(1), &one).unwrap(), book.hold(node(1), &one).unwrap());
        assert_eq!(book.connections(&node(1)), 2);
        drop(near);
        assert!(book.check(node(2), &one).is_err());
        drop(far);
        assert!(book.check(node(2), &one).is_ok());
    }
}

mod path;

use sha2::{Digest as _, Sha256};

pub use self::path::BatchPath;
use crate::{Leaf, Purpose, ReportData, report_data::framed};

/// The most requests that one quote answers.
pub const MAX_BATCH_LEAVES: usize = 256;

const NODE_DOMAIN: &[u8] = b"holobiont-batch-node|";
const VERSION: u8 = 1;

/// One quote for many requests: its report data binds the root of a tree of leaves, and each peer
/// is sent the [`path`](Self::path) of its own leaf.
///
/// A row of the tree is paired from the left, and a node without a partner moves up as it is. The
/// report data binds the number of leaves too, so that a path has one shape only.
///
/// ```
/// use holobiont_attestation::{Batch, InspectBinding};
///
/// let asked = |challenge| InspectBinding { simulated: false, challenge: [challenge; 32] };
/// let batch = Batch::new((0..3).map(|at| asked(at).leaf()).collect(), false)?;
/// let path = batch.path(2).ok_or("there are three")?;
/// assert!(path.report_data(&asked(2).leaf(), false).matches(batch.report_data().as_bytes()));
/// assert!(!path.report_data(&asked(1).leaf(), false).matches(batch.report_data().as_bytes()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Batch {
    simulated: bool,
    /// The leaves, then each row above, to the root.
    rows: Vec<Vec<[u8; 32]>>,
}

/// Leaves that make no batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// None, or too many.
    #[error("a batch has 1 to {limit} leaves, not {got}: split it")]
    Leaves {
        /// How many there are.
        got: usize,
        /// The most there may be.
        limit: usize,
    },
}

impl Batch {
    /// The tree over `leaves`, in their order.
    ///
    /// # Errors
    ///
    /// [`BatchError::Leaves`] for none and for more than [`MAX_BATCH_LEAVES`].
    pub fn new(leaves: Vec<Leaf>, simulated: bool) -> Result<Self, BatchError> {
        if leaves.is_empty() || leaves.len() > MAX_BATCH_LEAVES {
            return Err(BatchError::Leaves { got: leaves.len(), limit: MAX_BATCH_LEAVES });
        }
        let mut row: Vec<_> = leaves.into_iter().map(|leaf| *leaf.as_bytes()).collect();
        let mut rows = Vec::new();
        while row.len() > 1 {
            let above = row
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node(left, right),
                    alone => alone.first().copied().unwrap_or_default(),
                })
                .collect();
            rows.push(std::mem::replace(&mut row, above));
        }
        rows.push(row);
        Ok(Self { simulated, rows })
    }

    /// What the one quote binds.
    pub fn report_data(&self) -> ReportData {
        let root = self.rows.last().and_then(|row| row.first()).copied().unwrap_or_default();
        report_data(self.simulated, self.leaves(), &root)
    }

    /// What shows that the leaf at `index` is in the batch; none past the last leaf.
    pub fn path(&self, index: usize) -> Option<BatchPath> {
        if index >= self.leaves() {
            return None;
        }
        let mut at = index;
        let mut siblings = Vec::new();
        for row in &self.rows {
            siblings.extend(row.get(at ^ 1));
            at /= 2;
        }
        BatchPath::new(u16::try_from(index).ok()?, u16::try_from(self.leaves()).ok()?, siblings)
    }

    fn leaves(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let hasher = Sha256::new().chain_update(NODE_DOMAIN).chain_update([VERSION]);
    hasher.chain_update(left).chain_update(right).finalize().into()
}

fn report_data(simulated: bool, leaves: usize, root: &[u8; 32]) -> ReportData {
    let mut framed = framed(simulated, Purpose::Batch);
    framed.count(leaves).fixed(root);
    ReportData::of(&framed)
}

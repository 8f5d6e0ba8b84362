use serde::{Deserialize, Serialize};

use super::{MAX_BATCH_LEAVES, node, report_data};
use crate::{Leaf, ReportData};

/// The way from one leaf of a [`Batch`](crate::Batch) to its root.
///
/// A path has exactly one shape for its place and the number of leaves; one of another shape cannot
/// be made, nor decoded. It proves nothing itself: the report data that it leads to must be the
/// quote's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct BatchPath {
    index: u16,
    leaves: u16,
    siblings: Vec<[u8; 32]>,
}

impl BatchPath {
    /// None where the parts do not fit together.
    pub(super) fn new(index: u16, leaves: u16, siblings: Vec<[u8; 32]>) -> Option<Self> {
        let fits = index < leaves
            && usize::from(leaves) <= MAX_BATCH_LEAVES
            && steps(index, leaves).filter(|step| *step != Step::Alone).count() == siblings.len();
        fits.then_some(Self { index, leaves, siblings })
    }

    /// What a quote that answers for `leaf` by this path binds.
    pub fn report_data(&self, leaf: &Leaf, simulated: bool) -> ReportData {
        let mut siblings = self.siblings.iter();
        let root = steps(self.index, self.leaves).fold(*leaf.as_bytes(), |at, step| match step {
            Step::Alone => at,
            Step::Left => siblings.next().map_or(at, |right| node(&at, right)),
            Step::Right => siblings.next().map_or(at, |left| node(left, &at)),
        });
        report_data(simulated, self.leaves.into(), &root)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Left,
    Right,
    Alone,
}

/// From the leaf's row up: which of a pair the node is.
fn steps(index: u16, leaves: u16) -> impl Iterator<Item = Step> {
    let rows = std::iter::successors(Some((index, leaves)), |(at, width)| {
        Some((at / 2, width.div_ceil(2)))
    });
    rows.take_while(|(_, width)| *width > 1).map(|(at, width)| {
        if at % 2 == 1 {
            Step::Right
        } else if at.saturating_add(1) < width {
            Step::Left
        } else {
            Step::Alone
        }
    })
}

#[derive(Serialize, Deserialize)]
struct Unchecked {
    index: u16,
    leaves: u16,
    siblings: Vec<[u8; 32]>,
}

impl From<BatchPath> for Unchecked {
    fn from(BatchPath { index, leaves, siblings }: BatchPath) -> Self {
        Self { index, leaves, siblings }
    }
}

impl TryFrom<Unchecked> for BatchPath {
    type Error = &'static str;

    fn try_from(Unchecked { index, leaves, siblings }: Unchecked) -> Result<Self, Self::Error> {
        Self::new(index, leaves, siblings).ok_or("no path of a batch has this shape")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_another_shape_is_no_path() {
        let at = |index, leaves, siblings| BatchPath::new(index, leaves, vec![[0; 32]; siblings]);
        assert!(at(0, 1, 0).is_some());
        assert!(at(4, 5, 1).is_some(), "the last of five has no partner twice");
        assert!(at(0, 5, 3).is_some());
        assert!(at(255, 256, 8).is_some());
        for (index, leaves, siblings) in
            [(0, 0, 0), (1, 1, 0), (0, 1, 1), (4, 5, 3), (0, 5, 2), (0, 257, 9), (5, 5, 1)]
        {
            assert!(at(index, leaves, siblings).is_none(), "{index} of {leaves}, {siblings}");
        }
    }

    #[test]
    fn a_path_of_another_shape_is_not_decoded() {
        let bytes = holobiont_identity::versioned::encode(1, &(0_u16, 5_u16, vec![[0_u8; 32]; 2]));
        assert!(holobiont_identity::versioned::decode::<BatchPath>(1, &bytes).is_err());
        let bytes = holobiont_identity::versioned::encode(1, &(0_u16, 5_u16, vec![[0_u8; 32]; 3]));
        assert!(holobiont_identity::versioned::decode::<BatchPath>(1, &bytes).is_ok());
    }
}

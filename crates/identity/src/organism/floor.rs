use serde::Serialize;

use crate::config::{Context, Table};

/// The least weight of members that commits stand on.
///
/// ```
/// use holobiont_identity::Floor;
///
/// assert_eq!(Floor::default(), Floor { normal: 0, halt_below: 0 });
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Floor {
    /// From this weight on, commits are normal; below it they are degraded.
    pub normal: u64,
    /// Below this weight nothing is taken. *Limits*: at most `normal`.
    pub halt_below: u64,
}

impl Floor {
    pub(super) fn read(table: &mut Table<'_>, cx: &mut Context<'_>) -> Self {
        let before = cx.count();
        let normal = table.number("normal", 0..=u64::MAX, cx).unwrap_or(0);
        let halt_below = table.number("halt_below", 0..=u64::MAX, cx).unwrap_or(0);
        if halt_below > normal && cx.count() == before {
            cx.advise(
                Some(table.span()),
                format!("`halt_below` ({halt_below}) is above `normal` ({normal}) in [floor]"),
                "commits halt at a lower weight than they degrade at: swap or lower `halt_below`",
            );
        }
        Self { normal, halt_below }
    }
}

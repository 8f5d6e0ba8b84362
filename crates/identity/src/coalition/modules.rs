use serde::Serialize;

use crate::config::{Context, Table};

/// Which of the coalition's modules are shipped. The file states each one.
///
/// ```
/// let modules = holobiont_identity::Modules { atlas: true, ..Default::default() };
/// assert!(!modules.almanac);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Modules {
    /// Whether the module `atlas` is shipped.
    pub atlas: bool,
    /// Whether the module `almanac` is shipped.
    pub almanac: bool,
    /// Whether the module `chronicle` is shipped.
    pub chronicle: bool,
    /// Whether the module `compute` is shipped.
    pub compute: bool,
    /// Whether the module `randomness` is shipped.
    pub randomness: bool,
}

impl Modules {
    pub(super) fn read(table: &mut Table<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let mut shipped = |name| table.required::<bool>(name, cx);
        let [atlas, almanac, chronicle, compute, randomness] =
            ["atlas", "almanac", "chronicle", "compute", "randomness"].map(&mut shipped);
        Some(Self {
            atlas: atlas?,
            almanac: almanac?,
            chronicle: chronicle?,
            compute: compute?,
            randomness: randomness?,
        })
    }
}

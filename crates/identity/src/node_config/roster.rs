use std::collections::BTreeMap;

use crate::UniqueId;
use crate::config::{self, ConfigError, Context, StableId, Table};

/// The most nodes that a `roster.toml` lists.
pub const MAX_ROSTER: usize = 32;

/// A whole `roster.toml`: the committee's first nodes, in order.
///
/// ```
/// use holobiont_identity::{RosterConfig, UniqueId};
///
/// let roster = RosterConfig::parse("version = 1\nnode = [{ id = \"a\" }, { id = \"b\" }]")?;
/// assert_eq!(roster.nodes, ["a", "b"].map(UniqueId::from_name));
/// # Ok::<(), holobiont_identity::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterConfig {
    /// The nodes. *Limits*: 1 to [`MAX_ROSTER`], each once.
    pub nodes: Vec<UniqueId>,
}

impl RosterConfig {
    /// Reads a `roster.toml`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every problem of the file.
    pub fn parse(source: &str) -> Result<Self, ConfigError> {
        config::parse(source, "roster.toml", Self::read)
    }

    fn read(root: &mut Table<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let listed: Vec<Table<'_>> = root.required("node", cx)?;
        if !(1..=MAX_ROSTER).contains(&listed.len()) {
            let message = format!("a roster has 1 to {MAX_ROSTER} nodes, not {}", listed.len());
            cx.report(None, message);
            return None;
        }
        let mut lines = BTreeMap::new();
        let mut nodes = Vec::new();
        for mut entry in listed {
            let id = entry.required::<StableId>("id", cx);
            let span = entry.span();
            let line = cx.line(&span);
            entry.finish(cx);
            let Some(StableId(id)) = id else { continue };
            if let Some(first) = lines.insert(id, line) {
                let message = format!("one node is listed twice, on lines {first} and {line}");
                cx.report(Some(span), message);
            }
            nodes.push(id);
        }
        Some(Self { nodes })
    }
}

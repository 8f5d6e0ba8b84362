use serde::Serialize;

use crate::config::{Context, Table};

/// The longest tick, in milliseconds.
pub const MAX_TICK_MS: u32 = 60_000;

/// The organism's ticks, and what is counted in them.
///
/// ```
/// assert_eq!(holobiont_identity::TickConfig::default().tick_ms, 250);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TickConfig {
    /// Time between the leader's ticks, in milliseconds. *Limits*: 1 to [`MAX_TICK_MS`].
    pub tick_ms: u32,
    /// A cut that takes nothing is made after this many ticks. *Limits*: at least 1.
    pub checkpoint_every: u32,
    /// An undecided offer gives way after this many ticks. *Limits*: at least 1.
    pub offer_timeout: u32,
}

impl Default for TickConfig {
    fn default() -> Self {
        Self { tick_ms: 250, checkpoint_every: 1000, offer_timeout: 40 }
    }
}

impl TickConfig {
    pub(super) fn read(table: &mut Table<'_>, cx: &mut Context<'_>) -> Self {
        let default = Self::default();
        let mut ticks =
            |key, most: u32, default| table.number(key, 1..=most, cx).unwrap_or(default);
        Self {
            tick_ms: ticks("tick_ms", MAX_TICK_MS, default.tick_ms),
            checkpoint_every: ticks("checkpoint_every", u32::MAX, default.checkpoint_every),
            offer_timeout: ticks("offer_timeout", u32::MAX, default.offer_timeout),
        }
    }
}

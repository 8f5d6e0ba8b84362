use serde::Serialize;

use crate::cli::{BenchCommittee as Args, CommitteePart as Part};

/// What is measured, and on how much.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Settings {
    pub(super) nodes: u16,
    pub(super) members: u16,
    pub(super) record_bytes: u32,
    /// Of `paced` and of `flat`.
    pub(super) seconds: u64,
    pub(super) down_records: u64,
    pub(super) kills: u32,
    /// Whether payloads are random bytes, and not values.
    pub(super) random: bool,
    /// Whether the figures mean nothing.
    pub(super) quick: bool,
    /// How often a replay alone is repeated.
    pub(super) repeat: usize,
    #[serde(skip)]
    only: Vec<Part>,
}

impl Settings {
    pub(super) fn of(args: &Args) -> Self {
        let all = [Part::Paced, Part::Flat, Part::Down, Part::Kills];
        let quick = args.quick;
        let less = |asked: u64, most: u64| if quick { asked.min(most) } else { asked };
        Self {
            nodes: args.nodes,
            members: args.members,
            record_bytes: args.record_bytes,
            seconds: less(args.seconds, 2),
            down_records: less(args.down_records, 20_000),
            kills: if quick { args.kills.min(1) } else { args.kills },
            random: args.random,
            quick,
            repeat: if quick { 1 } else { 3 },
            only: if args.only.is_empty() { all.to_vec() } else { args.only.clone() },
        }
    }

    pub(super) fn has(&self, part: Part) -> bool {
        self.only.contains(&part)
    }

    /// Names of the members, in the config's order.
    pub(super) fn names(&self) -> Vec<String> {
        (1..=self.members).map(|number| format!("M{number}")).collect()
    }

    /// Records of all members on so many clock events.
    pub(super) fn records(&self, clocks: u64) -> u64 {
        clocks.saturating_mul(self.members.into())
    }
}

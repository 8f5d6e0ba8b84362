//! `holobiont run`: a node of a committee, wired together.
//!
//! ```text
//! node.toml ─► Loaded ─► Trust, TermBook ─► Links (dial) ┬─► committee driver ─► Keeper: log archive,
//!                             └─► Server (accept) ───────┘        ▲                  rosters, configs
//!   sources ─► Feeder, one a member ─► Copies ────────────────────┘
//!   ops listener: /livez /readyz /metrics     query listener: /v1/…
//! ```

mod admission;
mod certificates;
mod configs;
mod copy_sink;
mod counters;
mod drain;
mod feeding;
mod giving;
mod health;
mod keeping;
mod links;
mod listening;
mod loaded;
mod log_archive;
mod logging;
mod metrics;
mod ops;
mod orders;
mod output;
mod places;
mod query;
mod running;
mod sources;
mod start;
mod stored;
mod surfaces;
mod terms;
pub(crate) mod told;
mod trust;
mod wiring;

pub(crate) use loaded::{Loaded, roster};
pub(crate) use logging::start as start_log;
pub(crate) use query::commits;
pub(crate) use start::run;
pub(crate) use terms::{committee_pins, committee_terms, member_terms};
pub(crate) use trust::Trust;
pub(crate) use wiring::seed;

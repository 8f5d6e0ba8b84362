//! This project's own readers, as its commands use them.

mod empty;
mod fold;
mod reader;

pub(crate) use fold::{cross_feed, empty};
pub(crate) use reader::{BUDGET_BYTES, scan, seal_key, sealed, surfaces, unverified, verified};

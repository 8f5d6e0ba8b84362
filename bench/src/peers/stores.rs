//! The stores that the feature `peers` brings, each read the fastest way that its own
//! documentation shows, with the checks that it makes unasked.

use super::Peer;

mod commitlog;
mod fjall;
mod hand_written;
mod raft_engine;
mod redb;
mod rkyv;
mod sqlite;
mod value;

#[cfg(test)]
mod tests;

pub(super) fn all() -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(hand_written::HandWritten),
        Box::new(rkyv::Rkyv),
        Box::new(commitlog::Commitlog),
        Box::new(raft_engine::RaftEngine),
        Box::new(redb::Redb),
        Box::new(fjall::Fjall),
        Box::new(sqlite::Sqlite),
    ]
}

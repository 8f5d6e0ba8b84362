use std::path::PathBuf;

use crate::contender::{Contender, Seen};
use crate::peers::Peer;
use crate::prepare::Expected;
use crate::report::Kind;
use crate::{BenchError, Sum};

/// A peer's row: its name without the version.
pub(crate) fn row_name(name: &'static str) -> &'static str {
    name.split(' ').next().unwrap_or(name)
}

/// A row of every peer, with where its records are, and why there are none if there are none.
pub(super) fn rows(
    peers: &[(Box<dyn Peer>, PathBuf, Option<String>)],
    expected: Expected,
) -> impl Iterator<Item = Contender<'_>> {
    peers.iter().map(move |(peer, dir, failure)| Contender {
        name: row_name(peer.name()).to_owned(),
        title: peer.name().to_owned(),
        kind: Kind::Peer,
        checks: peer.checks().to_owned(),
        records: expected.sum.records,
        bytes: expected.sum.payload_bytes,
        against: Vec::new(),
        expected: Seen::Sum(expected.sum),
        before: None,
        after: None,
        run: Box::new(move || {
            if let Some(why) = failure {
                return Err(BenchError::Unmeasurable { why: why.clone() });
            }
            let mut sum = Sum::default();
            peer.replay(dir, &mut sum)?;
            Ok(Seen::Sum(sum))
        }),
    })
}

//! The nodes' own surfaces, byte for byte.

use std::path::{Path, PathBuf};

use holobiont_surface::{Surface, SurfaceError};

use super::super::layout::{Layout, NodeAt};
use super::Check;
use crate::failure::Failure;
use crate::text::count;

/// An organism's surface that somebody made.
pub(super) struct Read {
    surface: Surface,
}

/// What all nodes published, as far as the one that published least.
pub(super) struct Equal {
    first: Read,
    pub(super) records: u64,
    pub(super) head: String,
    differs: Option<String>,
}

/// Where a node keeps what its organism publishes.
pub(super) fn output(node: &NodeAt) -> PathBuf {
    node.data().join("output")
}

/// Compares all nodes' surfaces with the first one's.
pub(super) fn compare(layout: &Layout) -> Result<Equal, Failure> {
    let read = layout.nodes.iter().map(|node| Ok((&node.name, Read::open(&output(node))?)));
    let mut all = read.collect::<Result<Vec<_>, Failure>>()?.into_iter();
    let Some((_, first)) = all.next() else {
        return Err(Failure::Differs { what: "there are no nodes".to_owned() });
    };
    let mut equal =
        Equal { records: first.surface.next_seq(), head: String::new(), differs: None, first };
    for (name, other) in all {
        let (is_equal, says) = equal.is_of(&other)?;
        if !is_equal && equal.differs.is_none() {
            equal.differs = Some(format!("{name}: {says}"));
        }
        equal.records = equal.records.min(other.surface.next_seq());
    }
    if let Some(last) = equal.records.checked_sub(1) {
        equal.head = equal.first.surface.head_at(last)?.hash.to_string();
    }
    Ok(equal)
}

impl Equal {
    pub(super) fn check(&self) -> Check {
        let what = "all nodes published the same, byte for byte";
        match &self.differs {
            Some(differs) => Check::new(what, false, differs.clone()),
            None if self.records == 0 => Check::new(what, false, "which is nothing"),
            None => Check::new(what, true, count(self.records, "record")),
        }
    }

    /// Whether another surface is the same, as far as both go; and what is so, in words.
    pub(super) fn is_of(&self, other: &Read) -> Result<(bool, String), Failure> {
        let (ours, theirs) = (&self.first.surface, &other.surface);
        let end = ours.next_seq().min(theirs.next_seq());
        let Some(last) = end.checked_sub(1) else {
            return Ok((false, "one of the two is empty".to_owned()));
        };
        let [mut ours_at, mut theirs_at] = [ours.cursor(0)?, theirs.cursor(0)?];
        for seq in 0..end {
            let is_there = ours_at.peek()?.is_some() && theirs_at.peek()?.is_some();
            let is_same = match (ours_at.current(), theirs_at.current()) {
                (Some(ours), Some(theirs)) if is_there => {
                    let header = |it: &holobiont_surface::Record<'_>| {
                        (it.seq(), it.clock(), it.closes_clock(), it.time_ms(), it.kind())
                    };
                    header(&ours) == header(&theirs) && ours.payload() == theirs.payload()
                }
                _ => false,
            };
            if !is_same {
                return Ok((false, format!("record {seq} is the first that differs")));
            }
            ours_at.advance();
            theirs_at.advance();
        }
        let [head, other] = [ours.head_at(last)?, theirs.head_at(last)?];
        let says = if head == other {
            count(end, "record")
        } else {
            format!("heads at record {last} are {} and {}", head.hash, other.hash)
        };
        Ok((head == other, says))
    }
}

impl Read {
    pub(super) fn open(dir: &Path) -> Result<Self, SurfaceError> {
        Ok(Self { surface: Surface::open(dir)? })
    }
}

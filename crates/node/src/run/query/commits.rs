use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Path, State};
use holobiont_archive::{Problem, Served as _};
use holobiont_identity::Digest;
use holobiont_replay::{Citation, Commit, MemberEvidence, Published};
use holobiont_surface::{EvidenceItem, Head};
use serde::{Deserialize, Serialize};

use super::{Here, looking};
use crate::run::running::Running;

/// The most citations of which the proofs are sent.
const MAX_PROOFS: usize = 1_024;
/// The most that the windows in these take, in bytes; the first may be longer.
const MAX_PROOFS_BYTES: usize = 16 << 20;
/// How long proofs are looked for, in milliseconds: others wait for the disk, too.
const MAX_PROVING_MS: u64 = 5_000;

/// What one answer may still take. A citation without a proof can be asked of the member.
struct Allowance {
    proofs: usize,
    bytes: usize,
    until: Option<Instant>,
}

impl Allowance {
    fn new() -> Self {
        let until = Instant::now().checked_add(Duration::from_millis(MAX_PROVING_MS));
        Self { proofs: MAX_PROOFS, bytes: MAX_PROOFS_BYTES, until }
    }

    /// Makes one more, where there may be one.
    fn spend<T>(&mut self, make: impl FnOnce() -> Option<(usize, T)>) -> Option<T> {
        let is_over = self.until.is_none_or(|until| Instant::now() >= until);
        if self.proofs == 0 || self.bytes == 0 || is_over {
            return None;
        }
        let (bytes, made) = make()?;
        self.proofs = self.proofs.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        Some(made)
    }
}

/// One record of the organism's own surface, with the proof that a certificate covers it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CommitTold {
    /// Its number on the surface.
    pub(crate) seq: u64,
    /// `commit`, `status` or `empty`.
    pub(crate) kind: String,
    pub(crate) clock: u64,
    pub(crate) cut: Option<u64>,
    pub(crate) grade: Option<String>,
    pub(crate) weight: Option<u64>,
    /// Every member's status, in the config's order.
    pub(crate) statuses: Vec<String>,
    /// The record's payload, in hex.
    pub(crate) payload: String,
    /// That it is under `certified`.
    pub(crate) proof: Proof,
    /// Cut of the certificate that names the head.
    pub(crate) certified_cut: u64,
}

/// A proof that a record is under a head.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Proof {
    pub(crate) seq: u64,
    pub(crate) head: Head,
    pub(crate) first_seq_of_window: u64,
    /// In hex.
    pub(crate) window: String,
    pub(crate) chain_before: Digest,
    pub(crate) later: Vec<Digest>,
}

/// What one commit stands on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EvidenceTold {
    pub(crate) seq: u64,
    pub(crate) cut: u64,
    /// Of every member that it stands on: what was taken, and the head at the cut.
    pub(crate) members: Vec<MemberTold>,
    /// The records that the program cited. Proofs are there where this node shows members' records.
    pub(crate) citations: Vec<CitationTold>,
}

/// What a commit stands on, of one member.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MemberTold {
    pub(crate) member: u16,
    pub(crate) name: String,
    pub(crate) taken: Option<(u64, u64)>,
    pub(crate) head: Head,
}

/// One record that a commit cites.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CitationTold {
    pub(crate) member: u16,
    pub(crate) seq: u64,
    pub(crate) clock: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<Proof>,
}

impl Proof {
    pub(crate) fn of(seq: u64, head: Head, item: &EvidenceItem) -> Self {
        Self {
            seq,
            head,
            first_seq_of_window: item.first_seq_of_window,
            window: hex::encode(&item.window),
            chain_before: item.chain_before,
            later: item.later.clone(),
        }
    }

    /// The item to be verified; none where it is none.
    pub(crate) fn item(&self) -> Option<EvidenceItem> {
        Some(EvidenceItem {
            first_seq_of_window: self.first_seq_of_window,
            window: hex::decode(&self.window).ok()?,
            chain_before: self.chain_before,
            later: self.later.clone(),
        })
    }
}

pub(super) async fn commit(
    State(running): Here,
    Path(seq): Path<u64>,
) -> Result<Json<CommitTold>, Problem> {
    let certified = running
        .node()
        .with_machine(|machine| machine.latest_certificate().map(|it| it.statement.clone()));
    let end = running.output().end();
    let (Some(certified), true) = (certified, seq < end) else { return Err(not_yet(seq, end)) };
    let told = looking(move || {
        let output = running.output();
        let view = output.view().map_err(io::Error::other)?;
        // The newest certificate may be ahead of what is served.
        let head = match certified.output.filter(|head| head.seq.saturating_add(1) == end) {
            Some(head) => head,
            None => view.head_at(end.saturating_sub(1)).map_err(io::Error::other)?,
        };
        let item = view.prove(seq, head.seq).map_err(io::Error::other)?;
        let record = item.verify(seq, &head, view.genesis()).map_err(io::Error::other)?;
        let published = Published::read(&record).map_err(io::Error::other)?;
        let commit = match &published {
            Published::Commit(commit) => Some(commit),
            _ => None,
        };
        Ok(CommitTold {
            seq,
            kind: kind(&published).to_owned(),
            clock: record.clock(),
            cut: published.cut(),
            grade: commit.map(|commit| commit.grade.name().to_owned()),
            weight: commit.map(|commit| commit.weight),
            statuses: commit.map_or_else(Vec::new, |commit| {
                commit.statuses.iter().map(|status| status.name().to_owned()).collect()
            }),
            payload: hex::encode(record.payload()),
            proof: Proof::of(seq, head, &item),
            certified_cut: certified.cut,
        })
    });
    told.await.map(Json)
}

pub(super) async fn evidence(
    State(running): Here,
    Path(seq): Path<u64>,
) -> Result<Json<EvidenceTold>, Problem> {
    let end = running.output().end();
    if seq >= end {
        return Err(not_yet(seq, end));
    }
    let told = looking(move || {
        let view = running.output().view().map_err(io::Error::other)?;
        let mut cursor = view.cursor(seq).map_err(io::Error::other)?;
        cursor.peek().map_err(io::Error::other)?;
        let published = cursor.current().map(|record| Published::read(&record)).transpose();
        match published.map_err(io::Error::other)? {
            Some(Published::Commit(commit)) => Ok(Some(stands_on(&running, seq, &commit))),
            _ => Ok(None),
        }
    });
    told.await?.map(Json).ok_or_else(|| {
        Problem::new(404, "no-commit", format!("record {seq} is no commit: it stands on nothing"))
    })
}

fn stands_on(running: &Arc<Running>, seq: u64, commit: &Commit) -> EvidenceTold {
    let organism = running.node().with_machine(|machine| Arc::clone(machine.organism()));
    let name_of = |place: u16| {
        let member = organism.members.get(usize::from(place));
        member.map_or_else(String::new, |member| member.name.clone())
    };
    let members = commit.evidence.iter().map(|evidence| MemberTold {
        member: evidence.place,
        name: name_of(evidence.place),
        taken: evidence.taken,
        head: evidence.head,
    });
    let mut allowance = Allowance::new();
    let citations = commit.citations.iter().map(|citation| CitationTold {
        member: citation.member,
        seq: citation.seq,
        clock: citation.clock,
        proof: allowance.spend(|| prove(running, &organism, &commit.evidence, citation)),
    });
    EvidenceTold {
        seq,
        cut: commit.cut,
        members: members.collect(),
        citations: citations.collect(),
    }
}

/// With the length of its window; none where this node does not show the member's records, or no longer
/// has them.
fn prove(
    running: &Running,
    organism: &holobiont_identity::Organism,
    evidence: &[MemberEvidence],
    citation: &Citation,
) -> Option<(usize, Proof)> {
    let member = organism.members.get(usize::from(citation.member))?;
    let served = running.shown(&member.surface_id())?;
    let head = evidence.iter().find(|it| it.place == citation.member)?.head;
    let item = served.view().ok()?.prove(citation.seq, head.seq).ok()?;
    Some((item.window.len(), Proof::of(citation.seq, head, &item)))
}

const fn kind(published: &Published) -> &'static str {
    match published {
        Published::Commit(_) => "commit",
        Published::Status(_) => "status",
        _ => "empty",
    }
}

fn not_yet(seq: u64, end: u64) -> Problem {
    let detail = format!("record {seq} is not certified yet, those before {end} are");
    let mut problem = Problem::new(404, "not-certified", detail);
    problem.next_seq = Some(end);
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_so_many_proofs_and_so_many_bytes() {
        let count = |bytes: usize| {
            let mut allowance = Allowance { until: far(), ..Allowance::new() };
            (0..2 * MAX_PROOFS).filter_map(|_| allowance.spend(|| Some((bytes, ())))).count()
        };
        assert_eq!(count(1), MAX_PROOFS);
        assert_eq!(count(MAX_PROOFS_BYTES / 4), 4);
        assert_eq!(count(usize::MAX), 1);
        let mut late = Allowance { until: Some(Instant::now()), ..Allowance::new() };
        assert!(late.spend(|| Some((1, ()))).is_none());
    }

    fn far() -> Option<Instant> {
        Instant::now().checked_add(Duration::from_secs(3_600))
    }
}

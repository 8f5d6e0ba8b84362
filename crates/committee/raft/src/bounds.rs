//! What a peer may name. Its host writes its disk, so that a node of measured code may still believe,
//! and say, anything; the engine takes all of it for granted.

use holobiont_committee::MAX_SIGNED_BYTES;
use holobiont_committee_store::{Committee, Leader, Payload, Term};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, TransferLeaderError};
use openraft::{EntryPayload, LogId, Vote};

use crate::boots::{Boot, MAX_BOOT_NUMBER};
use crate::rpc::{Answer, Request};
use crate::{LastLog, Marks};

/// The highest term that is taken from a peer. A committee that elects a leader every second comes to
/// it in nine million years; at `u64::MAX` the next election's arithmetic would end the node.
pub const MAX_TERM: u64 = 1 << 48;

/// The highest log index that is taken from a peer.
pub const MAX_LOG_INDEX: u64 = 1 << 48;

/// Why a message is not taken. What the peer says of itself is wrong: its disk is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsound {
    #[error("you name term {term}, and none is above {MAX_TERM}: your node's disk is damaged")]
    Term { term: u64 },
    #[error(
        "you name log entry {index}, and none is above {MAX_LOG_INDEX}: your node's disk is damaged"
    )]
    Index { index: u64 },
    #[error("boot {number} of your node is more than {MAX_BOOT_NUMBER}: remove its file `boot`")]
    Boot { number: u64 },
    #[error("you write to the log, and were not elected")]
    NotElected,
    #[error("you ask for a vote as one that was elected already")]
    Elected,
    #[error("entry {index} of term {term} cannot follow in the log of a leader of term {leads}")]
    Follows { term: u64, index: u64, leads: u64 },
    #[error("entry {index} has {size_bytes} bytes, more than {MAX_SIGNED_BYTES}")]
    Large { index: u64, size_bytes: usize },
}

/// Whether a request can be given to the engine.
pub(crate) fn request<C: Committee>(boot: Boot, request: &Request<C>) -> Result<(), Unsound> {
    if boot.number > MAX_BOOT_NUMBER {
        return Err(Unsound::Boot { number: boot.number });
    }
    match request {
        Request::Recall { .. } | Request::Propose(_) => Ok(()),
        Request::Append(append) => log(append),
        Request::Vote(asked) | Request::PreVote(asked) => {
            vote(&asked.vote)?;
            log_id(asked.last_log_id.as_ref())?;
            if asked.vote.committed { Err(Unsound::Elected) } else { Ok(()) }
        }
        Request::Snapshot(piece) => elected(&piece.vote),
        Request::TransferLeader(transfer) => {
            vote(transfer.from_leader())?;
            log_id(transfer.last_log_id())
        }
    }
}

/// Whether an answer can be.
pub(crate) fn answer<C: Committee>(answer: &Answer<C>) -> Result<(), Unsound> {
    match answer {
        Answer::Marks(told) => marks(&told.marks),
        Answer::Append(AppendEntriesResponse::HigherVote(higher)) => vote(higher),
        Answer::Append(AppendEntriesResponse::PartialSuccess(last)) => log_id(last.as_ref()),
        Answer::Vote(response) => {
            vote(&response.vote)?;
            log_id(response.last_log_id.as_ref())
        }
        Answer::Snapshot(Some(response)) => vote(&response.vote),
        Answer::TransferLeader(Err(TransferLeaderError::VoteChanged { actual, .. })) => {
            vote(actual)
        }
        Answer::TransferLeader(Err(TransferLeaderError::LogNotFlushed { actual, .. })) => {
            log_id(actual.as_ref())
        }
        _ => Ok(()),
    }
}

pub(crate) fn marks(marks: &Marks) -> Result<(), Unsound> {
    term(marks.term)?;
    place(marks.last)?;
    place(marks.committed)
}

/// What a leader sends: in order, right after what it says is there, and none of a later term.
fn log<C: Committee>(append: &AppendEntriesRequest<C>) -> Result<(), Unsound> {
    elected(&append.vote)?;
    log_id(append.prev_log_id.as_ref())?;
    log_id(append.leader_commit.as_ref())?;
    let leads = append.vote.leader_id.term;
    let mut last = append.prev_log_id.as_ref().map(pair);
    if let Some((term, index)) = last.filter(|(term, _)| *term > leads) {
        return Err(Unsound::Follows { term, index, leads });
    }
    for entry in &append.entries {
        let (term, index) = pair(&entry.log_id);
        place(Some((term, index)))?;
        let next = last.map_or(0, |(_, before)| before.saturating_add(1));
        let is_later = last.is_none_or(|(before, _)| before <= term);
        if index != next || !is_later || term > leads {
            return Err(Unsound::Follows { term, index, leads });
        }
        if let EntryPayload::Normal(Payload(bytes)) = &entry.payload
            && bytes.len() > MAX_SIGNED_BYTES
        {
            return Err(Unsound::Large { index, size_bytes: bytes.len() });
        }
        last = Some((term, index));
    }
    Ok(())
}

const fn elected(by: &Vote<Leader>) -> Result<(), Unsound> {
    match by.committed {
        true => vote(by),
        false => Err(Unsound::NotElected),
    }
}

const fn vote(vote: &Vote<Leader>) -> Result<(), Unsound> {
    term(vote.leader_id.term)
}

const fn term(term: u64) -> Result<(), Unsound> {
    match term > MAX_TERM {
        true => Err(Unsound::Term { term }),
        false => Ok(()),
    }
}

fn log_id(log_id: Option<&LogId<Term>>) -> Result<(), Unsound> {
    place(log_id.map(pair))
}

fn place(at: LastLog) -> Result<(), Unsound> {
    let Some((its_term, index)) = at else { return Ok(()) };
    match index > MAX_LOG_INDEX {
        true => Err(Unsound::Index { index }),
        false => term(its_term),
    }
}

/// Term and index.
pub(crate) fn pair(log_id: &LogId<Term>) -> (u64, u64) {
    (log_id.committed_leader_id().term, log_id.index())
}

#[cfg(test)]
mod tests {
    use holobiont_committee_store::Live;
    use openraft::entry::Entry;
    use openraft::raft::{VoteRequest, VoteResponse};
    use openraft::vote::RaftLeaderIdExt as _;

    use super::*;

    const BOOT: Boot = Boot { key: [1; 32], number: 1 };

    fn at(term: u64, index: u64) -> LogId<Term> {
        LogId::new(Leader::new_committed(term, 0), index)
    }

    fn append(term: u64, previous: Option<(u64, u64)>, entries: &[(u64, u64)]) -> Request<Live> {
        let entry = |(term, index): &(u64, u64)| Entry {
            log_id: at(*term, *index),
            payload: EntryPayload::Normal(Payload(vec![7])),
        };
        Request::Append(AppendEntriesRequest {
            vote: Vote::new_committed(term, 9),
            prev_log_id: previous.map(|(term, index)| at(term, index)),
            entries: entries.iter().map(entry).collect(),
            leader_commit: None,
        })
    }

    #[test]
    fn numbers_that_no_committee_comes_to_are_refused_wherever_a_peer_names_them() {
        let asks = |term, last: Option<(u64, u64)>| {
            let last = last.map(|(term, index)| at(term, index));
            request::<Live>(BOOT, &Request::Vote(VoteRequest::new(Vote::new(term, 9), last)))
        };
        assert_eq!(asks(MAX_TERM, Some((MAX_TERM, MAX_LOG_INDEX))), Ok(()));
        assert_eq!(asks(u64::MAX, None), Err(Unsound::Term { term: u64::MAX }));
        assert_eq!(asks(5, Some((u64::MAX, 1))), Err(Unsound::Term { term: u64::MAX }));
        assert_eq!(asks(5, Some((5, u64::MAX))), Err(Unsound::Index { index: u64::MAX }));
        let appended =
            |term, previous, entries: &[_]| request(BOOT, &append(term, previous, entries));
        assert_eq!(appended(u64::MAX, None, &[]), Err(Unsound::Term { term: u64::MAX }));
        assert!(appended(5, Some((5, u64::MAX)), &[]).is_err());
        let later = Boot { number: MAX_BOOT_NUMBER + 1, ..BOOT };
        let proposal = Request::<Live>::Propose(Vec::new());
        assert_eq!(request(later, &proposal), Err(Unsound::Boot { number: later.number }));

        let vote = VoteResponse::new(Vote::new(u64::MAX, 9), None, false);
        assert!(answer::<Live>(&Answer::Vote(vote)).is_err());
        let higher = AppendEntriesResponse::HigherVote(Vote::new_committed(u64::MAX, 9));
        assert!(answer::<Live>(&Answer::Append(higher)).is_err());
        for marks in [
            Marks { term: u64::MAX, ..Marks::default() },
            Marks { last: Some((1, u64::MAX)), ..Marks::default() },
            Marks { committed: Some((u64::MAX, 1)), ..Marks::default() },
        ] {
            assert!(super::marks(&marks).is_err(), "{marks:?}");
        }
    }

    #[test]
    fn a_leader_sends_what_follows_and_was_elected() {
        let appended =
            |term, previous, entries: &[_]| request(BOOT, &append(term, previous, entries));
        assert_eq!(appended(5, None, &[(0, 0), (2, 1), (5, 2)]), Ok(()));
        assert_eq!(appended(5, Some((4, 7)), &[(4, 8), (5, 9)]), Ok(()));
        for (previous, entries) in [
            (None, &[(1, 1)][..]),
            (Some((4, 7)), &[(4, 9)]),
            (Some((4, 7)), &[(3, 8)]),
            (Some((4, 7)), &[(6, 8)]),
            (Some((6, 7)), &[]),
            (Some((4, 7)), &[(4, 8), (4, 8)]),
        ] {
            let refused = appended(5, previous, entries);
            assert!(matches!(refused, Err(Unsound::Follows { leads: 5, .. })), "{refused:?}");
        }
        let Request::Append(mut unelected) = append(5, None, &[]) else { return };
        unelected.vote.committed = false;
        assert_eq!(request(BOOT, &Request::Append(unelected)), Err(Unsound::NotElected));
        let elected = VoteRequest::new(Vote::new_committed(5, 9), None);
        assert_eq!(request::<Live>(BOOT, &Request::PreVote(elected)), Err(Unsound::Elected));
    }
}

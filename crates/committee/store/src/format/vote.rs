use openraft::Vote;

use super::Envelope;
use super::mark::whole;
use crate::{Defect, Leader};

const ENVELOPE: Envelope = Envelope { magic: *b"HBLV", version: 1 };

pub(crate) fn encode_vote(vote: Option<&Vote<Leader>>) -> Vec<u8> {
    let fields = vote.map(|vote| (vote.leader_id.term, vote.leader_id.voted_for, vote.committed));
    ENVELOPE.close(&postcard::to_stdvec(&fields).unwrap_or_default())
}

pub(crate) fn decode_vote(bytes: &[u8]) -> Result<Option<Vote<Leader>>, Defect> {
    let fields: Option<(u64, u64, bool)> = whole(ENVELOPE.open(bytes)?)?;
    Ok(fields.map(|(term, node, committed)| match committed {
        true => Vote::new_committed(term, node),
        false => Vote::new(term, node),
    }))
}

use holobiont_policy::{Frontier, MemberState};

/// Where the committee stands with a member: what an offer of its records begins after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// The member's frontier.
    pub frontier: Option<Frontier>,
    /// The first record that a new head would add: the one after the frontier, or after a gap that a
    /// majority has agreed on.
    pub from_seq: u64,
}

impl Since {
    /// Where a member stands that has this frontier, and what is before `resume_from` is taken or lost.
    #[must_use]
    pub fn new(frontier: Option<Frontier>, resume_from: u64) -> Self {
        let after = frontier.map_or(0, |frontier| frontier.seq.saturating_add(1));
        Self { frontier, from_seq: after.max(resume_from) }
    }
}

/// Of a member that has had no gap since its frontier.
impl From<Option<Frontier>> for Since {
    fn from(frontier: Option<Frontier>) -> Self {
        Self::new(frontier, 0)
    }
}

impl From<&MemberState> for Since {
    fn from(state: &MemberState) -> Self {
        Self::new(state.frontier, state.resume_from)
    }
}

use holobiont_identity::{Alignment, Floor, Member, Organism, TickConfig, UniqueId, versioned};
use serde::{Deserialize, Serialize};

use crate::command::decode;
use crate::{
    Cause, Command, Cut, Frontier, MAX_TIME_MS, MemberState, OfferedHead, PolicyError, Roster,
    Status, StatusChange,
};

const SNAPSHOT_VERSION: u8 = 1;
const MAX_SNAPSHOT_BYTES: usize = 64 * 1024 * 1024;
/// Pending changes of status before they are condensed to one a member.
const MAX_PENDING_CHANGES: usize = 16_384;

/// The committee's state machine: apply the log's commands in order, take the cuts it makes.
///
/// Commands that make no sense here (an unknown member, a vote on no offer) change nothing and are
/// named in [`Applied::ignored`]: whoever wrote them cannot stop the log.
#[derive(Debug, Clone)]
pub struct CommitteeState {
    pub(crate) organism: UniqueId,
    pub(crate) rules: Vec<Member>,
    pub(crate) floor: Floor,
    pub(crate) align: Alignment,
    pub(crate) ticks: TickConfig,
    pub(crate) roster: Roster,
    pub(crate) log: LogState,
}

/// What a command did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The cut that the entry made.
    pub cut: Option<Cut>,
    /// The heads that found a majority in it, whether or not policy then took them.
    pub agreed: Vec<Agreed>,
    /// What of it had no effect, and why.
    pub ignored: Vec<Ignored>,
}

/// A head that found a majority, and where the member stood before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// The head.
    pub head: OfferedHead,
    /// The member's frontier until then.
    pub before: Option<Frontier>,
    /// The first record that the head adds: the one after the frontier, or after a gap.
    pub from_seq: u64,
}

/// Why a command, or a part of one, had no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ignored {
    /// Its log index is not above the last one applied.
    OldIndex,
    /// No such node in the roster.
    UnknownNode(u16),
    /// No such member in the config.
    UnknownMember(u16),
    /// The offered record is not after the member's frontier or resume point.
    NotAhead(u16),
    /// Another offer for the member is still being voted on.
    OfferOpen(u16),
    /// Nothing more is taken of the member (quarantined, retired, or held at a gap).
    NotTaken(u16),
    /// The vote names no open offer of the member.
    NoSuchOffer(u16),
    /// The node has voted on that offer already.
    AlreadyVoted(u16),
    /// A gap that starts where the member's next record would be anyway.
    NoGap(u16),
    /// An order for another organism.
    OtherOrganism,
    /// An order whose number is not above the last one's.
    OldOrder(u64),
    /// An order past its expiry.
    ExpiredOrder(u64),
    /// The member is in no state that the order could change.
    NothingToDo(u16),
    /// The time that the node reports cannot be: it is past [`MAX_TIME_MS`](crate::MAX_TIME_MS).
    ImpossibleTime(u16),
    /// The nodes ordered are no roster: none, too many, or one twice.
    NoRoster,
}

impl std::fmt::Display for Ignored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OldIndex => f.write_str("its log index was applied already"),
            Self::UnknownNode(node) => write!(f, "the roster has no node {node}"),
            Self::UnknownMember(member) => write!(f, "the config has no member {member}"),
            Self::NotAhead(member) => write!(f, "member {member} is past that record already"),
            Self::OfferOpen(member) => write!(f, "member {member} has an open offer"),
            Self::NotTaken(member) => write!(f, "nothing more is taken of member {member}"),
            Self::NoSuchOffer(member) => write!(f, "member {member} has no such open offer"),
            Self::AlreadyVoted(member) => write!(f, "the node has voted on member {member}"),
            Self::NoGap(member) => write!(f, "member {member} has no gap there"),
            Self::OtherOrganism => f.write_str("it is for another organism"),
            Self::OldOrder(sequence) => write!(f, "order {sequence} is not above the last one"),
            Self::ExpiredOrder(sequence) => write!(f, "order {sequence} has expired"),
            Self::NothingToDo(member) => {
                write!(f, "member {member} is in no state that it could change")
            }
            Self::ImpossibleTime(node) => write!(f, "node {node} reports an impossible time"),
            Self::NoRoster => f.write_str("the nodes ordered are no roster"),
        }
    }
}

/// The part that the log alone decides: what a snapshot holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogState {
    pub(crate) log_index: u64,
    pub(crate) tick: u64,
    pub(crate) paused: bool,
    pub(crate) halted: bool,
    pub(crate) order_sequence: u64,
    /// Each node's newest time; 0 before its first report.
    pub(crate) reported_ms: Vec<u64>,
    pub(crate) time_ms: u64,
    pub(crate) watermark: Option<u64>,
    pub(crate) cut_number: u64,
    /// Cuts that were no checkpoints.
    pub(crate) cuts_taken: u64,
    pub(crate) last_cut_tick: u64,
    pub(crate) moved_since_cut: bool,
    /// No member held the watermark when it was last looked at.
    pub(crate) idle: bool,
    /// After an idle time: the tick before which the watermark stays.
    pub(crate) resume_at_tick: Option<u64>,
    pub(crate) members: Vec<MemberState>,
    pub(crate) changes: Vec<StatusChange>,
}

impl CommitteeState {
    /// The state before the log's first entry.
    #[must_use]
    pub fn new(organism: &Organism, roster: Roster) -> Self {
        let log = LogState {
            log_index: 0,
            tick: 0,
            paused: false,
            halted: false,
            order_sequence: 0,
            reported_ms: vec![0; roster.nodes().len()],
            time_ms: 0,
            watermark: None,
            cut_number: 0,
            cuts_taken: 0,
            last_cut_tick: 0,
            moved_since_cut: false,
            idle: false,
            resume_at_tick: None,
            members: organism.members.iter().map(|_| MemberState::new()).collect(),
            changes: Vec::new(),
        };
        let mut state = Self::with_log(organism, roster, log);
        // The organism begins with the first of its members; one without `start` is there from the
        // beginning, whenever that is.
        let begin = organism.members.iter().map(|member| member.start).min().flatten();
        for place in 0..state.rules.len() {
            let start = state.rules.get(place).and_then(|member| member.start).unwrap_or(0);
            if start <= begin.unwrap_or(0) {
                state.start(place);
            }
        }
        state
    }

    fn with_log(organism: &Organism, roster: Roster, log: LogState) -> Self {
        Self {
            organism: organism.stable_id(),
            rules: organism.members.clone(),
            floor: organism.floor,
            align: organism.align,
            ticks: organism.ticks,
            roster,
            log,
        }
    }

    /// Applies one log entry.
    ///
    /// # Determinism
    ///
    /// A function of the state, `index` and `command`: no clock, no randomness, no I/O.
    pub fn apply(&mut self, index: u64, command: &Command) -> Applied {
        if index <= self.log.log_index {
            return Applied { ignored: vec![Ignored::OldIndex], ..Applied::default() };
        }
        self.log.log_index = index;
        let mut applied = Applied::default();
        match command {
            Command::Tick => self.apply_tick(),
            Command::Offer(offer) => self.apply_offer(index, command, offer, &mut applied),
            Command::Vote(vote) => self.apply_vote(vote, &mut applied),
            Command::Order(order) => self.apply_order(order, &mut applied.ignored),
        }
        applied.cut = self.cut(matches!(command, Command::Tick));
        self.settle();
        applied
    }

    /// The members' states, in the config's order.
    #[must_use]
    pub fn members(&self) -> &[MemberState] {
        &self.log.members
    }

    /// The sequence of the last order that the log has; 0 before the first. Only one above it counts.
    #[must_use]
    pub const fn order_sequence(&self) -> u64 {
        self.log.order_sequence
    }

    /// Clock events up to and with this one are complete.
    #[must_use]
    pub const fn watermark(&self) -> Option<u64> {
        self.log.watermark
    }

    /// Ticks counted so far (none while paused).
    #[must_use]
    pub const fn tick(&self) -> u64 {
        self.log.tick
    }

    /// Index of the last entry applied.
    #[must_use]
    pub const fn log_index(&self) -> u64 {
        self.log.log_index
    }

    /// Number of the last cut made; 0 before the first.
    #[must_use]
    pub const fn cut_number(&self) -> u64 {
        self.log.cut_number
    }

    /// Organism time: the median of the newest times that the nodes reported, never going back.
    #[must_use]
    pub const fn time_ms(&self) -> u64 {
        self.log.time_ms
    }

    /// Whether an order has paused the organism.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.log.paused
    }

    /// Whether the floor's `halt_below` keeps the watermark where it is.
    #[must_use]
    pub const fn is_halted(&self) -> bool {
        self.log.halted
    }

    /// Changes of status that no cut has published yet.
    #[must_use]
    pub fn pending_changes(&self) -> &[StatusChange] {
        &self.log.changes
    }

    /// The voters.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Everything that the log has decided, for a snapshot or a digest: one version byte, then
    /// `postcard`.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        versioned::encode(SNAPSHOT_VERSION, &self.log)
    }

    /// The state that [`snapshot`](Self::snapshot) described, under the same config and roster.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] for bytes that are no snapshot, or that of an organism with other members
    /// or another roster.
    pub fn restore(organism: &Organism, roster: Roster, bytes: &[u8]) -> Result<Self, PolicyError> {
        const WHAT: &str = "snapshot of the policy state";
        let log: LogState = decode(WHAT, SNAPSHOT_VERSION, MAX_SNAPSHOT_BYTES, bytes)?;
        if log.members.len() != organism.members.len() {
            return Err(PolicyError::OtherOrganism {
                expected: organism.members.len(),
                got: log.members.len(),
            });
        }
        let times = log.reported_ms.iter().chain([&log.time_ms]);
        let are_possible = times.into_iter().all(|time_ms| *time_ms <= MAX_TIME_MS);
        if log.reported_ms.len() != roster.nodes().len() || !are_possible {
            return Err(PolicyError::Malformed { what: WHAT });
        }
        Ok(Self::with_log(organism, roster, log))
    }

    pub(crate) fn member(&self, place: usize) -> Option<(&Member, &MemberState)> {
        Some((self.rules.get(place)?, self.log.members.get(place)?))
    }

    /// Enters a status and notes the change; the same status again is no change.
    pub(crate) fn set_status(&mut self, place: usize, to: Status, cause: Cause) {
        let (tick, log_index) = (self.log.tick, self.log.log_index);
        let Some(state) = self.log.members.get_mut(place) else {
            return;
        };
        let from = state.status;
        // A quarantine that was lifted and came again at once is news; other repetitions are not.
        if from == to && !(to == Status::Quarantined && state.released) {
            return;
        }
        state.status = to;
        state.since_tick = tick;
        state.at_watermark_ticks = 0;
        if to != Status::Late {
            state.lag_ticks = 0;
        }
        // A release is used up when the member is back for good, and by the next quarantine.
        if to == Status::Quarantined || (to == Status::Live && self.log.watermark.is_some()) {
            state.released_to = 0;
        }
        if to == Status::Retired {
            state.frozen = from == Status::Quarantined && !state.released;
        }
        if to == Status::Quarantined {
            state.open_offer = None;
            state.released = false;
        }
        // A config has at most 1,024 members, so the place always fits.
        let member = u16::try_from(place).unwrap_or(u16::MAX);
        self.log.changes.push(StatusChange { member, from, to, cause, log_index, tick });
        if self.log.changes.len() > MAX_PENDING_CHANGES {
            self.condense_changes();
        }
    }

    /// The member's time has come: it is expected from now on.
    pub(crate) fn start(&mut self, place: usize) {
        if let Some(state) = self.log.members.get_mut(place) {
            state.started = true;
        }
        self.set_status(place, Status::Joining, Cause::Started);
    }

    /// An organism that is held for years must not grow without bound: of each member only the
    /// whole step, from the first status to the last, is kept.
    fn condense_changes(&mut self) {
        let mut condensed: Vec<StatusChange> = Vec::new();
        for change in std::mem::take(&mut self.log.changes) {
            match condensed.iter_mut().find(|kept| kept.member == change.member) {
                Some(kept) => *kept = StatusChange { from: kept.from, ..change },
                None => condensed.push(change),
            }
        }
        self.log.changes = condensed;
    }
}

use holobiont_identity::{ClockRule, Member, Organism};
use holobiont_policy::Frontier;
use holobiont_surface::RecordHeader;

/// The largest step of a member's clock since its frontier: what an offer says of the way to its
/// head, and what every voter finds for itself.
///
/// The first step is from the frontier's closed clock; without a frontier from the clock before the
/// member's `start`, else from that before the organism's first `start`, else from clock 0.
#[derive(Debug, Clone, Copy)]
pub struct Advance {
    rule: ClockRule,
    begin: u64,
    frontier_seq: Option<u64>,
    since_frontier: Steps,
    /// From the first record on, for a frontier that is taken back.
    since_beginning: Steps,
}

#[derive(Debug, Clone, Copy)]
struct Steps {
    previous: u64,
    largest: u64,
}

/// The clock of records that follow each other, as far as an [`Advance`] asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockRun {
    first: u64,
    last: u64,
    /// From one of them to the next.
    largest: u64,
}

impl Advance {
    /// Before any record of the member.
    #[must_use]
    pub fn new(organism: &Organism, member: &Member) -> Self {
        let starts = organism.members.iter().filter_map(|member| member.start);
        let begin = member.start.or(starts.min()).map_or(0, |start| start.saturating_sub(1));
        let steps = Steps { previous: begin, largest: 0 };
        Self {
            rule: member.clock,
            begin,
            frontier_seq: None,
            since_frontier: steps,
            since_beginning: steps,
        }
    }

    /// Begins anew where the frontier has moved.
    pub fn follow(&mut self, frontier: Option<Frontier>) {
        let seq = frontier.map(|frontier| frontier.seq);
        if seq == self.frontier_seq {
            return;
        }
        self.frontier_seq = seq;
        self.since_frontier = match frontier {
            Some(frontier) => Steps { previous: frontier.closed.unwrap_or(self.begin), largest: 0 },
            None => self.since_beginning,
        };
    }

    /// Takes the next record.
    pub fn pass(&mut self, header: &RecordHeader) {
        let clock = self.rule.organism_clock(header.clock);
        self.since_frontier.pass(clock);
        self.since_beginning.pass(clock);
    }

    /// Begins a run with this record.
    #[must_use]
    pub fn begin_run(&self, header: &RecordHeader) -> ClockRun {
        let clock = self.rule.organism_clock(header.clock);
        ClockRun { first: clock, last: clock, largest: 0 }
    }

    /// Has a run go on with the next record.
    pub fn extend_run(&self, run: &mut ClockRun, header: &RecordHeader) {
        let clock = self.rule.organism_clock(header.clock);
        run.largest = run.largest.max(clock.saturating_sub(run.last));
        run.last = clock;
    }

    /// Takes the records of a run, which are the next ones.
    pub fn pass_run(&mut self, run: &ClockRun) {
        for steps in [&mut self.since_frontier, &mut self.since_beginning] {
            steps.pass(run.first);
            steps.largest = steps.largest.max(run.largest);
            steps.previous = run.last;
        }
    }

    /// The largest step so far, in the organism's clock.
    #[must_use]
    pub const fn largest(&self) -> u64 {
        self.since_frontier.largest
    }
}

impl Steps {
    fn pass(&mut self, clock: u64) {
        self.largest = self.largest.max(clock.saturating_sub(self.previous));
        self.previous = clock;
    }
}

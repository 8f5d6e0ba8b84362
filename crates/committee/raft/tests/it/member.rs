//! The members: surfaces that grow on virtual time, in good faith or not.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holobiont_identity::{Digest, Organism};
use holobiont_surface::{
    Genesis, Head, NewRecord, Record, StartAt, Surface, SurfaceWriter, WriterOptions,
};

use crate::dice::Dice;
use crate::host::Host;

/// The longest time between two records of a member that keeps going, in milliseconds.
const STEP_MS: u64 = 60;
/// Small windows, so that a surface that is shortened loses some.
const WINDOW_RECORDS: u32 = 8;
/// How many records a flood has.
const FLOOD: usize = 150;

/// What a member does when its next record is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Steady,
    /// Says nothing.
    Stalled,
    /// Several records at once.
    Bursting,
    /// Very many at once, and then as before.
    Flooding,
}

/// A record as the member keeps it.
#[derive(Debug, Clone)]
struct Item {
    clock: u64,
    closes: bool,
    payload: Vec<u8>,
    /// The surface's head there.
    head: Digest,
}

/// One telling of a member's history.
struct History {
    writer: SurfaceWriter,
    items: Vec<Item>,
}

/// All members, by place in the config.
pub(crate) struct Members(Vec<Mutex<Member>>);

struct Member {
    name: String,
    dice: Dice,
    mode: Mode,
    /// More than one where it lies.
    histories: Vec<History>,
    /// Which of them it tells a node (by the node's number in the world); the first to all others.
    told: Vec<usize>,
    /// What is before this is no longer to be had from it.
    earliest: u64,
    /// Whom it does not answer.
    shut: Vec<bool>,
}

/// What a source says to a node that wants the records from one on.
pub(crate) enum Told {
    Records(Vec<Owned>),
    /// Nobody answers.
    Silence,
    /// They are gone.
    Gone(Gone),
    /// The asking copy is none of this history.
    Other,
}

/// Where a shortened surface begins.
pub(crate) struct Gone {
    pub(crate) earliest: u64,
    pub(crate) head_before: Digest,
    pub(crate) closed_before: Option<u64>,
}

/// A record on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owned {
    clock: u64,
    closes: bool,
    payload: Vec<u8>,
}

impl Owned {
    pub(crate) fn new(clock: u64, closes: bool, payload: &[u8]) -> Self {
        Self { clock, closes, payload: payload.to_vec() }
    }

    pub(crate) fn of(record: &Record<'_>) -> Self {
        Self::new(record.clock(), record.header().closes_clock(), record.payload())
    }

    pub(crate) fn as_new(&self) -> NewRecord<'_> {
        NewRecord {
            clock: self.clock,
            closes_clock: self.closes,
            time_ms: 0,
            kind: 1,
            payload: &self.payload,
        }
    }
}

impl History {
    fn create(dir: &Path, genesis: Genesis) -> Self {
        let options = WriterOptions::default();
        Self {
            writer: SurfaceWriter::create(dir, genesis, options).expect("a surface"),
            items: Vec::new(),
        }
    }

    fn append(&mut self, clock: u64, closes: bool, payload: Vec<u8>) {
        let owned = Owned { clock, closes, payload };
        self.writer.append(owned.as_new()).expect("a record that may follow");
        let head = self.writer.head().expect("a head after a record").hash;
        self.items.push(Item { clock, closes, payload: owned.payload, head });
    }

    fn next_seq(&self) -> u64 {
        self.items.len() as u64
    }

    fn head_at(&self, seq: u64) -> Option<Digest> {
        self.items.get(usize::try_from(seq).ok()?).map(|item| item.head)
    }

    fn range(&self, from: u64, count: usize) -> Vec<Owned> {
        let from = usize::try_from(from).expect("a place");
        let items = self.items.iter().skip(from).take(count);
        items.map(|item| Owned::new(item.clock, item.closes, &item.payload)).collect()
    }
}

impl Members {
    /// The members of an organism, in folders of their own, told to `nodes` nodes.
    pub(crate) fn create(
        organism: &Organism,
        dir: &Path,
        nodes: usize,
        dice: &mut Dice,
    ) -> Arc<Self> {
        let members = organism.members.iter().map(|member| {
            let genesis =
                Genesis { window_records: WINDOW_RECORDS, ..Genesis::new(member.surface_id()) };
            let first = History::create(&dir.join(&member.name).join("0"), genesis);
            Mutex::new(Member {
                name: member.name.clone(),
                dice: dice.fork(),
                mode: Mode::Steady,
                histories: vec![first],
                told: vec![0; nodes],
                earliest: 0,
                shut: vec![false; nodes],
            })
        });
        Arc::new(Self(members.collect()))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    fn member(&self, place: usize) -> MutexGuard<'_, Member> {
        self.0[place].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn genesis(&self, place: usize) -> Genesis {
        self.member(place).histories[0].writer.genesis().clone()
    }

    /// Starts publishing, and goes on for as long as the run does.
    pub(crate) fn publish(self: &Arc<Self>) {
        for place in 0..self.count() {
            let members = Arc::clone(self);
            Host::spawn_forever(async move {
                loop {
                    let ms = members.member(place).dice.within(STEP_MS / 3..=STEP_MS);
                    Host::wait_ms(ms).await;
                    members.member(place).step();
                }
            });
        }
    }

    pub(crate) fn mode(&self, place: usize, mode: Mode) {
        self.member(place).mode = mode;
    }

    /// Whether the member answers a node.
    pub(crate) fn shut(&self, place: usize, node: usize, shut: bool) {
        self.member(place).shut[node] = shut;
    }

    /// From now on it tells these nodes another history than the others.
    pub(crate) fn equivocate(&self, place: usize, dir: &Path, to: &[usize]) {
        let mut member = self.member(place);
        let number = member.histories.len();
        let genesis = member.histories[0].writer.genesis().clone();
        let mut other = History::create(&dir.join(&member.name).join(number.to_string()), genesis);
        for item in &member.histories[0].items {
            other.append(item.clock, item.closes, item.payload.clone());
        }
        member.histories.push(other);
        for node in to {
            member.told[*node] = number;
        }
    }

    /// From now on everybody is told the first history.
    pub(crate) fn repent(&self, place: usize) {
        self.member(place).told.fill(0);
    }

    /// Keeps only the last `keep` records.
    pub(crate) fn shorten(&self, place: usize, keep: u64) {
        let mut member = self.member(place);
        let earliest = member.histories[0].next_seq().saturating_sub(keep);
        // Whole windows go.
        let earliest = earliest - earliest % u64::from(WINDOW_RECORDS);
        member.earliest = member.earliest.max(earliest);
    }

    /// What the member tells a node whose copy ends with `own` (none: is empty).
    pub(crate) fn ask(&self, place: usize, node: usize, own: Option<Head>, count: usize) -> Told {
        let member = self.member(place);
        if member.shut[node] {
            return Told::Silence;
        }
        let history = &member.histories[member.told[node]];
        let from = own.map_or(0, |head| head.seq + 1);
        if from < member.earliest {
            return Told::Gone(Gone {
                earliest: member.earliest,
                head_before: history.head_at(member.earliest - 1).expect("it had them"),
                closed_before: history.closed_before(member.earliest),
            });
        }
        if own.is_some_and(|own| history.head_at(own.seq) != Some(own.hash)) {
            return Told::Other;
        }
        Told::Records(history.range(from, count))
    }

    /// The records `from..=to` of whichever of its histories has `head` at `to`, if the member still
    /// has them and answers the node.
    pub(crate) fn fetch(
        &self,
        place: usize,
        node: usize,
        from: u64,
        to: u64,
        head: &Digest,
    ) -> Vec<Owned> {
        let member = self.member(place);
        if member.shut[node] || from < member.earliest {
            return Vec::new();
        }
        let history = &member.histories[member.told[node]];
        let count = usize::try_from(to + 1 - from).expect("a few records");
        match history.head_at(to) == Some(*head) {
            true => history.range(from, count),
            false => Vec::new(),
        }
    }

    /// A folder with the surfaces as the members have them: of one that told two histories the one
    /// with this head, which is the one that the committee went by.
    pub(crate) fn lay_out(&self, dir: &Path, agreed: &[Option<(u64, Digest)>]) {
        std::fs::create_dir_all(dir).expect("a folder");
        for (place, agreed) in agreed.iter().enumerate() {
            let mut member = self.member(place);
            let by_it = |history: &History| {
                agreed.is_none_or(|(seq, head)| history.head_at(seq) == Some(head))
            };
            let number = member.histories.iter().position(by_it).expect("an agreed history");
            let name = member.name.clone();
            let writer = &mut member.histories[number].writer;
            writer.sync().expect("a sync");
            std::os::unix::fs::symlink(writer.dir(), dir.join(name)).expect("a link");
        }
    }

    /// Where a copy that begins at `seq` starts.
    pub(crate) fn start_at<R>(
        &self,
        place: usize,
        node: usize,
        seq: u64,
        with: impl FnOnce(StartAt<'_>) -> R,
    ) -> R {
        let mut member = self.member(place);
        let number = member.told[node];
        let writer = &mut member.histories[number].writer;
        writer.sync().expect("a sync");
        let surface = Surface::open(writer.dir()).expect("the member's surface");
        let cursor = surface.cursor(seq).expect("a place in it");
        with(cursor.open_window())
    }
}

impl History {
    fn closed_before(&self, seq: u64) -> Option<u64> {
        let last = self.items.get(usize::try_from(seq.checked_sub(1)?).ok()?)?;
        if last.closes { Some(last.clock) } else { last.clock.checked_sub(1) }
    }
}

impl Member {
    fn step(&mut self) {
        let count = match self.mode {
            Mode::Stalled => 0,
            Mode::Steady => 1,
            Mode::Bursting => self.dice.below(9),
            Mode::Flooding => {
                self.mode = Mode::Steady;
                FLOOD
            }
        };
        for _ in 0..count {
            self.next_record();
        }
    }

    /// Clocks follow the time that has passed, so that a member which was quiet is not behind.
    fn next_record(&mut self) {
        let due = 1 + Host::now_ms() / STEP_MS;
        let closes = self.dice.chance(800);
        let value = 1_000_000 + self.dice.within(0..=999_999);
        for (number, history) in self.histories.iter_mut().enumerate() {
            let last = history.items.last();
            let open = last.filter(|item| !item.closes).map(|item| item.clock);
            let after = last.map_or(0, |item| item.clock + 1);
            let clock = open.unwrap_or_else(|| due.max(after));
            // The lie is in what it says, not in when.
            let payload = format!("1.{:06}", (value + number as u64) % 1_000_000).into_bytes();
            history.append(clock, closes, payload);
        }
    }
}

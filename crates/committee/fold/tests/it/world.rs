//! A committee of three with real keys, the whole records of its members, and nodes that get them bit
//! by bit.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use holobiont_committee::{
    Configs, CutStatement, Effects, LogCommand, Machine, SeedKey, Signed, SignedOrder, Signer,
};
use holobiont_committee_fold::{
    Copies, CopyOptions, FoldedCut, Folder, FolderOptions, FolderStart, Need, Pushed,
};
use holobiont_identity::{Digest, OrderAction, Organism, UniqueId};
use holobiont_policy::{Command, Offer, OfferRef, OfferedHead, Opinion, Order, Roster, Vote};
use holobiont_programs::{Visit, load};
use holobiont_replay::{Output, Program, Replay, Surfaces};
use holobiont_surface::{Genesis, Head, NewRecord, SurfaceWriter, WriterOptions};
use tempfile::TempDir;

/// Small segments, and so little memory that votes have to read now and then.
pub(crate) const SMALL: CopyOptions = CopyOptions { segment_bytes: 600, recent_bytes: 300 };

/// A record to be: clock event, whether it closes it, payload.
pub(crate) type Entry = (u64, bool, String);

pub(crate) struct Held(BTreeMap<Digest, Arc<Organism>>);

impl Configs for Held {
    fn organism(&self, content_hash: &Digest) -> Option<Arc<Organism>> {
        self.0.get(content_hash).map(Arc::clone)
    }
}

fn node_id(node: u16) -> UniqueId {
    UniqueId::from_name(&format!("node {node}"))
}

fn boot_key(node: u16) -> SeedKey {
    SeedKey::from_seed(&[u8::try_from(node).unwrap() + 1; 32]).unwrap()
}

fn operator_key() -> SeedKey {
    SeedKey::from_seed(&[99; 32]).unwrap()
}

pub(crate) fn config(members: usize, policy: &str) -> Arc<Organism> {
    let operator: String =
        operator_key().public().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut text = format!(
        "version = 1\nname = \"test\"\nprogram = {{ name = \"cross-feed\", version = 1 }}\n\
         ticks = {{ checkpoint_every = 7, offer_timeout = 4 }}\n\
         [policy]\nmax_advance = 1000\nlate_after = 1\nstall_after = 2\nrecover_after = 1\n\
         join_within = 2\non_stall = \"skip\"\non_gap = \"skip\"\n{policy}\n\
         [acl]\norders_need = 1\n[[acl.operator]]\nname = \"ann\"\nkey = \"{operator}\"\n"
    );
    for member in 0..members {
        text.push_str(&format!(
            "[[member]]\nname = \"m{member}\"\nstable_id = \"test.{member}\"\nsurface = \"s\"\n"
        ));
    }
    Arc::new(Organism::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}")))
}

/// What the committee wrote, and what whoever folds it has to find.
pub(crate) struct World {
    pub(crate) organism: Arc<Organism>,
    pub(crate) other: Arc<Organism>,
    pub(crate) configs: Arc<dyn Configs>,
    pub(crate) roster: Roster,
    pub(crate) members: Vec<Vec<Entry>>,
    pub(crate) machine: Machine,
    pub(crate) entries: Vec<(u64, Vec<u8>)>,
    pub(crate) effects: Vec<(u64, Effects)>,
    /// The node whose copies are whole.
    pub(crate) copies: Arc<Copies>,
    pub(crate) dir: TempDir,
}

/// Small windows, so that a few dozen records have many.
pub(crate) fn genesis(organism: &Organism, member: usize) -> Genesis {
    Genesis {
        window_records: 4,
        max_window_bytes: 4096,
        ..Genesis::new(organism.members[member].surface_id())
    }
}

pub(crate) fn open_copies(organism: &Arc<Organism>, dir: &Path, options: CopyOptions) -> Copies {
    let (copies, _) = Copies::open(organism, dir, options).unwrap();
    for member in 0..organism.members.len() {
        copies.found(u16::try_from(member).unwrap(), &genesis(organism, member)).unwrap();
    }
    copies
}

pub(crate) fn record((clock, closes_clock, payload): &Entry) -> NewRecord<'_> {
    let (clock, closes_clock) = (*clock, *closes_clock);
    NewRecord { clock, closes_clock, time_ms: clock * 10, kind: 1, payload: payload.as_bytes() }
}

pub(crate) fn append(copies: &Copies, member: u16, entries: &[Entry]) {
    let records: Vec<NewRecord<'_>> = entries.iter().map(record).collect();
    copies.append(member, &records).unwrap();
}

impl World {
    pub(crate) fn new(members: Vec<Vec<Entry>>) -> Self {
        let organism = config(members.len(), "");
        let other = config(members.len(), "on_late_data = \"drop\"");
        let held = [&organism, &other].map(|it| (it.content_hash(), Arc::clone(it)));
        let roster = Roster::new((0..3).map(node_id).collect()).unwrap();
        let dir = memory_dir();
        let copies = open_copies(&organism, &dir.path().join("whole"), SMALL);
        let machine = Machine::new(Arc::clone(&organism), roster.clone()).unwrap();
        let mut world = Self {
            organism,
            other,
            configs: Arc::new(Held(held.into_iter().collect())),
            roster,
            members,
            machine,
            entries: Vec::new(),
            effects: Vec::new(),
            copies: Arc::new(copies),
            dir,
        };
        for node in 0..3 {
            world.say(
                node,
                LogCommand::Key { key: boot_key(node).public(), enrolment: vec![], quote: vec![] },
            );
        }
        for (by, node) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
            world.say(by, LogCommand::Admit { node, key: boot_key(node).public() });
        }
        assert!((0..3).all(|node| world.machine.active_key(node).is_some()));
        world
    }

    pub(crate) fn say(&mut self, node: u16, command: LogCommand) -> u64 {
        let organism = self.organism.stable_id();
        let signed = Signed::make(organism, &node_id(node), node, command, &boot_key(node));
        // Blank entries of the engine have numbers, too.
        let index = self.machine.log_index() + 1 + u64::from(self.entries.len() % 5 == 3);
        let payload = signed.encode();
        let effects = self.machine.apply(index, &payload, &*self.configs).unwrap();
        self.entries.push((index, payload));
        self.effects.push((index, effects));
        index
    }

    pub(crate) fn tick(&mut self) {
        self.say(0, LogCommand::Policy(Command::Tick));
    }

    /// The whole copy gets this many records more of a member.
    pub(crate) fn grow(&self, member: u16, records: usize) {
        let entries = &self.members[usize::from(member)];
        let from = usize::try_from(self.copies.next_seq(member)).unwrap();
        let to = (from + records).min(entries.len());
        append(&self.copies, member, &entries[from..to]);
        self.copies.sync(member).unwrap();
    }

    /// Two nodes agree on what the whole copies have of these members.
    pub(crate) fn agree(&mut self, members: &[u16]) {
        let states = self.machine.policy().members();
        let heads = members
            .iter()
            .filter_map(|member| self.copies.offer(*member, &states[usize::from(*member)]));
        let heads: Vec<OfferedHead> = heads.collect();
        let opinions = |node| {
            let heads = heads.iter();
            let time_ms = 1000 + node;
            (heads.map(|head| (head.member, Opinion::Have)).collect(), time_ms)
        };
        self.vote(heads.clone(), opinions);
    }

    /// One node offers heads, two vote on them.
    pub(crate) fn vote(
        &mut self,
        heads: Vec<OfferedHead>,
        opinions: impl Fn(u64) -> (Vec<(u16, Opinion)>, u64),
    ) {
        let offer = Command::Offer(Offer { node: 0, heads });
        let hash = offer.hash();
        let index = self.say(0, LogCommand::Policy(offer));
        for node in [0, 1] {
            let offer = OfferRef { index, hash };
            let (opinions, time_ms) = opinions(u64::from(node));
            let vote = Vote { node, offer, opinions, time_ms };
            self.say(node, LogCommand::Policy(Command::Vote(vote)));
        }
    }

    /// The operators order another config, and a majority holds it.
    pub(crate) fn take_up(&mut self) {
        let content_hash = self.other.content_hash();
        let order = Order {
            organism: self.organism.stable_id(),
            sequence: 1,
            expires_ms: None,
            action: OrderAction::Config { content_hash },
        };
        let order = SignedOrder::sign(order, None, 0, &operator_key());
        self.say(0, LogCommand::Order(order));
        for node in [0, 1] {
            self.say(node, LogCommand::Hold { config: content_hash });
        }
        assert_eq!(*self.machine.content_hash(), content_hash);
    }

    /// What the offline replay finds after every cut, and the records that it publishes.
    pub(crate) fn offline(&self) -> (BTreeMap<u64, CutStatement>, Vec<Vec<u8>>) {
        let dir = self.dir.path().join("whole");
        let surfaces = Surfaces::open(&self.organism, &dir, 64 << 20).unwrap();
        let out = self.dir.path().join("offline");
        let genesis = Genesis::new(self.organism.output_surface_id());
        let mut output = SurfaceWriter::create(&out, genesis, WriterOptions::default()).unwrap();
        let offline = Offline { world: self, surfaces: &surfaces, output: &mut output };
        let statements = load(&self.organism, offline).unwrap();
        (statements, published(&output.view()))
    }
}

pub(crate) fn published(surface: &holobiont_surface::Surface) -> Vec<Vec<u8>> {
    let mut cursor = surface.cursor(0).unwrap();
    let mut records = Vec::new();
    while let Some(record) = cursor.next_record().unwrap() {
        records.push(record.stored().to_vec());
    }
    records
}

struct Offline<'a> {
    world: &'a World,
    surfaces: &'a Surfaces,
    output: &'a mut SurfaceWriter,
}

impl Visit for Offline<'_> {
    type Output = BTreeMap<u64, CutStatement>;

    fn visit<P: Program>(self, program: P) -> Self::Output {
        let Self { world, surfaces, output } = self;
        let replay = Replay::new(&world.organism, world.roster.clone(), surfaces, program);
        let mut replay = replay.checking_heads();
        let mut statements = BTreeMap::new();
        for (index, effects) in &world.effects {
            if let Some(command) = &effects.command {
                let step = replay.step(*index, command, output).unwrap();
                if let Some(cut) = step.cut {
                    let statement = CutStatement {
                        content_hash: replay.content_hash(),
                        roster_digest: world.roster.digest(),
                        cut: cut.number,
                        log_index: *index,
                        time_ms: cut.time_ms,
                        log_digest: replay.log_digest(),
                        output: Output::head(output),
                        state_digest: replay.state_digest(),
                    };
                    statements.insert(cut.number, statement);
                }
            }
            if let Some(organism) = &effects.take_up {
                let program = load(organism, Made(std::marker::PhantomData::<P>)).unwrap();
                replay.take_up(organism, program).unwrap();
            }
        }
        statements
    }
}

struct Made<P>(std::marker::PhantomData<P>);

impl<P: Program> Visit for Made<P> {
    type Output = P;

    fn visit<Q: Program>(self, program: Q) -> P {
        let program: Box<dyn std::any::Any> = Box::new(program);
        *program.downcast::<P>().unwrap()
    }
}

/// A node that follows the log.
pub(crate) struct Follower {
    pub(crate) copies: Arc<Copies>,
    pub(crate) folder: Option<Folder>,
    pub(crate) statements: BTreeMap<u64, CutStatement>,
    pub(crate) waits: Option<Vec<Need>>,
    /// How often it was waiting.
    pub(crate) waited: usize,
}

impl Follower {
    pub(crate) fn open(world: &World, name: &str, start: Option<FolderStart<'_>>) -> Self {
        let dir = world.dir.path().join(name);
        let copies = Arc::new(open_copies(&world.organism, &dir.join("copies"), SMALL));
        let folder = Some(folder(world, &copies, &dir, start));
        Self { copies, folder, statements: BTreeMap::new(), waits: None, waited: 0 }
    }

    pub(crate) fn folder(&mut self) -> &mut Folder {
        self.folder.as_mut().unwrap()
    }

    /// Gives it the records that it lacks, up to before `to`.
    pub(crate) fn feed(&self, world: &World, member: u16, to: u64) {
        let from = usize::try_from(self.copies.next_seq(member)).unwrap();
        let entries = &world.members[usize::from(member)];
        let to = usize::try_from(to).unwrap().min(entries.len());
        if from < to {
            append(&self.copies, member, &entries[from..to]);
            self.copies.sync(member).unwrap();
        }
    }

    /// Pushes an entry; true where it was folded at once.
    pub(crate) fn push(&mut self, index: u64, payload: &[u8]) -> bool {
        let pushed = self.folder().push(index, payload).unwrap();
        self.took(pushed)
    }

    pub(crate) fn poll(&mut self) -> bool {
        let pushed = self.folder().poll().unwrap();
        self.took(pushed)
    }

    fn took(&mut self, pushed: Pushed) -> bool {
        match pushed {
            Pushed::Waits(needs) => {
                assert!(!needs.is_empty());
                self.waits = Some(needs);
                self.waited += 1;
                false
            }
            Pushed::Taken { cut, .. } => {
                self.waits = None;
                self.note(cut);
                true
            }
        }
    }

    fn note(&mut self, cut: Option<FoldedCut>) {
        let Some(FoldedCut { statement, .. }) = cut else { return };
        if let Some(before) = self.statements.insert(statement.cut, statement.clone()) {
            assert_eq!(before, statement, "what is folded again is the same");
        }
    }

    /// Pushes an entry, and fetches what it waits for.
    pub(crate) fn push_fed(&mut self, world: &World, index: u64, payload: &[u8]) {
        let mut taken = self.push(index, payload);
        for _ in 0..10 {
            if taken {
                return;
            }
            for need in self.waits.clone().unwrap() {
                assert!(need.from_seq <= need.seq);
                self.feed(world, need.member, need.seq + 1);
            }
            taken = self.poll();
        }
        assert!(taken, "{:?}", self.waits);
    }

    pub(crate) fn output(&mut self) -> (Option<Head>, Vec<Vec<u8>>) {
        let head = self.folder().sync().unwrap();
        (head, published(&self.folder().output()))
    }
}

pub(crate) fn folder(
    world: &World,
    copies: &Arc<Copies>,
    dir: &Path,
    start: Option<FolderStart<'_>>,
) -> Folder {
    try_folder(world, copies, dir, start).unwrap()
}

pub(crate) fn try_folder(
    world: &World,
    copies: &Arc<Copies>,
    dir: &Path,
    start: Option<FolderStart<'_>>,
) -> Result<Folder, holobiont_committee_fold::FoldError> {
    let first = || FolderStart::First {
        organism: Arc::clone(&world.organism),
        roster: world.roster.clone(),
    };
    let options =
        FolderOptions { output_dir: dir.join("output"), memory_budget_bytes: 1 << 20, threads: 1 };
    let configs = Arc::clone(&world.configs);
    Folder::open(Arc::clone(copies), configs, start.unwrap_or_else(first), options)
}

/// In memory, where the system has such a place: these tests wait for disks thousands of times.
pub(crate) fn memory_dir() -> TempDir {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() }.unwrap()
}

/// Every record closes its clock.
pub(crate) fn days(count: u64, from: u64) -> Vec<Entry> {
    (0..count).map(|day| (from + day, true, format!("1.{:02}", 10 + (day * 7) % 80))).collect()
}

//! A whole committee with its members, disks and network, in one thread and virtual time.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holobiont_committee::{MachineEvent, SeedKey, Signer};
use holobiont_committee_fold::{Copies, CopyOptions, FolderOptions};
use holobiont_committee_raft::{FoldOn, Node, Parts, Role, Settings, Signing, Status};
use holobiont_committee_store::{Flush, SimulatedDisk};
use holobiont_identity::{Digest, Organism, UniqueId};
use holobiont_policy::Roster;
use tokio::sync::oneshot;

use crate::byzantine::{Liar, Lie};
use crate::dice::Dice;
use crate::feeder::{Feeder, Shelves};
use crate::host::{Computer, Host};
use crate::invariants::{Verdict, no_panic, one_signature, outputs_equal, replayed};
use crate::member::Members;
use crate::net::{Line, Net, SimulatedNode};
use crate::organism::{Operators, STALL_AFTER, node_id, organism};
use crate::places::{Backup, Boot, Place, copy_dir};
use crate::watched::Watched;

/// What virtual time 0 is on a right clock, in ms since 1970.
const WALL_MS: i64 = 1_760_000_000_000;
/// How often the run is looked at, in milliseconds.
const LOOK_MS: u64 = 7;
/// How long what one node has told takes to be known to all, in milliseconds.
const SETTLE_MS: u64 = 3_000;

/// How a world is made.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) nodes: usize,
    pub(crate) members: usize,
    /// Snapshots are made after so many cuts, and so many entries are kept behind them.
    pub(crate) snapshot_every_cuts: u64,
    pub(crate) keep_entries: u64,
    /// What boot keys are made from.
    pub(crate) keys: u64,
    /// A node that lies, and how.
    pub(crate) liar: Option<(usize, Lie)>,
}

impl Plan {
    pub(crate) fn new(seed: u64, nodes: usize) -> Self {
        let never = u64::MAX;
        Self {
            seed,
            nodes,
            members: 3,
            snapshot_every_cuts: never,
            keep_entries: never,
            keys: seed,
            liar: None,
        }
    }
}

/// The committee and all around it.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) organism: Arc<Organism>,
    /// The roster in force.
    pub(crate) roster: Roster,
    /// The one that it began with.
    pub(crate) first_roster: Roster,
    pub(crate) net: Arc<Net>,
    pub(crate) members: Arc<Members>,
    pub(crate) operators: Operators,
    pub(crate) dice: Dice,
    pub(crate) places: Vec<Place>,
    pub(crate) watched: Arc<Mutex<Watched>>,
    shelves: Arc<Shelves>,
    boots: u64,
    dir: tempfile::TempDir,
}

impl World {
    /// Members that publish, and disks that are empty; no node runs yet.
    pub(crate) fn new(plan: Plan) -> Self {
        let mut dice = Dice::new(plan.seed);
        let fast = Path::new("/dev/shm");
        let dir = match fast.is_dir() {
            true => tempfile::tempdir_in(fast),
            false => tempfile::tempdir(),
        };
        let dir = dir.expect("a temporary folder");
        let organism = organism(plan.members, 4, STALL_AFTER);
        let roster = Roster::new((0..plan.nodes).map(node_id).collect()).expect("a roster");
        // One more than the roster has, to be ordered into it.
        let places =
            (0..=plan.nodes).map(|number| Place::new(number, &organism, dir.path(), &mut dice));
        let places = places.collect();
        let members =
            Members::create(&organism, &dir.path().join("members"), plan.nodes + 1, &mut dice);
        members.publish();
        Self {
            net: Net::new(dice.fork()),
            members,
            organism,
            first_roster: roster.clone(),
            roster,
            operators: Operators::default(),
            dice,
            places,
            watched: Arc::default(),
            shelves: Arc::default(),
            boots: 0,
            dir,
            plan,
        }
    }

    pub(crate) fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts every node of the roster.
    pub(crate) async fn start_all(&mut self) {
        for number in 0..self.plan.nodes {
            if self.places[number].boots.is_empty() {
                self.start(number).await;
            }
        }
    }

    /// Starts a node on the disk that it has.
    pub(crate) async fn start(&mut self, number: usize) {
        let place = &mut self.places[number];
        let disk = place.disk.take().expect("the node does not run");
        let dir = place.dir.clone();
        self.boot(number, disk, dir).await;
    }

    async fn boot(&mut self, number: usize, disk: SimulatedDisk, dir: PathBuf) {
        self.boots += 1;
        let boot = self.boots;
        let seed = Digest::of(format!("{} boot {boot}", self.plan.keys));
        let key = Arc::new(SeedKey::from_seed(seed.as_bytes()).expect("a key"));
        let computer = Computer::start();
        let place = &self.places[number];
        let line = Line { net: Arc::clone(&self.net), id: place.id, boot };
        let name = format!("node {number} (boot {boot})");
        self.watched().invariants.one_certificate.booted(place.id, key.public());
        let opened = computer
            .within(|| Copies::open(&self.organism, &dir.join("copies"), CopyOptions::default()));
        let (copies, _) = opened.unwrap_or_else(|error| panic!("{name}: its copies: {error}"));
        let copies = Arc::new(copies);
        self.shelves.put(&line, &copies);
        let parts = self.parts(number, &name, &key, &disk, &line, &copies, &dir);
        let (started, start) = oneshot::channel();
        computer.spawn(async move {
            let _ = started.send(Node::start(parts).await);
        });
        let node = match start.await {
            Ok(Ok(node)) => node,
            Ok(Err(error)) => panic!("{name} does not start: {error}"),
            Err(_) => panic!("{name} has panicked at its start: {:?}", computer.panics()),
        };
        self.net.join(line.id, boot, key.public(), &computer, node.clone());
        let weak = Arc::downgrade(&copies);
        let feeder = Feeder {
            number,
            line: line.clone(),
            node: node.clone(),
            copies,
            members: Arc::clone(&self.members),
            shelves: Arc::clone(&self.shelves),
        };
        feeder.start(&computer, &mut self.dice);
        if let Some((_, lie)) = self.plan.liar.filter(|(liar, _)| *liar == number) {
            let others = self.roster.nodes().iter().filter(|id| **id != line.id).copied().collect();
            let (node, signer) = (node.clone(), Arc::clone(&key) as Arc<dyn Signer>);
            let dice = self.dice.fork();
            Liar { node, line, others, signer, lie, dice }.start(&computer);
        }
        self.places[number].boots.push(Boot {
            name,
            number: boot,
            computer,
            node,
            key,
            disk,
            dir,
            may_fail: false,
            copies: weak,
            next_entry: 1,
        });
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a node")]
    fn parts(
        &self,
        number: usize,
        name: &str,
        key: &Arc<SeedKey>,
        disk: &SimulatedDisk,
        line: &Line,
        copies: &Arc<Copies>,
        dir: &Path,
    ) -> Parts<SimulatedDisk, Line> {
        let place = &self.places[number];
        let clock_off_ms = Arc::clone(&place.clock_off_ms);
        let (watched, name) = (Arc::clone(&self.watched), name.to_owned());
        let is_forged = place.is_forged;
        let settings = Settings {
            heartbeat_ms: 30,
            election_ms: (120, 240),
            look_every_ms: 25,
            retry_ms: 300,
            patience_ms: 120,
            snapshot_every_cuts: self.plan.snapshot_every_cuts,
            keep_entries: self.plan.keep_entries,
            fold: FoldOn::Task,
            flush: Flush::Inline,
            ..Settings::new(place.id)
        };
        Parts {
            settings,
            organism: Arc::clone(&self.organism),
            roster: self.first_roster.clone(),
            configs: Arc::clone(&place.files) as _,
            signer: Arc::clone(key) as _,
            enrolment: Vec::new(),
            enrolments: Arc::new(|_, _| true),
            quote: b"a stand-in".to_vec(),
            quotes: Arc::new(|presented| presented.quote == b"a stand-in"),
            disk: Arc::new(disk.clone()),
            transport: line.clone(),
            copies: Arc::clone(copies),
            folder: FolderOptions {
                output_dir: dir.join("output"),
                memory_budget_bytes: 64 << 20,
                threads: 1,
            },
            now_ms: Arc::new(move || {
                let now_ms = WALL_MS + i64::try_from(Host::now_ms()).unwrap_or(i64::MAX);
                let off_ms = clock_off_ms.load(Ordering::Relaxed);
                u64::try_from(now_ms.saturating_add(off_ms)).unwrap_or(0)
            }),
            listener: Arc::new(move |index, event: &MachineEvent| {
                let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
                if !is_forged {
                    watched.heard.push((name.clone(), index, event.clone()));
                }
            }),
        }
    }

    /// Kills every boot of a node at once. With `power` what was not synced is lost or torn.
    pub(crate) async fn kill(&mut self, number: usize, power: bool) {
        let boots = std::mem::take(&mut self.places[number].boots);
        for (place, boot) in boots.into_iter().enumerate() {
            let disk = if power { boot.disk.crash() } else { boot.disk.kill() };
            disk.full_after(None);
            let dir = self.end(number, boot).await;
            // A clone's disk is thrown away with it.
            if place == 0 {
                self.places[number].disk = Some(disk);
                self.places[number].dir = dir;
            }
        }
    }

    /// Ends a boot in an orderly way.
    pub(crate) async fn stop(&mut self, number: usize) {
        let boot = self.places[number].boots.remove(0);
        let (stopped, done) = oneshot::channel();
        let node = boot.node.clone();
        boot.computer.spawn(async move {
            node.stop().await;
            let _ = stopped.send(());
        });
        done.await.expect("it stops");
        let disk = boot.disk.kill();
        let dir = self.end(number, boot).await;
        self.places[number].disk = Some(disk);
        self.places[number].dir = dir;
    }

    async fn end(&mut self, number: usize, boot: Boot) -> PathBuf {
        let Boot { name, number: boot_number, computer, node, copies, dir, .. } = boot;
        self.watched().hold(no_panic(&name, &computer));
        computer.kill();
        self.net.leave(&self.places[number].id, boot_number);
        self.shelves.remove(boot_number);
        drop(node);
        // Everything that was runnable is dropped before time moves on.
        Host::wait_us(1).await;
        self.watched().hold(no_panic(&name, &computer));
        let left = copies.upgrade().is_some();
        assert!(!left, "{name} was ended, and something still holds its copies");
        dir
    }

    /// The disk and copies of a node that runs or not, as they are.
    pub(crate) fn backup(&mut self, number: usize) -> Backup {
        let place = &self.places[number];
        let (disk, from) = match place.boots.first() {
            Some(boot) => (boot.disk.image(), &boot.dir),
            None => (place.disk.as_ref().expect("a disk").image(), &place.dir),
        };
        let dir = self.dir.path().join(format!("backup-{}", self.dice.next()));
        copy_dir(from, &dir);
        Backup { disk, dir }
    }

    /// Puts an older disk in the place of a node's own, while it is down.
    pub(crate) fn roll_back(&mut self, number: usize, to: &Backup) {
        let place = &mut self.places[number];
        let disk = place.disk.as_ref().expect("the node is down");
        disk.restore(&to.disk);
        fs::remove_dir_all(&place.dir).expect("the folder goes");
        copy_dir(&to.dir, &place.dir);
    }

    /// Puts a disk that the node's host has made up in the place of its own, while it is down. What the
    /// node has then is not the committee's.
    pub(crate) fn forge(&mut self, number: usize, to: &Backup) {
        self.roll_back(number, to);
        self.places[number].is_forged = true;
    }

    /// Gives a node that is down an empty disk.
    pub(crate) fn wipe(&mut self, number: usize) {
        let place = &mut self.places[number];
        place.disk = Some(SimulatedDisk::new(self.dice.next()));
        fs::remove_dir_all(&place.dir).expect("the folder goes");
        fs::create_dir(&place.dir).expect("a folder");
        place.is_forged = false;
    }

    /// Starts another boot of a node on a copy of its disk, while the first one goes on.
    pub(crate) async fn clone_boot(&mut self, number: usize) {
        let backup = self.backup(number);
        let disk = SimulatedDisk::new(self.dice.next());
        disk.restore(&backup.disk);
        self.boot(number, disk, backup.dir).await;
    }

    /// A member tells these nodes another history from now on.
    pub(crate) fn lie(&self, member: usize, to: &[usize]) {
        self.members.equivocate(member, &self.dir.path().join("members"), to);
    }

    /// Ends the boots of a node that a later one has fenced. The last that is left is the node's.
    pub(crate) async fn drop_fenced(&mut self, number: usize) {
        let fenced =
            |boot: &Boot| boot.computer.runs() && boot.node.status().signing == Signing::Fenced;
        while self.places[number].boots.len() > 1
            && let Some(at) = self.places[number].boots.iter().position(fenced)
        {
            let boot = self.places[number].boots.remove(at);
            self.end(number, boot).await;
        }
    }

    /// The boots of the roster's nodes that run: of a node that ran twice, the one that is left.
    pub(crate) fn members_of_roster(&self) -> impl Iterator<Item = &Boot> {
        let nodes = self.roster.nodes();
        let places = self.places.iter().filter(|place| nodes.contains(&place.id));
        places.filter_map(|place| place.boots.last())
    }

    /// At the end of a run in which all is well again: what is true of the whole of it.
    pub(crate) async fn settle(&mut self) -> Verdict {
        // What one of them has told, the others know a moment later.
        let newest = self.watched().invariants.acknowledged.newest().map_or(0, |it| it.cut);
        let reached = |world: &Self| {
            world.members_of_roster().all(|boot| {
                let status = boot.node.status();
                status.folded_cut >= newest && status.certified_cut >= newest
            })
        };
        self.run_until(SETTLE_MS, reached).await;
        let mut outputs = Vec::new();
        let watched = self.watched();
        if let Some(why) = &watched.broken {
            return Err(why.clone());
        }
        let acknowledged = &watched.invariants.acknowledged;
        for boot in self.members_of_roster() {
            let status = boot.node.status();
            let (folded, certified) = (status.folded_cut, status.certified_cut);
            let output = boot.output();
            acknowledged.kept(&boot.name, newest, (folded, certified), &output)?;
            outputs.push((boot.name.clone(), output));
        }
        outputs_equal(&outputs)?;
        let liar = self.plan.liar.map(|(liar, _)| liar);
        one_signature(watched.invariants.logs_agree.commands(), liar)?;
        let boot = self.members_of_roster().next().ok_or("no node runs")?;
        let agreed: Vec<_> = boot.node.with_machine(|machine| {
            let frontiers = machine.policy().members().iter().map(|member| member.frontier);
            frontiers.map(|frontier| frontier.map(|it| (it.seq, it.head))).collect()
        });
        let (surfaces, output) = (self.dir.path().join("audited"), self.dir.path().join("audit"));
        self.members.lay_out(&surfaces, &agreed);
        let first = &self.first_roster;
        let files = &*self.places[0].files;
        replayed(&watched.invariants, &self.organism, first, files, (&surfaces, &output))
    }

    /// All boots that run.
    pub(crate) fn boots(&self) -> impl Iterator<Item = (usize, &Boot)> {
        let places = self.places.iter().enumerate();
        places.flat_map(|(number, place)| place.boots.iter().map(move |boot| (number, boot)))
    }

    pub(crate) fn node(&self, number: usize) -> &SimulatedNode {
        &self.places[number].boots.first().expect("the node runs").node
    }

    pub(crate) fn status(&self, number: usize) -> Status {
        self.node(number).status()
    }

    /// Who leads, where one node does and its boot runs.
    pub(crate) fn leader(&self) -> Option<usize> {
        let leading = self.boots().filter(|(_, boot)| boot.computer.runs());
        let leading = leading.map(|(number, boot)| (number, boot.node.status()));
        let leading = leading.filter(|(_, status)| status.role == Role::Leader);
        leading.max_by_key(|(_, status)| status.term).map(|(number, _)| number)
    }

    /// Cuts these nodes off from all others, and watches that they commit nothing if they are no
    /// majority.
    pub(crate) fn isolate(&mut self, numbers: &[usize]) {
        let all: Vec<UniqueId> = self.places.iter().map(|place| place.id).collect();
        let some: Vec<UniqueId> = numbers.iter().map(|number| all[*number]).collect();
        self.net.isolate(&some, &all);
        if numbers.len() < self.roster.majority() {
            // A computer that stands still has messages of before in its hands: so all logs count.
            let ends = self.boots().filter_map(|(_, boot)| boot.node.status().last_log);
            let last = ends.map(|(_, index)| index);
            let last = last.max().unwrap_or(0);
            self.watched().invariants.minority.isolated(&some, last);
        }
    }

    pub(crate) fn heal(&mut self) {
        self.net.heal();
        self.watched().invariants.minority.healed();
    }

    /// Lets time pass, looking at everything now and then; ends early where something broke.
    pub(crate) async fn run(&mut self, ms: u64) {
        let end = Host::now_ms() + ms;
        while Host::now_ms() < end && self.watched().broken.is_none() {
            Host::wait_ms(LOOK_MS.min(end - Host::now_ms()).max(1)).await;
            self.look();
        }
    }

    /// Runs until something is so; tells whether it was in time.
    pub(crate) async fn run_until(&mut self, ms: u64, mut so: impl FnMut(&Self) -> bool) -> bool {
        let end = Host::now_ms() + ms;
        while !so(self) {
            if Host::now_ms() >= end || self.watched().broken.is_some() {
                return false;
            }
            Host::wait_ms(LOOK_MS).await;
            self.look();
        }
        true
    }
}

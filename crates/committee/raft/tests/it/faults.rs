//! What goes wrong in a round.

use crate::dice::Dice;
use crate::host::Host;
use crate::member::Mode;
use crate::net::Weather;
use crate::places::Backup;
use crate::world::World;
use holobiont_committee_raft::Signing;

const DAY_MS: i64 = 86_400_000;

/// The faults of one round, drawn one after the other.
pub(crate) struct Faults {
    dice: Dice,
    /// An older state of one node's disk.
    backup: Option<(usize, Backup)>,
    /// Nodes that are down, and when they come back.
    down: Vec<(usize, u64)>,
    /// Nodes that stand still, and when they go on.
    paused: Vec<(usize, u64)>,
    /// Who lies about its own history already.
    lied: bool,
    /// One node's disk was rolled back, or it has run twice: no second one.
    tricked: bool,
    /// What was done, for a failing run's report.
    pub(crate) told: Vec<String>,
}

impl Faults {
    pub(crate) fn new(dice: Dice) -> Self {
        Self {
            dice,
            backup: None,
            down: Vec::new(),
            paused: Vec::new(),
            lied: false,
            tricked: false,
            told: Vec::new(),
        }
    }

    fn tell(&mut self, what: String) {
        self.told.push(format!("{:>6} ms  {what}", Host::now_ms()));
    }

    /// One more fault.
    pub(crate) async fn next(&mut self, world: &mut World) {
        let nodes = world.plan.nodes;
        let node = self.dice.below(nodes);
        match self.dice.below(18) {
            0 | 1 => self.kill(world, &[node]).await,
            2 => {
                let most = self.dice.some_of(nodes, nodes / 2 + 1);
                self.kill(world, &most).await;
            }
            3 => {
                let all: Vec<usize> = (0..nodes).collect();
                self.kill(world, &all).await;
            }
            4..=6 => self.disk(world, node),
            7 => self.partition(world),
            8 => {
                let other = (node + 1 + self.dice.below(nodes - 1)) % nodes;
                world.net.cut(world.places[node].id, world.places[other].id);
                self.tell(format!("nothing goes from {node} to {other}"));
            }
            9 => {
                world.heal();
                if self.dice.chance(500) {
                    world.net.weather(Weather::foul());
                }
                self.tell("the network heals".to_owned());
            }
            10 | 11 => self.pause(world, node),
            12 => {
                let days = if self.dice.chance(500) { DAY_MS } else { -DAY_MS };
                world.places[node].clock_off_ms.store(days, std::sync::atomic::Ordering::Relaxed);
                self.tell(format!("the clock of {node} is off by {days} ms"));
            }
            13 | 14 => self.member(world),
            15 => self.sources(world, node),
            16 => self.roll_back(world, node).await,
            _ => self.clone_one(world, node).await,
        }
    }

    async fn kill(&mut self, world: &mut World, nodes: &[usize]) {
        let power = self.dice.chance(600);
        for node in
            nodes.iter().copied().filter(|node| world.places[*node].runs()).collect::<Vec<_>>()
        {
            self.paused.retain(|(paused, _)| *paused != node);
            world.kill(node, power).await;
            let back_ms = Host::now_ms() + self.dice.within(10..=600);
            self.down.push((node, back_ms));
            self.tell(format!("{node} is killed (power lost: {power})"));
        }
    }

    fn disk(&mut self, world: &mut World, node: usize) {
        let Some(boot) = world.places[node].boots.first_mut() else { return };
        boot.may_fail = true;
        let operations = self.dice.within(0..=60);
        if self.dice.chance(700) {
            boot.disk.fail_after(operations);
            self.tell(format!("the power of {node} fails at disk operation {operations} from now"));
        } else {
            boot.disk.full_after(Some(operations));
            self.tell(format!("the disk of {node} is full from operation {operations} on"));
        }
    }

    fn partition(&mut self, world: &mut World) {
        let nodes = world.plan.nodes;
        let size = 1 + self.dice.below(nodes / 2);
        let side = self.dice.some_of(nodes, size);
        world.heal();
        world.isolate(&side);
        self.tell(format!("{side:?} are cut off"));
    }

    fn pause(&mut self, world: &mut World, node: usize) {
        // The one that leads has the most to wake up with.
        let node = world.leader().filter(|_| self.dice.chance(600)).unwrap_or(node);
        let Some(boot) = world.places[node].boots.first() else { return };
        boot.computer.pause();
        self.paused.push((node, Host::now_ms() + self.dice.within(20..=800)));
        self.tell(format!("{node} stands still"));
    }

    fn member(&mut self, world: &mut World) {
        let member = self.dice.below(world.members.count());
        match self.dice.below(5) {
            0 => world.members.mode(member, Mode::Stalled),
            1 => world.members.mode(member, Mode::Bursting),
            2 => world.members.mode(member, Mode::Flooding),
            3 => world.members.shorten(member, self.dice.within(0..=5)),
            _ if self.lied => world.members.mode(member, Mode::Steady),
            _ => {
                self.lied = true;
                let to = 1 + self.dice.below(world.plan.nodes - 1);
                let to = self.dice.some_of(world.plan.nodes, to);
                world.lie(member, &to);
                self.tell(format!("member {member} tells {to:?} another history"));
                return;
            }
        }
        self.tell(format!("member {member} behaves otherwise"));
    }

    fn sources(&mut self, world: &World, node: usize) {
        let member = self.dice.below(world.members.count());
        let shut = self.dice.chance(600);
        world.members.shut(member, node, shut);
        self.tell(format!("member {member} answers {node}: {}", !shut));
    }

    /// Yesterday's disk comes back, where all others are well: one at a time is what the committee
    /// can bear.
    async fn roll_back(&mut self, world: &mut World, node: usize) {
        if !world.places[node].runs() || self.tricked {
            return;
        }
        let Some((node, backup)) = self.backup.take() else {
            let backup = world.backup(node);
            self.backup = Some((node, backup));
            return;
        };
        let well = (0..world.plan.nodes).filter(|other| *other != node).all(|other| {
            world.places[other].runs() && world.status(other).signing == Signing::Signs
        });
        if !well || !world.places[node].runs() {
            return;
        }
        self.tricked = true;
        self.paused.retain(|(paused, _)| *paused != node);
        world.kill(node, false).await;
        world.roll_back(node, &backup);
        self.down.push((node, Host::now_ms() + self.dice.within(1..=200)));
        self.tell(format!("{node} is killed, and its disk is an older one"));
    }

    async fn clone_one(&mut self, world: &mut World, node: usize) {
        if self.tricked || world.places[node].boots.len() != 1 {
            return;
        }
        self.tricked = true;
        world.clone_boot(node).await;
        self.tell(format!("{node} runs twice, from one disk"));
    }

    /// Brings back what is due, and ends what has failed for its disk.
    pub(crate) async fn tend(&mut self, world: &mut World) {
        let now_ms = Host::now_ms();
        for (node, _) in self.paused.extract_if(.., |(_, until_ms)| *until_ms <= now_ms) {
            world.places[node].boots.iter().for_each(|boot| boot.computer.resume());
        }
        for node in 0..world.places.len() {
            let failed = world.places[node].boots.first().is_some_and(|boot| {
                boot.computer.runs() && boot.may_fail && boot.node.status().failed.is_some()
            });
            if failed {
                self.tell(format!("{node} has stopped for its disk"));
                self.kill(world, &[node]).await;
            }
            world.drop_fenced(node).await;
            // Of two boots that began at once each may have been outdated by the other: whoever runs
            // the node starts it again.
            let outdated = world.places[node].boots.first().is_some_and(|boot| {
                boot.computer.runs() && boot.node.status().signing == Signing::Fenced
            });
            if outdated {
                self.tell(format!("{node} was outdated by its own other boot"));
                self.kill(world, &[node]).await;
            }
        }
        let due: Vec<_> = self.down.extract_if(.., |(_, until_ms)| *until_ms <= now_ms).collect();
        for (node, _) in due {
            world.start(node).await;
            self.tell(format!("{node} starts"));
        }
    }

    /// Everything is well from here on.
    pub(crate) async fn cease(&mut self, world: &mut World) {
        world.heal();
        for member in 0..world.members.count() {
            world.members.mode(member, Mode::Steady);
            world.members.repent(member);
            for node in 0..world.places.len() {
                world.members.shut(member, node, false);
            }
        }
        for (_, until_ms) in self.paused.iter_mut().chain(&mut self.down) {
            *until_ms = 0;
        }
        // A disk that is to fail later does it now.
        for node in 0..world.plan.nodes {
            if world.places[node].boots.first().is_some_and(|boot| boot.may_fail) {
                self.kill(world, &[node]).await;
            }
        }
        self.tend(world).await;
        self.down.iter_mut().for_each(|(_, until_ms)| *until_ms = 0);
        self.tend(world).await;
        self.tell("faults have ceased".to_owned());
    }
}

//! Growing surfaces folded live are the same surfaces folded offline: at any pace, with any restarts.

use std::collections::BTreeMap;

use holobiont_committee_fold::{FoldSnapshot, FolderStart};
use proptest::prelude::*;

use crate::world::{Entry, Follower, World};

const MEMBERS: u16 = 3;
const MAX_RESTARTS: usize = 6;

/// A surface's records, by the steps between their clocks.
fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let step = prop_oneof![6 => Just(1_u64), 2 => Just(0), 1 => 2_u64..5];
    let record = (step, any::<bool>(), 0_u8..100);
    (0_u64..4, proptest::collection::vec(record, 5..40)).prop_map(|(first, steps)| {
        let (mut clock, mut closed) = (first, false);
        let entry = |(step, closes, rate): (u64, bool, u8)| {
            clock += if closed { step.max(1) } else { step };
            closed = closes;
            (clock, closes, format!("1.{rate:02}"))
        };
        steps.into_iter().map(entry).collect()
    })
}

/// What the committee does next.
#[derive(Debug, Clone)]
enum Step {
    Grow(u16, usize),
    Agree(Vec<u16>),
    Tick,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..MEMBERS, 1_usize..7).prop_map(|(member, records)| Step::Grow(member, records)),
        5 => proptest::sample::subsequence(vec![0, 1, 2], 1..=3).prop_map(Step::Agree),
        3 => Just(Step::Tick),
    ]
}

/// What the node does before an entry.
#[derive(Debug, Clone, Copy)]
enum Life {
    Nothing,
    /// It gets this many records of a member, more than are agreed on or not.
    Feed(u16, u64),
    /// It is started again, from a snapshot of so many cuts ago.
    Restart(usize),
    /// A torn end of its copies, or of its output, and a start again.
    Crash(u16),
}

fn life() -> impl Strategy<Value = Life> {
    prop_oneof![
        6 => Just(Life::Nothing),
        4 => (0..MEMBERS, 1_u64..12).prop_map(|(member, records)| Life::Feed(member, records)),
        1 => (0_usize..9).prop_map(Life::Restart),
        1 => (0..MEMBERS).prop_map(Life::Crash),
    ]
}

struct Node<'w> {
    world: &'w World,
    /// None only while it is down.
    follower: Option<Follower>,
    snapshots: BTreeMap<u64, FoldSnapshot>,
}

impl<'w> Node<'w> {
    fn new(world: &'w World) -> Self {
        let follower = Some(Follower::open(world, "node", None));
        Self { world, follower, snapshots: BTreeMap::new() }
    }

    /// Goes on from the newest snapshot but `back`, or from the beginning: where in the log that is.
    fn restart(&mut self, back: usize) -> u64 {
        let at = self.snapshots.keys().rev().nth(back).copied();
        let snapshot = at.and_then(|at| self.snapshots.get(&at));
        let start = snapshot.map(|snapshot| FolderStart::Snapshot {
            machine: &snapshot.machine,
            replay: &snapshot.replay,
        });
        // Of copies and output there is one writer each: the old ones go first.
        let statements = self.follower.take().unwrap().statements;
        let follower = Follower::open(self.world, "node", start);
        self.follower = Some(Follower { statements, ..follower });
        snapshot.map_or(0, |snapshot| snapshot.log_index)
    }

    fn up(&mut self) -> &mut Follower {
        self.follower.as_mut().unwrap()
    }

    fn tear(&self, member: u16) {
        let dir = self.world.dir.path().join("node");
        for folder in [dir.join("copies").join(format!("m{member}")), dir.join("output")] {
            for file in std::fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "open") {
                    use std::io::Write;
                    let mut file = std::fs::File::options().append(true).open(path).unwrap();
                    file.write_all(&[7; 45]).unwrap();
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_grows_and_what_is_whole_fold_to_the_same(
        members in proptest::collection::vec(entries(), usize::from(MEMBERS)),
        steps in proptest::collection::vec(step(), 1..70),
        take_up_at in proptest::option::of(0_usize..70),
        lives in proptest::collection::vec(life(), 1..80),
    ) {
        let mut world = World::new(members);
        for (number, step) in steps.iter().enumerate() {
            if take_up_at == Some(number) {
                world.take_up();
            }
            match step {
                Step::Grow(member, records) => world.grow(*member, *records),
                Step::Agree(members) => world.agree(members),
                Step::Tick => world.tick(),
            }
        }
        let (expected, records) = world.offline();

        let mut node = Node::new(&world);
        let mut at = 0;
        let mut lives = lives.iter().cycle();
        let mut restarts = 0;
        while let Some((index, payload)) = world.entries.get(at) {
            let life = lives.next().copied().filter(|_| restarts < MAX_RESTARTS);
            let restart = match life.unwrap_or(Life::Nothing) {
                Life::Nothing => None,
                Life::Feed(member, more) => {
                    let to = node.up().copies.next_seq(member) + more;
                    node.up().feed(&world, member, to);
                    None
                }
                Life::Restart(back) => Some(back),
                Life::Crash(member) => {
                    node.tear(member);
                    Some(0)
                }
            };
            if let Some(back) = restart {
                restarts += 1;
                let from = node.restart(back);
                at = world.entries.partition_point(|(index, _)| *index <= from);
                continue;
            }
            node.up().push_fed(&world, *index, payload);
            at += 1;
            let is_cut = node.up().statements.values().any(|it| it.log_index == *index);
            if is_cut {
                let snapshot = node.up().folder().snapshot().unwrap();
                prop_assert_eq!(snapshot.log_index, *index);
                let digest = holobiont_committee_fold::state_digest(&snapshot.replay).unwrap();
                let statement = &node.up().statements[&snapshot.cut];
                prop_assert_eq!(digest, statement.state_digest);
                node.snapshots.insert(snapshot.cut, snapshot);
            }
        }
        prop_assert_eq!(&node.up().statements, &expected);
        let (head, published) = node.up().output();
        prop_assert_eq!(published, records);
        prop_assert_eq!(head, expected.values().last().and_then(|statement| statement.output));
    }
}

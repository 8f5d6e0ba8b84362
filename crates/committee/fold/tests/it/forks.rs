//! A copy of another history than a majority's is cut back, and the fold goes on with the right
//! records: on the same statements.

use holobiont_committee_fold::{FoldError, FoldSnapshot, FolderStart, Need};
use holobiont_surface::Surface;

use crate::world::{Entry, Follower, SMALL, World, append, days, open_copies};

const MEMBERS: u16 = 2;

/// Four rounds of five days each.
fn world() -> World {
    let mut world = World::new(vec![days(20, 1), days(20, 1)]);
    for _ in 0..4 {
        for member in 0..MEMBERS {
            world.grow(member, 5);
        }
        world.agree(&[0, 1]);
        world.tick();
    }
    world
}

/// As the member published it to somebody else.
fn forged(entries: &[Entry]) -> Vec<Entry> {
    let other = |(clock, closes, _): &Entry| (*clock, *closes, "9.99".to_owned());
    entries.iter().map(other).collect()
}

/// Pushes everything, feeding what is asked for; gives what the fold waited for.
fn follow(node: &mut Follower, world: &World, after: u64) -> Vec<Need> {
    let mut needs = Vec::new();
    for (index, payload) in world.entries.iter().filter(|(index, _)| *index > after) {
        if node.push(*index, payload) {
            continue;
        }
        loop {
            let waits = node.waits.clone().unwrap();
            for need in &waits {
                assert_eq!(need.from_seq, node.copies.next_seq(need.member));
                node.feed(world, need.member, need.seq + 1);
            }
            needs.extend(waits);
            if node.poll() {
                break;
            }
        }
    }
    needs
}

fn has_aside(world: &World, name: &str, extension: &str) -> bool {
    let dir = world.dir.path().join(name);
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    entries.into_iter().any(|name| name.to_string_lossy().contains(extension))
}

#[test]
fn a_copy_of_another_history_is_cut_back_to_the_frontier_and_goes_on() {
    let world = world();
    let (expected, records) = world.offline();
    // The first record is another one, the last of a round, one in the middle; far past the fold or not.
    for from in [0_usize, 4, 7, 10, 13] {
        for have in [from + 1, 15, 20] {
            if have <= from {
                continue;
            }
            let name = format!("node-{from}-{have}");
            let mut node = Follower::open(&world, &name, None);
            node.feed(&world, 1, 20);
            append(&node.copies, 0, &world.members[0][..from]);
            append(&node.copies, 0, &forged(&world.members[0][from..have]));
            node.copies.sync(0).unwrap();
            let needs = follow(&mut node, &world, 0);
            assert_eq!(node.statements, expected, "{name}");
            assert_eq!(node.output().1, records);
            let first = needs[0];
            // What is agreed on before, and right, is kept.
            let round = u64::try_from(from / 5 * 5).unwrap();
            let from_seq = if have < from / 5 * 5 + 5 { have as u64 } else { round };
            assert_eq!((first.member, first.from_seq), (0, from_seq), "{name}");
            assert!(has_aside(&world, &format!("{name}/copies/m0"), "forked"), "{name}");
            let aside = node.copies.aside(0).unwrap();
            assert!(!aside.is_empty() && aside.iter().all(|it| it.size_bytes > 0), "{aside:?}");
            // Whoever keeps the disk may remove it.
            aside.iter().for_each(|it| it.remove().unwrap());
            assert!(!has_aside(&world, &format!("{name}/copies/m0"), "forked"), "{name}");
        }
    }
}

/// The disk is not trusted: what lies below a snapshot may be another history when the node comes back.
#[test]
fn a_copy_that_was_swapped_while_the_node_was_down_is_given_up() {
    let world = world();
    let (expected, records) = world.offline();
    let snapshot: FoldSnapshot = {
        let mut node = Follower::open(&world, "node", None);
        node.feed(&world, 0, 20);
        node.feed(&world, 1, 20);
        let mut snapshot = None;
        for (index, payload) in &world.entries {
            assert!(node.push(*index, payload));
            if node.statements.len() == 2 && snapshot.is_none() {
                snapshot = Some(node.folder().snapshot().unwrap());
            }
        }
        assert_eq!(node.waited, 0);
        snapshot.unwrap()
    };
    std::fs::remove_dir_all(world.dir.path().join("node/copies/m1")).unwrap();
    let start = || FolderStart::Snapshot { machine: &snapshot.machine, replay: &snapshot.replay };
    let mut node = Follower::open(&world, "node", Some(start()));
    append(&node.copies, 1, &forged(&world.members[1]));
    node.copies.sync(1).unwrap();
    let mut needs = Vec::new();
    for (index, payload) in world.entries.iter().filter(|(index, _)| *index > snapshot.log_index) {
        let mut taken = node.push(*index, payload);
        while !taken {
            let need = node.waits.clone().unwrap()[0];
            needs.push(need);
            if node.copies.next_seq(1) < need.from_seq {
                node.feed(&world, 1, need.seq + 1);
            }
            node.feed(&world, 1, need.seq + 1);
            taken = node.poll();
        }
    }
    assert!(needs.iter().all(|need| need.member == 1) && !needs.is_empty());
    for (cut, statement) in &node.statements {
        assert_eq!(statement, &expected[cut]);
    }
    assert_eq!(node.output().1, records);
}

/// A majority that agrees on a clock that its own records do not have is no majority that can be
/// followed.
#[test]
fn a_closed_clock_that_the_records_do_not_have_ends_the_fold() {
    let mut world = World::new(vec![days(20, 1), days(20, 1)]);
    world.grow(0, 5);
    let state = &world.machine.policy().members()[0];
    let mut head = world.copies.offer(0, state).unwrap();
    head.closed = Some(77);
    let have = |node| (vec![(0, holobiont_policy::Opinion::Have)], node);
    world.vote(vec![head], have);
    let mut node = Follower::open(&world, "node", None);
    node.feed(&world, 0, 5);
    let mut ended = None;
    for (index, payload) in &world.entries {
        if let Err(error) = node.folder().push(*index, payload) {
            ended = Some(error);
            break;
        }
    }
    let error = ended.unwrap();
    assert!(error.to_string().contains("closed clock"), "{error}");
    let refused = node.folder().push(1000, &world.entries[0].1);
    assert!(matches!(refused, Err(FoldError::Poisoned)));
}

#[test]
fn a_copy_that_was_cut_back_shows_nothing_of_what_it_gave_up() {
    let world = world();
    let node = Follower::open(&world, "node", None);
    append(&node.copies, 0, &world.members[0][..7]);
    append(&node.copies, 0, &forged(&world.members[0][7..20]));
    node.copies.sync(0).unwrap();
    let frontier = {
        let whole = world.copies.view(0).unwrap();
        let head = whole.head_at(4).unwrap();
        holobiont_policy::Frontier { seq: 4, head: head.hash, closed: Some(5) }
    };
    let offered = world.copies.offer(0, Some(frontier)).unwrap();
    let opinion = node.copies.opinion(&offered, Some(frontier));
    assert!(matches!(opinion, Some(holobiont_policy::Opinion::Mismatch { .. })));
    let before = node.copies.views(0).unwrap();
    let (next_seq, cut) = node.copies.cut_back(0, Some(frontier)).unwrap();
    assert_eq!((next_seq, cut.records), (5, 15));
    assert_eq!(node.copies.durable(0).map(|head| head.seq), Some(4));
    assert_eq!(node.copies.opinion(&offered, Some(frontier)), None);
    assert_eq!(node.copies.offer(0, Some(frontier)), None);
    assert_ne!(node.copies.views(0).unwrap().generation, before.generation);
    node.feed(&world, 0, 20);
    let opinion = node.copies.opinion(&offered, Some(frontier));
    assert_eq!(opinion, Some(holobiont_policy::Opinion::Have));
    // Of a frontier that it does not agree with itself it keeps nothing.
    let elsewhere = holobiont_policy::Frontier {
        head: holobiont_identity::Digest::from_bytes([3; 32]),
        ..frontier
    };
    assert_eq!(node.copies.cut_back(0, Some(elsewhere)).unwrap().0, 0);
    assert_eq!(node.copies.durable(0), None);
    assert_eq!(Surface::next_seq(&node.copies.view(0).unwrap()), 0);
}

/// How far a copy is ahead is counted from what was folded, not from what was agreed on.
#[test]
fn what_is_not_folded_yet_is_ahead() {
    let world = world();
    let mut node = Follower::open(&world, "node", None);
    node.feed(&world, 0, 20);
    node.feed(&world, 1, 20);
    let whole = node.copies.views(0).unwrap().bytes_from(0);
    assert_eq!((node.copies.taken_to(0), node.copies.ahead_bytes(0)), (0, whole));
    let mut last = whole;
    for (index, payload) in &world.entries {
        node.push_fed(&world, *index, payload);
        let ahead = node.copies.ahead_bytes(0);
        assert!(ahead <= last);
        last = ahead;
    }
    let next_seq = node.folder().next_seq(0).unwrap();
    assert_eq!((node.copies.taken_to(0), next_seq > 10), (next_seq, true));
    assert!(last < whole / 2, "{last} of {whole}");
    // Before the fold is open again, what comes in now counts.
    drop(node);
    let copies = open_copies(&world.organism, &world.dir.path().join("node/copies"), SMALL);
    assert_eq!((copies.taken_to(0), copies.ahead_bytes(0)), (20, 0));
}

//! A majority agrees that records are gone: copies start anew behind the gap, and what is before it is
//! folded all the same.

use holobiont_committee_fold::{Copies, FoldError, Since};
use holobiont_policy::{OfferedHead, Opinion, Unavailable};
use holobiont_surface::StartAt;

use crate::world::{Follower, SMALL, World, append, days, genesis, open_copies};

/// Where the whole copy's window begins that has this record: where a source begins that has dropped
/// what is before.
fn restart(node: &Copies, world: &World, member: u16, seq: u64) {
    let view = world.copies.view(member).unwrap();
    let window = seq / 4 * 4;
    let cursor = view.cursor(window).unwrap();
    let open = cursor.open_window();
    assert_eq!((open.first_seq, open.window_bytes.len()), (window, 0));
    node.restart_at(member, StartAt { window_bytes: &[], ..open }).unwrap();
    append(
        node,
        member,
        &world.members[usize::from(member)][usize::try_from(window).unwrap()..]
            [..usize::try_from(seq - window).unwrap()],
    );
}

/// Member 0 is agreed on up to its eighth record and folded up to its fifth (the other one holds the
/// watermark), then loses records up to `resume`, then goes on.
fn world(resume: u64) -> World {
    let mut world = World::new(vec![days(40, 1), days(40, 1)]);
    world.grow(0, 8);
    world.grow(1, 5);
    world.agree(&[0, 1]);
    world.tick();
    world.grow(0, 32);
    let head =
        OfferedHead { ..world.copies.offer(0, &world.machine.policy().members()[0]).unwrap() };
    let gap = Unavailable::Gap { earliest: resume };
    world.vote(vec![head], |node| (vec![(0, Opinion::Unavailable(gap))], node));
    assert_eq!(world.machine.policy().members()[0].resume_from, resume);
    world.agree(&[0]);
    assert_eq!(world.machine.policy().members()[0].frontier.map(|it| it.seq), Some(39));
    for _ in 0..4 {
        world.grow(1, 9);
        world.agree(&[1]);
        world.tick();
    }
    assert_eq!(world.machine.policy().watermark(), Some(40));
    world
}

#[test]
fn a_copy_starts_anew_behind_the_gap_and_nothing_before_it_is_lost() {
    for resume in [12, 14, 31] {
        let world = world(resume);
        let (expected, records) = world.offline();
        let mut node = Follower::open(&world, "node", None);
        let mut restarted = false;
        for (index, payload) in &world.entries {
            let mut taken = node.push(*index, payload);
            while !taken {
                let need = node.waits.clone().unwrap()[0];
                if need.from_seq > node.copies.next_seq(need.member) {
                    assert_eq!((need.member, need.from_seq), (0, resume));
                    restart(&node.copies, &world, 0, need.from_seq);
                    restarted = true;
                }
                node.feed(&world, need.member, need.seq + 1);
                taken = node.poll();
            }
        }
        assert!(restarted);
        assert_eq!(node.statements, expected);
        assert_eq!(node.output().1, records);
        // It reads from both sides of the gap, also after it was opened again.
        let views = node.copies.views(0).unwrap();
        assert_eq!(views.views.len(), 2);
        assert_eq!(views.first_missing(0, 7), None);
        assert_eq!(views.first_missing(5, resume), Some(8));
        assert_eq!(views.first_missing(resume, 39), None);
        drop(node);
        let dir = world.dir.path().join("node/copies");
        let copies = open_copies(&world.organism, &dir, SMALL);
        let views = copies.views(0).unwrap();
        assert_eq!((views.first_missing(0, 7), views.first_missing(resume, 39)), (None, None));
        // What nobody needs any more goes.
        assert_eq!(copies.retain(0, 8).unwrap(), resume / 4 * 4);
        assert_eq!(copies.views(0).unwrap().views.len(), 1);
        drop(copies);
        let copies = open_copies(&world.organism, &dir, SMALL);
        assert_eq!(copies.views(0).unwrap().views.len(), 1);
        assert_eq!(copies.next_seq(0), 40);
    }
}

/// A node that begins behind what is needed makes room, and says what it lacks.
#[test]
fn a_copy_that_begins_too_late_is_put_aside() {
    let world = world(12);
    let (expected, _) = world.offline();
    let mut node = Follower::open(&world, "node", None);
    restart(&node.copies, &world, 0, 20);
    node.feed(&world, 0, 40);
    let mut needs = Vec::new();
    for (index, payload) in &world.entries {
        let mut taken = node.push(*index, payload);
        while !taken {
            for need in node.waits.clone().unwrap() {
                needs.push((need.member, need.from_seq));
                if need.from_seq > node.copies.next_seq(need.member) {
                    restart(&node.copies, &world, 0, need.from_seq);
                }
                node.feed(&world, need.member, need.seq + 1);
            }
            taken = node.poll();
        }
    }
    assert_eq!(needs[0], (0, 0));
    assert_eq!(node.statements, expected);
    let aside = world.dir.path().join("node/copies/m0.forked-0");
    assert!(aside.is_dir());
    // It is listed, the oldest first, and may be removed whole.
    std::fs::write(world.dir.path().join("node/copies/m0/1-2-3.forked"), [7; 9]).unwrap();
    let listed = node.copies.aside(0).unwrap();
    assert_eq!(listed.iter().map(|it| &it.path).next(), Some(&aside));
    assert_eq!((listed.len(), listed[1].size_bytes), (2, 9));
    listed[0].remove().unwrap();
    assert!(!aside.exists() && node.copies.aside(0).unwrap().len() == 1);
}

#[test]
fn votes_across_a_gap_count_from_behind_it() {
    let world = world(12);
    let node = Follower::open(&world, "node", None);
    node.feed(&world, 0, 8);
    restart(&node.copies, &world, 0, 12);
    node.feed(&world, 0, 40);
    let frontier = {
        let head = world.copies.view(0).unwrap().head_at(7).unwrap();
        holobiont_policy::Frontier { seq: 7, head: head.hash, closed: Some(8) }
    };
    let since = Since::new(Some(frontier), 12);
    let offered = world.copies.offer(0, since).unwrap();
    assert_eq!(offered.advance, 5, "from the frontier's clock to the first behind the gap");
    assert_eq!(node.copies.offer(0, since), Some(offered.clone()));
    assert_eq!(node.copies.opinion(&offered, since), Some(Opinion::Have));
    // Without the gap, it cannot say anything: it does not have all of the way.
    assert_eq!(node.copies.opinion(&offered, Some(frontier)), None);
    assert_eq!(node.copies.failure(0), None);
}

/// The source lied about what lies behind the gap, or about the chain there.
#[test]
fn a_copy_that_started_anew_in_another_history_is_what_it_was_before() {
    let world = world(12);
    let (expected, records) = world.offline();
    let mut node = Follower::open(&world, "node", None);
    node.feed(&world, 0, 8);
    {
        let view = world.copies.view(0).unwrap();
        let cursor = view.cursor(12).unwrap();
        let chain_before = holobiont_identity::Digest::of("another");
        let start = StartAt { window_bytes: &[], chain_before, ..cursor.open_window() };
        node.copies.restart_at(0, start).unwrap();
    }
    node.feed(&world, 0, 40);
    let mut restarts = 0;
    for (index, payload) in &world.entries {
        let mut taken = node.push(*index, payload);
        while !taken {
            for need in node.waits.clone().unwrap() {
                if need.from_seq > node.copies.next_seq(need.member) {
                    assert_eq!((need.from_seq, node.copies.next_seq(0)), (12, 8));
                    restart(&node.copies, &world, 0, need.from_seq);
                    restarts += 1;
                }
                node.feed(&world, need.member, need.seq + 1);
            }
            taken = node.poll();
        }
    }
    assert_eq!(restarts, 1);
    assert_eq!(node.statements, expected);
    assert_eq!(node.output().1, records);
    assert!(world.dir.path().join("node/copies/m0.forked-0").is_dir());
    // A crash between the two moves of going back.
    let views = node.copies.views(0).unwrap();
    drop(node);
    let copies = world.dir.path().join("node/copies");
    std::fs::rename(copies.join("m0"), copies.join("m0.forked-1")).unwrap();
    let opened = open_copies(&world.organism, &copies, SMALL);
    assert_eq!((opened.next_seq(0), opened.views(0).unwrap().views.len()), (8, 1));
    assert_eq!(views.views.len(), 2);
}

#[test]
fn a_copy_cannot_start_anew_in_what_it_has() {
    let world = world(12);
    let node = Follower::open(&world, "node", None);
    node.feed(&world, 0, 20);
    let view = world.copies.view(0).unwrap();
    let cursor = view.cursor(16).unwrap();
    let refused = node.copies.restart_at(0, StartAt { window_bytes: &[], ..cursor.open_window() });
    assert!(
        matches!(refused, Err(FoldError::StartsBehind { first_seq: 16, next_seq: 20, .. })),
        "{refused:?}"
    );
    assert_eq!(node.copies.next_seq(0), 20);
}

/// Every state of the folders that a crash can leave while a copy starts anew.
#[test]
fn a_start_anew_that_was_interrupted_is_completed_or_never_was() {
    let world = world(12);
    let source = Follower::open(&world, "source", None);
    source.feed(&world, 0, 8);
    let before = world.dir.path().join("source/copies/m0");
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let copy = |to: &str| {
        std::fs::create_dir_all(path(to)).unwrap();
        for file in std::fs::read_dir(&before).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), path(to).join(file.file_name())).unwrap();
        }
    };
    let next = |to: &str| {
        let view = world.copies.view(0).unwrap();
        let cursor = view.cursor(12).unwrap();
        let start = StartAt { window_bytes: &[], ..cursor.open_window() };
        let options = holobiont_surface::WriterOptions { segment_bytes: 600 };
        let genesis = genesis(&world.organism, 0);
        holobiont_surface::SurfaceWriter::create_at(&path(to), genesis, start, options).unwrap();
    };
    let opened = || {
        let copies = open_copies(&world.organism, dir.path(), SMALL);
        let views = copies.views(0).unwrap();
        let leftovers = ["m0.next", "m0.gone"].map(|name| path(name).exists());
        assert_eq!(leftovers, [false, false]);
        (copies.next_seq(0), views.views.len())
    };
    let clear = || {
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            std::fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
    };
    // The next one is not whole, or is, and the present one is still in its place.
    copy("m0");
    std::fs::create_dir_all(path("m0.next")).unwrap();
    assert_eq!(opened(), (8, 1));
    next("m0.next");
    assert_eq!(opened(), (8, 1));
    clear();
    // The present one has gone out of the way.
    copy(&format!("m0.from-{:020}", 0));
    next("m0.next");
    assert_eq!(opened(), (12, 2));
    clear();
    // The present one was empty, and is half removed.
    std::fs::create_dir_all(path("m0.gone")).unwrap();
    next("m0.next");
    assert_eq!(opened(), (12, 1));
}

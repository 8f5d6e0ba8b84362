use holobiont_policy::{Standing as Stall, Status};
use proptest::prelude::*;

use super::{Bench, index};
use crate::cross_feed::*;

/// What may happen to a member between two closes.
#[derive(Debug, Clone)]
enum Happening {
    Status(usize, Status),
    Record(usize, String, bool),
    Close,
}

fn statuses() -> impl Strategy<Value = Status> {
    prop::sample::select(vec![
        Status::Joining,
        Status::Absent,
        Status::Live,
        Status::Late,
        Status::Stalled(Stall::Held),
        Status::Stalled(Stall::Skipped),
        Status::Stalled(Stall::Carried),
        Status::CatchingUp,
        Status::Gapped,
        Status::Quarantined,
        Status::Retired,
    ])
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let payload = prop_oneof![
        8 => (500_000_000_i64..1_500_000_000).prop_map(fixed::decimal),
        1 => (1..=MAX_VALUE).prop_map(fixed::decimal),
        1 => Just(String::new()),
        1 => "[0-9.N/A-]{0,6}",
    ];
    let one = prop_oneof![
        1 => (0..3_usize, statuses()).prop_map(|(place, to)| Happening::Status(place, to)),
        6 => (0..3_usize, payload, any::<bool>())
            .prop_map(|(place, payload, late)| Happening::Record(place, payload, late)),
        3 => Just(Happening::Close),
    ];
    prop::collection::vec(one, 0..80)
}

fn run(bench: &mut Bench, happenings: &[Happening]) -> Vec<(CrossFeedCommit, Vec<Citation>)> {
    let mut commits = Vec::new();
    for happening in happenings {
        match happening {
            Happening::Status(place, status) => bench.enter(*place, *status),
            Happening::Record(place, payload, late) => bench.record(*place, payload, *late),
            Happening::Close => commits.extend(bench.close()),
        }
    }
    commits
}

proptest! {
    #[test]
    fn a_snapshot_anywhere_goes_on_with_the_same_commits(
        before in happenings(),
        after in happenings(),
    ) {
        let mut straight = Bench::new(&[3, 1, 0], 3);
        run(&mut straight, &before);
        let mut bytes = Vec::new();
        straight.program.snapshot(&mut bytes);
        let mut resumed = Bench::new(&[3, 1, 0], 3);
        resumed.program.restore(&bytes).unwrap();
        (resumed.clock, resumed.seqs) = (straight.clock, straight.seqs.clone());
        prop_assert_eq!(&resumed.program, &straight.program);
        prop_assert_eq!(run(&mut resumed, &after), run(&mut straight, &after));
        prop_assert_eq!(resumed.program, straight.program);
    }

    #[test]
    fn every_commit_reads_back(happenings in happenings()) {
        for (commit, citations) in run(&mut Bench::new(&[3, 1, 0], 2), &happenings) {
            prop_assert_eq!(citations.len(), commit.members.len());
            prop_assert_eq!(CrossFeedCommit::decode(&commit.encode()), Ok(commit));
        }
    }

    /// While no value moves, nothing that happens to members moves the index.
    #[test]
    fn status_changes_alone_move_nothing(
        days in prop::collection::vec((0..3_usize, statuses()), 1..40),
    ) {
        let mut bench = Bench::new(&[7, 2, 5], 4);
        for (place, status) in days {
            bench.enter(place, status);
            prop_assert_eq!(index(&bench.day(&["0.5", "2000", "30"])), "100.00000000");
        }
    }

    /// Whoever joins, leaves or returns, the index moves as the one member that stays does.
    #[test]
    fn members_that_move_alike_are_one_index(
        days in prop::collection::vec((1..=2_usize, statuses(), 2..=20_i64), 1..40),
    ) {
        let mut bench = Bench::new(&[7, 2, 5], 4);
        let mut alone = Bench::new(&[1], 4);
        let mut value = 1_000_000_000_i64;
        for (place, status, tenths) in days {
            value = (value / 10 * tenths).clamp(100_000_000, 10_000_000_000);
            bench.enter(place, status);
            let text = fixed::decimal(value);
            let joint = bench.day(&[&text, &text, &text]);
            prop_assert_eq!(joint.index, alone.day(&[&text]).index);
        }
    }

    #[test]
    fn no_bytes_make_restore_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut program = Bench::new(&[3, 1], 2).program;
        let mut versioned = vec![SNAPSHOT_VERSION, 2];
        versioned.extend(&bytes);
        prop_assert!(program.restore(&bytes).is_err());
        if program.restore(&versioned).is_ok() {
            let mut again = Vec::new();
            program.snapshot(&mut again);
            prop_assert_eq!(again, versioned);
        }
    }

    #[test]
    fn a_damaged_snapshot_is_refused_or_another_whole_one(
        happenings in happenings(),
        cut in any::<prop::sample::Index>(),
        mask in 1..=u8::MAX,
    ) {
        let mut bench = Bench::new(&[3, 1, 0], 3);
        run(&mut bench, &happenings);
        let mut bytes = Vec::new();
        bench.program.snapshot(&mut bytes);
        let at = cut.index(bytes.len());
        let mut other = bench.program.clone();
        prop_assert!(other.restore(&bytes[..at]).is_err());
        bytes[at] ^= mask;
        if other.restore(&bytes).is_ok() {
            let mut again = Vec::new();
            other.snapshot(&mut again);
            prop_assert_eq!(again, bytes);
        } else {
            prop_assert_eq!(other, bench.program);
        }
    }
}

use super::*;
use holobiont_policy::{Standing as Stall, Status};

mod properties;

/// A program of members with these weights, told that all of them are live.
struct Bench {
    program: CrossFeed,
    clock: u64,
    seqs: Vec<u64>,
}

impl Bench {
    fn new(weights: &[u64], window: u16) -> Self {
        let count = weights.len();
        let mut program = CrossFeed {
            window,
            weights: weights.to_vec(),
            index: 100 * FINE,
            members: vec![MemberState::new(); count],
        };
        program.members.iter_mut().for_each(|member| member.enter(Status::Live));
        Self { program, clock: 0, seqs: vec![0; count] }
    }

    fn enter(&mut self, place: usize, status: Status) {
        self.program.members[place].enter(status);
    }

    fn record(&mut self, place: usize, payload: &str, late: bool) {
        let seq = self.seqs[place];
        self.seqs[place] += 1;
        self.program.members[place].take(self.clock, seq, payload.as_bytes(), late);
    }

    fn close(&mut self) -> Option<(CrossFeedCommit, Vec<Citation>)> {
        self.clock += 1;
        self.program.close(self.clock - 1).unwrap()
    }

    /// One value a member (`""` for none), then the close, which must commit.
    fn day(&mut self, values: &[&str]) -> CrossFeedCommit {
        for (place, value) in values.iter().enumerate() {
            if !value.is_empty() {
                self.record(place, value, false);
            }
        }
        self.close().unwrap().0
    }
}

fn index(commit: &CrossFeedCommit) -> String {
    fixed::decimal(commit.index)
}

fn places(commit: &CrossFeedCommit) -> Vec<u16> {
    commit.members.iter().map(|line| line.member).collect()
}

#[test]
fn the_index_starts_at_100_and_follows_the_weighted_mean() {
    let mut bench = Bench::new(&[3, 1], 2);
    assert_eq!(index(&bench.day(&["2", "10"])), "100.00000000");
    // (3·1.1 + 1·0.9) / 4 = 1.05
    assert_eq!(index(&bench.day(&["2.2", "9"])), "105.00000000");
    // The first is unchanged, the second doubles: (3 + 2) / 4 = 1.25.
    assert_eq!(index(&bench.day(&["", "18"])), "131.25000000");
}

#[test]
fn ratios_and_their_mean_are_rounded_half_to_even_at_12_decimals() {
    let mut bench = Bench::new(&[1, 1], 2);
    bench.day(&["3", "1"]);
    // 4/3 = 1.333333333333 and 1: the mean 1.1666666666665 goes to 1.166666666666.
    bench.day(&["4", "1"]);
    assert_eq!(bench.program.index, 116_666_666_666_600);
    assert_eq!(index(&bench.day(&["4", "1"])), "116.66666667");
}

#[test]
fn closes_without_a_value_are_silent() {
    let mut bench = Bench::new(&[1], 2);
    assert_eq!(bench.close(), None);
    bench.day(&["5"]);
    bench.record(0, "", false);
    assert_eq!(bench.close(), None);
    bench.record(0, "N/A", false);
    assert_eq!(bench.close(), None);
    let next = bench.day(&["5"]);
    assert_eq!(next.malformed, [MemberCount { member: 0, records: 1 }]);
    assert_eq!(bench.day(&["5"]).malformed, []);
}

#[test]
fn every_line_cites_the_record_of_its_value() {
    let mut bench = Bench::new(&[1, 1], 2);
    bench.day(&["5", "6"]);
    bench.record(1, "", false);
    bench.record(1, "7", false);
    bench.record(1, "rubbish", false);
    let (commit, citations) = bench.close().unwrap();
    let standings: Vec<Standing> = commit.members.iter().map(|line| line.standing).collect();
    assert_eq!(standings, [Standing::Kept, Standing::Fresh]);
    assert_eq!(
        citations,
        [Citation { member: 0, clock: 0, seq: 0 }, Citation { member: 1, clock: 1, seq: 2 }]
    );
}

#[test]
fn members_that_join_leave_or_return_do_not_make_it_jump() {
    let mut bench = Bench::new(&[1, 1_000], 2);
    bench.enter(1, Status::Joining);
    bench.day(&["1", ""]);
    assert_eq!(places(&bench.day(&["1.1", "500"])), [0]);
    bench.enter(1, Status::Live);
    let joined = bench.day(&["1.1", "90"]);
    assert_eq!((index(&joined), places(&joined)), ("110.00000000".into(), vec![0, 1]));
    assert_eq!(index(&bench.day(&["1.1", "180"])), "219.89010989");
    bench.enter(1, Status::Stalled(Stall::Skipped));
    let left = bench.day(&["1.1", ""]);
    assert_eq!((index(&left), places(&left)), ("219.89010989".into(), vec![0]));
    bench.enter(1, Status::Live);
    assert_eq!(index(&bench.day(&["1.1", "7"])), "219.89010989");
    assert_eq!(index(&bench.day(&["2.2", "7"])), "220.10978033");
}

#[test]
fn a_member_that_returns_begins_with_a_value_from_after_its_outage() {
    let mut bench = Bench::new(&[1, 1], 2);
    bench.day(&["1", "2"]);
    bench.enter(1, Status::Stalled(Stall::Skipped));
    bench.day(&["1", ""]);
    // Told of at the head of a cut that closes a clock before its first new value.
    bench.enter(1, Status::Live);
    assert_eq!(places(&bench.day(&["1", ""])), [0]);
    let back = bench.day(&["1", "9"]);
    assert_eq!((index(&back), places(&back)), ("100.00000000".into(), vec![0, 1]));
    assert_eq!(index(&bench.day(&["1", "18"])), "150.00000000");
}

#[test]
fn a_carried_value_counts_and_is_called_carried() {
    let mut bench = Bench::new(&[1, 1], 2);
    bench.day(&["1", "1"]);
    bench.enter(1, Status::Stalled(Stall::Carried));
    let carried = bench.day(&["2", ""]);
    assert_eq!(index(&carried), "150.00000000");
    assert_eq!(carried.members[1].standing, Standing::Carried);
    bench.enter(1, Status::Stalled(Stall::Held));
    assert_eq!(places(&bench.day(&["2", ""])), [0]);
}

#[test]
fn another_scale_is_a_discontinuity_and_no_movement() {
    let mut bench = Bench::new(&[1, 1], 2);
    bench.day(&["1", "1500000"]);
    bench.day(&["1.2", "1500000"]);
    bench.day(&["1.1", "1400000"]);
    assert!(bench.day(&["1", "1500000"]).members[1].correlation.is_some());
    let before = bench.program.index;
    let jump = bench.day(&["1", "1.5"]);
    assert!(jump.members[1].discontinuity && jump.members[1].correlation.is_none());
    assert!(!jump.members[0].discontinuity);
    assert_eq!(bench.program.index, before);
    let after = bench.day(&["1", "3"]);
    assert!(!after.members[1].discontinuity);
    assert_eq!(bench.program.index, before * 3 / 2);
}

#[test]
fn ten_times_is_still_a_movement_and_more_is_not() {
    for (value, is_jump) in
        [("100", false), ("100.00000001", true), ("1", false), ("0.99999999", true)]
    {
        let mut bench = Bench::new(&[1], 2);
        bench.day(&["10"]);
        assert_eq!(bench.day(&[value]).members[0].discontinuity, is_jump, "{value}");
    }
}

#[test]
fn a_late_value_is_taken_from_now_on_and_counted() {
    let mut bench = Bench::new(&[1], 2);
    bench.day(&["1"]);
    bench.record(0, "2", true);
    bench.record(0, "", true);
    let (commit, _) = bench.close().unwrap();
    assert_eq!(
        (index(&commit), commit.members[0].standing),
        ("200.00000000".into(), Standing::Fresh)
    );
    assert_eq!(commit.late, [MemberCount { member: 0, records: 1 }]);
}

#[test]
fn a_value_older_than_the_one_held_is_not_taken() {
    let mut bench = Bench::new(&[1], 2);
    bench.day(&["1"]);
    bench.day(&["2"]);
    bench.program.members[0].take(0, 9, b"7", true);
    assert_eq!(bench.close(), None);
    let next = bench.day(&["2"]);
    assert_eq!((index(&next), next.late.len()), ("200.00000000".into(), 1));
}

#[test]
fn weight_zero_is_watched_and_moves_nothing() {
    let mut bench = Bench::new(&[1, 0], 2);
    bench.day(&["1", "1"]);
    assert_eq!(index(&bench.day(&["1.1", "2"])), "110.00000000");
    let last = bench.day(&["1.1", "1"]);
    assert!(last.members[1].correlation.is_some());
    let mut weightless = Bench::new(&[0], 2);
    weightless.day(&["1"]);
    assert_eq!(index(&weightless.day(&["2"])), "100.00000000");
}

#[test]
fn only_fresh_values_enter_the_correlation() {
    let mut bench = Bench::new(&[1, 1], 2);
    bench.day(&["1", "1"]);
    bench.day(&["1.1", "1.2"]);
    assert_eq!(bench.day(&["1.2", ""]).members[1].correlation, None);
    let full = bench.day(&["1.3", "1.1"]);
    assert!(full.members[1].correlation.is_some());
    assert!(full.members[0].correlation.is_some());
}

#[test]
fn no_values_can_end_the_organism() {
    for (odd, even, bound) in [("1", "9.9", MAX_INDEX), ("9.9", "1", MIN_INDEX)] {
        let mut bench = Bench::new(&[1, 1], 2);
        // Up (or down) by a factor, back while they do not count, and again.
        let mut last = bench.day(&[odd, odd]);
        for _ in 0..200 {
            last = bench.day(&[even, even]);
            bench.enter(0, Status::Quarantined);
            bench.enter(1, Status::Quarantined);
            bench.day(&[odd, odd]);
            bench.enter(0, Status::Live);
            bench.enter(1, Status::Live);
            bench.day(&[odd, odd]);
        }
        assert_eq!(last.index, bound);
    }
}

#[test]
fn a_snapshot_of_other_settings_is_refused() {
    let mut bench = Bench::new(&[1, 1], 2);
    bench.day(&["1", "2"]);
    let mut bytes = Vec::new();
    bench.program.snapshot(&mut bytes);
    for other in [Bench::new(&[1, 1], 3), Bench::new(&[1], 2)] {
        let mut program = other.program.clone();
        let refusal = program.restore(&bytes).unwrap_err();
        assert!(matches!(refusal, ProgramError::Snapshot { .. }), "{refusal}");
        assert_eq!(program, other.program);
    }
}

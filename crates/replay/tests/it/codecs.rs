use holobiont_identity::{Digest, MemberId};
use holobiont_policy::{Cause, Grade, Standing, Status, StatusChange};
use holobiont_replay::{
    Citation, Commit, KIND_COMMIT, KIND_EMPTY, KIND_STATUS, MemberEvidence, Published, ReplayError,
    Snapshot, StatusRecord,
};
use holobiont_surface::{Head, NewRecord, Record};
use proptest::prelude::*;

use crate::world::{World, days, organism};

fn commit() -> Commit {
    let head = Head { seq: 1_204, hash: Digest::from_bytes([9; 32]) };
    let member = MemberId::from_bytes([3; 20]);
    Commit {
        cut: 77,
        grade: Grade::Degraded,
        weight: 900,
        statuses: vec![Status::Live, Status::Stalled(Standing::Carried), Status::Retired],
        evidence: vec![
            MemberEvidence { place: 0, member, taken: Some((1_200, 1_204)), head },
            MemberEvidence { place: 1, member, taken: None, head },
        ],
        citations: vec![Citation { member: 1, clock: 14_222, seq: 800 }],
        payload: b"payload".to_vec(),
    }
}

fn status() -> StatusRecord {
    StatusRecord {
        cut: 77,
        member: MemberId::from_bytes([3; 20]),
        change: StatusChange {
            member: 1,
            from: Status::Late,
            to: Status::Stalled(Standing::Carried),
            cause: Cause::NoMove { ticks: 5 },
            log_index: 231,
            tick: 78,
        },
    }
}

fn read(kind: u16, payload: &[u8]) -> Result<Published, ReplayError> {
    let new = NewRecord { clock: 1, closes_clock: true, time_ms: 0, kind, payload };
    let mut stored = Vec::new();
    new.encode_into(0, &mut stored).unwrap();
    Published::read(&Record::decode(&stored).unwrap())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn golden_commit_and_status() {
    let written =
        format!("commit {}\nstatus {}\n", hex(&commit().encode()), hex(&status().encode()));
    assert_eq!(written, include_str!("../vectors/published.txt"), "a new format needs a version");
}

#[test]
fn golden_log_snapshot_and_state() {
    let world =
        World::new(organism("", &[("a", "start = 1"), ("b", "")]), &[days(1..=3), days(2..=3)]);
    let (outcome, snapshots) = world.replay("surfaces", "out", &[], &[2]);
    let log = std::fs::read(world.path("out").join("cuts.log")).unwrap();
    let written = format!(
        "log {}\nlog_digest {}\nsnapshot {}\nstate_digest {}\n",
        hex(&log),
        outcome.log,
        hex(&snapshots[0].encode()),
        outcome.state,
    );
    assert_eq!(written, include_str!("../vectors/replay.txt"), "a new format needs a version");
    let audit = world.audit("out", Some(&snapshots[0])).unwrap();
    assert_eq!((audit.log_digest, audit.state_digest), (outcome.log, outcome.state));
}

#[test]
fn published_records_round_trip() {
    assert_eq!(read(KIND_COMMIT, &commit().encode()).unwrap(), Published::Commit(commit()));
    assert_eq!(read(KIND_STATUS, &status().encode()).unwrap(), Published::Status(status()));
    assert_eq!(read(KIND_EMPTY, &[]).unwrap(), Published::Empty);
}

#[test]
fn truncated_trailing_and_unknown_are_refused() {
    for (kind, bytes) in [(KIND_COMMIT, commit().encode()), (KIND_STATUS, status().encode())] {
        for end in 0..bytes.len() {
            assert!(read(kind, &bytes[..end]).is_err());
        }
        assert!(read(kind, &[&bytes[..], &[0]].concat()).is_err());
        assert!(read(kind, &[&[2], &bytes[1..]].concat()).is_err());
    }
    assert!(read(KIND_EMPTY, b"not empty").is_err());
    assert!(read(99, &[]).is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        kind in 0_u16..4,
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = read(kind, &bytes);
        let _ = Snapshot::decode(&bytes);
        let _ = read(kind, &[&[1], &bytes[..]].concat());
    }
}

use holobiont_programs::{
    COMMIT_VERSION, CommitError, CrossFeedCommit, MAX_COMMIT_BYTES, MAX_INDEX, MAX_VALUE,
    MemberCount, MemberLine, Standing,
};
use proptest::prelude::*;

use crate::hex;

const COMMIT: &str = include_str!("../vectors/commit.hex");

pub(crate) fn example() -> CrossFeedCommit {
    CrossFeedCommit {
        clock: 14_223,
        index: 11_548_832_949,
        members: vec![
            MemberLine {
                member: 0,
                value: 129_250_000,
                standing: Standing::Fresh,
                correlation: Some(78_740_050),
                discontinuity: false,
            },
            MemberLine {
                member: 1,
                value: 29_000_000_000,
                standing: Standing::Carried,
                correlation: Some(-10_518_743),
                discontinuity: false,
            },
            MemberLine {
                member: 2,
                value: 181_500_000,
                standing: Standing::Kept,
                correlation: None,
                discontinuity: true,
            },
        ],
        malformed: vec![MemberCount { member: 0, records: 3 }],
        late: vec![MemberCount { member: 2, records: 1 }],
    }
}

#[test]
fn the_format_is_the_frozen_one() {
    assert_eq!(example().encode(), hex(COMMIT));
    assert_eq!(CrossFeedCommit::decode(&hex(COMMIT)), Ok(example()));
}

#[test]
fn refuses_what_is_no_commit() {
    assert_eq!(CrossFeedCommit::decode(&[]), Err(CommitError::Empty));
    let mut bytes = hex(COMMIT);
    bytes[0] = 2;
    let unknown = CommitError::UnknownVersion { version: 2, known: COMMIT_VERSION };
    assert_eq!(CrossFeedCommit::decode(&bytes), Err(unknown));
    let long = vec![COMMIT_VERSION; MAX_COMMIT_BYTES + 1];
    assert!(matches!(CrossFeedCommit::decode(&long), Err(CommitError::TooLarge { .. })));
    let mut trailing = hex(COMMIT);
    trailing.push(0);
    assert!(matches!(CrossFeedCommit::decode(&trailing), Err(CommitError::Malformed { .. })));
}

#[test]
fn refuses_numbers_that_the_program_cannot_commit() {
    let faults: [fn(&mut CrossFeedCommit); 9] = [
        |commit| commit.index = 0,
        |commit| commit.index = MAX_INDEX + 1,
        |commit| commit.members[0].value = 0,
        |commit| commit.members[0].value = MAX_VALUE + 1,
        |commit| commit.members[0].correlation = Some(-100_000_001),
        |commit| commit.members.swap(0, 1),
        |commit| commit.members[1].member = 0,
        |commit| commit.late[0].records = 0,
        |commit| commit.malformed = vec![commit.malformed[0]; 2],
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let mut commit = example();
        fault(&mut commit);
        let decoded = CrossFeedCommit::decode(&commit.encode());
        assert!(matches!(decoded, Err(CommitError::Malformed { .. })), "fault {number}");
    }
}

#[test]
fn the_longest_commit_is_within_the_limit() {
    let places = || 64_512..=u16::MAX;
    let count = |member| MemberCount { member, records: u32::MAX };
    let line = |member| MemberLine {
        member,
        value: MAX_VALUE,
        standing: Standing::Carried,
        correlation: Some(-100_000_000),
        discontinuity: true,
    };
    let commit = CrossFeedCommit {
        clock: u64::MAX,
        index: MAX_INDEX,
        members: places().map(line).collect(),
        malformed: places().map(count).collect(),
        late: places().map(count).collect(),
    };
    assert_eq!(commit.members.len(), 1_024);
    assert_eq!(CrossFeedCommit::decode(&commit.encode()), Ok(commit));
}

proptest! {
    #[test]
    fn no_bytes_make_decode_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut versioned = vec![COMMIT_VERSION];
        versioned.extend(&bytes);
        for bytes in [bytes, versioned] {
            if let Ok(commit) = CrossFeedCommit::decode(&bytes) {
                prop_assert_eq!(commit.encode(), bytes);
            }
        }
    }

    #[test]
    fn a_changed_byte_is_another_commit_or_none(
        at in any::<prop::sample::Index>(),
        mask in 1..=u8::MAX,
    ) {
        let mut bytes = hex(COMMIT);
        *at.get_mut(&mut bytes) ^= mask;
        prop_assert_ne!(CrossFeedCommit::decode(&bytes), Ok(example()));
    }

    #[test]
    fn a_shorter_one_is_none(at in any::<prop::sample::Index>()) {
        let bytes = hex(COMMIT);
        prop_assert!(CrossFeedCommit::decode(&bytes[..at.index(bytes.len())]).is_err());
    }
}

use holobiont_identity::{Digest, UniqueId};
use holobiont_policy::{
    Action, Command, CommitteeState, Offer, OfferRef, OfferedHead, Opinion, Order, PolicyError,
    Roster, Unavailable, Vote,
};
use proptest::prelude::*;

use crate::driver::organism;

fn samples() -> Vec<(&'static str, Command)> {
    let head = Digest::from_bytes([7; 32]);
    let offer = Command::Offer(Offer {
        node: 2,
        heads: vec![OfferedHead {
            member: 3,
            seq: 1_204,
            head,
            closed: Some(900),
        }],
    });
    let vote = Command::Vote(Vote {
        node: 1,
        offer: OfferRef {
            index: 77,
            hash: offer.hash(),
        },
        opinions: vec![
            (3, Opinion::Have),
            (4, Opinion::Mismatch { head }),
            (5, Opinion::Unavailable(Unavailable::Gap { earliest: 5 })),
        ],
        time_ms: 1_700_000_000_000,
    });
    let retire = Action::Retire {
        member: 4,
        last_clock: 13_878,
    };
    let order = Command::Order(Order {
        sequence: 1,
        expires_ms: Some(9),
        action: retire,
    });
    vec![
        ("tick", Command::Tick),
        ("offer", offer),
        ("vote", vote),
        ("order", order),
    ]
}

#[test]
fn golden_commands() {
    let golden = include_str!("../vectors/commands.txt");
    let written: String = samples()
        .iter()
        .map(|(name, command)| format!("{name} {}\n", hex(&command.encode())))
        .collect();
    assert_eq!(
        written, golden,
        "the log's format changed: that needs a new version byte"
    );
    for (_, command) in samples() {
        assert_eq!(Command::decode(&command.encode()).unwrap(), command);
    }
}

#[test]
fn golden_roster() {
    let roster = Roster::new(vec![UniqueId::from_name("a"), UniqueId::from_name("b")]).unwrap();
    assert_eq!(
        roster.digest().to_string(),
        include_str!("../vectors/roster.txt").trim()
    );
    assert!(Roster::new(vec![]).is_err());
    assert!(Roster::new(vec![UniqueId::from_name("a"); 2]).is_err());
}

#[test]
fn truncated_trailing_and_unknown_are_refused_by_name() {
    for (_, command) in samples() {
        let bytes = command.encode();
        for end in 0..bytes.len() {
            assert!(Command::decode(&bytes[..end]).is_err());
        }
        assert!(Command::decode(&[&bytes[..], &[0]].concat()).is_err());
    }
    assert_eq!(
        Command::decode(&[9, 0]),
        Err(PolicyError::UnknownVersion {
            what: "command",
            version: 9
        })
    );
}

#[test]
fn a_snapshot_of_another_organism_is_refused() {
    let one = organism("", &[("a", "", "")]);
    let two = organism("", &[("a", "", ""), ("b", "", "")]);
    let bytes = CommitteeState::new(&one, Roster::replay()).snapshot();
    assert_eq!(
        CommitteeState::restore(&two, Roster::replay(), &bytes).unwrap_err(),
        PolicyError::OtherOrganism {
            expected: 2,
            got: 1
        }
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Command::decode(&bytes);
        let one = organism("", &[("a", "", "")]);
        let _ = CommitteeState::restore(&one, Roster::replay(), &bytes);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

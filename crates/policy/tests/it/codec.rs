use holobiont_identity::OrderAction as Action;
use holobiont_identity::{Digest, UniqueId};
use holobiont_policy::{
    Command, CommitteeState, Offer, OfferRef, OfferedHead, Opinion, Order, PolicyError, Roster,
    Unavailable, Vote,
};
use proptest::prelude::*;

use crate::driver::{Driver, digest, organism};

fn samples() -> Vec<(&'static str, Command)> {
    let head = Digest::from_bytes([7; 32]);
    let offer = Command::Offer(Offer {
        node: 2,
        heads: vec![OfferedHead { member: 3, seq: 1_204, head, closed: Some(900), advance: 3 }],
    });
    let vote = Command::Vote(Vote {
        node: 1,
        offer: OfferRef { index: 77, hash: offer.hash() },
        opinions: vec![
            (3, Opinion::Have),
            (4, Opinion::Mismatch { head }),
            (5, Opinion::Unavailable(Unavailable::Gap { earliest: 5 })),
        ],
        time_ms: 1_700_000_000_000,
    });
    let retire = Action::Retire { member: 4, last_clock: 13_878 };
    let order = Command::Order(Order {
        organism: UniqueId::from_name("o"),
        sequence: 1,
        expires_ms: Some(9),
        action: retire,
    });
    let ordered = |sequence, action| {
        let organism = UniqueId::from_name("o");
        Command::Order(Order { organism, sequence, expires_ms: None, action })
    };
    let nodes = vec![UniqueId::from_name("a"), UniqueId::from_name("b")];
    vec![
        ("tick", Command::Tick),
        ("offer", offer),
        ("vote", vote),
        ("order", order),
        ("roster", ordered(2, Action::Roster { nodes })),
        ("config", ordered(3, Action::Config { content_hash: head })),
    ]
}

#[test]
fn golden_commands() {
    let golden = include_str!("../vectors/commands.txt");
    let written: String = samples()
        .iter()
        .map(|(name, command)| format!("{name} {}\n", hex(&command.encode())))
        .collect();
    assert_eq!(written, golden, "the log's format changed: that needs a new version byte");
    for (_, command) in samples() {
        assert_eq!(Command::decode(&command.encode()).unwrap(), command);
    }
}

/// A member of everything: live, disputed with an open offer, gapped, and before its start.
fn state() -> Driver {
    let members =
        [("a", "", ""), ("b", "", ""), ("c", "", "on_gap = \"skip\""), ("d", "start = 9", "")];
    let mut it = Driver::new(organism("", &members), 3);
    it.agree(&[(0, 4, 5), (1, 4, 5), (2, 4, 5)]);
    it.tick();
    let (offer, _) = it.offer(&[(0, 6, Some(7)), (1, 6, Some(7)), (2, 9, Some(7))]);
    let gap = Opinion::Unavailable(Unavailable::Gap { earliest: 8 });
    let mismatch = Opinion::Mismatch { head: digest(1) };
    it.vote(0, offer, &[(0, Opinion::Have), (1, Opinion::Have), (2, gap)]);
    it.vote(2, offer, &[(0, Opinion::Have), (1, mismatch), (2, gap)]);
    it.order(Action::Retire { member: 0, last_clock: 20 });
    it
}

#[test]
fn golden_snapshot() {
    let it = state();
    let snapshot = it.state.snapshot();
    let golden = include_str!("../vectors/snapshot.txt").trim();
    assert_eq!(hex(&snapshot), golden, "a new format needs a new version byte");
    let restored =
        CommitteeState::restore(&it.organism, it.state.roster().clone(), &snapshot).unwrap();
    assert_eq!(restored.members(), it.state.members());
    assert_eq!(restored.snapshot(), snapshot);
    for end in 0..snapshot.len() {
        let roster = it.state.roster().clone();
        assert!(CommitteeState::restore(&it.organism, roster, &snapshot[..end]).is_err());
    }
}

#[test]
fn golden_roster() {
    let roster = Roster::new(vec![UniqueId::from_name("a"), UniqueId::from_name("b")]).unwrap();
    assert_eq!(roster.digest().to_string(), include_str!("../vectors/roster.txt").trim());
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
        Err(PolicyError::UnknownVersion { what: "command", version: 9 })
    );
}

#[test]
fn a_snapshot_of_another_organism_is_refused() {
    let one = organism("", &[("a", "", "")]);
    let two = organism("", &[("a", "", ""), ("b", "", "")]);
    let bytes = CommitteeState::new(&one, Roster::replay()).snapshot();
    assert_eq!(
        CommitteeState::restore(&two, Roster::replay(), &bytes).unwrap_err(),
        PolicyError::OtherOrganism { expected: 2, got: 1 }
    );
}

#[test]
fn a_command_has_one_encoding() {
    for bytes in [&[1, 0x80, 0x00][..], &[1, 0x80, 0x80, 0x00]] {
        assert!(Command::decode(bytes).is_err(), "a tick, in more bytes than it needs");
    }
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

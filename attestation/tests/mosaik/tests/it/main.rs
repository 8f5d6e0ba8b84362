//! One forged quote, made without any TDX, before two verifiers: mosaik's takes it, ours does not.

#![forbid(unsafe_code)]

mod forger;
mod ticket;

use std::time::Duration;

use chrono::Utc;
use forger::{Certification, Forger, Guest, TD_ATTRIBUTES, XFAM};
use holobiont_attestation::{Ask, Evidence, Fault, Marks, Verdict, Verifier};
use holobiont_identity::pins::{Measurement, Pin, PlatformKind, SurfacePins, TcbRules};
use mosaik::{
    PeerId, SecretKey,
    tdx::{Tdx, TdxTicket},
    tickets::Expiration,
};
use ticket::{Claims, as_received, ticket};

const GUEST: Guest =
    Guest { mrtd: [0xaa; 48], rtmr: [[0xb0; 48], [0xb1; 48], [0xb2; 48], [0xb3; 48]] };

/// A validator with every knob that mosaik has, set for this guest.
fn strict() -> Tdx {
    Tdx::new()
        .require_mrtd(GUEST.mrtd)
        .require_rtmr0(GUEST.rtmr[0])
        .require_rtmr1(GUEST.rtmr[1])
        .require_rtmr2(GUEST.rtmr[2])
        .require_rtmr3(GUEST.rtmr[3])
        .max_age(Duration::from_secs(600))
        .not_before(Utc::now() - Duration::from_secs(600))
        .max_lifetime(Duration::from_secs(7_200))
}

fn claims(peer: PeerId) -> Claims {
    let now = Utc::now();
    Claims {
        peer_id: peer,
        network_id: "a network with something to lose".into(),
        started_at: now - Duration::from_secs(60),
        quoted_at: now,
        expiration: Expiration::At(now + Duration::from_secs(3_600)),
    }
}

/// Pins that are exactly what the forged quote says.
fn pins() -> SurfacePins {
    let rtmr = GUEST.rtmr.map(Measurement);
    let mut pin = Pin::new("forged", PlatformKind::Qemu, Measurement(GUEST.mrtd), rtmr, XFAM);
    pin.td_attributes = TD_ATTRIBUTES;
    SurfacePins {
        surface: "prices".to_owned(),
        tcb: TcbRules::default(),
        min_distinct_platforms: None,
        sets: vec![pin],
    }
}

/// What our verifier says of it, with Intel's root.
fn verdict(quote: Vec<u8>) -> Verdict {
    let ask = Ask {
        now_s: u64::try_from(Utc::now().timestamp()).unwrap(),
        pins: Some(&pins()),
        binding: None,
        collateral: None,
        marks: &Marks::default(),
        quote_made_s: None,
    };
    Verifier::new().verify(&Evidence { quote, event_log: None, batch: None }, &ask)
}

#[test]
fn what_mosaik_takes_for_a_guest_does_not_lead_to_intel() {
    let secret = SecretKey::from_bytes(&[7; 32]);
    for certification in [Certification::EmptyChain, Certification::OwnEnclave] {
        let claims = claims(secret.public());
        let quote = Forger::new().quote(&GUEST, &claims.report_data(), certification);
        let peer = as_received(&secret, &claims, ticket(&quote, &claims));

        let accepted = peer.validate_ticket(&strict()).expect("mosaik takes the forged quote");
        assert_eq!(accepted, claims.expiration, "{certification:?}");
        // Ours is shown what mosaik was shown.
        let carried = peer.tickets_of(Tdx::CLASS).next().unwrap();
        let carried = TdxTicket::try_from(carried.data()).unwrap();

        let verdict = verdict(carried.quote_bytes().to_vec());
        assert!(!verdict.trusted());
        let reason = verdict.reason().unwrap();
        assert_eq!(reason.code(), "pck-chain-not-intel", "{certification:?}: {verdict}");
        assert_eq!(reason.fault(), Fault::Untrusted);
        assert!(reason.to_string().starts_with("PCK chain does not lead to Intel"), "{reason}");
        // It is refused for what it is, not for what it says.
        assert_eq!(verdict.reasons().count(), 1, "{verdict}");
    }
}

/// What makes the test above say something: this validator does refuse what it looks at.
#[test]
fn mosaik_refuses_what_it_looks_at() {
    let secret = SecretKey::from_bytes(&[7; 32]);
    let ours = claims(secret.public());
    let make = |guest: &Guest, claims: &Claims| {
        Forger::new().quote(guest, &claims.report_data(), Certification::EmptyChain)
    };
    let refused = |quote: &[u8], told: &Claims| {
        let peer = as_received(&secret, told, ticket(quote, told));
        peer.validate_ticket(&strict()).is_err()
    };
    let good = make(&GUEST, &ours);
    assert!(!refused(&good, &ours));

    let mut tampered = good;
    tampered[240] ^= 1;
    assert!(refused(&tampered, &ours), "MRCONFIGID is not what its key signed");
    let other = Guest { mrtd: [0xac; 48], ..GUEST };
    assert!(refused(&make(&other, &ours), &ours), "another MRTD");
    let others = claims(SecretKey::from_bytes(&[8; 32]).public());
    let quote = make(&GUEST, &others);
    assert!(refused(&quote, &ours), "report data of another peer's ticket");
    let peer = as_received(&secret, &ours, ticket(&quote, &others));
    assert!(peer.validate_ticket(&strict()).is_err(), "another peer's ticket");
    let quoted_at = ours.quoted_at - Duration::from_secs(120);
    let expiration = Expiration::At(ours.quoted_at - Duration::from_secs(60));
    let past = Claims { quoted_at, expiration, ..ours };
    assert!(refused(&make(&GUEST, &past), &past), "expired");
}

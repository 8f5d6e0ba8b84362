//! Tickets: their form, and that without the right one not one byte comes.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use holobiont_archive::limits::{MAX_TICKET_BYTES, MAX_TICKET_VALIDITY_S, TICKET_LEEWAY_S};
use holobiont_archive::ticket::{Claims, Expect, Issuer, IssuerKey, Scope, Ticket, TicketError};
use holobiont_archive::{ClientError, Sink, TicketGate, TicketRule};
use holobiont_identity::UniqueId;
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use crate::proxy::Proxy;
use crate::world::{NOW_S, Publication, World, genesis, within};

fn ed25519() -> IssuerKey {
    IssuerKey::ed25519(&[7; 32]).unwrap()
}

fn es256() -> IssuerKey {
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let key = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
    IssuerKey::es256(key.as_ref()).unwrap()
}

fn member() -> UniqueId {
    UniqueId::from_name("acme")
}

/// For node 2 to read the surface of the tests.
fn claims() -> Claims {
    Claims {
        subject: UniqueId::from_bytes([2; 32]),
        scope: Scope::Read { member: member(), surface: genesis().surface_id },
        not_before_s: NOW_S,
        expires_s: NOW_S + 3_600,
        id: "ticket-1".to_owned(),
    }
}

fn check(text: &str, issuers: &[Issuer], now_s: u64) -> Result<(), TicketError> {
    let expect = Expect::Read {
        issuers,
        subject: UniqueId::from_bytes([2; 32]),
        member: member(),
        surface: genesis().surface_id,
    };
    Ticket::parse(text)?.check(&expect, now_s)
}

#[test]
fn a_ticket_of_either_algorithm_is_good_while_it_is_valid() {
    for key in [ed25519(), es256()] {
        let (text, issuers) = (key.issue(&claims()).unwrap(), [es256().issuer(), key.issuer()]);
        let check = |now_s| check(&text, &issuers, now_s);
        assert_eq!(check(NOW_S), Ok(()));
        assert_eq!(check(NOW_S - TICKET_LEEWAY_S), Ok(()));
        let early = NOW_S - TICKET_LEEWAY_S - 1;
        assert_eq!(check(early), Err(TicketError::NotYet { from_s: NOW_S, now_s: early }));
        assert_eq!(check(NOW_S + 3_599), Ok(()));
        let end = NOW_S + 3_600;
        assert_eq!(check(end), Err(TicketError::Expired { expired_s: end, now_s: end }));
        assert_eq!(key.issuer().to_string().parse(), Ok(key.issuer()));
    }
}

#[test]
fn the_written_form_stays() {
    let text = ed25519().issue(&claims()).unwrap();
    assert_eq!(text, include_str!("../vectors/ticket.jwt").trim());
    let enrolment = Claims { scope: Scope::Enrol { organism: member() }, ..claims() };
    let text = ed25519().issue(&enrolment).unwrap();
    assert_eq!(text, include_str!("../vectors/enrolment.jwt").trim());
    let issuers = [ed25519().issuer()];
    let subject = claims().subject;
    let expect = Expect::Enrol { issuers: &issuers, subject, organism: member() };
    let ticket = Ticket::parse(&text).unwrap();
    assert_eq!(ticket.check(&expect, NOW_S), Ok(()));
    let other = Expect::Enrol { issuers: &issuers, subject, organism: subject };
    let wrong = TicketError::WrongOrganism { got: member(), expected: subject };
    assert_eq!(ticket.check(&other, NOW_S), Err(wrong));
    // Neither is good for what the other is for.
    assert_eq!(check(&text, &issuers, NOW_S), Err(TicketError::WrongScope { got: "enrol" }));
}

/// A ticket with this header and these claims, signed by the Ed25519 key of the tests.
fn forged(header: &str, claims: &str) -> String {
    use base64::Engine as _;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    format!("{signed}.{}", encode(pair.sign(signed.as_bytes()).as_ref()))
}

fn written(change: impl Fn(&mut serde_json::Map<String, serde_json::Value>)) -> String {
    use base64::Engine as _;
    let text = ed25519().issue(&claims()).unwrap();
    let claims = text.split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    let mut claims = serde_json::from_slice(&claims).unwrap();
    change(&mut claims);
    serde_json::to_string(&claims).unwrap()
}

const EDDSA: &str = r#"{"alg":"EdDSA"}"#;

#[test]
fn forgeries_are_refused_by_name() {
    let issuers = [ed25519().issuer()];
    assert_eq!(check(&forged(EDDSA, &written(|_| {})), &issuers, NOW_S), Ok(()), "the test works");
    for alg in ["none", "None", "HS256", "HS512", "RS256", "ES256", "eddsa", ""] {
        let header = format!(r#"{{"alg":"{alg}"}}"#);
        let error = check(&forged(&header, &written(|_| {})), &issuers, NOW_S).unwrap_err();
        assert_eq!(error, TicketError::Algorithm { got: alg.to_owned() });
    }
    // None with no signature at all.
    let unsigned = forged(r#"{"alg":"none"}"#, &written(|_| {}));
    let unsigned = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    assert!(matches!(check(&unsigned, &issuers, NOW_S), Err(TicketError::Algorithm { .. })));

    let header = |header| check(&forged(header, &written(|_| {})), &issuers, NOW_S);
    let malformed = |part| Err(TicketError::Malformed { part });
    assert_eq!(header(r#"{"alg":"EdDSA","crit":["b64"]}"#), malformed("header"));
    assert_eq!(header(r#"{"alg":"EdDSA","alg":"EdDSA"}"#), malformed("header"));
    assert_eq!(header("{}"), malformed("header"));

    let says = |change: &dyn Fn(&mut serde_json::Map<String, serde_json::Value>)| {
        check(&forged(EDDSA, &written(change)), &issuers, NOW_S)
    };
    assert_eq!(says(&|it| drop(it.remove("exp"))), malformed("claims"));
    assert_eq!(says(&|it| drop(it.insert("exp".into(), (-1).into()))), malformed("claims"));
    assert_eq!(says(&|it| drop(it.insert("jti".into(), "".into()))), malformed("jti"));
    assert_eq!(says(&|it| drop(it.insert("jti".into(), "a\n".into()))), malformed("jti"));
    assert_eq!(
        says(&|it| drop(it.insert("scope".into(), "write".into()))),
        Err(TicketError::Scope)
    );
    assert_eq!(says(&|it| drop(it.remove("member"))), Err(TicketError::Scope));
    let far = NOW_S + MAX_TICKET_VALIDITY_S + 1;
    assert!(matches!(
        says(&|it| drop(it.insert("exp".into(), far.into()))),
        Err(TicketError::Validity { .. })
    ));
    let hmac = |it: &mut serde_json::Map<String, serde_json::Value>| {
        it.insert("iss".into(), "hmac:00".into());
    };
    assert!(matches!(says(&hmac), Err(TicketError::BadIssuer { .. })));
    // Signed by one key, in the name of another that is listed.
    let other = IssuerKey::ed25519(&[8; 32]).unwrap().issuer();
    let text = written(|it| drop(it.insert("iss".into(), other.to_string().into())));
    let stolen = check(&forged(EDDSA, &text), &[other], NOW_S);
    assert_eq!(stolen, Err(TicketError::BadSignature));
}

#[test]
fn a_changed_or_long_ticket_is_none() {
    let issuers = [ed25519().issuer()];
    let text = ed25519().issue(&claims()).unwrap();
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(check(&changed, &issuers, NOW_S).is_err(), "changed at {at}");
        assert!(check(&text[..at], &issuers, NOW_S).is_err(), "cut at {at}");
    }
    let long = "a".repeat(MAX_TICKET_BYTES + 1);
    assert_eq!(check(&long, &issuers, NOW_S), Err(TicketError::TooLong));
    assert_eq!(check(&format!("{text}="), &issuers, NOW_S).unwrap_err().code(), "ticket-malformed");
}

proptest! {
    #[test]
    fn any_text_is_refused_and_any_claims_come_back(
        text in "\\PC{0,200}|[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,90}",
        subject: [u8; 32],
        from in 0..u64::MAX / 2,
        validity in 1..=MAX_TICKET_VALIDITY_S,
        id in "[!-~]{1,128}",
    ) {
        prop_assert!(Ticket::parse(&text).is_err());
        let claims = Claims {
            subject: UniqueId::from_bytes(subject),
            not_before_s: from,
            expires_s: from + validity,
            id,
            ..claims()
        };
        let ticket = Ticket::parse(&ed25519().issue(&claims).unwrap()).unwrap();
        prop_assert_eq!(ticket.claims(), &claims);
    }
}

/// What a reader with this ticket is told; the road behind it carries no byte of any record.
async fn denied(world: &World, ticket: Option<String>) -> (u16, String) {
    let publication = Publication::new();
    publication.grow_by(500, 2_000);
    let rule = TicketRule { member: member(), issuers: vec![ed25519().issuer()] };
    let gate = TicketGate::new(BTreeMap::from([(publication.id(), rule)]), world.clock());
    let server = world.node(1).publish(&publication, gate).await;
    let proxy = Proxy::to(server.address()).await;
    let client = world.node(2).client_with(proxy.address, Some(Arc::new(move || ticket.clone())));
    within(client.connect()).await.unwrap();
    let before = proxy.passed.load(Ordering::SeqCst);
    let mut told = Vec::new();
    for path in ["head", "records?from=0", "segments", "segments/0"] {
        match within(client.stream(&publication.path(path))).await {
            Err(ClientError::Status { problem }) => told.push((problem.status, problem.code)),
            other => panic!("{other:?}"),
        }
    }
    let passed = proxy.passed.load(Ordering::SeqCst) - before;
    assert!(passed < 4_000, "{passed} bytes for four refusals");
    server.stop().await;
    told.dedup();
    assert_eq!(told.len(), 1);
    told.remove(0)
}

#[tokio::test]
async fn without_the_right_ticket_nothing_is_read() {
    let world = World::new();
    let issue = |change: &dyn Fn(&mut Claims)| {
        let mut claims = claims();
        change(&mut claims);
        Some(ed25519().issue(&claims).unwrap())
    };
    let other = UniqueId::from_name("other");
    let scope = |member, surface| Scope::Read { member, surface };
    let refused = [
        (None, 401, "ticket-missing"),
        (Some("x".to_owned()), 403, "ticket-malformed"),
        (Some(es256().issue(&claims()).unwrap()), 403, "ticket-issuer"),
        (Some(forged(r#"{"alg":"none"}"#, &written(|_| {}))), 403, "ticket-algorithm"),
        (issue(&|it| it.subject = other), 403, "ticket-subject"),
        (issue(&|it| it.scope = scope(other, genesis().surface_id)), 403, "ticket-member"),
        (issue(&|it| it.scope = scope(member(), other)), 403, "ticket-surface"),
        (issue(&|it| it.scope = Scope::Enrol { organism: member() }), 403, "ticket-scope"),
        (issue(&|it| (it.not_before_s, it.expires_s) = (1, 2)), 403, "ticket-expired"),
        (issue(&|it| it.not_before_s = NOW_S + 1_000), 403, "ticket-not-yet"),
    ];
    for (ticket, status, code) in refused {
        let told = denied(&world, ticket).await;
        assert_eq!((told.0, told.1.as_str()), (status, code));
    }
}

#[tokio::test]
async fn a_ticket_that_expires_ends_what_it_opened_until_it_is_renewed() {
    let (world, publication) = (World::new(), Publication::new());
    publication.grow(10);
    let rule = TicketRule { member: member(), issuers: vec![ed25519().issuer()] };
    let gate = TicketGate::new(BTreeMap::from([(publication.id(), rule)]), world.clock());
    let server = world.node(1).publish(&publication, gate).await;
    let ticket = Arc::new(Mutex::new(ed25519().issue(&claims()).unwrap()));
    let shown = Arc::clone(&ticket);
    let bearer = move || Some(shown.lock().unwrap().clone());
    let client = world.node(2).client_with(server.address(), Some(Arc::new(bearer)));
    let path = publication.path("records?from=0");
    let mut body = within(client.stream(&path)).await.unwrap();
    assert!(within(body.chunk()).await.unwrap().is_some());

    world.clock.fetch_add(3_600, Ordering::SeqCst);
    publication.grow(10);
    assert!(matches!(within(body.chunk()).await, Ok(None)), "records after the end of a ticket");
    let error = within(client.stream(&path)).await.unwrap_err();
    assert_eq!(error.problem().unwrap().code, "ticket-expired");
    let renewed = Claims { expires_s: NOW_S + 9_000, ..claims() };
    *ticket.lock().unwrap() = ed25519().issue(&renewed).unwrap();
    assert!(within(client.stream(&path)).await.is_ok());
    assert_eq!(publication.surface.next_seq(), 20);
    server.stop().await;
}

//! What is timed.

use std::fmt::Display;
use std::hint::black_box;
use std::rc::Rc;

use dcap_qvl::QuoteCollateralV3;
use dcap_qvl::verify::QuoteVerifier;
use holobiont_attestation::{
    Binding, Collateral, EventLog, InspectBinding, Quote, TrustRoot, Verifier,
};
use holobiont_bench::BenchError;
use holobiont_bench::report::Kind;
use holobiont_enclave_simulated::{QuoteForm, Scene, SimulatedGuest, SimulatedRoot};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};

use crate::contender::{Contender, timed};
use crate::report::Bound;
use crate::subject::Subject;
use crate::{differs, real};

pub(crate) const FLOOR: &str = "floor";

/// The signed region of a v4 quote.
const SIGNED_BYTES: usize = 632;
/// The clock takes some nanoseconds itself: what takes a microsecond or so is timed so often at once.
const AT_ONCE: u32 = 64;

/// Signatures that a platform takes which was never seen, one that is known, a known attestation
/// key, and the very same quote.
const COLD: u32 = 9;
const KNOWN_PLATFORM: u32 = 2;
const KNOWN_KEY: u32 = 1;
const SAME_QUOTE: u32 = 0;

const PARSE_AT_MOST: Bound = Bound::Microseconds(3.0);
const COLD_AT_MOST: Bound = Bound::Ratio(1.35);
const KNOWN_PLATFORM_AT_MOST: Bound = Bound::Ratio(2.2);

/// The floor first, and what is to be said of what is missing.
pub(crate) fn all() -> Result<(Vec<Contender>, Vec<String>), BenchError> {
    let (subject, scene) = Subject::simulated()?;
    let log = scene.evidence.event_log.clone().unwrap_or_default();
    let mut all = vec![floor()?];
    all.extend(of_any(&subject)?);
    all.extend(of_new_quotes(&subject, scene)?);
    all.push(event_log("simulated", log));
    let (pairs, missing) = real::pairs()?;
    for pair in &pairs {
        all.extend(of_any(pair)?);
        all.extend(of_one_quote(pair)?);
    }
    all.extend(real::event_logs().into_iter().map(|(name, bytes)| event_log(name, bytes)));
    let missing = missing.map(|why| format!("nothing of real platforms was timed: {why}"));
    Ok((all, missing.into_iter().collect()))
}

/// One bare check of a quote's signature.
fn floor() -> Result<Contender, BenchError> {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document =
        EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|error| differs(&error))?;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random)
        .map_err(|error| differs(&error))?;
    let message = [7; SIGNED_BYTES];
    let signature = pair.sign(&random, &message).map_err(|error| differs(&error))?;
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref().to_vec());
    let title = format!("ring, ECDSA P-256 over {SIGNED_BYTES} bytes");
    let verify = move || key.verify(black_box(&message), black_box(signature.as_ref()));
    let floor = once(FLOOR.to_owned(), title, Kind::Floor, verify);
    Ok(Contender { signatures: 1, calls: 40, ..floor })
}

/// What can be timed of any one quote.
fn of_any<R: TrustRoot + Clone + 'static>(
    subject: &Subject<R>,
) -> Result<Vec<Contender>, BenchError> {
    let name = subject.name;
    let cold =
        verification(subject, "cold", COLD, Some(COLD_AT_MOST), |subject| Ok(subject.verifier()));
    let warm = subject.warm()?;
    let same = verification(subject, "same-quote", SAME_QUOTE, None, move |_| Ok(Rc::clone(&warm)));
    let text = subject.collateral.to_json();
    let title = format!("Collateral::from_json, {} bytes", text.len());
    let collateral = once(format!("collateral-{name}"), title, Kind::Ours, move || {
        Collateral::from_json(black_box(&text))
    });
    let mut all = vec![parse(subject), cold, same, collateral, dcap_qvl(subject)?];
    if subject.is_v4() {
        all.push(tdx_quote(subject));
    }
    Ok(all)
}

fn parse<R>(subject: &Subject<R>) -> Contender {
    let quote = subject.evidence.quote.clone();
    let title = format!("Quote::parse, {} bytes", quote.len());
    let run = move || {
        let parse = || (0..AT_ONCE).try_for_each(|_| Quote::parse(black_box(&quote)).map(drop));
        let (read, seconds) = timed(parse);
        read.map_err(|error| differs(&error))?;
        Ok(seconds / f64::from(AT_ONCE))
    };
    Contender {
        name: format!("parse-{}", subject.name),
        title,
        kind: Kind::Ours,
        signatures: 0,
        bound: Some(PARSE_AT_MOST),
        calls: 10,
        run: Box::new(run),
    }
}

/// A simulated platform gives as many new quotes as are wanted.
fn of_new_quotes(
    subject: &Subject<SimulatedRoot>,
    scene: Scene,
) -> Result<Vec<Contender>, BenchError> {
    let (warm, guest) = (subject.warm()?, scene.guest);
    let known_key = {
        let (mut challenges, warm, guest) = (challenges(), Rc::clone(&warm), guest.clone());
        move |subject: &mut Subject<SimulatedRoot>| {
            ask(subject, &guest, challenges.next())?;
            Ok(Rc::clone(&warm))
        }
    };
    let mut challenges = challenges();
    let known_platform = move |subject: &mut Subject<SimulatedRoot>| {
        let renewed = guest.platform().with_new_attestation_key();
        let renewed = renewed.map_err(|error| differs(&error))?;
        let guest = SimulatedGuest::new(renewed, guest.image().clone(), QuoteForm::V4);
        ask(subject, &guest, challenges.next())?;
        Ok(Rc::clone(&warm))
    };
    let at_most = Some(KNOWN_PLATFORM_AT_MOST);
    Ok(vec![
        verification(subject, "known-platform", KNOWN_PLATFORM, at_most, known_platform),
        verification(subject, "known-key", KNOWN_KEY, None, known_key),
    ])
}

/// Of a real platform there is one quote, and its signatures' second forms, for a verifier that has
/// seen the first.
fn of_one_quote<R: TrustRoot + Clone + 'static>(
    subject: &Subject<R>,
) -> Result<[Contender; 2], BenchError> {
    let at_most = Some(KNOWN_PLATFORM_AT_MOST);
    let contender = |name, signatures, bound, has_new_key| -> Result<_, BenchError> {
        let first = subject.clone();
        let anew = subject.signed_anew(has_new_key)?;
        Ok(verification(&anew, name, signatures, bound, move |_| first.warm()))
    };
    Ok([
        contender("known-platform", KNOWN_PLATFORM, at_most, true)?,
        contender("known-key", KNOWN_KEY, None, false)?,
    ])
}

/// A verification by what `prepare` gives, which may change the evidence.
fn verification<R: TrustRoot + Clone + 'static>(
    subject: &Subject<R>,
    name: &str,
    signatures: u32,
    bound: Option<Bound>,
    mut prepare: impl FnMut(&mut Subject<R>) -> Result<Rc<Verifier<R>>, BenchError> + 'static,
) -> Contender {
    let mut subject = subject.clone();
    Contender {
        name: format!("{name}-{}", subject.name),
        title: "Verifier::verify".to_owned(),
        kind: Kind::Ours,
        signatures,
        bound,
        calls: 10,
        run: Box::new(move || {
            let verifier = prepare(&mut subject)?;
            subject.verify(&verifier, signatures)
        }),
    }
}

/// Gets a quote for a new challenge.
fn ask(
    subject: &mut Subject<SimulatedRoot>,
    guest: &SimulatedGuest,
    challenge: Option<[u8; 32]>,
) -> Result<(), BenchError> {
    use holobiont_attestation::QuoteProvider as _;
    let challenge = challenge.unwrap_or_default();
    let binding = Binding::Inspect(InspectBinding { simulated: true, challenge });
    subject.evidence.quote = guest.quote(&binding.report_data()).map_err(|it| differs(&it))?;
    subject.binding = Some(binding);
    Ok(())
}

fn challenges() -> impl Iterator<Item = [u8; 32]> {
    (0_u128..).map(|number| [number.to_le_bytes(), [1; 16]].concat().try_into().unwrap_or_default())
}

/// The library that we use, alone: it checks no pins, marks, binding or advisories.
fn dcap_qvl<R: TrustRoot>(subject: &Subject<R>) -> Result<Contender, BenchError> {
    let text = subject.collateral.to_json();
    let collateral: QuoteCollateralV3 =
        serde_json::from_str(&text).map_err(|error| differs(&error))?;
    let verifier = QuoteVerifier::new(subject.root.certificate_der().to_vec());
    let (quote, now_s) = (subject.evidence.quote.clone(), subject.now_s);
    let title = "dcap-qvl alone, with ring: no pins, binding, marks".to_owned();
    let verify = move || verifier.verify(black_box(&quote), &collateral, now_s);
    let contender = once(format!("dcap-qvl-{}", subject.name), title, Kind::Peer, verify);
    Ok(Contender { signatures: COLD, ..contender })
}

/// What the second opinion costs.
fn tdx_quote<R>(subject: &Subject<R>) -> Contender {
    let quote = subject.evidence.quote.clone();
    let title = "tdx_quote::Quote::from_bytes: the second opinion".to_owned();
    let read = move || tdx_quote::Quote::from_bytes(black_box(&quote)).map_err(|it| it.to_string());
    let contender = once(format!("tdx-quote-{}", subject.name), title, Kind::Peer, read);
    Contender { signatures: 1, ..contender }
}

fn event_log(name: &str, bytes: Vec<u8>) -> Contender {
    let title = format!("EventLog::parse and replay, {} bytes", bytes.len());
    once(format!("event-log-{name}"), title, Kind::Ours, move || {
        EventLog::parse(black_box(&bytes)).map(|log| log.replay())
    })
}

/// What needs nothing prepared, and may not fail.
fn once<T, E: Display>(
    name: String,
    title: String,
    kind: Kind,
    mut call: impl FnMut() -> Result<T, E> + 'static,
) -> Contender {
    let run = move || {
        let (done, seconds) = timed(&mut call);
        done.map_err(|error| differs(&error))?;
        Ok(seconds)
    };
    Contender { name, title, kind, signatures: 0, bound: None, calls: 10, run: Box::new(run) }
}

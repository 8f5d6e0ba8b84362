//! The client over a scripted server on loopback.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use holobiont_attestation::{Collateral, CollateralParts, MAX_COLLATERAL_BYTES, PckCa};
use holobiont_attestation_pccs::{CollateralSource, FetchError, FetchLimits};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use crate::server::{Reply, Server};
use crate::sets;

type Script = BTreeMap<String, Vec<Reply>>;

const QUICK: FetchLimits = FetchLimits {
    deadline: Duration::from_secs(30),
    per_try: Duration::from_millis(250),
    tries: 3,
    first_pause: Duration::from_millis(1),
};
/// For what does not wait: a busy machine may take its time.
const PATIENT: FetchLimits = FetchLimits { per_try: Duration::from_secs(30), ..QUICK };

const QE_IDENTITY: &str = "/tdx/certification/v4/qe/identity";
const ROOT_CRL: &str = "/sgx/certification/v4/rootcacrl";

fn tcb_info(set: &Collateral) -> String {
    format!("/tdx/certification/v4/tcb?fmspc={}", hex_upper(&set.fmspc()))
}

fn pck_crl(set: &Collateral) -> String {
    format!("/sgx/certification/v4/pckcrl?ca={}&encoding=der", set.ca())
}

fn hex_upper(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// As Intel does: everything that is no letter or digit is escaped.
fn escaped(chain: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    chain.bytes().map(escape).collect()
}

fn signed(name: &str, document: &str, signature: &[u8]) -> Vec<u8> {
    let signature = hex_upper(signature).to_lowercase();
    format!("{{\"{name}\":{document},\"signature\":\"{signature}\"}}").into_bytes()
}

/// What a PCCS answers that has this set.
fn pccs(set: &Collateral) -> Script {
    let parts: CollateralParts = set.parts();
    let tcb = signed("tcbInfo", &parts.tcb_info, &parts.tcb_info_signature);
    let qe = signed("enclaveIdentity", &parts.qe_identity, &parts.qe_identity_signature);
    let chain = |reply: Reply, name: &str, chain: &str| vec![reply.header(name, &escaped(chain))];
    Script::from([
        (
            tcb_info(set),
            chain(Reply::ok(tcb), "TCB-Info-Issuer-Chain", &parts.tcb_info_issuer_chain),
        ),
        (
            QE_IDENTITY.to_owned(),
            chain(
                Reply::ok(qe),
                "SGX-Enclave-Identity-Issuer-Chain",
                &parts.qe_identity_issuer_chain,
            ),
        ),
        (
            pck_crl(set),
            chain(
                Reply::ok(parts.pck_crl),
                "SGX-PCK-CRL-Issuer-Chain",
                &parts.pck_crl_issuer_chain,
            ),
        ),
        (ROOT_CRL.to_owned(), vec![Reply::ok(hex_upper(&parts.root_ca_crl))]),
    ])
}

fn fetch(server: &Server, set: &Collateral, limits: FetchLimits) -> Result<Collateral, FetchError> {
    let source = CollateralSource::new(&server.url()).unwrap().within(limits);
    source.fetch(set.fmspc(), set.ca())
}

/// What comes of it when this one target answers like this.
fn with(target: &str, replies: Vec<Reply>, limits: FetchLimits) -> (FetchError, Vec<String>) {
    let set = sets::simulated();
    let mut script = pccs(&set);
    assert!(script.insert(target.to_owned(), replies).is_some());
    let server = Server::start(script);
    let error = fetch(&server, &set, limits).unwrap_err();
    (error, server.asked())
}

#[test]
fn a_whole_set_comes_back_as_it_was_signed() {
    let set = sets::simulated();
    let server = Server::start(pccs(&set));
    let fetched = fetch(&server, &set, PATIENT).unwrap();
    assert_eq!(fetched, set);
    assert_eq!(fetched.id(), set.id());
    assert_eq!(
        server.asked(),
        [tcb_info(&set), QE_IDENTITY.to_owned(), pck_crl(&set), ROOT_CRL.to_owned()]
    );
}

#[test]
fn real_sets_come_back_as_intel_signed_them() {
    for name in ["derived/near-mpc-collateral.json", "derived/gcp-00806f050000-2025-10.json"] {
        let Some(set) = sets::real(name) else { continue };
        let fetched = fetch(&Server::start(pccs(&set)), &set, PATIENT).unwrap();
        assert_eq!(fetched.id(), set.id(), "{name}");
    }
}

#[test]
fn an_address_with_the_protocols_path_and_the_old_header_do_too() {
    let set = sets::simulated();
    let mut script = pccs(&set);
    let parts = set.parts();
    let tcb = signed("tcbInfo", &parts.tcb_info, &parts.tcb_info_signature);
    let chain = escaped(&parts.tcb_info_issuer_chain);
    let old = Reply::ok(tcb).header("SGX-TCB-Info-Issuer-Chain", &chain);
    script.insert(tcb_info(&set), vec![old]);
    let server = Server::start(script);
    let url = format!("{}/sgx/certification/v4/", server.url());
    let source = CollateralSource::new(&url).unwrap().within(PATIENT);
    assert_eq!(source.fetch(set.fmspc(), set.ca()).unwrap(), set);
}

#[test]
fn the_roots_list_may_lie_elsewhere_and_be_der() {
    let set = sets::simulated();
    let elsewhere = "/IntelSGXRootCA.der";
    let mut script = pccs(&set);
    script.remove(ROOT_CRL);
    script.insert(elsewhere.to_owned(), vec![Reply::ok(set.parts().root_ca_crl)]);
    let server = Server::start(script);
    let source = CollateralSource::new(&server.url()).unwrap().within(PATIENT);
    let source = source.root_crl_at(&format!("{}{elsewhere}", server.url())).unwrap();
    assert_eq!(source.fetch(set.fmspc(), set.ca()).unwrap(), set);
}

#[test]
fn a_failure_that_passes_is_tried_again() {
    let set = sets::simulated();
    for hiccup in [Reply::status(500), Reply::status(503), Reply::status(429), Reply::Close] {
        let mut script = pccs(&set);
        script.get_mut(&tcb_info(&set)).unwrap().insert(0, hiccup.clone());
        let server = Server::start(script);
        assert_eq!(fetch(&server, &set, PATIENT).unwrap(), set, "{hiccup:?}");
        assert_eq!(server.asked().len(), 5, "{hiccup:?}");
    }
}

#[test]
fn a_service_that_stays_down_is_unavailable_after_all_tries() {
    for down in [Reply::status(500), Reply::Close] {
        let (error, asked) = with(QE_IDENTITY, vec![down.clone()], PATIENT);
        assert!(matches!(error, FetchError::Unavailable { tries: 3, .. }), "{down:?}: {error}");
        assert!(error.is_unavailable());
        assert_eq!(asked.iter().filter(|it| *it == QE_IDENTITY).count(), 3, "{down:?}");
    }
}

#[test]
fn a_service_that_says_nothing_or_stops_halfway_is_left_and_tried_again() {
    let first = tcb_info(&sets::simulated());
    for silent in [Reply::Silence, Reply::Stall] {
        let (error, _) = with(&first, vec![silent.clone()], QUICK);
        assert!(matches!(error, FetchError::Unavailable { tries: 3, .. }), "{silent:?}: {error}");
        assert!(error.is_unavailable() && error.to_string().contains("timeout"), "{error}");
    }
}

#[test]
fn nobody_there_is_unavailable_too() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let source = CollateralSource::new(&url).unwrap().within(PATIENT);
    let error = source.fetch([0; 6], PckCa::Platform).unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains(&url), "{error}");
}

#[test]
fn the_deadline_of_a_whole_set_ends_its_retries() {
    let set = sets::simulated();
    let limits = FetchLimits { deadline: Duration::ZERO, ..PATIENT };
    let server = Server::start(pccs(&set));
    let error = fetch(&server, &set, limits).unwrap_err();
    assert!(matches!(error, FetchError::Unavailable { tries: 0, .. }), "{error}");
    assert_eq!(server.asked().len(), 0);
}

#[test]
fn a_refusal_is_not_tried_again() {
    let set = sets::simulated();
    for status in [400, 401, 404] {
        let (error, asked) = with(&tcb_info(&set), vec![Reply::status(status)], PATIENT);
        assert!(matches!(error, FetchError::Refused { status: got, .. } if got == status));
        assert!(error.is_unavailable());
        assert_eq!(asked.len(), 1);
    }
}

#[test]
fn a_redirect_is_told_and_not_followed() {
    let elsewhere = Server::start(Script::new());
    let to = format!("{}/anything", elsewhere.url());
    for status in [301, 302, 307, 308] {
        let reply = Reply::status(status).header("Location", &to);
        let (error, _) = with(ROOT_CRL, vec![reply], PATIENT);
        assert!(!error.is_unavailable());
        assert!(matches!(error, FetchError::Redirected { to: got, .. } if got == to));
    }
    assert_eq!(elsewhere.asked(), [""; 0]);
}

#[test]
fn an_answer_past_its_limit_is_given_up() {
    let long = Reply::ok(vec![b' '; MAX_COLLATERAL_BYTES + 1]);
    let long_header = Reply::ok("{}").header("X", &"x".repeat(40_000));
    for reply in [long, Reply::Endless, long_header] {
        let (error, asked) = with(QE_IDENTITY, vec![reply], PATIENT);
        assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
        assert!(!error.is_unavailable());
        assert_eq!(asked.len(), 2);
    }
}

#[test]
fn wrong_content_is_the_services_fault_and_names_its_address() {
    let set = sets::simulated();
    let parts = set.parts();
    let chain = escaped(&parts.tcb_info_issuer_chain);
    let named = |body: Vec<u8>| Reply::ok(body).header("TCB-Info-Issuer-Chain", &chain);
    let good = signed("tcbInfo", &parts.tcb_info, &parts.tcb_info_signature);
    let wrong = [
        ("not JSON", named(b"<html>".to_vec())),
        ("cut short", named(good[..good.len() - 2].to_vec())),
        ("not text", named(vec![0xff; 64])),
        ("another document", named(signed("enclaveIdentity", "{}", &[0; 64]))),
        ("no signature", named(b"{\"tcbInfo\":{}}".to_vec())),
        ("short signature", named(signed("tcbInfo", &parts.tcb_info, &[0; 63]))),
        ("empty document", named(signed("tcbInfo", "{}", &[0; 64]))),
        ("no chain", Reply::ok(good.clone())),
        ("no PEM", Reply::ok(good.clone()).header("TCB-Info-Issuer-Chain", "none")),
        ("no text", Reply::ok(good).header("TCB-Info-Issuer-Chain", "%FF%FE")),
    ];
    for (what, reply) in wrong {
        let (error, _) = with(&tcb_info(&set), vec![reply], PATIENT);
        assert!(matches!(error, FetchError::BadAnswer { .. }), "{what}: {error}");
        assert!(!error.is_unavailable());
        assert!(error.to_string().contains("http://127.0.0.1"), "{what}: {error}");
    }
    for target in [pck_crl(&set), ROOT_CRL.to_owned()] {
        let (error, _) = with(&target, vec![Reply::ok("no list")], PATIENT);
        assert!(matches!(error, FetchError::BadAnswer { .. }), "{target}: {error}");
    }
}

#[test]
fn another_platforms_set_is_not_taken() {
    let set = sets::simulated();
    let mut other = set.fmspc();
    other[5] ^= 1;
    let mut script = pccs(&set);
    let answer = script.remove(&tcb_info(&set)).unwrap();
    script.insert(format!("/tdx/certification/v4/tcb?fmspc={}", hex_upper(&other)), answer);
    let server = Server::start(script);
    let source = CollateralSource::new(&server.url()).unwrap().within(PATIENT);
    let error = source.fetch(other, set.ca()).unwrap_err();
    assert!(matches!(error, FetchError::BadAnswer { .. }), "{error}");
    assert!(error.to_string().contains("was asked for"), "{error}");
}

/// A certificate that a cache made for itself, and its TLS.
fn self_signed() -> (String, ServerConfig) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (made.cert.pem(), config)
}

#[test]
fn a_cache_with_a_certificate_of_its_own_must_be_named_as_trusted() {
    let set = sets::simulated();
    let (pem, config) = self_signed();
    let server = Server::start_tls(config, pccs(&set));
    let source = || CollateralSource::new(&server.url()).unwrap().within(PATIENT);
    let fetch = |source: CollateralSource| source.fetch(set.fmspc(), set.ca());

    let error = fetch(source()).unwrap_err();
    assert!(matches!(error, FetchError::Tls { .. }), "{error}");
    let (other, _) = self_signed();
    let error = fetch(source().trusting(other.as_bytes()).unwrap()).unwrap_err();
    assert!(matches!(error, FetchError::Tls { .. }), "{error}");
    assert_eq!(server.asked(), [""; 0]);

    assert_eq!(fetch(source().trusting(pem.as_bytes()).unwrap()).unwrap(), set);
    assert_eq!(fetch(source().trusting_any()).unwrap(), set);
}

#[test]
fn addresses_that_are_none_are_told() {
    for url in ["", "pccs", "ftp://host", "http://", "https://user:secret@host", "http://host?a=b"]
    {
        let error = CollateralSource::new(url).unwrap_err();
        assert!(matches!(error, FetchError::Url { .. }), "{url}: {error}");
    }
    let intel = CollateralSource::new("https://api.trustedservices.intel.com/").unwrap();
    assert_eq!(intel.url(), holobiont_attestation_pccs::INTEL_PCS_URL);
    let none = CollateralSource::intel().trusting(b"no certificate").unwrap_err();
    assert!(matches!(none, FetchError::Certificates { .. }));
}

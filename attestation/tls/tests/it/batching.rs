//! One quote for many waiting peers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier, Mutex};

use holobiont_attestation::{
    Binding, Evidence, ProviderError, ProviderKind, QuoteProvider, ReportData, Role, TlsBinding,
};
use holobiont_attestation_tls::exchange::{Frame, Request};
use holobiont_attestation_tls::{
    Admission, Appraiser, BatchingProver, Gather, Prover, ProverError, QuoteProver, Refusal,
    TlsError,
};
use holobiont_identity::{Digest, UniqueId};

use crate::raw::{Raw, quoted};
use crate::world::{World, meet, refused, sockets, within};

/// Counts the quotes.
struct Counting {
    inner: Arc<dyn QuoteProvider>,
    quotes: AtomicUsize,
}

impl QuoteProvider for Counting {
    fn kind(&self) -> ProviderKind {
        self.inner.kind()
    }
    fn quote(&self, report_data: &ReportData) -> Result<Vec<u8>, ProviderError> {
        self.quotes.fetch_add(1, Ordering::SeqCst);
        self.inner.quote(report_data)
    }
    fn event_log(&self) -> Result<Option<Vec<u8>>, ProviderError> {
        self.inner.event_log()
    }
}

#[tokio::test]
async fn peers_that_wait_together_are_answered_by_one_quote() {
    const PEERS: u8 = 5;
    let world = World::new();
    let mut server = world.node(9);
    let counting =
        Arc::new(Counting { inner: Arc::clone(&server.guest), quotes: AtomicUsize::new(0) });
    let provider = Arc::clone(&counting) as Arc<dyn QuoteProvider>;
    // It waits for all of them, so that the test does not depend on who is how fast.
    let gather = Gather { leaves: PEERS.into(), gather_ms: 3_600_000 };
    server.session.prover = Arc::new(BatchingProver::new(provider, gather));
    let server = Arc::new(server);
    let meetings: Vec<_> = (0..PEERS)
        .map(|number| {
            let (client, server) = (world.node(number), Arc::clone(&server));
            tokio::spawn(async move { meet(&client, &server).await })
        })
        .collect();
    for meeting in meetings {
        let (near, far) = meeting.await.unwrap();
        let (near, _far) = (near.unwrap(), far.unwrap());
        assert!(near.peer().admission.verdict.admits());
    }
    assert_eq!(counting.quotes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn strangers_cost_no_quote() {
    let world = World::new();
    let (mut server, client) = (world.node(2), world.node(1));
    let counting =
        Arc::new(Counting { inner: Arc::clone(&server.guest), quotes: AtomicUsize::new(0) });
    let provider = Arc::clone(&counting) as Arc<dyn QuoteProvider>;
    server.session.prover = Arc::new(QuoteProver::new(provider));
    let (dialled, accepted) = sockets().await;
    let asking = async {
        let mut raw = Raw::dial(dialled, &client.key).await;
        let request = Request { nonce: [9; 32], node: [1; 32], terms: world.terms() };
        raw.send(&Frame::Request(request)).await;
        let asked = raw.request().await;
        let mut binding = raw.binding([1; 32], world.terms(), [9; 32], asked.nonce);
        binding.exporter = [0; 32];
        raw.send(&Frame::Answer(&quoted(&*client.guest, &binding))).await;
        raw.refusal().await.code().to_owned()
    };
    let (outcome, told) = within(async { tokio::join!(server.take(accepted), asking) }).await;
    assert_eq!(refused(outcome), told);
    assert_eq!(counting.quotes.load(Ordering::SeqCst), 0);
}

/// Judges nothing before the test says so.
struct Pondering {
    inner: Arc<dyn Appraiser>,
    go: Mutex<Receiver<()>>,
    begun: AtomicUsize,
}

impl Appraiser for Pondering {
    fn simulated(&self) -> bool {
        self.inner.simulated()
    }
    fn appraise(
        &self,
        evidence: &Evidence,
        binding: &Binding,
        now_s: u64,
    ) -> Result<Admission, Refusal> {
        if self.begun.fetch_add(1, Ordering::SeqCst) == 0 {
            // Also when the test has failed and let go of the other end.
            let _ = self.go.lock().unwrap().recv();
        }
        self.inner.appraise(evidence, binding, now_s)
    }
}

#[tokio::test]
async fn work_for_a_connection_that_went_away_still_counts() {
    let mut world = World::new();
    world.limits.unauthenticated = 1;
    let (mut server, client) = (world.node(2), world.node(1));
    let (go, going) = channel();
    let pondering = Arc::new(Pondering {
        inner: world.appraiser(),
        go: Mutex::new(going),
        begun: AtomicUsize::new(0),
    });
    server.session.appraiser = Arc::clone(&pondering) as Arc<dyn Appraiser>;
    let (dialled, accepted) = sockets().await;
    let leaving = async {
        let mut raw = Raw::dial(dialled, &client.key).await;
        let request = Request { nonce: [9; 32], node: [1; 32], terms: world.terms() };
        raw.send(&Frame::Request(request)).await;
        let none = Evidence { quote: vec![], event_log: None, batch: None };
        raw.send(&Frame::Answer(&none.encode().unwrap())).await;
        while pondering.begun.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    let (outcome, ()) = within(async { tokio::join!(server.take(accepted), leaving) }).await;
    assert!(outcome.is_err());
    let (_, far) = meet(&client, &server).await;
    assert!(matches!(far, Err(TlsError::Busy { limit: 1 })), "{far:?}");
    go.send(()).unwrap();
    within(async {
        while let (_, Err(error)) = meet(&client, &server).await {
            assert!(matches!(error, TlsError::Busy { limit: 1 }), "{error:?}");
        }
    })
    .await;
}

fn binding(simulated: bool, nonce: u8) -> TlsBinding {
    TlsBinding {
        simulated,
        role: Role::Client,
        organism: Digest::of("organism"),
        epoch: 1,
        surface: UniqueId::from_name("committee"),
        policy: Digest::of("policy"),
        node: [1; 32],
        own_key: vec![1; 44],
        peer_key: vec![2; 44],
        peer_nonce: [nonce; 32],
        exporter: [4; 32],
    }
}

/// Holds its first quote until the test lets go, and tells what it quoted.
struct Held {
    gate: Barrier,
    quotes: AtomicUsize,
    fails: bool,
    panics: bool,
}

impl QuoteProvider for Held {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Simulated
    }
    fn quote(&self, report_data: &ReportData) -> Result<Vec<u8>, ProviderError> {
        if self.quotes.fetch_add(1, Ordering::SeqCst) == 0 {
            self.gate.wait();
        }
        assert!(!self.panics, "the provider breaks");
        if self.fails {
            return Err(ProviderError::Busy { waited_ms: 9 });
        }
        Ok(report_data.as_bytes().to_vec())
    }
    fn event_log(&self) -> Result<Option<Vec<u8>>, ProviderError> {
        Ok(Some(b"log".to_vec()))
    }
}

fn held(fails: bool, panics: bool) -> Arc<Held> {
    Arc::new(Held { gate: Barrier::new(2), quotes: AtomicUsize::new(0), fails, panics })
}

#[test]
fn one_alone_gets_a_plain_quote_and_late_comers_each_their_own_leaf() {
    let provider = held(false, false);
    let gather = Gather { leaves: 1, gather_ms: 0 };
    let prover =
        Arc::new(BatchingProver::new(Arc::clone(&provider) as Arc<dyn QuoteProvider>, gather));
    let ask = |nonce| {
        let prover = Arc::clone(&prover);
        std::thread::spawn(move || (nonce, prover.evidence(&binding(true, nonce)).unwrap()))
    };
    let first = ask(1);
    // The first is being quoted once its quote is counted; the others can only queue behind it.
    while provider.quotes.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    let later: Vec<_> = (2..6).map(ask).collect();
    provider.gate.wait();
    let (_, alone) = first.join().unwrap();
    assert!(alone.batch.is_none());
    assert_eq!(alone.quote, binding(true, 1).report_data().as_bytes());
    for answer in later {
        let (nonce, evidence) = answer.join().unwrap();
        let binding = binding(true, nonce);
        let wanted = match &evidence.batch {
            Some(path) => path.report_data(&binding.leaf(), true),
            None => binding.report_data(),
        };
        assert_eq!(evidence.quote, wanted.as_bytes(), "{nonce}");
        assert_eq!(evidence.event_log.as_deref(), Some(&b"log"[..]));
    }
}

/// Two that share a quote whose provider fails this way.
fn both(provider: &Arc<Held>) -> Vec<std::thread::Result<Result<(), ProverError>>> {
    let gather = Gather { leaves: 2, gather_ms: 3_600_000 };
    let prover =
        Arc::new(BatchingProver::new(Arc::clone(provider) as Arc<dyn QuoteProvider>, gather));
    let asking: Vec<_> = [1, 2]
        .map(|nonce| {
            let prover = Arc::clone(&prover);
            std::thread::spawn(move || prover.evidence(&binding(true, nonce)).map(|_| ()))
        })
        .into();
    provider.gate.wait();
    asking.into_iter().map(std::thread::JoinHandle::join).collect()
}

#[test]
fn a_failed_quote_fails_for_everybody_in_it() {
    let outcomes = both(&held(true, false));
    for outcome in outcomes {
        let error = outcome.unwrap().unwrap_err();
        assert!(matches!(error, ProverError::Provider { .. }), "{error}");
    }
}

#[test]
fn a_provider_that_panics_leaves_nobody_waiting() {
    let outcomes = both(&held(false, true));
    let abandoned =
        outcomes.iter().filter(|it| matches!(it, Ok(Err(ProverError::Abandoned)))).count();
    assert_eq!((abandoned, outcomes.iter().filter(|it| it.is_err()).count()), (1, 1));
}

#[test]
fn a_simulated_provider_makes_nothing_for_a_real_connection() {
    let provider = held(false, false) as Arc<dyn QuoteProvider>;
    let prover = BatchingProver::new(provider, Gather { leaves: 1, gather_ms: 0 });
    let error = prover.evidence(&binding(false, 1)).unwrap_err();
    assert!(matches!(error, ProverError::OtherTrust { .. }), "{error}");
}

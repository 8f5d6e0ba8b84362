//! A fake Intel, nodes whose guests it certified, and a clock that the test moves.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use holobiont_attestation::{Collateral, Marks, PckCa, QuoteProvider, Verifier};
use holobiont_attestation_tls::{
    Appraiser, Attested, BootKey, Endpoint, Limits, QuoteProver, Session, SharedMarks, Terms,
    TlsError, VerifierAppraiser,
};
use holobiont_enclave_simulated::{
    QuoteForm, SimulatedGuest, SimulatedImage, SimulatedIntel, SimulatedRoot, pins_for,
};
use holobiont_identity::pins::SurfacePins;
use holobiont_identity::{Digest, UniqueId};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const NOW_S: u64 = 1_800_000_000;
pub(crate) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(crate) type Outcome = Result<Attested<TcpStream>, TlsError>;

pub(crate) struct World {
    pub(crate) intel: SimulatedIntel,
    pub(crate) clock: Arc<AtomicU64>,
    pub(crate) pins: SurfacePins,
    pub(crate) marks: SharedMarks,
    pub(crate) limits: Limits,
    verifier: Arc<Verifier<SimulatedRoot>>,
    pub(crate) collateral: Arc<Collateral>,
}

pub(crate) struct Node {
    pub(crate) key: BootKey,
    pub(crate) endpoint: Endpoint,
    pub(crate) session: Session,
    pub(crate) guest: Arc<dyn QuoteProvider>,
}

fn image() -> SimulatedImage {
    SimulatedImage::new("node 1.0", "ro quiet")
}

impl World {
    pub(crate) fn new() -> Self {
        let intel = SimulatedIntel::new(NOW_S).unwrap();
        let first = SimulatedGuest::new(
            intel.platform(0, PckCa::Platform).unwrap(),
            image(),
            QuoteForm::V5Td15,
        );
        Self {
            verifier: Arc::new(Verifier::with_root(intel.root())),
            collateral: Arc::new(intel.collateral(PckCa::Platform).unwrap()),
            pins: pins_for("committee", &[&first]),
            clock: Arc::new(AtomicU64::new(NOW_S)),
            marks: SharedMarks::new(Marks::default()),
            limits: Limits { recheck_ms: 5, ..Limits::default() },
            intel,
        }
    }

    pub(crate) fn clock(&self) -> Arc<dyn holobiont_attestation_tls::Clock> {
        let clock = Arc::clone(&self.clock);
        Arc::new(move || clock.load(Ordering::SeqCst))
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn guest(&self, machine: u8, image: SimulatedImage) -> Arc<dyn QuoteProvider> {
        let platform = self.intel.platform(machine.into(), PckCa::Platform).unwrap();
        Arc::new(SimulatedGuest::new(platform, image, QuoteForm::V5Td15))
    }

    pub(crate) fn terms(&self) -> Terms {
        Terms {
            organism: Digest::of("organism"),
            epoch: 7,
            surface: UniqueId::from_name("committee"),
            policy: self.pins.policy_hash(),
        }
    }

    pub(crate) fn appraiser(&self) -> Arc<dyn Appraiser> {
        let collateral = Arc::clone(&self.collateral);
        Arc::new(VerifierAppraiser::new(
            Arc::clone(&self.verifier),
            self.pins.clone(),
            Box::new(move |_| Some(Arc::clone(&collateral))),
            self.marks.clone(),
        ))
    }

    /// A node of the committee, on a machine of its own.
    pub(crate) fn node(&self, number: u8) -> Node {
        self.node_of(number, image())
    }

    pub(crate) fn node_of(&self, number: u8, image: SimulatedImage) -> Node {
        let guest = self.guest(number, image);
        let key = BootKey::generate().unwrap();
        Node {
            endpoint: Endpoint::new(&key, true, self.clock(), self.limits).unwrap(),
            session: Session {
                node: [number; 32],
                expected: None,
                demands: self.terms(),
                offers: vec![self.terms()],
                prover: Arc::new(QuoteProver::new(Arc::clone(&guest))),
                appraiser: self.appraiser(),
            },
            key,
            guest,
        }
    }
}

impl Node {
    pub(crate) fn expecting(mut self, numbers: &[u8]) -> Self {
        self.session.expected = Some(numbers.iter().map(|it| [*it; 32]).collect::<BTreeSet<_>>());
        self
    }

    pub(crate) async fn dial(&self, stream: TcpStream) -> Outcome {
        let session = Arc::new(self.session.clone());
        self.endpoint.connect(stream).await?.attest(session).await
    }

    pub(crate) async fn take(&self, stream: TcpStream) -> Outcome {
        let session = Arc::new(self.session.clone());
        self.endpoint.accept(stream, HERE).await?.attest(session).await
    }
}

/// Two ends of a connection over loopback: the one that dialled first.
pub(crate) async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((HERE, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (dialled, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    (dialled.unwrap(), accepted.unwrap().0)
}

/// What becomes of a client and a server that meet.
pub(crate) async fn meet(client: &Node, server: &Node) -> (Outcome, Outcome) {
    let (dialled, accepted) = sockets().await;
    within(async { tokio::join!(client.dial(dialled), server.take(accepted)) }).await
}

/// Two that met well.
pub(crate) async fn met(
    client: &Node,
    server: &Node,
) -> (Attested<TcpStream>, Attested<TcpStream>) {
    let (client, server) = meet(client, server).await;
    (client.unwrap(), server.unwrap())
}

/// A test that would hang fails instead.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("nothing happens any more")
}

/// The code under which this side refused.
pub(crate) fn refused<T: std::fmt::Debug>(outcome: Result<T, TlsError>) -> String {
    match outcome {
        Err(TlsError::Refused { refusal }) => refusal.code().to_owned(),
        other => panic!("not refused here: {other:?}"),
    }
}

/// The code under which the peer refused this side.
pub(crate) fn refused_by_peer<T: std::fmt::Debug>(outcome: Result<T, TlsError>) -> String {
    match outcome {
        Err(TlsError::RefusedByPeer { refusal }) => refusal.code().to_owned(),
        other => panic!("not refused by the peer: {other:?}"),
    }
}

/// The error inside a stream's error.
pub(crate) fn reason(error: &std::io::Error) -> &TlsError {
    error.get_ref().and_then(|it| it.downcast_ref()).expect("it holds a TlsError")
}

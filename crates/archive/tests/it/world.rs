//! A fake Intel, nodes whose guests it certified, surfaces in folders, and a clock that tests move.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use holobiont_archive::{
    Bearer, Client, ClientParts, Gate, Observer, OpenGate, PeerInfo, PlatformBook, Served, Server,
    ServerParts, Sink, Stop, SurfaceRoutes, WrittenSurface, surface_routes,
};
use holobiont_attestation::{Collateral, Marks, PckCa, Verifier};
use holobiont_attestation_tls::{
    BootKey, Endpoint, Limits, QuoteProver, Session, SharedMarks, Terms, VerifierAppraiser,
};
use holobiont_enclave_simulated::{
    QuoteForm, SimulatedGuest, SimulatedImage, SimulatedIntel, SimulatedRoot, pins_for,
};
use holobiont_identity::pins::SurfacePins;
use holobiont_identity::{Digest, UniqueId};
use holobiont_surface::{Genesis, NewRecord, SurfaceWriter, WriterOptions};
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(crate) const NOW_S: u64 = 1_800_000_000;

pub(crate) struct World {
    intel: SimulatedIntel,
    pub(crate) clock: Arc<AtomicU64>,
    pins: SurfacePins,
    marks: SharedMarks,
    verifier: Arc<Verifier<SimulatedRoot>>,
    collateral: Arc<Collateral>,
}

/// One node: its key and its session.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) endpoint: Endpoint,
    pub(crate) session: Session,
    pub(crate) book: PlatformBook,
    pub(crate) heard: Arc<Heard>,
}

/// What an observer heard.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn note(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Heard {
    fn attested(&self, peer: &PeerInfo) {
        assert!(peer.boot_key.is_some());
        self.note("attested".to_owned());
    }
    fn refused(&self, _: SocketAddr, code: &str) {
        self.note(format!("refused {code}"));
    }
    fn denied(&self, _: &PeerInfo, code: &str) {
        self.note(format!("denied {code}"));
    }
    fn ended(&self, _: &PeerInfo) {
        self.note("ended".to_owned());
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let intel = SimulatedIntel::new(NOW_S).unwrap();
        let platform = intel.platform(0, PckCa::Platform).unwrap();
        let first = SimulatedGuest::new(platform, image(), QuoteForm::V5Td15);
        Self {
            verifier: Arc::new(Verifier::with_root(intel.root())),
            collateral: Arc::new(intel.collateral(PckCa::Platform).unwrap()),
            pins: pins_for("committee", &[&first]),
            clock: Arc::new(AtomicU64::new(NOW_S)),
            marks: SharedMarks::new(Marks::default()),
            intel,
        }
    }

    pub(crate) fn clock(&self) -> Arc<dyn holobiont_attestation_tls::Clock> {
        let clock = Arc::clone(&self.clock);
        Arc::new(move || clock.load(Ordering::SeqCst))
    }

    /// A node on a machine of its own.
    pub(crate) fn node(&self, number: u8) -> Node {
        self.node_on(number, number)
    }

    pub(crate) fn node_on(&self, number: u8, machine: u8) -> Node {
        self.node_of(number, machine, image())
    }

    pub(crate) fn node_of(&self, number: u8, machine: u8, image: SimulatedImage) -> Node {
        let platform = self.intel.platform(machine.into(), PckCa::Platform).unwrap();
        let guest = SimulatedGuest::new(platform, image, QuoteForm::V5Td15);
        let terms = Terms {
            organism: Digest::of("organism"),
            epoch: 0,
            surface: UniqueId::from_name("committee"),
            policy: self.pins.policy_hash(),
        };
        let collateral = Arc::clone(&self.collateral);
        let appraiser = VerifierAppraiser::new(
            Arc::clone(&self.verifier),
            self.pins.clone(),
            Box::new(move |_| Some(Arc::clone(&collateral))),
            self.marks.clone(),
        );
        let id = [number; 32];
        Node {
            endpoint: Endpoint::new(
                &BootKey::generate().unwrap(),
                true,
                self.clock(),
                Limits { linger_ms: 200, ..Limits::default() },
            )
            .unwrap(),
            session: Session {
                node: id,
                expected: None,
                demands: terms,
                offers: vec![terms],
                prover: Arc::new(QuoteProver::new(Arc::new(guest))),
                appraiser: Arc::new(appraiser),
            },
            book: PlatformBook::default(),
            heard: Arc::default(),
        }
    }
}

pub(crate) fn image() -> SimulatedImage {
    SimulatedImage::new("node 1.0", "ro quiet")
}

impl Node {
    pub(crate) fn expecting(mut self, numbers: &[u8]) -> Self {
        self.session.expected = Some(numbers.iter().map(|it| [*it; 32]).collect::<BTreeSet<_>>());
        self
    }

    fn sessions(&self) -> Arc<dyn holobiont_archive::Sessions> {
        let session = Arc::new(self.session.clone());
        Arc::new(move || Arc::clone(&session))
    }

    pub(crate) async fn serve(&self, router: Router, stop: &Stop) -> Server {
        self.serve_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), router, stop)
    }

    fn serve_on(&self, listener: TcpListener, router: Router, stop: &Stop) -> Server {
        let parts = ServerParts {
            endpoint: self.endpoint.clone(),
            sessions: self.sessions(),
            router,
            book: self.book.clone(),
            observer: self.heard.clone(),
            stop: stop.clone(),
        };
        Server::start(listener, parts).unwrap()
    }

    pub(crate) async fn publish(&self, shelf: &Publication, gate: impl Gate + 'static) -> Server {
        self.publish_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), shelf, gate)
    }

    pub(crate) fn publish_on(
        &self,
        listener: TcpListener,
        shelf: &Publication,
        gate: impl Gate + 'static,
    ) -> Server {
        let routes = SurfaceRoutes {
            shelf: Arc::new(shelf.shelf()),
            gate: Arc::new(gate),
            observer: self.heard.clone(),
            stop: shelf.stop.clone(),
        };
        self.serve_on(listener, surface_routes(routes), &shelf.stop)
    }

    pub(crate) fn client(&self, address: SocketAddr) -> Client {
        self.client_with(address, None)
    }

    pub(crate) fn client_with(
        &self,
        address: SocketAddr,
        bearer: Option<Arc<dyn Bearer>>,
    ) -> Client {
        Client::new(ClientParts {
            address: address.to_string(),
            endpoint: self.endpoint.clone(),
            sessions: self.sessions(),
            book: self.book.clone(),
            bearer,
            observer: self.heard.clone(),
        })
    }
}

/// A surface that a test writes, and the stop of what serves it.
pub(crate) struct Publication {
    pub(crate) dir: TempDir,
    pub(crate) surface: Arc<WrittenSurface>,
    pub(crate) stop: Stop,
}

pub(crate) fn genesis() -> Genesis {
    Genesis { window_records: 16, ..Genesis::new(UniqueId::from_name("acme").surface("prices")) }
}

impl Publication {
    pub(crate) fn new() -> Self {
        Self::with(WriterOptions { segment_bytes: 16 << 10 })
    }

    pub(crate) fn with(options: WriterOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let writer = SurfaceWriter::create(&dir.path().join("s"), genesis(), options).unwrap();
        let surface = Arc::new(WrittenSurface::new(writer));
        Self { dir, surface, stop: Stop::default() }
    }

    pub(crate) fn id(&self) -> UniqueId {
        genesis().surface_id
    }

    /// So many records more, durable.
    pub(crate) fn grow(&self, count: u64) {
        self.grow_by(count, 0);
    }

    pub(crate) fn grow_by(&self, count: u64, payload_bytes: usize) {
        let first = self.surface.next_seq();
        for seq in first..first + count {
            self.surface.append(&[record(seq, &payload(seq, payload_bytes))]).unwrap();
        }
        self.surface.sync().unwrap();
    }

    pub(crate) fn shelf(&self) -> BTreeMap<UniqueId, Arc<dyn Served>> {
        BTreeMap::from([(self.id(), Arc::clone(&self.surface) as Arc<dyn Served>)])
    }

    pub(crate) fn path(&self, what: &str) -> String {
        format!("/v1/surfaces/{}/{what}", self.id())
    }

    /// An empty copy of the same surface.
    pub(crate) fn copy(&self) -> Arc<WrittenSurface> {
        let dir =
            self.dir.path().join(format!("copy{}", std::fs::read_dir(&self.dir).unwrap().count()));
        let writer = SurfaceWriter::create(&dir, genesis(), WriterOptions::default()).unwrap();
        Arc::new(WrittenSurface::new(writer))
    }
}

fn payload(seq: u64, size_bytes: usize) -> Vec<u8> {
    let text = format!("payload of {seq}").into_bytes();
    let size_bytes = size_bytes.max(text.len());
    text.into_iter().cycle().take(size_bytes).collect()
}

/// The record of this number: three a clock, the third one closes it.
pub(crate) fn record(seq: u64, payload: &[u8]) -> NewRecord<'_> {
    NewRecord { clock: seq / 3, closes_clock: seq % 3 == 2, time_ms: seq, kind: 5, payload }
}

/// A server that shows everything, and one who reads.
pub(crate) async fn open(world: &World, publication: &Publication) -> (Server, Client) {
    let server = world.node(1).publish(publication, OpenGate).await;
    let client = world.node(2).client(server.address());
    (server, client)
}

/// A test that would hang fails instead.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("nothing happens any more")
}

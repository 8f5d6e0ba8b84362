use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use holobiont_attestation::{At, Collateral, PckCa, QuoteProvider, Verifier};
use holobiont_attestation_tls::{
    Attested, BatchingProver, BootKey, Endpoint, Gather, Limits, Session, SharedMarks, Terms,
    VerifierAppraiser,
};
use holobiont_enclave_simulated::{SimulatedGuest, SimulatedIntel, SimulatedRoot};
use holobiont_identity::Organism;
use holobiont_identity::pins::{COMMITTEE_SURFACE, SurfacePins};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{organism_of, simulated_guest};
use crate::failure::Failure;
use crate::now::now_s;
use crate::print;

const HELLO: &[u8] = b"what a member published";
const COMMAND_LINE: &str = "ro quiet";

/// What two guests share: the world they are simulated in, and the organism they serve.
struct World {
    root: SimulatedRoot,
    collateral: Arc<Collateral>,
    organism: Organism,
    pins: SurfacePins,
}

/// How one meeting went.
struct Meeting {
    attested: Result<(String, u64), String>,
    took_ms: u128,
    /// Of each of the few bytes that went there and back.
    round_trips: Vec<Duration>,
}

pub(super) fn run(as_json: bool) -> Result<(), Failure> {
    let (world, intel, server) = World::new()?;
    let client = simulated_guest(&intel, 1, COMMAND_LINE)?;
    // Another kernel command line, and so another RTMR2, which nobody pinned.
    let stranger = simulated_guest(&intel, 2, "ro quiet init=/bin/sh")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::unexpected)?;
    let good = runtime.block_on(world.meet(&server, &client, 1))?;
    let bad = runtime.block_on(world.meet(&server, &stranger, 1))?;
    show(&good, &bad, as_json)
}

/// How long a few bytes take there and back over one attested connection of this machine, each time.
pub(crate) async fn round_trips(count: usize) -> Result<Vec<Duration>, Failure> {
    let (world, intel, server) = World::new()?;
    let client = simulated_guest(&intel, 1, COMMAND_LINE)?;
    let meeting = world.meet(&server, &client, count).await?;
    meeting.attested.map_err(|what| Failure::Differs { what })?;
    Ok(meeting.round_trips)
}

impl World {
    /// One with a pinned guest.
    fn new() -> Result<(Self, SimulatedIntel, SimulatedGuest), Failure> {
        let intel = SimulatedIntel::new(now_s()).map_err(Failure::unexpected)?;
        let server = simulated_guest(&intel, 0, COMMAND_LINE)?;
        let organism =
            Organism::parse(&organism_of(&server, "simulated")).map_err(Failure::unexpected)?;
        let pins = organism.pins(COMMITTEE_SURFACE).cloned().ok_or_else(|| Failure::Usage {
            what: "the simulated organism has no committee".to_owned(),
            help: "this is a bug: please report it",
        })?;
        let collateral = intel.collateral(PckCa::Platform).map_err(Failure::unexpected)?;
        let collateral = Arc::new(collateral);
        Ok((Self { root: intel.root(), collateral, organism, pins }, intel, server))
    }

    /// One guest dials the other over this machine's network; after both have attested, a few bytes
    /// go there and back, so many times.
    async fn meet(
        &self,
        server: &SimulatedGuest,
        client: &SimulatedGuest,
        times: usize,
    ) -> Result<Meeting, Failure> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Failure::unexpected)?;
        let address = listener.local_addr().map_err(Failure::unexpected)?;
        let (serving, session) = (self.endpoint()?, self.session(server, 1));
        let began = Instant::now();
        let served = tokio::spawn(async move {
            let (stream, from) = listener.accept().await?;
            let handshaken = serving.accept(stream, from.ip()).await?;
            let mut attested = handshaken.attest(session).await?;
            let mut bytes = vec![0; HELLO.len()];
            // Until the other side is gone.
            while attested.read_exact(&mut bytes).await.is_ok() {
                attested.write_all(&bytes).await?;
                attested.flush().await?;
            }
            Ok::<(), io::Error>(())
        });
        let mut round_trips = Vec::with_capacity(times);
        let dialled = self.dial(address, client, times, &mut round_trips).await;
        let took_ms = began.elapsed().as_millis();
        let attested = match dialled {
            Ok(attested) => {
                let peer = attested.peer();
                drop(attested);
                served.await.map_err(Failure::unexpected)?.map_err(Failure::unexpected)?;
                Ok((peer.admission.pin.clone(), peer.admission.expires_s))
            }
            Err(error) => {
                served.abort();
                Err(error.to_string())
            }
        };
        Ok(Meeting { attested, took_ms, round_trips })
    }

    async fn dial(
        &self,
        address: std::net::SocketAddr,
        guest: &SimulatedGuest,
        times: usize,
        round_trips: &mut Vec<Duration>,
    ) -> io::Result<Attested<TcpStream>> {
        let endpoint = self.endpoint().map_err(io::Error::other)?;
        let stream = TcpStream::connect(address).await?;
        let mut attested = endpoint.connect(stream).await?.attest(self.session(guest, 2)).await?;
        let mut bytes = vec![0; HELLO.len()];
        for _ in 0..times {
            let began = Instant::now();
            attested.write_all(HELLO).await?;
            attested.flush().await?;
            attested.read_exact(&mut bytes).await?;
            round_trips.push(began.elapsed());
        }
        Ok(attested)
    }

    fn endpoint(&self) -> Result<Endpoint, Failure> {
        let key = BootKey::generate().map_err(Failure::unexpected)?;
        Endpoint::new(&key, true, Arc::new(now_s), Limits::default()).map_err(Failure::unexpected)
    }

    fn session(&self, guest: &SimulatedGuest, node: u8) -> Arc<Session> {
        let terms = Terms {
            organism: self.organism.content_hash(),
            epoch: 1,
            surface: self.organism.output_surface_id(),
            policy: self.pins.policy_hash(),
        };
        let provider: Arc<dyn QuoteProvider> = Arc::new(guest.clone());
        let collateral = Arc::clone(&self.collateral);
        let verifier = Arc::new(Verifier::with_root(self.root.clone()));
        let appraiser = VerifierAppraiser::new(
            verifier,
            self.pins.clone(),
            Box::new(move |_| Some(Arc::clone(&collateral))),
            SharedMarks::default(),
        );
        Arc::new(Session {
            node: [node; 32],
            expected: None,
            demands: terms,
            offers: vec![terms],
            prover: Arc::new(BatchingProver::new(provider, Gather { leaves: 1, gather_ms: 0 })),
            appraiser: Arc::new(appraiser),
        })
    }
}

fn show(good: &Meeting, bad: &Meeting, as_json: bool) -> Result<(), Failure> {
    if as_json {
        let told = |meeting: &Meeting| {
            json!({
                "attested": meeting.attested.is_ok(),
                "pin": meeting.attested.as_ref().ok().map(|(pin, _)| pin),
                "expires_s": meeting.attested.as_ref().ok().map(|(_, at_s)| at_s),
                "refused": meeting.attested.as_ref().err(),
                "took_ms": u64::try_from(meeting.took_ms).unwrap_or(u64::MAX),
            })
        };
        let both = json!({ "simulated": true, "pinned": told(good), "stranger": told(bad) });
        return print::verdict("dev.handshake", is_as_meant(good, bad), &both);
    }
    let mut text = String::new();
    for (who, meeting) in
        [("a pinned guest", good), ("a guest with another kernel command line", bad)]
    {
        let took = meeting.took_ms;
        text.push_str(&match &meeting.attested {
            Ok((pin, expires_s)) => format!(
                "{who}: attested both ways as {pin}, bytes went there and back, {took} ms; good \
                 until {}\n",
                At(*expires_s)
            ),
            Err(refused) => format!("{who}: {refused} ({took} ms)\n"),
        });
    }
    print::text(&text)?;
    if is_as_meant(good, bad) {
        return Ok(());
    }
    let what = "the handshakes did not end as they should".to_owned();
    Err(Failure::Reported(Box::new(Failure::Differs { what })))
}

fn is_as_meant(good: &Meeting, bad: &Meeting) -> bool {
    good.attested.is_ok() && bad.attested.is_err()
}

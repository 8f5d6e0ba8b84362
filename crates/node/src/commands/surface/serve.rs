mod feed;
mod identity;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use holobiont_archive::ticket::Issuer;
use holobiont_archive::{
    DirectoryServed, Gate, NoObserver, OpenGate, PlatformBook, Served, Server, ServerParts, Stop,
    SurfaceRoutes, TicketGate, TicketRule, WrittenSurface, surface_routes,
};
use holobiont_attestation_tls::{BootKey, Clock, Endpoint, Limits};
use holobiont_identity::{Member, Organism, UniqueId};
use holobiont_surface::{Genesis, SurfaceWriter, WriterOptions};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::interval;

use self::feed::Feed;
use self::identity::Identity;
use crate::cli::Serve;
use crate::failure::{Failure, InputPlace};
use crate::now::now_s;
use crate::run::{Trust, start_log};
use crate::{files, print};

/// How often marks that went up are written down, in seconds.
const KEEP_MARKS_S: u64 = 60;
/// Connections that are gathered for one quote.
const READERS: usize = 8;

pub(super) fn run(args: &Serve, as_json: bool) -> Result<(), Failure> {
    let (organism, _) = files::organism(&args.organism)?;
    let member = member_of(args, &organism)?.clone();
    let gate = Gated::of(args, &member)?;
    let trust = Arc::new(trust(args)?);
    start_log(args.log_format, trust.simulated)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::unexpected)?;
    runtime.block_on(async {
        // First: whoever has read that it serves may end it well.
        let signals = Signals::new()?;
        let serving = Serving::start(args, organism, &member, gate, trust).await?;
        serving.tell(as_json)?;
        serving.until_the_end(args, signals).await
    })
}

fn member_of<'a>(args: &Serve, organism: &'a Organism) -> Result<&'a Member, Failure> {
    let policy = |what: String, help| Failure::Policy { file: args.organism.clone(), what, help };
    let found = organism.members.iter().find(|member| member.name == args.member);
    let member = found.ok_or_else(|| {
        let what = format!("names no member `{:.80}`", args.member);
        policy(what, "name one of its members with --member")
    })?;
    if organism.pins(&member.name).is_none() {
        let what = format!("has no [[surface]] named `{}`", member.name);
        return Err(policy(what, "without pins nobody could accept this server: add them"));
    }
    Ok(member)
}

#[cfg(feature = "simulated")]
fn trust(args: &Serve) -> Result<Trust, Failure> {
    match (&args.collateral, &args.insecure_simulated_tdx) {
        (_, Some(world)) => Trust::simulated(world, &args.member, READERS),
        (Some(dir), None) => Trust::real(dir, READERS),
        (None, None) => Err(no_collateral()),
    }
}

#[cfg(not(feature = "simulated"))]
fn trust(args: &Serve) -> Result<Trust, Failure> {
    Trust::real(args.collateral.as_deref().ok_or_else(no_collateral)?, READERS)
}

fn no_collateral() -> Failure {
    Failure::Usage {
        what: "readers cannot be judged without collateral".to_owned(),
        help: "name its folder with --collateral; `holobiont collateral fetch` fills one",
    }
}

/// Who may read.
pub(crate) enum Gated {
    Open,
    Ticketed(TicketRule),
}

impl Gated {
    fn of(args: &Serve, member: &Member) -> Result<Self, Failure> {
        if args.no_tickets {
            return Ok(Self::Open);
        }
        let policy =
            |what: String, help| Failure::Policy { file: args.organism.clone(), what, help };
        if member.ticket_issuers.is_empty() {
            let what = format!("lists no ticket_issuers for member `{}`", member.name);
            return Err(policy(what, "list the keys that sign your tickets, or say --no-tickets"));
        }
        let issuers = member.ticket_issuers.iter().map(|text| text.parse::<Issuer>());
        let issuers = issuers.collect::<Result<_, _>>().map_err(|error| {
            let what = format!("has a ticket issuer that is none: {error}");
            policy(what, "correct it in ticket_issuers")
        })?;
        Ok(Self::Ticketed(TicketRule { member: member.stable_id, issuers }))
    }

    fn gate(self, surface: UniqueId, clock: &Arc<dyn Clock>) -> Arc<dyn Gate> {
        match self {
            Self::Open => Arc::new(OpenGate),
            Self::Ticketed(rule) => {
                Arc::new(TicketGate::new(BTreeMap::from([(surface, rule)]), Arc::clone(clock)))
            }
        }
    }
}

/// What a process is told from outside.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let of = |kind| signal(kind).map_err(Failure::unexpected);
        Ok(Self {
            terminate: of(SignalKind::terminate())?,
            interrupt: of(SignalKind::interrupt())?,
            hang_up: of(SignalKind::hangup())?,
        })
    }
}

/// What is running.
struct Serving {
    surface: UniqueId,
    server: Server,
    identity: Arc<Identity>,
    trust: Arc<Trust>,
    /// Where standard input feeds it: the surface, and what ends the feeding.
    feeding: Option<(Arc<WrittenSurface>, oneshot::Receiver<Failure>)>,
}

impl Serving {
    async fn start(
        args: &Serve,
        organism: Organism,
        member: &Member,
        gate: Gated,
        trust: Arc<Trust>,
    ) -> Result<Self, Failure> {
        let surface = member.surface_id();
        let (served, feeding) = served(args, surface).await?;
        let (server, identity) =
            serve(args.listen, organism, member, gate, Arc::clone(&trust), served).await?;
        Ok(Self { surface, server, identity, trust, feeding })
    }

    fn tell(&self, as_json: bool) -> Result<(), Failure> {
        let (surface, address) = (self.surface.to_string(), self.server.address().to_string());
        if as_json {
            let simulated = self.trust.simulated;
            let told = json!({ "surface_id": surface, "address": address, "simulated": simulated });
            return print::json("surface.serve", &told);
        }
        let trust = if self.trust.simulated { ", SIMULATED TDX: it proves nothing" } else { "" };
        print::text(&format!("serving surface {surface} at {address}{trust}\n"))
    }

    async fn until_the_end(self, args: &Serve, mut signals: Signals) -> Result<(), Failure> {
        let mut keeping = interval(Duration::from_secs(KEEP_MARKS_S));
        let (written, mut failed) = self.feeding.unzip();
        let outcome = loop {
            tokio::select! {
                _ = signals.terminate.recv() => break Ok(()),
                _ = signals.interrupt.recv() => break Ok(()),
                _ = signals.hang_up.recv() => self.identity.read_again(&args.organism),
                _ = keeping.tick() => self.trust.keep_marks()?,
                Some(failure) = ended(&mut failed) => break Err(failure),
            }
        };
        tracing::info!("the server drains");
        self.server.stop().await;
        if let Some(surface) = written {
            surface.with_writer(SurfaceWriter::sync)?;
        }
        self.trust.keep_marks()?;
        outcome
    }
}

/// Serves what a member publishes, to every node of the organism's committee that may read it.
pub(crate) async fn serve(
    listen: SocketAddr,
    organism: Organism,
    member: &Member,
    gate: Gated,
    trust: Arc<Trust>,
    served: Arc<dyn Served>,
) -> Result<(Server, Arc<Identity>), Failure> {
    let surface = member.surface_id();
    let marks = trust.marks.clone();
    let clock: Arc<dyn Clock> = Arc::new(move || now_s().max(marks.now().floor_s()));
    let key = BootKey::generate().map_err(Failure::unexpected)?;
    let endpoint = Endpoint::new(&key, trust.simulated, Arc::clone(&clock), Limits::default())
        .map_err(Failure::unexpected)?;
    let identity = Identity::new(&key, organism, &member.name, trust);
    let identity = Arc::new(identity);
    let stop = Stop::default();
    let shelf: BTreeMap<UniqueId, Arc<dyn Served>> = BTreeMap::from([(surface, served)]);
    let routes = SurfaceRoutes {
        shelf: Arc::new(shelf),
        gate: gate.gate(surface, &clock),
        observer: Arc::new(NoObserver),
        stop: stop.clone(),
    };
    let sessions = Arc::clone(&identity);
    let parts = ServerParts {
        endpoint,
        sessions: Arc::new(move || sessions.session()),
        router: surface_routes(routes),
        // Readers of several committees may share machines: their own committees see to that.
        book: PlatformBook::default(),
        observer: Arc::new(NoObserver),
        stop,
    };
    let listening = Failure::io(Path::new("the address of --listen"), "listening at");
    let listener = TcpListener::bind(listen).await;
    let server = listener.and_then(|listener| Server::start(listener, parts));
    let server = server.map_err(listening)?;
    Ok((server, identity))
}

/// What broke the feeding; waits for ever where nothing feeds, or its input is over.
async fn ended(failed: &mut Option<oneshot::Receiver<Failure>>) -> Option<Failure> {
    if let Some(receiver) = failed {
        if let Ok(failure) = receiver.await {
            return Some(failure);
        }
        *failed = None;
    }
    std::future::pending().await
}

type Feeding = Option<(Arc<WrittenSurface>, oneshot::Receiver<Failure>)>;

async fn served(args: &Serve, surface: UniqueId) -> Result<(Arc<dyn Served>, Feeding), Failure> {
    if !args.stdin {
        let served = DirectoryServed::open(&args.dir).await?;
        is_of(&args.dir, &served.genesis(), surface)?;
        return Ok((Arc::new(served), None));
    }
    let writer = writer(args, surface)?;
    is_of(&args.dir, writer.genesis(), surface)?;
    let written = Arc::new(WrittenSurface::new(writer));
    let failed = Feed::begin(Arc::clone(&written), args);
    Ok((Arc::clone(&written) as Arc<dyn Served>, Some((written, failed))))
}

fn writer(args: &Serve, surface: UniqueId) -> Result<SurfaceWriter, Failure> {
    let options = WriterOptions { segment_bytes: args.segment_bytes };
    if files::is_free(&args.dir)? {
        let max_window_bytes = args.max_window_bytes;
        let genesis = Genesis { max_window_bytes, ..Genesis::new(surface) };
        return Ok(SurfaceWriter::create(&args.dir, genesis, options)?);
    }
    match SurfaceWriter::open(&args.dir, options) {
        Ok((writer, recovery)) => {
            if let Some(torn) = recovery.torn {
                tracing::warn!(size_bytes = torn.size_bytes, why = %torn.why, "a torn tail was cut off");
            }
            Ok(writer)
        }
        Err(error) => Err(error.into()),
    }
}

/// The wrong folder is found now, not by readers.
fn is_of(dir: &Path, genesis: &Genesis, surface: UniqueId) -> Result<(), Failure> {
    if genesis.surface_id == surface {
        return Ok(());
    }
    Err(Failure::Input {
        file: dir.to_owned(),
        place: InputPlace::default(),
        what: format!("holds surface {}, the config names {surface}", genesis.surface_id),
        help: "compare the member's stable_id and surface with what the folder was made with",
    })
}

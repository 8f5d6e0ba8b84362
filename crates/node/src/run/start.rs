use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use holobiont_archive::{Held, Observer, Server, ServerParts, Stop};
use holobiont_attestation_tls::{BootKey, Endpoint};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::admission::Attested;
use super::counters::{Counters, Verified, Watcher};
use super::feeding::{Feeder, Node};
use super::keeping::{End, Keeper};
use super::links::Links;
use super::loaded::Loaded;
use super::running::Running;
use super::sources::Sources;
use super::stored::Stored;
use super::surfaces::Shelves;
use super::terms::TermBook;
use super::trust::Trust;
use super::wiring::{
    addresses, boot_key, committee_routes, endpoint, own_platform, shelves, start_node, term_book,
};
use super::{drain, listening, logging, ops, query};
use crate::failure::Failure;

/// How often the reactor shows that it turns, in milliseconds.
const BEAT_MS: u64 = 500;

/// How long what runs beside the reactor may take after the drain, in milliseconds.
const LEFT_BEHIND_MS: u64 = 1_000;

/// Runs a node until it is told to end, or cannot go on.
pub(crate) fn run(loaded: Loaded) -> Result<(), Failure> {
    logging::start(loaded.log, loaded.simulated)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::unexpected)?;
    let ended = runtime.block_on(async move {
        let started = Started::new(loaded).await?;
        drain::until_the_end(started).await
    });
    // What a drain has not waited for does not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(LEFT_BEHIND_MS));
    ended
}

/// A node that was started, with what ends it.
pub(super) struct Started {
    pub(super) loaded: Loaded,
    pub(super) running: Arc<Running>,
    pub(super) terms: Arc<TermBook>,
    pub(super) links: Links,
    pub(super) server: Server,
    pub(super) end: watch::Receiver<Option<End>>,
    /// Ends feeders: what comes from members.
    pub(super) feeding: Stop,
    pub(super) feeders: JoinSet<()>,
    /// Ends everything else.
    pub(super) stop: Stop,
    pub(super) others: JoinSet<()>,
    /// This node's own place in the book of machines.
    _platform: Option<Held>,
}

/// What a node stands on: who it is on the network, and who the others are.
pub(super) struct Ground {
    pub(super) boot_key: BootKey,
    endpoint: Endpoint,
    pub(super) terms: Arc<TermBook>,
    pub(super) counters: Arc<Counters>,
    observer: Arc<dyn Observer>,
    attested: Arc<Attested>,
    pub(super) links: Links,
    /// Organism time, in seconds since 1970, for the clock that verdicts are judged at.
    pub(super) time_s: Arc<AtomicU64>,
    platform: Option<Held>,
}

impl Started {
    async fn new(loaded: Loaded) -> Result<Self, Failure> {
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let Listeners { committee, ops, query } = Listeners::bind(&loaded).await?;
        let trust = Arc::new(Trust::open(&loaded)?);
        let stored = Stored::open(&loaded)?;
        let ground = Ground::new(&loaded, &trust, &stored).await?;
        let Ground { terms, links, .. } = &ground;
        let node = start_node(&loaded, &stored, &trust, &ground).await?;
        ground.attested.tell(&node, &ground.links);
        let running = Arc::new(running(&loaded, &trust, &stored, &ground, node));
        let stop = Stop::default();
        let shelves = shelves(&running, &loaded, &stored);
        let at = loaded.config.listen.committee;
        let parts = ground.server(&running, shelves, &stop);
        let server = Server::start(committee, parts).map_err(listen(at))?;
        let (ended, end) = watch::channel(None);
        let mut others = JoinSet::new();
        others.spawn(beating(Arc::clone(&running), stop.clone()));
        let routes = ops::routes(Arc::clone(&running));
        others.spawn(listening::serve(ops, routes, stop.clone()));
        if let Some(listener) = query {
            let routes = query::routes(Arc::clone(&running));
            others.spawn(listening::serve(listener, routes, stop.clone()));
        }
        let keeper = Keeper {
            running: Arc::clone(&running),
            terms: Arc::clone(terms),
            links: links.clone(),
            time_s: Arc::clone(&ground.time_s),
            disk_bytes: loaded.config.budget.disk_bytes,
            end: ended,
            stop: stop.clone(),
        };
        others.spawn(keeper.run());
        links.greet();
        let feeding = Stop::default();
        let feeders = feed(&loaded, &stored, &ground, &running, &feeding);
        tracing::info!(
            node = %loaded.config.node,
            organism = loaded.organism.name,
            committee = %server.address(),
            ops = %loaded.config.listen.ops,
            "the node runs"
        );
        let Ground { terms, links, platform, .. } = ground;
        let _platform = platform;
        Ok(Self {
            loaded,
            running,
            terms,
            links,
            server,
            end,
            feeding,
            feeders,
            stop,
            others,
            _platform,
        })
    }
}

impl Ground {
    async fn new(loaded: &Loaded, trust: &Arc<Trust>, stored: &Stored) -> Result<Self, Failure> {
        let held = own_platform(loaded, trust, stored).await?;
        let boot_key = boot_key(loaded)?;
        let time_s = Arc::new(AtomicU64::new(0));
        let endpoint = endpoint(&boot_key, trust, &time_s)?;
        let terms = Arc::new(term_book(loaded, trust, stored));
        let platform = held.map(|verdict| terms.platforms.hold(loaded.config.node, &verdict));
        let platform = platform.and_then(Result::ok);
        let (counters, attested) = (Arc::new(Counters::default()), Arc::new(Attested::default()));
        let noting = Arc::clone(&attested);
        let verified: Verified = Box::new(move |node, key| noting.note(node, key));
        let observer: Arc<dyn Observer> =
            Arc::new(Watcher { counters: Arc::clone(&counters), verified: Some(verified) });
        let links = Links::new(
            endpoint.clone(),
            Arc::clone(&terms),
            Arc::clone(&observer),
            Arc::clone(&counters),
        );
        links.set_peers(addresses(loaded));
        Ok(Self {
            boot_key,
            endpoint,
            terms,
            counters,
            observer,
            attested,
            links,
            time_s,
            platform,
        })
    }

    fn server(&self, running: &Arc<Running>, shelves: Shelves, stop: &Stop) -> ServerParts {
        let terms = Arc::clone(&self.terms);
        ServerParts {
            endpoint: self.endpoint.clone(),
            sessions: Arc::new(move || terms.committee(None)),
            router: committee_routes(running, shelves, &self.terms, &self.observer, stop),
            book: self.terms.platforms.clone(),
            observer: Arc::clone(&self.observer),
            stop: stop.clone(),
        }
    }
}

fn running(
    loaded: &Loaded,
    trust: &Arc<Trust>,
    stored: &Stored,
    ground: &Ground,
    node: Node,
) -> Running {
    Running {
        node,
        node_id: loaded.config.node,
        boot_key: ground.boot_key.ed25519(),
        trust: Arc::clone(trust),
        configs: Arc::clone(&stored.configs),
        copies: Arc::clone(&stored.copies),
        counters: Arc::clone(&ground.counters),
        sources: Arc::new(Sources::default()),
        certificates: Arc::clone(&stored.certificates),
        log: Arc::clone(&stored.log),
        output: Arc::clone(&stored.output),
        shown: Shelves::default(),
        data_dir: loaded.data(""),
        draining: AtomicBool::new(false),
        started: Instant::now(),
        beat_ms: AtomicU64::new(0),
        long_answers: Running::long_answers(),
        orders: Default::default(),
    }
}

/// One feeder a member.
fn feed(
    loaded: &Loaded,
    stored: &Stored,
    ground: &Ground,
    running: &Running,
    stop: &Stop,
) -> JoinSet<()> {
    // Producers are no peers: their keys say nothing to the committee.
    let producers: Arc<dyn Observer> =
        Arc::new(Watcher { counters: Arc::clone(&ground.counters), verified: None });
    let mut feeders = JoinSet::new();
    for (place, member) in (0_u16..).zip(&stored.first.organism.members) {
        let feeder = Feeder {
            place,
            name: member.name.clone(),
            surface: member.surface_id(),
            source: loaded.config.source(&member.name).map(|source| source.kind.clone()),
            base: loaded.path(""),
            data_dir: loaded.data(""),
            ahead_bytes: loaded.config.budget.ahead_bytes,
            starts: Default::default(),
            endpoint: ground.endpoint.clone(),
            terms: Arc::clone(&ground.terms),
            observer: Arc::clone(&producers),
            node: running.node.clone(),
            copies: Arc::clone(&stored.copies),
            links: ground.links.clone(),
            sources: Arc::clone(&running.sources),
            stop: stop.clone(),
        };
        feeders.spawn(feeder.run());
    }
    feeders
}

/// Every socket, before anything else: an address that is taken is the likeliest mistake.
struct Listeners {
    committee: TcpListener,
    ops: TcpListener,
    query: Option<TcpListener>,
}

impl Listeners {
    async fn bind(loaded: &Loaded) -> Result<Self, Failure> {
        let addresses = &loaded.config.listen;
        let bind =
            async |address: SocketAddr| TcpListener::bind(address).await.map_err(listen(address));
        let query = match addresses.query {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        Ok(Self {
            committee: bind(addresses.committee).await?,
            ops: bind(addresses.ops).await?,
            query,
        })
    }
}

fn listen(address: SocketAddr) -> impl FnOnce(std::io::Error) -> Failure {
    move |source| Failure::Listen { address, source }
}

async fn beating(running: Arc<Running>, stop: Stop) {
    while !stop.is_stopped() {
        running.beat();
        sleep(Duration::from_millis(BEAT_MS)).await;
    }
}

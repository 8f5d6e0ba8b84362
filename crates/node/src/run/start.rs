use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use axum::{Extension, Router};
use holobiont_archive::{
    Observer, PeerInfo, RosterGate, Served, Server, ServerParts, Stop, SurfaceRoutes,
    surface_routes,
};
use holobiont_attestation_tls::{BootKey, Clock, Endpoint, Limits};
use holobiont_committee::{Configs, ExportStart, MAX_ENROLMENT_BYTES, MachineEvent, Signer};
use holobiont_committee_fold::{CopyOptions, Copies, FolderOptions};
use holobiont_committee_raft::{Node, Parts, Settings};
use holobiont_committee_store::Directory;
use holobiont_identity::{Digest, Organism, UniqueId};
use holobiont_policy::Roster;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::certificates::CertificateBook;
use super::configs::ConfigFolder;
use super::counters::{Counters, Watcher};
use super::feeding::Feeder;
use super::admission::{Attested, enrolments};
use super::keeping::{End, Keeper};
use super::links::{COMMITTEE_PATH, Links};
use super::loaded::Loaded;
use super::log_archive::LogArchive;
use super::output::Output;
use super::running::Running;
use super::sources::Sources;
use super::surfaces::{CopyServed, Shelved, Shelves};
use super::terms::TermBook;
use super::trust::Trust;
use super::{drain, logging, ops, query};
use crate::failure::{Failure, InputPlace};
use crate::files;
use crate::now::{now_ms, now_s};

/// How often the reactor shows that it turns, in milliseconds.
const BEAT_MS: u64 = 500;
/// Largest key file, in bytes.
const MAX_KEY_FILE_BYTES: u64 = 256;
/// Largest record of how the committee began, in bytes.
const MAX_FIRST_BYTES: u64 = 64 << 10;

/// Runs a node until it is told to end, or cannot go on.
pub(crate) fn run(loaded: Loaded) -> Result<(), Failure> {
    logging::start(loaded.log, loaded.simulated)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::unexpected)?;
    runtime.block_on(async move {
        let started = Started::new(loaded).await?;
        drain::until_the_end(started).await
    })
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
}

/// What the committee's log begins with.
struct First {
    organism: Arc<Organism>,
    roster: Roster,
}

/// The same as it is kept beside the log.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    content_hash: Digest,
    roster: Vec<UniqueId>,
}

/// What is on this node's disk, but for its log.
struct Stored {
    configs: Arc<ConfigFolder>,
    first: First,
    copies: Arc<Copies>,
    certificates: Arc<CertificateBook>,
    log: Arc<LogArchive>,
    output: Arc<Output>,
}

impl Started {
    async fn new(loaded: Loaded) -> Result<Self, Failure> {
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let listeners = Listeners::bind(&loaded).await?;
        let trust = Arc::new(Trust::open(&loaded)?);
        let stored = Stored::open(&loaded)?;
        let boot_key = boot_key(&loaded)?;
        let time_s = Arc::new(AtomicU64::new(0));
        let endpoint = endpoint(&boot_key, &trust, &time_s)?;
        let named = loaded.config.peers.iter().map(|peer| peer.node).collect();
        let terms = Arc::new(term_book(&loaded, &trust, &stored, named));
        let (counters, attested) = (Arc::new(Counters::default()), Arc::new(Attested::default()));
        let noting = Arc::clone(&attested);
        let verified = Box::new(move |node, key| noting.note(node, key));
        let observer: Arc<dyn Observer> =
            Arc::new(Watcher { counters: Arc::clone(&counters), verified });
        let links = Links::new(
            endpoint.clone(),
            Arc::clone(&terms),
            Arc::clone(&observer),
            Arc::clone(&counters),
        );
        links.set_peers(addresses(&loaded));
        let node = start_node(&loaded, &stored, &boot_key, &terms, &links, &counters).await?;
        attested.tell(&node);
        let running = Arc::new(Running {
            node: node.clone(),
            node_id: loaded.config.node,
            boot_key: boot_key.ed25519(),
            trust: Arc::clone(&trust),
            configs: Arc::clone(&stored.configs),
            copies: Arc::clone(&stored.copies),
            counters: Arc::clone(&counters),
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
        });
        let stop = Stop::default();
        let shelves = shelves(&running, &loaded, &stored);
        let server = ServerParts {
            endpoint: endpoint.clone(),
            sessions: {
                let terms = Arc::clone(&terms);
                Arc::new(move || terms.committee(None))
            },
            router: committee_routes(&running, shelves, &terms, &observer, &stop),
            book: terms.platforms.clone(),
            observer: Arc::clone(&observer),
            stop: stop.clone(),
        };
        let committee = listeners.committee;
        let server = Server::start(committee, server).map_err(listen(loaded.config.listen.committee))?;
        let (ended, end) = watch::channel(None);
        let mut others = JoinSet::new();
        others.spawn(beating(Arc::clone(&running), stop.clone()));
        others.spawn(serving(listeners.ops, ops::routes(Arc::clone(&running)), stop.clone()));
        if let Some(listener) = listeners.query {
            others.spawn(serving(listener, query::routes(Arc::clone(&running)), stop.clone()));
        }
        let keeper = Keeper {
            running: Arc::clone(&running),
            terms: Arc::clone(&terms),
            links: links.clone(),
            time_s,
            disk_bytes: loaded.config.budget.disk_bytes,
            end: ended,
            stop: stop.clone(),
        };
        others.spawn(keeper.run());
        links.greet();
        let feeding = Stop::default();
        let mut feeders = JoinSet::new();
        for (place, member) in (0_u16..).zip(&stored.first.organism.members) {
            let feeder = Feeder {
                place,
                name: member.name.clone(),
                surface: member.surface_id(),
                source: loaded.config.source(&member.name).map(|source| source.kind.clone()),
                base: loaded.path(""),
                endpoint: endpoint.clone(),
                terms: Arc::clone(&terms),
                observer: Arc::clone(&observer),
                node: node.clone(),
                copies: Arc::clone(&stored.copies),
                links: links.clone(),
                sources: Arc::clone(&running.sources),
                stop: feeding.clone(),
            };
            feeders.spawn(feeder.run());
        }
        tracing::info!(
            node = %loaded.config.node,
            organism = loaded.organism.name,
            committee = %server.address(),
            ops = %loaded.config.listen.ops,
            "the node runs"
        );
        Ok(Self { loaded, running, terms, links, server, end, feeding, feeders, stop, others })
    }
}

impl Stored {
    fn open(loaded: &Loaded) -> Result<Self, Failure> {
        let data_dir = loaded.data("");
        std::fs::create_dir_all(&data_dir).map_err(Failure::io(&data_dir, "creating"))?;
        let configs = Arc::new(ConfigFolder::open(&loaded.data("configs"))?);
        configs.take_in(&loaded.organism, &loaded.organism_text)?;
        let first = First::of(loaded, &configs)?;
        let content_hash = first.organism.content_hash();
        let (copies, recoveries) =
            Copies::open(&first.organism, &loaded.data("members"), CopyOptions::default())?;
        for recovery in recoveries {
            tracing::info!(?recovery, "a copy was opened again");
        }
        let start = ExportStart::First { content_hash, roster: first.roster.clone() };
        let surface_id = first.organism.output_surface_id();
        Ok(Self {
            certificates: Arc::new(CertificateBook::open(&loaded.data("certificates"))?),
            log: Arc::new(LogArchive::open(&loaded.data("cuts"), start)?),
            output: Output::new(&loaded.data("output"), surface_id),
            copies: Arc::new(copies),
            configs,
            first,
        })
    }
}

impl First {
    /// What this node's log began with: what was noted then, or what is configured now.
    fn of(loaded: &Loaded, configs: &ConfigFolder) -> Result<Self, Failure> {
        let file = loaded.data("first.json");
        if !file.is_file() {
            let content_hash = loaded.organism.content_hash();
            let roster = loaded.roster.nodes().to_vec();
            let recorded = Recorded { content_hash, roster };
            let text = serde_json::to_vec_pretty(&recorded).map_err(Failure::unexpected)?;
            files::replace(&file, &text)?;
            let organism = Arc::clone(&loaded.organism);
            return Ok(Self { organism, roster: loaded.roster.clone() });
        }
        let wrong = |what: String, help| Failure::Input {
            file: file.clone(),
            place: InputPlace::default(),
            what,
            help,
        };
        let recorded: Recorded =
            serde_json::from_slice(&files::read_bytes(&file, MAX_FIRST_BYTES)?).map_err(|error| {
                wrong(error.to_string(), "it says how this node's log began: restore it")
            })?;
        let Recorded { content_hash, roster } = recorded;
        let organism = configs.organism(&content_hash).ok_or_else(|| {
            let what = format!("names the config {content_hash}, which is not in configs/");
            wrong(what, "put the organism.toml that the committee began with there")
        })?;
        if organism.stable_id() != loaded.organism.stable_id() {
            return Err(wrong(
                format!("is of organism {}, not of {}", organism.name, loaded.organism.name),
                "name another data_dir for another organism",
            ));
        }
        let roster = Roster::new(roster)
            .map_err(|error| wrong(error.to_string(), "restore it from a copy"))?;
        if roster.digest() != loaded.roster.digest() {
            return Err(wrong(
                "has another roster than roster.toml".to_owned(),
                "the first roster stays; later ones come by orders",
            ));
        }
        Ok(Self { organism, roster })
    }
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
        let bind = async |address: SocketAddr| TcpListener::bind(address).await.map_err(listen(address));
        let query = match addresses.query {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        Ok(Self { committee: bind(addresses.committee).await?, ops: bind(addresses.ops).await?, query })
    }
}

fn listen(address: SocketAddr) -> impl FnOnce(std::io::Error) -> Failure {
    move |source| Failure::Listen { address, source }
}

struct BootSigner(BootKey);

impl Signer for BootSigner {
    fn public(&self) -> [u8; 32] {
        self.0.ed25519()
    }

    fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes)
    }
}

fn boot_key(loaded: &Loaded) -> Result<BootKey, Failure> {
    let Some(file) = loaded.config.key_file.as_ref().map(|file| loaded.path(file)) else {
        return BootKey::generate().map_err(Failure::unexpected);
    };
    BootKey::from_seed(&seed(&file)?).map_err(Failure::unexpected)
}

/// A key's seed in a file: 64 hex digits, and white space around them.
pub(crate) fn seed(file: &Path) -> Result<[u8; 32], Failure> {
    let text = files::read_text(file, MAX_KEY_FILE_BYTES)?;
    let mut seed = [0; 32];
    hex::decode_to_slice(text.trim(), &mut seed).map_err(|_| Failure::Input {
        file: file.to_owned(),
        place: InputPlace::default(),
        what: "is no key: it must be 64 hex digits".to_owned(),
        help: "make one with `openssl rand -hex 32`",
    })?;
    Ok(seed)
}

fn endpoint(key: &BootKey, trust: &Arc<Trust>, time_s: &Arc<AtomicU64>) -> Result<Endpoint, Failure> {
    let (marks, time_s) = (trust.marks.clone(), Arc::clone(time_s));
    // A host can set its guest's clock back, but not what was proved meanwhile.
    let clock: Arc<dyn Clock> = Arc::new(move || {
        now_s().max(marks.now().floor_s()).max(time_s.load(Ordering::Relaxed))
    });
    Endpoint::new(key, trust.simulated, clock, Limits::default()).map_err(Failure::unexpected)
}

fn term_book(
    loaded: &Loaded,
    trust: &Arc<Trust>,
    stored: &Stored,
    named: BTreeSet<UniqueId>,
) -> TermBook {
    let First { organism, roster } = &stored.first;
    let terms = TermBook::new(
        loaded.config.node,
        Arc::clone(trust),
        Arc::clone(organism),
        roster.clone(),
        named,
    );
    for other in stored.configs.others(&organism.content_hash()) {
        terms.holds(other);
    }
    terms
}

pub(super) fn addresses(loaded: &Loaded) -> Vec<(UniqueId, String)> {
    let peers = loaded.config.peers.iter();
    peers.map(|peer| (peer.node, peer.address.clone())).collect()
}

async fn start_node(
    loaded: &Loaded,
    stored: &Stored,
    boot_key: &BootKey,
    terms: &Arc<TermBook>,
    links: &Links,
    counters: &Arc<Counters>,
) -> Result<super::feeding::Node, Failure> {
    let enrolment = match &loaded.config.enrolment_file {
        Some(file) => {
            let limit_bytes = u64::try_from(MAX_ENROLMENT_BYTES).unwrap_or(u64::MAX);
            files::read_bytes(&loaded.path(file), limit_bytes)?
        }
        None => Vec::new(),
    };
    let (certificates, counters) = (Arc::clone(&stored.certificates), Arc::clone(counters));
    let listener = move |index: u64, event: &MachineEvent| match event {
        MachineEvent::Certified(certificate) => {
            counters.certificate();
            if let Err(error) = certificates.keep(certificate) {
                tracing::error!(%error, cut = certificate.statement.cut, "a certificate is not kept");
            }
        }
        MachineEvent::Ignored(why) => tracing::debug!(index, %why, "an entry had no effect"),
        event => tracing::info!(index, ?event, "in the committee's log"),
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut settings = Settings::new(loaded.config.node);
    settings.snapshot_every_cuts = loaded.config.snapshot.every_cuts;
    let node = Node::start(Parts {
        settings,
        organism: Arc::clone(&stored.first.organism),
        roster: stored.first.roster.clone(),
        configs: Arc::clone(&stored.configs) as Arc<dyn Configs>,
        signer: Arc::new(BootSigner(boot_key.clone())),
        enrolment,
        enrolments: enrolments(terms),
        disk: Arc::new(Directory::open(&loaded.data("log")).map_err(holobiont_committee_raft::NodeError::from)?),
        transport: links.clone(),
        copies: Arc::clone(&stored.copies),
        folder: FolderOptions {
            output_dir: loaded.data("output"),
            memory_budget_bytes: loaded.config.budget.memory_bytes,
            threads,
        },
        now_ms: Arc::new(now_ms),
        listener: Arc::new(listener),
    });
    Ok(node.await?)
}

/// What is on this node's shelves: for the committee everything, for everybody what may be shown.
fn shelves(running: &Running, loaded: &Loaded, stored: &Stored) -> Shelves {
    let organism = &stored.first.organism;
    let output: Arc<dyn Served> = Arc::clone(&running.output) as _;
    let mut all = Shelved::from([(organism.output_surface_id(), output)]);
    if !loaded.config.query.members {
        running.shown.set(all.clone());
    }
    for copy in CopyServed::all(&stored.copies, organism, &loaded.data("members")) {
        all.insert(copy.surface_id(), copy);
    }
    if loaded.config.query.members {
        running.shown.set(all.clone());
    }
    let shelves = Shelves::default();
    shelves.set(all);
    shelves
}

/// What the committee's other nodes may ask.
fn committee_routes(
    running: &Arc<Running>,
    shelves: Shelves,
    terms: &Arc<TermBook>,
    observer: &Arc<dyn Observer>,
    stop: &Stop,
) -> Router {
    let of_roster = Arc::clone(terms);
    let gate = RosterGate::new(move |node: &UniqueId| of_roster.is_of_roster(node));
    let surfaces = SurfaceRoutes {
        shelf: Arc::new(shelves),
        gate: Arc::new(gate),
        observer: Arc::clone(observer),
        stop: stop.clone(),
    };
    let log = Router::new()
        .route(COMMITTEE_PATH, post(answer))
        .with_state(Arc::clone(running));
    log.merge(surface_routes(surfaces))
}

async fn answer(
    State(running): State<Arc<Running>>,
    Extension(peer): Extension<Arc<PeerInfo>>,
    body: Bytes,
) -> Vec<u8> {
    let answer = running.node.answer(peer.node, body.into()).await;
    running.counters.rpc("received", "answered");
    answer
}

async fn beating(running: Arc<Running>, stop: Stop) {
    while !stop.is_stopped() {
        running.beat();
        sleep(Duration::from_millis(BEAT_MS)).await;
    }
}

async fn serving(listener: TcpListener, router: Router, stop: Stop) {
    let ended = async move { stop.stopped().await };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(ended).await {
        tracing::error!(%error, "a listener has ended");
    }
}

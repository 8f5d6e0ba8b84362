use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Extension, Router};
use holobiont_archive::{
    Gate, Observer, PeerInfo, Problem, RosterGate, Served, Stop, SurfaceRoutes, surface_routes,
};
use holobiont_attestation::Verdict;
use holobiont_attestation_tls::{BootKey, Clock, Endpoint, Limits};
use holobiont_committee::{
    Configs, MAX_BOOT_QUOTE_BYTES, MAX_ENROLMENT_BYTES, MachineEvent, Signer,
};
use holobiont_committee_fold::FolderOptions;
use holobiont_committee_raft::{Node, NodeError, Parts, Settings};
use holobiont_committee_store::Directory;
use holobiont_identity::UniqueId;
use holobiont_identity::pins::COMMITTEE_SURFACE;

use super::admission::{boot_quotes, enrolments};
use super::links::COMMITTEE_PATH;
use super::loaded::Loaded;
use super::running::Running;
use super::start::Ground;
use super::stored::{First, Stored};
use super::surfaces::{CopyServed, Shelved, Shelves};
use super::terms::{TermBook, committee_pins};
use super::trust::Trust;
use crate::boot_quote;
use crate::failure::{Failure, InputPlace};
use crate::files;
use crate::now::{now_ms, now_s};

/// Largest key file, in bytes.
const MAX_KEY_FILE_BYTES: u64 = 256;

/// What others will make of this node, told before they do; its machine counts as taken.
pub(super) async fn own_platform(
    loaded: &Loaded,
    trust: &Arc<Trust>,
    stored: &Stored,
) -> Result<Option<Verdict>, Failure> {
    let Some(pins) = stored.first.organism.pins(COMMITTEE_SURFACE).cloned() else {
        return Ok(None);
    };
    let trust = Arc::clone(trust);
    let judged = tokio::task::spawn_blocking(move || trust.own_verdict(&pins)).await;
    let verdict = judged.map_err(Failure::unexpected)??;
    if let Some(reason) = verdict.reason() {
        let node = loaded.config.node;
        tracing::error!(%node, %reason, "this node does not meet the committee's pins: peers will refuse it");
        return Ok(None);
    }
    Ok(Some(verdict))
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

pub(super) fn boot_key(loaded: &Loaded) -> Result<BootKey, Failure> {
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

pub(super) fn endpoint(
    key: &BootKey,
    trust: &Arc<Trust>,
    time_s: &Arc<AtomicU64>,
) -> Result<Endpoint, Failure> {
    let (marks, time_s) = (trust.marks.clone(), Arc::clone(time_s));
    // A host can set its guest's clock back, but not what was proved meanwhile.
    let clock: Arc<dyn Clock> =
        Arc::new(move || now_s().max(marks.now().floor_s()).max(time_s.load(Ordering::Relaxed)));
    Endpoint::new(key, trust.simulated, clock, Limits::default()).map_err(Failure::unexpected)
}

pub(super) fn term_book(loaded: &Loaded, trust: &Arc<Trust>, stored: &Stored) -> TermBook {
    let named: BTreeSet<UniqueId> = loaded.config.peers.iter().map(|peer| peer.node).collect();
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

/// The evidence that this boot's key was made in this guest, as it goes into the committee's log.
async fn own_quote(
    loaded: &Loaded,
    stored: &Stored,
    boot_key: &BootKey,
    enrolment: &[u8],
    trust: &Arc<Trust>,
) -> Result<Vec<u8>, Failure> {
    let organism = &stored.first.organism;
    let with_log = boot_quote::asks_for_log(&committee_pins(organism));
    let binding = boot_quote::binding(
        trust.simulated,
        &organism.stable_id(),
        &loaded.config.node,
        &boot_key.ed25519(),
        enrolment,
    );
    let trust = Arc::clone(trust);
    let made = tokio::task::spawn_blocking(move || trust.evidence(&binding, with_log)).await;
    let quote = made.map_err(Failure::unexpected)??.encode().map_err(Failure::unexpected)?;
    if quote.len() > MAX_BOOT_QUOTE_BYTES {
        return Err(Failure::NotReady {
            what: format!(
                "this guest's quote and event log have {} bytes, and the committee's log takes \
                 {MAX_BOOT_QUOTE_BYTES}: pin registers in place of events, or boot with a shorter \
                 event log",
                quote.len()
            ),
        });
    }
    Ok(quote)
}

pub(super) async fn start_node(
    loaded: &Loaded,
    stored: &Stored,
    trust: &Arc<Trust>,
    ground: &Ground,
) -> Result<super::feeding::Node, Failure> {
    let enrolment = match &loaded.config.enrolment_file {
        Some(file) => {
            let limit_bytes = u64::try_from(MAX_ENROLMENT_BYTES).unwrap_or(u64::MAX);
            files::read_bytes(&loaded.path(file), limit_bytes)?
        }
        None => Vec::new(),
    };
    let Ground { boot_key, terms, links, counters, time_s, .. } = ground;
    let quote = own_quote(loaded, stored, boot_key, &enrolment, trust).await?;
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
        quote,
        quotes: boot_quotes(terms, trust, time_s),
        disk: Arc::new(Directory::open(&loaded.data("log")).map_err(NodeError::from)?),
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
pub(super) fn shelves(running: &Running, loaded: &Loaded, stored: &Stored) -> Shelves {
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

/// Who may read records of members: a boot of a node of the roster that the others have admitted,
/// where the organism's operators enrol nodes. A node id alone is anybody's to claim who runs the
/// image.
struct AdmittedGate {
    running: Arc<Running>,
    terms: Arc<TermBook>,
}

impl Gate for AdmittedGate {
    fn admit(&self, peer: &PeerInfo, id: &UniqueId, bearer: Option<&str>) -> Result<(), Problem> {
        RosterGate::new(|node: &UniqueId| self.terms.is_of_roster(node)).admit(peer, id, bearer)?;
        let is_admitted = self.running.node.with_machine(|machine| {
            let active = machine.place_of(&peer.node).and_then(|place| machine.active_key(place));
            machine.organism().acl.operators.is_empty()
                || (active.is_some() && active == peer.boot_key.as_ref())
        });
        if is_admitted {
            return Ok(());
        }
        let detail = format!("this boot of node {} is not admitted by the others", peer.node);
        Err(Problem::new(403, "not-admitted", detail))
    }
}

/// What the committee's other nodes may ask.
pub(super) fn committee_routes(
    running: &Arc<Running>,
    shelves: Shelves,
    terms: &Arc<TermBook>,
    observer: &Arc<dyn Observer>,
    stop: &Stop,
) -> Router {
    let gate = AdmittedGate { running: Arc::clone(running), terms: Arc::clone(terms) };
    let surfaces = SurfaceRoutes {
        shelf: Arc::new(shelves),
        gate: Arc::new(gate),
        observer: Arc::clone(observer),
        stop: stop.clone(),
    };
    let log = Router::new()
        .route(COMMITTEE_PATH, get(async || "").post(answer))
        .with_state(Arc::clone(running));
    log.merge(surface_routes(surfaces))
}

async fn answer(
    State(running): State<Arc<Running>>,
    Extension(peer): Extension<Arc<PeerInfo>>,
    body: Bytes,
) -> Result<Vec<u8>, StatusCode> {
    let speaker = super::feeding::Node::speaker(&body);
    if speaker.is_none() || speaker != peer.boot_key {
        running.counters.rpc("received", "refused");
        return Err(StatusCode::FORBIDDEN);
    }
    let answer = running.node.answer(peer.node, body.into()).await;
    running.counters.rpc("received", "answered");
    Ok(answer)
}

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use holobiont_archive::{Served, Shelf as _};
use holobiont_committee::ExportError;
use holobiont_committee_fold::Copies;
use holobiont_committee_raft::{Role, Signing, Status};
use holobiont_identity::UniqueId;
use holobiont_surface::Surface;

use super::certificates::CertificateBook;
use super::configs::ConfigFolder;
use super::counters::Counters;
use super::feeding::Node;
use super::health::{self, Check, Vitals};
use super::log_archive::LogArchive;
use super::metrics::Scraped;
use super::orders::Orders;
use super::output::Output;
use super::places::{NoPlace, Place, Places};
use super::sources::Sources;
use super::surfaces::Shelves;
use super::told::{TellCertified, TellMember, Told, role_word, signing_cut, signing_word};
use super::trust::Trust;
use crate::now::{now_ms, now_s};

/// Long answers (surfaces, exports) that are given at a time: each holds a thread.
const MAX_LONG_ANSWERS: usize = 32;
/// Long answers to one address at a time.
const MAX_LONG_ANSWERS_PER_ADDRESS: usize = 8;

/// A node that runs, as its listeners see it.
pub(crate) struct Running {
    pub(super) node: Node,
    pub(super) node_id: UniqueId,
    pub(super) boot_key: [u8; 32],
    pub(super) trust: Arc<Trust>,
    pub(super) configs: Arc<ConfigFolder>,
    pub(super) copies: Arc<Copies>,
    pub(super) counters: Arc<Counters>,
    pub(super) sources: Arc<Sources>,
    pub(super) certificates: Arc<CertificateBook>,
    pub(super) log: Arc<LogArchive>,
    pub(super) output: Arc<Output>,
    /// What anybody may read.
    pub(super) shown: Shelves,
    pub(super) data_dir: PathBuf,
    pub(super) draining: AtomicBool,
    pub(super) started: Instant,
    /// When the reactor last turned, in milliseconds since the start.
    pub(super) beat_ms: AtomicU64,
    pub(super) long_answers: Arc<Places>,
    pub(super) orders: Orders,
}

impl Running {
    pub(super) fn long_answers() -> Arc<Places> {
        Places::new(MAX_LONG_ANSWERS, MAX_LONG_ANSWERS_PER_ADDRESS)
    }

    pub(crate) const fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) const fn configs(&self) -> &Arc<ConfigFolder> {
        &self.configs
    }

    pub(crate) const fn certificates(&self) -> &Arc<CertificateBook> {
        &self.certificates
    }

    pub(crate) const fn output(&self) -> &Arc<Output> {
        &self.output
    }

    pub(crate) fn is_simulated(&self) -> bool {
        self.trust.simulated
    }

    /// A place for one long answer; none where too many are under way.
    pub(crate) fn long_answer(&self, to: IpAddr) -> Result<Place, NoPlace> {
        self.long_answers.take(to)
    }

    /// A surface that anybody may read.
    pub(crate) fn shown(&self, id: &UniqueId) -> Option<Arc<dyn Served>> {
        self.shown.surface(id)
    }

    /// The reactor turns.
    pub(super) fn beat(&self) {
        self.beat_ms.store(self.up_ms(), Ordering::Relaxed);
    }

    /// For how long the reactor has not turned, in milliseconds.
    pub(crate) fn still_ms(&self) -> u64 {
        self.up_ms().saturating_sub(self.beat_ms.load(Ordering::Relaxed))
    }

    /// Writes the committee's signed log.
    pub(crate) fn export<W: io::Write>(&self, out: W, from: u64) -> Result<W, ExportError> {
        self.log.export(out, &self.configs.texts(), from)
    }

    pub(crate) fn checks(&self) -> Vec<Check> {
        self.checks_of(&self.node.status())
    }

    fn checks_of(&self, status: &Status) -> Vec<Check> {
        health::checks(&self.vitals(status))
    }

    fn vitals(&self, status: &Status) -> Vitals {
        let (nodes, majority, key_active) = self.node.with_machine(|machine| {
            let roster = machine.roster();
            let active = status.place.and_then(|place| machine.active_key(place));
            (roster.nodes().len(), roster.majority(), active == Some(&self.boot_key))
        });
        let (sources, sources_down) = self.sources.down();
        let signing = match &status.signing {
            Signing::Signs => None,
            Signing::Waits(why) => Some((*why).to_owned()),
            Signing::Fenced => Some("a newer boot of this node was admitted: end this one".into()),
            Signing::Contradicted { cut } => Some(format!(
                "its disk differs from what the committee has at cut {cut}: start it with an empty \
                 data folder"
            )),
            Signing::Diverged { cut } => Some(format!(
                "its result of cut {cut} differs from the certificate: keep its state, and look \
                 into it with `holobiont audit`"
            )),
            Signing::Split { cut } => {
                Some(format!("no result of cut {cut} can be certified: keep every node's state"))
            }
        };
        Vitals {
            draining: self.draining.load(Ordering::Relaxed),
            failed: status.failed.clone(),
            nodes: count(nodes),
            connected: count(self.counters.now().peers.len()),
            majority: count(majority),
            collateral_ends_s: self.trust.collateral.next_update_s(),
            quoted: self.trust.quoted_s.load(Ordering::Relaxed) > 0,
            recalling: status.role == Role::Recalling,
            leader_known: status.leader.is_some(),
            key_active,
            active_keys: count(status.active_keys.iter().filter(|active| **active).count()),
            committed: status.committed,
            applied: status.applied,
            folded: status.folded,
            missing: count(status.needs.len()),
            sources_down,
            sources,
            free_bytes: self.free_bytes(),
            signing,
            now_ms: now_ms(),
            time_ms: status.time_ms,
        }
    }

    fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(&self.data_dir).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// All that `/v1/status` tells.
    pub(crate) fn told(&self) -> Told {
        let status = self.node.status();
        let sources = self.sources.words();
        let ready = self.checks_of(&status).iter().all(|check| check.wrong.is_none());
        let counted = self.counters.now();
        self.node.with_machine(|machine| {
            let organism = machine.organism();
            let roster = machine.roster().nodes();
            let certified = machine.latest_certificate().map(|certificate| TellCertified {
                cut: certificate.statement.cut,
                log_index: certificate.statement.log_index,
                output: certificate.statement.output,
                state_digest: certificate.statement.state_digest,
                log_digest: certificate.statement.log_digest,
                signed_by: certificate.signatures.iter().map(|it| it.node).collect(),
            });
            let members = (0_u16..).zip(status.members.iter().zip(&organism.members));
            Told {
                schema: Told::SCHEMA.to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                simulated: self.trust.simulated,
                node: self.node_id,
                organism: organism.name.clone(),
                stable_id: organism.stable_id(),
                content_hash: organism.content_hash(),
                output_surface: organism.output_surface_id(),
                roster: roster.to_vec(),
                roster_number: machine.roster_number(),
                roster_digest: machine.roster().digest(),
                certificate_quorum: count(machine.certificate_quorum()),
                boot_key: hex::encode(self.boot_key),
                role: role_word(status.role).to_owned(),
                term: status.term,
                leader: status.leader,
                ready,
                last_index: status.last_log.map_or(0, |(_, index)| index),
                committed_index: status.committed,
                applied_index: status.applied,
                folded_index: status.folded,
                cut: status.cut,
                folded_cut: status.folded_cut,
                certified,
                watermark: status.watermark,
                time_ms: status.time_ms,
                tick: status.tick,
                paused: status.paused,
                halted: status.halted,
                signing: signing_word(&status.signing).to_owned(),
                signing_cut: signing_cut(&status.signing),
                rolled_back: status.rolled_back,
                contradicted_by: status.contradicted_by.clone(),
                active_keys: roster
                    .iter()
                    .zip(&status.active_keys)
                    .filter_map(|(node, active)| active.then_some(*node))
                    .collect(),
                connected: counted.peers.keys().copied().collect(),
                log_bytes: status.log_bytes,
                log_entries: status.log_entries,
                failed: status.failed.clone(),
                members: members
                    .map(|(place, (member, config))| {
                        TellMember::of(member, config.surface_id(), sources.get(&place))
                    })
                    .collect(),
                needs: Told::needs_of(&status),
            }
        })
    }

    /// All that `/metrics` shows. Reads files.
    pub(crate) fn scraped(&self) -> Scraped {
        let status = self.node.status();
        let commits = self.output.commits().unwrap_or_else(|error| {
            tracing::warn!(%error, "commits cannot be counted");
            BTreeMap::new()
        });
        let quoted_s = self.trust.quoted_s.load(Ordering::Relaxed);
        Scraped {
            simulated: self.trust.simulated,
            checks: self.checks_of(&status),
            counted: self.counters.now(),
            figures: self.node.store().figures(),
            sources: self.sources.words(),
            copy_bytes: self.copy_bytes(),
            ahead_bytes: self.places().map(|it| (it, self.copies.ahead_bytes(it))).collect(),
            commits,
            output_records: self.output.end(),
            quote_age_s: (quoted_s > 0).then(|| now_s().saturating_sub(quoted_s)),
            collateral_ends_s: self.trust.collateral.next_update_s(),
            free_bytes: self.free_bytes(),
            uptime_s: self.started.elapsed().as_secs(),
            status,
        }
    }

    /// Size of each member's copy in bytes.
    pub(super) fn copy_bytes(&self) -> BTreeMap<u16, u64> {
        let size = |place| {
            let views = self.copies.views(place).ok()?.views;
            Some((place, views.iter().map(Surface::size_bytes).fold(0, u64::saturating_add)))
        };
        self.places().filter_map(size).collect()
    }

    /// Every member's place.
    pub(super) fn places(&self) -> Range<u16> {
        0..u16::try_from(self.copies.len()).unwrap_or(u16::MAX)
    }

    fn up_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn count(many: usize) -> u64 {
    u64::try_from(many).unwrap_or(u64::MAX)
}

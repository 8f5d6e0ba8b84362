use std::collections::BTreeMap;

use holobiont_committee_raft::{MemberStatus, Role, Signing, Status};
use holobiont_identity::{Digest, UniqueId};
use holobiont_surface::Head;
use serde::{Deserialize, Serialize};

/// What `/v1/status` answers, and `holobiont status` reads. Unknown keys are left alone, so that a
/// newer node can say more.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) schema: String,
    pub(crate) version: String,
    /// Whether trust is simulated: then nothing of this proves anything.
    pub(crate) simulated: bool,
    pub(crate) node: UniqueId,
    pub(crate) organism: String,
    pub(crate) stable_id: UniqueId,
    pub(crate) content_hash: Digest,
    pub(crate) output_surface: UniqueId,
    pub(crate) roster: Vec<UniqueId>,
    pub(crate) roster_number: u64,
    pub(crate) roster_digest: Digest,
    pub(crate) certificate_quorum: u64,
    pub(crate) boot_key: String,
    pub(crate) role: String,
    pub(crate) term: u64,
    pub(crate) leader: Option<UniqueId>,
    pub(crate) ready: bool,
    pub(crate) last_index: u64,
    pub(crate) committed_index: u64,
    pub(crate) applied_index: u64,
    pub(crate) folded_index: u64,
    pub(crate) cut: u64,
    pub(crate) folded_cut: u64,
    pub(crate) certified: Option<TellCertified>,
    pub(crate) watermark: Option<u64>,
    pub(crate) time_ms: u64,
    pub(crate) tick: u64,
    pub(crate) paused: bool,
    pub(crate) halted: bool,
    pub(crate) signing: String,
    /// The cut at which others have another state, that this node diverged at, or that the committee
    /// is split over.
    pub(crate) signing_cut: Option<u64>,
    pub(crate) rolled_back: bool,
    /// Nodes that have told of another state than this node has.
    #[serde(default)]
    pub(crate) contradicted_by: Vec<UniqueId>,
    /// Nodes whose boot key is admitted.
    pub(crate) active_keys: Vec<UniqueId>,
    /// Other nodes with an attested connection.
    pub(crate) connected: Vec<UniqueId>,
    pub(crate) log_bytes: u64,
    pub(crate) log_entries: u64,
    pub(crate) failed: Option<String>,
    pub(crate) members: Vec<TellMember>,
    /// What the fold waits for.
    pub(crate) needs: Vec<TellNeed>,
}

/// The newest certificate, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TellCertified {
    pub(crate) cut: u64,
    pub(crate) log_index: u64,
    pub(crate) output: Option<Head>,
    pub(crate) state_digest: Digest,
    pub(crate) log_digest: Digest,
    pub(crate) signed_by: Vec<UniqueId>,
}

/// One member, as a node sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TellMember {
    pub(crate) name: String,
    pub(crate) surface: UniqueId,
    pub(crate) status: String,
    pub(crate) since_tick: u64,
    pub(crate) frontier_seq: Option<u64>,
    pub(crate) frontier_head: Option<Digest>,
    /// In the organism's clock.
    pub(crate) closed_clock: Option<u64>,
    pub(crate) copy_next_seq: u64,
    pub(crate) copy_durable: Option<Head>,
    pub(crate) open_offer: bool,
    pub(crate) flagged_nodes: Vec<u16>,
    /// How this node's own source stands.
    pub(crate) source: String,
    pub(crate) source_says: Option<String>,
}

/// Records that the fold waits for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TellNeed {
    pub(crate) member: u16,
    pub(crate) from_seq: u64,
    pub(crate) to_seq: u64,
}

/// How a source stands, by the member's place.
pub(crate) type SourceWords = BTreeMap<u16, (&'static str, Option<String>)>;

pub(crate) const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Recalling => "recalling",
        Role::Learner => "learner",
        Role::Follower => "follower",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
        Role::Stopped => "stopped",
    }
}

/// Every word of [`role_word`].
pub(crate) const ROLES: [Role; 6] =
    [Role::Recalling, Role::Learner, Role::Follower, Role::Candidate, Role::Leader, Role::Stopped];

/// Every word of [`signing_word`].
pub(crate) const SIGNINGS: [&str; 6] =
    ["waits", "signs", "fenced", "contradicted", "diverged", "split"];

pub(crate) const fn signing_word(signing: &Signing) -> &'static str {
    match signing {
        Signing::Waits(_) => "waits",
        Signing::Signs => "signs",
        Signing::Fenced => "fenced",
        Signing::Contradicted { .. } => "contradicted",
        Signing::Diverged { .. } => "diverged",
        Signing::Split { .. } => "split",
    }
}

pub(crate) const fn signing_cut(signing: &Signing) -> Option<u64> {
    match signing {
        Signing::Contradicted { cut } | Signing::Diverged { cut } | Signing::Split { cut } => {
            Some(*cut)
        }
        _ => None,
    }
}

impl TellMember {
    pub(crate) fn of(
        member: &MemberStatus,
        surface: UniqueId,
        source: Option<&(&'static str, Option<String>)>,
    ) -> Self {
        let (word, says) = source.cloned().unwrap_or(("none", None));
        Self {
            name: member.name.clone(),
            surface,
            status: member.status.name().to_owned(),
            since_tick: member.since_tick,
            frontier_seq: member.frontier.map(|frontier| frontier.seq),
            frontier_head: member.frontier.map(|frontier| frontier.head),
            closed_clock: member.frontier.and_then(|frontier| frontier.closed),
            copy_next_seq: member.copy_next_seq,
            copy_durable: member.copy_durable,
            open_offer: member.open_offer,
            flagged_nodes: member.flagged_nodes.clone(),
            source: word.to_owned(),
            source_says: says,
        }
    }
}

impl Told {
    pub(crate) const SCHEMA: &'static str = "holobiont.node-status/v1";

    /// Every need of the fold.
    pub(crate) fn needs_of(status: &Status) -> Vec<TellNeed> {
        let needs = status.needs.iter();
        needs
            .map(|need| TellNeed { member: need.member, from_seq: need.from_seq, to_seq: need.seq })
            .collect()
    }
}

mod apply;
mod cuts;
mod keys;
mod offered;
mod saved;

use std::sync::Arc;

use holobiont_identity::{Digest, Organism, UniqueId};
use holobiont_policy::{CommitteeState, Roster};
use holobiont_replay::LogDigest;
use holobiont_surface::Head;

use crate::{Certificate, Configs, CutStatement, Effects, MachineError};
use cuts::Cuts;
use keys::Keys;
use offered::OfferedConfig;

pub use cuts::{
    KEPT_CERTIFICATES, KEPT_CERTIFIED_CUTS, MAX_OPEN_CUTS, OPEN_CUTS_BEHIND, OpenCut,
    certificate_quorum,
};
pub use keys::MAX_FENCED_KEYS;
pub use saved::MAX_MACHINE_BYTES;

/// The committee's state: apply the log's entries in order, do what [`Effects`] say.
///
/// ```
/// use std::sync::Arc;
/// use holobiont_committee::{LogCommand, Machine, MachineEvent, SeedKey, Signed, Signer};
/// use holobiont_identity::{Organism, UniqueId};
/// use holobiont_policy::{Command, Roster};
///
/// let organism = Arc::new(Organism::parse(r#"
///     version = 1
///     name = "demo"
///     program = { name = "cross-feed", version = 1 }
///     policy = { max_advance = 10 }
///     member = [{ name = "feed", stable_id = "acme.feed", surface = "rates" }]
/// "#)?);
/// let node = UniqueId::from_name("the only node");
/// let mut machine = Machine::new(Arc::clone(&organism), Roster::new(vec![node])?)?;
///
/// let boot = SeedKey::from_seed(&[1; 32])?;
/// let write = |command| Signed::make(organism.stable_id(), &node, 0, command, &boot).encode();
/// let key = write(LogCommand::Key { key: boot.public(), enrolment: vec![], quote: vec![] });
/// // Nobody else has to admit it.
/// machine.apply(1, &key, &organism)?;
/// assert_eq!(machine.active_key(0), Some(&boot.public()));
/// machine.apply(2, &write(LogCommand::Policy(Command::Tick)), &organism)?;
/// assert_eq!(machine.policy().tick(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Machine {
    organism: Arc<Organism>,
    content_hash: Digest,
    stable_id: UniqueId,
    roster_digest: Digest,
    roster_number: u64,
    policy: CommitteeState,
    log_digest: LogDigest,
    log_index: u64,
    keys: Keys,
    cuts: Cuts,
    offered: Option<OfferedConfig>,
}

impl Machine {
    /// The committee before the log's first entry.
    ///
    /// # Errors
    ///
    /// [`MachineError::OtherRoster`] when the config names another first roster, and
    /// [`MachineError::NodesAlike`] for nodes that the replicated log cannot tell apart.
    pub fn new(organism: Arc<Organism>, roster: Roster) -> Result<Self, MachineError> {
        let got = roster.digest();
        if let Some(expected) = organism.acl.first_roster.filter(|expected| *expected != got) {
            return Err(MachineError::OtherRoster { expected, got });
        }
        if let Some((first, second)) = alike(&roster) {
            return Err(MachineError::NodesAlike { first, second });
        }
        let content_hash = organism.content_hash();
        Ok(Self {
            stable_id: organism.stable_id(),
            roster_digest: got,
            roster_number: 0,
            log_digest: LogDigest::new(&content_hash, &roster),
            log_index: 0,
            keys: Keys::default(),
            cuts: Cuts::new(roster.clone()),
            offered: None,
            policy: CommitteeState::new(&organism, roster),
            content_hash,
            organism,
        })
    }

    /// Applies an entry of the log. What is wrong with it drops it, and is told in the effects.
    ///
    /// # Determinism
    ///
    /// A function of the machine, `index` and `payload`; of `configs` only whether the config that
    /// comes into force is here yet.
    ///
    /// # Errors
    ///
    /// [`MachineError::OldIndex`], and [`MachineError::ConfigMissing`] for a config that comes into
    /// force here and is not here. Nothing is changed by either.
    pub fn apply(
        &mut self,
        index: u64,
        payload: &[u8],
        configs: &dyn Configs,
    ) -> Result<Effects, MachineError> {
        self.apply_entry(index, payload, configs)
    }

    /// The config in force.
    #[must_use]
    pub const fn organism(&self) -> &Arc<Organism> {
        &self.organism
    }

    /// Its content hash.
    #[must_use]
    pub const fn content_hash(&self) -> &Digest {
        &self.content_hash
    }

    /// The roster in force.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        self.policy.roster()
    }

    /// Its digest.
    #[must_use]
    pub const fn roster_digest(&self) -> &Digest {
        &self.roster_digest
    }

    /// How many rosters there were before it: the epoch of attested TLS.
    #[must_use]
    pub const fn roster_number(&self) -> u64 {
        self.roster_number
    }

    /// Members, frontiers and cuts.
    #[must_use]
    pub const fn policy(&self) -> &CommitteeState {
        &self.policy
    }

    /// Running digest of the policy commands that took effect.
    #[must_use]
    pub const fn log_digest(&self) -> Digest {
        self.log_digest.digest()
    }

    /// Index of the last entry applied, whether it had an effect or not.
    #[must_use]
    pub const fn log_index(&self) -> u64 {
        self.log_index
    }

    /// The node's place in the roster in force.
    #[must_use]
    pub fn place_of(&self, node: &UniqueId) -> Option<u16> {
        let place = self.roster().nodes().iter().position(|known| known == node)?;
        u16::try_from(place).ok()
    }

    /// The key that the node's commands are checked with.
    #[must_use]
    pub fn active_key(&self, node: u16) -> Option<&[u8; 32]> {
        self.keys.of(self.node_id(node)?)?.active.as_ref().map(|active| &active.key)
    }

    /// Hash of the evidence that the boot of the active key showed.
    #[must_use]
    pub fn active_quote(&self, node: u16) -> Option<&Digest> {
        self.keys.of(self.node_id(node)?)?.active.as_ref().map(|active| &active.quote)
    }

    /// The key of a newer boot that waits for the others to admit it.
    #[must_use]
    pub fn pending_key(&self, node: u16) -> Option<&[u8; 32]> {
        self.keys.pending(self.node_id(node)?).map(|pending| &pending.key)
    }

    /// The enrolment that came with the pending key, for those who may admit it to check.
    #[must_use]
    pub fn pending_enrolment(&self, node: u16) -> Option<&[u8]> {
        self.keys.pending(self.node_id(node)?).map(|pending| pending.enrolment.as_slice())
    }

    /// The boot's evidence that came with the pending key, for those who may admit it to verify.
    #[must_use]
    pub fn pending_quote(&self, node: u16) -> Option<&[u8]> {
        self.keys.pending(self.node_id(node)?).map(|pending| pending.quote.as_slice())
    }

    /// The nodes that have admitted the pending key, by their places.
    #[must_use]
    pub fn admitted_by(&self, node: u16) -> Vec<u16> {
        let pending = self.node_id(node).and_then(|node| self.keys.pending(node));
        let admits = pending.map(|pending| pending.admits.as_slice()).unwrap_or_default();
        admits.iter().filter_map(|node| self.place_of(node)).collect()
    }

    /// Whether this was the node's key in an older boot, and is none any more.
    #[must_use]
    pub fn is_fenced(&self, node: &UniqueId, key: &[u8; 32]) -> bool {
        self.keys.of(node).is_some_and(|keys| keys.fenced.contains(key))
    }

    /// How many equal signatures certify a cut made now.
    #[must_use]
    pub fn certificate_quorum(&self) -> usize {
        certificate_quorum(self.roster().nodes().len(), self.organism.tolerate_leaked_keys)
    }

    /// The certificate of the highest cut that has one.
    #[must_use]
    pub fn latest_certificate(&self) -> Option<&Certificate> {
        self.cuts.latest_certificate()
    }

    /// The certificate of a cut, of the last [`KEPT_CERTIFICATES`]: a node keeps all of them, as
    /// [`MachineEvent::Certified`](crate::MachineEvent::Certified) gives them out.
    #[must_use]
    pub fn certificate(&self, cut: u64) -> Option<&Certificate> {
        self.cuts.certificate(cut)
    }

    /// The cuts without a certificate, ascending.
    pub fn open_cuts(&self) -> impl DoubleEndedIterator<Item = OpenCut<'_>> {
        self.cuts.open_cuts()
    }

    /// Whether the node has signed this cut, certified or not. Not known of a cut that is forgotten.
    #[must_use]
    pub fn has_signed(&self, cut: u64, node: u16) -> bool {
        self.node_id(node).is_some_and(|node| self.cuts.has_signed(cut, node))
    }

    /// What a node says of a cut whose folding gave this; none of a cut that is not made yet, or
    /// forgotten.
    #[must_use]
    pub fn statement(
        &self,
        cut: u64,
        output: Option<Head>,
        state_digest: Digest,
    ) -> Option<CutStatement> {
        self.cuts.statement(cut, output, state_digest)
    }

    /// The config that the operators offer and that no majority holds yet.
    #[must_use]
    pub fn offered_config(&self) -> Option<Digest> {
        self.offered.as_ref().map(|offered| offered.content_hash)
    }

    /// Whether the node has said that it holds the offered config. After a change of the roster it
    /// has to say so again.
    #[must_use]
    pub fn holds_offered(&self, node: u16) -> bool {
        let node = self.node_id(node);
        self.offered.as_ref().zip(node).is_some_and(|(offered, node)| offered.holds.contains(node))
    }

    /// Everything that the log has decided: one version byte, then `postcard`. The config is in it
    /// by its content hash.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        saved::encode(self)
    }

    /// The machine that [`snapshot`](Self::snapshot) described.
    ///
    /// # Errors
    ///
    /// [`MachineError`] for bytes that are no snapshot, and for a config that is not here.
    pub fn restore(bytes: &[u8], configs: &dyn Configs) -> Result<Self, MachineError> {
        saved::decode(bytes, configs)
    }

    fn node_id(&self, node: u16) -> Option<&UniqueId> {
        self.roster().nodes().get(usize::from(node))
    }
}

/// Two nodes of which the replicated log would take one for the other: it numbers nodes by the first
/// eight bytes of their ids.
fn alike(roster: &Roster) -> Option<(UniqueId, UniqueId)> {
    let number = |node: &UniqueId| node.as_bytes().first_chunk::<8>().copied();
    let mut nodes = roster.nodes().to_vec();
    nodes.sort_unstable();
    let pairs = nodes.iter().zip(nodes.iter().skip(1));
    pairs.filter(|(a, b)| number(a) == number(b)).map(|(a, b)| (*a, *b)).next()
}

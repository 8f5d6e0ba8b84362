//! What the signatures of each cut make of it.

use std::collections::BTreeMap;

use holobiont_identity::{Digest, UniqueId};
use holobiont_policy::Roster;
use holobiont_surface::Head;
use serde::{Deserialize, Serialize};

use crate::signer::verifies;
use crate::{Certificate, CutSignature, CutStatement, Dropped, MachineEvent, NodeSignature};

/// Most cuts that wait for a certificate; of more, the oldest are forgotten.
pub const MAX_OPEN_CUTS: usize = 65_536;
/// A cut without a certificate is forgotten when one this far after it has one.
pub const OPEN_CUTS_BEHIND: u64 = 1_024;
/// Cuts with a certificate whose late signatures are still compared with it.
pub const KEPT_CERTIFIED_CUTS: usize = 256;
/// Certificates that a machine keeps whole: those of the highest cuts.
pub const KEPT_CERTIFICATES: usize = 16;

/// How many equal signatures certify a cut: a majority of the roster's nodes, and more than
/// `(nodes + tolerate_leaked_keys) / 2`.
#[must_use]
pub fn certificate_quorum(nodes: usize, tolerate_leaked_keys: u32) -> usize {
    let leaked = usize::try_from(tolerate_leaked_keys).unwrap_or(usize::MAX);
    (nodes.saturating_add(leaked) / 2).saturating_add(1)
}

/// A cut that has no certificate.
#[derive(Debug, Clone, Copy)]
pub struct OpenCut<'a> {
    cut: u64,
    log_index: u64,
    is_split: bool,
    votes: &'a BTreeMap<u16, CutVote>,
    roster: Option<&'a Roster>,
}

/// What the log says of a cut: all of its statement but the results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CutFacts {
    pub(super) content_hash: Digest,
    pub(super) roster_number: u64,
    pub(super) log_index: u64,
    pub(super) time_ms: u64,
    pub(super) log_digest: Digest,
    pub(super) quorum: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CutVote {
    key: [u8; 32],
    said: CutSignature,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Waiting {
    facts: CutFacts,
    /// By the places of the roster of the cut.
    votes: BTreeMap<u16, CutVote>,
    is_split: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Certified {
    facts: CutFacts,
    output: Option<Head>,
    state_digest: Digest,
    signers: Vec<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cuts {
    /// The roster in force, and those of cuts that are still looked at, by their numbers.
    rosters: BTreeMap<u64, Roster>,
    waiting: BTreeMap<u64, Waiting>,
    certified: BTreeMap<u64, Certified>,
    certificates: BTreeMap<u64, Certificate>,
}

impl OpenCut<'_> {
    /// Its number.
    #[must_use]
    pub const fn cut(&self) -> u64 {
        self.cut
    }

    /// The log entry that made it.
    #[must_use]
    pub const fn log_index(&self) -> u64 {
        self.log_index
    }

    /// Whether so many signed different results that it can have no certificate.
    #[must_use]
    pub const fn is_split(&self) -> bool {
        self.is_split
    }

    /// The nodes that have signed it.
    pub fn signed_by(&self) -> impl Iterator<Item = &UniqueId> {
        let nodes = self.roster.map(Roster::nodes).unwrap_or_default();
        self.votes.keys().filter_map(|place| nodes.get(usize::from(*place)))
    }
}

impl Cuts {
    pub(super) fn new(roster: Roster) -> Self {
        Self {
            rosters: BTreeMap::from([(0, roster)]),
            waiting: BTreeMap::new(),
            certified: BTreeMap::new(),
            certificates: BTreeMap::new(),
        }
    }

    /// Another roster; those that no cut needs any more go.
    pub(super) fn change_roster(&mut self, number: u64, roster: Roster) {
        self.rosters.insert(number, roster);
        let facts = self.waiting.values().map(|cut| &cut.facts);
        let facts = facts.chain(self.certified.values().map(|cut| &cut.facts));
        let needed: Vec<u64> = facts.map(|facts| facts.roster_number).collect();
        self.rosters.retain(|known, _| *known == number || needed.contains(known));
    }

    /// A cut is made. Gives the one that is forgotten for it, if there are too many.
    pub(super) fn open(&mut self, cut: u64, facts: CutFacts) -> Option<u64> {
        self.waiting.insert(cut, Waiting { facts, votes: BTreeMap::new(), is_split: false });
        let is_full = self.waiting.len() > MAX_OPEN_CUTS;
        is_full.then(|| self.waiting.pop_first()).flatten().map(|(forgotten, _)| forgotten)
    }

    /// Takes a node's signature of a cut. `place` and `place_of` name nodes by the roster in force.
    pub(super) fn sign(
        &mut self,
        node: (u16, &UniqueId),
        key: &[u8; 32],
        said: &CutSignature,
        place_of: &dyn Fn(&UniqueId) -> Option<u16>,
    ) -> Result<Vec<MachineEvent>, Dropped> {
        let (place, id) = node;
        let cut = said.cut;
        let unknown = Dropped::UnknownCut { node: place, cut };
        let statement =
            self.statement(cut, said.output, said.state_digest).ok_or_else(|| unknown.clone())?;
        let its_place = self.place_at(cut, id);
        let its_place = its_place.ok_or(Dropped::NotOfItsRoster { node: place, cut })?;
        if self.has_signed(cut, id) {
            return Err(Dropped::AlreadySigned { node: place, cut });
        }
        if !verifies(key, &statement.bytes(), &said.signature) {
            return Err(Dropped::BadCutSignature { node: place, cut });
        }
        if let Some(certified) = self.certified.get_mut(&cut) {
            certified.signers.push(its_place);
            let is_same =
                (certified.output, certified.state_digest) == (said.output, said.state_digest);
            let event = MachineEvent::SignedOther { node: Some(place), cut };
            return Ok(if is_same { Vec::new() } else { vec![event] });
        }
        let waiting = self.waiting.get_mut(&cut).ok_or(unknown)?;
        waiting.votes.insert(its_place, CutVote { key: *key, said: said.clone() });
        Ok(self.judge(cut, statement, place_of))
    }

    /// What a cut is after one more signature of this statement.
    fn judge(
        &mut self,
        cut: u64,
        statement: CutStatement,
        place_of: &dyn Fn(&UniqueId) -> Option<u16>,
    ) -> Vec<MachineEvent> {
        let Some(waiting) = self.waiting.get_mut(&cut) else { return Vec::new() };
        let Some(roster) = self.rosters.get(&waiting.facts.roster_number) else {
            return Vec::new();
        };
        let nodes = roster.nodes();
        let quorum = usize::try_from(waiting.facts.quorum).unwrap_or(usize::MAX);
        let of_it = |vote: &CutVote| {
            (vote.said.output, vote.said.state_digest) == (statement.output, statement.state_digest)
        };
        if waiting.votes.values().filter(|vote| of_it(vote)).count() < quorum {
            let is_split = !waiting.is_split && waiting.is_hopeless(nodes.len(), quorum);
            waiting.is_split |= is_split;
            return if is_split { vec![MachineEvent::Split { cut }] } else { Vec::new() };
        }
        let node_of = |place: &u16| nodes.get(usize::from(*place));
        let signatures = waiting.votes.iter().filter(|(_, vote)| of_it(vote)).filter_map(
            |(place, CutVote { key, said })| {
                let (node, key, signature) = (*node_of(place)?, *key, said.signature);
                Some(NodeSignature { node, key, signature })
            },
        );
        let signatures = signatures.collect();
        let others = waiting.votes.iter().filter(|(_, vote)| !of_it(vote));
        let others: Vec<MachineEvent> = others
            .map(|(place, _)| MachineEvent::SignedOther {
                node: node_of(place).and_then(place_of),
                cut,
            })
            .collect();
        let mut events = vec![MachineEvent::Certified(Certificate { statement, signatures })];
        events.extend(others);
        self.certify(cut, &mut events);
        events
    }

    /// Keeps what a new certificate leaves of its cut, and forgets what is too far behind it.
    fn certify(&mut self, cut: u64, events: &mut Vec<MachineEvent>) {
        let Some(MachineEvent::Certified(certificate)) = events.first() else { return };
        let Some(waiting) = self.waiting.remove(&cut) else { return };
        let CutStatement { output, state_digest, .. } = certificate.statement;
        let signers = waiting.votes.into_keys().collect();
        let facts = waiting.facts;
        self.certified.insert(cut, Certified { facts, output, state_digest, signers });
        self.certificates.insert(cut, certificate.clone());
        while self.certified.len() > KEPT_CERTIFIED_CUTS {
            self.certified.pop_first();
        }
        while self.certificates.len() > KEPT_CERTIFICATES {
            self.certificates.pop_first();
        }
        let kept = self.waiting.split_off(&cut.saturating_sub(OPEN_CUTS_BEHIND));
        let forgotten = std::mem::replace(&mut self.waiting, kept);
        events.extend(forgotten.into_keys().map(|cut| MachineEvent::CutForgotten { cut }));
    }

    pub(super) fn statement(
        &self,
        cut: u64,
        output: Option<Head>,
        state_digest: Digest,
    ) -> Option<CutStatement> {
        let facts = self.facts(cut)?;
        Some(CutStatement {
            content_hash: facts.content_hash,
            roster_digest: self.rosters.get(&facts.roster_number)?.digest(),
            cut,
            log_index: facts.log_index,
            time_ms: facts.time_ms,
            log_digest: facts.log_digest,
            output,
            state_digest,
        })
    }

    pub(super) fn has_signed(&self, cut: u64, node: &UniqueId) -> bool {
        let Some(place) = self.place_at(cut, node) else { return false };
        let waiting = self.waiting.get(&cut).map(|cut| cut.votes.contains_key(&place));
        let certified = || self.certified.get(&cut).map(|cut| cut.signers.contains(&place));
        waiting.or_else(certified).unwrap_or(false)
    }

    pub(super) fn open_cuts(&self) -> impl DoubleEndedIterator<Item = OpenCut<'_>> {
        self.waiting.iter().map(|(cut, waiting)| OpenCut {
            cut: *cut,
            log_index: waiting.facts.log_index,
            is_split: waiting.is_split,
            votes: &waiting.votes,
            roster: self.rosters.get(&waiting.facts.roster_number),
        })
    }

    pub(super) fn latest_certificate(&self) -> Option<&Certificate> {
        self.certificates.last_key_value().map(|(_, certificate)| certificate)
    }

    pub(super) fn certificate(&self, cut: u64) -> Option<&Certificate> {
        self.certificates.get(&cut)
    }

    /// Why these cannot be the cuts of a committee with this roster.
    pub(super) fn contradiction(&self, number: u64, roster: &Roster) -> Option<&'static str> {
        let is_full = self.waiting.len() > MAX_OPEN_CUTS
            || self.certified.len() > KEPT_CERTIFIED_CUTS
            || self.certificates.len() > KEPT_CERTIFICATES;
        if is_full {
            return Some("it has more cuts than a machine keeps");
        }
        if self.rosters.get(&number) != Some(roster) {
            return Some("its cuts are of another roster");
        }
        let waiting = self.waiting.values().map(|cut| (&cut.facts, cut.votes.keys().max()));
        let certified = self.certified.values().map(|cut| (&cut.facts, cut.signers.iter().max()));
        let is_of_its_roster = |(facts, place): (&CutFacts, Option<&u16>)| {
            let roster = self.rosters.get(&facts.roster_number);
            roster.is_some_and(|roster| {
                place.is_none_or(|place| usize::from(*place) < roster.nodes().len())
            })
        };
        if !waiting.chain(certified).all(is_of_its_roster) {
            return Some("a cut of it has no roster, or a signature of no node");
        }
        if self.certified.keys().any(|cut| self.waiting.contains_key(cut)) {
            return Some("a cut of it is certified and waits");
        }
        None
    }

    fn facts(&self, cut: u64) -> Option<&CutFacts> {
        let waiting = self.waiting.get(&cut).map(|cut| &cut.facts);
        waiting.or_else(|| self.certified.get(&cut).map(|cut| &cut.facts))
    }

    /// The node's place in the roster of the cut.
    fn place_at(&self, cut: u64, node: &UniqueId) -> Option<u16> {
        let roster = self.rosters.get(&self.facts(cut)?.roster_number)?;
        let place = roster.nodes().iter().position(|known| known == node)?;
        u16::try_from(place).ok()
    }
}

impl Waiting {
    /// Whether no result can find a quorum, however those sign who have not yet.
    fn is_hopeless(&self, nodes: usize, quorum: usize) -> bool {
        let mut counts: BTreeMap<(Option<Head>, Digest), usize> = BTreeMap::new();
        for vote in self.votes.values() {
            let count = counts.entry((vote.said.output, vote.said.state_digest)).or_default();
            *count = count.saturating_add(1);
        }
        let most = counts.into_values().max().unwrap_or(0);
        most.saturating_add(nodes.saturating_sub(self.votes.len())) < quorum
    }
}

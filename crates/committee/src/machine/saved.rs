//! A machine as bytes.

use holobiont_identity::versioned;
use holobiont_identity::{Digest, UniqueId};
use holobiont_policy::{CommitteeState, MAX_NODES, Roster};
use holobiont_replay::LogDigest;
use serde::{Deserialize, Serialize};

use super::cuts::Cuts;
use super::keys::{Keys, MAX_FENCED_KEYS, NodeKeys};
use super::offered::OfferedConfig;
use super::{Machine, alike};
use crate::{Configs, MAX_BOOT_QUOTE_BYTES, MAX_ENROLMENT_BYTES, MachineError, error};

/// Largest snapshot of a machine, in bytes.
pub const MAX_MACHINE_BYTES: usize = 512 * 1024 * 1024;

const VERSION: u8 = 2;

#[derive(Serialize, Deserialize)]
struct Saved {
    content_hash: Digest,
    roster: Roster,
    roster_number: u64,
    log_index: u64,
    log_digest: Digest,
    policy: Vec<u8>,
    keys: Keys,
    offered: Option<OfferedConfig>,
    cuts: Cuts,
}

pub(super) fn encode(machine: &Machine) -> Vec<u8> {
    let saved = Saved {
        content_hash: machine.content_hash,
        roster: machine.roster().clone(),
        roster_number: machine.roster_number,
        log_index: machine.log_index,
        log_digest: machine.log_digest.digest(),
        policy: machine.policy.snapshot(),
        keys: machine.keys.clone(),
        offered: machine.offered.clone(),
        cuts: machine.cuts.clone(),
    };
    versioned::encode(VERSION, &saved)
}

pub(super) fn decode(bytes: &[u8], configs: &dyn Configs) -> Result<Machine, MachineError> {
    let saved: Saved = error::decode("machine snapshot", VERSION, MAX_MACHINE_BYTES, bytes)?;
    saved.check()?;
    let content_hash = saved.content_hash;
    let organism = configs.organism(&content_hash);
    let organism = organism.filter(|organism| organism.content_hash() == content_hash);
    let organism = organism.ok_or(MachineError::ConfigMissing { content_hash })?;
    let policy = CommitteeState::restore(&organism, saved.roster.clone(), &saved.policy)?;
    if policy.log_index() > saved.log_index {
        return Err(MachineError::Snapshot { why: "its policy is ahead of its log" });
    }
    Ok(Machine {
        stable_id: organism.stable_id(),
        organism,
        content_hash,
        roster_digest: saved.roster.digest(),
        roster_number: saved.roster_number,
        policy,
        log_digest: LogDigest::resume(saved.log_digest),
        log_index: saved.log_index,
        keys: saved.keys,
        cuts: saved.cuts,
        offered: saved.offered,
    })
}

impl Saved {
    fn check(&self) -> Result<(), MachineError> {
        let refuse = |why| Err(MachineError::Snapshot { why });
        if let Some((first, second)) = alike(&self.roster) {
            return Err(MachineError::NodesAlike { first, second });
        }
        let is_known = |node: &UniqueId| self.roster.nodes().contains(node);
        let are_bounded = |keys: &NodeKeys| {
            keys.fenced.len() <= MAX_FENCED_KEYS
                && keys.pending.as_ref().is_none_or(|pending| {
                    pending.enrolment.len() <= MAX_ENROLMENT_BYTES
                        && pending.quote.len() <= MAX_BOOT_QUOTE_BYTES
                        && pending.admits.len() <= MAX_NODES
                })
        };
        if !self.keys.iter().all(|(node, keys)| is_known(node) && are_bounded(keys)) {
            return refuse("it has keys of no node, or more than a node has");
        }
        let holds = self.offered.as_ref().map(|offered| offered.holds.as_slice());
        if !holds.unwrap_or_default().iter().all(is_known) {
            return refuse("its offered config is held by no node");
        }
        match self.cuts.contradiction(self.roster_number, &self.roster) {
            Some(why) => refuse(why),
            None => Ok(()),
        }
    }
}

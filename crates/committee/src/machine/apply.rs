//! One entry of the log: who wrote it, and what it does.

use std::sync::Arc;

use holobiont_identity::{Digest, OrderAction, Organism, UniqueId};
use holobiont_policy::Command;

use super::cuts::CutFacts;
use super::keys::PendingKey;
use super::offered::OfferedConfig;
use super::{Machine, alike};
use crate::order::roster;
use crate::{
    Configs, CutSignature, Dropped, Effects, LogCommand, MachineError, MachineEvent, OrderError,
    Signed, SignedOrder,
};

/// Who wrote an entry.
struct Writer {
    node: u16,
    id: UniqueId,
    /// The node's active key. Entries that a pending key may sign have no use for it.
    key: Option<[u8; 32]>,
}

/// Why an entry did nothing.
enum Stop {
    Dropped(Dropped),
    Missing(Digest),
}

impl<E: Into<Dropped>> From<E> for Stop {
    fn from(reason: E) -> Self {
        Self::Dropped(reason.into())
    }
}

impl Machine {
    pub(super) fn apply_entry(
        &mut self,
        index: u64,
        payload: &[u8],
        configs: &dyn Configs,
    ) -> Result<Effects, MachineError> {
        if index <= self.log_index {
            return Err(MachineError::OldIndex { index, last: self.log_index });
        }
        let mut effects = Effects::default();
        match self.follow(index, payload, configs, &mut effects) {
            Ok(()) => {}
            Err(Stop::Dropped(reason)) => effects.events.push(MachineEvent::Ignored(reason)),
            Err(Stop::Missing(content_hash)) => {
                return Err(MachineError::ConfigMissing { content_hash });
            }
        }
        self.log_index = index;
        Ok(effects)
    }

    fn follow(
        &mut self,
        index: u64,
        payload: &[u8],
        configs: &dyn Configs,
        effects: &mut Effects,
    ) -> Result<(), Stop> {
        let signed = Signed::decode(payload)?;
        let writer = self.authenticate(&signed)?;
        match signed.command {
            LogCommand::Key { key, enrolment, quote } => {
                let pending = PendingKey { key, enrolment, quote, admits: Vec::new() };
                self.present(&writer, pending, effects)?;
            }
            LogCommand::Admit { node, key } => self.admit(&writer, node, key, effects)?,
            LogCommand::Policy(command) => {
                let named = match &command {
                    Command::Tick => writer.node,
                    Command::Offer(offer) => offer.node,
                    Command::Vote(vote) => vote.node,
                    Command::Order(_) => {
                        return Err(Dropped::UnsignedOrder { node: writer.node }.into());
                    }
                };
                if named != writer.node {
                    return Err(Dropped::OtherNode { node: writer.node, named }.into());
                }
                self.decide(index, command, effects);
            }
            LogCommand::Sign(signatures) => self.sign(&writer, &signatures, effects),
            LogCommand::Order(order) => self.order(index, order, effects)?,
            LogCommand::Hold { config } => self.hold(&writer, config, configs, effects)?,
        }
        Ok(())
    }

    /// The entry's writer, by the keys that may sign its command: a new boot's own key, any key that
    /// is pending or active for admits and orders (the first ones of all come before any key is
    /// active), and the active key for all else.
    fn authenticate(&self, signed: &Signed) -> Result<Writer, Dropped> {
        let node = signed.node;
        let id = *self.node_id(node).ok_or(Dropped::UnknownNode { node })?;
        let known = self.keys.of(&id);
        let active = known.and_then(|keys| keys.active.as_ref()).map(|active| active.key);
        let pending = known.and_then(|keys| keys.pending.as_ref()).map(|pending| pending.key);
        let may_sign: Vec<[u8; 32]> = match &signed.command {
            LogCommand::Key { key, .. } => vec![*key],
            LogCommand::Admit { .. } | LogCommand::Order(_) => {
                active.into_iter().chain(pending).collect()
            }
            LogCommand::Policy(_) | LogCommand::Sign(_) | LogCommand::Hold { .. } => {
                active.into_iter().collect()
            }
        };
        if may_sign.is_empty() {
            return Err(Dropped::NotActive { node });
        }
        if signed.is_by(&self.stable_id, &id, &may_sign) {
            return Ok(Writer { node, id, key: active });
        }
        let last = known.and_then(|keys| keys.fenced.last());
        match last {
            Some(key) if signed.is_by(&self.stable_id, &id, [key]) => Err(Dropped::Fenced { node }),
            _ => Err(Dropped::BadSignature { node }),
        }
    }

    fn present(
        &mut self,
        writer: &Writer,
        pending: PendingKey,
        effects: &mut Effects,
    ) -> Result<(), Dropped> {
        let (node, key) = (writer.node, pending.key);
        if self.is_fenced(&writer.id, &key) {
            return Err(Dropped::Fenced { node });
        }
        let is_known = |known: Option<&[u8; 32]>| known == Some(&key);
        if is_known(self.active_key(node)) || is_known(self.pending_key(node)) {
            return Err(Dropped::KeyKnown { node });
        }
        self.keys.present(writer.id, pending);
        effects.events.push(MachineEvent::KeyPending { node, key });
        self.activate(node, effects);
        Ok(())
    }

    fn admit(
        &mut self,
        writer: &Writer,
        node: u16,
        key: [u8; 32],
        effects: &mut Effects,
    ) -> Result<(), Dropped> {
        let id = *self.node_id(node).ok_or(Dropped::UnknownNode { node })?;
        let pending = self.keys.pending(&id).filter(|pending| pending.key == key);
        let pending = pending.ok_or(Dropped::NotPending { node })?;
        if id == writer.id || pending.admits.contains(&writer.id) {
            return Err(Dropped::AdmitAgain { node, by: writer.node });
        }
        self.keys.admit(&id, writer.id);
        self.activate(node, effects);
        Ok(())
    }

    /// The node's pending key becomes its active one, if it has been admitted.
    fn activate(&mut self, node: u16, effects: &mut Effects) {
        let Some(id) = self.node_id(node).copied() else { return };
        let Some(activated) = self.keys.activate(&id, self.policy.roster()) else { return };
        effects.events.push(MachineEvent::KeyActive { node, key: activated.key });
        let fenced = activated.fenced.map(|key| MachineEvent::KeyFenced { node, key });
        effects.events.extend(fenced);
    }

    /// A policy command takes effect.
    fn decide(&mut self, index: u64, command: Command, effects: &mut Effects) {
        self.log_digest.push(index, &command.encode());
        effects.applied = self.policy.apply(index, &command);
        self.follow_roster(effects);
        if let Some(cut) = &effects.applied.cut {
            let facts = CutFacts {
                content_hash: self.content_hash,
                roster_number: self.roster_number,
                log_index: index,
                time_ms: cut.time_ms,
                log_digest: self.log_digest.digest(),
                quorum: u32::try_from(self.certificate_quorum()).unwrap_or(u32::MAX),
            };
            let forgotten = self.cuts.open(cut.number, facts);
            let forgotten = forgotten.map(|cut| MachineEvent::CutForgotten { cut });
            effects.events.extend(forgotten);
        }
        effects.command = Some(command);
    }

    /// If the policy has another roster by now, all else follows.
    fn follow_roster(&mut self, effects: &mut Effects) {
        let roster = self.policy.roster();
        let digest = roster.digest();
        if digest == self.roster_digest {
            return;
        }
        let roster = roster.clone();
        self.roster_digest = digest;
        self.roster_number = self.roster_number.saturating_add(1);
        self.keys.retain(&roster);
        self.cuts.change_roster(self.roster_number, roster.clone());
        // Said under another majority: whoever holds it says so again.
        if let Some(offered) = &mut self.offered {
            offered.holds.clear();
        }
        effects.events.push(MachineEvent::RosterChanged { number: self.roster_number });
        // Of fewer nodes, those who have admitted a key may be a majority now.
        for (node, _) in (0_u16..).zip(roster.nodes()) {
            self.activate(node, effects);
        }
        effects.roster = Some(roster);
    }

    fn sign(&mut self, writer: &Writer, signatures: &[CutSignature], effects: &mut Effects) {
        let Some(key) = writer.key else { return };
        let nodes = self.policy.roster().nodes();
        let place_of = |node: &UniqueId| {
            let place = nodes.iter().position(|known| known == node)?;
            u16::try_from(place).ok()
        };
        for said in signatures {
            match self.cuts.sign((writer.node, &writer.id), &key, said, &place_of) {
                Ok(events) => effects.events.extend(events),
                Err(reason) => effects.events.push(MachineEvent::Ignored(reason)),
            }
        }
    }

    fn order(
        &mut self,
        index: u64,
        signed: SignedOrder,
        effects: &mut Effects,
    ) -> Result<(), Stop> {
        signed.check(&self.organism)?;
        if let Some(got) = signed.replaces.filter(|got| *got != self.roster_digest) {
            return Err(OrderError::OtherRoster { expected: self.roster_digest, got }.into());
        }
        let offered = match &signed.order.action {
            OrderAction::Roster { nodes } if alike(&roster(nodes)?).is_some() => {
                let why = "two of them begin with the same eight bytes";
                return Err(OrderError::Roster { why }.into());
            }
            OrderAction::Config { content_hash } if *content_hash == self.content_hash => {
                return Err(Dropped::ConfigInForce { content_hash: *content_hash }.into());
            }
            OrderAction::Config { content_hash } => Some(*content_hash),
            _ => None,
        };
        self.decide(index, Command::Order(signed.order), effects);
        // An order that is too old or has expired offers nothing.
        if let Some(content_hash) = offered.filter(|_| effects.applied.ignored.is_empty()) {
            self.offered = Some(OfferedConfig { content_hash, holds: Vec::new() });
            effects.events.push(MachineEvent::ConfigOffered { content_hash });
        }
        Ok(())
    }

    fn hold(
        &mut self,
        writer: &Writer,
        config: Digest,
        configs: &dyn Configs,
        effects: &mut Effects,
    ) -> Result<(), Stop> {
        let majority = self.policy.roster().majority();
        let offered = self.offered.as_mut().filter(|offered| {
            offered.content_hash == config && !offered.holds.contains(&writer.id)
        });
        let offered = offered.ok_or(Dropped::NotOffered { node: writer.node })?;
        if offered.holds.len().saturating_add(1) < majority {
            offered.holds.push(writer.id);
            return Ok(());
        }
        let organism = configs.organism(&config);
        let organism = organism.filter(|organism| organism.content_hash() == config);
        let organism = organism.ok_or(Stop::Missing(config))?;
        self.offered = None;
        Ok(self.take_up(organism, effects)?)
    }

    fn take_up(&mut self, organism: Arc<Organism>, effects: &mut Effects) -> Result<(), Dropped> {
        let content_hash = organism.content_hash();
        let program =
            |organism: &Organism| (organism.program.name.clone(), organism.program.version);
        if program(&organism) != program(&self.organism) {
            return Err(Dropped::OtherProgram { content_hash });
        }
        self.policy
            .take_up(&organism)
            .map_err(|source| Dropped::TakeUp { content_hash, source })?;
        self.content_hash = content_hash;
        self.organism = Arc::clone(&organism);
        effects.events.push(MachineEvent::ConfigTaken { content_hash });
        effects.take_up = Some(organism);
        Ok(())
    }
}

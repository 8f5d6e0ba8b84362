use std::collections::BTreeMap;
use std::sync::Arc;

use holobiont_committee::{Effects, LogCommand, Machine, MachineEvent, Signed};
use holobiont_identity::{Digest, Organism, UniqueId};

use crate::failure::Failure;

/// Most bytes of quotes and enrolments that are held of one export: some ten thousand boots.
const MAX_BOOTS_BYTES: usize = 256 << 20;

/// A boot whose key the log admits, and what its node showed for it.
pub(crate) struct Boot {
    /// Log index of the entry that presented the key.
    pub(crate) index: u64,
    pub(crate) node: UniqueId,
    pub(crate) key: [u8; 32],
    pub(crate) enrolment: Vec<u8>,
    pub(crate) quote: Vec<u8>,
    /// The config in force when it was admitted.
    pub(crate) organism: Arc<Organism>,
    /// Organism time then, or the first that the log has afterwards; 0 where it has none.
    pub(crate) time_ms: u64,
}

/// What a node has presented last.
struct Shown {
    index: u64,
    key: [u8; 32],
    enrolment: Vec<u8>,
    quote: Vec<u8>,
}

/// The boots that an export admits. A key that is presented and never admitted signs nothing that
/// counts, and anybody may present one.
#[derive(Default)]
pub(crate) struct Boots {
    shown: BTreeMap<UniqueId, Shown>,
    admitted: Vec<Boot>,
    bytes: usize,
}

impl Boots {
    pub(super) fn note(
        &mut self,
        index: u64,
        payload: &[u8],
        effects: &Effects,
        machine: &Machine,
    ) -> Result<(), Failure> {
        let time_ms = machine.policy().time_ms();
        let untimed = self.admitted.iter_mut().rev().take_while(|boot| boot.time_ms == 0);
        untimed.for_each(|boot| boot.time_ms = time_ms);
        let nodes = machine.roster().nodes();
        for event in &effects.events {
            match event {
                MachineEvent::KeyPending { node, .. } => {
                    let Some(node) = nodes.get(usize::from(*node)) else { continue };
                    let signed = Signed::decode(payload).map(|signed| signed.command);
                    let Ok(LogCommand::Key { key, enrolment, quote }) = signed else { continue };
                    self.shown.insert(*node, Shown { index, key, enrolment, quote });
                }
                MachineEvent::KeyActive { node: place, key } => {
                    let Some(node) = nodes.get(usize::from(*place)) else { continue };
                    let shown = self.shown.remove(node).filter(|shown| {
                        let quote = Digest::of(&shown.quote);
                        shown.key == *key && machine.active_quote(*place) == Some(&quote)
                    });
                    let shown = shown.ok_or_else(|| Failure::Differs {
                        what: format!("log entry {index} admits a key that was never presented"),
                    })?;
                    self.admit(shown, *node, machine)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn admit(&mut self, shown: Shown, node: UniqueId, machine: &Machine) -> Result<(), Failure> {
        let Shown { index, key, enrolment, quote } = shown;
        self.bytes = self.bytes.saturating_add(enrolment.len()).saturating_add(quote.len());
        if self.bytes > MAX_BOOTS_BYTES {
            return Err(Failure::Usage {
                what: format!("the log has more than {MAX_BOOTS_BYTES} bytes of boots' quotes"),
                help: "no committee restarts that often: ask another node for its log",
            });
        }
        let organism = Arc::clone(machine.organism());
        let time_ms = machine.policy().time_ms();
        self.admitted.push(Boot { index, node, key, enrolment, quote, organism, time_ms });
        Ok(())
    }

    pub(crate) fn admitted(&self) -> &[Boot] {
        &self.admitted
    }
}

//! A committee of three, entry by entry.

use std::sync::Arc;

use holobiont_committee::{
    Certificate, CutSignature, CutStatement, Dropped, Effects, LogCommand, Machine, MachineEvent,
    Signed, SignedOrder, Signer,
};
use holobiont_identity::{Digest, OrderAction, Organism};
use holobiont_policy::{Command, Order, Roster};

use crate::signed_log::{HELD, boot_key, config, first_machine, node_id, operator_key, result};

pub(crate) struct World {
    pub(crate) machine: Machine,
    /// Boots of each node so far.
    pub(crate) boots: [u8; 5],
    pub(crate) orders: u64,
}

impl World {
    /// Nobody has started yet.
    pub(crate) fn new() -> Self {
        Self { machine: first_machine(), boots: [0; 5], orders: 0 }
    }

    /// All three have started and admitted each other.
    pub(crate) fn started() -> Self {
        let mut it = Self::new();
        it.start_all();
        it
    }

    /// Another config's committee of this many nodes, all started.
    pub(crate) fn of(change: &str, nodes: u8) -> Self {
        let organism = Organism::parse(&config(change)).unwrap();
        let roster = Roster::new((0..nodes).map(node_id).collect()).unwrap();
        let machine = Machine::new(Arc::new(organism), roster).unwrap();
        let mut it = Self { machine, boots: [0; 5], orders: 0 };
        it.start_all();
        it
    }

    pub(crate) fn start_all(&mut self) {
        let nodes = self.machine.roster().nodes().len() as u8;
        (0..nodes).for_each(|node| drop(self.boot(node)));
        for node in 0..nodes {
            (0..nodes).filter(|by| *by != node).for_each(|by| drop(self.admit(by, node)));
        }
        assert!((0..u16::from(nodes)).all(|node| self.machine.active_key(node).is_some()));
    }

    pub(crate) fn apply(&mut self, payload: &[u8]) -> Effects {
        let index = self.machine.log_index() + 1;
        self.machine.apply(index, payload, &*HELD).unwrap()
    }

    /// The entry that the present boot of the node would write.
    pub(crate) fn entry(&self, node: u8, command: LogCommand) -> Vec<u8> {
        let place = self.machine.place_of(&node_id(node)).unwrap_or(u16::from(node));
        let key = boot_key(node, self.boots[usize::from(node)]);
        let organism = self.machine.organism().stable_id();
        Signed::make(organism, &node_id(node), place, command, &key).encode()
    }

    pub(crate) fn by(&mut self, node: u8, command: LogCommand) -> Effects {
        self.apply(&self.entry(node, command))
    }

    /// The node starts anew, with a new key.
    pub(crate) fn boot(&mut self, node: u8) -> Effects {
        self.boots[usize::from(node)] += 1;
        let key = self.key(node);
        self.by(node, LogCommand::Key { key, enrolment: Vec::new(), quote: Vec::new() })
    }

    pub(crate) fn key(&self, node: u8) -> [u8; 32] {
        boot_key(node, self.boots[usize::from(node)]).public()
    }

    pub(crate) fn admit(&mut self, by: u8, node: u8) -> Effects {
        let (key, node) = (self.key(node), u16::from(node));
        self.by(by, LogCommand::Admit { node, key })
    }

    pub(crate) fn tick(&mut self, node: u8) -> Effects {
        self.by(node, LogCommand::Policy(Command::Tick))
    }

    /// Ticks until a checkpoint is cut; its number.
    pub(crate) fn cut(&mut self, node: u8) -> u64 {
        (0..20).find_map(|_| self.tick(node).applied.cut).expect("a cut within 20 ticks").number
    }

    /// What every node finds after the cut.
    pub(crate) fn statement(&self, cut: u64) -> CutStatement {
        let (output, state_digest) = result(&self.machine, cut);
        self.machine.statement(cut, output, state_digest).unwrap()
    }

    /// What a node finds that has diverged.
    pub(crate) fn other_statement(&self, cut: u64, other: u8) -> CutStatement {
        CutStatement { state_digest: Digest::of([other]), ..self.statement(cut) }
    }

    pub(crate) fn sign(&mut self, node: u8, statement: &CutStatement) -> Effects {
        let key = boot_key(node, self.boots[usize::from(node)]);
        self.say(node, vec![statement.sign(&key)])
    }

    pub(crate) fn say(&mut self, node: u8, said: Vec<CutSignature>) -> Effects {
        self.by(node, LogCommand::Sign(said))
    }

    /// The order, numbered and signed by these operators.
    pub(crate) fn signed_order(&mut self, action: OrderAction, operators: &[u8]) -> SignedOrder {
        self.orders += 1;
        let is_roster = matches!(action, OrderAction::Roster { .. });
        let replaces = is_roster.then(|| *self.machine.roster_digest());
        let organism = self.machine.organism().stable_id();
        let order = Order { organism, sequence: self.orders, expires_ms: None, action };
        let signed = operators.iter().map(|operator| {
            let key = operator_key(*operator);
            SignedOrder::sign(order.clone(), replaces, u16::from(*operator), &key)
        });
        signed.reduce(|one, other| one.merge(other).unwrap()).unwrap()
    }

    pub(crate) fn order(&mut self, action: OrderAction) -> Effects {
        let order = self.signed_order(action, &[0, 2]);
        self.by(0, LogCommand::Order(order))
    }
}

/// The reason for which an entry had no effect at all.
pub(crate) fn dropped(effects: &Effects) -> &Dropped {
    let nothing = Effects::default();
    assert_eq!((&effects.command, &effects.take_up), (&nothing.command, &nothing.take_up));
    match effects.events.as_slice() {
        [MachineEvent::Ignored(reason)] => reason,
        other => panic!("it had effects: {other:?}"),
    }
}

pub(crate) fn certificates(effects: &Effects) -> Vec<&Certificate> {
    let certificate = effects.events.iter().filter_map(|event| match event {
        MachineEvent::Certified(certificate) => Some(certificate),
        _ => None,
    });
    certificate.collect()
}

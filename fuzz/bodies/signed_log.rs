//! A committee's signed log, grown from bytes: as nodes, operators and intruders would write it. The
//! simulation of the committee's machine grows its logs with it too.

#![allow(dead_code, reason = "each body uses a part of it")]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use holobiont_committee::{
    Configs, CutSignature, LogCommand, Machine, SeedKey, Signed, SignedOrder, Signer,
};
use holobiont_identity::{Digest, OrderAction, Organism, UniqueId};
use holobiont_policy::{
    Command, Offer, OfferRef, OfferedHead, Opinion, Order, Roster, Unavailable, Vote,
};
use holobiont_surface::Head;

use super::input::Input;

/// Nodes that may be in a roster; the first three are in the first one.
pub(crate) const NODES: u8 = 5;
const FIRST_NODES: u8 = 3;
const MEMBERS: u16 = 3;
/// Operators, two of whom make an order.
const OPERATORS: u8 = 3;
/// The node whose results of cuts may be made up.
const LIAR: u8 = 0;

/// What grows three boots and six admits: a committee that starts in good order.
pub(crate) const STARTED: [u8; 27] =
    [0, 0, 1, 0, 1, 1, 0, 2, 1, 1, 1, 0, 1, 2, 0, 1, 0, 1, 1, 2, 1, 1, 0, 2, 1, 1, 2];

/// One entry, and what it is worth.
pub(crate) struct Entry {
    pub(crate) payload: Vec<u8>,
    /// Signed with the key of a boot that is fenced when it is written.
    pub(crate) is_fenced: bool,
}

/// Grows a log beside the machine that follows it.
pub(crate) struct Growing<'a> {
    pub(crate) input: Input<'a>,
    pub(crate) machine: Machine,
    /// Boots of each node so far.
    boots: [u8; NODES as usize],
    ends: [u64; MEMBERS as usize],
    orders: u64,
    offer: Option<(OfferRef, Vec<u16>)>,
    written: Vec<Vec<u8>>,
}

/// Every config that an order may name.
pub(crate) struct Held(pub(crate) BTreeMap<Digest, Arc<Organism>>);

impl Configs for Held {
    fn organism(&self, content_hash: &Digest) -> Option<Arc<Organism>> {
        self.0.get(content_hash).map(Arc::clone)
    }
}

/// The first config; one that may follow it; two that may not.
pub(crate) static CONFIGS: LazyLock<[Arc<Organism>; 4]> = LazyLock::new(|| {
    let changes = ["", "stall_after = 9", "PROGRAM", "ALIGN"];
    changes.map(|change| Arc::new(Organism::parse(&config(change)).expect("a sound config")))
});

pub(crate) static HELD: LazyLock<Held> = LazyLock::new(|| {
    let held = CONFIGS.iter().map(|config| (config.content_hash(), Arc::clone(config)));
    Held(held.collect())
});

/// The text of a config with these words in it.
pub(crate) fn config(change: &str) -> String {
    let (program, align) = match change {
        "PROGRAM" => ("another", "clock"),
        "ALIGN" => ("none", "arrival"),
        _ => ("none", "clock"),
    };
    let policy = if change.contains('=') { change } else { "stall_after = 4" };
    let mut text = format!(
        "version = 1\nname = \"fuzzed\"\nalign = \"{align}\"\n\
         program = {{ name = \"{program}\", version = 1 }}\n\
         ticks = {{ checkpoint_every = 5, offer_timeout = 4 }}\n\
         [policy]\nmax_advance = 1000\nlate_after = 2\nrecover_after = 2\njoin_within = 2\n\
         on_stall = \"skip\"\n{policy}\n[acl]\norders_need = 2\n"
    );
    for operator in 0..OPERATORS {
        let key = hex::encode(operator_key(operator).public());
        text.push_str(&format!("[[acl.operator]]\nname = \"o{operator}\"\nkey = \"{key}\"\n"));
    }
    for member in 0..MEMBERS {
        text.push_str(&format!(
            "[[member]]\nname = \"m{member}\"\nstable_id = \"fuzzed.{member}\"\nsurface = \"s\"\n"
        ));
    }
    text
}

pub(crate) fn node_id(node: u8) -> UniqueId {
    UniqueId::from_name(&format!("node {node}"))
}

pub(crate) fn boot_key(node: u8, boot: u8) -> SeedKey {
    let mut seed = [0x6e; 32];
    (seed[0], seed[1]) = (node, boot);
    SeedKey::from_seed(&seed).expect("every seed gives a key")
}

pub(crate) fn operator_key(operator: u8) -> SeedKey {
    SeedKey::from_seed(&[0x60 + operator; 32]).expect("every seed gives a key")
}

pub(crate) fn first_machine() -> Machine {
    let roster = Roster::new((0..FIRST_NODES).map(node_id).collect()).expect("a sound roster");
    Machine::new(Arc::clone(&CONFIGS[0]), roster).expect("a sound beginning")
}

/// What every honest node finds after this cut.
pub(crate) fn result(machine: &Machine, cut: u64) -> (Option<Head>, Digest) {
    let log = machine.statement(cut, None, Digest::of([])).map(|it| it.log_digest);
    let state = Digest::of(log.map(|digest| *digest.as_bytes()).unwrap_or_default());
    ((cut > 1).then(|| Head { seq: cut, hash: Digest::of(cut.to_le_bytes()) }), state)
}

impl<'a> Growing<'a> {
    pub(crate) fn new(input: Input<'a>) -> Self {
        Self {
            input,
            machine: first_machine(),
            boots: [0; NODES as usize],
            ends: [0; MEMBERS as usize],
            orders: 0,
            offer: None,
            written: Vec::new(),
        }
    }

    /// The next entry; the machine has to follow it before the one after is asked for.
    pub(crate) fn entry(&mut self) -> Option<Entry> {
        if self.input.is_empty() {
            return None;
        }
        let shape = self.input.byte();
        let node = self.node();
        let entry = match shape % 32 {
            0 => self.boot(node),
            1..=4 => self.admit(node),
            5..=9 => self.by(node, LogCommand::Policy(Command::Tick)),
            10..=12 => self.offer(node),
            13..=18 => self.vote(node),
            19..=25 => self.sign(node),
            26 | 27 => self.order(node),
            28 | 29 => self.hold(node),
            30 => self.of_an_older_boot(node),
            _ => self.hostile(node),
        };
        self.written.push(entry.payload.clone());
        Some(entry)
    }

    /// Mostly one of the roster.
    fn node(&mut self) -> u8 {
        let word = self.input.byte();
        let nodes = self.machine.roster().nodes();
        let of_roster = nodes.get(usize::from(word) % nodes.len());
        let known = (0..NODES).find(|node| of_roster == Some(&node_id(*node)));
        known.filter(|_| word < 240).unwrap_or(word % NODES)
    }

    fn place(&self, node: u8) -> u16 {
        self.machine.place_of(&node_id(node)).unwrap_or(u16::from(node))
    }

    fn by(&self, node: u8, command: LogCommand) -> Entry {
        self.by_boot(node, self.boots[usize::from(node)], command)
    }

    fn by_boot(&self, node: u8, boot: u8, command: LogCommand) -> Entry {
        let (id, key) = (node_id(node), boot_key(node, boot));
        let organism = self.machine.organism().stable_id();
        let signed = Signed::make(organism, &id, self.place(node), command, &key);
        let is_fenced = self.machine.is_fenced(&id, &key.public());
        Entry { payload: signed.encode(), is_fenced }
    }

    /// A node starts; or says again what it has said.
    fn boot(&mut self, node: u8) -> Entry {
        let again = self.input.byte();
        let boots = &mut self.boots[usize::from(node)];
        if !again.is_multiple_of(4) {
            *boots = boots.saturating_add(1);
        }
        let key = boot_key(node, *boots).public();
        self.by(
            node,
            LogCommand::Key {
                key,
                enrolment: vec![again; usize::from(again % 4)],
                quote: vec![again; 5],
            },
        )
    }

    /// Of a key that waits, if any does.
    fn admit(&mut self, by: u8) -> Entry {
        let node = u16::from(self.node());
        let waits = |node: &u16| self.machine.pending_key(*node).is_some();
        let node = (node..8).chain(0..8).find(waits).unwrap_or(node);
        let key = self.machine.pending_key(node).copied().unwrap_or([by; 32]);
        self.by(by, LogCommand::Admit { node, key })
    }

    fn offer(&mut self, node: u8) -> Entry {
        let (members, step) = (self.input.byte(), 1 + u64::from(self.input.byte() % 3));
        let mut heads = Vec::new();
        for (member, end) in (0_u16..).zip(&mut self.ends) {
            if members >> member & 1 > 0 {
                *end += step;
                let (seq, head) = (*end, Digest::of(end.to_le_bytes()));
                heads.push(OfferedHead { member, seq, head, closed: Some(seq), advance: step });
            }
        }
        let said = heads.iter().map(|head| head.member).collect();
        let command = Command::Offer(Offer { node: self.place(node), heads });
        let index = self.machine.log_index() + 1;
        self.offer = Some((OfferRef { index, hash: command.hash() }, said));
        self.by(node, LogCommand::Policy(command))
    }

    fn vote(&mut self, node: u8) -> Entry {
        let word = self.input.byte();
        let opinion = match word % 16 {
            0 => Opinion::Mismatch { head: Digest::of([2]) },
            1 => Opinion::Unavailable(Unavailable::Gap { earliest: self.input.number() }),
            _ => Opinion::Have,
        };
        let nothing = OfferRef { index: 1, hash: Digest::of([]) };
        let (offer, said) = self.offer.clone().unwrap_or((nothing, vec![0]));
        let opinions = said.into_iter().map(|member| (member, opinion)).collect();
        let time_ms = self.machine.log_index().saturating_mul(1_000);
        let vote = Vote { node: self.place(node), offer, opinions, time_ms };
        self.by(node, LogCommand::Policy(Command::Vote(vote)))
    }

    /// The node signs what waits. Only one of them lies.
    fn sign(&mut self, node: u8) -> Entry {
        let word = self.input.byte();
        let lies = node == LIAR && word.is_multiple_of(4);
        let key = boot_key(node, self.boots[usize::from(node)]);
        let newest = self.machine.policy().cut_number();
        let cuts: Vec<u64> = match word / 4 % 4 {
            0 => vec![newest.saturating_sub(u64::from(word / 16))],
            1 => vec![newest + 1, newest],
            _ => self.machine.open_cuts().map(|open| open.cut()).take(8).collect(),
        };
        let said = cuts.into_iter().map(|cut| {
            let (output, state_digest) = result(&self.machine, cut);
            let state_digest = if lies { Digest::of([word]) } else { state_digest };
            match self.machine.statement(cut, output, state_digest) {
                Some(statement) => statement.sign(&key),
                None => CutSignature { cut, output, state_digest, signature: [word; 64] },
            }
        });
        self.by(node, LogCommand::Sign(said.collect()))
    }

    fn order(&mut self, node: u8) -> Entry {
        let (word, signers) = (self.input.byte(), self.input.byte());
        self.orders += u64::from(word % 8 > 0);
        let roster = || {
            let nodes = (0..NODES).filter(|node| signers >> (node + 3) & 1 > 0);
            nodes.map(node_id).collect::<Vec<_>>()
        };
        let action = match word / 8 % 8 {
            0 => OrderAction::Pause,
            1 | 2 => OrderAction::Resume,
            3 => OrderAction::Release { member: u16::from(signers) % 4, up_to: 0 },
            4 => OrderAction::Retire { member: u16::from(signers / 8) % 8, last_clock: 900 },
            5 => OrderAction::Roster { nodes: roster() },
            _ => OrderAction::Config {
                content_hash: CONFIGS[usize::from(signers / 8 % 4)].content_hash(),
            },
        };
        let is_roster = matches!(action, OrderAction::Roster { .. });
        let replaces = is_roster.then(|| *self.machine.roster_digest());
        let organism = self.machine.organism().stable_id();
        let expires_ms = (word > 250).then_some(1);
        let order = Order { organism, sequence: self.orders, expires_ms, action };
        let by = (0..OPERATORS).filter(|operator| signers >> operator & 1 == 0);
        let signed = by.map(|operator| {
            let key = operator_key(operator);
            SignedOrder::sign(order.clone(), replaces, u16::from(operator), &key)
        });
        let signed = signed.reduce(|one, other| one.merge(other).expect("one order"));
        let nobody = || SignedOrder { order: order.clone(), replaces, signatures: Vec::new() };
        self.by(node, LogCommand::Order(signed.unwrap_or_else(nobody)))
    }

    fn hold(&mut self, node: u8) -> Entry {
        let other = CONFIGS[usize::from(self.input.byte() % 4)].content_hash();
        let config = self.machine.offered_config().unwrap_or(other);
        self.by(node, LogCommand::Hold { config })
    }

    /// A clone, or a boot that has slept, speaks as if it were still the node.
    fn of_an_older_boot(&mut self, node: u8) -> Entry {
        let (word, now) = (self.input.byte(), self.boots[usize::from(node)]);
        let boot = now.saturating_sub(1 + word % 3);
        let key = boot_key(node, boot).public();
        let command = match word / 4 % 4 {
            0 => LogCommand::Key { key, enrolment: Vec::new(), quote: Vec::new() },
            1 => LogCommand::Admit { node: 0, key: boot_key(0, self.boots[0]).public() },
            2 => LogCommand::Hold { config: CONFIGS[1].content_hash() },
            _ => LogCommand::Policy(Command::Tick),
        };
        self.by_boot(node, boot, command)
    }

    /// Altered, replayed, in another's name, or by nobody's key.
    fn hostile(&mut self, node: u8) -> Entry {
        let (word, number) = (self.input.byte(), self.input.u16());
        let tick = LogCommand::Policy(Command::Tick);
        let payload = match word % 4 {
            0 => {
                let mut payload = self.by(node, tick).payload;
                self.input.edit(&mut payload);
                payload
            }
            1 => {
                let at = usize::from(number) % (self.written.len() + 1);
                self.written.get(at).cloned().unwrap_or_default()
            }
            2 => {
                let offer = Command::Offer(Offer { node: number % 8, heads: Vec::new() });
                self.by(node, LogCommand::Policy(offer)).payload
            }
            _ => self.by_boot(node, 200, tick).payload,
        };
        // A replayed entry may be one of a boot that is fenced by now.
        Entry { is_fenced: word % 4 == 1 && self.is_of_a_fenced_boot(&payload), payload }
    }

    fn is_of_a_fenced_boot(&self, payload: &[u8]) -> bool {
        let Ok(signed) = Signed::decode(payload) else { return false };
        let organism = self.machine.organism().stable_id();
        (0..NODES).any(|node| {
            (0..=self.boots[usize::from(node)]).any(|boot| {
                let (id, key) = (node_id(node), boot_key(node, boot));
                let again = Signed::make(organism, &id, signed.node, signed.command.clone(), &key);
                again.signature == signed.signature && self.machine.is_fenced(&id, &key.public())
            })
        })
    }
}

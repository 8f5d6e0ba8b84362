//! A node that lies: it runs as the others do, and on the side puts its own signed commands into the
//! log, with its real key, and throws garbage at its peers.

use std::sync::Arc;

use holobiont_committee::{CutStatement, LogCommand, Signed, Signer};
use holobiont_committee_raft::Transport as _;
use holobiont_identity::{Digest, UniqueId};
use holobiont_policy::{Command, Offer, OfferedHead, Opinion, Vote};
use holobiont_surface::Head;
use openraft::AsyncRuntime as _;

use crate::dice::Dice;
use crate::host::{Computer, Host};
use crate::net::{Line, SimulatedNode};

/// How it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// It says that it holds whatever is offered.
    HasEverything,
    /// It offers heads that no member ever had.
    OffersNothing,
    /// It signs another result of every cut.
    SignsOther,
    /// It sends bytes that mean nothing, to the log and to the nodes.
    Garbage,
}

pub(crate) const LIES: [Lie; 4] =
    [Lie::HasEverything, Lie::OffersNothing, Lie::SignsOther, Lie::Garbage];

const EVERY_MS: u64 = 15;

pub(crate) struct Liar {
    pub(crate) node: SimulatedNode,
    pub(crate) line: Line,
    pub(crate) others: Vec<UniqueId>,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) lie: Lie,
    pub(crate) dice: Dice,
}

impl Liar {
    pub(crate) fn start(mut self, computer: &Arc<Computer>) {
        computer.spawn(async move {
            loop {
                Host::wait_ms(EVERY_MS).await;
                let commands = self.commands();
                for payload in commands {
                    // Nobody leads, or it cannot be reached: the next lie comes soon.
                    let _ = self.node.propose_raw(payload).await;
                }
                if self.lie == Lie::Garbage {
                    self.throw();
                }
            }
        });
    }

    fn commands(&mut self) -> Vec<Vec<u8>> {
        let (lie, dice) = (self.lie, &mut self.dice);
        let made = self.node.with_machine(|machine| {
            let place = machine.place_of(&self.line.id)?;
            let policy = machine.policy();
            let commands: Vec<LogCommand> = match lie {
                Lie::HasEverything => policy
                    .members()
                    .iter()
                    .zip(0_u16..)
                    .filter_map(|(state, member)| {
                        let offer = state.open_offer.as_ref()?.offer;
                        let opinions = vec![(member, Opinion::Have)];
                        let vote =
                            Vote { node: place, offer, opinions, time_ms: dice.next() >> 16 };
                        Some(LogCommand::Policy(Command::Vote(vote)))
                    })
                    .collect(),
                Lie::OffersNothing => {
                    let member = dice.below(policy.members().len());
                    let frontier = policy.members()[member].frontier;
                    let next = frontier.map_or(0, |frontier| frontier.seq + 1);
                    let head = OfferedHead {
                        member: u16::try_from(member).expect("few members"),
                        seq: next + dice.within(0..=5),
                        head: Digest::of(dice.bytes(8)),
                        closed: frontier.and_then(|frontier| frontier.closed),
                        advance: dice.within(0..=3),
                    };
                    vec![LogCommand::Policy(Command::Offer(Offer {
                        node: place,
                        heads: vec![head],
                    }))]
                }
                Lie::SignsOther => {
                    let latest = machine.latest_certificate().map(|it| it.statement.clone());
                    let base = latest.map(|statement| CutStatement {
                        cut: statement.cut + dice.within(0..=2),
                        output: Some(Head {
                            seq: dice.below(50) as u64,
                            hash: Digest::of(dice.bytes(8)),
                        }),
                        state_digest: Digest::of(dice.bytes(8)),
                        ..statement
                    });
                    base.map(|it| vec![LogCommand::Sign(vec![it.sign(&*self.signer)])])
                        .unwrap_or_default()
                }
                Lie::Garbage => Vec::new(),
            };
            Some((place, machine.organism().stable_id(), commands))
        });
        let Some((place, organism, commands)) = made else { return Vec::new() };
        let sign =
            |command| Signed::make(organism, &self.line.id, place, command, &*self.signer).encode();
        let mut payloads: Vec<Vec<u8>> = commands.into_iter().map(sign).collect();
        if lie == Lie::Garbage {
            let length = self.dice.below(300);
            let mut tick = sign(LogCommand::Policy(Command::Tick));
            let at = self.dice.below(tick.len());
            tick[at] ^= 1 << self.dice.below(8);
            payloads.extend([tick, self.dice.bytes(length)]);
        }
        payloads
    }

    /// At another node, whatever it makes of it.
    fn throw(&mut self) {
        let to = *self.dice.pick(&self.others);
        let length = self.dice.below(600);
        let mut body = self.dice.bytes(length);
        if self.dice.chance(700) {
            // As far as the version and the kind of request it is one.
            let kind = self.dice.below(8);
            let kind = u8::try_from(kind).expect("few kinds");
            let head = [&[1][..], &self.signer.public(), &[1, kind]].concat();
            body.splice(0..0, head);
        }
        let line = self.line.clone();
        drop(Host::spawn(async move { drop(line.call(to, body).await) }));
    }
}

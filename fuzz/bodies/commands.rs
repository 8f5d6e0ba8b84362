//! The committee's log: whatever is in it, the state goes on, never back, and the same elsewhere.

mod input;

use std::sync::LazyLock;

use holobiont_identity::OrderAction as Action;
use holobiont_identity::{Digest, Organism, UniqueId};
use holobiont_policy::{
    Command, CommitteeState, Cut, Offer, OfferRef, OfferedHead, Opinion, Order, Roster,
    Unavailable, Vote,
};
use input::Input;

const MEMBERS: u16 = 4;
const NODES: u16 = 3;
const MAX_ENTRIES: usize = 600;

const HEAD: &str = r#"
version = 1
name = "fuzzed"

[program]
name = "none"
version = 1

[floor]
normal = 3
halt_below = 1

[ticks]
checkpoint_every = 7
offer_timeout = 5

[policy]
max_advance = 40
late_after = 2
stall_after = 4
recover_after = 2
join_within = 3
"#;

/// Every policy there is, over four members.
const MEMBERS_OF: &str = r#"
[[member]]
name = "held"
stable_id = "fuzzed.held"
surface = "s"
[member.policy]
on_stall = "hold"

[[member]]
name = "skipped"
stable_id = "fuzzed.skipped"
surface = "s"
start = 6
clock = { offset = 3, divide = 2 }
[member.policy]
on_stall = "skip"
max_lag = 2
on_gap = "skip"

[[member]]
name = "carried"
stable_id = "fuzzed.carried"
surface = "s"
[member.policy]
on_stall = "carry"
carry_for = 5
then = "skip"
on_mismatch = "hold"
weight = 2

[[member]]
name = "carried-and-held"
stable_id = "fuzzed.carried-and-held"
surface = "s"
[member.policy]
on_stall = "carry"
carry_for = 3
then = "hold"
on_late_data = "drop"
max_lag = 9
"#;

/// Aligned by clock, and by arrival.
static ORGANISMS: LazyLock<[Organism; 2]> = LazyLock::new(|| {
    ["align = \"clock\"", "align = \"arrival\""].map(|align| {
        let text = HEAD.replacen("[program]", &format!("{align}\n[program]"), 1);
        Organism::parse(&format!("{text}{MEMBERS_OF}")).expect("a sound config")
    })
});

/// The first byte chooses the organism, and where the log or the state comes from.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mode = input.byte();
    let organism = &ORGANISMS[usize::from(mode % 2)];
    match mode / 2 % 4 {
        0 => check(organism, &read_log(&mut input)),
        1 => check(organism, &grow_log(organism, &mut input)),
        2 => check(organism, &changed_log(organism, &mut input)),
        _ => go_on_from_anything(organism, &mut input),
    }
}

fn roster() -> Roster {
    let names = (0..NODES).map(|node| UniqueId::from_name(&format!("node {node}")));
    Roster::new(names.collect()).expect("a sound roster")
}

/// Encoded commands, each behind its length.
fn read_log(input: &mut Input<'_>) -> Vec<(u64, Command)> {
    let mut log = Vec::new();
    while !input.is_empty() && log.len() < MAX_ENTRIES {
        let command = decode(input.blob());
        log.extend(command.map(|command| (index(&log) + 1, command)));
    }
    log
}

/// A grown log, its commands changed where they are encoded.
fn changed_log(organism: &Organism, input: &mut Input<'_>) -> Vec<(u64, Command)> {
    let log = grow_log(organism, &mut Input::new(input.blob()));
    let changed = log.into_iter().filter_map(|(index, command)| {
        let mut bytes = command.encode();
        input.edit(&mut bytes);
        Some((index, decode(&bytes)?))
    });
    changed.collect()
}

fn decode(bytes: &[u8]) -> Option<Command> {
    match Command::decode(bytes) {
        Ok(command) => {
            let again = Command::decode(&command.encode());
            assert_eq!(again.as_ref(), Ok(&command));
            Some(command)
        }
        Err(error) => {
            drop(error.to_string());
            None
        }
    }
}

fn index(log: &[(u64, Command)]) -> u64 {
    log.last().map_or(0, |(index, _)| *index)
}

/// A log as members, nodes and operators would leave it, and now and then as they would not.
fn grow_log(organism: &Organism, input: &mut Input<'_>) -> Vec<(u64, Command)> {
    let mut log: Vec<(u64, Command)> = Vec::new();
    let mut ends = [(0_u64, 0_u64); MEMBERS as usize];
    let mut orders = 0_u64;
    while !input.is_empty() && log.len() < MAX_ENTRIES {
        let shape = input.byte();
        let commands = match shape % 8 {
            0 | 1 => vec![Command::Tick; usize::from(shape / 8 % 8) + 1],
            2 => vec![order(organism, input, &mut orders)],
            3 => vec![nonsense(input)],
            _ => offer_and_votes(shape, input, &mut ends, index(&log) + 1),
        };
        for command in commands {
            log.push((index(&log) + 1, command));
        }
    }
    log
}

fn order(organism: &Organism, input: &mut Input<'_>, orders: &mut u64) -> Command {
    *orders += 1;
    let shape = input.byte();
    let member = u16::from(shape % 5);
    let action = match shape / 8 % 4 {
        0 => Action::Release { member, up_to: input.number() },
        1 => Action::Retire { member, last_clock: input.number() },
        2 => Action::Pause,
        _ => Action::Resume,
    };
    Command::Order(Order {
        organism: organism.stable_id(),
        sequence: if shape & 64 > 0 { input.number() } else { *orders },
        expires_ms: (shape & 128 > 0).then(|| input.number()),
        action,
    })
}

/// Of no member, of no node, on no offer.
fn nonsense(input: &mut Input<'_>) -> Command {
    let (node, member) = (u16::from(input.byte() % 5), input.u16() % 6);
    let head = Digest::of("nonsense");
    if member & 1 > 0 {
        let (seq, closed) = (input.number(), Some(input.number()));
        let heads = vec![OfferedHead { member, seq, head, closed, advance: 1 }; 2];
        return Command::Offer(Offer { node, heads });
    }
    Command::Vote(Vote {
        node,
        offer: OfferRef { index: input.number(), hash: head },
        opinions: vec![(member, Opinion::Have)],
        time_ms: input.number(),
    })
}

/// Some members' next records, and what each node says of them.
fn offer_and_votes(
    shape: u8,
    input: &mut Input<'_>,
    ends: &mut [(u64, u64); MEMBERS as usize],
    index: u64,
) -> Vec<Command> {
    let (members, say) = (input.byte(), input.byte());
    let mut heads = Vec::new();
    for (member, end) in (0_u16..).zip(ends) {
        if members >> member & 1 > 0 {
            let records = 1 + u64::from(shape >> 5 & 3);
            let clocks = if members & 16 > 0 { input.number() } else { 1 };
            *end = (end.0.saturating_add(records), end.1.saturating_add(clocks));
            let closed = (members & 32 == 0).then_some(end.1);
            let advance = if members & 64 > 0 { input.number() } else { clocks };
            heads.push(OfferedHead { member, seq: end.0, head: Digest::of([1]), closed, advance });
        }
    }
    let said = heads.iter().map(|head| head.member).collect::<Vec<_>>();
    let offer = Command::Offer(Offer { node: u16::from(say % 3), heads });
    let offered = OfferRef { index, hash: offer.hash() };
    let mut commands = vec![offer];
    for node in (0..NODES).filter(|node| members >> 7 & 1 == 0 || say >> node & 1 > 0) {
        let word = if say & 128 > 0 { input.byte() } else { 0 };
        let opinion = match word % 8 {
            1 => Opinion::Mismatch { head: Digest::of([2]) },
            2 => Opinion::Unavailable(Unavailable::Gap { earliest: input.number() }),
            3 => Opinion::Unavailable(Unavailable::Ticket),
            4 => Opinion::Unavailable(Unavailable::Attestation),
            5 => Opinion::Unavailable(Unavailable::Source),
            _ => Opinion::Have,
        };
        let opinions = said.iter().map(|member| (*member, opinion)).collect();
        let time_ms = if word & 8 > 0 { input.number() } else { index };
        commands.push(Command::Vote(Vote { node, offer: offered, opinions, time_ms }));
    }
    commands
}

/// A state that no log has left, if it is taken at all, must still not panic or go back.
fn go_on_from_anything(organism: &Organism, input: &mut Input<'_>) {
    let mut state = CommitteeState::new(organism, roster());
    for (index, command) in grow_log(organism, &mut Input::new(input.blob())) {
        state.apply(index, &command);
    }
    let mut bytes = state.snapshot();
    input.edit(&mut bytes);
    let mut state = match CommitteeState::restore(organism, roster(), &bytes) {
        Ok(state) => state,
        Err(error) => return drop(error.to_string()),
    };
    let again = CommitteeState::restore(organism, roster(), &state.snapshot());
    assert_eq!(again.map(|again| again.snapshot()), Ok(state.snapshot()));
    for (index, command) in grow_log(organism, input) {
        let before = (state.watermark(), state.time_ms(), state.tick());
        state.apply(state.log_index().saturating_add(index), &command);
        assert!((state.watermark(), state.time_ms(), state.tick()) >= before);
    }
}

fn check(organism: &Organism, log: &[(u64, Command)]) {
    let mut state = CommitteeState::new(organism, roster());
    let mut cuts: Vec<Cut> = Vec::new();
    let middle = log.len() / 2;
    let mut saved = (state.snapshot(), 0);
    for (place, (index, command)) in log.iter().enumerate() {
        if place == middle {
            saved = (state.snapshot(), cuts.len());
        }
        let before = (state.watermark(), state.time_ms(), state.tick());
        let applied = state.apply(*index, command);
        assert!(state.watermark() >= before.0 && state.time_ms() >= before.1);
        assert!(state.tick() >= before.2);
        assert_eq!(state.log_index(), *index);
        if let Some(cut) = applied.cut {
            follows(cuts.last(), &cut);
            assert_eq!((cut.log_index, cut.watermark), (*index, state.watermark()));
            cuts.push(cut);
        }
    }
    if let Some((index, command)) = log.last() {
        let snapshot = state.snapshot();
        assert_eq!(state.apply(*index, command).cut, None, "an entry counts once");
        assert_eq!(state.snapshot(), snapshot);
    }
    let restored = CommitteeState::restore(organism, roster(), &saved.0);
    let mut restored = restored.expect("its own snapshot");
    let rest = log.iter().skip(middle);
    let again: Vec<Cut> =
        rest.filter_map(|(index, command)| restored.apply(*index, command).cut).collect();
    assert_eq!(again.as_slice(), cuts.get(saved.1..).unwrap_or_default());
    assert_eq!(restored.snapshot(), state.snapshot());
}

fn follows(before: Option<&Cut>, cut: &Cut) {
    assert_eq!(cut.number, before.map_or(0, |cut| cut.number) + 1);
    assert_eq!(cut.previous_watermark, before.and_then(|cut| cut.watermark));
    assert_eq!(cut.members.len(), usize::from(MEMBERS));
    assert!(cut.time_ms >= before.map_or(0, |cut| cut.time_ms));
    if cut.checkpoint {
        assert_eq!(cut.watermark, cut.previous_watermark);
        assert!(cut.changes.is_empty());
    }
    for (before, member) in before.iter().flat_map(|cut| &cut.members).zip(&cut.members) {
        let seq = |frontier: Option<holobiont_policy::Frontier>| frontier.map(|it| it.seq);
        assert!(seq(member.frontier) >= seq(before.frontier));
    }
}

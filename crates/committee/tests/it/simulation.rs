//! Seeded logs of nodes, operators and intruders; one file for each thing that must hold of all.
//!
//! A failure names its seed: put it into `SEEDS` to run it alone.

mod fenced_boots;
mod one_certificate;
mod policy_alone;
mod restored;

use holobiont_committee::{Effects, Machine};

use crate::input::Input;
use crate::signed_log::{Entry, Growing, HELD, STARTED};

const SEEDS: std::ops::Range<u64> = 0..24;
const MANY_SEEDS: std::ops::Range<u64> = 0..2_000;
const BYTES: usize = 2_000;

/// A log, and what it did to the machine that followed it.
struct Run {
    seed: u64,
    entries: Vec<Entry>,
    effects: Vec<Effects>,
    machine: Machine,
}

impl Run {
    fn of(seed: u64) -> Self {
        let mut bytes = vec![0; BYTES];
        let mut stream = blake3::Hasher::new();
        stream.update(b"committee").update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
        // Most logs begin with a committee that starts in good order.
        let start: &[u8] = if seed.is_multiple_of(8) { &[] } else { &STARTED };
        let bytes = [start, &bytes].concat();
        let mut growing = Growing::new(Input::new(&bytes));
        let (mut entries, mut effects) = (Vec::new(), Vec::new());
        while let Some(entry) = growing.entry() {
            effects.push(apply(&mut growing.machine, &entry));
            entries.push(entry);
        }
        Self { seed, entries, effects, machine: growing.machine }
    }
}

fn apply(machine: &mut Machine, entry: &Entry) -> Effects {
    let index = machine.log_index() + 1;
    machine.apply(index, &entry.payload, &*HELD).expect("nothing stops the log")
}

fn must_hold(run: &Run) {
    one_certificate::must_hold(run);
    fenced_boots::must_hold(run);
    restored::must_hold(run);
    policy_alone::must_hold(run);
}

#[test]
fn whatever_is_in_the_log_it_holds() {
    let (mut certified, mut fenced, mut taken_up, mut rosters) = (0, 0, 0, 0);
    for seed in SEEDS {
        let run = Run::of(seed);
        must_hold(&run);
        certified += one_certificate::certified(&run);
        fenced += run.entries.iter().filter(|entry| entry.is_fenced).count();
        taken_up += run.effects.iter().filter(|effects| effects.take_up.is_some()).count();
        rosters += run.effects.iter().filter(|effects| effects.roster.is_some()).count();
    }
    // Or it would have shown nothing.
    let reached = [certified, fenced, taken_up, rosters];
    println!("{reached:?}");
    assert!(reached.iter().all(|reached| *reached > 0), "{reached:?}");
}

#[test]
#[ignore = "thousands of logs take minutes: for the night"]
fn whatever_is_in_many_logs_it_holds() {
    MANY_SEEDS.map(Run::of).for_each(|run| must_hold(&run));
}

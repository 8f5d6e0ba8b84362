//! On its way from the reader's memory to the program a record costs no allocation. A test binary of
//! its own: it counts all allocations of the process.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::alloc::System;
use std::path::Path;

use holobiont_identity::Organism;
use holobiont_policy::{Command, Offer, OfferRef, OfferedHead, Opinion, Roster, Vote};
use holobiont_replay::{Commits, Event, NoOutput, Program, ProgramError, Replay, Surfaces};
use holobiont_surface::{Genesis, NewRecord, SurfaceWriter, WriterOptions};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MEMBERS: u64 = 8;
const RECORDS: u64 = 8_000;
const QUARTER: u64 = MEMBERS * RECORDS / 4;
const THREE_QUARTERS: u64 = QUARTER * 3;
const LAST_CLOCK: u64 = 1_000_000;

/// Notes how much was allocated by some records of a cut.
struct Counter {
    told: u64,
    /// Allocations until a quarter of the records were told, and until three: at the ends of the
    /// surfaces the reader's blocks begin and end.
    early: usize,
    late: usize,
}

impl Program for Counter {
    const NAME: &'static str = "counter";
    const VERSION: u32 = 1;

    fn fold(&mut self, event: Event<'_>, _: &mut Commits<'_>) -> Result<(), ProgramError> {
        if let Event::Record(_) = event {
            self.told += 1;
            let stats = ALLOCATOR.stats();
            let allocations = stats.allocations + stats.reallocations;
            match self.told {
                QUARTER => self.early = allocations,
                THREE_QUARTERS => self.late = allocations,
                _ => {}
            }
        }
        Ok(())
    }

    fn snapshot(&self, _: &mut Vec<u8>) {}

    fn restore(&mut self, _: &[u8]) -> Result<(), ProgramError> {
        Ok(())
    }
}

fn organism() -> Organism {
    let mut text =
        "version = 1\nname = \"counted\"\nprogram = { name = \"counter\", version = 1 }\n\
                    policy = { max_advance = 1000000 }\n"
            .to_owned();
    for member in 0..MEMBERS {
        text += &format!(
            "[[member]]\nname = \"m{member}\"\nstable_id = \"test.m{member}\"\nsurface = \"s\"\n\
             start = 1\n"
        );
    }
    Organism::parse(&text).unwrap()
}

/// Members take turns after runs of this many records.
fn write(organism: &Organism, run: u64, dir: &Path) {
    for (place, member) in (0..).zip(&organism.members) {
        let genesis = Genesis::new(member.surface_id());
        let path = dir.join(&member.name);
        let mut writer = SurfaceWriter::create(&path, genesis, WriterOptions::default()).unwrap();
        for number in 0..RECORDS {
            let turn = number / run * MEMBERS + place;
            let is_last = number + 1 == RECORDS;
            let clock = if is_last { LAST_CLOCK } else { 1 + turn * run + number % run };
            let (closes_clock, time_ms, kind, payload) = (true, 0, 1, &[7; 100]);
            writer.append(NewRecord { clock, closes_clock, time_ms, kind, payload }).unwrap();
        }
        writer.sync().unwrap();
    }
}

/// Everything in one cut.
fn commands(surfaces: &Surfaces) -> [Command; 2] {
    let heads: Vec<OfferedHead> = (0..)
        .zip(surfaces.iter())
        .map(|(member, (_, surface))| {
            let head = surface.head_at(RECORDS - 1).unwrap();
            let closed = Some(LAST_CLOCK);
            OfferedHead { member, seq: head.seq, head: head.hash, closed, advance: 1 }
        })
        .collect();
    let opinions = heads.iter().map(|head| (head.member, Opinion::Have)).collect();
    let offer = Command::Offer(Offer { node: 0, heads });
    let reference = OfferRef { index: 1, hash: offer.hash() };
    [offer, Command::Vote(Vote { node: 0, offer: reference, opinions, time_ms: 0 })]
}

#[test]
fn a_record_costs_no_allocation() {
    let organism = organism();
    for run in [1, 7, 600] {
        let dir = tempfile::tempdir().unwrap();
        write(&organism, run, dir.path());
        let surfaces = Surfaces::open(&organism, dir.path(), 64 << 20).unwrap();
        let program = Counter { told: 0, early: 0, late: 0 };
        let mut replay = Replay::new(&organism, Roster::replay(), &surfaces, program);
        for (index, command) in (1..).zip(&commands(&surfaces)) {
            replay.step(index, command, &mut NoOutput).unwrap();
        }
        let program = replay.program();
        assert_eq!(program.told, MEMBERS * RECORDS);
        assert_eq!(program.late - program.early, 0, "allocations, in runs of {run}");
    }
}

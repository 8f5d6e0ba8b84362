mod seal;
pub(super) mod serve;

use std::path::Path;
use std::time::Instant;

use holobiont_surface::{Surface, SurfaceError};
use serde::Serialize;

use crate::cli::{ClockFormat, Export, Import, Inspect, Surface as Command, Verify};
use crate::failure::Failure;
use crate::files;
use crate::import::{Imported, MAX_IMPORT_BYTES, NdjsonLine, Target};
use crate::opened::{name_of, surface_dirs};
use crate::print::{self, Lines};
use crate::text::{Grouped, count};

pub(super) fn run(command: &Command, as_json: bool) -> Result<(), Failure> {
    match command {
        Command::Import(args) => import(args, as_json),
        Command::Inspect(args) => inspect(args, as_json),
        Command::Verify(args) => verify(args, as_json),
        Command::Seal(args) => seal::run(args, as_json),
        Command::Export(args) => export(args),
        Command::Serve(args) => serve::run(args, as_json),
    }
}

fn import(args: &Import, as_json: bool) -> Result<(), Failure> {
    let bytes = files::read_bytes(&args.file, MAX_IMPORT_BYTES)?;
    let column = args.clock_column.as_deref();
    let imported = Imported::read(&args.file, &bytes, args.format, column, args.clock)?;
    let made = imported.write(&Target {
        out: &args.out,
        stable_id_prefix: &args.stable_id,
        surface: &args.surface,
        segment_bytes: args.segment_bytes,
        max_window_bytes: args.max_window_bytes,
    })?;
    if as_json {
        #[derive(Serialize)]
        struct Told<'a> {
            surfaces: &'a [crate::import::Made],
        }
        return print::json("surface.import", &Told { surfaces: &made });
    }
    let show = |clock: Option<u64>| clock.map_or_else(|| "–".to_owned(), |it| args.clock.show(it));
    let rows = made.iter().map(|made| {
        [
            made.member.clone(),
            Grouped(made.records).to_string(),
            show(made.first_clock),
            show(made.last_clock),
            made.surface_id.clone(),
        ]
    });
    print::text(&print::table(["member", "records", "first", "last", "surface id"], rows))?;
    print::note(&format!(
        "{} in {}; look with: holobiont surface inspect {}",
        count(u64::try_from(made.len()).unwrap_or(u64::MAX), "surface"),
        args.out.display(),
        args.out.display()
    ));
    Ok(())
}

/// What a surface holds.
#[derive(Debug, Serialize)]
struct Inspected {
    name: String,
    surface_id: String,
    window_records: u32,
    max_window_bytes: u32,
    every_record_closes: bool,
    earliest: u64,
    next_seq: u64,
    first_clock: Option<u64>,
    last_clock: Option<u64>,
    mark: Option<Point>,
    segments: Vec<Segment>,
    torn: Option<String>,
}

#[derive(Debug, Serialize)]
struct Point {
    seq: u64,
    head: String,
}

#[derive(Debug, Serialize)]
struct Segment {
    file: String,
    first_seq: u64,
    last_seq: Option<u64>,
    size_bytes: u64,
    windows: u32,
    sealed: bool,
}

impl Inspected {
    fn of(dir: &Path, surface: &Surface) -> Self {
        let genesis = surface.genesis();
        let clocks = surface.clock_range();
        Self {
            name: name_of(dir),
            surface_id: genesis.surface_id.to_string(),
            window_records: genesis.window_records,
            max_window_bytes: genesis.max_window_bytes,
            every_record_closes: genesis.every_record_closes,
            earliest: surface.earliest(),
            next_seq: surface.next_seq(),
            first_clock: clocks.map(|clocks| clocks.0),
            last_clock: clocks.map(|clocks| clocks.1),
            mark: surface.mark().map(|mark| Point { seq: mark.seq, head: mark.hash.to_string() }),
            segments: surface
                .segments()
                .map(|segment| Segment {
                    file: name_of(&segment.file),
                    first_seq: segment.first_seq,
                    last_seq: segment.last_seq,
                    size_bytes: segment.size_bytes,
                    windows: segment.windows,
                    sealed: segment.sealed,
                })
                .collect(),
            torn: surface.torn().map(|torn| {
                format!(
                    "{} bytes at {} of {}: {}",
                    torn.size_bytes,
                    torn.offset,
                    torn.file.display(),
                    torn.why
                )
            }),
        }
    }

    fn records(&self) -> u64 {
        self.next_seq.saturating_sub(self.earliest)
    }

    fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size_bytes).fold(0, u64::saturating_add)
    }

    fn render(&self, clock: ClockFormat) -> String {
        let clocks = match (self.first_clock, self.last_clock) {
            (Some(first), Some(last)) => format!("{} to {}", clock.show(first), clock.show(last)),
            _ => "none".to_owned(),
        };
        let mark = self.mark.as_ref().map_or_else(
            || "nothing".to_owned(),
            |mark| format!("record {}, head {}", mark.seq, mark.head),
        );
        let mut text = format!(
            "{}\n  surface id   {}\n  records      {} ({} to {}, exclusive)\n  clocks       {clocks}\n  \
             durable to   {mark}\n  windows      of {} records, at most {} bytes\n",
            self.name,
            self.surface_id,
            Grouped(self.records()),
            self.earliest,
            self.next_seq,
            self.window_records,
            Grouped(self.max_window_bytes),
        );
        for segment in &self.segments {
            let kind = if segment.sealed { "sealed" } else { "open" };
            text.push_str(&format!(
                "  {kind:<12} {}, {}, {} bytes\n",
                segment.file,
                count(u64::from(segment.windows), "window"),
                Grouped(segment.size_bytes)
            ));
        }
        if let Some(torn) = &self.torn {
            text.push_str(&format!("  torn         {torn}\n"));
        }
        text
    }
}

fn inspect(args: &Inspect, as_json: bool) -> Result<(), Failure> {
    let mut all = Vec::new();
    for dir in surface_dirs(&args.dir)? {
        all.push(Inspected::of(&dir, &Surface::open(&dir)?));
    }
    if as_json {
        #[derive(Serialize)]
        struct Told<'a> {
            surfaces: &'a [Inspected],
        }
        return print::json("surface.inspect", &Told { surfaces: &all });
    }
    if let [one] = all.as_slice() {
        return print::text(&one.render(args.clock));
    }
    let show = |clock: Option<u64>| clock.map_or_else(|| "–".to_owned(), |it| args.clock.show(it));
    let rows = all.iter().map(|it| {
        [
            it.name.clone(),
            Grouped(it.records()).to_string(),
            show(it.first_clock),
            show(it.last_clock),
            Grouped(it.size_bytes()).to_string(),
            if it.torn.is_some() { "torn tail" } else { "whole" }.to_owned(),
        ]
    });
    print::text(&print::table(["surface", "records", "first", "last", "bytes", "tail"], rows))
}

/// What a verification found of one surface.
#[derive(Debug, Serialize)]
struct Checked {
    name: String,
    records: u64,
    windows: u64,
    bytes: u64,
    head: Option<Point>,
    torn: Option<String>,
    /// Why it could not be verified.
    failure: Option<String>,
    is_damaged: bool,
}

fn verify(args: &Verify, as_json: bool) -> Result<(), Failure> {
    if args.from.zip(args.to).is_some_and(|(from, to)| from > to) {
        return Err(Failure::Usage {
            what: "--from is after --to".to_owned(),
            help: "name the first and the last record of a range",
        });
    }
    let started = Instant::now();
    let mut checked = Vec::new();
    let mut first_failure: Option<SurfaceError> = None;
    for dir in surface_dirs(&args.dir)? {
        let (one, failure) = check(&dir, args);
        checked.push(one);
        first_failure = first_failure.or(failure);
    }
    let seconds = started.elapsed().as_secs_f64();
    let failure = first_failure.map(Failure::from);
    if as_json {
        #[derive(Serialize)]
        struct Told<'a> {
            surfaces: &'a [Checked],
            seconds: f64,
        }
        let told = Told { surfaces: &checked, seconds };
        print::verdict("surface.verify", failure.is_none(), &told)?;
        return failure.map_or(Ok(()), |failure| Err(Failure::Reported(Box::new(failure))));
    }
    print::text(&render(&checked, seconds))?;
    failure.map_or(Ok(()), Err)
}

fn check(dir: &Path, args: &Verify) -> (Checked, Option<SurfaceError>) {
    let Verify { from, to, reading, .. } = args;
    let mut checked = Checked {
        name: name_of(dir),
        records: 0,
        windows: 0,
        bytes: 0,
        head: None,
        torn: None,
        failure: None,
        is_damaged: false,
    };
    let verified = reading.surface(dir).and_then(|surface| {
        checked.torn = surface.torn().map(|torn| {
            format!(
                "{} bytes after record {} are torn",
                torn.size_bytes,
                surface.next_seq().saturating_sub(1)
            )
        });
        if from.is_none() && to.is_none() {
            return surface.verify(None);
        }
        let last = surface.next_seq().saturating_sub(1);
        let (from, to) = (from.unwrap_or(surface.earliest()), to.unwrap_or(last));
        if from.max(to) >= surface.next_seq() {
            let (wanted, next_seq) = (from.max(to), surface.next_seq());
            return Err(SurfaceError::NotYet { wanted, next_seq });
        }
        surface.verify(Some((from, to)))
    });
    match verified {
        Ok(verified) => {
            checked.records = verified.records;
            checked.windows = verified.windows;
            checked.bytes = verified.bytes;
            checked.head =
                verified.head.map(|head| Point { seq: head.seq, head: head.hash.to_string() });
            (checked, None)
        }
        Err(error) => {
            checked.failure = Some(error.to_string());
            checked.is_damaged = !error.is_io() && !matches!(error, SurfaceError::NotYet { .. });
            (checked, Some(error))
        }
    }
}

fn render(checked: &[Checked], seconds: f64) -> String {
    let rows = checked.iter().map(|it| {
        let found = match (&it.failure, &it.torn) {
            (Some(_), _) if it.is_damaged => "DAMAGED".to_owned(),
            (Some(_), _) => "not verified".to_owned(),
            (None, Some(torn)) => format!("ok; {torn}"),
            (None, None) => "ok".to_owned(),
        };
        let head = it.head.as_ref().map_or("–", |point| point.head.as_str());
        [
            it.name.clone(),
            Grouped(it.records).to_string(),
            Grouped(it.windows).to_string(),
            head.to_owned(),
            found,
        ]
    });
    let mut text = print::table(["surface", "records", "windows", "head", "chain"], rows);
    for it in checked {
        if let Some(failure) = &it.failure {
            text.push_str(&format!("{}: {failure}\n", it.name));
        }
    }
    let records = checked.iter().map(|it| it.records).fold(0, u64::saturating_add);
    let bytes = checked.iter().map(|it| it.bytes).fold(0, u64::saturating_add);
    text.push_str(&format!(
        "{} and {} bytes verified in {seconds:.3} s\n",
        count(records, "record"),
        Grouped(bytes)
    ));
    text
}

fn export(args: &Export) -> Result<(), Failure> {
    let surface = Surface::open(&args.dir)?;
    let member = name_of(&args.dir);
    let mut cursor = surface.cursor(surface.earliest())?;
    let mut lines = Lines::new();
    while cursor.peek()?.is_some() {
        if let Some(record) = cursor.current() {
            let line = NdjsonLine::of(&member, &record).map_err(Failure::unexpected)?;
            lines.push(&line)?;
        }
        cursor.advance();
    }
    lines.finish()
}

use std::path::{Path, PathBuf};

use holobiont_identity::Organism;
use holobiont_policy::{Grade, Status};
use holobiont_programs::{CrossFeedCommit, Description, describe};
use holobiont_replay::{Commit, Published as Record, Surfaces};
use holobiont_surface::Trust;
use serde::Serialize;

use super::audit::audit_published;
use super::replay::{Done, Job};
use crate::cli::{ClockFormat, Demo as Args, ImportFormat, Reading};
use crate::failure::Failure;
use crate::files;
use crate::import::{Imported, Target};
use crate::opened::Published;
use crate::page::{Page, Point, Span, Timeline};
use crate::print;
use crate::report::{MemberSummary, surface_bytes};
use crate::text::{Grouped, count, iso};

const RATES: &str = include_str!("../../../../examples/euro-fx/eurofxref-hist.csv");
const ORGANISM: &str = include_str!("../../../../examples/euro-fx/organism.toml");
const ORDERS: &str = include_str!("../../../../examples/euro-fx/orders.toml");
const SOURCE_NOTE: &str =
    "Source: European Central Bank, euro foreign exchange reference rates, 1999 to 2026.";
/// Says that a folder is the demo's own, and may be made anew.
const MARKER: &str = ".holobiont-demo";
const CLOCK: ClockFormat = ClockFormat::Days;

pub(super) fn run(args: &Args, as_json: bool) -> Result<(), Failure> {
    let demo = Demo::prepare(&args.out)?;
    if let Some(dir) = &args.html {
        std::fs::create_dir_all(dir).map_err(Failure::io(dir, "creating"))?;
    }
    demo.import()?;
    let (organism, source) = files::organism(&demo.organism)?;
    let surfaces = Reading::default().surfaces(&organism, &demo.surfaces, Trust::Full)?;
    print::note(&format!("folding {} over them ...", organism.name));
    let done = demo.replay(&organism, &source, &surfaces)?;
    print::note("auditing: recomputing every commit from the members' surfaces ...");
    let published = Published::new(&demo.out);
    let audited = audit_published(&demo.organism, &organism, &surfaces, &published, None)?;
    let commits = Commits::read(&organism, &published)?;
    if let Some(dir) = &args.html {
        write_page(dir, &organism, &done, &commits)?;
    }
    if as_json {
        #[derive(Serialize)]
        struct Told<'a> {
            #[serde(flatten)]
            done: &'a Done,
            audited_records: u64,
            last_commit: Option<&'a serde_json::Value>,
        }
        let last_commit = commits.last.as_ref().map(|(_, last)| &last.json);
        return print::json(
            "demo",
            &Told { done: &done, audited_records: audited.compared, last_commit },
        );
    }
    print::text(&done.summary.render(CLOCK))?;
    print::text(&format!(
        "\naudit: {} recomputed from the members' surfaces, all equal; {} on disk\n{}",
        count(audited.compared, "published record"),
        megabytes(surface_bytes(&surfaces)),
        done.pace.render()
    ))?;
    print::text(&commits.render_last())?;
    print::text(&demo.next_steps(&commits, args.html.as_deref()))
}

/// The demo's folder and what goes where in it.
struct Demo {
    root: PathBuf,
    organism: PathBuf,
    orders: PathBuf,
    surfaces: PathBuf,
    out: PathBuf,
}

impl Demo {
    fn prepare(root: &Path) -> Result<Self, Failure> {
        let demo = Self {
            root: root.to_owned(),
            organism: root.join("organism.toml"),
            orders: root.join("orders.toml"),
            surfaces: root.join("surfaces"),
            out: root.join("out"),
        };
        let is_ours = root.join(MARKER).is_file();
        if is_ours {
            std::fs::remove_dir_all(root).map_err(Failure::io(root, "removing"))?;
        } else if !files::is_free(root)? {
            return Err(Failure::Usage {
                what: format!("{} holds something else", root.display()),
                help: "name another folder with --out",
            });
        }
        std::fs::create_dir_all(&demo.surfaces).map_err(Failure::io(root, "creating"))?;
        files::replace(&root.join(MARKER), b"")?;
        files::replace(&demo.organism, ORGANISM.as_bytes())?;
        files::replace(&demo.orders, ORDERS.as_bytes())?;
        Ok(demo)
    }

    fn import(&self) -> Result<(), Failure> {
        print::note("importing the ECB's reference rates, one surface a currency ...");
        let file = Path::new("eurofxref-hist.csv");
        let imported =
            Imported::read(file, RATES.as_bytes(), Some(ImportFormat::Csv), Some("Date"), CLOCK)?;
        let made = imported.write(&Target {
            out: &self.surfaces,
            stable_id_prefix: "ecb.euro-fx.",
            surface: "rates",
            segment_bytes: holobiont_surface::DEFAULT_SEGMENT_BYTES,
            max_window_bytes: 1 << 20,
        })?;
        let records = made.iter().map(|made| made.records).fold(0, u64::saturating_add);
        let surfaces = count(u64::try_from(made.len()).unwrap_or(u64::MAX), "surface");
        print::note(&format!("  {}, {surfaces}", count(records, "record")));
        Ok(())
    }

    fn replay(
        &self,
        organism: &Organism,
        source: &str,
        surfaces: &Surfaces,
    ) -> Result<Done, Failure> {
        let orders = files::orders(&self.orders, organism)?;
        let job = Job {
            organism,
            source,
            surfaces,
            orders,
            cuts: None,
            snapshot: None,
            snapshot_every: 1_000,
            out: &self.out,
        };
        job.run(&self.organism)
    }

    fn next_steps(&self, commits: &Commits, page: Option<&Path>) -> String {
        let root = quoted(&self.root);
        // As it was called, so that the lines work wherever the binary is.
        let holobiont = std::env::args_os()
            .next()
            .map_or_else(|| "holobiont".to_owned(), |called| quoted(Path::new(&called)));
        let last = commits.last.as_ref().map_or(0, |(seq, _)| *seq);
        let mut text = format!(
            "\nwhat to try next\n  \
             {holobiont} explain --against {root}/out --surfaces {root}/surfaces --commit {last} --clock days\n  \
             {holobiont} audit --organism {root}/organism.toml --surfaces {root}/surfaces --against {root}/out\n  \
             {holobiont} surface verify {root}/surfaces\n  \
             flip a byte of a file under {root}/surfaces, and audit again\n"
        );
        match page {
            Some(dir) => {
                text.push_str(&format!("  open {}/index.html in a browser\n", quoted(dir)));
            }
            None => text.push_str(&format!("  {holobiont} demo --html page\n")),
        }
        text
    }
}

/// What the organism published, read back from its surface.
struct Commits {
    points: Vec<Point>,
    last: Option<(u64, Description)>,
}

impl Commits {
    fn read(organism: &Organism, published: &Published) -> Result<Self, Failure> {
        let surface = published.open(organism)?;
        let mut cursor = surface.cursor(surface.earliest())?;
        let mut points = Vec::new();
        let mut last: Option<(u64, Commit)> = None;
        while cursor.peek()?.is_some() {
            if let Some(record) = cursor.current()
                && let Record::Commit(commit) = Record::read(&record)?
            {
                points.push(point(&commit)?);
                last = Some((record.seq(), commit));
            }
            cursor.advance();
        }
        let names: Vec<&str> = organism.members.iter().map(|member| member.name.as_str()).collect();
        let program = &organism.program;
        let last = match last {
            Some((seq, commit)) => {
                let payload = &commit.payload;
                Some((seq, describe(&program.name, program.version, payload, &names)?))
            }
            None => None,
        };
        Ok(Self { points, last })
    }

    fn render_last(&self) -> String {
        let Some((seq, last)) = &self.last else {
            return String::new();
        };
        let table = print::table(last.columns.iter().copied(), last.rows.iter().cloned());
        format!(
            "\nlast commit, record {} of the organism's surface\n{}: {}\n{table}",
            Grouped(seq),
            CLOCK.show(last.clock),
            last.headline
        )
    }
}

fn point(commit: &Commit) -> Result<Point, Failure> {
    let said = CrossFeedCommit::decode(&commit.payload).map_err(Failure::unexpected)?;
    Ok(Point {
        day: i64::try_from(said.clock).unwrap_or(i64::MAX),
        value_e8: i128::from(said.index),
        degraded: commit.grade == Grade::Degraded,
    })
}

fn write_page(
    dir: &Path,
    organism: &Organism,
    done: &Done,
    commits: &Commits,
) -> Result<(), Failure> {
    let summary = &done.summary;
    let first_day = commits.points.first().map_or(0, |point| point.day);
    let last_day = commits.points.last().map_or(0, |point| point.day);
    let all = summary.commits_normal.saturating_add(summary.commits_degraded);
    let page = Page {
        organism: &organism.name,
        stable_id: summary.stable_id.clone(),
        content_hash: summary.content_hash.clone(),
        output_head: summary.output_head.clone().unwrap_or_default(),
        state_digest: summary.state_digest.clone(),
        facts: vec![
            ("records".to_owned(), Grouped(summary.records).to_string()),
            (
                "commits".to_owned(),
                format!(
                    "{} ({} normal, {} degraded)",
                    Grouped(all),
                    Grouped(summary.commits_normal),
                    Grouped(summary.commits_degraded)
                ),
            ),
            ("cuts".to_owned(), Grouped(summary.cuts).to_string()),
            ("folded in".to_owned(), format!("{:.2} s", done.pace.seconds)),
            ("last day".to_owned(), format!("{} (from {})", iso(last_day), iso(first_day))),
        ],
        first_day,
        last_day,
        members: summary.members.iter().map(|it| timeline(it, first_day, last_day)).collect(),
        index: commits.points.iter().map(Point::clone).collect(),
        source_note: SOURCE_NOTE,
    };
    files::replace(&dir.join("index.html"), page.render().as_bytes())
}

/// A member's statuses as stretches of days, from the changes that the cuts told.
fn timeline(member: &MemberSummary, first_day: i64, last_day: i64) -> Timeline {
    let end = last_day.saturating_add(1);
    let mut spans: Vec<Span> = Vec::new();
    let mut from_day = first_day;
    let mut status = Status::Absent;
    for change in &member.changes {
        let day = i64::try_from(change.clock).unwrap_or(i64::MAX).min(end);
        if day > from_day {
            spans.push(Span { from_day, to_day: day, status });
        }
        from_day = day;
        status = change.to;
    }
    spans.push(Span { from_day, to_day: end, status });
    Timeline { name: member.name.clone(), records: member.position.folded, spans }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |it: char| it.is_alphanumeric() || "/._-+,:@".contains(it);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

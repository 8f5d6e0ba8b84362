//! The network as a table that is redrawn in place, or as a line now and then where there is no
//! terminal.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::events::Events;
use super::layout::Layout;
use super::links::Place;
use super::processes::Processes;
use super::rates::Rates;
use super::watch::Seen;
use crate::cli::ClockFormat;
use crate::print;
use crate::run::told::{TellMember, Told};
use crate::text::plain;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
const DRAW_EVERY: Duration = Duration::from_millis(200);
const CLOCK: ClockFormat = ClockFormat::Days;

/// What is known of the network at one moment.
pub(super) struct Moment<'a> {
    pub(super) layout: &'a Layout,
    pub(super) processes: &'a Processes,
    pub(super) rates: &'a Rates,
    pub(super) seen: &'a [Seen],
    pub(super) events: &'a Events,
    /// The day that members have come to.
    pub(super) day: Option<u64>,
}

/// Shows moments.
#[derive(Debug)]
pub(super) struct View {
    bar: Option<ProgressBar>,
    next: Instant,
}

impl View {
    /// Whether it can be redrawn in place: then events are a part of it.
    pub(super) fn is_live() -> bool {
        std::io::stderr().is_terminal()
    }

    pub(super) fn new() -> Self {
        let bar = Self::is_live().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar
        });
        // Before the first line there is nothing to say.
        let next = Instant::now() + if bar.is_some() { Duration::ZERO } else { LINE_EVERY };
        Self { bar, next }
    }

    /// Shows one, if it is time to.
    pub(super) fn show(&mut self, moment: &Moment<'_>) {
        if Instant::now() < self.next {
            return;
        }
        match &self.bar {
            Some(bar) => {
                self.next = Instant::now() + DRAW_EVERY;
                bar.set_message(moment.table());
                bar.tick();
            }
            None => {
                self.next = Instant::now() + LINE_EVERY;
                print::note(&moment.line());
            }
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Moment<'_> {
    /// All of it in some tables.
    fn table(&self) -> String {
        let day = self.day.map_or_else(|| "not yet".to_owned(), |day| CLOCK.show(day));
        let mut text = format!(
            "SIMULATED network, {:.0} s; members publish: {day}\n\n{}\n{}",
            self.events.elapsed().as_secs_f64(),
            self.nodes(),
            self.members()
        );
        if let Some(certified) = self.newest().and_then(|told| told.certified.as_ref()) {
            let head = certified.output.map_or_else(String::new, |head| {
                let hash: String = head.hash.to_string().chars().take(16).collect();
                format!(", output {} {hash}...", head.seq)
            });
            let signers = certified.signed_by.len();
            let cut = certified.cut;
            text.push_str(&format!("\ncertificate of cut {cut}{head}, {signers} signatures\n"));
        }
        text.push('\n');
        for event in self.events.recent() {
            text.push_str(event);
            text.push('\n');
        }
        text
    }

    /// The same in a line.
    fn line(&self) -> String {
        let newest = self.newest();
        let certified = newest.and_then(|told| told.certified.as_ref()).map_or(0, |it| it.cut);
        let watermark = newest.and_then(|told| told.watermark).map(|clock| CLOCK.show(clock));
        let answering = self.seen.iter().filter(|seen| seen.answers).count();
        format!(
            "[{:>7.2} s] {answering} of {} nodes answer; certified cut {certified}; closed {}",
            self.events.elapsed().as_secs_f64(),
            self.seen.len(),
            watermark.as_deref().unwrap_or("nothing yet")
        )
    }

    fn nodes(&self) -> String {
        let rows =
            self.layout.nodes.iter().zip(self.seen).enumerate().map(|(place, (at, seen))| {
                let standing = self.processes.standing(Place::Node(place));
                let silent = if seen.told.is_some() { "silent" } else { "starting" };
                let down = standing.or((!seen.answers).then_some(silent));
                let Some(told) = &seen.told else { return node_row(&at.name, down, &[]) };
                let certified = told.certified.as_ref().map_or(0, |certified| certified.cut);
                let says = told.failed.clone().unwrap_or_else(|| told.signing.clone());
                let says = plain(says).chars().take(40).collect();
                let cells = [
                    told.role.clone(),
                    told.term.to_string(),
                    told.applied_index.to_string(),
                    told.folded_index.to_string(),
                    told.folded_cut.to_string(),
                    certified.to_string(),
                    peers(told).to_string(),
                    says,
                ];
                node_row(&at.name, down, &cells)
            });
        let header =
            ["node", "role", "term", "applied", "folded", "cut", "certified", "peers", "signing"];
        print::table(header, rows)
    }

    fn members(&self) -> String {
        let newest = self.newest();
        let rows = self.layout.members.iter().enumerate().map(|(place, at)| {
            let told: Option<&TellMember> = newest.and_then(|told| told.members.get(place));
            let standing = self.processes.standing(Place::Member(place)).unwrap_or_default();
            let to_clock = self.day.unwrap_or(0);
            let published = self.rates.lines(place, 0, to_clock).count();
            let frontier = told.and_then(|told| told.frontier_seq).map(|seq| seq.saturating_add(1));
            let published = u64::try_from(published).unwrap_or(u64::MAX);
            [
                at.name.clone(),
                told.map_or_else(String::new, |told| told.status.clone()),
                frontier.map_or_else(String::new, |frontier| frontier.to_string()),
                told.and_then(|told| told.closed_clock)
                    .map_or_else(String::new, |clock| CLOCK.show(clock)),
                published.saturating_sub(frontier.unwrap_or(0)).to_string(),
                standing.to_owned(),
            ]
        });
        print::table(["member", "status", "agreed", "closed day", "behind", ""], rows)
    }

    /// What the node says that is furthest on.
    fn newest(&self) -> Option<&Told> {
        let told = self.seen.iter().filter_map(|seen| seen.told.as_ref());
        told.max_by_key(|told| (told.certified.as_ref().map(|it| it.cut), told.applied_index))
    }
}

/// How many of the other nodes it is connected with.
fn peers(told: &Told) -> usize {
    told.roster.iter().filter(|node| told.connected.contains(node)).count()
}

/// One row: a node that does not answer has said its words some time ago.
fn node_row(name: &str, down: Option<&str>, cells: &[String]) -> Vec<String> {
    let mut row = vec![name.to_owned()];
    match (down, cells.split_first()) {
        (Some(down), Some((_, others))) => {
            row.push(down.to_owned());
            row.extend_from_slice(others);
        }
        (Some(down), None) => row.push(down.to_owned()),
        (None, _) => row.extend_from_slice(cells),
    }
    row
}

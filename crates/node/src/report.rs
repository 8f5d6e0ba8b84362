//! What a replay came to, for people and for machines.

use std::time::Duration;

use holobiont_identity::{Alignment, OnGap, Organism};
use holobiont_policy::{CommitteeState, Cut, Grade, Standing, Status, StatusChange};
use holobiont_replay::{Position, Program, Replay, Surfaces};
use holobiont_surface::Head;
use serde::Serialize;

use crate::cli::ClockFormat;
use crate::memory;
use crate::print;
use crate::text::{Grouped, count};

/// The same for the same surfaces, config and orders: what `summary.json` holds.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) organism: String,
    pub(crate) stable_id: String,
    pub(crate) content_hash: String,
    /// The cut of the snapshot it was resumed from; what is counted below is what came after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from_cut: Option<u64>,
    pub(crate) commands: u64,
    pub(crate) cuts: u64,
    pub(crate) records: u64,
    pub(crate) commits_normal: u64,
    pub(crate) commits_degraded: u64,
    pub(crate) watermark: Option<u64>,
    /// Records of the members' surfaces that no cut has come to.
    pub(crate) records_waiting: u64,
    /// Why the organism went no further, where it is not at the end of everything.
    pub(crate) waits_for: Vec<String>,
    pub(crate) output_records: u64,
    pub(crate) output_head: Option<String>,
    pub(crate) state_digest: String,
    pub(crate) log_digest: String,
    pub(crate) members: Vec<MemberSummary>,
}

/// One member's part in it.
#[derive(Debug, Serialize)]
pub(crate) struct MemberSummary {
    pub(crate) name: String,
    pub(crate) status: &'static str,
    pub(crate) first_clock: Option<u64>,
    pub(crate) last_clock: Option<u64>,
    pub(crate) position: Position,
    pub(crate) changes: Vec<Change>,
}

/// A change of status, and the clock of the cut that told it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Change {
    pub(crate) clock: u64,
    #[serde(serialize_with = "by_name")]
    pub(crate) from: Status,
    #[serde(serialize_with = "by_name")]
    pub(crate) to: Status,
    pub(crate) cause: String,
    /// Whether a cut has published it; one that has not happened after the last cut.
    pub(crate) published: bool,
}

/// How long it took; different at every run.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Pace {
    pub(crate) seconds: f64,
    pub(crate) records_per_second: f64,
    pub(crate) surface_bytes: u64,
    pub(crate) megabytes_per_second: f64,
    pub(crate) peak_memory_bytes: Option<u64>,
    /// Windows of the members' surfaces, by what was verified of them.
    pub(crate) windows_hashed: u64,
    pub(crate) windows_crc_checked: u64,
    pub(crate) windows_unverified: u64,
}

/// Notes every change of status as the cuts tell it.
#[derive(Debug)]
pub(crate) struct Changes {
    members: Vec<Vec<Change>>,
}

impl Changes {
    pub(crate) fn new(organism: &Organism) -> Self {
        Self { members: organism.members.iter().map(|_| Vec::new()).collect() }
    }

    pub(crate) fn note(&mut self, cut: &Cut) {
        for change in &cut.changes {
            self.push(cut.clock(), change, true);
        }
    }

    fn push(&mut self, clock: u64, change: &StatusChange, published: bool) {
        if let Some(changes) = self.members.get_mut(usize::from(change.member)) {
            let cause = change.cause.to_string();
            changes.push(Change { clock, from: change.from, to: change.to, cause, published });
        }
    }
}

impl Summary {
    pub(crate) fn of<P: Program>(
        organism: &Organism,
        surfaces: &Surfaces,
        replay: &Replay<'_, P>,
        mut changes: Changes,
        output: (u64, Option<Head>),
        from_cut: Option<u64>,
    ) -> Self {
        let totals = replay.totals();
        let watermark = replay.state().watermark();
        for change in replay.state().pending_changes() {
            changes.push(watermark.unwrap_or(0), change, false);
        }
        let taken = replay.positions();
        let records_waiting = surfaces
            .iter()
            .zip(&taken)
            .map(|((_, surface), position)| surface.next_seq().saturating_sub(position.next_seq))
            .fold(0, u64::saturating_add);
        let members = organism
            .members
            .iter()
            .zip(surfaces.iter())
            .zip(replay.state().members().iter().zip(replay.positions()))
            .zip(changes.members)
            .map(|(((member, (_, surface)), (state, position)), changes)| {
                let clocks = surface.clock_range();
                MemberSummary {
                    name: member.name.clone(),
                    status: state.status.name(),
                    first_clock: clocks.map(|clocks| clocks.0),
                    last_clock: clocks.map(|clocks| clocks.1),
                    position,
                    changes,
                }
            })
            .collect();
        Self {
            organism: organism.name.clone(),
            stable_id: organism.stable_id().to_string(),
            content_hash: organism.content_hash().to_string(),
            from_cut,
            commands: totals.commands,
            cuts: totals.cuts,
            records: totals.records,
            commits_normal: totals.commits_normal,
            commits_degraded: totals.commits_degraded,
            watermark,
            records_waiting,
            waits_for: waits_for(organism, replay.state()),
            output_records: output.0,
            output_head: output.1.map(|head| head.hash.to_string()),
            state_digest: replay.state_digest().to_string(),
            log_digest: replay.log_digest().to_string(),
            members,
        }
    }

    /// Everything an operator wants to see.
    pub(crate) fn render(&self, clock: ClockFormat) -> String {
        let mut text = self.member_table(clock);
        if let Some(cut) = self.from_cut {
            text.push_str(&format!("\nfrom the snapshot of cut {} on:", Grouped(cut)));
        }
        let commits = self.commits_normal.saturating_add(self.commits_degraded);
        text.push_str(&format!(
            "\n{} cuts of {}, up to {}\n{}: {} {}, {} {}\n",
            Grouped(self.cuts),
            count(self.records, "record"),
            self.watermark.map_or_else(|| "nothing".to_owned(), |watermark| clock.show(watermark)),
            count(commits, "commit"),
            Grouped(self.commits_normal),
            Grade::Normal.name(),
            Grouped(self.commits_degraded),
            Grade::Degraded.name(),
        ));
        if self.records_waiting > 0 && !self.waits_for.is_empty() {
            let waiting = count(self.records_waiting, "record");
            text.push_str(&format!("{waiting} not taken: {}\n", self.waits_for.join("; ")));
        }
        let head = self.output_head.as_deref().unwrap_or("none");
        text.push_str(&format!(
            "\noutput head   {head}\nstate digest  {}\nlog digest    {}\n",
            self.state_digest, self.log_digest
        ));
        text
    }

    fn member_table(&self, clock: ClockFormat) -> String {
        let show = |at: Option<u64>| at.map_or_else(|| "–".to_owned(), |at| clock.show(at));
        let all_changes = self.members.iter().flat_map(|member| &member.changes);
        let first_clock = all_changes.map(|change| change.clock).min();
        let rows = self.members.iter().map(|member| {
            let told: Vec<String> = member
                .changes
                .iter()
                .filter(|change| is_news(change, first_clock))
                .map(|change| match change.published {
                    true => format!("{} {}", clock.show(change.clock), change.to.name()),
                    false => format!("since then {}", change.to.name()),
                })
                .collect();
            [
                member.name.clone(),
                Grouped(member.position.folded).to_string(),
                show(member.first_clock),
                show(member.last_clock),
                member.status.to_owned(),
                told.join(", "),
            ]
        });
        print::table(["member", "taken", "surface from", "to", "status", "changes"], rows)
    }
}

/// What keeps an organism from going on, by the committee's last word.
fn waits_for(organism: &Organism, state: &CommitteeState) -> Vec<String> {
    let mut reasons = Vec::new();
    if state.is_paused() {
        reasons.push("an order has paused it".to_owned());
    }
    if state.is_halted() {
        let least = organism.floor.halt_below;
        reasons.push(format!("the members that count weigh less than halt_below = {least}"));
    }
    for (member, now) in organism.members.iter().zip(state.members()) {
        let is_waited_for = match now.status {
            Status::Joining | Status::Stalled(Standing::Held) => true,
            Status::Gapped => member.policy.on_gap == OnGap::Hold,
            _ => false,
        };
        if is_waited_for {
            reasons.push(format!("it waits for {} ({})", member.name, now.status.name()));
        }
    }
    let compares_clocks = organism.align == Alignment::Clock;
    if reasons.is_empty() && compares_clocks && state.watermark().is_none() {
        reasons.push("too few members have closed a clock event to begin with".to_owned());
    }
    reasons
}

/// What an operator would want to be told: not a day's delay, nor a member that was there from the
/// organism's first cut on.
fn is_news(change: &Change, first_clock: Option<u64>) -> bool {
    match change.to {
        Status::Joining | Status::Late | Status::CatchingUp => false,
        Status::Live if matches!(change.from, Status::Joining | Status::Absent) => {
            first_clock.is_some_and(|first| change.clock > first)
        }
        Status::Live => change.from != Status::Late,
        _ => true,
    }
}

impl Pace {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    pub(crate) fn of(elapsed: Duration, records: u64, surfaces: &Surfaces) -> Self {
        let (surface_bytes, windows) = (surface_bytes(surfaces), surfaces.pool().windows_read());
        let seconds = elapsed.as_secs_f64().max(1e-9);
        Self {
            seconds,
            records_per_second: records as f64 / seconds,
            surface_bytes,
            megabytes_per_second: surface_bytes as f64 / seconds / 1e6,
            peak_memory_bytes: memory::peak_bytes(),
            windows_hashed: windows.hashed,
            windows_crc_checked: windows.crc_checked,
            windows_unverified: windows.unverified,
        }
    }

    /// One line: how fast it was.
    pub(crate) fn render(&self) -> String {
        let memory = self.peak_memory_bytes.map_or_else(
            || "unknown".to_owned(),
            |bytes| format!("{} MiB", bytes.div_ceil(1024 * 1024)),
        );
        format!(
            "folded in {:.2} s: {:.0} records/s, {:.1} MB/s of surfaces read, {} and folded; \
             peak memory {memory}\n",
            self.seconds,
            self.records_per_second,
            self.megabytes_per_second,
            self.verified()
        )
    }

    fn verified(&self) -> String {
        match (self.windows_crc_checked, self.windows_unverified) {
            (0, 0) => "verified".to_owned(),
            (_, 1..) => "NOT verified".to_owned(),
            (crc_checked, 0) => format!(
                "checked ({} hashed, {} by CRC)",
                count(self.windows_hashed, "window"),
                Grouped(crc_checked)
            ),
        }
    }
}

/// The size of all members' segment files, in bytes.
pub(crate) fn surface_bytes(surfaces: &Surfaces) -> u64 {
    surfaces
        .iter()
        .flat_map(|(_, surface)| surface.segments())
        .map(|segment| segment.size_bytes)
        .fold(0, u64::saturating_add)
}

fn by_name<S: serde::Serializer>(status: &Status, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.name())
}

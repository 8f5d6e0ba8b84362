use std::collections::BTreeMap;

use holobiont_committee_raft::{Signing, Status};
use holobiont_committee_store::{SYNC_BOUNDS_US, StoreFigures};

use super::{
    APPLIED, BUILD, CERTIFICATES, CERTIFIED_CUT, CHECK, COLLATERAL, COMMITS, COMMITTED, CUTS,
    DENIED, DISK_FREE, DIVERGED, FOLDED, FOLDED_CUTS, FSYNC, HALTED, KEYS, LAST_LOG, LOG_APPENDED,
    LOG_APPENDED_BYTES, LOG_BYTES, LOG_ENTRIES, MEMBER_AHEAD, MEMBER_CLOSED, MEMBER_COPY,
    MEMBER_COPY_BYTES, MEMBER_COPY_DURABLE, MEMBER_FLAGGED, MEMBER_FRONTIER, MEMBER_STATUS,
    MEMBER_STILL, NEEDS, OUTPUT, PAUSED, PEERS, Page, QUOTE_AGE, READY, ROLE, RPCS, SIGNING,
    SIMULATED, SOURCE, SPLIT, TERM, TICK, TIME, UPTIME, VERDICTS, WATERMARK,
};
use crate::run::counters::Counted;
use crate::run::health::Check;
use crate::run::told::{ROLES, SIGNINGS, SourceWords, role_word, signing_word};

/// Everything that the page is made of.
pub(crate) struct Scraped {
    pub(crate) simulated: bool,
    pub(crate) status: Status,
    pub(crate) checks: Vec<Check>,
    pub(crate) counted: Counted,
    pub(crate) figures: StoreFigures,
    pub(crate) sources: SourceWords,
    /// Size of each member's own copy in bytes, by place.
    pub(crate) copy_bytes: BTreeMap<u16, u64>,
    /// Of that, what is not folded yet.
    pub(crate) ahead_bytes: BTreeMap<u16, u64>,
    /// Commits by grade.
    pub(crate) commits: BTreeMap<&'static str, u64>,
    pub(crate) output_records: u64,
    pub(crate) quote_age_s: Option<u64>,
    pub(crate) collateral_ends_s: Option<u64>,
    pub(crate) free_bytes: Option<u64>,
    pub(crate) uptime_s: u64,
}

/// The page as Prometheus reads it.
pub(crate) fn scrape(it: &Scraped) -> String {
    let mut page = Page::new();
    of_process(it, &mut page);
    of_log(it, &mut page);
    of_organism(it, &mut page);
    of_members(it, &mut page);
    of_peers(it, &mut page);
    page.text()
}

fn of_process(it: &Scraped, page: &mut Page) {
    page.word(&BUILD, &[env!("CARGO_PKG_VERSION")]);
    page.set(&SIMULATED, &[], it.simulated.into());
    page.set(&READY, &[], it.checks.iter().all(|check| check.wrong.is_none()).into());
    for check in &it.checks {
        page.set(&CHECK, &[check.name], check.wrong.is_none().into());
    }
    page.set(&UPTIME, &[], it.uptime_s);
    if let Some(free_bytes) = it.free_bytes {
        page.set(&DISK_FREE, &[], free_bytes);
    }
    if let Some(age_s) = it.quote_age_s {
        page.set(&QUOTE_AGE, &[], age_s);
    }
    if let Some(ends_s) = it.collateral_ends_s {
        page.set(&COLLATERAL, &[], ends_s);
    }
}

fn of_log(it: &Scraped, page: &mut Page) {
    let status = &it.status;
    for role in ROLES {
        page.set(&ROLE, &[role_word(role)], (status.role == role).into());
    }
    page.set(&TERM, &[], status.term);
    page.set(&LAST_LOG, &[], status.last_log.map_or(0, |(_, index)| index));
    page.set(&COMMITTED, &[], status.committed);
    page.set(&APPLIED, &[], status.applied);
    page.set(&FOLDED, &[], status.folded);
    page.set(&LOG_BYTES, &[], it.figures.size_bytes);
    page.set(&LOG_ENTRIES, &[], it.figures.entries);
    page.set(&LOG_APPENDED, &[], it.figures.entries_appended);
    page.set(&LOG_APPENDED_BYTES, &[], it.figures.bytes_appended);
    let bounds_s = SYNC_BOUNDS_US.map(|bound_us| float(bound_us) / 1e6);
    let syncs = &it.figures.syncs;
    page.histogram(&FSYNC, &bounds_s, &syncs.buckets, float(syncs.total_ns) / 1e9);
    page.set(&KEYS, &[], count(status.active_keys.iter().filter(|active| **active).count()));
}

fn of_organism(it: &Scraped, page: &mut Page) {
    let status = &it.status;
    page.set(&CUTS, &[], status.cut);
    page.set(&FOLDED_CUTS, &[], status.folded_cut);
    page.set(&CERTIFIED_CUT, &[], status.certified_cut);
    page.set(&CERTIFICATES, &[], it.counted.certificates);
    for (grade, commits) in &it.commits {
        page.set(&COMMITS, &[grade], *commits);
    }
    page.set(&OUTPUT, &[], it.output_records);
    if let Some(watermark) = status.watermark {
        page.set(&WATERMARK, &[], watermark);
    }
    page.set(&TICK, &[], status.tick);
    page.set_fraction(&TIME, &[], float(status.time_ms) / 1e3);
    page.set(&PAUSED, &[], status.paused.into());
    page.set(&HALTED, &[], status.halted.into());
    page.set(&NEEDS, &[], count(status.needs.len()));
    for word in SIGNINGS {
        page.set(&SIGNING, &[word], (signing_word(&status.signing) == word).into());
    }
    page.set(&DIVERGED, &[], status.signing.differs().into());
    page.set(&SPLIT, &[], matches!(status.signing, Signing::Split { .. }).into());
}

fn of_members(it: &Scraped, page: &mut Page) {
    for (place, member) in (0_u16..).zip(&it.status.members) {
        let name = member.name.as_str();
        page.word(&MEMBER_STATUS, &[name, member.status.name()]);
        page.set(&MEMBER_STILL, &[name], it.status.tick.saturating_sub(member.since_tick));
        if let Some(frontier) = &member.frontier {
            page.set(&MEMBER_FRONTIER, &[name], frontier.seq);
            if let Some(closed) = frontier.closed {
                page.set(&MEMBER_CLOSED, &[name], closed);
            }
        }
        page.set(&MEMBER_COPY, &[name], member.copy_next_seq);
        let durable = member.copy_durable.map_or(0, |head| head.seq.saturating_add(1));
        page.set(&MEMBER_COPY_DURABLE, &[name], durable);
        if let Some(bytes) = it.copy_bytes.get(&place) {
            page.set(&MEMBER_COPY_BYTES, &[name], *bytes);
        }
        if let Some(bytes) = it.ahead_bytes.get(&place) {
            page.set(&MEMBER_AHEAD, &[name], *bytes);
        }
        page.set(&MEMBER_FLAGGED, &[name], count(member.flagged_nodes.len()));
        let source = it.sources.get(&place).map_or("none", |(word, _)| *word);
        page.word(&SOURCE, &[name, source]);
    }
}

fn of_peers(it: &Scraped, page: &mut Page) {
    page.set(&PEERS, &[], count(it.counted.peers.len()));
    for (code, verdicts) in &it.counted.verdicts {
        page.set(&VERDICTS, &[code], *verdicts);
    }
    for (code, denied) in &it.counted.denied {
        page.set(&DENIED, &[code], *denied);
    }
    for ((direction, outcome), rpcs) in &it.counted.rpcs {
        page.set(&RPCS, &[direction, outcome], *rpcs);
    }
}

fn count(many: usize) -> u64 {
    u64::try_from(many).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "the format knows no other numbers")]
fn float(number: u64) -> f64 {
    number as f64
}

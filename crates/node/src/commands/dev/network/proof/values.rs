//! The committee's values beside those of a replay that knows nothing of the committee.

use std::collections::BTreeMap;
use std::path::Path;

use holobiont_identity::Organism;
use holobiont_policy::Status;
use holobiont_programs::CrossFeedCommit;
use holobiont_replay::Published;
use holobiont_surface::Surface;

use super::super::rates::Rates;
use super::Check;
use crate::cli::ClockFormat;
use crate::failure::Failure;

/// How far two runs agree.
#[derive(Debug, Default)]
pub(super) struct Agreement {
    pub(super) compared: u64,
    pub(super) of_other_statuses: u64,
    clocks: u64,
    /// The first value that differs.
    differs: Option<String>,
}

/// A member's value at a clock event, and its status then.
type Values = BTreeMap<u64, Vec<(Status, Option<i64>)>>;

/// Compares every member's value per clock event, wherever its status is the same in both and one
/// under which the organism waits for the member: then both have folded the same records of it.
pub(super) fn compare(
    organism: &Organism,
    committee: &Path,
    alone: &Path,
) -> Result<Agreement, Failure> {
    let [committee, alone] = [read(committee)?, read(alone)?];
    let mut agreement = Agreement::default();
    for (clock, values) in &committee {
        let Some(others) = alone.get(clock) else { continue };
        agreement.clocks = agreement.clocks.saturating_add(1);
        for ((ours, theirs), member) in values.iter().zip(others).zip(&organism.members) {
            let ((status, value), (their_status, their_value)) = (ours, theirs);
            if status != their_status || !matches!(status, Status::Live | Status::Late) {
                agreement.of_other_statuses = agreement.of_other_statuses.saturating_add(1);
                continue;
            }
            agreement.compared = agreement.compared.saturating_add(1);
            if value != their_value && agreement.differs.is_none() {
                let (day, name) = (ClockFormat::Days.show(*clock), &member.name);
                let differs = format!("{name} on {day}: {value:?} here, {their_value:?} there");
                agreement.differs = Some(differs);
            }
        }
    }
    Ok(agreement)
}

impl Agreement {
    pub(super) fn check(&self, rates: &Rates) -> Check {
        let what = "values agree with a replay of the members alone, wherever statuses do";
        let days = rates.days.len();
        match &self.differs {
            Some(differs) => Check::new(what, false, differs.clone()),
            // A comparison of nothing proves nothing.
            None if self.compared == 0 => Check::new(what, false, "there was none to compare"),
            None => {
                let (compared, clocks) = (self.compared, self.clocks);
                Check::new(what, true, format!("{compared} values on {clocks} of {days} days"))
            }
        }
    }
}

fn read(dir: &Path) -> Result<Values, Failure> {
    let surface = Surface::open(dir)?;
    let mut cursor = surface.cursor(surface.earliest())?;
    let mut values = Values::new();
    while cursor.peek()?.is_some() {
        if let Some(record) = cursor.current()
            && let Published::Commit(commit) = Published::read(&record)?
        {
            let said = CrossFeedCommit::decode(&commit.payload).map_err(Failure::unexpected)?;
            let value = |place: usize| {
                let line = said.members.iter().find(|line| usize::from(line.member) == place);
                line.map(|line| line.value)
            };
            let of_members = commit.statuses.iter().enumerate();
            values.insert(said.clock, of_members.map(|(at, it)| (*it, value(at))).collect());
        }
        cursor.advance();
    }
    Ok(values)
}

//! What the members publish: the European Central Bank's reference rates, as lines of NDJSON.

use std::path::Path;

use serde_json::json;

use crate::cli::{ClockFormat, ImportFormat};
use crate::failure::Failure;
use crate::files;
use crate::import::Imported;

const RATES: &str = include_str!("../../../../../../examples/euro-fx/eurofxref-hist.csv");

/// Some members' records, and the days on which there are any.
#[derive(Debug)]
pub(super) struct Rates {
    /// Days since 1970-01-01, in order.
    pub(super) days: Vec<u64>,
    members: Vec<Vec<Line>>,
}

/// A record, for a member's standard input.
#[derive(Debug)]
struct Line {
    clock: u64,
    text: String,
}

impl Rates {
    /// Those of these members, on the first so many days that any of them has.
    pub(super) fn read(members: &[String], most_days: usize) -> Result<Self, Failure> {
        let (file, column) = (Path::new("eurofxref-hist.csv"), Some("Date"));
        let (format, clock) = (Some(ImportFormat::Csv), ClockFormat::Days);
        let imported = Imported::read(file, RATES.as_bytes(), format, column, clock)?;
        let all: Vec<&[crate::import::Row]> =
            members.iter().map(|name| imported.rows(name)).collect();
        let mut days: Vec<u64> =
            all.iter().flat_map(|rows| rows.iter().map(|row| row.clock)).collect();
        days.sort_unstable();
        days.dedup();
        days.truncate(most_days);
        let last = days.last().copied().unwrap_or_default();
        let lines = members.iter().zip(all).map(|(name, rows)| {
            let published = rows.iter().filter(|row| row.clock <= last);
            published.map(|row| Line::of(name, row)).collect()
        });
        Ok(Self { members: lines.collect(), days })
    }

    /// A member's records from `from_seq` on, up to this day.
    pub(super) fn lines(
        &self,
        member: usize,
        from_seq: u64,
        to_clock: u64,
    ) -> impl Iterator<Item = &str> {
        let from = usize::try_from(from_seq).unwrap_or(usize::MAX);
        let lines = self.members.get(member).and_then(|lines| lines.get(from..));
        let until = move |line: &&Line| line.clock <= to_clock;
        lines.unwrap_or_default().iter().take_while(until).map(|line| line.text.as_str())
    }

    /// Writes each member's lines to a file of this folder.
    pub(super) fn write(&self, dir: &Path, members: &[String]) -> Result<(), Failure> {
        std::fs::create_dir_all(dir).map_err(Failure::io(dir, "creating"))?;
        for (place, name) in members.iter().enumerate() {
            let lines: String = self.lines(place, 0, u64::MAX).collect();
            files::replace(&dir.join(format!("{name}.ndjson")), lines.as_bytes())?;
        }
        Ok(())
    }

    /// How many records a member has in the end.
    pub(super) fn records(&self, member: usize) -> u64 {
        let lines = self.members.get(member).map_or(0, Vec::len);
        u64::try_from(lines).unwrap_or(u64::MAX)
    }
}

impl Line {
    fn of(member: &str, row: &crate::import::Row) -> Self {
        let line = json!({
            "member": member,
            "clock": row.clock,
            "closes_clock": true,
            "time_ms": row.time_ms,
            "kind": row.kind,
            "payload": String::from_utf8_lossy(&row.payload),
        });
        Self { clock: row.clock, text: format!("{line}\n") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_publish_no_more_than_the_days_there_are() {
        let members = ["USD", "BGN"].map(str::to_owned);
        let rates = Rates::read(&members, 60).unwrap();
        assert_eq!((rates.days.len(), rates.days[0]), (60, 10_595));
        assert_eq!((rates.records(0), rates.records(1), rates.records(2)), (60, 0, 0));
        let first: Vec<&str> = rates.lines(0, 0, rates.days[1]).collect();
        assert_eq!(first.len(), 2);
        assert!(
            first[0].contains("\"clock\":10595") && first[0].contains("\"1.1789\""),
            "{first:?}"
        );
        assert_eq!(rates.lines(0, 1, rates.days[1]).collect::<Vec<_>>(), first[1..]);
        assert_eq!(rates.lines(0, 61, u64::MAX).count(), 0);
    }
}

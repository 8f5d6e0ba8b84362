use std::path::Path;

use super::{Imported, KIND_IMPORTED, Row};
use crate::cli::ClockFormat;
use crate::failure::{Failure, InputPlace};

/// A wide CSV: one row a clock event, one column a member.
#[derive(Debug)]
pub(crate) struct Csv<'a> {
    pub(crate) file: &'a Path,
    pub(crate) column: &'a str,
    pub(crate) clock: ClockFormat,
}

/// A row of the file, where it stands and what it holds.
struct Line {
    clock: u64,
    number: u64,
    cells: csv::StringRecord,
}

impl Csv<'_> {
    pub(crate) fn read(&self, bytes: &[u8]) -> Result<Imported, Failure> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
        let header = reader.headers().map_err(|error| self.malformed(&error))?.clone();
        let clock_at = header.iter().position(|name| name == self.column).ok_or_else(|| {
            let names: Vec<&str> = header.iter().filter(|name| !name.is_empty()).collect();
            self.refuse(
                Some(1),
                None,
                format!("no column is called `{}`; there are: {}", self.column, names.join(", ")),
                "name the clock's column with --clock-column",
            )
        })?;
        for (at, name) in header.iter().enumerate() {
            if !name.is_empty() && header.iter().take(at).any(|other| other == name) {
                let what = "the column is there twice".to_owned();
                return Err(self.refuse(Some(1), Some(name), what, "every member has one column"));
            }
        }
        let mut lines = self.lines(&mut reader, clock_at, header.len())?;
        lines.sort_by_key(|line| line.clock);
        self.check_order(&lines)?;

        let mut imported = Imported::new(self.file);
        for (at, name) in header.iter().enumerate().filter(|(at, _)| *at != clock_at) {
            self.read_column(&mut imported, &lines, at, name)?;
        }
        Ok(imported)
    }

    fn lines(
        &self,
        reader: &mut csv::Reader<&[u8]>,
        clock_at: usize,
        columns: usize,
    ) -> Result<Vec<Line>, Failure> {
        let mut lines = Vec::new();
        for cells in reader.records() {
            let cells = cells.map_err(|error| self.malformed(&error))?;
            let number = cells.position().map_or(0, csv::Position::line);
            if let Some(surplus) = cells.iter().skip(columns).find(|cell| !cell.trim().is_empty()) {
                return Err(self.refuse(
                    Some(number),
                    None,
                    format!("`{surplus:.80}` stands past the last column of the header"),
                    "numbers have a decimal point, and cells with a comma are quoted",
                ));
            }
            let text = cells.get(clock_at).unwrap_or_default().trim();
            let clock = self.clock.read(text).map_err(|why| {
                self.refuse(
                    Some(number),
                    Some(self.column),
                    format!("`{text:.80}` {why}"),
                    "correct the cell, or say how clocks are written with --clock",
                )
            })?;
            lines.push(Line { clock, number, cells });
        }
        Ok(lines)
    }

    /// Every record closes its clock event, so no two rows may share one.
    fn check_order(&self, lines: &[Line]) -> Result<(), Failure> {
        let repeated = lines.windows(2).find_map(|pair| match pair {
            [first, second] if first.clock == second.clock => Some((first, second)),
            _ => None,
        });
        match repeated {
            None => Ok(()),
            Some((first, second)) => {
                let (one, other) =
                    (first.number.min(second.number), first.number.max(second.number));
                let clock = self.clock.show(first.clock);
                Err(self.refuse(
                    Some(other),
                    Some(self.column),
                    format!("the clock {clock} is already on line {one}"),
                    "a clock event has one row: remove or merge the other",
                ))
            }
        }
    }

    fn read_column(
        &self,
        imported: &mut Imported,
        lines: &[Line],
        at: usize,
        name: &str,
    ) -> Result<(), Failure> {
        // A comma at the end of every line makes a column without name or content.
        if name.trim().is_empty() {
            let filled = lines.iter().find(|line| !cell(line, at).is_empty());
            return match filled {
                None => Ok(()),
                Some(line) => Err(self.refuse(
                    Some(line.number),
                    None,
                    format!("`{:.80}` stands in a column without a name", cell(line, at)),
                    "name the column in the header",
                )),
            };
        }
        let place = InputPlace { line: Some(1), column: Some(name.to_owned()) };
        let rows = imported.member(self.file, name, place)?;
        for line in lines {
            let text = cell(line, at);
            if text.is_empty() || text == "N/A" {
                continue;
            }
            if !is_decimal(text) {
                return Err(self.refuse(
                    Some(line.number),
                    Some(name),
                    format!("`{text:.80}` is no number"),
                    "write a decimal number such as 1.0842, or leave the cell empty",
                ));
            }
            rows.push(Row {
                clock: line.clock,
                closes_clock: Some(true),
                time_ms: self.clock.time_ms(line.clock),
                kind: KIND_IMPORTED,
                payload: text.as_bytes().to_vec(),
                place: InputPlace { line: Some(line.number), column: Some(name.to_owned()) },
            });
        }
        Ok(())
    }

    fn malformed(&self, error: &csv::Error) -> Failure {
        let line = error.position().map(csv::Position::line);
        self.refuse(line, None, error.to_string(), "is this the right file?")
    }

    fn refuse(
        &self,
        line: Option<u64>,
        column: Option<&str>,
        what: String,
        help: &'static str,
    ) -> Failure {
        let place = InputPlace { line, column: column.map(str::to_owned) };
        Failure::Input { file: self.file.to_owned(), place, what, help }
    }
}

fn cell(line: &Line, at: usize) -> &str {
    line.cells.get(at).unwrap_or_default().trim()
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    all_digits(whole) && all_digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::is_decimal;

    #[test]
    fn decimals() {
        for good in ["1", "0.5", "-3.25", "+7", "1912400"] {
            assert!(is_decimal(good), "{good}");
        }
        for bad in ["", "-", ".5", "1.", "1e5", "1,5", "NaN", "0x1", "1.2.3"] {
            assert!(!is_decimal(bad), "{bad}");
        }
    }
}

use std::path::Path;

use holobiont_surface::Record;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{Imported, KIND_IMPORTED, Row};
use crate::cli::ClockFormat;
use crate::failure::{Failure, InputPlace};

/// One JSON object a line.
#[derive(Debug)]
pub(crate) struct Ndjson<'a> {
    pub(crate) file: &'a Path,
    pub(crate) clock: ClockFormat,
}

/// A record as a line of NDJSON, read and written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NdjsonLine {
    member: String,
    /// Told when written; the order of the lines decides when read.
    #[serde(default)]
    seq: Option<u64>,
    clock: Box<RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closes_clock: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload: Option<Box<RawValue>>,
    /// For payloads that are no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload_hex: Option<String>,
}

/// What a line says.
#[derive(Debug)]
pub(crate) struct NdjsonRow {
    pub(crate) member: String,
    /// The record's number, where the line has one.
    pub(crate) seq: Option<u64>,
    pub(crate) row: Row,
}

impl NdjsonLine {
    /// A record of a surface, as it is exported.
    pub(crate) fn of(member: &str, record: &Record<'_>) -> Result<Self, serde_json::Error> {
        let text = std::str::from_utf8(record.payload()).ok();
        Ok(Self {
            member: member.to_owned(),
            seq: Some(record.seq()),
            clock: to_raw_value(&record.clock())?,
            closes_clock: Some(record.closes_clock()),
            time_ms: Some(record.time_ms()),
            kind: Some(record.kind()),
            payload: text.map(to_raw_value).transpose()?,
            payload_hex: text.is_none().then(|| hex::encode(record.payload())),
        })
    }
}

impl Ndjson<'_> {
    pub(crate) fn read(&self, bytes: &[u8]) -> Result<Imported, Failure> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut imported = Imported::new(self.file);
        for (number, line) in (1_u64..).zip(bytes.split(|byte| *byte == b'\n')) {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let NdjsonRow { member, row, .. } = self.line(number, line)?;
            let place = InputPlace { line: Some(number), column: None };
            imported.member(self.file, &member, place)?.push(row);
        }
        imported.order_by_clock();
        Ok(imported)
    }

    /// One line, which is not empty.
    pub(crate) fn line(&self, number: u64, line: &[u8]) -> Result<NdjsonRow, Failure> {
        let line: NdjsonLine = serde_json::from_slice(line).map_err(|error| {
            self.refuse(number, error.to_string(), "every line is one JSON object")
        })?;
        let row = self.row(number, &line)?;
        Ok(NdjsonRow { member: line.member, seq: line.seq, row })
    }

    fn row(&self, number: u64, line: &NdjsonLine) -> Result<Row, Failure> {
        let written = line.clock.get();
        let text: String = serde_json::from_str(written).unwrap_or_else(|_| written.to_owned());
        let format = if written.starts_with('"') { self.clock } else { ClockFormat::Number };
        let clock = format.read(&text).map_err(|why| {
            let what = format!("clock {written:.80} {why}");
            self.refuse(number, what, "write a whole number, or text as --clock says")
        })?;
        let payload = match (&line.payload, &line.payload_hex) {
            // Text is kept as the text it is; any other value as it was written, digit by digit.
            (Some(value), None) => serde_json::from_str::<String>(value.get())
                .unwrap_or_else(|_| value.get().to_owned())
                .into_bytes(),
            (None, Some(digits)) => hex::decode(digits).map_err(|error| {
                let what = format!("payload_hex: {error}");
                self.refuse(number, what, "write two hex digits a byte")
            })?,
            (None, None) => Vec::new(),
            (Some(_), Some(_)) => {
                let what = "both payload and payload_hex".to_owned();
                return Err(self.refuse(number, what, "keep one of them"));
            }
        };
        Ok(Row {
            clock,
            closes_clock: line.closes_clock,
            time_ms: line.time_ms.unwrap_or_else(|| self.clock.time_ms(clock)),
            kind: line.kind.unwrap_or(KIND_IMPORTED),
            payload,
            place: InputPlace { line: Some(number), column: None },
        })
    }

    fn refuse(&self, line: u64, what: String, help: &'static str) -> Failure {
        let place = InputPlace { line: Some(line), column: None };
        Failure::Input { file: self.file.to_owned(), place, what, help }
    }
}

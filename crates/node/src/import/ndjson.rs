use std::path::Path;

use holobiont_surface::Record;
use serde::{Deserialize, Serialize};

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
    clock: Clock,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closes_clock: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload: Option<serde_json::Value>,
    /// For payloads that are no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload_hex: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Clock {
    Number(u64),
    Text(String),
}

impl NdjsonLine {
    /// A record of a surface, as it is exported.
    pub(crate) fn of(member: &str, record: &Record<'_>) -> Self {
        let text = std::str::from_utf8(record.payload()).ok();
        Self {
            member: member.to_owned(),
            seq: Some(record.seq()),
            clock: Clock::Number(record.clock()),
            closes_clock: Some(record.closes_clock()),
            time_ms: Some(record.time_ms()),
            kind: Some(record.kind()),
            payload: text.map(|text| serde_json::Value::String(text.to_owned())),
            payload_hex: text.is_none().then(|| hex::encode(record.payload())),
        }
    }
}

impl Ndjson<'_> {
    pub(crate) fn read(&self, bytes: &[u8]) -> Result<Imported, Failure> {
        let mut imported = Imported::default();
        for (number, line) in (1_u64..).zip(bytes.split(|byte| *byte == b'\n')) {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let refuse = |what: String, help| self.refuse(number, what, help);
            let line: NdjsonLine = serde_json::from_slice(line)
                .map_err(|error| refuse(error.to_string(), "every line is one JSON object"))?;
            let place = InputPlace {
                line: Some(number),
                column: None,
            };
            let row = self.row(number, &line)?;
            imported.member(self.file, &line.member, place)?.push(row);
        }
        imported.order_by_clock();
        Ok(imported)
    }

    fn row(&self, number: u64, line: &NdjsonLine) -> Result<Row, Failure> {
        let clock = match &line.clock {
            Clock::Number(clock) => *clock,
            Clock::Text(text) => self.clock.read(text).map_err(|why| {
                let what = format!("clock `{text:.80}` {why}");
                self.refuse(
                    number,
                    what,
                    "write it as a number, or say how with --clock",
                )
            })?,
        };
        let payload = match (&line.payload, &line.payload_hex) {
            (Some(serde_json::Value::String(text)), None) => text.clone().into_bytes(),
            (Some(value), None) => value.to_string().into_bytes(),
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
        })
    }

    fn refuse(&self, line: u64, what: String, help: &'static str) -> Failure {
        let place = InputPlace {
            line: Some(line),
            column: None,
        };
        Failure::Input {
            file: self.file.to_owned(),
            place,
            what,
            help,
        }
    }
}

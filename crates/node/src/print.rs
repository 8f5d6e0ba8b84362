use std::io::{self, BufWriter, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::failure::Failure;

/// Writes data to standard output.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::output)
}

/// Writes one JSON object, named by its schema, to standard output.
pub(crate) fn json(schema: &str, value: &impl Serialize) -> Result<(), Failure> {
    verdict(schema, true, value)
}

/// The same for a command that found what it looked for to be wrong.
pub(crate) fn verdict(schema: &str, ok: bool, value: &impl Serialize) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Envelope<'a, T> {
        schema: String,
        ok: bool,
        #[serde(flatten)]
        value: &'a T,
    }
    let envelope = Envelope { schema: format!("holobiont.{schema}/v1"), ok, value };
    let mut line = serde_json::to_string(&envelope).map_err(Failure::unexpected)?;
    line.push('\n');
    text(&line)
}

/// A buffer in front of standard output, for many lines.
pub(crate) struct Lines(BufWriter<io::StdoutLock<'static>>);

impl Lines {
    pub(crate) fn new() -> Self {
        Self(BufWriter::new(io::stdout().lock()))
    }

    pub(crate) fn push(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let line = serde_json::to_string(value).map_err(Failure::unexpected)?;
        writeln!(self.0, "{line}").map_err(Failure::output)
    }

    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.0.flush().map_err(Failure::output)
    }
}

/// A plain table without borders.
pub(crate) fn table<'h, R>(
    header: impl IntoIterator<Item = &'h str>,
    rows: impl IntoIterator<Item = R>,
) -> String
where
    R: IntoIterator<Item = String>,
{
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header.into_iter().collect::<Vec<_>>());
    for row in rows {
        table.add_row(row.into_iter().collect::<Vec<_>>());
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Writes a message to standard error.
pub(crate) fn note(message: &str) {
    // A message that cannot be shown is no reason to stop.
    let _ = writeln!(io::stderr().lock(), "{message}");
}

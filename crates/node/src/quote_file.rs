//! What `holobiont quote` writes and the other commands read.

use std::path::Path;

use holobiont_attestation::{Binding, EventLog, Evidence, Quote};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, InputPlace};
use crate::files;
use crate::text::plain;

const SCHEMA: &str = "holobiont.quote/v1";
/// A quote and a log in hex, and a binding: more than twice what the two may have.
pub(crate) const MAX_FILE_BYTES: u64 = 4 << 20;

/// A quote, what it was made for where that is known, and its event log.
#[derive(Debug, Clone)]
pub(crate) struct QuoteFile {
    pub(crate) evidence: Evidence,
    pub(crate) binding: Option<Binding>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: String,
    simulated: bool,
    binding: Binding,
    #[serde(with = "hex::serde")]
    quote: Vec<u8>,
    event_log: Option<String>,
}

impl QuoteFile {
    /// Reads a document, or a bare quote.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let bytes = files::read_bytes(file, MAX_FILE_BYTES)?;
        Self::parse(&bytes).map_err(|what| wrong(file, what))
    }

    /// The same of bytes that were had elsewhere; the error says what is wrong.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            let evidence = Evidence { quote: bytes.to_vec(), event_log: None, batch: None };
            return Ok(Self { evidence, binding: None });
        }
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|error| format!("is no file of `holobiont quote`: {error}"))?;
        if document.schema != SCHEMA {
            let schema = document.schema;
            return Err(format!("has schema {schema:?}; this release reads {SCHEMA:?}"));
        }
        if document.binding.simulated() != document.simulated {
            return Err("says two things of whether it is simulated".to_owned());
        }
        let event_log = document
            .event_log
            .map(hex::decode)
            .transpose()
            .map_err(|error| format!("has an event log that is no hex: {error}"))?;
        let evidence = Evidence { quote: document.quote, event_log, batch: None };
        Ok(Self { evidence, binding: Some(document.binding) })
    }

    /// The document's text. An event log is cut to what is in use of it.
    pub(crate) fn text(evidence: &Evidence, binding: &Binding) -> Result<String, Failure> {
        let document = Document {
            schema: SCHEMA.to_owned(),
            simulated: binding.simulated(),
            binding: binding.clone(),
            quote: evidence.quote.clone(),
            event_log: evidence.event_log.as_deref().map(|log| hex::encode(in_use(log))),
        };
        let mut text = serde_json::to_string_pretty(&document).map_err(Failure::unexpected)?;
        text.push('\n');
        Ok(text)
    }

    /// Whether the quote binds what the file says that it was made for; the error says what is
    /// wrong. A file without such words is as good as its quote.
    pub(crate) fn check_binding(&self) -> Result<(), String> {
        let Some(binding) = &self.binding else { return Ok(()) };
        let quote = Quote::parse(&self.evidence.quote).map_err(|error| error.to_string())?;
        if binding.report_data().matches(&quote.measurements().report_data) {
            return Ok(());
        }
        let purpose = binding.purpose().name();
        Err(format!("says that its quote was made for {purpose}, and the quote binds other data"))
    }
}

/// What is in use of an event log: a CCEL has the size of its table, mostly empty.
pub(crate) fn in_use(log: &[u8]) -> &[u8] {
    let used = EventLog::parse(log).map_or(log.len(), |parsed| parsed.size_bytes());
    log.get(..used).unwrap_or(log)
}

/// A file that is not what it should be. `what` may quote it.
pub(crate) fn wrong(file: &Path, what: String) -> Failure {
    Failure::Input {
        file: file.to_owned(),
        place: InputPlace::default(),
        what: plain(what),
        help: "name what `holobiont quote -o` wrote, or a bare quote or event log",
    }
}

#[cfg(test)]
mod tests {
    use holobiont_attestation::{MAX_EVENT_LOG_BYTES, MAX_QUOTE_BYTES};

    #[test]
    fn whatever_is_written_can_be_read() {
        let most = 2 * (MAX_QUOTE_BYTES + MAX_EVENT_LOG_BYTES);
        assert!(super::MAX_FILE_BYTES > u64::try_from(most).unwrap() + (1 << 20));
    }
}

use holobiont_identity::framing::{Framed, FramedReader, FramingError};

use super::{EXCHANGE_VERSION, ExchangeError, FrameKind};

/// The longest code of a refusal.
pub const MAX_CODE_BYTES: usize = 64;
/// The longest text of a refusal.
pub const MAX_REFUSAL_TEXT_BYTES: usize = 512;

/// Why one side will not go on: a stable code for programs, a text for people.
///
/// Both ends show the same one. Texts are plain: a control character, which could rewrite the
/// line of a terminal or a log, becomes a space.
///
/// ```
/// use holobiont_attestation_tls::exchange::Refusal;
///
/// let refusal = Refusal::new("epoch-mismatch", "this committee is at epoch 7\u{1b}[2K");
/// assert_eq!(refusal.to_string(), "this committee is at epoch 7 [2K (epoch-mismatch)");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    code: String,
    text: String,
}

impl Refusal {
    /// A refusal; what does not belong in a code or text is replaced, and both are cut to their
    /// limits. An empty code becomes `refused`.
    pub fn new(code: &str, text: &str) -> Self {
        let code = if code.is_empty() { "refused" } else { code };
        let code = code.chars().map(|it| if is_code(it) { it } else { '-' });
        let text = text.chars().map(|it| if it.is_control() { ' ' } else { it });
        Self { code: cut(code, MAX_CODE_BYTES), text: cut(text, MAX_REFUSAL_TEXT_BYTES) }
    }

    /// The stable code, kebab-case.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What happened and what to do next.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Framed::new();
        out.u8(EXCHANGE_VERSION).blob(&self.code).blob(&self.text);
        out.into_bytes()
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, ExchangeError> {
        let kind = FrameKind::Refuse;
        let mut reader = FramedReader::new(body);
        match reader.u8() {
            Ok(EXCHANGE_VERSION) => {}
            Ok(got) => return Err(ExchangeError::Version { kind, got }),
            Err(source) => return Err(ExchangeError::Body { kind, source }),
        }
        let (code, text) = items(reader).map_err(|source| ExchangeError::Body { kind, source })?;
        let read = |bytes| std::str::from_utf8(bytes).map_err(|_| ExchangeError::RefusalText);
        let (code, text) = (read(code)?, read(text)?);
        // One form only: what a sender would have changed is not from one.
        let refusal = Self::new(code, text);
        if refusal.code != code || refusal.text != text {
            return Err(ExchangeError::RefusalText);
        }
        Ok(refusal)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.text, self.code)
    }
}

fn items<'a>(mut reader: FramedReader<'a>) -> Result<(&'a [u8], &'a [u8]), FramingError> {
    let limit = |bytes| u32::try_from(bytes).unwrap_or(u32::MAX);
    let code = reader.blob(limit(MAX_CODE_BYTES))?;
    let text = reader.blob(limit(MAX_REFUSAL_TEXT_BYTES))?;
    reader.finish()?;
    Ok((code, text))
}

const fn is_code(it: char) -> bool {
    it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-'
}

fn cut(chars: impl Iterator<Item = char>, limit: usize) -> String {
    let mut out = String::new();
    for it in chars {
        if out.len().saturating_add(it.len_utf8()) > limit {
            break;
        }
        out.push(it);
    }
    out
}

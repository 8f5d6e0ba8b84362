//! Text of an event: bytes of a guest that may be hostile, shown on a terminal.

/// The most characters of a text that are kept.
const MAX_CHARACTERS: usize = 1024;

/// UTF-8 or UTF-16, where the bytes are that and can be printed; zero bytes at the end are left
/// out.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let text = if is_utf16(bytes) { utf16(bytes)? } else { utf8(bytes)?.to_owned() };
    let printable = !text.is_empty()
        && text.chars().all(|character| !character.is_control() || character.is_whitespace());
    printable.then(|| shown(&text))
}

/// Text without its closing zero bytes.
pub(super) fn utf8(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok().map(|text| text.trim_end_matches('\0'))
}

/// Little-endian UTF-16 text without its closing zeros.
pub(super) fn utf16(bytes: &[u8]) -> Option<String> {
    let (units, rest) = bytes.as_chunks::<2>();
    let text =
        String::from_utf16(&units.iter().map(|unit| u16::from_le_bytes(*unit)).collect::<Vec<_>>());
    text.ok().filter(|_| rest.is_empty()).map(|text| text.trim_end_matches('\0').to_owned())
}

/// Escapes what a terminal would obey, and cuts what is too long, visibly.
pub(crate) fn shown(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(MAX_CHARACTERS)
        .flat_map(|character| {
            let plain = matches!(character, '"' | '\'' | '\\');
            let escaped = (!plain).then(|| character.escape_debug());
            plain.then_some(character).into_iter().chain(escaped.into_iter().flatten())
        })
        .collect();
    if text.chars().nth(MAX_CHARACTERS).is_some() {
        out.push('…');
    }
    out
}

/// ASCII in UTF-16 has a zero in every second byte; no ASCII text has a zero inside.
fn is_utf16(bytes: &[u8]) -> bool {
    let (units, rest) = bytes.as_chunks::<2>();
    !units.is_empty() && rest.is_empty() && units.iter().all(|[_, high]| *high == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_are_read_and_zeros_cut() {
        assert_eq!(decode(b"zfs").as_deref(), Some("zfs"));
        assert_eq!(decode(b"quiet ro\0").as_deref(), Some("quiet ro"));
        assert_eq!(decode(b"q\0u\0\0\0").as_deref(), Some("qu"));
        assert_eq!(decode(&[0; 4]), None);
        assert_eq!(decode(&[0xff, 0xfe, 0xfd]), None);
        assert_eq!(decode(b""), None);
    }

    #[test]
    fn nothing_reaches_a_terminal_that_it_would_obey() {
        assert_eq!(decode(b"\x1b[2J"), None);
        assert_eq!(shown("a\u{1b}[2J\u{202e}b\n"), "a\\u{1b}[2J\\u{202e}b\\n");
        assert_eq!(shown("say \"no\" \\ 'yes'"), "say \"no\" \\ 'yes'");
    }

    #[test]
    fn a_long_text_is_cut_visibly() {
        let shown = shown(&"x".repeat(MAX_CHARACTERS + 1));
        assert_eq!((shown.chars().count(), shown.ends_with('…')), (MAX_CHARACTERS + 1, true));
    }
}

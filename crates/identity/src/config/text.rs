use toml::Spanned;
use toml::de::DeValue;

use super::{Context, Place, Read, wrong_kind};
use crate::{Digest, UniqueId, bytes::decode_hex};

/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// The longest free text (a role, a contact, an address), in bytes.
pub const MAX_TEXT_BYTES: usize = 2048;

/// A name that may become a directory.
pub(crate) struct Name(pub(crate) String);

/// Free text on one line.
pub(crate) struct Text(pub(crate) String);

/// A stable id, as a name or as hex.
pub(crate) struct StableId(pub(crate) UniqueId);

/// A public key of 32 bytes, as hex.
pub(crate) struct Key32(pub(crate) [u8; 32]);

/// Any text, with its place.
pub(crate) fn text(
    value: &Spanned<DeValue<'_>>,
    place: &Place<'_>,
    cx: &mut Context<'_>,
) -> Option<Spanned<String>> {
    let span = value.span();
    match value.get_ref() {
        DeValue::String(text) => Some(Spanned::new(span, text.clone().into_owned())),
        _ => {
            wrong_kind(value, "text", place, cx);
            None
        }
    }
}

/// Whether the text may become a directory.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len())
        && !text.starts_with('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

impl<'i> Read<'i> for Name {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let name = text(&value, place, cx)?;
        let span = name.span();
        let name = name.into_inner();
        if is_name(&name) {
            return Some(Self(name));
        }
        cx.advise(
            Some(span),
            format!("{place} is not a name"),
            format!(
                "a name is 1 to {MAX_NAME_BYTES} of A-Z a-z 0-9 . _ - and does not start with a dot"
            ),
        );
        None
    }
}

impl<'i> Read<'i> for Text {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let text = text(&value, place, cx)?;
        let span = text.span();
        let text = text.into_inner();
        let fits = (1..=MAX_TEXT_BYTES).contains(&text.len()) && !text.contains(char::is_control);
        if fits {
            return Some(Self(text));
        }
        cx.report(Some(span), format!("{place} must be one line of 1 to {MAX_TEXT_BYTES} bytes"));
        None
    }
}

impl<'i> Read<'i> for StableId {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let span = value.span();
        let Text(name) = Text::read(value, place, cx)?;
        // Hashing an id that lost a digit would name a member that nobody runs.
        let all_hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if all_hex && name.len() != 64 && (48..=80).contains(&name.len()) {
            let digits = name.len();
            cx.advise(
                Some(span),
                format!("{place} has {digits} hex digits where an id has 64"),
                "copy the whole id, or give the name that it was made from",
            );
            return None;
        }
        Some(Self(UniqueId::from_name(&name)))
    }
}

fn hex32(
    value: &Spanned<DeValue<'_>>,
    place: &Place<'_>,
    cx: &mut Context<'_>,
) -> Option<[u8; 32]> {
    let text = text(value, place, cx)?;
    let bytes = decode_hex(text.get_ref());
    if let Err(error) = &bytes {
        cx.report(Some(text.span()), format!("{place}: {error}"));
    }
    bytes.ok()
}

impl<'i> Read<'i> for Digest {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        hex32(&value, place, cx).map(Self::from_bytes)
    }
}

impl<'i> Read<'i> for Key32 {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        hex32(&value, place, cx).map(Self)
    }
}

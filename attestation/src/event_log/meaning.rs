//! What an event says, as far as its digest covers what it says.

use sha2::{Digest as _, Sha384};

use super::{kind, text};
use crate::reader::{Reader, Short};

/// Tags of Linux's EFI stub.
const LOAD_OPTIONS_TAG: u32 = 0x8f3b_22ed;
const INITRD_TAG: u32 = 0x8f3b_22ec;

/// What the boot loader GRUB writes in front of what it hashes.
const GRUB_PREFIXES: [&str; 3] = ["grub_cmd", "kernel_cmdline", "module_cmdline"];

/// An event's name and value, and whether its digest covers them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) name: String,
    pub(super) name_is_measured: bool,
    pub(super) value: Option<Vec<u8>>,
}

/// A name and value that a payload claims.
struct Claim {
    name: String,
    value: Vec<u8>,
}

/// Reads an event's payload. `runtime_name` is the name that dstack keeps outside of it.
pub(super) fn meaning(
    event_kind: u32,
    runtime_name: &str,
    payload: &[u8],
    digest: &[u8; 48],
) -> Meaning {
    if event_kind == kind::DSTACK_RUNTIME {
        return runtime(runtime_name, payload, digest);
    }
    let claim = claim(event_kind, payload);
    let covers = |bytes: &[u8]| <[u8; 48]>::from(Sha384::digest(bytes)) == *digest;
    let whole = covers(payload);
    // A name that stands outside of what is hashed may be whoever's who hands the log over.
    let value_alone = !whole && part_is_hashed(event_kind) && covers(&claim.value);
    Meaning {
        name_is_measured: whole || (value_alone && claim.name.as_bytes() == claim.value),
        name: claim.name,
        value: (whole || value_alone).then_some(claim.value),
    }
}

/// dstack: SHA-384 of `kind ‖ ":" ‖ name ‖ ":" ‖ payload`. The first colon ends the name: one with a
/// colon inside could be read as a shorter name and a longer payload, so it counts as no name.
fn runtime(name: &str, payload: &[u8], digest: &[u8; 48]) -> Meaning {
    let measured = Sha384::new()
        .chain_update(kind::DSTACK_RUNTIME.to_le_bytes())
        .chain_update(b":")
        .chain_update(name)
        .chain_update(b":")
        .chain_update(payload)
        .finalize();
    let covered = <[u8; 48]>::from(measured) == *digest;
    let name_shown = text::shown(name);
    Meaning {
        name_is_measured: covered && name_shown == name && !name.contains(':'),
        name: name_shown,
        value: covered.then(|| payload.to_vec()),
    }
}

/// Kinds of which some firmware or boot loader hashes the value and not its name.
const fn part_is_hashed(event_kind: u32) -> bool {
    matches!(event_kind, kind::VARIABLE_BOOT | kind::IPL | kind::EVENT_TAG)
}

fn claim(event_kind: u32, payload: &[u8]) -> Claim {
    let unnamed = || Claim { name: kind::words(event_kind).to_owned(), value: payload.to_vec() };
    match event_kind {
        variable if kind::is_variable(variable) => {
            efi_variable(payload).unwrap_or_else(|_| unnamed())
        }
        kind::EVENT_TAG => tagged(payload).unwrap_or_else(|_| unnamed()),
        kind::IPL => boot_loader(payload).unwrap_or_else(unnamed),
        kind::ACTION | kind::PLATFORM_CONFIG_FLAGS => text::decode(payload)
            .map_or_else(unnamed, |name| Claim { name, value: payload.to_vec() }),
        _ => unnamed(),
    }
}

/// `UEFI_VARIABLE_DATA`: namespace GUID, lengths of name (in characters) and data, name, data.
fn efi_variable(payload: &[u8]) -> Result<Claim, Short> {
    let mut reader = Reader::new(payload);
    reader.fixed::<16>("variable namespace")?;
    let characters = usize::try_from(reader.u64("variable name length")?).unwrap_or(usize::MAX);
    let length = usize::try_from(reader.u64("variable data length")?).unwrap_or(usize::MAX);
    let name = reader.slice(characters.saturating_mul(2), "variable name")?;
    let value = reader.slice(length, "variable data")?.to_vec();
    // A name with anything to escape is shown as hex: no two names may look the same.
    let name = text::utf16(name)
        .filter(|name| text::shown(name) == *name)
        .unwrap_or_else(|| hex::encode(name));
    Ok(Claim { name, value })
}

/// `TCG_PCClientTaggedEvent`: tag, length, data.
fn tagged(payload: &[u8]) -> Result<Claim, Short> {
    let mut reader = Reader::new(payload);
    let tag = reader.u32("tag")?;
    let value = reader.section("tagged data")?.rest().to_vec();
    let name = match tag {
        LOAD_OPTIONS_TAG => "kernel_cmdline".to_owned(),
        INITRD_TAG => "initrd".to_owned(),
        _ => text::decode(&value).unwrap_or_else(|| format!("tag {tag:#010x}")),
    };
    Ok(Claim { name, value })
}

/// GRUB: `prefix: text` and a zero byte, of which it hashes the text; or the name of a file whose
/// content it hashes. Others hash the text that they write.
fn boot_loader(payload: &[u8]) -> Option<Claim> {
    let Some(text) = text::utf8(payload).filter(|text| !text.contains('\0')) else {
        return text::decode(payload).map(|name| Claim { name, value: payload.to_vec() });
    };
    let (name, value) = match text.split_once(": ") {
        Some((prefix, rest)) if GRUB_PREFIXES.contains(&prefix) => (prefix, rest),
        _ => (text, text),
    };
    Some(Claim { name: text::shown(name), value: value.as_bytes().to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha384(bytes: &[u8]) -> [u8; 48] {
        Sha384::digest(bytes).into()
    }

    fn variable(name: &str, value: &[u8]) -> Vec<u8> {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut out = vec![7; 16];
        out.extend((name.len() as u64 / 2).to_le_bytes());
        out.extend((value.len() as u64).to_le_bytes());
        out.extend(name);
        out.extend(value);
        out
    }

    /// What an event says under the digest of `hashed`.
    fn said(event_kind: u32, payload: &[u8], hashed: &[u8]) -> (String, bool, Option<Vec<u8>>) {
        let Meaning { name, name_is_measured, value } =
            meaning(event_kind, "", payload, &sha384(hashed));
        (name, name_is_measured, value)
    }

    #[test]
    fn a_variable_that_is_hashed_whole_vouches_for_its_name() {
        let payload = variable("SecureBoot", &[1]);
        let whole = said(kind::VARIABLE_DRIVER_CONFIG, &payload, &payload);
        assert_eq!(whole, ("SecureBoot".into(), true, Some(vec![1])));
        let payload = variable("BootOrder", &[0, 0]);
        let value_alone = said(kind::VARIABLE_BOOT, &payload, &[0, 0]);
        assert_eq!(value_alone, ("BootOrder".into(), false, Some(vec![0, 0])));
    }

    #[test]
    fn a_secure_boot_variable_is_never_hashed_by_its_value_alone() {
        let payload = variable("SecureBoot", &[1]);
        let said = said(kind::VARIABLE_DRIVER_CONFIG, &payload, &[1]);
        assert_eq!(said, ("SecureBoot".into(), false, None));
    }

    #[test]
    fn what_the_digest_does_not_cover_is_not_said() {
        let kinds = [
            kind::SEPARATOR,
            kind::EVENT_TAG,
            kind::IPL,
            kind::VARIABLE_BOOT,
            kind::ACTION,
            kind::GPT_EVENT,
            kind::DSTACK_RUNTIME,
        ];
        for event_kind in kinds {
            let (_, name_is_measured, value) =
                said(event_kind, b"kernel_cmdline: quiet\0", b"other");
            assert_eq!((name_is_measured, value), (false, None), "{event_kind:#x}");
        }
    }

    #[test]
    fn a_boot_loader_text_is_what_it_hashes() {
        let line = b"kernel_cmdline: root=x: y\0";
        let expected = ("kernel_cmdline".into(), false, Some(b"root=x: y".to_vec()));
        assert_eq!(said(kind::IPL, line, b"root=x: y"), expected);
        let whole = said(kind::IPL, b"/boot/x\0", b"/boot/x");
        assert_eq!(whole, ("/boot/x".into(), true, Some(b"/boot/x".to_vec())));
        let file = said(kind::IPL, b"/boot/x\0", b"content of the file");
        assert_eq!(file, ("/boot/x".into(), false, None));
    }

    #[test]
    fn a_tag_has_a_name_and_vouches_for_its_data_alone() {
        let mut payload = LOAD_OPTIONS_TAG.to_le_bytes().to_vec();
        payload.extend(5_u32.to_le_bytes());
        payload.extend(b"quiet");
        let said_of = said(kind::EVENT_TAG, &payload, b"quiet");
        assert_eq!(said_of, ("kernel_cmdline".into(), false, Some(b"quiet".to_vec())));
        let cut = said(kind::EVENT_TAG, &payload[..9], &payload[..9]);
        assert_eq!(cut, ("tagged event".into(), true, Some(payload[..9].to_vec())));
    }

    #[test]
    fn a_runtime_name_with_a_colon_is_no_name() {
        let digest = |name: &str, payload: &str| {
            let start = kind::DSTACK_RUNTIME.to_le_bytes();
            sha384(&[&start, b":".as_slice(), name.as_bytes(), b":", payload.as_bytes()].concat())
        };
        let plain = meaning(kind::DSTACK_RUNTIME, "app", b"1:2", &digest("app", "1:2"));
        assert!(plain.name_is_measured);
        // The very same digest, read with another end of the name.
        let moved = meaning(kind::DSTACK_RUNTIME, "app:1", b"2", &digest("app", "1:2"));
        assert!(!moved.name_is_measured);
    }

    #[test]
    fn lengths_that_overflow_are_no_variable() {
        let mut payload = vec![0; 16];
        payload.extend(u64::MAX.to_le_bytes());
        payload.extend(u64::MAX.to_le_bytes());
        let (name, ..) = said(kind::VARIABLE_DRIVER_CONFIG, &payload, &payload);
        assert_eq!(name, "firmware variable");
    }
}

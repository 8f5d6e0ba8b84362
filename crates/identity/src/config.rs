//! Reading TOML by hand: all problems of a file at once, each with its place in the source.

mod context;
mod error;
mod read;
mod table;
mod text;

pub(crate) use context::Context;
pub use context::MAX_PROBLEMS;
pub use error::{ConfigError, Problem};
pub(crate) use read::{Place, Read, whole_number, wrong_kind};
pub(crate) use table::{Table, suggestion};
pub(crate) use text::{Key32, Name, StableId, Text, is_name, text};
pub use text::{MAX_NAME_BYTES, MAX_TEXT_BYTES};
use toml::de::DeTable;

/// The largest configuration file that is read, in bytes.
pub const MAX_CONFIG_BYTES: usize = 1 << 20;

/// The only version of either file format.
pub const CONFIG_VERSION: u32 = 1;

/// Reads the file called `file`, whose text is `source`, with `read`.
pub(crate) fn parse<T>(
    source: &str,
    file: &'static str,
    read: impl FnOnce(&mut Table<'_>, &mut Context<'_>) -> Option<T>,
) -> Result<T, ConfigError> {
    let mut cx = Context::new(source);
    let value = document(source, file, &mut cx, read);
    let problems = cx.into_problems();
    match value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(ConfigError { problems }),
    }
}

fn document<T>(
    source: &str,
    file: &'static str,
    cx: &mut Context<'_>,
    read: impl FnOnce(&mut Table<'_>, &mut Context<'_>) -> Option<T>,
) -> Option<T> {
    if source.len() > MAX_CONFIG_BYTES {
        let message = format!("{file} is larger than {MAX_CONFIG_BYTES} bytes: make it smaller");
        cx.report(None, message);
        return None;
    }
    let (root, errors) = DeTable::parse_recoverable(source);
    if !errors.is_empty() {
        // What follows the first mistake in a file that is no TOML says nothing about it.
        if let Some(error) = errors.into_iter().next() {
            let message = format!("{file} is not TOML: {}", error.message());
            cx.report(error.span(), message);
        }
        return None;
    }
    let mut table = Table::root(root, file);
    let version_is_there = table.has("version");
    if table.required::<Version>("version", cx).is_none() && version_is_there {
        return None;
    }
    let value = read(&mut table, cx);
    table.finish(cx);
    value
}

/// The key `version`. Under another version every other key may mean something else.
struct Version;

impl<'i> Read<'i> for Version {
    fn read(
        value: toml::Spanned<toml::de::DeValue<'i>>,
        place: &Place<'_>,
        cx: &mut Context<'_>,
    ) -> Option<Self> {
        let span = value.span();
        let version: u64 = whole_number(&value, place, 0..=u64::MAX, cx)?;
        if version == u64::from(CONFIG_VERSION) {
            return Some(Self);
        }
        cx.advise(
            Some(span),
            format!("version {version} is not known here, only version {CONFIG_VERSION}"),
            "use the release that writes this version, or rewrite the file for this one",
        );
        None
    }
}

use std::collections::BTreeMap;

use serde::Serialize;

use super::Setting;
use crate::config::{Context, Name, Read, Table};

/// Which program an organism runs, and its settings.
///
/// ```
/// use holobiont_identity::{ProgramConfig, Setting};
///
/// let mut program = ProgramConfig { name: "cross-feed".into(), version: 1, settings: [].into() };
/// program.settings.insert("window".into(), Setting::Integer(60));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProgramConfig {
    /// The program's name.
    pub name: String,
    /// The program's version; another version may fold differently.
    pub version: u32,
    /// What the program reads of its own.
    pub settings: BTreeMap<String, Setting>,
}

impl ProgramConfig {
    pub(super) fn read(table: &mut Table<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let name = table.required::<Name>("name", cx);
        let version = table.required_number("version", 0..=u32::MAX, cx);
        let settings = table.optional::<Settings>("settings", cx).unwrap_or_default();
        Some(Self { name: name?.0, version: version?, settings: settings.0 })
    }
}

#[derive(Default)]
struct Settings(BTreeMap<String, Setting>);

impl<'i> Read<'i> for Settings {
    fn read(
        value: toml::Spanned<toml::de::DeValue<'i>>,
        place: &crate::config::Place<'_>,
        cx: &mut Context<'_>,
    ) -> Option<Self> {
        if !value.get_ref().is_table() {
            crate::config::wrong_kind(&value, "a table", place, cx);
            return None;
        }
        match Setting::read(value, place, cx)? {
            Setting::Table(settings) => Some(Self(settings)),
            _ => None,
        }
    }
}

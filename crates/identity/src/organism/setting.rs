use std::collections::BTreeMap;

use serde::Serialize;
use toml::Spanned;
use toml::de::DeValue;

use crate::config::{Context, Place, Read};

/// How deep lists and tables may be nested in a program's settings; `[program.settings]` itself
/// is the first level.
pub const MAX_SETTING_NESTING: usize = 8;

/// One value of a program's settings. There are no fractions and no dates: two machines must never
/// read the same file differently.
///
/// ```
/// use holobiont_identity::Setting;
///
/// let pairs = Setting::List(vec![Setting::Text("USD".into()), Setting::Text("GBP".into())]);
/// assert_ne!(pairs, Setting::Flag(true));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Setting {
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(String),
    /// A list, in the order of the file.
    List(Vec<Setting>),
    /// A table, in the order of its keys.
    Table(BTreeMap<String, Setting>),
}

impl<'i> Read<'i> for Setting {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        nested(value, place, MAX_SETTING_NESTING, cx)
    }
}

fn nested(
    value: Spanned<DeValue<'_>>,
    place: &Place<'_>,
    levels_left: usize,
    cx: &mut Context<'_>,
) -> Option<Setting> {
    let span = Some(value.span());
    let value = value.into_inner();
    let is_nest = value.is_table() || value.is_array();
    let Some(below) = levels_left.checked_sub(usize::from(is_nest)) else {
        let message = format!("{place} is nested deeper than {MAX_SETTING_NESTING} levels");
        cx.report(span, message);
        return None;
    };
    match value {
        DeValue::Boolean(flag) => Some(Setting::Flag(flag)),
        DeValue::String(text) => Some(Setting::Text(text.into_owned())),
        DeValue::Integer(integer) => {
            let number = i64::from_str_radix(integer.as_str(), integer.radix());
            if number.is_err() {
                let message = format!("{place} is {integer:.80}, which does not fit 64 bits");
                cx.report(span, message);
            }
            number.ok().map(Setting::Integer)
        }
        DeValue::Float(fraction) => {
            cx.advise(
                span,
                format!("{place} is the fraction {fraction:.80}: settings have whole numbers only"),
                "state a scale and write a whole number, such as 500 thousandths for 0.5",
            );
            None
        }
        DeValue::Datetime(date) => {
            cx.advise(
                span,
                format!("{place} is the date {date}: settings have no dates"),
                "write it as text, or as a whole number in a stated unit",
            );
            None
        }
        DeValue::Array(items) => {
            let read = |item| nested(item, place, below, cx);
            Some(Setting::List(items.into_iter().filter_map(read).collect()))
        }
        DeValue::Table(entries) => {
            let read = |(key, value): (Spanned<std::borrow::Cow<'_, str>>, _)| {
                let key = key.into_inner().into_owned();
                let setting = nested(value, &place.inside(&key), below, cx)?;
                Some((key, setting))
            };
            Some(Setting::Table(entries.into_iter().filter_map(read).collect()))
        }
    }
}

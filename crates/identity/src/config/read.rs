use std::fmt;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::DeValue;

use super::Context;

/// A value that can be read from TOML.
pub(crate) trait Read<'i>: Sized {
    /// The value, or none after its problems were reported.
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self>;
}

/// Where a value stands, for messages.
pub(crate) struct Place<'a> {
    pub(super) key: &'a str,
    pub(super) parent: &'a str,
    pub(super) parent_is_file: bool,
    /// The value's number in a list, from 1.
    pub(super) number: Option<usize>,
}

impl Place<'_> {
    /// The place of a key of the table that stands here.
    pub(crate) fn inside<'b>(&'b self, key: &'b str) -> Place<'b> {
        Place { key, parent: self.key, parent_is_file: false, number: None }
    }

    /// The bare key, for messages that speak of a rule rather than of a place.
    pub(super) const fn key(&self) -> &str {
        self.key
    }

    /// What to call a table at this place, until its subject is known.
    pub(super) fn table_label(&self) -> String {
        let Self { key, parent, .. } = self;
        match (self.parent_is_file, self.number) {
            (true, None) => format!("[{key}]"),
            (true, Some(number)) => format!("[[{key}]] {number}"),
            (false, None) => format!("the {key} of {parent}"),
            (false, Some(number)) => format!("{key} {number} of {parent}"),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(number) = self.number {
            write!(f, "item {number} of ")?;
        }
        write!(f, "`{:.80}` in {:.80}", self.key, self.parent)
    }
}

/// Reports a value of another type than the one wanted.
pub(crate) fn wrong_kind(
    value: &Spanned<DeValue<'_>>,
    wanted: &str,
    place: &Place<'_>,
    cx: &mut Context<'_>,
) {
    let got = match value.get_ref() {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    cx.report(Some(value.span()), format!("{place} must be {wanted}, not {got}"));
}

/// Reads a whole number within `range`.
pub(crate) fn whole_number<N>(
    value: &Spanned<DeValue<'_>>,
    place: &Place<'_>,
    range: RangeInclusive<N>,
    cx: &mut Context<'_>,
) -> Option<N>
where
    N: Copy + Into<u64> + TryFrom<u64>,
{
    let DeValue::Integer(integer) = value.get_ref() else {
        wrong_kind(value, "a whole number", place, cx);
        return None;
    };
    let (least, most) = ((*range.start()).into(), (*range.end()).into());
    let number = u64::from_str_radix(integer.as_str(), integer.radix());
    if let Some(number) = number.ok().filter(|number| (least..=most).contains(number)) {
        return N::try_from(number).ok();
    }
    let message = if integer.as_str().starts_with('-') {
        format!("{} below zero: {place} is {integer}", place.key())
    } else {
        format!("{place} is {integer}, outside {least} to {most}")
    };
    cx.report(Some(value.span()), message);
    None
}

impl<'i> Read<'i> for bool {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            wrong_kind(&value, "true or false", place, cx);
        }
        flag
    }
}

impl<'i, T: Read<'i>> Read<'i> for Spanned<T> {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let span = value.span();
        T::read(value, place, cx).map(|value| Self::new(span, value))
    }
}

/// A list. Items with problems are left out, so that the others are still checked.
impl<'i, T: Read<'i>> Read<'i> for Vec<T> {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        if !value.get_ref().is_array() {
            wrong_kind(&value, "a list", place, cx);
        }
        let DeValue::Array(items) = value.into_inner() else {
            return None;
        };
        let numbered = items.into_iter().zip(1..);
        let read = |(item, number)| T::read(item, &Place { number: Some(number), ..*place }, cx);
        Some(numbered.filter_map(read).collect())
    }
}

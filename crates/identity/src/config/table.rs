use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::whole_number;
use super::{Context, Place, Read, wrong_kind};

/// A table being read: keys are taken out one by one, and what is left at the end is unknown.
pub(crate) struct Table<'i> {
    entries: DeTable<'i>,
    span: Range<usize>,
    label: String,
    root: bool,
    known: Vec<&'static str>,
}

impl<'i> Table<'i> {
    pub(super) fn root(table: Spanned<DeTable<'i>>, file: &str) -> Self {
        Self {
            span: table.span(),
            entries: table.into_inner(),
            label: file.to_owned(),
            root: true,
            known: Vec::new(),
        }
    }

    /// Calls the table by its subject from here on, such as "member `USD`".
    pub(crate) fn call(&mut self, label: String) {
        self.label = label;
    }

    /// What messages call the table.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Where the table is in the source.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Whether the key is there, not yet taken out.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Takes the value of a key that may be absent. A value that cannot be used is reported, and
    /// then absent.
    pub(crate) fn optional<T: Read<'i>>(
        &mut self,
        key: &'static str,
        cx: &mut Context<'_>,
    ) -> Option<T> {
        self.take(key).and_then(|value| T::read(value, &self.place(key), cx))
    }

    /// Takes the value of a key that must be there.
    pub(crate) fn required<T: Read<'i>>(
        &mut self,
        key: &'static str,
        cx: &mut Context<'_>,
    ) -> Option<T> {
        let Some(value) = self.take(key) else {
            self.missing(key, cx);
            return None;
        };
        T::read(value, &self.place(key), cx)
    }

    /// Takes a whole number within `range`, where the key is there.
    pub(crate) fn number<N>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<N>,
        cx: &mut Context<'_>,
    ) -> Option<N>
    where
        N: Copy + Into<u64> + TryFrom<u64>,
    {
        self.take(key).and_then(|value| whole_number(&value, &self.place(key), range, cx))
    }

    /// Takes a whole number within `range`, which must be there.
    pub(crate) fn required_number<N>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<N>,
        cx: &mut Context<'_>,
    ) -> Option<N>
    where
        N: Copy + Into<u64> + TryFrom<u64>,
    {
        if !self.has(key) {
            self.missing(key, cx);
        }
        self.number(key, range, cx)
    }

    /// Takes one of a few words, where the key is there.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
        cx: &mut Context<'_>,
    ) -> Option<T> {
        let value = self.take(key)?;
        let span = value.span();
        let DeValue::String(got) = value.get_ref() else {
            wrong_kind(&value, "text", &self.place(key), cx);
            return None;
        };
        let found = words.iter().find(|(word, _)| word == got);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("{} is `{got:.80}`, which is not a choice", self.place(key));
            cx.advise(Some(span), message, suggestion(got, &known));
        }
        found.map(|(_, choice)| *choice)
    }

    /// Takes one of a few words, which must be there.
    pub(crate) fn required_choice<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
        cx: &mut Context<'_>,
    ) -> Option<T> {
        if !self.has(key) {
            self.missing(key, cx);
        }
        self.choice(key, words, cx)
    }

    /// Takes a value together with its place in the source.
    pub(crate) fn spanned<T>(
        &mut self,
        key: &'static str,
        take: impl FnOnce(&mut Self, &'static str) -> Option<T>,
    ) -> Option<Spanned<T>> {
        let span = self.entries.get(key).map_or_else(|| self.span(), Spanned::span);
        take(self, key).map(|value| Spanned::new(span, value))
    }

    /// Takes a whole table, where the key is there.
    pub(crate) fn section<T>(
        &mut self,
        key: &'static str,
        cx: &mut Context<'_>,
        read: impl FnOnce(&mut Table<'i>, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let mut table: Table<'i> = self.optional(key, cx)?;
        let value = read(&mut table, cx);
        table.finish(cx);
        Some(value)
    }

    /// Takes a whole table that must be there.
    pub(crate) fn required_section<T>(
        &mut self,
        key: &'static str,
        cx: &mut Context<'_>,
        read: impl FnOnce(&mut Table<'i>, &mut Context<'_>) -> T,
    ) -> Option<T> {
        if !self.has(key) {
            self.missing(key, cx);
        }
        self.section(key, cx, read)
    }

    /// Reports what was never taken out.
    pub(crate) fn finish(self, cx: &mut Context<'_>) {
        for (key, _) in self.entries {
            let message = format!("`{:.80}` is no key of {}", key.get_ref(), self.label);
            cx.advise(Some(key.span()), message, suggestion(key.get_ref(), &self.known));
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.entries.remove(key)
    }

    fn missing(&self, key: &str, cx: &mut Context<'_>) {
        // The span of a whole file would underline all of it.
        let span = (!self.root).then(|| self.span());
        cx.report(span, format!("`{key}` is missing in {}", self.label));
    }

    fn place<'a>(&'a self, key: &'a str) -> Place<'a> {
        Place { key, parent: &self.label, parent_is_file: self.root, number: None }
    }
}

impl<'i> Read<'i> for Table<'i> {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let span = value.span();
        if !value.get_ref().is_table() {
            wrong_kind(&value, "a table", place, cx);
        }
        let DeValue::Table(entries) = value.into_inner() else {
            return None;
        };
        Some(Self { entries, span, label: place.table_label(), root: false, known: Vec::new() })
    }
}

/// The nearest of the known words where one is near, else all of them.
pub(crate) fn suggestion(got: &str, known: &[&str]) -> String {
    // A third of the letters wrong is still a slip of the pen; more is another word. Lengths are
    // compared first, since the distance takes memory for every letter of a key of any length.
    let near = known
        .iter()
        .map(|word| (word, word.len().div_ceil(3)))
        .filter(|(word, slips)| word.len().abs_diff(got.len()) <= *slips)
        .map(|(word, slips)| (strsim::damerau_levenshtein(got, word), slips, word))
        .filter(|(distance, slips, _)| distance <= slips)
        .min_by_key(|(distance, _, _)| *distance);
    match near {
        Some((_, _, word)) => format!("did you mean `{word}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

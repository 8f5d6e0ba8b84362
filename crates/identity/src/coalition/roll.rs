use std::collections::BTreeMap;

use super::listed::Entry;
use super::{CoalitionOperator, Listed};
use crate::config::{Context, Table};

/// The most lattices, organisms and operators of a coalition, each.
pub const MAX_LISTED: usize = 1024;

/// Everything that a coalition lists, checked against each other.
pub(super) struct Roll {
    pub(super) lattices: Vec<Listed>,
    pub(super) organisms: Vec<Listed>,
    pub(super) operators: Vec<CoalitionOperator>,
}

pub(super) fn read(root: &mut Table<'_>, cx: &mut Context<'_>) -> Roll {
    let before = cx.count();
    let mut names = Once::new("name");
    let mut ids = Once::new("stable id");
    let mut entries = |root: &mut Table<'_>, key, is_organism, cx: &mut Context<'_>| {
        list(root, key, cx, |table, cx| {
            let entry = Entry::read(table, is_organism, cx)?;
            names.note(entry.listed.name.clone(), table, cx);
            ids.note(entry.listed.stable_id.to_string(), table, cx);
            Some(entry)
        })
    };
    let lattices = entries(root, "lattice", false, cx);
    let organisms = entries(root, "organism", true, cx);
    let mut operator_names = Once::new("operator");
    let operators = list(root, "operator", cx, |table, cx| {
        let operator = CoalitionOperator::read(table, cx)?;
        operator_names.note(operator.name.clone(), table, cx);
        Some(operator)
    });
    if lattices.is_empty() && organisms.is_empty() && cx.count() == before {
        let message = "coalition.toml lists neither a lattice nor an organism";
        cx.advise(None, message, "add a [[lattice]] or an [[organism]] table for each");
    }
    // An entry that could not be read is missing here for that reason alone.
    if cx.count() == before {
        let operators = &operator_names;
        for entry in lattices.iter().chain(&organisms) {
            entry.check_references(operators, &names, cx);
        }
    }
    let listed = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.listed).collect();
    Roll { lattices: listed(lattices), organisms: listed(organisms), operators }
}

impl Entry {
    fn check_references(&self, operators: &Once, names: &Once, cx: &mut Context<'_>) {
        let Listed { name, operator, .. } = &self.listed;
        if !operators.knows(operator) {
            cx.advise(
                Some(self.operator.span()),
                format!("`{name}` is run by `{operator}`, who is not listed"),
                "add an [[operator]] table, or correct the name",
            );
        }
        for spanned in &self.spans {
            let other = &spanned.get_ref().0;
            if other == name || !names.knows(other) {
                cx.advise(
                    Some(spanned.span()),
                    format!("`{name}` spans `{other}`, which is no other listed entry"),
                    "list it as a [[lattice]] or [[organism]], or correct the name",
                );
            }
        }
    }
}

fn list<T>(
    root: &mut Table<'_>,
    key: &'static str,
    cx: &mut Context<'_>,
    mut read: impl FnMut(&mut Table<'_>, &mut Context<'_>) -> Option<T>,
) -> Vec<T> {
    let tables: Vec<Table<'_>> = root.optional(key, cx).unwrap_or_default();
    if tables.len() > MAX_LISTED {
        let message =
            format!("coalition.toml has {} of [[{key}]], above {MAX_LISTED}", tables.len());
        cx.report(None, message);
        return Vec::new();
    }
    let mut items = Vec::new();
    for mut table in tables {
        items.extend(read(&mut table, cx));
        table.finish(cx);
    }
    items
}

/// What may be listed once, and the line on which it is.
struct Once {
    what: &'static str,
    lines: BTreeMap<String, usize>,
}

impl Once {
    const fn new(what: &'static str) -> Self {
        Self { what, lines: BTreeMap::new() }
    }

    fn note(&mut self, value: String, table: &Table<'_>, cx: &mut Context<'_>) {
        let span = table.span();
        let line = cx.line(&span);
        let what = self.what;
        if let Some(first) = self.lines.get(&value) {
            let message = format!("{what} `{value}` is listed twice, on lines {first} and {line}");
            cx.advise(Some(span), message, "remove one of them, or correct it");
        }
        self.lines.insert(value, line);
    }

    fn knows(&self, value: &str) -> bool {
        self.lines.contains_key(value)
    }
}

//! Reading `[[surface]]`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;

use super::{
    COMMITTEE_SURFACE, DEFAULT_QUOTE_AGE_S, MAX_OUT_OF_DATE_GRACE_S, MAX_PINS, MAX_QUOTE_AGE_S,
    Pin, SurfacePins, TcbRules, TcbStatus, read_pin,
};
use crate::Member;
use crate::config::{Context, Name, Table, suggestion};

/// Reads the pins of every surface. Without `members`, which had problems of their own, names are
/// not compared with theirs.
pub(crate) fn read(
    root: &mut Table<'_>,
    members: Option<&[Member]>,
    cx: &mut Context<'_>,
) -> Vec<SurfacePins> {
    let listed: Vec<Table<'_>> = root.optional("surface", cx).unwrap_or_default();
    let names: Option<Vec<&str>> =
        members.map(|members| members.iter().map(|member| member.name.as_str()).collect());
    // Each name is used once, so anything past this is twice the same or no member's.
    let most = names.as_ref().map_or(usize::MAX, |names| names.len().saturating_add(1));
    if listed.len() > most {
        let message = format!(
            "organism.toml lists {} surfaces, above the {most} that there are with `committee`",
            listed.len()
        );
        cx.report(None, message);
        return Vec::new();
    }
    let mut first_lines = BTreeMap::new();
    let mut surfaces = Vec::new();
    for mut table in listed {
        let (span, line) = (table.span(), cx.line(&table.span()));
        let name = name(&mut table, names.as_deref(), cx);
        if let Some(name) = &name
            && let Some(first) = first_lines.insert(name.clone(), line)
        {
            cx.advise(
                Some(span),
                format!("surface `{name}` is listed twice, on lines {first} and {line}"),
                "put all its pins into one [[surface]]",
            );
        }
        surfaces.extend(surface(&mut table, name, cx));
        table.finish(cx);
    }
    surfaces
}

/// The surface's name, which must be a member's or the reserved one.
fn name(table: &mut Table<'_>, names: Option<&[&str]>, cx: &mut Context<'_>) -> Option<String> {
    let name: Spanned<Name> = table.required("name", cx)?;
    let span = name.span();
    let Name(name) = name.into_inner();
    table.call(format!("surface `{name}`"));
    let names = names.unwrap_or_default();
    if name == COMMITTEE_SURFACE && names.contains(&COMMITTEE_SURFACE) {
        cx.advise(
            Some(span),
            "`committee` in [[surface]] means the committee's nodes, but a member has that name too",
            "give the member another name",
        );
    } else if name != COMMITTEE_SURFACE && !names.is_empty() && !names.contains(&name.as_str()) {
        let known: Vec<&str> = names.iter().copied().chain([COMMITTEE_SURFACE]).collect();
        let message = format!("surface `{name}` has the name of no member");
        cx.advise(Some(span), message, suggestion(&name, &known));
    }
    Some(name)
}

fn surface(
    table: &mut Table<'_>,
    name: Option<String>,
    cx: &mut Context<'_>,
) -> Option<SurfacePins> {
    let tcb = table.section("tcb", cx, tcb).unwrap_or_default();
    let min_distinct_platforms =
        table.spanned("min_distinct_platforms", |table, key| table.number(key, 1..=u16::MAX, cx));
    let before = cx.count();
    let sets = sets(table, cx);
    if cx.count() == before
        && let Some(least) = &min_distinct_platforms
    {
        enough_platforms(*least.get_ref(), &least.span(), &sets, cx);
    }
    let min_distinct_platforms = min_distinct_platforms.map(Spanned::into_inner);
    Some(SurfacePins { surface: name?, tcb, min_distinct_platforms, sets })
}

fn tcb(table: &mut Table<'_>, cx: &mut Context<'_>) -> TcbRules {
    let default = TcbRules::default();
    let allowed = table.optional::<Spanned<Vec<Spanned<TcbStatus>>>>("allowed", cx);
    let allowed = allowed.map_or(default.allowed, |allowed| {
        let span = allowed.span();
        let mut listed = Vec::new();
        for status in allowed.into_inner() {
            let (span, status) = (status.span(), status.into_inner());
            if listed.contains(&status) {
                let message = format!("`{status}` is listed twice in {}", table.label());
                cx.report(Some(span), message);
            }
            listed.push(status);
        }
        if listed.is_empty() {
            let message = format!("`allowed` in {} accepts no status at all", table.label());
            cx.advise(Some(span), message, "leave it out to accept UpToDate alone");
        }
        listed
    });
    let grace = table.number("out_of_date_grace_s", 0..=MAX_OUT_OF_DATE_GRACE_S, cx);
    let age = table.number("max_quote_age_s", 1..=MAX_QUOTE_AGE_S, cx);
    TcbRules {
        allowed,
        out_of_date_grace_s: grace.unwrap_or(default.out_of_date_grace_s),
        max_quote_age_s: age.unwrap_or(DEFAULT_QUOTE_AGE_S),
    }
}

/// The sets of a surface, whose labels must differ.
fn sets(table: &mut Table<'_>, cx: &mut Context<'_>) -> Vec<Pin> {
    let before = cx.count();
    let listed: Vec<Table<'_>> = table.optional("pins", cx).unwrap_or_default();
    let (span, count) = (Some(table.span()), listed.len());
    if cx.count() > before {
        return Vec::new();
    }
    if count == 0 {
        let message = format!("{} has no pins, so it could accept nothing", table.label());
        cx.advise(span, message, "add a [[surface.pins]] for each image that may run there");
        return Vec::new();
    }
    if count > MAX_PINS {
        let message = format!("{} lists {count} pins, above {MAX_PINS}", table.label());
        cx.advise(span, message, "remove those that ended longest ago");
        return Vec::new();
    }
    let mut first_lines = BTreeMap::new();
    let mut sets = Vec::new();
    for mut entry in listed {
        let (span, line) = (entry.span(), cx.line(&entry.span()));
        let pin = read_pin::read(&mut entry, table.label(), cx);
        entry.finish(cx);
        let Some(pin) = pin else {
            continue;
        };
        if let Some(first) = first_lines.insert(pin.label.clone(), line) {
            let message = format!(
                "pin `{}` of {} is listed twice, on lines {first} and {line}",
                pin.label,
                table.label()
            );
            cx.advise(Some(span), message, "a verdict names the pin: give each its own label");
        }
        sets.push(pin);
    }
    sets
}

/// Where every set lists its platforms, there must be as many as are asked for.
fn enough_platforms(least: u16, span: &Range<usize>, sets: &[Pin], cx: &mut Context<'_>) {
    let live: Vec<&Pin> = sets.iter().filter(|pin| pin.revoked.is_none()).collect();
    if live.is_empty() || live.iter().any(|pin| pin.platforms.is_empty()) {
        return;
    }
    let listed: BTreeSet<&[u8; 16]> = live.iter().flat_map(|pin| &pin.platforms).collect();
    if usize::from(least) > listed.len() {
        cx.advise(
            Some(span.clone()),
            format!(
                "`min_distinct_platforms` is {least}, but the pins list {} platforms",
                listed.len()
            ),
            "nobody could ever be admitted: lower it, or list more platforms",
        );
    }
}

use std::collections::BTreeMap;

use super::Member;
use super::policy_keys::PolicyKeys;
use crate::config::{Context, Table};

/// The most members of an organism.
pub const MAX_MEMBERS: usize = 1024;

/// Reads `[[member]]`, whose entries must differ in name and in what they read.
pub(super) fn read(
    root: &mut Table<'_>,
    shared: Option<&PolicyKeys>,
    cx: &mut Context<'_>,
) -> Option<Vec<Member>> {
    let listed: Vec<Table<'_>> = root.optional("member", cx).unwrap_or_default();
    if listed.is_empty() {
        cx.advise(
            None,
            "organism.toml lists no members",
            "add a [[member]] table for each surface that the organism reads",
        );
        return None;
    }
    if listed.len() > MAX_MEMBERS {
        let message = format!("organism.toml lists {} members, above {MAX_MEMBERS}", listed.len());
        cx.report(None, message);
        return None;
    }
    let mut members = Vec::new();
    let mut seen = Seen::default();
    for mut table in listed {
        let member = Member::read(&mut table, shared, cx);
        if let Some(member) = member {
            seen.note(&member, &table, cx);
            members.push(member);
        }
        table.finish(cx);
    }
    Some(members)
}

/// What was listed so far, and on which line.
#[derive(Default)]
struct Seen {
    names: BTreeMap<String, usize>,
    surfaces: BTreeMap<[u8; 32], (String, usize)>,
    short_ids: BTreeMap<[u8; 20], (String, [u8; 32])>,
}

impl Seen {
    fn note(&mut self, member: &Member, table: &Table<'_>, cx: &mut Context<'_>) {
        let span = table.span();
        let line = cx.line(&span);
        let name = &member.name;
        if let Some(first) = self.names.insert(name.clone(), line) {
            cx.advise(
                Some(span.clone()),
                format!("member `{name}` is listed twice, on lines {first} and {line}"),
                "remove one, or give it another name",
            );
        }
        let surface = *member.surface_id().as_bytes();
        if let Some((other, first)) = self.surfaces.insert(surface, (name.clone(), line)) {
            cx.advise(
                Some(span.clone()),
                format!(
                    "member `{other}` on line {first} and member `{name}` on line {line} read one \
                     surface: same stable id, same surface name"
                ),
                "a record must count once: remove one of them",
            );
        }
        let stable_id = *member.stable_id.as_bytes();
        let entry = (name.clone(), stable_id);
        match self.short_ids.insert(*member.id().as_bytes(), entry) {
            Some((other, first)) if first != stable_id => cx.advise(
                Some(span),
                format!("the stable ids of `{other}` and `{name}` begin with the same 20 bytes"),
                "commits could not tell them apart: one of the two ids is wrong or forged",
            ),
            _ => {}
        }
    }
}

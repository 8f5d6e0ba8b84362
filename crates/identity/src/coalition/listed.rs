use serde::Serialize;
use toml::Spanned;

use crate::config::{Context, Name, StableId, Table, Text};
use crate::{Digest, UniqueId};

/// A lattice or organism that a coalition lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its name in the coalition.
    pub name: String,
    /// Its stable id.
    pub stable_id: UniqueId,
    /// Its content hash when the file was written.
    pub content_hash: Option<Digest>,
    /// What it does, in words.
    pub role: String,
    /// The name of the operator who runs it, who is listed as well.
    pub operator: String,
    /// Where its handshake is served, an `https://` address.
    pub handshake: String,
    /// Whether it is a composite organism; never for a lattice.
    pub composite: bool,
    /// The names of what a composite organism spans, all listed as well.
    pub spans: Vec<String>,
}

/// What is read of an entry before the file is known as a whole.
pub(super) struct Entry {
    pub(super) listed: Listed,
    pub(super) operator: Spanned<Name>,
    pub(super) spans: Vec<Spanned<Name>>,
}

impl Entry {
    pub(super) fn read(
        table: &mut Table<'_>,
        is_organism: bool,
        cx: &mut Context<'_>,
    ) -> Option<Self> {
        let name = table.required::<Name>("name", cx);
        if let Some(Name(name)) = &name {
            let kind = if is_organism { "organism" } else { "lattice" };
            table.call(format!("{kind} `{name}`"));
        }
        let stable_id = table.required::<StableId>("stable_id", cx);
        let content_hash = table.optional("content_hash", cx);
        let role = table.required::<Text>("role", cx);
        let operator = table.required::<Spanned<Name>>("operator", cx);
        let handshake = handshake(table, cx);
        let (composite, spans) =
            if is_organism { composition(table, cx) } else { (false, Vec::new()) };
        let operator = operator?;
        let listed = Listed {
            name: name?.0,
            stable_id: stable_id?.0,
            content_hash,
            role: role?.0,
            operator: operator.get_ref().0.clone(),
            handshake: handshake?,
            composite,
            spans: spans.iter().map(|name| name.get_ref().0.clone()).collect(),
        };
        Some(Self { listed, operator, spans })
    }
}

fn composition(table: &mut Table<'_>, cx: &mut Context<'_>) -> (bool, Vec<Spanned<Name>>) {
    let composite = table.optional::<bool>("composite", cx).unwrap_or(false);
    let spans = table.optional::<Spanned<Vec<Spanned<Name>>>>("spans", cx);
    if let Some(spans) = spans.as_ref().filter(|_| !composite) {
        cx.advise(
            Some(spans.span()),
            format!("`spans` in {} goes only with `composite = true`", table.label()),
            "set `composite`, or remove `spans`",
        );
    }
    (composite, spans.map(Spanned::into_inner).unwrap_or_default())
}

fn handshake(table: &mut Table<'_>, cx: &mut Context<'_>) -> Option<String> {
    let address = table.required::<Spanned<Text>>("handshake", cx)?;
    let span = address.span();
    let Text(address) = address.into_inner();
    let host = address.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
    if host.is_none_or(str::is_empty) || address.contains(char::is_whitespace) {
        cx.advise(
            Some(span),
            format!("`handshake` in {} is not an https address", table.label()),
            "write it in full, such as https://example.org/handshake.json",
        );
        return None;
    }
    Some(address)
}

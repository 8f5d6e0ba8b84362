use std::collections::BTreeMap;

use super::address::HostPort;
use crate::MAX_MEMBERS;
use crate::config::{Context, Name, Table, Text};

/// Where one member's surface comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceConfig {
    /// The member's name in the organism's config.
    pub member: String,
    /// How it is read.
    pub kind: SourceKind,
}

/// How a member's surface is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
    /// A surface on this machine that another process writes.
    Directory {
        /// Its folder.
        path: String,
    },
    /// A producer, or a mirror of it, over attested TLS.
    Https {
        /// `host:port`.
        address: String,
        /// The file with this node's ticket for the surface. None where no ticket is asked for.
        ticket_file: Option<String>,
    },
}

#[derive(Clone, Copy)]
enum Word {
    Directory,
    Https,
}

/// Every `[[source]]`. Whether a member of that name exists, the organism's config says.
pub(super) fn read(root: &mut Table<'_>, cx: &mut Context<'_>) -> Vec<SourceConfig> {
    let listed: Vec<Table<'_>> = root.optional("source", cx).unwrap_or_default();
    if listed.len() > MAX_MEMBERS {
        let message = format!("{} sources are above {MAX_MEMBERS}", listed.len());
        cx.report(Some(root.span()), message);
        return Vec::new();
    }
    let mut lines = BTreeMap::new();
    let mut sources = Vec::new();
    for mut entry in listed {
        let source = SourceConfig::read(&mut entry, cx);
        let span = entry.span();
        let line = cx.line(&span);
        entry.finish(cx);
        let Some(source) = source else { continue };
        if let Some(first) = lines.insert(source.member.clone(), line) {
            let message =
                format!("member `{}` has two sources, on lines {first} and {line}", source.member);
            cx.report(Some(span), message);
        } else {
            sources.push(source);
        }
    }
    sources
}

impl SourceConfig {
    fn read(table: &mut Table<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let member = table.required::<Name>("member", cx);
        if let Some(Name(member)) = &member {
            table.call(format!("the source of `{member}`"));
        }
        let words = [("directory", Word::Directory), ("https", Word::Https)];
        let Some(word) = table.required_choice("kind", &words, cx) else {
            // Without it nobody can say which of these belong here.
            for key in ["path", "address", "ticket_file"] {
                let _: Option<Text> = table.optional(key, cx);
            }
            return None;
        };
        let kind = match word {
            Word::Directory => {
                SourceKind::Directory { path: table.required::<Text>("path", cx)?.0 }
            }
            Word::Https => {
                let address = table.required::<HostPort>("address", cx);
                let ticket_file = table.optional::<Text>("ticket_file", cx).map(|text| text.0);
                SourceKind::Https { address: address?.0, ticket_file }
            }
        };
        Some(Self { member: member?.0, kind })
    }
}

use serde::Serialize;

use super::texts;
use crate::config::{Context, Key32, Name, Table, Text};

/// Somebody who runs a listed lattice or organism, or serves the coalition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CoalitionOperator {
    /// The operator's name.
    pub name: String,
    /// What the operator does, in words.
    pub roles: Vec<String>,
    /// How to reach the operator.
    pub contact: String,
    /// The Ed25519 public key that the operator signs change notices with.
    pub notice_key: Option<[u8; 32]>,
}

impl CoalitionOperator {
    pub(super) fn read(table: &mut Table<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let name = table.required::<Name>("name", cx);
        if let Some(Name(name)) = &name {
            table.call(format!("operator `{name}`"));
        }
        let roles = texts(table, "roles", cx);
        let contact = table.required::<Text>("contact", cx);
        let notice_key = table.optional::<Key32>("notice_key", cx);
        Some(Self {
            name: name?.0,
            roles,
            contact: contact?.0,
            notice_key: notice_key.map(|key| key.0),
        })
    }
}

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Digest;
use crate::config::{Context, Key32, Name, Table};

/// The most operators of an organism.
pub const MAX_OPERATORS: usize = 64;

/// Who may give an organism orders.
///
/// ```
/// use holobiont_identity::Acl;
///
/// // Nobody is listed, and yet one signature is needed: no order can be given.
/// assert_eq!(Acl::default().orders_need, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Acl {
    /// The operators, in the order of the file.
    pub operators: Vec<Operator>,
    /// How many of them must sign an order. *Limits*: at least 1, also where nobody is listed.
    pub orders_need: u32,
    /// Digest of the first roster, from which roster orders are chained.
    pub first_roster: Option<Digest>,
}

impl Default for Acl {
    fn default() -> Self {
        Self { operators: Vec::new(), orders_need: 1, first_roster: None }
    }
}

/// One operator of an organism.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operator {
    /// The operator's name.
    pub name: String,
    /// The Ed25519 public key that its orders are signed with.
    pub key: [u8; 32],
}

impl Acl {
    pub(super) fn read(table: &mut Table<'_>, cx: &mut Context<'_>) -> Self {
        let before = cx.count();
        let operators = operators(table, cx);
        let orders_need = table.number("orders_need", 1..=u32::MAX, cx);
        let first_roster = table.optional("first_roster", cx);
        let listed = operators.len();
        if cx.count() == before && listed > 0 {
            let span = Some(table.span());
            match orders_need {
                None => cx.advise(
                    span,
                    "`orders_need` is missing in [acl]",
                    format!("say how many of the {listed} operators must sign an order"),
                ),
                Some(need) if usize::try_from(need).map_or(true, |need| need > listed) => cx
                    .advise(
                        span,
                        format!("`orders_need` is {need}, but [acl] lists {listed} operators"),
                        "no order could ever be given: lower it, or list more operators",
                    ),
                Some(_) => {}
            }
        }
        let default = Self::default().orders_need;
        Self { operators, orders_need: orders_need.unwrap_or(default), first_roster }
    }
}

/// Two entries with one key would let one operator sign twice, so both names and keys are unique.
fn operators(table: &mut Table<'_>, cx: &mut Context<'_>) -> Vec<Operator> {
    let listed: Vec<Table<'_>> = table.optional("operator", cx).unwrap_or_default();
    if listed.len() > MAX_OPERATORS {
        let message = format!("[acl] lists {} operators, above {MAX_OPERATORS}", listed.len());
        cx.report(Some(table.span()), message);
        return Vec::new();
    }
    let mut names = BTreeMap::new();
    let mut keys = BTreeMap::new();
    let mut operators = Vec::new();
    for mut entry in listed {
        let name = entry.required::<Name>("name", cx);
        let key = entry.required::<Key32>("key", cx);
        let span = entry.span();
        let line = cx.line(&span);
        entry.finish(cx);
        let (Some(Name(name)), Some(Key32(key))) = (name, key) else {
            continue;
        };
        if let Some(first) = names.insert(name.clone(), line) {
            let message = format!("operator `{name}` is listed twice, on lines {first} and {line}");
            cx.report(Some(span.clone()), message);
        }
        if let Some(first) = keys.insert(key, line) {
            let message = format!("one key is listed twice, on lines {first} and {line}");
            cx.advise(Some(span), message, "each operator signs with its own key");
        }
        operators.push(Operator { name, key });
    }
    operators
}

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use holobiont_archive::ticket::{Expect, Issuer, Ticket};
use holobiont_committee_raft::Enrolments;
use holobiont_identity::{Organism, UniqueId};

use super::feeding::Node;
use super::links::Links;
use super::terms::TermBook;
use crate::now::now_s;

/// Boot keys that attested TLS has verified, on their way to the node: connections may be there
/// before it is.
#[derive(Default)]
pub(crate) struct Attested(Mutex<State>);

#[derive(Default)]
struct State {
    node: Option<(Node, Links)>,
    early: Vec<(UniqueId, [u8; 32])>,
}

impl Attested {
    pub(crate) fn note(&self, node_id: UniqueId, key: [u8; 32]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &state.node {
            Some((node, links)) => {
                node.verified(node_id, key);
                links.met(node_id, key);
            }
            None => state.early.push((node_id, key)),
        }
    }

    pub(crate) fn tell(&self, node: &Node, links: &Links) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (node_id, key) in std::mem::take(&mut state.early) {
            node.verified(node_id, key);
        }
        state.node = Some((node.clone(), links.clone()));
    }
}

/// Who judges others' enrolments, by the config in force.
pub(crate) fn enrolments(terms: &Arc<TermBook>) -> Enrolments {
    let terms = Arc::clone(terms);
    let said: Mutex<BTreeMap<UniqueId, String>> = Mutex::default();
    Arc::new(move |node: &UniqueId, enrolment: &[u8]| {
        let judged = is_enrolled(&terms.organism(), *node, enrolment, now_s());
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        match &judged {
            Ok(()) => drop(said.remove(node)),
            // It is asked again and again: once told is enough.
            Err(why) => {
                if said.insert(*node, why.clone()).as_ref() != Some(why) {
                    tracing::warn!(%node, why, "a boot key is not admitted");
                }
            }
        }
        judged.is_ok()
    })
}

/// Whether the organism's operators have let this node in. Where none are listed, the roster
/// decides alone.
fn is_enrolled(
    organism: &Organism,
    node: UniqueId,
    enrolment: &[u8],
    now_s: u64,
) -> Result<(), String> {
    let operators = &organism.acl.operators;
    if operators.is_empty() {
        return Ok(());
    }
    let issuers: Vec<Issuer> = operators.iter().map(|it| Issuer::Ed25519(it.key)).collect();
    let text = std::str::from_utf8(enrolment).map_err(|_| "its enrolment is no text".to_owned())?;
    if text.trim().is_empty() {
        return Err("it shows no enrolment: the organism's operators issue one".to_owned());
    }
    let ticket = Ticket::parse(text.trim()).map_err(|error| error.to_string())?;
    let expect = Expect::Enrol { issuers: &issuers, subject: node, organism: organism.stable_id() };
    ticket.check(&expect, now_s).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use holobiont_archive::ticket::{Claims, IssuerKey, Scope};
    use holobiont_identity::Operator;

    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    fn organism(operators: &[&IssuerKey]) -> Organism {
        let source = include_str!("../../../identity/tests/vectors/organism.toml");
        let mut organism = Organism::parse(source).unwrap();
        organism.acl.operators = operators
            .iter()
            .map(|key| match key.issuer() {
                Issuer::Ed25519(key) => Operator { name: "ann".to_owned(), key },
                Issuer::Es256(_) => unreachable!("they are Ed25519"),
            })
            .collect();
        organism
    }

    #[test]
    fn only_who_the_operators_let_in_is_enrolled() {
        let (ann, eve) =
            (IssuerKey::ed25519(&[1; 32]).unwrap(), IssuerKey::ed25519(&[2; 32]).unwrap());
        let organism_of_ann = organism(&[&ann]);
        let node = UniqueId::from_name("node");
        let issue = |key: &IssuerKey, subject, stable_id| {
            let scope = Scope::Enrol { organism: stable_id };
            let (not_before_s, expires_s) = (NOW_S - 10, NOW_S + 10);
            let claims = Claims { subject, scope, not_before_s, expires_s, id: "1".to_owned() };
            key.issue(&claims).unwrap()
        };
        let stable_id = organism_of_ann.stable_id();
        let good = issue(&ann, node, stable_id);
        let judged =
            |text: &str, now_s| is_enrolled(&organism_of_ann, node, text.as_bytes(), now_s);
        assert_eq!(judged(&good, NOW_S), Ok(()));
        assert!(judged(&good, NOW_S + 10).is_err());
        assert!(judged("", NOW_S).is_err());
        assert!(judged(&issue(&eve, node, stable_id), NOW_S).is_err());
        assert!(judged(&issue(&ann, UniqueId::from_name("other"), stable_id), NOW_S).is_err());
        assert!(judged(&issue(&ann, node, node), NOW_S).is_err());
        assert_eq!(is_enrolled(&organism(&[]), node, b"", NOW_S), Ok(()));
    }
}

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use holobiont_archive::ticket::{Expect, Issuer, Ticket};
use holobiont_attestation::Evidence;
use holobiont_committee_raft::{BootQuotes, Enrolments, Presented};
use holobiont_identity::{Organism, UniqueId};

use super::feeding::Node;
use super::links::Links;
use super::terms::{TermBook, committee_pins};
use super::trust::Trust;
use crate::boot_quote;
use crate::now::now_s;

/// How long a boot whose quote was refused is not judged again, in seconds: collateral may come.
const JUDGE_AGAIN_S: u64 = 5;

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

/// A boot that was judged, under which config, and when.
struct Judged {
    key: [u8; 32],
    organism: Arc<Organism>,
    at_s: u64,
    judged: Result<(), String>,
}

/// Who judges the quotes of others' boots: by the pins in force, at the greatest time that is known.
pub(crate) fn boot_quotes(
    terms: &Arc<TermBook>,
    trust: &Arc<Trust>,
    time_s: &Arc<AtomicU64>,
) -> BootQuotes {
    let (terms, trust, time_s) = (Arc::clone(terms), Arc::clone(trust), Arc::clone(time_s));
    // By node: each waits with one key.
    let known: Mutex<BTreeMap<UniqueId, Judged>> = Mutex::default();
    Arc::new(move |presented: &Presented<'_>| {
        let (organism, now_s) = (terms.organism(), now_s());
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.get(presented.node).filter(|it| it.key == *presented.key);
        if let Some(before) = before
            && Arc::ptr_eq(&before.organism, &organism)
            && (before.judged.is_ok() || now_s.saturating_sub(before.at_s) < JUDGE_AGAIN_S)
        {
            return before.judged.is_ok();
        }
        let at_s = now_s.max(time_s.load(Ordering::Relaxed));
        let judged = has_quote(&trust, &organism, presented, at_s);
        let said = before.and_then(|before| before.judged.as_ref().err()).cloned();
        if let Err(why) = &judged
            && said.as_ref() != Some(why)
        {
            tracing::warn!(node = %presented.node, why, "a boot key is not admitted");
        }
        let is_good = judged.is_ok();
        let key = *presented.key;
        known.insert(*presented.node, Judged { key, organism, at_s: now_s, judged });
        is_good
    })
}

/// Whether the boot's quote is of one of the committee's pinned guests, and made for this key.
fn has_quote(
    trust: &Trust,
    organism: &Organism,
    presented: &Presented<'_>,
    at_s: u64,
) -> Result<(), String> {
    let evidence = Evidence::decode(presented.quote)
        .map_err(|error| format!("its boot shows no quote: {error}"))?;
    let binding = boot_quote::binding(
        trust.simulated,
        &organism.stable_id(),
        presented.node,
        presented.key,
        presented.enrolment,
    );
    let verdict = trust.boot_verdict(&evidence, &committee_pins(organism), &binding, at_s);
    match verdict.reason() {
        _ if verdict.admits() => Ok(()),
        Some(reason) => Err(format!("its boot's quote: {reason}")),
        None => Err("its boot's quote: a check could not be run".to_owned()),
    }
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

    #[cfg(feature = "simulated")]
    #[test]
    fn a_boot_is_admitted_by_the_quote_made_for_its_key_in_a_pinned_guest() {
        use crate::simulated_world::SimulatedWorld;

        let dir = tempfile::tempdir().unwrap();
        let names = |name: &str| [name.to_owned()];
        let now_s = now_s();
        let world =
            SimulatedWorld::create(dir.path(), &names("node"), &names("USD"), now_s).unwrap();
        let source = include_str!("../../../identity/tests/vectors/organism.toml");
        let own_pins = Organism::parse(&format!(
            "version = 1\nname = \"o\"\n[program]\nname = \"cross-feed\"\nversion = 1\n\
             [policy]\nmax_advance = 31\n\
             [[member]]\nname = \"USD\"\nstable_id = \"ecb.USD\"\nsurface = \"rates\"\n{}",
            world.organism_pins()
        ));
        let organism = own_pins.unwrap();
        let (node, key) = (UniqueId::from_name("node"), [7; 32]);
        let binding =
            |key: &[u8; 32]| boot_quote::binding(true, &organism.stable_id(), &node, key, b"leave");
        let quote = |guest: &str, key: &[u8; 32]| {
            let guest = Trust::simulated(dir.path(), guest, 2).unwrap();
            guest.evidence(&binding(key), false).unwrap().encode().unwrap()
        };
        let trust = Trust::simulated(dir.path(), "node", 2).unwrap();
        let judged = |organism: &Organism, quote: &[u8]| {
            let presented = Presented { node: &node, key: &key, enrolment: b"leave", quote };
            has_quote(&trust, organism, &presented, now_s)
        };
        let good = quote("node", &key);
        assert_eq!(judged(&organism, &good), Ok(()));
        assert!(judged(&organism, &quote("node", &[8; 32])).is_err(), "made for another key");
        assert!(judged(&organism, &quote("USD", &key)).is_err(), "of another image");
        assert!(judged(&organism, b"").is_err());
        assert!(judged(&Organism::parse(source).unwrap(), &good).is_err(), "other pins");
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

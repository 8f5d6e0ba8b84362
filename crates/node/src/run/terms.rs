use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holobiont_archive::PlatformBook;
use holobiont_attestation_tls::{MAX_OFFERS, Session, Terms};
use holobiont_identity::pins::{COMMITTEE_SURFACE, SurfacePins};
use holobiont_identity::{Digest, Organism, UniqueId};
use holobiont_policy::Roster;

use super::trust::Trust;

/// What is demanded and offered on connections, as the committee stands now.
pub(crate) struct TermBook {
    node: UniqueId,
    trust: Arc<Trust>,
    pub(crate) platforms: PlatformBook,
    now: Mutex<Standing>,
}

#[derive(Clone)]
struct Standing {
    organism: Arc<Organism>,
    roster: Roster,
    roster_number: u64,
    /// Other configs that this node holds, newest first: peers may have taken one up already, or not
    /// yet.
    held: Vec<Arc<Organism>>,
    /// Nodes that the config names beside the roster: how a new node finds those it is to join.
    named: BTreeSet<UniqueId>,
    /// Nodes of newer rosters than this node's log has come to, as others have told it.
    heard: BTreeSet<UniqueId>,
}

impl TermBook {
    pub(crate) fn new(
        node: UniqueId,
        trust: Arc<Trust>,
        organism: Arc<Organism>,
        roster: Roster,
        named: BTreeSet<UniqueId>,
    ) -> Self {
        let platforms = PlatformBook::default();
        let (held, heard) = Default::default();
        let now = Standing { organism, roster, roster_number: 0, held, named, heard };
        rule(&platforms, &now);
        Self { node, trust, platforms, now: Mutex::new(now) }
    }

    /// The committee stands otherwise. Returns whether connections must be made anew.
    pub(crate) fn stands(&self, organism: &Arc<Organism>, roster: &Roster, number: u64) -> bool {
        let mut now = self.lock();
        let same_organism = Arc::ptr_eq(&now.organism, organism)
            || now.organism.content_hash() == organism.content_hash();
        if same_organism && now.roster_number == number {
            return false;
        }
        let before = std::mem::replace(&mut now.organism, Arc::clone(organism));
        if !same_organism {
            now.held.insert(0, before);
        }
        (now.roster, now.roster_number) = (roster.clone(), number);
        rule(&self.platforms, &now);
        true
    }

    /// A config that peers may take up before this node does.
    pub(crate) fn holds(&self, organism: Arc<Organism>) {
        self.lock().held.insert(0, organism);
    }

    /// Nodes that the config names.
    pub(crate) fn names(&self, named: BTreeSet<UniqueId>) {
        self.lock().named = named;
    }

    /// Nodes of newer rosters, as others tell: one of them may be who has to bring this node up to it.
    pub(crate) fn hears(&self, heard: BTreeSet<UniqueId>) {
        self.lock().heard = heard;
    }

    /// The config in force.
    pub(crate) fn organism(&self) -> Arc<Organism> {
        Arc::clone(&self.lock().organism)
    }

    pub(crate) fn is_of_roster(&self, node: &UniqueId) -> bool {
        let now = self.lock();
        now.roster.nodes().contains(node) || now.heard.contains(node)
    }

    /// For connections among the committee: to `only`, or from any of its nodes.
    pub(crate) fn committee(&self, only: Option<UniqueId>) -> Arc<Session> {
        let now = self.lock().clone();
        let pins = committee_pins(&now.organism);
        let expected = match only {
            Some(only) => BTreeSet::from([*only.as_bytes()]),
            None => {
                let nodes = now.roster.nodes().iter().chain(&now.named).chain(&now.heard);
                nodes.map(|node| *node.as_bytes()).collect()
            }
        };
        let offers = offers(&now);
        Arc::new(Session {
            node: *self.node.as_bytes(),
            expected: Some(expected),
            demands: committee_terms(&now.organism, now.roster_number),
            offers,
            prover: Arc::clone(&self.trust.prover),
            appraiser: self.trust.appraiser(pins),
        })
    }

    /// For the connection to a member's producer, at the so-manieth attempt. A producer may not have
    /// the newest config yet: any that this node holds will do, where it accepts the same images.
    pub(crate) fn member(&self, name: &str, attempt: usize) -> Arc<Session> {
        let now = self.lock().clone();
        let pins = now.organism.pins(name).cloned().unwrap_or_else(|| no_pins(name));
        let policy = pins.policy_hash();
        let configs = std::iter::once(&now.organism).chain(&now.held);
        let mut demands: Vec<Terms> = configs
            .filter(|organism| organism.pins(name).is_some_and(|pins| pins.policy_hash() == policy))
            .filter_map(|organism| member_terms(organism, name, policy))
            .collect();
        let demanded = attempt.checked_rem(demands.len()).unwrap_or(0);
        let own = member_terms(&now.organism, name, policy);
        let demands = match demanded < demands.len() {
            true => demands.swap_remove(demanded),
            // No pins: nobody is accepted, and the refusal says so.
            false => own.unwrap_or_else(|| committee_terms(&now.organism, 0)),
        };
        let mut offers = vec![committee_terms(&now.organism, 0)];
        offers.extend(now.held.iter().map(|held| committee_terms(held, 0)));
        offers.truncate(MAX_OFFERS);
        Arc::new(Session {
            node: *self.node.as_bytes(),
            expected: None,
            demands,
            offers,
            prover: Arc::clone(&self.trust.prover),
            appraiser: self.trust.appraiser(pins),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What committee nodes attest to.
pub(crate) fn committee_terms(organism: &Organism, epoch: u64) -> Terms {
    Terms {
        organism: organism.content_hash(),
        epoch,
        surface: organism.stable_id().surface(COMMITTEE_SURFACE),
        policy: committee_pins(organism).policy_hash(),
    }
}

/// What a member's producer attests to.
pub(crate) fn member_terms(organism: &Organism, name: &str, policy: Digest) -> Option<Terms> {
    let member = organism.members.iter().find(|member| member.name == name)?;
    let surface = member.surface_id();
    Some(Terms { organism: organism.content_hash(), epoch: 0, surface, policy })
}

pub(crate) fn committee_pins(organism: &Organism) -> SurfacePins {
    organism.pins(COMMITTEE_SURFACE).cloned().unwrap_or_else(|| no_pins(COMMITTEE_SURFACE))
}

fn no_pins(surface: &str) -> SurfacePins {
    SurfacePins {
        surface: surface.to_owned(),
        tcb: Default::default(),
        min_distinct_platforms: None,
        sets: Vec::new(),
    }
}

/// The own terms first, then those of peers that are ahead or behind, the nearest first and as many as
/// may be offered: with one config those of thirty rosters back and ahead. Those who are behind have to
/// catch up from somebody, and neither side knows before how far that is.
fn offers(now: &Standing) -> Vec<Terms> {
    let configs = std::iter::once(&now.organism).chain(&now.held);
    let configs: Vec<Terms> = configs.map(|organism| committee_terms(organism, 0)).collect();
    let mut offers = Vec::with_capacity(MAX_OFFERS);
    for off in 0_u64.. {
        if offers.len() >= MAX_OFFERS {
            break;
        }
        let epochs = [now.roster_number.checked_sub(off), now.roster_number.checked_add(off)];
        let epochs: BTreeSet<u64> = epochs.into_iter().flatten().collect();
        for terms in &configs {
            offers.extend(epochs.iter().map(|epoch| Terms { epoch: *epoch, ..*terms }));
        }
    }
    offers.truncate(MAX_OFFERS);
    offers
}

fn rule(platforms: &PlatformBook, now: &Standing) {
    let distinct = committee_pins(&now.organism).min_distinct_platforms;
    platforms.rule(now.roster.nodes().len(), distinct);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(roster_number: u64) -> Standing {
        let source = include_str!("../../../identity/tests/vectors/organism.toml");
        let nodes = ["one", "two", "three"].map(UniqueId::from_name);
        Standing {
            organism: Arc::new(Organism::parse(source).unwrap()),
            roster: Roster::new(nodes.to_vec()).unwrap(),
            roster_number,
            held: Vec::new(),
            named: BTreeSet::new(),
            heard: BTreeSet::new(),
        }
    }

    fn reaches(one: &Standing, other: &Standing) -> bool {
        offers(one).contains(&committee_terms(&other.organism, other.roster_number))
    }

    #[test]
    fn a_node_that_missed_many_rosters_and_those_who_have_them_attest_to_each_other() {
        let (behind, ahead) = (standing(0), standing(30));
        assert!(reaches(&behind, &ahead) && reaches(&ahead, &behind));
        for now in [&behind, &ahead, &standing(u64::MAX)] {
            let offered = offers(now);
            assert_eq!(offered[0], committee_terms(&now.organism, now.roster_number));
            assert_eq!(offered.len(), MAX_OFFERS);
        }
        let mut two = standing(9);
        two.held.push(Arc::clone(&two.organism));
        assert!(reaches(&two, &standing(0)) && reaches(&two, &standing(18)));
    }
}

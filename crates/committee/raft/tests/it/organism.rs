//! The organism that a run's committee runs, and who may order it about.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use holobiont_committee::{Configs, SeedKey, SignedOrder, Signer};
use holobiont_identity::{Digest, OrderAction, Organism, UniqueId};
use holobiont_policy::{Order, Roster};

/// The organism's tick, in milliseconds.
pub(crate) const TICK_MS: u64 = 20;
/// Ticks after which a quiet member stalls, at first.
pub(crate) const STALL_AFTER: u32 = 16;
const OPERATORS: u8 = 3;
const OPERATORS_NEEDED: usize = 2;

/// What members' policies say, in turn.
const POLICIES: [&str; 4] = [
    "on_stall = \"skip\"",
    "on_stall = \"carry\"\ncarry_for = 20\nthen = \"skip\"",
    "on_stall = \"skip\"\non_late_data = \"drop\"",
    "on_stall = \"skip\"\non_mismatch = \"hold\"",
];

/// An `organism.toml` with so many members; `window` is the program's only setting, and after
/// `stall_after` ticks a quiet member stalls.
pub(crate) fn organism(members: usize, window: u32, stall_after: u32) -> Arc<Organism> {
    let mut text = format!(
        "version = 1\nname = \"simulated\"\n\
         [program]\nname = \"cross-feed\"\nversion = 1\n[program.settings]\nwindow = {window}\n\
         [ticks]\ntick_ms = {TICK_MS}\ncheckpoint_every = 25\noffer_timeout = 15\n\
         [policy]\nmax_advance = 100000\nlate_after = 8\nstall_after = {stall_after}\nrecover_after = 2\n\
         join_within = 30\non_gap = \"skip\"\n"
    );
    for member in 0..members {
        let policy = POLICIES[member % POLICIES.len()];
        text.push_str(&format!(
            "[[member]]\nname = \"m{member}\"\nstable_id = \"simulated.m{member}\"\n\
             surface = \"rates\"\nstart = 1\n[member.policy]\n{policy}\n"
        ));
    }
    text.push_str(&format!("[acl]\norders_need = {OPERATORS_NEEDED}\n"));
    for number in 0..OPERATORS {
        let key = hex::encode(operator(number).public());
        text.push_str(&format!("[[acl.operator]]\nname = \"o{number}\"\nkey = \"{key}\"\n"));
    }
    Arc::new(Organism::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}")))
}

fn operator(number: u8) -> SeedKey {
    SeedKey::from_seed(&[200 + number; 32]).expect("a key")
}

/// Operators' orders, numbered from 1.
#[derive(Debug, Default)]
pub(crate) struct Operators {
    given: u64,
}

impl Operators {
    /// Enough of the operators sign the next order; for a roster it names the one it replaces.
    pub(crate) fn order(
        &mut self,
        organism: &Organism,
        action: OrderAction,
        replaces: Option<&Roster>,
    ) -> SignedOrder {
        self.given += 1;
        let order = Order {
            organism: organism.stable_id(),
            sequence: self.given,
            expires_ms: None,
            action,
        };
        let signed = (0..OPERATORS_NEEDED).map(|place| {
            let key = operator(u8::try_from(place).expect("few operators"));
            let place = u16::try_from(place).expect("few operators");
            SignedOrder::sign(order.clone(), replaces.map(Roster::digest), place, &key)
        });
        signed.reduce(|all, one| all.merge(one).expect("the same order")).expect("an operator")
    }
}

/// The configs that one node's folder holds.
#[derive(Debug, Default)]
pub(crate) struct Files(Mutex<BTreeMap<Digest, Arc<Organism>>>);

impl Files {
    pub(crate) fn put(&self, organism: &Arc<Organism>) {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(organism.content_hash(), Arc::clone(organism));
    }
}

impl Configs for Files {
    fn organism(&self, content_hash: &Digest) -> Option<Arc<Organism>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(content_hash).cloned()
    }
}

/// The id of the world's `number`-th node.
pub(crate) fn node_id(number: usize) -> UniqueId {
    UniqueId::from_name(&format!("simulated.node.{number}"))
}

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holobiont_attestation_tls::{BootKey, MAX_OFFERS, Session};
use holobiont_identity::{Organism, UniqueId};

use crate::failure::Failure;
use crate::files;
use crate::run::{Trust, committee_pins, committee_terms, member_terms};

/// Whom this server is to its readers, and what it demands of them.
pub(crate) struct Identity {
    node: UniqueId,
    member: String,
    trust: Arc<Trust>,
    configs: Mutex<Configs>,
}

struct Configs {
    now: Organism,
    /// Those before, newest first: readers may not have the new one yet.
    before: Vec<Organism>,
}

impl Identity {
    /// A server has no node id of its own: it takes one that nobody else has.
    pub(super) fn new(key: &BootKey, organism: Organism, member: &str, trust: Arc<Trust>) -> Self {
        Self {
            node: UniqueId::from_bytes(key.ed25519()).derive("surface server"),
            member: member.to_owned(),
            trust,
            configs: Mutex::new(Configs { now: organism, before: Vec::new() }),
        }
    }

    /// What is demanded and offered from now on.
    pub(super) fn session(&self) -> Arc<Session> {
        let configs = self.lock();
        let offers = std::iter::once(&configs.now).chain(&configs.before).filter_map(|organism| {
            let policy = organism.pins(&self.member)?.policy_hash();
            member_terms(organism, &self.member, policy)
        });
        Arc::new(Session {
            node: *self.node.as_bytes(),
            expected: None,
            demands: committee_terms(&configs.now, 0),
            offers: offers.take(MAX_OFFERS).collect(),
            prover: Arc::clone(&self.trust.prover),
            appraiser: self.trust.appraiser(committee_pins(&configs.now)),
        })
    }

    /// SIGHUP: another config of the same organism. What cannot be read changes nothing.
    pub(super) fn read_again(&self, file: &Path) {
        match self.try_read_again(file) {
            Ok(()) => tracing::info!(file = %file.display(), "the organism's config was read anew"),
            Err(error) => tracing::error!(%error, "the organism's config is left as it was"),
        }
    }

    fn try_read_again(&self, file: &Path) -> Result<(), Failure> {
        let (organism, _) = files::organism(file)?;
        let mut configs = self.lock();
        if configs.now.stable_id() != organism.stable_id() {
            return Err(Failure::Usage {
                what: format!("{} is another organism", file.display()),
                help: "another organism is served by a process of its own",
            });
        }
        if configs.now.content_hash() != organism.content_hash() {
            let before = std::mem::replace(&mut configs.now, organism);
            configs.before.insert(0, before);
            configs.before.truncate(MAX_OFFERS);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Configs> {
        self.configs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

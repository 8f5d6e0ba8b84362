use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use holobiont_committee_raft::Signing;
use holobiont_identity::NodeConfig;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use super::keeping::End;
use super::start::Started;
use crate::failure::Failure;
use crate::files;

/// How long a drain takes at most, in milliseconds. Below the times after which service managers kill.
const DRAIN_LIMIT_MS: u64 = 20_000;

/// How long the last answers may take, in milliseconds.
const LAST_ANSWERS_MS: u64 = 6_000;

/// Runs on until a signal or the node itself says that it is over, then drains.
pub(super) async fn until_the_end(mut started: Started) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::unexpected)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::unexpected)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(Failure::unexpected)?;
    let mut end = started.end.clone();
    let why = loop {
        tokio::select! {
            _ = terminate.recv() => break None,
            _ = interrupt.recv() => break None,
            _ = hang_up.recv() => started.read_again(),
            ended = end.wait_for(Option::is_some) => break ended.ok().and_then(|it| it.clone()),
        }
    };
    tracing::info!(?why, "the node drains");
    let outcome = started.outcome(why);
    let limit = Duration::from_millis(DRAIN_LIMIT_MS);
    tokio::select! {
        drained = timeout(limit, started.drain()) => match drained {
            Ok(()) => tracing::info!("the node has ended"),
            Err(_) => tracing::error!(
                "the node has not drained within {DRAIN_LIMIT_MS} ms and ends as it stands: nothing \
                 that it acknowledged is lost"
            ),
        },
        _ = terminate.recv() => tracing::warn!("told again: the node ends at once"),
        _ = interrupt.recv() => tracing::warn!("told again: the node ends at once"),
    }
    outcome
}

impl Started {
    /// SIGHUP: a new organism.toml is taken in, so that an order can have it taken up; peers may
    /// have moved.
    fn read_again(&mut self) {
        if let Err(error) = self.try_read_again() {
            tracing::error!(%error, "what was to be read anew is left as it was");
        }
    }

    fn try_read_again(&mut self) -> Result<(), Failure> {
        let file = &self.loaded.file;
        let text = files::config_text(file)?;
        let config =
            NodeConfig::parse(&text).map_err(|error| Failure::config(file, &text, error))?;
        let organism_file = self.loaded.path(&config.organism);
        let (organism, organism_text) = files::organism(&organism_file)?;
        if organism.stable_id() != self.loaded.organism.stable_id() {
            return Err(Failure::Usage {
                what: format!("{} is another organism", organism_file.display()),
                help: "another organism runs in a node of its own",
            });
        }
        let organism = Arc::new(organism);
        if let Some(hash) = self.running.configs().take_in(&organism, &organism_text)? {
            tracing::info!(content_hash = %hash, "a config is held: an order can have it taken up");
            self.terms.holds(organism);
        }
        let peers: Vec<_> =
            config.peers.iter().map(|peer| (peer.node, peer.address.clone())).collect();
        self.terms.names(peers.iter().map(|(node, _)| *node).collect());
        self.links.set_peers(peers);
        Ok(())
    }

    /// What the process says of how it ended.
    fn outcome(&self, why: Option<End>) -> Result<(), Failure> {
        match why {
            Some(End::Fenced) => return Err(Failure::Fenced),
            Some(End::Failed(what)) => return Err(Failure::Stopped { what }),
            Some(End::Contradicted(what)) => return Err(Failure::Contradicted { what }),
            None => {}
        }
        match self.running.node().status().signing {
            Signing::Diverged { cut } => Err(Failure::Diverged { cut }),
            Signing::Split { cut } => Err(Failure::Split { cut }),
            _ => Ok(()),
        }
    }

    /// Not ready at once; nothing more comes in; the leadership is handed over while peers can still
    /// be heard; then the listeners end.
    async fn drain(mut self) {
        self.running.draining.store(true, Ordering::Relaxed);
        self.feeding.stop();
        while self.feeders.join_next().await.is_some() {}
        self.running.node().stop().await;
        self.stop.stop();
        let limit = Duration::from_millis(LAST_ANSWERS_MS);
        if timeout(limit, self.server.stop()).await.is_err() {
            tracing::warn!("some peers' requests did not end in time");
        }
        let others = async { while self.others.join_next().await.is_some() {} };
        if timeout(limit, others).await.is_err() {
            tracing::warn!("some answers did not end in time");
        }
    }
}

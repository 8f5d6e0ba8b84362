use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use holobiont_archive::{
    Client, ClientParts, DirectoryServed, FollowError, FollowEvent, Follower, Observer,
    PlatformBook, Served as _, Sink, Source, Stop, SurfaceHead, Trouble,
};
use holobiont_attestation_tls::Endpoint;
use holobiont_committee_fold::Copies;
use holobiont_committee_store::Directory;
use holobiont_identity::{SourceKind, UniqueId};
use holobiont_policy::Unavailable;
use holobiont_surface::Genesis;
use tokio::time::{Instant, sleep, timeout};

use super::copy_sink::CopySink;
use super::links::Links;
use super::sources::{SourceState, Sources};
use super::terms::TermBook;
use crate::files;

pub(crate) type Node =
    holobiont_committee_raft::Node<holobiont_committee_store::Live, Directory, Links>;

/// Largest ticket file, in bytes.
const MAX_TICKET_FILE_BYTES: u64 = 8 << 10;
/// How often what the fold waits for is looked at, in milliseconds.
const LOOK_MS: u64 = 200;
/// The fold waits so long for the own source before peers are asked, in milliseconds, while the own
/// copy does not grow.
const PATIENCE_MS: u64 = 600;
/// A peer is given up for the next one where the copy has not grown for so long, in milliseconds.
const PEER_PATIENCE_MS: u64 = 5_000;
/// Rest after a source was found to be no good, in milliseconds.
const REST_MS: u64 = 2_000;

/// Feeds one member's copy: from this node's own source, and where the fold waits for what that
/// does not give, from peers that have it.
pub(crate) struct Feeder {
    pub(crate) place: u16,
    pub(crate) name: String,
    pub(crate) surface: UniqueId,
    pub(crate) source: Option<SourceKind>,
    /// Where relative paths of the source begin.
    pub(crate) base: PathBuf,
    /// Where this node's files are.
    pub(crate) data_dir: PathBuf,
    pub(crate) endpoint: Endpoint,
    pub(crate) terms: Arc<TermBook>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) node: Node,
    pub(crate) copies: Arc<Copies>,
    pub(crate) links: Links,
    pub(crate) sources: Arc<Sources>,
    pub(crate) stop: Stop,
}

impl Feeder {
    pub(crate) async fn run(self) {
        let mut source = None;
        if self.source.is_some() {
            self.sources.set(self.place, SourceState::Connecting, None);
        }
        while !self.stop.is_stopped() {
            if source.is_none() && self.source.is_some() {
                source = tokio::select! {
                    opened = self.open() => opened,
                    () = self.stop.stopped() => return,
                };
            }
            let reading = Stop::default();
            let following = self.follow(source.clone(), &reading);
            tokio::pin!(following);
            tokio::select! {
                () = &mut following => {}
                () = self.lacks() => {
                    reading.stop();
                    following.await;
                    self.fetch().await;
                }
                () = self.stop.stopped() => {
                    reading.stop();
                    following.await;
                }
            }
        }
    }

    /// The own source; none where it cannot be had now.
    async fn open(&self) -> Option<Source> {
        match self.source.as_ref()? {
            SourceKind::Directory { path } => {
                let dir = self.base.join(path);
                match DirectoryServed::open(&dir).await {
                    Ok(served) => {
                        self.found(&served.genesis()).then(|| Source::local(Arc::new(served)))
                    }
                    Err(error) => {
                        self.trouble(Trouble::Source, &error.to_string());
                        None
                    }
                }
            }
            SourceKind::Https { address, ticket_file } => {
                let (terms, name) = (Arc::clone(&self.terms), self.name.clone());
                let tries = AtomicUsize::new(0);
                let sessions = move || terms.member(&name, tries.fetch_add(1, Ordering::Relaxed));
                let ticket = ticket_file.as_ref().map(|file| self.base.join(file));
                let client = Client::new(ClientParts {
                    address: address.clone(),
                    endpoint: self.endpoint.clone(),
                    sessions: Arc::new(sessions),
                    // Producers are not the committee: they may share machines.
                    book: PlatformBook::default(),
                    bearer: ticket.map(|file| Arc::new(move || ticket_of(&file)) as Arc<_>),
                    observer: Arc::clone(&self.observer),
                });
                self.asked(client, None).await
            }
        }
    }

    /// A server as a source, once it has said how its surface begins: an empty copy begins alike.
    async fn asked(&self, client: Client, peer: Option<UniqueId>) -> Option<Source> {
        if self.copies.next_seq(self.place) == 0 {
            let head = client.get(&format!("/v1/surfaces/{}/head", self.surface)).await;
            let head = match head {
                Ok(head) => {
                    serde_json::from_slice::<SurfaceHead>(&head).map_err(|_| FollowError::BadHead)
                }
                Err(error) => Err(FollowError::Client(error)),
            };
            match head {
                Ok(head) if self.found(&head.genesis()) => {}
                Ok(_) => return None,
                // That is no fault of the member's.
                Err(error) if peer.is_some() => {
                    tracing::warn!(member = self.name, ?peer, %error, "no records from a peer");
                    return None;
                }
                Err(error) => {
                    self.trouble(error.trouble(), &error.to_string());
                    return None;
                }
            }
        }
        Some(Source::remote(client, self.surface))
    }

    /// Whether a copy of a surface that begins so can be kept here.
    fn found(&self, genesis: &Genesis) -> bool {
        let found = self.copies.found(self.place, genesis);
        if let Err(error) = &found {
            self.trouble(Trouble::Data, &error.to_string());
        }
        found.is_ok()
    }

    /// Follows the own source until that is stopped, or has ended for a reason of its own.
    async fn follow(&self, source: Option<Source>, stop: &Stop) {
        let Some(source) = source else {
            return rest(stop).await;
        };
        let Some(sink) = self.sink() else { return rest(stop).await };
        let follower = Follower::new(source, sink);
        let tell = |event: FollowEvent| match event {
            FollowEvent::Connected { .. } | FollowEvent::Grown { .. } => self.streams(),
            FollowEvent::Trouble { error, .. } => {
                self.trouble(error.trouble(), &error.to_string());
            }
            _ => {}
        };
        if let Err(error) = follower.run(stop, &tell).await {
            if let FollowError::Gap { start, .. } = &error {
                self.gap(start);
            } else {
                self.trouble(error.trouble(), &error.to_string());
            }
            rest(stop).await;
        }
    }

    fn streams(&self) {
        if self.sources.set(self.place, SourceState::Streaming, None) {
            tracing::info!(member = self.name, "the member's source answers");
            self.node.unavailable(self.place, None);
        }
    }

    /// The source begins after what this node has. Where the committee has gone on from there, so
    /// does the copy.
    fn gap(&self, start: &holobiont_archive::StartOfWindow) {
        let says = format!("the source keeps records from {} on", start.first_seq);
        self.sources.set(self.place, SourceState::Trouble(Trouble::Gap), Some(says));
        if self.begins_again(start) {
            return;
        }
        let closed = start.previous_clock.and_then(|before| match before.closed {
            true => Some(before.clock),
            false => before.clock.checked_sub(1),
        });
        self.node.gap(self.place, start.first_seq, start.chain_before, closed);
    }

    /// Whether the committee has gone on from there or later; then the copy begins again there.
    fn begins_again(&self, start: &holobiont_archive::StartOfWindow) -> bool {
        let member = usize::from(self.place);
        let resume_from = self.node.with_machine(|machine| {
            machine.policy().members().get(member).map(|it| it.resume_from)
        });
        let next_seq = self.copies.next_seq(self.place);
        if resume_from.is_some_and(|from| from > next_seq && from >= start.first_seq) {
            match self.copies.restart_at(self.place, start.start_at()) {
                Ok(()) => tracing::warn!(
                    member = self.name,
                    from = start.first_seq,
                    "the copy begins again after a gap"
                ),
                Err(error) => tracing::error!(member = self.name, %error, "no new copy"),
            }
            return true;
        }
        false
    }

    fn trouble(&self, trouble: Trouble, says: &str) {
        let state = SourceState::Trouble(trouble);
        if self.sources.set(self.place, state, Some(says.to_owned())) {
            tracing::warn!(member = self.name, why = says, "the member's source gives nothing");
        }
        let why = match trouble {
            // That is no fault of the member's.
            Trouble::Own | Trouble::Gap => return,
            Trouble::Ticket => Unavailable::Ticket,
            Trouble::Attestation => Unavailable::Attestation,
            _ => Unavailable::Source,
        };
        self.node.unavailable(self.place, Some(why));
    }

    /// Comes when the fold waits for records of this member, and the copy does not grow.
    async fn lacks(&self) {
        let mut since = Instant::now();
        let mut seen = self.copies.next_seq(self.place);
        loop {
            sleep(Duration::from_millis(LOOK_MS)).await;
            let next_seq = self.copies.next_seq(self.place);
            if next_seq != seen || self.wanted().is_none() {
                (seen, since) = (next_seq, Instant::now());
            } else if since.elapsed() >= Duration::from_millis(PATIENCE_MS) {
                return;
            }
        }
    }

    /// Comes when the copy has not grown for a while.
    async fn stands_still(&self) {
        let mut seen = self.copies.next_seq(self.place);
        loop {
            sleep(Duration::from_millis(PEER_PATIENCE_MS)).await;
            let next_seq = self.copies.next_seq(self.place);
            if next_seq == seen {
                return;
            }
            seen = next_seq;
        }
    }

    /// One past the last record that the fold waits for, where it waits.
    fn wanted(&self) -> Option<u64> {
        let needs = self.node.needs();
        let need = needs.iter().find(|need| need.member == self.place)?;
        Some(need.seq.saturating_add(1))
    }

    /// Asks peers, one after the other, until the fold has what it waits for.
    async fn fetch(&self) {
        for (peer, client) in self.links.records() {
            if self.stop.is_stopped() {
                return;
            }
            let Some(to) = self.wanted() else { return };
            let patience = Duration::from_millis(PEER_PATIENCE_MS);
            let source = tokio::select! {
                asked = timeout(patience, self.asked(client, Some(peer))) => asked.ok().flatten(),
                () = self.stop.stopped() => return,
            };
            let Some(source) = source else { continue };
            let Some(sink) = self.sink() else { return };
            let (follower, reading) = (Follower::new(source, sink), Stop::default());
            let fetching = follower.fetch_to(to, &reading);
            tokio::pin!(fetching);
            // A peer that lacks the records too would have this node wait until it gets them.
            let fetched = tokio::select! {
                fetched = &mut fetching => fetched,
                () = self.stands_still() => { reading.stop(); fetching.await }
                () = self.stop.stopped() => { reading.stop(); fetching.await }
            };
            match fetched {
                Ok(_) => {
                    tracing::info!(member = self.name, %peer, to, "records fetched from a peer");
                }
                // What a peer keeps says nothing of the member, for a node with a source of its own.
                Err(FollowError::Gap { start, .. }) if self.source.is_some() => {
                    self.begins_again(&start);
                }
                Err(FollowError::Gap { start, .. }) => self.gap(&start),
                Err(error) => {
                    tracing::warn!(member = self.name, %peer, %error, "no records from a peer");
                }
            }
        }
        rest(&self.stop).await;
    }

    fn sink(&self) -> Option<Arc<dyn Sink>> {
        match self.copies.genesis(self.place) {
            Ok(genesis) => {
                let (copies, data_dir) = (Arc::clone(&self.copies), self.data_dir.clone());
                Some(CopySink::new(copies, self.place, genesis, data_dir))
            }
            Err(error) => {
                self.trouble(Trouble::Own, &error.to_string());
                None
            }
        }
    }
}

async fn rest(stop: &Stop) {
    tokio::select! {
        () = sleep(Duration::from_millis(REST_MS)) => {}
        () = stop.stopped() => {}
    }
}

fn ticket_of(file: &Path) -> Option<String> {
    match files::read_text(file, MAX_TICKET_FILE_BYTES) {
        Ok(text) => Some(text.trim().to_owned()),
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "no ticket");
            None
        }
    }
}

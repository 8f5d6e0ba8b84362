mod gaps;
mod peers;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use holobiont_archive::{
    Client, ClientParts, DirectoryServed, FollowError, FollowEvent, Follower, Observer,
    PlatformBook, Served as _, Sink, SinkError, Source, Stop, SurfaceHead, Trouble,
};
use holobiont_attestation_tls::Endpoint;
use holobiont_committee_fold::Copies;
use holobiont_committee_store::Directory;
use holobiont_identity::{SourceKind, UniqueId};
use holobiont_policy::Unavailable;
use holobiont_surface::Genesis;
use tokio::time::sleep;

use self::gaps::Starts;
use super::copy_sink::CopySink;
use super::links::Links;
use super::sources::{SourceState, Sources};
use super::terms::TermBook;
use crate::files;

pub(crate) type Node =
    holobiont_committee_raft::Node<holobiont_committee_store::Live, Directory, Links>;

/// Largest ticket file, in bytes.
const MAX_TICKET_FILE_BYTES: u64 = 8 << 10;
/// How often it is looked at whether the fold has caught up, or waits, in milliseconds.
const LOOK_MS: u64 = 200;
/// A source is read on when there is room for one part in so many of what a copy may be ahead.
const ROOM_SHARE: u64 = 8;
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
    /// How far the copy may be ahead of the fold, in bytes.
    pub(crate) ahead_bytes: u64,
    pub(crate) starts: Starts,
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
                    self.fetch(source.as_ref()).await;
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
        if self.copies.ahead_bytes(self.place) >= self.ahead_bytes {
            return self.until_room(stop).await;
        }
        let Some(sink) = self.sink(Some(self.ahead_bytes)) else { return rest(stop).await };
        let follower = Follower::new(source, sink);
        let tell = |event: FollowEvent| match event {
            FollowEvent::Connected { .. } | FollowEvent::Grown { .. } => self.streams(),
            FollowEvent::Trouble { error, .. } => {
                self.trouble(error.trouble(), &error.to_string());
            }
            _ => {}
        };
        match follower.run(stop, &tell).await {
            Ok(()) => return,
            Err(FollowError::Sink(SinkError::Full { why })) => {
                self.full(&why);
                return self.until_room(stop).await;
            }
            Err(FollowError::Gap { start, .. }) => self.gap(start),
            Err(error) => self.trouble(error.trouble(), &error.to_string()),
        }
        rest(stop).await;
    }

    /// The source is not read on for now: that is said, and held against nobody.
    fn full(&self, why: &str) {
        if self.sources.set(self.place, SourceState::Full, Some(why.to_owned())) {
            tracing::warn!(member = self.name, why, "the member's source is not read on");
        }
    }

    /// Comes when the fold has caught up so far that more may come in.
    async fn until_room(&self, stop: &Stop) {
        let room_bytes = self.ahead_bytes.checked_div(ROOM_SHARE).unwrap_or(0);
        let most_bytes = self.ahead_bytes.saturating_sub(room_bytes);
        while !stop.is_stopped() && self.copies.ahead_bytes(self.place) > most_bytes {
            tokio::select! {
                () = sleep(Duration::from_millis(LOOK_MS)) => {}
                () = stop.stopped() => {}
            }
        }
    }

    fn streams(&self) {
        self.starts.own(None);
        if self.sources.set(self.place, SourceState::Streaming, None) {
            tracing::info!(member = self.name, "the member's source answers");
            self.node.unavailable(self.place, None);
        }
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

    /// A way into the copy; `ahead_bytes` bounds what the committee has not agreed on.
    fn sink(&self, ahead_bytes: Option<u64>) -> Option<Arc<dyn Sink>> {
        match self.copies.genesis(self.place) {
            Ok(genesis) => {
                let (copies, data_dir) = (Arc::clone(&self.copies), self.data_dir.clone());
                Some(CopySink::new(copies, self.place, genesis, data_dir, ahead_bytes))
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

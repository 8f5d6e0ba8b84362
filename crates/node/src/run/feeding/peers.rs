use std::time::Duration;

use holobiont_archive::{Client, FollowError, Follower, Source, Stop};
use holobiont_committee_fold::Need;
use holobiont_identity::UniqueId;
use tokio::time::{Instant, sleep, timeout};

use super::{Feeder, LOOK_MS, rest};

/// The fold waits so long for the own source before peers are asked, in milliseconds, while the own
/// copy does not grow.
const PATIENCE_MS: u64 = 600;
/// A peer is given up for the next one where the copy has not grown for so long, in milliseconds.
const PEER_PATIENCE_MS: u64 = 5_000;

impl Feeder {
    /// Comes when the fold waits for records of this member, and the copy does not grow.
    pub(super) async fn lacks(&self) {
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

    /// What the fold waits for of this member, where it waits.
    fn wanted(&self) -> Option<Need> {
        self.node.needs().into_iter().find(|need| need.member == self.place)
    }

    /// Asks peers, one after the other, until the fold has what it waits for; the own source first,
    /// where only the copy's length kept it from being read. What nobody keeps any more is left out,
    /// where the fold does not need it.
    pub(super) async fn fetch(&self, own: Option<&Source>) {
        let own = own.filter(|_| self.copies.ahead_bytes(self.place) >= self.ahead_bytes);
        let own = own.map(|source| (None, Asked::Source(source.clone())));
        let peers = self.links.records().into_iter();
        let peers = peers.map(|(peer, client)| (Some(peer), Asked::Peer(client)));
        let mut starts = Vec::new();
        for (peer, asked) in own.into_iter().chain(peers) {
            if self.stop.is_stopped() {
                return;
            }
            let Some(need) = self.wanted() else { return };
            let source = match asked {
                Asked::Source(source) => source,
                Asked::Peer(client) => match self.peer(client, peer).await {
                    Some(source) => source,
                    None => continue,
                },
            };
            match self.fetch_from(source, need.seq.saturating_add(1)).await {
                None => return,
                Some(Ok(to)) => {
                    tracing::info!(member = self.name, ?peer, to, "records that were agreed on");
                }
                Some(Err(FollowError::Gap { start, .. })) => starts.push(start),
                Some(Err(error)) => {
                    tracing::warn!(member = self.name, ?peer, %error, "no records from there");
                }
            }
        }
        if let Some(need) = self.wanted()
            && !self.begins_anew(&starts, need.from_seq)
            // What a peer keeps says nothing of the member, for a node with a source of its own.
            && self.source.is_none()
            && let Some(start) = starts.pop()
        {
            self.gap(start);
        }
        rest(&self.stop).await;
    }

    /// A peer as a source, if it says in time how its copy begins.
    async fn peer(&self, client: Client, peer: Option<UniqueId>) -> Option<Source> {
        let patience = Duration::from_millis(PEER_PATIENCE_MS);
        tokio::select! {
            asked = timeout(patience, self.asked(client, peer)) => asked.ok().flatten(),
            () = self.stop.stopped() => None,
        }
    }

    /// Reads a source up to there; none where there is no copy to read it into.
    async fn fetch_from(&self, source: Source, to: u64) -> Option<Result<u64, FollowError>> {
        let sink = self.sink(None)?;
        let (follower, reading) = (Follower::new(source, sink), Stop::default());
        let fetching = follower.fetch_to(to, &reading);
        tokio::pin!(fetching);
        // A peer that lacks the records too would have this node wait until it gets them.
        let fetched = tokio::select! {
            fetched = &mut fetching => fetched,
            () = self.stands_still() => { reading.stop(); fetching.await }
            () = self.stop.stopped() => { reading.stop(); fetching.await }
        };
        Some(fetched.map(|_| to))
    }
}

/// Who may have what the fold waits for.
enum Asked {
    Source(Source),
    Peer(Client),
}

mod error;
mod source;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use holobiont_surface::Head;
use tokio::time::sleep;

use self::source::Pieces;
use self::writing::Writing;
use crate::limits::{LEAST_REST_MS, MOST_REST_MS};
use crate::record_blocks::Wanted;
use crate::{RecordReader, Sink, Stop};

pub use error::{FollowError, Trouble};
pub use source::Source;

/// Keeps a sink equal to a surface elsewhere: backfill and live tail in one, from wherever the sink
/// is, never a gap, never a record twice.
///
/// What has come is appended and synced together, so that few syncs carry much when there is much.
///
/// ```
/// use std::sync::Arc;
///
/// use holobiont_archive::{Client, FollowError, Follower, Sink, Source, Stop};
/// use holobiont_identity::UniqueId;
///
/// async fn follow(peer: Client, surface: UniqueId, copy: Arc<dyn Sink>, stop: Stop) {
///     let follower = Follower::new(Source::remote(peer, surface), copy);
///     match follower.run(&stop, &|event| println!("{event:?}")).await {
///         Ok(()) => println!("stopped"),
///         Err(FollowError::Gap { start, .. }) => println!("resume at {}?", start.first_seq),
///         Err(error) => println!("this source is no good: {error}"),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Follower {
    source: Source,
    sink: Arc<dyn Sink>,
}

/// What a follower tells of.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum FollowEvent {
    /// The source answers, with records up to `next_seq`, exclusive.
    Connected {
        /// The sequence number after its last record.
        next_seq: u64,
    },
    /// The sink has grown, and is synced to here.
    Grown {
        /// The head there.
        head: Head,
    },
    /// Nothing can be had for now; it is tried again.
    Trouble {
        /// Why not.
        error: FollowError,
        /// The rest before the next attempt, in milliseconds.
        rest_ms: u64,
    },
}

impl Follower {
    /// A follower of this source into this sink.
    pub const fn new(source: Source, sink: Arc<dyn Sink>) -> Self {
        Self { source, sink }
    }

    /// Follows until it is stopped, through every trouble that may pass.
    ///
    /// # Errors
    ///
    /// A [`FollowError`] that [is final](FollowError::is_final): the source's history does not go on
    /// from the sink's, its records are none, or the sink cannot be written.
    pub async fn run(
        &self,
        stop: &Stop,
        tell: &(dyn Fn(FollowEvent) + Send + Sync),
    ) -> Result<(), FollowError> {
        let mut rest_ms = LEAST_REST_MS;
        while !stop.is_stopped() {
            let before = self.sink.next_seq();
            match self.read(None, stop, tell).await {
                Ok(_) => {}
                Err(error) if error.is_final() => return Err(error),
                Err(error) => tell(FollowEvent::Trouble { error, rest_ms }),
            }
            if self.sink.next_seq() > before {
                rest_ms = LEAST_REST_MS;
            }
            tokio::select! {
                () = sleep(Duration::from_millis(rest_ms)) => {}
                () = stop.stopped() => {}
            }
            rest_ms = rest_ms.saturating_mul(2).min(MOST_REST_MS);
        }
        Ok(())
    }

    /// Reads up to record `to`, exclusive, once: what a fold is waiting for, from a peer that has
    /// it. The head there, by the sink's own reckoning.
    ///
    /// # Errors
    ///
    /// [`FollowError`]; [`FollowError::Ended`] where the source ended before it was there. What had
    /// come is in the sink.
    pub async fn fetch_to(&self, to: u64, stop: &Stop) -> Result<Option<Head>, FollowError> {
        let head = self.read(Some(to), stop, &|_| {}).await?;
        match self.sink.next_seq() {
            next_seq if next_seq < to => Err(FollowError::Ended { next_seq }),
            _ => Ok(head),
        }
    }

    /// One answer of the source, to its end.
    async fn read(
        &self,
        to: Option<u64>,
        stop: &Stop,
        tell: &(dyn Fn(FollowEvent) + Send + Sync),
    ) -> Result<Option<Head>, FollowError> {
        let mut writing = Writing::begin(Arc::clone(&self.sink)).await?;
        let from = writing.next_seq();
        if to.is_some_and(|to| to <= from) {
            return Ok(writing.head());
        }
        let asking = async {
            let offered = self.source.head().await?;
            self.check(&offered, from)?;
            let after = writing.head().map(|head| head.hash);
            let pieces = self.source.records(Wanted { from, to, after }, stop).await?;
            Ok::<_, FollowError>((offered, pieces))
        };
        let (offered, mut pieces) = tokio::select! {
            asked = asking => asked?,
            () = stop.stopped() => return Ok(writing.head()),
        };
        tell(FollowEvent::Connected { next_seq: offered.next_seq });
        let mut reader = RecordReader::new(&self.sink.genesis(), from);
        loop {
            let has_more = tokio::select! {
                piece = pieces.next() => match piece? {
                    Some(piece) => { reader.push(&piece); true }
                    None => false,
                },
                () = stop.stopped() => false,
            };
            if !has_more {
                return Ok(writing.head());
            }
            self.take_what_came(&mut pieces, &mut reader, &mut writing, tell).await?;
        }
    }

    /// Appends and syncs what has come, as much as is there at once.
    async fn take_what_came(
        &self,
        pieces: &mut Pieces,
        reader: &mut RecordReader,
        writing: &mut Writing,
        tell: &(dyn Fn(FollowEvent) + Send + Sync),
    ) -> Result<(), FollowError> {
        // An error behind good records does not keep them out.
        let mut failed = None;
        while reader.waiting_bytes() < crate::limits::MAX_BATCH_BYTES && failed.is_none() {
            match pieces.now() {
                Some(Ok(piece)) => reader.push(&piece),
                Some(Err(error)) => failed = Some(error),
                None => break,
            }
        }
        while let Some(batch) = reader.take()? {
            if let Some(head) = writing.write(batch).await? {
                tell(FollowEvent::Grown { head });
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn check(&self, offered: &crate::SurfaceHead, from: u64) -> Result<(), FollowError> {
        if !offered.is_sound() {
            return Err(FollowError::BadHead);
        }
        let (ours, theirs) = (self.sink.genesis(), offered.genesis());
        if ours != theirs {
            let (ours, theirs) = (Box::new(ours), Box::new(theirs));
            return Err(FollowError::OtherGenesis { ours, theirs });
        }
        if from < offered.earliest {
            return Err(FollowError::Gap { wanted: from, start: offered.start });
        }
        if from > offered.next_seq {
            return Err(FollowError::Ahead { ours: from, theirs: offered.next_seq });
        }
        Ok(())
    }
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("source", &self.source).finish_non_exhaustive()
    }
}

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::Stream;
use holobiont_identity::Digest;
use holobiont_surface::{Cursor, Head, SurfaceError};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::head::StartOfWindow;
use crate::limits::BLOCK_BYTES;
use crate::{Served, Stop};

/// How often an answer that waits for growth asks whether its reader may still have it.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Which records are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The first.
    pub(crate) from: u64,
    /// Up to this one, exclusive; without end where there is none.
    pub(crate) to: Option<u64>,
    /// The hash of the reader's head at the record before the first.
    pub(crate) after: Option<Digest>,
}

/// Why a surface's records cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoRecords {
    #[error("record {wanted} is no longer kept, the earliest is {}", start.first_seq)]
    Gap { wanted: u64, start: StartOfWindow },
    #[error("record {wanted} is not here yet, the next one is {next_seq}")]
    Ahead { wanted: u64, next_seq: u64 },
    #[error("the history up to record {seq} is another here")]
    OtherHistory { seq: u64 },
    #[error("{0}")]
    Surface(#[from] SurfaceError),
    #[error("the thread that read ended early")]
    Thread,
}

/// A surface's durable records from one on, as stored, block by block, and what comes later.
///
/// One block is read when the one before has been taken. Served over HTTP, and read in place by a
/// follower of a local surface.
pub(crate) struct RecordBlocks {
    served: Arc<dyn Served>,
    growth: watch::Receiver<u64>,
    next_seq: u64,
    to: u64,
    /// None while everything that may leave has left.
    cursor: Option<Cursor>,
    /// The head at the last record that has left: a copy may be cut back, and grow otherwise.
    left_at: Option<Head>,
    stop: Stop,
    may_read: Box<dyn Fn() -> bool + Send>,
}

impl RecordBlocks {
    pub(crate) async fn open(
        served: Arc<dyn Served>,
        wanted: Wanted,
        stop: Stop,
        may_read: impl Fn() -> bool + Send + 'static,
    ) -> Result<Self, NoRecords> {
        let growth = served.growth();
        let end = *growth.borrow();
        let looked = Arc::clone(&served);
        let cursor = spawn_blocking(move || first_cursor(&*looked, wanted, end)).await;
        let cursor = cursor.map_err(|_| NoRecords::Thread)??;
        Ok(Self {
            served,
            growth,
            next_seq: wanted.from,
            to: wanted.to.unwrap_or(u64::MAX),
            cursor: Some(cursor),
            left_at: None,
            stop,
            may_read: Box::new(may_read),
        })
    }

    /// The next block; none at the end: the last record that was wanted, a drain, or a reader that
    /// may no longer have it.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, NoRecords> {
        loop {
            if self.stop.is_stopped() || self.next_seq >= self.to || !(self.may_read)() {
                return Ok(None);
            }
            let end = (*self.growth.borrow_and_update()).min(self.to);
            if self.next_seq < end {
                let block = self.read(end).await?;
                if !block.is_empty() {
                    return Ok(Some(block.into()));
                }
            }
            tokio::select! {
                changed = self.growth.changed() => {
                    // The surface is no longer served here.
                    if changed.is_err() {
                        return Ok(None);
                    }
                }
                () = sleep(ASK_AGAIN) => {}
                () = self.stop.stopped() => {}
            }
        }
    }

    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<Bytes, NoRecords>> + Send {
        futures_util::stream::try_unfold(self, async |mut blocks| {
            Ok(blocks.next().await?.map(|block| (block, blocks)))
        })
    }

    async fn read(&mut self, end: u64) -> Result<Vec<u8>, NoRecords> {
        let (served, cursor) = (Arc::clone(&self.served), self.cursor.take());
        let (next_seq, left_at) = (self.next_seq, self.left_at);
        let read = spawn_blocking(move || {
            let (mut cursor, block) = read_block(&*served, cursor, (next_seq, left_at), end)?;
            // A cursor sees what there was when it was made, and holds memory.
            let is_over = cursor.next_seq() >= end;
            let left_at = is_over.then(|| cursor.head()).flatten();
            Ok::<_, NoRecords>((
                cursor.next_seq(),
                Some(cursor).filter(|_| !is_over),
                left_at,
                block,
            ))
        });
        let block;
        (self.next_seq, self.cursor, self.left_at, block) =
            read.await.map_err(|_| NoRecords::Thread)??;
        Ok(block)
    }
}

fn first_cursor(served: &dyn Served, wanted: Wanted, end: u64) -> Result<Cursor, NoRecords> {
    let view = served.view()?;
    let (from, next_seq) = (wanted.from, end.min(view.next_seq()));
    if from < view.earliest() {
        return Err(NoRecords::Gap { wanted: from, start: StartOfWindow::of(&view)? });
    }
    if from > next_seq {
        return Err(NoRecords::Ahead { wanted: from, next_seq });
    }
    let mut cursor = view.cursor(from)?;
    if let (Some(after), Some(head)) = (wanted.after, cursor.head())
        && head.hash != after
    {
        return Err(NoRecords::OtherHistory { seq: head.seq });
    }
    Ok(cursor)
}

/// The block that comes next, from the cursor at hand or from a new one at `next_seq`, where the
/// head before it was `left_at`.
fn read_block(
    served: &dyn Served,
    cursor: Option<Cursor>,
    (next_seq, mut left_at): (u64, Option<Head>),
    end: u64,
) -> Result<(Cursor, Vec<u8>), NoRecords> {
    let mut block = Vec::new();
    if let Some(mut cursor) = cursor {
        fill(&mut cursor, &mut block, end)?;
        if !block.is_empty() {
            return Ok((cursor, block));
        }
        left_at = cursor.head();
    }
    let view = served.view()?;
    let mut cursor = match view.cursor(next_seq) {
        Err(SurfaceError::Gap { wanted, .. }) => {
            return Err(NoRecords::Gap { wanted, start: StartOfWindow::of(&view)? });
        }
        Err(SurfaceError::NotYet { wanted, next_seq }) => {
            return Err(NoRecords::Ahead { wanted, next_seq });
        }
        other => other?,
    };
    if let Some(left_at) = left_at
        && cursor.head() != Some(left_at)
    {
        return Err(NoRecords::OtherHistory { seq: left_at.seq });
    }
    fill(&mut cursor, &mut block, end)?;
    Ok((cursor, block))
}

fn fill(cursor: &mut Cursor, block: &mut Vec<u8>, end: u64) -> Result<(), SurfaceError> {
    while let Some(header) = cursor.peek()? {
        let size = usize::try_from(header.stored_size_bytes()).unwrap_or(usize::MAX);
        let is_room = block.is_empty() || block.len().saturating_add(size) <= BLOCK_BYTES;
        if header.seq >= end || !is_room {
            break;
        }
        if block.is_empty() {
            // As much as a whole block only where that much is there.
            let left = usize::try_from(end.saturating_sub(header.seq)).unwrap_or(usize::MAX);
            block.reserve(left.saturating_mul(size).min(BLOCK_BYTES).max(size));
        }
        block.extend_from_slice(cursor.current().map(|it| it.stored()).unwrap_or_default());
        cursor.advance();
    }
    Ok(())
}

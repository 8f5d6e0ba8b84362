use std::sync::Arc;

use holobiont_surface::Head;
use tokio::task::spawn_blocking;

use super::FollowError;
use crate::record_reader::Batch;
use crate::{Sink, SinkError};

/// A sink, written on blocking threads.
pub(super) struct Writing {
    sink: Arc<dyn Sink>,
    head: Option<Head>,
    next_seq: u64,
}

impl Writing {
    /// Syncs, so that what is followed goes on from a head that stays.
    pub(super) async fn begin(sink: Arc<dyn Sink>) -> Result<Self, FollowError> {
        let mut writing = Self { sink, head: None, next_seq: 0 };
        writing.on_thread(|sink| sink.sync()).await?;
        Ok(writing)
    }

    /// The head at the last record synced.
    pub(super) const fn head(&self) -> Option<Head> {
        self.head
    }

    pub(super) const fn next_seq(&self) -> u64 {
        self.next_seq
    }

    pub(super) async fn write(&mut self, batch: Batch) -> Result<Option<Head>, FollowError> {
        let written = self.on_thread(move |sink| {
            let appended = sink.append_batch(&batch);
            // Also those before one that was refused.
            let synced = sink.sync();
            appended.and(synced)
        });
        written.await
    }

    async fn on_thread(
        &mut self,
        work: impl FnOnce(&dyn Sink) -> Result<Option<Head>, SinkError> + Send + 'static,
    ) -> Result<Option<Head>, FollowError> {
        let sink = Arc::clone(&self.sink);
        let done = spawn_blocking(move || work(&*sink).map(|head| (head, sink.next_seq()))).await;
        (self.head, self.next_seq) = done.map_err(|_| FollowError::Thread)??;
        Ok(self.head)
    }
}

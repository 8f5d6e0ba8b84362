use std::sync::{Mutex, MutexGuard, PoisonError};

use holobiont_surface::{Genesis, Head, NewRecord, Surface, SurfaceError, SurfaceWriter};
use tokio::sync::watch;

use super::Served;
use crate::{Batch, Sink, SinkError};

/// A surface that this process writes: readers see what is synced.
///
/// ```
/// use holobiont_archive::{Served, Sink, WrittenSurface};
/// use holobiont_identity::UniqueId;
/// use holobiont_surface::{Genesis, NewRecord, SurfaceWriter, WriterOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let dir = tempfile::tempdir()?;
/// let genesis = Genesis::new(UniqueId::from_name("prices"));
/// let writer = SurfaceWriter::create(dir.path(), genesis, WriterOptions::default())?;
/// let surface = WrittenSurface::new(writer);
/// let record = NewRecord { clock: 7, closes_clock: true, time_ms: 0, kind: 1, payload: b"1.07" };
/// surface.append(&[record])?;
/// assert_eq!(*surface.growth().borrow(), 0);
/// surface.sync()?;
/// assert_eq!(*surface.growth().borrow(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WrittenSurface {
    writer: Mutex<SurfaceWriter>,
    growth: watch::Sender<u64>,
}

impl WrittenSurface {
    /// What this writer has made durable, and will.
    pub fn new(writer: SurfaceWriter) -> Self {
        let growth = watch::Sender::new(durable_end(&writer));
        Self { writer: Mutex::new(writer), growth }
    }

    /// Appends records; readers see them once they are [synced](Sink::sync).
    ///
    /// # Errors
    ///
    /// [`SinkError`]; the records before the one refused have been taken.
    pub fn append(&self, records: &[NewRecord<'_>]) -> Result<(), SinkError> {
        let mut writer = self.lock();
        for record in records {
            writer.append(*record)?;
        }
        Ok(())
    }

    /// The writer, for what else is to be done with it: sealing, retention.
    pub fn with_writer<T>(&self, change: impl FnOnce(&mut SurfaceWriter) -> T) -> T {
        let mut writer = self.lock();
        let changed = change(&mut writer);
        self.growth.send_replace(durable_end(&writer));
        changed
    }

    fn lock(&self) -> MutexGuard<'_, SurfaceWriter> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn durable_end(writer: &SurfaceWriter) -> u64 {
    writer.mark().map_or(0, |mark| mark.seq.saturating_add(1)).max(writer.earliest())
}

impl Served for WrittenSurface {
    fn genesis(&self) -> Genesis {
        self.lock().genesis().clone()
    }

    fn view(&self) -> Result<Surface, SurfaceError> {
        Ok(self.lock().view())
    }

    fn growth(&self) -> watch::Receiver<u64> {
        self.growth.subscribe()
    }
}

impl Sink for WrittenSurface {
    fn genesis(&self) -> Genesis {
        self.lock().genesis().clone()
    }

    fn next_seq(&self) -> u64 {
        self.lock().next_seq()
    }

    fn append_batch(&self, batch: &Batch) -> Result<(), SinkError> {
        self.lock().append_stored(batch.stored(), |_, _| {})?;
        Ok(())
    }

    fn sync(&self) -> Result<Option<Head>, SinkError> {
        let mut writer = self.lock();
        let head = writer.sync()?;
        self.growth.send_replace(durable_end(&writer));
        Ok(head)
    }
}

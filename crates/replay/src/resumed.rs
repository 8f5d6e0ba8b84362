use holobiont_surface::{Head, NewRecord, Surface, SurfaceWriter};

use crate::{Comparison, Output, OutputStart, ReplayError};

/// An organism's own surface, where a fold goes on from a snapshot and the surface may have later
/// records already: what is published again must be equal to them, byte for byte, and is appended
/// behind the last of them.
#[derive(Debug)]
pub struct ResumedOutput {
    writer: SurfaceWriter,
    /// While there are records that were published before.
    published: Option<Comparison>,
}

impl ResumedOutput {
    /// Goes on behind record `next_seq` − 1 of a surface.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Output`] where the surface does not reach there, does not reach back there, or
    /// cannot be read.
    pub fn new(writer: SurfaceWriter, next_seq: u64) -> Result<Self, ReplayError> {
        let published = writer.view().cursor(next_seq).map_err(ReplayError::Output)?;
        let is_behind = next_seq < writer.next_seq();
        Ok(Self { writer, published: is_behind.then(|| Comparison::new(published)) })
    }

    /// Where the fold has come in the surface, for a snapshot.
    #[must_use]
    pub fn start(&self) -> OutputStart {
        match &self.published {
            Some(published) => OutputStart::at(published.cursor()),
            None => OutputStart::of(&self.writer),
        }
    }

    /// Makes everything durable; gives the head that the fold has come to.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Output`] where the system refuses.
    pub fn sync(&mut self) -> Result<Option<Head>, ReplayError> {
        self.writer.sync().map_err(ReplayError::Output)?;
        Ok(self.head())
    }

    /// Drops what lies wholly below record `seq`.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Output`] where it cannot be dropped.
    pub fn retain_from(&mut self, seq: u64) -> Result<(), ReplayError> {
        let seq = self.published.as_ref().map_or(seq, |it| seq.min(it.cursor().next_seq()));
        self.writer.retain_from(seq).map(drop).map_err(ReplayError::Output)
    }

    /// The surface as it is now.
    #[must_use]
    pub fn view(&self) -> Surface {
        self.writer.view()
    }
}

impl Output for ResumedOutput {
    fn record(&mut self, cut: u64, record: NewRecord<'_>) -> Result<(), ReplayError> {
        match &mut self.published {
            Some(published) => {
                published.record(cut, record)?;
                if published.surplus()?.is_none() {
                    self.published = None;
                }
                Ok(())
            }
            None => self.writer.record(cut, record),
        }
    }

    fn head(&mut self) -> Option<Head> {
        match &mut self.published {
            Some(published) => published.head(),
            None => self.writer.head(),
        }
    }
}

use std::sync::Arc;

use super::SurfaceWriter;
use crate::Surface;
use crate::segment::{Segment, View};

impl SurfaceWriter {
    /// The surface as it is now, for reading: what [`Surface::open`] would give, from what the writer
    /// has in memory, so that it reads no file. It stays as it is while the writer goes on.
    ///
    /// ```
    /// use holobiont_identity::UniqueId;
    /// use holobiont_surface::{Genesis, NewRecord, SurfaceWriter, WriterOptions};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let dir = tempfile::tempdir()?;
    /// let genesis = Genesis::new(UniqueId::from_name("prices"));
    /// let mut writer = SurfaceWriter::create(dir.path(), genesis, WriterOptions::default())?;
    /// let record = NewRecord { clock: 7, closes_clock: true, time_ms: 0, kind: 1, payload: b"1.07" };
    /// writer.append(record)?;
    /// let view = writer.view();
    /// writer.append(NewRecord { clock: 8, ..record })?;
    /// assert_eq!((view.next_seq(), writer.view().next_seq()), (1, 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn view(&self) -> Surface {
        let mut windows = self.tail.windows.clone();
        windows.extend(self.window.entry(self.window_offset()));
        let (first_seq, chain_before) = (self.tail.first_seq, self.tail.chain_before);
        let open = Segment::unsealed(&self.tail.path, first_seq, chain_before, windows);
        let segments = self.sealed.iter().cloned().chain([Arc::new(open)]).collect();
        Surface::of(Arc::new(View {
            dir: self.dir.clone(),
            genesis: self.genesis.clone(),
            start: self.start,
            mark: self.mark,
            segments,
            next_seq: self.next_seq(),
            torn: None,
        }))
    }
}

use holobiont_surface::{Cursor, Surface, SurfaceError};

/// Views of one surface, each later one of later records: as a rule one, and more where a copy was
/// started anew behind a gap and records before the gap are still to be folded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spans(Vec<Surface>);

impl Spans {
    pub(crate) const fn new(views: Vec<Surface>) -> Self {
        Self(views)
    }

    /// The one of the latest records.
    pub(crate) fn newest(&self) -> Option<&Surface> {
        self.0.last()
    }

    /// The one that has this record.
    fn having(&self, seq: u64) -> Option<&Surface> {
        self.0.iter().rev().find(|view| view.earliest() <= seq && seq < view.next_seq())
    }

    /// A cursor whose next record is this one; in the newest, where none has it.
    pub(crate) fn cursor(&self, seq: u64) -> Result<Option<Cursor>, SurfaceError> {
        self.having(seq).or_else(|| self.newest()).map(|view| view.cursor(seq)).transpose()
    }

    /// The same, where one has the record.
    pub(crate) fn cursor_having(&self, seq: u64) -> Result<Option<Cursor>, SurfaceError> {
        self.having(seq).map(|view| view.cursor(seq)).transpose()
    }
}

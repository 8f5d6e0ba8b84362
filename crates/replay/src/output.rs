use holobiont_surface::{Cursor, Head, NewRecord, SurfaceWriter};

use crate::{Difference, ReplayError};

/// Where an organism's own records go.
pub trait Output {
    /// Takes the next record, published by cut `cut`.
    ///
    /// # Errors
    ///
    /// [`ReplayError`] when it cannot be written, or is not what was published.
    fn record(&mut self, cut: u64, record: NewRecord<'_>) -> Result<(), ReplayError>;

    /// The head after the last record; none before the first.
    fn head(&mut self) -> Option<Head>;
}

impl Output for SurfaceWriter {
    fn record(&mut self, _cut: u64, record: NewRecord<'_>) -> Result<(), ReplayError> {
        self.append(record).map(drop).map_err(ReplayError::Output)
    }

    fn head(&mut self) -> Option<Head> {
        Self::head(self)
    }
}

/// Takes records and keeps nothing of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoOutput;

impl Output for NoOutput {
    fn record(&mut self, _cut: u64, _record: NewRecord<'_>) -> Result<(), ReplayError> {
        Ok(())
    }

    fn head(&mut self) -> Option<Head> {
        None
    }
}

/// Compares every record with the one that was published at its place.
#[derive(Debug)]
pub struct Comparison {
    published: Cursor,
    compared: u64,
}

impl Comparison {
    /// Compares with what this cursor shows, from where it stands.
    #[must_use]
    pub const fn new(published: Cursor) -> Self {
        Self { published, compared: 0 }
    }

    /// Records compared so far; all were equal.
    #[must_use]
    pub const fn compared(&self) -> u64 {
        self.compared
    }

    pub(crate) const fn cursor(&self) -> &Cursor {
        &self.published
    }

    /// The sequence number of the first published record that no cut accounts for.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Output`] when the published surface is damaged there.
    pub fn surplus(&mut self) -> Result<Option<u64>, ReplayError> {
        let header = self.published.peek().map_err(ReplayError::Output)?;
        Ok(header.map(|header| header.seq))
    }
}

impl Output for Comparison {
    fn record(&mut self, cut: u64, record: NewRecord<'_>) -> Result<(), ReplayError> {
        let differs = |difference| Err(ReplayError::Differs { cut, difference });
        let Some(header) = self.published.peek().map_err(ReplayError::Output)? else {
            return differs(Difference::Missing { compared: self.compared });
        };
        let Some(published) = self.published.current() else {
            return differs(Difference::Missing { compared: self.compared });
        };
        let mut expected = Vec::new();
        record.encode_into(header.seq, &mut expected).map_err(ReplayError::Output)?;
        if expected != published.stored() {
            let fields = [
                ("clock event", header.clock != record.clock),
                ("closing of its clock", header.closes_clock() != record.closes_clock),
                ("kind", published.kind() != record.kind),
                ("time", header.time_ms != record.time_ms),
                ("payload", published.payload() != record.payload),
            ];
            let mut what: Vec<&'static str> =
                fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect();
            if what.is_empty() {
                what.push("checksum");
            }
            return differs(Difference::Record { seq: header.seq, what });
        }
        self.published.advance();
        self.compared = self.compared.saturating_add(1);
        Ok(())
    }

    fn head(&mut self) -> Option<Head> {
        self.published.head()
    }
}

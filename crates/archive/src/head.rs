use holobiont_identity::{Digest, UniqueId};
use holobiont_surface::{Genesis, Head, StartAt, Surface, SurfaceError};
use serde::{Deserialize, Serialize};

/// The version of [`SurfaceHead`].
const VERSION: u8 = 1;

/// `GET /v1/surfaces/{id}/head`: what a surface is and how far it goes, durable records alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurfaceHead {
    /// Version of this document.
    pub version: u8,
    /// The surface's id.
    pub surface: UniqueId,
    /// How many records a window has.
    pub window_records: u32,
    /// The most bytes that a window has.
    pub max_window_bytes: u32,
    /// Whether every record closes its clock event.
    pub every_record_closes: bool,
    /// The key that signs heads which leave the producer, in hex, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_key: Option<Digest>,
    /// The first record kept.
    pub earliest: u64,
    /// What a copy that begins there has to know.
    pub start: StartOfWindow,
    /// The sequence number after the last durable record.
    pub next_seq: u64,
    /// The head at that record; none while there is none.
    pub head: Option<Head>,
}

/// Where a copy can begin: before the first record of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartOfWindow {
    /// Sequence number of the window's first record.
    pub first_seq: u64,
    /// The chain value before the window.
    pub chain_before: Digest,
    /// The clock of the record before it; none before the surface's first.
    pub previous_clock: Option<PreviousClock>,
}

/// A record's clock event, and whether it closed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousClock {
    /// The clock event.
    pub clock: u64,
    /// Whether no later record has it.
    pub closed: bool,
}

/// One sealed segment, as `GET /v1/surfaces/{id}/segments` lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentEntry {
    /// Sequence number of its first record: its name.
    pub first_seq: u64,
    /// Sequence number of its last record.
    pub last_seq: u64,
    /// Clock event of its first record.
    pub first_clock: u64,
    /// Clock event of its last record.
    pub last_clock: u64,
    /// Size of the file, in bytes.
    pub size_bytes: u64,
    /// How many windows it has.
    pub windows: u32,
}

impl SurfaceHead {
    /// Of a surface whose records up to `durable_end`, exclusive, may be shown. It reads a window.
    ///
    /// # Errors
    ///
    /// As [`Surface::head_at`].
    pub fn of(surface: &Surface, durable_end: u64) -> Result<Self, SurfaceError> {
        let genesis = surface.genesis();
        let earliest = surface.earliest();
        let next_seq = durable_end.min(surface.next_seq()).max(earliest);
        let last = next_seq.checked_sub(1).filter(|last| *last >= earliest);
        Ok(Self {
            version: VERSION,
            surface: genesis.surface_id,
            window_records: genesis.window_records,
            max_window_bytes: genesis.max_window_bytes,
            every_record_closes: genesis.every_record_closes,
            signing_key: genesis.signing_key.map(Digest::from_bytes),
            earliest,
            start: StartOfWindow::of(surface)?,
            next_seq,
            head: last.map(|last| surface.head_at(last)).transpose()?,
        })
    }

    /// The genesis that it tells of.
    pub fn genesis(&self) -> Genesis {
        Genesis {
            surface_id: self.surface,
            window_records: self.window_records,
            max_window_bytes: self.max_window_bytes,
            every_record_closes: self.every_record_closes,
            signing_key: self.signing_key.map(|key| *key.as_bytes()),
        }
    }

    /// Whether it is one that this build reads, and does not contradict itself.
    pub(crate) fn is_sound(&self) -> bool {
        self.version == VERSION
            && self.genesis().check().is_ok()
            && self.start.first_seq == self.earliest
            && self.next_seq >= self.earliest
            && self.head.is_none_or(|head| head.seq.checked_add(1) == Some(self.next_seq))
    }
}

impl StartOfWindow {
    pub(crate) fn of(surface: &Surface) -> Result<Self, SurfaceError> {
        let cursor = surface.cursor(surface.earliest())?;
        let start = cursor.open_window();
        Ok(Self {
            first_seq: start.first_seq,
            chain_before: start.chain_before,
            previous_clock: start
                .previous_clock
                .map(|(clock, closed)| PreviousClock { clock, closed }),
        })
    }

    /// What a writer that begins there is created with.
    pub fn start_at(&self) -> StartAt<'static> {
        StartAt {
            first_seq: self.first_seq,
            chain_before: self.chain_before,
            window_bytes: &[],
            previous_clock: self.previous_clock.map(|it| (it.clock, it.closed)),
        }
    }
}

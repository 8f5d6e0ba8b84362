use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use axum::body::Body;
use holobiont_archive::{PreviousClock, Problem, Served, Shelf, StartOfWindow, SurfaceHead};
use holobiont_committee_fold::{Copies, FoldError};
use holobiont_identity::{Digest, Organism, UniqueId};
use holobiont_surface::{Genesis, Surface, SurfaceError};
use tokio::sync::watch;

use super::giving::Giving;
use super::places::Place;

/// What one step of an answer carries, in bytes; a longer record goes alone.
const BLOCK_BYTES: usize = 256 << 10;

/// One member's copy, for whoever may read it.
pub(crate) struct CopyServed {
    copies: Arc<Copies>,
    place: u16,
    surface_id: UniqueId,
    dir: PathBuf,
    growth: watch::Sender<u64>,
}

impl CopyServed {
    /// Every member's copy, by its surface's id; `dir` is where the copies are.
    pub(crate) fn all(copies: &Arc<Copies>, organism: &Organism, dir: &Path) -> Vec<Arc<Self>> {
        let served: Vec<Arc<Self>> = (0_u16..)
            .zip(&organism.members)
            .map(|(place, member)| {
                Arc::new(Self {
                    copies: Arc::clone(copies),
                    place,
                    surface_id: member.surface_id(),
                    dir: dir.join(&member.name),
                    growth: watch::Sender::new(durable_end(copies, place)),
                })
            })
            .collect();
        let growing = served.clone();
        let hooked = Arc::downgrade(copies);
        copies.on_sync(Box::new(move |place| {
            if let (Some(copies), Some(served)) =
                (hooked.upgrade(), growing.get(usize::from(place)))
            {
                served.growth.send_replace(durable_end(&copies, place));
            }
        }));
        served
    }

    pub(crate) const fn surface_id(&self) -> UniqueId {
        self.surface_id
    }
}

fn durable_end(copies: &Copies, place: u16) -> u64 {
    copies.durable(place).map_or(0, |head| head.seq.saturating_add(1))
}

impl Served for CopyServed {
    fn genesis(&self) -> Genesis {
        self.copies.genesis(self.place).unwrap_or_else(|_| Genesis::new(self.surface_id))
    }

    fn view(&self) -> Result<Surface, SurfaceError> {
        self.copies.view(self.place).map_err(|error| match error {
            FoldError::Copy { source, .. } => source,
            other => SurfaceError::Io {
                file: self.dir.clone(),
                doing: "opening",
                source: std::io::Error::other(other.to_string()),
            },
        })
    }

    fn growth(&self) -> watch::Receiver<u64> {
        self.growth.subscribe()
    }
}

/// Surfaces by id.
pub(crate) type Shelved = BTreeMap<UniqueId, Arc<dyn Served>>;

/// `head` of a surface up to `end`, as `/v1/surfaces/{id}/head` tells it.
pub(crate) fn head_of(view: &Surface, end: u64) -> Result<SurfaceHead, SurfaceError> {
    let genesis = view.genesis();
    let earliest = view.earliest();
    let next_seq = end.min(view.next_seq()).max(earliest);
    let last = next_seq.checked_sub(1).filter(|last| *last >= earliest);
    let cursor = view.cursor(earliest)?;
    let start = cursor.open_window();
    Ok(SurfaceHead {
        version: 1,
        surface: genesis.surface_id,
        window_records: genesis.window_records,
        max_window_bytes: genesis.max_window_bytes,
        every_record_closes: genesis.every_record_closes,
        signing_key: genesis.signing_key.map(Digest::from_bytes),
        earliest,
        start: StartOfWindow {
            first_seq: start.first_seq,
            chain_before: start.chain_before,
            previous_clock: start
                .previous_clock
                .map(|(clock, closed)| PreviousClock { clock, closed }),
        },
        next_seq,
        head: last.map(|last| view.head_at(last)).transpose()?,
    })
}

/// Records `from` to `to`, exclusive, one after the other as they are stored: a finite answer, read
/// no faster than it is taken.
pub(crate) fn records(
    served: &Arc<dyn Served>,
    from: u64,
    to: Option<u64>,
    place: Place,
) -> Result<Body, Problem> {
    let end = *served.growth().borrow();
    let to = to.unwrap_or(end);
    if from > end || to > end {
        let mut problem =
            Problem::new(416, "ahead", format!("there are records up to {end} alone"));
        problem.next_seq = Some(end);
        return Err(problem);
    }
    let (giving, body) = Giving::new();
    let served = Arc::clone(served);
    tokio::task::spawn_blocking(move || {
        let _place = place;
        match send(&*served, from, to, &giving) {
            Ok(true) => giving.end(),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "a surface cannot be read"),
        }
    });
    Ok(body)
}

/// Whether the reader took it all.
fn send(served: &dyn Served, from: u64, to: u64, giving: &Giving) -> Result<bool, SurfaceError> {
    if from >= to {
        return Ok(true);
    }
    let view = served.view()?;
    let mut cursor = view.cursor(from)?;
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    while cursor.next_seq() < to && cursor.peek()?.is_some() {
        if let Some(record) = cursor.current() {
            block.extend_from_slice(record.stored());
        }
        cursor.advance();
        if block.len() >= BLOCK_BYTES || cursor.next_seq() >= to {
            let full = std::mem::replace(&mut block, Vec::with_capacity(BLOCK_BYTES));
            if let Err(why) = giving.give(full.into()) {
                tracing::debug!(%why, "records are read no further");
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// A shelf of a fixed set, which a config that is taken up may exchange.
#[derive(Clone, Default)]
pub(crate) struct Shelves(Arc<RwLock<Shelved>>);

impl Shelves {
    pub(crate) fn set(&self, shelved: Shelved) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = shelved;
    }
}

impl Shelf for Shelves {
    fn surface(&self, id: &UniqueId) -> Option<Arc<dyn Served>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use holobiont_archive::Served;
use holobiont_identity::UniqueId;
use holobiont_replay::Published;
use holobiont_surface::{Genesis, Head, Surface, SurfaceError};
use tokio::sync::watch;

/// Commits that one look counts at most, so that it stays short.
const MAX_COUNTED: u64 = 65_536;

/// The organism's own surface, as far as certificates reach: nothing after the last certified head
/// leaves this node.
pub(crate) struct Output {
    dir: PathBuf,
    genesis: Genesis,
    end: watch::Sender<u64>,
    view: Mutex<Option<Surface>>,
    commits: Mutex<Commits>,
}

#[derive(Debug, Clone, Default)]
struct Commits {
    next_seq: u64,
    by_grade: BTreeMap<&'static str, u64>,
}

impl Output {
    pub(crate) fn new(dir: &Path, surface_id: UniqueId) -> Arc<Self> {
        Arc::new(Self {
            dir: dir.to_owned(),
            genesis: Genesis::new(surface_id),
            end: watch::Sender::new(0),
            view: Mutex::new(None),
            commits: Mutex::default(),
        })
    }

    /// The node has folded further. Taken from who writes it: to open it means to read a whole segment.
    pub(crate) fn has_grown(&self, view: Surface) {
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = Some(view);
    }

    /// A certificate names this head. It is served up to there once this node has the same; a node
    /// that has another one serves nothing of it. Reads files.
    pub(crate) fn certify(&self, head: Head) -> Result<(), SurfaceError> {
        let end = head.seq.saturating_add(1);
        if end <= self.end() {
            return Ok(());
        }
        let view = self.latest()?;
        if end <= view.next_seq() && view.head_at(head.seq)? == head {
            self.end.send_replace(end);
        }
        Ok(())
    }

    /// The number of the record after the last one that may leave.
    pub(crate) fn end(&self) -> u64 {
        *self.end.borrow()
    }

    /// The surface with all that may leave, and maybe more.
    fn latest(&self) -> Result<Surface, SurfaceError> {
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        match view.as_ref() {
            Some(view) => Ok(view.clone()),
            // Nothing has been folded since the start.
            None => Ok(view.insert(Surface::open(&self.dir)?).clone()),
        }
    }

    /// Size of what is served of it, in bytes; nothing where it cannot be read. Reads files.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.latest().map_or(0, |view| view.size_bytes())
    }

    /// Commits by grade, counted on from the last look. Reads files.
    pub(crate) fn commits(&self) -> Result<BTreeMap<&'static str, u64>, SurfaceError> {
        let end = self.end();
        let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        if commits.next_seq < end {
            let view = self.latest()?;
            let from = commits.next_seq.max(view.earliest());
            let to = end.min(from.saturating_add(MAX_COUNTED));
            let mut cursor = view.cursor(from)?;
            while cursor.next_seq() < to && cursor.peek()?.is_some() {
                if let Some(record) = cursor.current()
                    && let Ok(Published::Commit(commit)) = Published::read(&record)
                {
                    let count = commits.by_grade.entry(commit.grade.name()).or_default();
                    *count = count.saturating_add(1);
                }
                cursor.advance();
            }
            commits.next_seq = cursor.next_seq();
        }
        Ok(commits.by_grade.clone())
    }
}

impl Served for Output {
    fn genesis(&self) -> Genesis {
        self.genesis.clone()
    }

    fn view(&self) -> Result<Surface, SurfaceError> {
        self.latest()
    }

    fn growth(&self) -> watch::Receiver<u64> {
        self.end.subscribe()
    }
}

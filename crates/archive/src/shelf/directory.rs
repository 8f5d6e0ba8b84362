use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use holobiont_surface::{Genesis, Surface, SurfaceError};
use tokio::sync::watch;
use tokio::task::{AbortHandle, spawn_blocking};
use tokio::time::{Instant, sleep};

use super::Served;
use crate::limits::{LOOK_EVERY_MS, LOOK_SHARE};

/// The file that a writer replaces whenever more is durable.
const MARK: &str = "mark";

/// A surface's directory that another process writes.
///
/// Its durable mark is looked at every [`LOOK_EVERY_MS`]; when it has moved the directory is opened
/// again, which costs a scan of the unsealed segment, so that a large one is opened less often.
#[derive(Debug)]
pub struct DirectoryServed {
    latest: Arc<Latest>,
    looking: AbortHandle,
}

#[derive(Debug)]
struct Latest {
    dir: PathBuf,
    surface: Mutex<Surface>,
    growth: watch::Sender<u64>,
}

impl DirectoryServed {
    /// Opens it, and goes on looking for as long as this lives. Within a tokio runtime.
    ///
    /// # Errors
    ///
    /// As [`Surface::open`].
    pub async fn open(dir: &Path) -> Result<Self, SurfaceError> {
        let path = dir.to_owned();
        let surface = blocking(dir, move || Surface::open(&path)).await?;
        let growth = watch::Sender::new(durable_end(&surface));
        let latest = Arc::new(Latest { dir: dir.to_owned(), surface: Mutex::new(surface), growth });
        let looking = tokio::spawn(Arc::clone(&latest).look()).abort_handle();
        Ok(Self { latest, looking })
    }
}

impl Latest {
    async fn look(self: Arc<Self>) {
        let every = Duration::from_millis(LOOK_EVERY_MS);
        let mut seen = None;
        let mut said = String::new();
        let mut rest = every;
        loop {
            sleep(rest).await;
            rest = every;
            let path = self.dir.join(MARK);
            let mark = spawn_blocking(move || std::fs::read(path).ok()).await.ok().flatten();
            if mark == seen {
                continue;
            }
            let began = Instant::now();
            let dir = self.dir.clone();
            match blocking(&self.dir, move || Surface::open(&dir)).await {
                Ok(surface) => {
                    let end = durable_end(&surface);
                    *self.surface.lock().unwrap_or_else(PoisonError::into_inner) = surface;
                    self.growth.send_replace(end);
                    (seen, said) = (mark, String::new());
                }
                Err(error) => {
                    let error = error.to_string();
                    if error != said {
                        tracing::warn!(dir = %self.dir.display(), %error, "the surface cannot be opened again");
                    }
                    said = error;
                }
            }
            rest = every.max(began.elapsed().saturating_mul(LOOK_SHARE));
        }
    }
}

async fn blocking<T: Send + 'static>(
    dir: &Path,
    work: impl FnOnce() -> Result<T, SurfaceError> + Send + 'static,
) -> Result<T, SurfaceError> {
    spawn_blocking(work).await.unwrap_or_else(|error| {
        let source = std::io::Error::other(error.to_string());
        Err(SurfaceError::Io { file: dir.to_owned(), doing: "reading", source })
    })
}

fn durable_end(surface: &Surface) -> u64 {
    surface.mark().map_or(0, |mark| mark.seq.saturating_add(1)).max(surface.earliest())
}

impl Served for DirectoryServed {
    fn genesis(&self) -> Genesis {
        self.latest.surface.lock().unwrap_or_else(PoisonError::into_inner).genesis().clone()
    }

    fn view(&self) -> Result<Surface, SurfaceError> {
        Ok(self.latest.surface.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn growth(&self) -> watch::Receiver<u64> {
        self.latest.growth.subscribe()
    }
}

impl Drop for DirectoryServed {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

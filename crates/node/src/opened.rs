use std::path::{Path, PathBuf};

use holobiont_identity::Organism;
use holobiont_replay::{ReplayError, check_output};
use holobiont_surface::{Surface, SurfaceError};

use crate::failure::Failure;
use crate::files;

/// A folder that a replay wrote: what an organism published.
#[derive(Debug)]
pub(crate) struct Published {
    dir: PathBuf,
}

impl Published {
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    pub(crate) fn surface_dir(&self) -> PathBuf {
        self.dir.join("surface")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("cuts.log")
    }

    pub(crate) fn organism_file(&self) -> PathBuf {
        self.dir.join("organism.toml")
    }

    pub(crate) fn summary(&self) -> PathBuf {
        self.dir.join("summary.json")
    }

    pub(crate) fn snapshots(&self) -> PathBuf {
        self.dir.join("snapshots")
    }

    pub(crate) fn snapshot(&self, cut: u64) -> PathBuf {
        self.snapshots().join(format!("cut-{cut:012}.snapshot"))
    }

    /// The config that the commits were made under.
    pub(crate) fn organism(&self) -> Result<Organism, Failure> {
        files::organism(&self.organism_file()).map(|(organism, _)| organism)
    }

    /// The organism's own surface.
    pub(crate) fn open(&self, organism: &Organism) -> Result<Surface, Failure> {
        let surface = Surface::open(&self.surface_dir()).map_err(ReplayError::Output)?;
        check_output(organism, &surface)?;
        Ok(surface)
    }
}

/// The surfaces that a path names: it is one, or a folder of some.
///
/// A folder that holds files of a surface counts as one, so that a lost genesis is missed.
pub(crate) fn surface_dirs(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    if is_surface(dir)? {
        return Ok(vec![dir.to_owned()]);
    }
    let listing = |source| Failure::io(dir, "listing")(source);
    let mut dirs = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(listing)? {
        let path = entry.map_err(listing)?.path();
        if path.is_dir() && is_surface(&path)? {
            dirs.push(path);
        }
    }
    dirs.sort();
    if dirs.is_empty() {
        let why = "it has no genesis, and no folder in it has one";
        return Err(SurfaceError::NotASurface { dir: dir.to_owned(), why }.into());
    }
    Ok(dirs)
}

fn is_surface(dir: &Path) -> Result<bool, Failure> {
    for entry in std::fs::read_dir(dir).map_err(Failure::io(dir, "listing"))? {
        let path = entry.map_err(Failure::io(dir, "listing"))?.path();
        let is_segment = path.extension().is_some_and(|it| it == "segment" || it == "open");
        if is_segment || path.file_name().is_some_and(|it| it == "genesis" || it == "mark") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a surface is called: the name of its folder.
pub(crate) fn name_of(dir: &Path) -> String {
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| dir.display().to_string())
}

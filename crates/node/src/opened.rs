use std::path::{Path, PathBuf};

use holobiont_identity::Organism;
use holobiont_surface::Surface;

use crate::failure::Failure;
use crate::files;

/// A folder that a replay wrote: what an organism published.
#[derive(Debug)]
pub(crate) struct Published {
    dir: PathBuf,
}

impl Published {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
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
    pub(crate) fn open(&self) -> Result<Surface, Failure> {
        Surface::open(&self.surface_dir()).map_err(Failure::from)
    }
}

/// The surfaces that a path names: it is one, or a folder of some.
pub(crate) fn surface_dirs(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    if dir.join("genesis").exists() {
        return Ok(vec![dir.to_owned()]);
    }
    let listing = |source| Failure::io(dir, "listing")(source);
    let mut dirs = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(listing)? {
        let path = entry.map_err(listing)?.path();
        if path.join("genesis").exists() {
            dirs.push(path);
        }
    }
    dirs.sort();
    if dirs.is_empty() {
        let why = "it has no genesis, and no folder in it has one";
        return Err(holobiont_surface::SurfaceError::NotASurface {
            dir: dir.to_owned(),
            why,
        }
        .into());
    }
    Ok(dirs)
}

/// What a surface is called: the name of its folder.
pub(crate) fn name_of(dir: &Path) -> String {
    let name = dir
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| dir.display().to_string())
}

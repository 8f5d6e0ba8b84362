//! The nodes of a world, and their boots.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Weak};

use holobiont_committee::SeedKey;
use holobiont_committee_fold::Copies;
use holobiont_committee_store::{DiskImage, SimulatedDisk};
use holobiont_identity::{Organism, UniqueId};
use holobiont_surface::Surface;

use crate::dice::Dice;
use crate::host::Computer;
use crate::net::SimulatedNode;
use crate::organism::{Files, node_id};

/// One node of the world: its identity, its disk, and the boots of it that run.
pub(crate) struct Place {
    pub(crate) id: UniqueId,
    pub(crate) files: Arc<Files>,
    /// By how much its clock is wrong, in milliseconds.
    pub(crate) clock_off_ms: Arc<AtomicI64>,
    pub(crate) boots: Vec<Boot>,
    /// The disk as it lies there while no boot has it.
    pub(crate) disk: Option<SimulatedDisk>,
    pub(crate) dir: PathBuf,
    /// Its host has made up what is on its disk: what it has is not the committee's.
    pub(crate) is_forged: bool,
}

/// One boot of a node.
pub(crate) struct Boot {
    pub(crate) name: String,
    pub(crate) number: u64,
    pub(crate) computer: Arc<Computer>,
    pub(crate) node: SimulatedNode,
    pub(crate) key: Arc<SeedKey>,
    pub(crate) disk: SimulatedDisk,
    pub(crate) dir: PathBuf,
    /// A fault of the disk was arranged: it may fail.
    pub(crate) may_fail: bool,
    pub(crate) copies: Weak<Copies>,
    /// The next log entry to look at.
    pub(crate) next_entry: u64,
}

/// A node's disk and copies, as they were.
pub(crate) struct Backup {
    pub(crate) disk: DiskImage,
    pub(crate) dir: PathBuf,
}

impl Boot {
    pub(crate) fn output(&self) -> Surface {
        Surface::open(&self.dir.join("output"))
            .unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

impl Place {
    pub(crate) fn new(
        number: usize,
        organism: &Arc<Organism>,
        dir: &Path,
        dice: &mut Dice,
    ) -> Self {
        let files = Arc::new(Files::default());
        files.put(organism);
        let dir = dir.join(format!("node-{number}"));
        fs::create_dir(&dir).expect("a folder");
        Self {
            id: node_id(number),
            files,
            clock_off_ms: Arc::default(),
            boots: Vec::new(),
            disk: Some(SimulatedDisk::new(dice.next())),
            dir,
            is_forged: false,
        }
    }

    pub(crate) fn runs(&self) -> bool {
        !self.boots.is_empty()
    }
}

/// A copy of a folder as it lies there.
pub(crate) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the folder can be read") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy_dir(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), &target).expect("a copy")),
        }
    }
}

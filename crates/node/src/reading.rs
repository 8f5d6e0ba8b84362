//! How surfaces are read, as the command line says.

use std::num::NonZeroUsize;
use std::path::Path;

use holobiont_identity::Organism;
use holobiont_replay::{DEFAULT_MEMORY_BUDGET_BYTES, ReplayError, Surfaces};
use holobiont_surface::{
    DEFAULT_POOL_BYTES, ReadOptions, ReadPool, SealKey, Surface, SurfaceError, Trust,
};

use crate::cli::{Reading, TrustLevel, Verification};
use crate::failure::{Failure, InputPlace};
use crate::files;
use crate::print;

/// What is left for larger blocks and for reading ahead, where two windows of every member take
/// more than the default.
const ROOM_BYTES: u64 = 16 << 20;
/// Largest key file that is read, in bytes.
const MAX_KEY_BYTES: u64 = 256;

impl Reading {
    /// Opens the members' surfaces.
    pub(crate) fn surfaces(
        &self,
        organism: &Organism,
        dir: &Path,
        trust: Trust,
    ) -> Result<Surfaces, ReplayError> {
        let options = self.options(trust);
        let opened = Surfaces::open_with(organism, dir, options.clone());
        let Err(ReplayError::MemoryBudget { needed_bytes, .. }) = &opened else { return opened };
        let budget_bytes = needed_bytes.saturating_add(ROOM_BYTES).min(DEFAULT_MEMORY_BUDGET_BYTES);
        match self.memory_mib {
            Some(_) => opened,
            None => Surfaces::open_with(organism, dir, ReadOptions { budget_bytes, ..options }),
        }
    }

    /// Opens one surface, to be read with a pool of its own.
    pub(crate) fn surface(&self, dir: &Path) -> Result<Surface, SurfaceError> {
        let surface = Surface::open(dir)?;
        let mut options = self.options(Trust::Full);
        if self.memory_mib.is_none() {
            let windows_bytes = u64::from(surface.genesis().max_window_bytes).saturating_mul(2);
            options.budget_bytes =
                options.budget_bytes.max(windows_bytes.saturating_add(ROOM_BYTES));
        }
        surface.in_pool(&ReadPool::new(options)?)
    }

    fn options(&self, trust: Trust) -> ReadOptions {
        let budget_bytes =
            self.memory_mib.map_or(DEFAULT_POOL_BYTES, |mib| mib.saturating_mul(1 << 20));
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = self.threads.map_or_else(cores, NonZeroUsize::get);
        ReadOptions { budget_bytes, threads, trust, ..ReadOptions::default() }
    }
}

impl TrustLevel {
    /// The level, with its key; says so where it proves nothing.
    pub(crate) fn load(&self) -> Result<Trust, Failure> {
        match (self.verify, &self.seal_key) {
            (Verification::Full, _) => Ok(Trust::Full),
            (Verification::Seal, Some(file)) => Ok(Trust::Seal(read_seal_key(file)?)),
            (Verification::Seal, None) => Err(Failure::Usage {
                what: "--verify seal needs a key".to_owned(),
                help: "name the file with --seal-key",
            }),
            (Verification::None, _) => {
                print::note(
                    "warning: --verify none: no record is verified, so what comes of this proves \
                     nothing; it is for measurements only",
                );
                Ok(Trust::None)
            }
        }
    }
}

/// Reads a key: 64 hex digits, and white space around them.
pub(crate) fn read_seal_key(file: &Path) -> Result<SealKey, Failure> {
    let text = files::read_text(file, MAX_KEY_BYTES)?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| Failure::Input {
        file: file.to_owned(),
        place: InputPlace::default(),
        what: "is no key: it must be 64 hex digits".to_owned(),
        help: "make one with `openssl rand -hex 32`",
    })?;
    Ok(SealKey::from_bytes(bytes))
}

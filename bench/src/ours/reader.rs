use std::path::Path;

use holobiont_identity::Organism;
use holobiont_replay::Surfaces;
use holobiont_surface::{
    Access, DEFAULT_POOL_BYTES, ReadOptions, ReadPool, SealKey, Surface, Trust,
};

use crate::{BenchError, Sum};

/// Memory for blocks, in bytes.
pub(crate) const BUDGET_BYTES: u64 = DEFAULT_POOL_BYTES;

/// The key that the run's surfaces are sealed with: what it protects is there to be measured.
pub(crate) const fn seal_key() -> SealKey {
    SealKey::from_bytes([0xbe; 32])
}

/// Every window hashed in private memory, by so many threads.
pub(crate) fn verified(threads: usize) -> ReadOptions {
    ReadOptions { threads, ..ReadOptions::default() }
}

/// Every CRC checked, by one thread.
pub(crate) fn sealed() -> ReadOptions {
    ReadOptions { trust: Trust::Seal(seal_key()), ..ReadOptions::default() }
}

/// Nothing verified, by one thread.
pub(crate) fn unverified(access: Access) -> ReadOptions {
    ReadOptions { trust: Trust::None, access, ..ReadOptions::default() }
}

/// Reads all records of a surface, in order.
pub(crate) fn scan(dir: &Path, reading: ReadOptions) -> Result<Sum, BenchError> {
    let pool = ReadPool::new(reading)?;
    let surface = Surface::open(dir)?.in_pool(&pool)?;
    let mut cursor = surface.cursor(surface.earliest())?;
    let mut sum = Sum::default();
    while let Some(records) = cursor.records()? {
        for record in records {
            sum.push(record.seq(), record.clock(), record.payload());
        }
    }
    Ok(sum)
}

/// Opens the surfaces of an organism's members, all in one pool.
pub(crate) fn surfaces(
    organism: &Organism,
    dir: &Path,
    reading: ReadOptions,
) -> Result<Surfaces, BenchError> {
    Ok(Surfaces::open_with(organism, dir, reading)?)
}

//! What the machine can do at all with the same bytes: every floor does less than a reader must.

mod direct;

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use holobiont_surface::format::SEGMENT_HEADER_BYTES;

use crate::layout::{Block, Layout, as_u64};
use crate::mapped::Mapped;
use crate::{BenchError, Sum};

pub(crate) use direct::direct;

/// Copies every block into one private buffer.
pub(crate) fn copy(layout: &Layout) -> Result<u64, BenchError> {
    let mut buffer = vec![0; layout.largest_block()];
    let mut copied = 0_u64;
    for block in &layout.blocks {
        let bytes = layout.bytes(block);
        if let Some(into) = buffer.get_mut(..bytes.len()) {
            into.copy_from_slice(bytes);
        }
        black_box(&mut buffer);
        copied = copied.saturating_add(as_u64(bytes.len()));
    }
    Ok(copied)
}

/// Checks every window's bytes, which are in memory, with CRC-32C.
pub(crate) fn crc(layout: &Layout) -> Result<u64, BenchError> {
    let mut seen = 0_u64;
    for block in &layout.blocks {
        each_window(block, layout.bytes(block), |window| {
            black_box(crc32c::crc32c(window));
            seen = seen.saturating_add(as_u64(window.len()));
        });
    }
    Ok(seen)
}

/// Hashes every window's bytes, which are in memory.
pub(crate) fn hash(layout: &Layout, threads: usize) -> Result<u64, BenchError> {
    side_by_side(threads, layout, |next| {
        let mut seen = 0_u64;
        while let Some(block) = next() {
            let bytes = layout.bytes(block);
            each_window(block, bytes, |window| {
                black_box(blake3::hash(window));
            });
            seen = seen.saturating_add(as_u64(bytes.len()));
        }
        Ok(seen)
    })
}

/// Reads every block into one private buffer a thread.
pub(crate) fn read(layout: &Layout) -> Result<u64, BenchError> {
    fetch(layout, 1, |_, _| {})
}

/// Reads every block into one private buffer a thread and hashes its windows there.
pub(crate) fn fetch_and_hash(layout: &Layout, threads: usize) -> Result<u64, BenchError> {
    fetch(layout, threads, |block, bytes| {
        each_window(block, bytes, |window| {
            black_box(blake3::hash(window));
        });
    })
}

fn fetch(
    layout: &Layout,
    threads: usize,
    then: impl Fn(&Block, &[u8]) + Sync,
) -> Result<u64, BenchError> {
    let open = |file: &crate::layout::Bytes| {
        File::open(&file.path).map_err(BenchError::io(&file.path, "opening"))
    };
    let files = layout.files.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    side_by_side(threads, layout, |next| {
        let mut buffer = vec![0; layout.largest_block()];
        let mut seen = 0_u64;
        while let Some(block) = next() {
            let (Some(file), Some(bytes), Some(of)) = (
                files.get(block.file),
                buffer.get_mut(..block.length()),
                layout.files.get(block.file),
            ) else {
                continue;
            };
            let read = file.read_exact_at(bytes, as_u64(block.offset));
            read.map_err(BenchError::io(&of.path, "reading"))?;
            then(block, bytes);
            seen = seen.saturating_add(as_u64(bytes.len()));
            black_box(&mut buffer);
        }
        Ok(seen)
    })
}

fn each_window(block: &Block, mut bytes: &[u8], mut take: impl FnMut(&[u8])) {
    for length in &block.windows {
        let Some((window, rest)) = bytes.split_at_checked(*length) else { return };
        take(window);
        bytes = rest;
    }
}

/// Has so many threads take blocks until there are none, this one among them.
fn side_by_side<'a>(
    threads: usize,
    layout: &'a Layout,
    work: impl Fn(&dyn Fn() -> Option<&'a Block>) -> Result<u64, BenchError> + Sync,
) -> Result<u64, BenchError> {
    let taken = AtomicUsize::new(0);
    let next = || layout.blocks.get(taken.fetch_add(1, Ordering::Relaxed));
    join(threads, || work(&next))
}

/// Runs this on so many threads, and adds up what they come to.
fn join(
    threads: usize,
    work: impl Fn() -> Result<u64, BenchError> + Sync,
) -> Result<u64, BenchError> {
    std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(&work)).collect();
        let mut all = work()?;
        for helper in helpers {
            match helper.join() {
                Ok(seen) => all = all.saturating_add(seen?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(all)
    })
}

/// A record's header as it lies in a file.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawHeader {
    payload_length: U32,
    _crc: U32,
    seq: U64,
    clock: U64,
    _time_ms: [u8; 6],
    _kind: U16,
}

/// Casts one header after the other where the file is mapped, and believes all of it.
pub(crate) fn casts(layout: &Layout) -> Result<Sum, BenchError> {
    let mut sum = Sum::default();
    for file in &layout.files {
        let mapped = Mapped::open(&file.path)?;
        let records = mapped.bytes().get(SEGMENT_HEADER_BYTES..file.bytes.len());
        let mut rest = records.unwrap_or_default();
        while let Ok((header, body)) = RawHeader::ref_from_prefix(rest) {
            let length = usize::try_from(header.payload_length.get()).unwrap_or(usize::MAX);
            let Some(payload) = body.get(..length) else { break };
            sum.push(header.seq.get(), header.clock.get(), payload);
            rest = body.get(length.next_multiple_of(8)..).unwrap_or_default();
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests;

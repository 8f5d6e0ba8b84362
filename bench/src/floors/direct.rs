use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::OFlags;

use super::join;
use crate::BenchError;
use crate::layout::{Layout, as_u64};

/// How much is asked for at once.
const REQUEST_BYTES: usize = 1 << 20;
/// What the kernel wants buffers, offsets and lengths to be multiples of, at most.
const ALIGNMENT: usize = 4096;

/// Reads the files past the page cache, with so many requests under way, and does nothing with
/// them. Whole files are read: a little more than their records.
pub(crate) fn direct(layout: &Layout, depth: usize) -> Result<u64, BenchError> {
    let mut requests = Vec::new();
    let mut files = Vec::new();
    for file in &layout.files {
        let opened = open(&file.path).map_err(|error| BenchError::Unmeasurable {
            why: format!("this file system does not open files with O_DIRECT: {error}"),
        })?;
        let number = files.len();
        let offsets = (0..file.bytes.len()).step_by(REQUEST_BYTES);
        requests.extend(offsets.map(|offset| (number, offset)));
        files.push(opened);
    }
    let taken = AtomicUsize::new(0);
    let requested = join(depth, || {
        let mut memory = vec![0; REQUEST_BYTES.saturating_add(ALIGNMENT)];
        let start = memory.as_ptr().align_offset(ALIGNMENT);
        let buffer = memory.get_mut(start..).and_then(|rest| rest.get_mut(..REQUEST_BYTES));
        let buffer = buffer.unwrap_or_default();
        let mut seen = 0_u64;
        while let Some((number, offset)) = requests.get(taken.fetch_add(1, Ordering::Relaxed)) {
            let (Some(file), Some(of)) = (files.get(*number), layout.files.get(*number)) else {
                continue;
            };
            let length = file.read_at(buffer, as_u64(*offset));
            let length = length.map_err(BenchError::io(&of.path, "reading directly"))?;
            let wanted = of.bytes.len().saturating_sub(*offset).min(REQUEST_BYTES);
            black_box(&mut *buffer);
            seen = seen.saturating_add(as_u64(length.min(wanted)));
        }
        Ok(seen)
    })?;
    // The header of a segment is read, but no part of its windows.
    let headers =
        layout.files.len().saturating_mul(holobiont_surface::format::SEGMENT_HEADER_BYTES);
    Ok(requested.saturating_sub(as_u64(headers)))
}

fn open(path: &Path) -> std::io::Result<File> {
    let flags = i32::try_from(OFlags::DIRECT.bits()).unwrap_or(0);
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

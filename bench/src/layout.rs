use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use holobiont_surface::format::SEGMENT_HEADER_BYTES;
use holobiont_surface::{Damage, READ_BLOCK_BYTES, Record, Surface};

use crate::BenchError;

/// Where the windows of surfaces are in their files, and the files' bytes in memory: what the floors
/// go over without knowing what a record is.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) files: Vec<Bytes>,
    /// Whole windows that follow each other, as many as are read at once.
    pub(crate) blocks: Vec<Block>,
}

/// The records of one segment file.
#[derive(Debug)]
pub(crate) struct Bytes {
    pub(crate) path: PathBuf,
    /// The file up to its last record.
    pub(crate) bytes: Vec<u8>,
}

/// A run of windows in one file.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) file: usize,
    pub(crate) offset: usize,
    /// Lengths of the windows, in bytes.
    pub(crate) windows: Vec<usize>,
}

impl Block {
    pub(crate) fn length(&self) -> usize {
        self.windows.iter().fold(0, |all, window| all.saturating_add(*window))
    }
}

impl Layout {
    /// Of the surfaces in these folders, in order.
    pub(crate) fn of(dirs: &[PathBuf]) -> Result<Self, BenchError> {
        let mut layout = Self { files: Vec::new(), blocks: Vec::new() };
        for dir in dirs {
            layout.add(&Surface::open(dir)?)?;
        }
        Ok(layout)
    }

    fn add(&mut self, surface: &Surface) -> Result<(), BenchError> {
        for segment in surface.segments() {
            let Some(last_seq) = segment.last_seq else { continue };
            let mut bytes = read(&segment.file, segment.size_bytes)?;
            let windows = windows(surface, &bytes, last_seq)
                .map_err(|what| BenchError::Damaged { file: segment.file.clone(), what })?;
            let mut offset = SEGMENT_HEADER_BYTES;
            let file = self.files.len();
            let mut block = Block { file, offset, windows: Vec::new() };
            for window in windows {
                if as_u64(block.length()) >= READ_BLOCK_BYTES {
                    let next = Block { file, offset, windows: Vec::new() };
                    self.blocks.push(std::mem::replace(&mut block, next));
                }
                block.windows.push(window);
                offset = offset.saturating_add(window);
            }
            self.blocks.push(block);
            bytes.truncate(offset);
            self.files.push(Bytes { path: segment.file.clone(), bytes });
        }
        Ok(())
    }

    /// The bytes of a block, in memory.
    pub(crate) fn bytes(&self, block: &Block) -> &[u8] {
        let file = self.files.get(block.file).map(|file| file.bytes.as_slice());
        let end = block.offset.saturating_add(block.length());
        file.and_then(|file| file.get(block.offset..end)).unwrap_or_default()
    }

    /// The files.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| file.path.clone()).collect()
    }

    /// The size of a buffer that takes any block.
    pub(crate) fn largest_block(&self) -> usize {
        self.blocks.iter().map(Block::length).max().unwrap_or(0)
    }
}

/// Lengths of the windows of a segment, by the rule that the genesis gives.
fn windows(surface: &Surface, segment: &[u8], last_seq: u64) -> Result<Vec<usize>, Damage> {
    let genesis = surface.genesis();
    let most_records = usize::try_from(genesis.window_records).unwrap_or(usize::MAX);
    let most_bytes = usize::try_from(genesis.max_window_bytes).unwrap_or(usize::MAX);
    let mut rest = segment.get(SEGMENT_HEADER_BYTES..).unwrap_or_default();
    let mut windows = Vec::new();
    let (mut records, mut length) = (0_usize, 0_usize);
    loop {
        let record = Record::decode(rest)?;
        let size = record.stored().len();
        if records == most_records || length.saturating_add(size) > most_bytes {
            windows.push(length);
            (records, length) = (0, 0);
        }
        (records, length) = (records.saturating_add(1), length.saturating_add(size));
        if record.seq() >= last_seq {
            windows.push(length);
            return Ok(windows);
        }
        rest = rest.get(size..).unwrap_or_default();
    }
}

fn read(path: &Path, size_bytes: u64) -> Result<Vec<u8>, BenchError> {
    let file = File::open(path).map_err(BenchError::io(path, "opening"))?;
    let mut bytes = vec![0; usize::try_from(size_bytes).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, 0).map_err(BenchError::io(path, "reading"))?;
    Ok(bytes)
}

pub(crate) fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

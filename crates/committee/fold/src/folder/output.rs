use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use holobiont_identity::Organism;
use holobiont_replay::{Output, OutputStart, ReplayError, ResumedOutput};
use holobiont_surface::{Genesis, SurfaceError, SurfaceWriter, WriterOptions};

use crate::FoldError;

/// Opens the organism's own surface where the fold goes on in it. One that does not have that place is
/// put aside, and a new one begun there.
pub(super) fn open(
    organism: &Organism,
    dir: &Path,
    start: Option<&OutputStart>,
) -> Result<ResumedOutput, FoldError> {
    let genesis = Genesis::new(organism.output_surface_id());
    let next_seq = start.map_or(0, |start| start.next_seq);
    let genesis_file = dir.join("genesis");
    let is_there =
        genesis_file.try_exists().map_err(FoldError::io(&genesis_file, "looking for"))?;
    if is_there {
        let (writer, _) = SurfaceWriter::open(dir, WriterOptions::default()).map_err(failed)?;
        let (expected, got) = (genesis.digest(), writer.genesis().digest());
        if expected != got {
            return Err(ReplayError::OtherOutput { expected, got }.into());
        }
        if (writer.earliest()..=writer.next_seq()).contains(&next_seq) {
            return resume(writer, next_seq, start);
        }
        drop(writer);
        put_aside(dir)?;
    }
    let options = WriterOptions::default();
    let writer = match start {
        None => SurfaceWriter::create(dir, genesis, options),
        Some(start) => SurfaceWriter::create_at(dir, genesis, start.start_at(), options),
    };
    Ok(ResumedOutput::new(writer.map_err(failed)?, next_seq)?)
}

fn resume(
    writer: SurfaceWriter,
    next_seq: u64,
    start: Option<&OutputStart>,
) -> Result<ResumedOutput, FoldError> {
    let dir = writer.dir().to_owned();
    let mut output = ResumedOutput::new(writer, next_seq)?;
    match output.head() == start.and_then(OutputStart::head) {
        true => Ok(output),
        false => Err(FoldError::OutputForked { dir, next_seq }),
    }
}

fn put_aside(dir: &Path) -> Result<PathBuf, FoldError> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for attempt in 0..u32::MAX {
        let aside = dir.with_file_name(format!("{name}.aside-{attempt}"));
        if aside.try_exists().map_err(FoldError::io(&aside, "looking for"))? {
            continue;
        }
        fs::rename(dir, &aside).map_err(FoldError::io(dir, "moving"))?;
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or_else(|| Path::new("."));
        let synced = File::open(parent).and_then(|parent| parent.sync_all());
        synced.map_err(FoldError::io(parent, "syncing"))?;
        return Ok(aside);
    }
    Err(FoldError::io(dir, "moving")(io::ErrorKind::AlreadyExists.into()))
}

fn failed(source: SurfaceError) -> FoldError {
    ReplayError::Output(source).into()
}

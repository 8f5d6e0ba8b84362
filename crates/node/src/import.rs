//! Files become surfaces: one folder a member, all of them or none.

mod csv;
mod ndjson;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use holobiont_identity::{MAX_NAME_BYTES, UniqueId};
use holobiont_surface::{Genesis, NewRecord, SurfaceError, SurfaceWriter, WriterOptions};

use crate::cli::{ClockFormat, ImportFormat};
use crate::failure::{Failure, InputPlace};
use crate::print;
use crate::text::count;

pub(crate) use csv::Csv;
pub(crate) use ndjson::{Ndjson, NdjsonLine, NdjsonRow};

/// Largest file that is imported at once, in bytes.
pub(crate) const MAX_IMPORT_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Most members in one file.
const MAX_IMPORT_MEMBERS: usize = 4_096;
/// Kind of an imported record, unless the file says another.
pub(crate) const KIND_IMPORTED: u16 = 1;

/// Records by member, in clock order.
#[derive(Debug)]
pub(crate) struct Imported {
    file: PathBuf,
    members: BTreeMap<String, Vec<Row>>,
}

/// A record to be.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) clock: u64,
    /// Where the file does not say, the last record of a clock event closes it.
    pub(crate) closes_clock: Option<bool>,
    pub(crate) time_ms: u64,
    pub(crate) kind: u16,
    pub(crate) payload: Vec<u8>,
    /// Where in the file it stands.
    pub(crate) place: InputPlace,
}

/// Where imported surfaces go, and what they are called.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) out: &'a Path,
    pub(crate) stable_id_prefix: &'a str,
    pub(crate) surface: &'a str,
    pub(crate) segment_bytes: u64,
    pub(crate) max_window_bytes: u32,
}

/// A surface that an import made.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Made {
    pub(crate) member: String,
    pub(crate) surface_id: String,
    pub(crate) records: u64,
    pub(crate) first_clock: Option<u64>,
    pub(crate) last_clock: Option<u64>,
    pub(crate) head: Option<String>,
}

impl Imported {
    /// Reads a file of either form.
    pub(crate) fn read(
        file: &Path,
        bytes: &[u8],
        format: Option<ImportFormat>,
        clock_column: Option<&str>,
        clock: ClockFormat,
    ) -> Result<Self, Failure> {
        let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let format = format.or(match ending {
            "csv" => Some(ImportFormat::Csv),
            "ndjson" | "jsonl" => Some(ImportFormat::Ndjson),
            _ => None,
        });
        match (format, clock_column) {
            (Some(ImportFormat::Csv), Some(column)) => Csv { file, column, clock }.read(bytes),
            (Some(ImportFormat::Csv), None) => Err(Failure::Usage {
                what: "a CSV needs --clock-column".to_owned(),
                help: "name the column that holds the clock event, such as --clock-column Date",
            }),
            (Some(ImportFormat::Ndjson), _) => Ndjson { file, clock }.read(bytes),
            (None, _) => Err(Failure::Usage {
                what: format!("{} ends neither in .csv nor in .ndjson", file.display()),
                help: "say what it is with --format",
            }),
        }
    }

    fn new(file: &Path) -> Self {
        Self { file: file.to_owned(), members: BTreeMap::new() }
    }

    /// A member's records, in clock order; none of one that the file does not have.
    #[cfg(feature = "simulated")]
    pub(crate) fn rows(&self, name: &str) -> &[Row] {
        self.members.get(name).map_or(&[], Vec::as_slice)
    }

    /// The place of a member, whose name must be one that may name a folder.
    fn member(
        &mut self,
        file: &Path,
        name: &str,
        place: InputPlace,
    ) -> Result<&mut Vec<Row>, Failure> {
        let is_name = !name.is_empty()
            && name.len() <= MAX_NAME_BYTES
            && !name.starts_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let refuse =
            |what: String, help| Err(Failure::Input { file: file.to_owned(), place, what, help });
        if !is_name {
            return refuse(
                format!("`{name:.80}` cannot name a member"),
                "a name is 1 to 64 letters, digits, `.`, `_` or `-`, and does not begin with `.`",
            );
        }
        if !self.members.contains_key(name) && self.members.len() >= MAX_IMPORT_MEMBERS {
            return refuse(
                format!("more than {MAX_IMPORT_MEMBERS} members"),
                "split the file by member",
            );
        }
        Ok(self.members.entry(name.to_owned()).or_default())
    }

    /// Records of one clock event keep the order they came in.
    fn order_by_clock(&mut self) {
        for (name, rows) in &mut self.members {
            let moved = rows.windows(2).filter(|pair| matches!(pair, [a, b] if a.clock > b.clock));
            let moved = u64::try_from(moved.count()).unwrap_or(u64::MAX);
            if moved > 0 {
                let lines = count(moved, "line");
                print::note(&format!("warning: {name}: {lines} out of clock order, put in order"));
            }
            rows.sort_by_key(|row| row.clock);
        }
    }

    /// Writes every member's surface, each in a folder of its name.
    ///
    /// They are made beside their places and moved there when all are durable.
    pub(crate) fn write(self, target: &Target<'_>) -> Result<Vec<Made>, Failure> {
        for name in self.members.keys() {
            let dir = target.out.join(name);
            if dir.exists() {
                let found = "a file or folder of that name".to_owned();
                return Err(SurfaceError::AlreadyExists { dir, found }.into());
            }
        }
        if self.members.is_empty() {
            return Err(Failure::Input {
                file: self.file,
                place: InputPlace::default(),
                what: "holds no member".to_owned(),
                help: "is this the right file?",
            });
        }
        // No other import, running or interrupted, uses the same.
        let staging = target.out.join(format!(".importing-{}", std::process::id()));
        let made = self.write_in(&staging, target);
        if made.is_err() {
            // The first failure is the one to tell.
            let _ = std::fs::remove_dir_all(&staging);
        }
        made
    }

    fn write_in(self, staging: &Path, target: &Target<'_>) -> Result<Vec<Made>, Failure> {
        std::fs::create_dir_all(staging).map_err(Failure::io(staging, "creating"))?;
        let mut made = Vec::with_capacity(self.members.len());
        for (name, rows) in &self.members {
            made.push(write_surface(&self.file, &staging.join(name), name, rows, target)?);
        }
        for name in self.members.keys() {
            let (from, to) = (staging.join(name), target.out.join(name));
            std::fs::rename(&from, &to).map_err(Failure::io(&to, "naming"))?;
        }
        std::fs::remove_dir(staging).map_err(Failure::io(staging, "removing"))?;
        std::fs::File::open(target.out)
            .and_then(|dir| dir.sync_all())
            .map_err(Failure::io(target.out, "syncing"))?;
        Ok(made)
    }
}

fn write_surface(
    file: &Path,
    dir: &Path,
    name: &str,
    rows: &[Row],
    target: &Target<'_>,
) -> Result<Made, Failure> {
    let stable_id = UniqueId::from_name(&format!("{}{name}", target.stable_id_prefix));
    let genesis = Genesis {
        max_window_bytes: target.max_window_bytes,
        ..Genesis::new(stable_id.surface(target.surface))
    };
    let surface_id = genesis.surface_id.to_string();
    let options = WriterOptions { segment_bytes: target.segment_bytes };
    let mut writer = SurfaceWriter::create(dir, genesis, options)?;
    let mut rows_left = rows.iter().peekable();
    while let Some(row) = rows_left.next() {
        let is_last = rows_left.peek().is_none_or(|next| next.clock != row.clock);
        let appended = writer.append(NewRecord {
            clock: row.clock,
            closes_clock: row.closes_clock.unwrap_or(is_last),
            time_ms: row.time_ms,
            kind: row.kind,
            payload: &row.payload,
        });
        appended.map_err(|error| refused(file, name, row, error))?;
    }
    let head = writer.sync()?;
    Ok(Made {
        member: name.to_owned(),
        surface_id,
        records: writer.next_seq(),
        first_clock: rows.first().map(|row| row.clock),
        last_clock: rows.last().map(|row| row.clock),
        head: head.map(|head| head.hash.to_string()),
    })
}

/// A record that no surface can hold is the file's fault, not the disk's.
fn refused(file: &Path, member: &str, row: &Row, error: SurfaceError) -> Failure {
    if error.is_io() {
        return error.into();
    }
    Failure::Input {
        file: file.to_owned(),
        place: row.place.clone(),
        what: format!("member {member}: {error}"),
        help: "correct the record, or leave it out",
    }
}

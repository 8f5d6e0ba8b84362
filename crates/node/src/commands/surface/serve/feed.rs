use std::io::{BufRead, BufReader, Read as _, Stdin, stdin};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holobiont_archive::{Sink, SinkError, WrittenSurface};
use holobiont_surface::NewRecord;
use tokio::sync::oneshot;

use crate::cli::{ClockFormat, Serve};
use crate::failure::{Failure, InputPlace};
use crate::import::{Ndjson, NdjsonRow};

/// What one read of standard input takes, in bytes; what came with it is synced together.
const READ_BYTES: usize = 1 << 20;
/// The longest line beside its payload, which may be written as two hex digits a byte or escaped.
const LINE_BYTES: u64 = 4 << 10;
const MOST_BYTES_A_BYTE: u64 = 6;

/// Standard input, appended line by line.
pub(super) struct Feed {
    surface: Arc<WrittenSurface>,
    member: String,
    clock: ClockFormat,
    max_line_bytes: u64,
}

impl Feed {
    /// Reads on a thread of its own, which ends with its input or with the process. What is
    /// returned tells of input that is no record; it closes at the end of a good one.
    pub(super) fn begin(surface: Arc<WrittenSurface>, args: &Serve) -> oneshot::Receiver<Failure> {
        let record_bytes = u64::from(Sink::genesis(&*surface).max_window_bytes);
        let feed = Self {
            surface,
            member: args.member.clone(),
            clock: args.clock,
            max_line_bytes: record_bytes
                .saturating_mul(MOST_BYTES_A_BYTE)
                .saturating_add(LINE_BYTES),
        };
        let (sender, receiver) = oneshot::channel();
        // Not one of the runtime's: a read of standard input cannot be ended.
        std::thread::spawn(move || {
            let input = BufReader::with_capacity(READ_BYTES, stdin());
            match feed.read(input) {
                Ok(()) => tracing::info!("standard input has ended; the surface is served on"),
                // Where nobody listens any more the process is ending already.
                Err(failure) => drop(sender.send(failure)),
            }
        });
        receiver
    }

    fn read(&self, mut input: BufReader<Stdin>) -> Result<(), Failure> {
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let limit = self.max_line_bytes.saturating_add(1);
            let taken = input.by_ref().take(limit).read_until(b'\n', &mut line);
            let taken = taken.map_err(Failure::io(Path::new("standard input"), "reading"))?;
            if u64::try_from(taken).unwrap_or(u64::MAX) > self.max_line_bytes {
                let what = format!("is longer than {} bytes", self.max_line_bytes);
                return Err(refuse(number, what, "split its payload"));
            }
            if taken > 0 && !line.iter().all(u8::is_ascii_whitespace) {
                self.append(number, &line)?;
            }
            // Nothing more has come with it: what there is may be read.
            if taken == 0 || !input.buffer().contains(&b'\n') {
                self.surface.sync().map_err(|error| failed(number, error))?;
            }
            if taken == 0 {
                return Ok(());
            }
        }
        Ok(())
    }

    fn append(&self, number: u64, line: &[u8]) -> Result<(), Failure> {
        let file = PathBuf::from("standard input");
        let NdjsonRow { member, seq, row } =
            Ndjson { file: &file, clock: self.clock }.line(number, line)?;
        if member != self.member {
            let what = format!("is of member `{member:.80}`, this is `{}`", self.member);
            return Err(refuse(number, what, "give each member a server of its own"));
        }
        let next_seq = Sink::next_seq(&*self.surface);
        match seq {
            // Whoever feeds has begun again further back: it is here already.
            Some(seq) if seq < next_seq => return Ok(()),
            Some(seq) if seq > next_seq => {
                let what = format!("is record {seq}, the next one is {next_seq}");
                return Err(refuse(number, what, "begin again with the record that is missing"));
            }
            _ => {}
        }
        let record = NewRecord {
            clock: row.clock,
            // The next line is not here yet, and nobody should wait for it.
            closes_clock: row.closes_clock.unwrap_or(true),
            time_ms: row.time_ms,
            kind: row.kind,
            payload: &row.payload,
        };
        self.surface.append(&[record]).map_err(|error| failed(number, error))
    }
}

fn failed(number: u64, error: SinkError) -> Failure {
    match error {
        SinkError::Refused { why } => {
            refuse(number, why, "correct the record; those before it are published")
        }
        other => Failure::NotReady { what: other.to_string() },
    }
}

fn refuse(line: u64, what: String, help: &'static str) -> Failure {
    let place = InputPlace { line: Some(line), column: None };
    Failure::Input { file: PathBuf::from("standard input"), place, what, help }
}

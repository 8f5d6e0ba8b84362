//! What happened, with times: for the terminal, and for a file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::print;

/// How many are shown in the live view.
const SHOWN: usize = 8;

/// Events since the start.
#[derive(Debug)]
pub(super) struct Events {
    began: Instant,
    recent: VecDeque<String>,
    file: File,
    /// Whether they are lines on standard error, or a part of the live view.
    as_lines: bool,
}

impl Events {
    pub(super) fn new(file: &Path, as_lines: bool) -> Result<Self, Failure> {
        let file = File::create(file).map_err(Failure::io(file, "creating"))?;
        Ok(Self { began: Instant::now(), recent: VecDeque::new(), file, as_lines })
    }

    /// How long ago the first could have been.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn say(&mut self, what: &str) {
        let line = format!("[{:>7.2} s] {what}", self.began.elapsed().as_secs_f64());
        // What is shown is not less true where it cannot be written down.
        let _ = writeln!(self.file, "{line}");
        if self.as_lines {
            print::note(&line);
        }
        self.recent.push_back(line);
        if self.recent.len() > SHOWN {
            self.recent.pop_front();
        }
    }

    pub(super) fn recent(&self) -> impl Iterator<Item = &str> {
        self.recent.iter().map(String::as_str)
    }
}

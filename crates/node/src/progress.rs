use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::print;
use crate::text::Grouped;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How far a long command is: a bar on a terminal, elsewhere a line every ten seconds.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    next_line: Option<Instant>,
}

impl Progress {
    /// Of `total` records.
    pub(crate) fn new(total: u64) -> Self {
        let bar = ProgressBar::new(total);
        let template = "{bar:40} {human_pos} of {human_len} records, {per_sec}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let is_terminal = std::io::stderr().is_terminal();
        if is_terminal {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self { bar, next_line: (!is_terminal).then(|| Instant::now() + LINE_EVERY) }
    }

    /// So many more are done.
    pub(crate) fn advance(&mut self, records: u64) {
        self.bar.inc(records);
        if self.next_line.is_some_and(|at| Instant::now() >= at) {
            self.next_line = Some(Instant::now() + LINE_EVERY);
            let (done, total) = (self.bar.position(), self.bar.length().unwrap_or(0));
            print::note(&format!("{} of {} records", Grouped(done), Grouped(total)));
        }
    }

    /// All is done.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }
}

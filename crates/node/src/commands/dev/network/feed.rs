//! What a member is fed with, day by day.

use std::path::Path;

use holobiont_surface::Surface;
use tokio::io::AsyncWriteExt as _;
use tokio::process::ChildStdin;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::rates::Rates;

/// One member's standard input, and how far it has been fed.
#[derive(Debug, Default)]
pub(super) struct Feed {
    next_seq: u64,
    lines: Option<UnboundedSender<Vec<u8>>>,
    /// Nothing is published while it is.
    pub(super) is_stalled: bool,
}

impl Feed {
    /// Looks how far a surface goes that nobody writes at the moment.
    pub(super) fn look(&mut self, surface: &Path) {
        // Without a surface nothing was published, and one that cannot be read its process refuses.
        self.next_seq = Surface::open(surface).map_or(0, |surface| surface.next_seq());
    }

    /// Goes on after what the surface had when it was looked at.
    pub(super) fn begin(&mut self, mut input: ChildStdin) {
        // A process that is paused reads nothing: whoever publishes goes on all the same.
        let (lines, mut waiting) = unbounded_channel::<Vec<u8>>();
        self.lines = Some(lines);
        tokio::spawn(async move {
            while let Some(bytes) = waiting.recv().await {
                if input.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        });
    }

    /// The process is gone.
    pub(super) fn end(&mut self) {
        self.lines = None;
    }

    /// Publishes what is there up to this day.
    pub(super) fn publish(&mut self, rates: &Rates, member: usize, to_clock: u64) {
        let Some(input) = self.lines.as_ref().filter(|_| !self.is_stalled) else { return };
        let mut bytes = Vec::new();
        for line in rates.lines(member, self.next_seq, to_clock) {
            bytes.extend_from_slice(line.as_bytes());
            self.next_seq = self.next_seq.saturating_add(1);
        }
        if !bytes.is_empty() && input.send(bytes).is_err() {
            self.lines = None;
        }
    }
}

use holobiont_replay::{Commits, Event, Program, ProgramError};

use crate::Sum;

/// Makes nothing of the records but the sum that shows that it was given them all, in order.
#[derive(Debug, Default)]
pub(super) struct Empty {
    pub(super) sum: Sum,
}

impl Program for Empty {
    const NAME: &'static str = "empty";
    const VERSION: u32 = 1;

    #[inline]
    fn fold(&mut self, event: Event<'_>, _: &mut Commits<'_>) -> Result<(), ProgramError> {
        if let Event::Record(it) = event {
            self.sum.push_of(it.member, it.record.seq(), it.record.clock(), it.record.payload());
        }
        Ok(())
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.sum.mix.to_le_bytes());
    }

    fn restore(&mut self, _: &[u8]) -> Result<(), ProgramError> {
        Err(ProgramError::Snapshot { why: "the empty program is measured from the first record" })
    }
}

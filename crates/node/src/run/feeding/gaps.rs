use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use holobiont_archive::{StartOfWindow, Trouble};

use super::Feeder;
use crate::run::sources::SourceState;

/// Where a copy could begin anew, behind what nobody keeps any more.
#[derive(Default)]
pub(crate) struct Starts {
    /// Where the own source begins, while that is after the copy's end.
    own: Mutex<Option<StartOfWindow>>,
    /// How often a copy has begun anew.
    begun: AtomicUsize,
}

impl Starts {
    pub(super) fn own(&self, start: Option<StartOfWindow>) {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = start;
    }

    /// One of those that leave out nothing that is needed, from `from_seq` on, of a copy that ends
    /// before `next_seq`. Another one every time: what a start claims of the records before it shows
    /// only when the copy is held against what the committee has agreed on.
    fn choose(
        &self,
        others: &[StartOfWindow],
        next_seq: u64,
        from_seq: u64,
    ) -> Option<StartOfWindow> {
        let own = *self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |it: &StartOfWindow| it.first_seq > next_seq && it.first_seq <= from_seq;
        let fitting: Vec<_> = own.into_iter().chain(others.iter().copied()).filter(fits).collect();
        let turn = self.begun.load(Ordering::Relaxed).checked_rem(fitting.len())?;
        let start = fitting.get(turn).copied()?;
        self.begun.fetch_add(1, Ordering::Relaxed);
        Some(start)
    }
}

impl Feeder {
    /// The source begins after what this node has. Where the committee has gone on from there, so
    /// does the copy.
    pub(super) fn gap(&self, start: StartOfWindow) {
        let says = format!("the source keeps records from {} on", start.first_seq);
        self.sources.set(self.place, SourceState::Trouble(Trouble::Gap), Some(says));
        self.starts.own(Some(start));
        if self.begins_anew(&[], self.gone_on_from()) {
            return;
        }
        let closed = start.previous_clock.and_then(|before| match before.closed {
            true => Some(before.clock),
            false => before.clock.checked_sub(1),
        });
        self.node.gap(self.place, start.first_seq, start.chain_before, closed);
    }

    /// The first record that this node may still need: the committee has left out what is before it,
    /// or this node has folded it, or begun at a snapshot behind it.
    fn gone_on_from(&self) -> u64 {
        let member = usize::from(self.place);
        let resume_from = self.node.with_machine(|machine| {
            machine.policy().members().get(member).map(|it| it.resume_from)
        });
        resume_from.unwrap_or(0).max(self.copies.taken_to(self.place))
    }

    /// Has the copy begin anew where somebody keeps all from `from_seq` on, past what it has.
    pub(super) fn begins_anew(&self, others: &[StartOfWindow], from_seq: u64) -> bool {
        let next_seq = self.copies.next_seq(self.place);
        if from_seq <= next_seq {
            return false;
        }
        let Some(start) = self.starts.choose(others, next_seq, from_seq) else { return false };
        match self.copies.restart_at(self.place, start.start_at()) {
            Ok(()) => {
                tracing::warn!(
                    member = self.name,
                    from = start.first_seq,
                    "the copy begins anew behind records that nobody keeps"
                );
                true
            }
            Err(error) => {
                tracing::error!(member = self.name, %error, "no new copy");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use holobiont_identity::Digest;

    use super::*;

    fn start(first_seq: u64) -> StartOfWindow {
        StartOfWindow { first_seq, chain_before: Digest::of("chain"), previous_clock: None }
    }

    fn chosen(starts: &Starts, others: &[u64], next_seq: u64, from_seq: u64) -> Option<u64> {
        let others: Vec<_> = others.iter().copied().map(start).collect();
        starts.choose(&others, next_seq, from_seq).map(|it| it.first_seq)
    }

    #[test]
    fn a_copy_begins_anew_only_where_nothing_that_is_needed_is_left_out() {
        let starts = Starts::default();
        assert_eq!(chosen(&starts, &[], 50, 100), None);
        starts.own(Some(start(101)));
        assert_eq!(chosen(&starts, &[120], 50, 100), None, "all begin after what is needed");
        assert_eq!(
            chosen(&starts, &[120, 50], 50, 100),
            None,
            "that one is no later than the copy"
        );
        assert_eq!(chosen(&starts, &[120, 100], 50, 100), Some(100));
        starts.own(Some(start(80)));
        assert_eq!(chosen(&starts, &[], 50, 100), Some(80));
    }

    #[test]
    fn one_whose_word_was_wrong_is_not_asked_for_ever() {
        let starts = Starts::default();
        starts.own(Some(start(80)));
        let turns: Vec<_> = (0..4).map(|_| chosen(&starts, &[90, 70], 50, 100)).collect();
        assert_eq!(turns, [Some(80), Some(90), Some(70), Some(80)]);
        starts.own(None);
        assert_eq!(chosen(&starts, &[], 50, 100), None);
    }
}

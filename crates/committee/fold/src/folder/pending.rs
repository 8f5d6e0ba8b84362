use std::collections::VecDeque;

use holobiont_committee::Effects;
use holobiont_identity::Digest;
use holobiont_policy::{Agreed, CommitteeState, Frontier};
use holobiont_replay::ReplayError;
use holobiont_surface::SurfaceError;

use super::Folder;
use crate::copies::having;
use crate::{FoldError, Need, Since};

/// An entry that the machine has applied and that is not folded yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) index: u64,
    pub(super) effects: Effects,
    /// Heads agreed on in it that were not checked yet.
    unchecked: VecDeque<Agreed>,
}

impl Pending {
    pub(super) fn new(index: u64, effects: Effects, after: &CommitteeState) -> Self {
        // One that policy did not take (its clock jumped) may never be had: nothing stands on it.
        let is_taken = |agreed: &&Agreed| {
            let member = after.members().get(usize::from(agreed.head.member));
            let frontier = member.and_then(|member| member.frontier);
            frontier.is_some_and(|frontier| frontier.seq == agreed.head.seq)
        };
        let unchecked = effects.applied.agreed.iter().filter(is_taken).cloned().collect();
        Self { index, effects, unchecked }
    }
}

impl Folder {
    /// Has everything in hand that the entry is folded from: what is missing for that.
    pub(super) fn prepare(&mut self, pending: &mut Pending) -> Result<Vec<Need>, FoldError> {
        let mut needs = Vec::new();
        let is_idle = pending.unchecked.is_empty() && pending.effects.applied.cut.is_none();
        if is_idle {
            return Ok(needs);
        }
        for place in 0..self.held.len() {
            needs.extend(self.check_frontier(place)?);
        }
        // The first that cannot be had waits for its turn; a member has one head in an entry.
        let mut unchecked = VecDeque::new();
        for agreed in pending.unchecked.drain(..) {
            let need = self.check_agreed(&agreed, pending.index)?;
            if let Some(need) = need {
                needs.push(need);
                unchecked.push_back(agreed);
            }
        }
        pending.unchecked = unchecked;
        if needs.is_empty() && pending.effects.applied.cut.is_some() {
            for place in 0..self.held.len() {
                self.have_in_hand(place, pending)?;
            }
        }
        Ok(needs)
    }

    /// Before anything of a copy is folded that was opened, or cut back, since the last time: does it
    /// agree with what was agreed on before?
    fn check_frontier(&mut self, place: usize) -> Result<Option<Need>, FoldError> {
        let Ok(member) = u16::try_from(place) else { return Ok(None) };
        let (Some(frontier), Some(next_seq)) = (self.frontier(place), self.live.next_seq(place))
        else {
            return Ok(None);
        };
        let views = self.copies.views(member)?;
        let is_checked =
            self.held.get(place).is_some_and(|held| held.checked == Some(views.generation));
        if is_checked || next_seq > frontier.seq {
            return Ok(None);
        }
        let Frontier { seq, head, .. } = frontier;
        if views.first_missing(next_seq, seq).is_none() {
            let view = having(&views.views, seq);
            let own = view.map(|view| view.head_at(seq)).transpose();
            let own = own.map_err(|source| self.copy_failed(place, source))?;
            if own.map(|own| own.hash) == Some(head) {
                if let Some(held) = self.held.get_mut(place) {
                    held.checked = Some(views.generation);
                }
                return Ok(None);
            }
            // Where in it the other history begins is not known.
            self.copies.cut_back(member, None)?;
        }
        self.need(member, next_seq, seq, head).map(Some)
    }

    /// What is missing of these records. A copy that begins behind them, and of which nothing says that
    /// it may, is no use: it makes room for them.
    fn need(&self, member: u16, from_seq: u64, seq: u64, head: Digest) -> Result<Need, FoldError> {
        loop {
            let views = self.copies.views(member)?;
            let missing = views.first_missing(from_seq, seq).unwrap_or(from_seq);
            if missing >= views.end_seq {
                return Ok(Need { member, from_seq: missing, seq, head });
            }
            self.copies.cut_back(member, None)?;
        }
    }

    fn copy_failed(&self, place: usize, source: SurfaceError) -> FoldError {
        let member = self.machine.organism().members.get(place);
        let member = member.map(|member| member.name.clone()).unwrap_or_default();
        FoldError::Copy { member, source }
    }

    /// Holds a head that a majority has agreed on against the own copy.
    fn check_agreed(&mut self, agreed: &Agreed, index: u64) -> Result<Option<Need>, FoldError> {
        let Agreed { head, before, from_seq } = agreed;
        let (member, seq) = (head.member, head.seq);
        let place = usize::from(member);
        let views = self.copies.views(member)?;
        if views.first_missing(*from_seq, seq).is_none() {
            let since = Since { frontier: *before, from_seq: *from_seq };
            let remembered = self.copies.remembered(member, &since, seq);
            let agrees = remembered.as_ref() == Some(head) || {
                self.renew_to(place, seq)?;
                match self.live.check(agreed, index) {
                    Ok(()) => true,
                    Err(ReplayError::HeadDiffers { what: "head", .. }) => false,
                    Err(error) => return Err(error.into()),
                }
            };
            if agrees {
                return Ok(None);
            }
            self.copies.cut_back(member, *before)?;
        }
        self.need(member, *from_seq, seq, head.head).map(Some)
    }

    /// What a cut takes of a member.
    fn have_in_hand(&mut self, place: usize, pending: &Pending) -> Result<(), FoldError> {
        let cut = pending.effects.applied.cut.as_ref();
        let frontier = cut.and_then(|cut| cut.members.get(place)).and_then(|it| it.frontier);
        match (frontier, self.live.next_seq(place)) {
            (Some(frontier), Some(next_seq)) if next_seq <= frontier.seq => {
                self.renew_to(place, frontier.seq)
            }
            _ => Ok(()),
        }
    }

    /// Gives the replay newer views of a member where it does not have record `seq` in hand, or has it
    /// from a copy that is no more.
    fn renew_to(&mut self, place: usize, seq: u64) -> Result<(), FoldError> {
        let Ok(member) = u16::try_from(place) else { return Ok(()) };
        let views = self.copies.views(member)?;
        if let Some(held) = self.held.get_mut(place)
            && (held.generation != views.generation || held.end_seq <= seq)
        {
            (held.generation, held.end_seq) = (views.generation, views.end_seq);
            self.live.renew(place, views.views)?;
        }
        Ok(())
    }

    /// The frontier that the replay stands at.
    fn frontier(&self, place: usize) -> Option<Frontier> {
        self.live.state().members().get(place)?.frontier
    }
}

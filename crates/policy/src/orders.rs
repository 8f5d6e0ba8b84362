//! Operators' orders.

use holobiont_identity::{OrderAction, UniqueId};

use crate::state::Ignored;
use crate::{Cause, CommitteeState, Order, Roster, Status};

impl CommitteeState {
    pub(crate) fn apply_order(&mut self, order: &Order, ignored: &mut Vec<Ignored>) {
        if order.organism != self.organism {
            ignored.push(Ignored::OtherOrganism);
            return;
        }
        if order.sequence <= self.log.order_sequence {
            ignored.push(Ignored::OldOrder(order.sequence));
            return;
        }
        self.log.order_sequence = order.sequence;
        if order.expires_ms.is_some_and(|expires_ms| self.log.time_ms > expires_ms) {
            ignored.push(Ignored::ExpiredOrder(order.sequence));
            return;
        }
        let done = match &order.action {
            OrderAction::Pause => {
                self.log.paused = true;
                Ok(())
            }
            OrderAction::Resume => {
                self.log.paused = false;
                Ok(())
            }
            OrderAction::Release { member, up_to } => self.release(*member, *up_to),
            OrderAction::Retire { member, last_clock } => self.retire(*member, *last_clock),
            OrderAction::Roster { nodes } => self.order_roster(nodes),
            // In force later, by `take_up`: the log's own rules say from which entry on.
            OrderAction::Config { .. } => Ok(()),
        };
        if let Err(reason) = done {
            ignored.push(reason);
        }
    }

    fn order_roster(&mut self, nodes: &[UniqueId]) -> Result<(), Ignored> {
        let roster = Roster::new(nodes.to_vec()).map_err(|_| Ignored::NoRoster)?;
        self.change_roster(roster);
        Ok(())
    }

    /// The member may move again; it comes back through `catching-up`. Its clock may have jumped as
    /// far as the order says, and no further.
    fn release(&mut self, member: u16, up_to: u64) -> Result<(), Ignored> {
        let state =
            self.log.members.get_mut(usize::from(member)).ok_or(Ignored::UnknownMember(member))?;
        match state.status {
            Status::Quarantined | Status::Gapped => {
                state.released = true;
                state.released_to = up_to;
                Ok(())
            }
            _ => Err(Ignored::NothingToDo(member)),
        }
    }

    /// A member that works goes on to its last clock; one that is away has nothing to wait for.
    fn retire(&mut self, member: u16, last_clock: u64) -> Result<(), Ignored> {
        let place = usize::from(member);
        let watermark = self.log.watermark;
        let state = self.log.members.get_mut(place).ok_or(Ignored::UnknownMember(member))?;
        if state.status == Status::Retired {
            return Err(Ignored::NothingToDo(member));
        }
        state.last_clock = Some(last_clock);
        if state.is_away() || watermark >= Some(last_clock) {
            self.set_status(place, Status::Retired, Cause::Ordered);
        }
        Ok(())
    }
}

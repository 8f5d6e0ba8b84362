//! A committee that goes on with other nodes, or under another config.

use holobiont_identity::Organism;

use crate::{CommitteeState, PolicyError, Roster};

impl CommitteeState {
    /// Goes on with another roster. A node that stays keeps the time it has reported, wherever its
    /// place is now; offers that are being voted on are closed, since their votes were counted by
    /// places of the older one.
    pub fn change_roster(&mut self, roster: Roster) {
        let before = std::mem::replace(&mut self.roster, roster);
        let was_at: Vec<Option<usize>> = self
            .roster
            .nodes()
            .iter()
            .map(|node| before.nodes().iter().position(|known| known == node))
            .collect();
        let reported = |place: &Option<usize>| self.log.reported_ms.get((*place)?).copied();
        self.log.reported_ms = was_at.iter().map(|place| reported(place).unwrap_or(0)).collect();
        for member in 0..self.log.members.len() {
            self.close_offer(member);
            let Some(state) = self.log.members.get_mut(member) else { continue };
            let is_flagged = |place: &Option<usize>| {
                place.is_some_and(|place| {
                    state.flagged_nodes.iter().any(|node| usize::from(*node) == place)
                })
            };
            state.flagged_nodes = (0_u16..)
                .zip(&was_at)
                .filter(|(_, place)| is_flagged(place))
                .map(|(node, _)| node)
                .collect();
        }
    }

    /// Whether [`take_up`](Self::take_up) would take this config.
    ///
    /// # Errors
    ///
    /// [`PolicyError::TakeUp`] for another stable id or alignment, and for a member with another
    /// name, surface, clock or start: what is agreed already was agreed under those.
    pub fn may_take_up(&self, organism: &Organism) -> Result<(), PolicyError> {
        let refuse = |why| Err(PolicyError::TakeUp { why });
        if organism.stable_id() != self.organism || organism.members.len() != self.rules.len() {
            return refuse("it is another organism, by its stable id");
        }
        if organism.align != self.align {
            return refuse("its alignment is another");
        }
        for (new, old) in organism.members.iter().zip(&self.rules) {
            if (&new.name, &new.surface) != (&old.name, &old.surface) {
                return refuse("a member has another name or surface");
            }
            if (new.clock, new.start) != (old.clock, old.start) {
                return refuse("a member has another clock rule or start");
            }
        }
        Ok(())
    }

    /// Goes on under another config of the same organism: its policies, floor and ticks hold from
    /// the next entry on. On an error nothing is changed.
    ///
    /// # Errors
    ///
    /// As [`may_take_up`](Self::may_take_up).
    pub fn take_up(&mut self, organism: &Organism) -> Result<(), PolicyError> {
        self.may_take_up(organism)?;
        self.rules.clone_from(&organism.members);
        self.floor = organism.floor;
        self.ticks = organism.ticks;
        Ok(())
    }
}

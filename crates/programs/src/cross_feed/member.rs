use holobiont_policy::{Standing as Stall, Status};
use holobiont_replay::{Citation, ProgramError};
use serde::{Deserialize, Serialize};

use super::arithmetic::{MAX_RATIO, MIN_RATIO, ratio, within};
use super::commit::{MemberLine, Standing};
use super::fixed::{FINE, MAX_VALUE, parse};
use super::window::Window;

/// A member's newest value, and the record it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    value: i64,
    clock: u64,
    seq: u64,
}

/// What a member's value did since the close before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Movement {
    /// It does not count, or has no value.
    Uncounted,
    /// It counts for the first time, or again: there is nothing to compare with.
    First,
    /// Its ratio, in 12 decimals.
    Ratio(i128),
    /// Its ratio is outside a tenth to tenfold: another scale, or a wrong decimal.
    Discontinuity,
}

/// All that the program knows of one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemberState {
    status: Status,
    held: Option<Held>,
    is_fresh: bool,
    base: Option<i64>,
    window: Window,
    pub(crate) malformed: u32,
    pub(crate) late: u32,
}

impl MemberState {
    /// At the organism's start: expected, and nothing heard of it.
    pub(crate) fn new() -> Self {
        Self {
            status: Status::Joining,
            held: None,
            is_fresh: false,
            base: None,
            window: Window::default(),
            malformed: 0,
            late: 0,
        }
    }

    /// Takes a change of status. A member that does not count loses its value and what the next one
    /// would be compared with: it begins anew with what it says from then on, and what happened
    /// while it was away is no movement of the index.
    pub(crate) fn enter(&mut self, status: Status) {
        self.status = status;
        if !status.counts() {
            self.held = None;
            self.base = None;
            self.window.clear();
        }
    }

    /// Takes a record's payload. An empty one only closes its clock.
    pub(crate) fn take(&mut self, clock: u64, seq: u64, payload: &[u8], is_late: bool) {
        if payload.is_empty() {
            return;
        }
        let Some(value) = parse(payload) else {
            self.malformed = self.malformed.saturating_add(1);
            return;
        };
        self.late = self.late.saturating_add(u32::from(is_late));
        if self.held.is_none_or(|held| clock >= held.clock) {
            self.held = Some(Held { value, clock, seq });
            self.is_fresh = true;
        }
    }

    /// Whether a value arrived since the close before.
    pub(crate) const fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// How its value moved since the close before.
    pub(crate) fn movement(&self) -> Result<Movement, ProgramError> {
        let Some(held) = self.held.filter(|_| self.status.counts()) else {
            return Ok(Movement::Uncounted);
        };
        let Some(base) = self.base else {
            return Ok(Movement::First);
        };
        let ratio = within(ratio(held.value, base), "a ratio")?;
        Ok(match (MIN_RATIO..=MAX_RATIO).contains(&ratio) {
            true => Movement::Ratio(ratio),
            false => Movement::Discontinuity,
        })
    }

    /// Takes the close into its window.
    pub(crate) fn note(
        &mut self,
        movement: Movement,
        mean: i128,
        capacity: usize,
    ) -> Result<(), ProgramError> {
        match movement {
            Movement::Ratio(ratio) if self.is_fresh => {
                let pair = within(pair(ratio, mean), "a movement")?;
                self.window.push(pair, capacity)
            }
            Movement::Discontinuity => {
                self.window.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Its line in the commit and the record that it stands on, if it counts.
    pub(crate) fn line(
        &self,
        member: u16,
        movement: Movement,
        capacity: usize,
    ) -> Result<Option<(MemberLine, Citation)>, ProgramError> {
        let Some(held) = self.held.filter(|_| movement != Movement::Uncounted) else {
            return Ok(None);
        };
        let standing = match self.status {
            _ if self.is_fresh => Standing::Fresh,
            Status::Stalled(Stall::Carried) => Standing::Carried,
            _ => Standing::Kept,
        };
        let line = MemberLine {
            member,
            value: held.value,
            standing,
            correlation: self.window.correlation(capacity)?,
            discontinuity: movement == Movement::Discontinuity,
        };
        Ok(Some((line, Citation { member, clock: held.clock, seq: held.seq })))
    }

    /// Ends the close: the value it counted with is what the next one is compared with.
    pub(crate) fn settle(&mut self, movement: Movement) {
        if movement != Movement::Uncounted {
            self.base = self.held.map(|held| held.value);
        }
        self.is_fresh = false;
        self.malformed = 0;
        self.late = 0;
    }

    /// After decoding: makes what a snapshot leaves out. False when the program cannot have come
    /// to this state.
    pub(crate) fn rebuild(&mut self, capacity: usize) -> bool {
        let is_value = |value: i64| (1..=MAX_VALUE).contains(&value);
        let has_values = self.held.is_none_or(|held| is_value(held.value))
            && self.base.is_none_or(is_value)
            && (self.held.is_some() || self.base.is_none())
            && (self.status.counts() || (self.base.is_none() && self.window.is_empty()));
        has_values && self.window.rebuild(capacity)
    }
}

fn pair(ratio: i128, mean: i128) -> Option<(i64, i64)> {
    let movement = |of: i128| i64::try_from(of.checked_sub(FINE)?).ok();
    Some((movement(ratio)?, movement(mean)?))
}

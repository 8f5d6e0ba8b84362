//! `cross-feed`: a chained index over the members' values, and how each moves with it.

mod arithmetic;
mod commit;
mod fixed;
mod member;
mod settings;
mod view;
mod window;

use holobiont_identity::Organism;
use holobiont_replay::{Citation, Commits, Event, Program, ProgramError};

pub use commit::{
    COMMIT_VERSION, CrossFeedCommit, MAX_COMMIT_BYTES, MemberCount, MemberLine, Standing,
};
pub use fixed::MAX_VALUE;
pub use settings::{MAX_WINDOW, MIN_WINDOW};
pub use view::{CrossFeedView, MemberView};

use crate::LoadError;
use arithmetic::{divide, mean, within};
use fixed::FINE;
use member::{MemberState, Movement};

/// The least index that is published, in units of 10^-8.
pub const MIN_INDEX: i64 = 1;

/// The greatest index that is published, in units of 10^-8: ten thousand million.
pub const MAX_INDEX: i64 = 1_000_000_000_000_000_000;

/// The version byte that a snapshot begins with.
pub const SNAPSHOT_VERSION: u8 = 1;

/// Published units in kept ones: 8 decimals to 12.
const PUBLISHED: i128 = 10_000;

/// A chained index over the members' values, from 100, and each member's correlation with it.
///
/// At the close of a clock event at which some value arrived, the index moves by the weighted mean
/// of the members' ratios to their values at the close before. Only members that count at both
/// closes have a ratio, and one that stops counting loses its value, so one that joins, leaves or
/// returns never makes the index jump. Values are payloads of decimal text such as `1.1172`.
///
/// # Determinism
///
/// Whole numbers only; every division rounds half to even at a stated scale: ratios, their mean and
/// the index at 12 decimals, what is published at 8. An index that would leave
/// [`MIN_INDEX`]`..=`[`MAX_INDEX`] stays at that bound: no member's values can end the organism.
///
/// ```
/// use holobiont_identity::Organism;
/// use holobiont_programs::CrossFeed;
///
/// let organism = Organism::parse(include_str!("../tests/vectors/organism.toml"))?;
/// let program = CrossFeed::new(&organism)?;
/// # let _ = program;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrossFeed {
    /// How many closes a correlation is taken over.
    window: u16,
    /// The members' weights, by place.
    weights: Vec<u64>,
    /// With 12 decimals.
    index: i128,
    members: Vec<MemberState>,
}

impl CrossFeed {
    /// The program at the organism's start.
    ///
    /// Its one setting is `window`: how many closes a correlation is taken over, from
    /// [`MIN_WINDOW`] to [`MAX_WINDOW`], by default 60.
    ///
    /// # Errors
    ///
    /// [`LoadError`] for an unknown setting, a `window` that is none, more members than a config
    /// may have, and alignment `arrival`, which has no closed clocks.
    pub fn new(organism: &Organism) -> Result<Self, LoadError> {
        Ok(Self {
            window: settings::window(organism)?,
            weights: organism.members.iter().map(|member| member.policy.weight).collect(),
            index: FINE.saturating_mul(100),
            members: vec![MemberState::new(); organism.members.len()],
        })
    }

    fn member(&mut self, place: u16) -> Result<&mut MemberState, ProgramError> {
        let why = || ProgramError::Limit { why: format!("there is no member {place}") };
        self.members.get_mut(usize::from(place)).ok_or_else(why)
    }

    /// Closes a clock event: what is to be committed, and the record of every line. Nothing when no
    /// value arrived since the close before.
    fn close(
        &mut self,
        clock: u64,
    ) -> Result<Option<(CrossFeedCommit, Vec<Citation>)>, ProgramError> {
        if !self.members.iter().any(MemberState::is_fresh) {
            return Ok(None);
        }
        let movements: Vec<Movement> =
            self.members.iter().map(MemberState::movement).collect::<Result<_, _>>()?;
        let ratios =
            self.weights.iter().zip(&movements).filter_map(|(weight, movement)| match movement {
                Movement::Ratio(ratio) => Some((*weight, *ratio)),
                _ => None,
            });
        let mean = within(mean(ratios), "the mean of the ratios")?;
        self.index = within(chained(self.index, mean), "the index")?;
        let index = divide(self.index, PUBLISHED).and_then(|index| i64::try_from(index).ok());
        let mut commit = CrossFeedCommit {
            clock,
            index: within(index, "the published index")?,
            members: Vec::with_capacity(self.members.len()),
            malformed: Vec::new(),
            late: Vec::new(),
        };
        let mut citations = Vec::with_capacity(self.members.len());
        let capacity = usize::from(self.window);
        for ((place, member), movement) in (0_u16..).zip(&mut self.members).zip(movements) {
            member.note(movement, mean, capacity)?;
            if let Some((line, citation)) = member.line(place, movement, capacity)? {
                commit.members.push(line);
                citations.push(citation);
            }
            commit.malformed.extend(MemberCount::some(place, member.malformed));
            commit.late.extend(MemberCount::some(place, member.late));
            member.settle(movement);
        }
        Ok(Some((commit, citations)))
    }
}

impl Program for CrossFeed {
    const NAME: &'static str = "cross-feed";
    const VERSION: u32 = 1;

    fn fold(&mut self, event: Event<'_>, commits: &mut Commits<'_>) -> Result<(), ProgramError> {
        match event {
            Event::Status(change) => self.member(change.member)?.enter(change.to),
            Event::Record(taken) => {
                let record = taken.record;
                let member = self.member(taken.member)?;
                member.take(record.clock(), record.seq(), record.payload(), taken.late);
            }
            Event::ClockClosed { clock } => {
                if let Some((commit, citations)) = self.close(clock)? {
                    commits.commit(commit.encode(), citations)?;
                }
            }
        }
        Ok(())
    }

    #[expect(clippy::expect_used, reason = "plain data; no input decides over it")]
    fn snapshot(&self, out: &mut Vec<u8>) {
        out.push(SNAPSHOT_VERSION);
        let state = (self.window, self.index, &self.members);
        out.extend(postcard::to_stdvec(&state).expect("plain data has an encoding"));
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), ProgramError> {
        let refused = |why| ProgramError::Snapshot { why };
        let (version, body) = bytes.split_first().ok_or(refused("it is empty"))?;
        if *version != SNAPSHOT_VERSION {
            return Err(refused("its version is not one that this build reads"));
        }
        let (window, index, members): (u16, i128, Vec<MemberState>) =
            postcard::from_bytes(body).map_err(|_| refused("it is damaged"))?;
        if window != self.window {
            return Err(refused("it was made with another `window`"));
        }
        if members.len() != self.members.len() {
            return Err(refused("it was made with another number of members"));
        }
        let mut restored = Self { window, weights: self.weights.clone(), index, members };
        let capacity = usize::from(window);
        let is_whole = kept_bounds().contains(&index)
            && restored.members.iter_mut().all(|member| member.rebuild(capacity));
        // One state, one snapshot: postcard alone would take trailing bytes and padded numbers.
        let mut again = Vec::with_capacity(bytes.len());
        restored.snapshot(&mut again);
        if !is_whole || again != bytes {
            return Err(refused("it holds a state that the program cannot come to"));
        }
        *self = restored;
        Ok(())
    }
}

impl MemberCount {
    fn some(member: u16, records: u32) -> Option<Self> {
        (records > 0).then_some(Self { member, records })
    }
}

/// The bounds of the index with its 12 decimals.
fn kept_bounds() -> std::ops::RangeInclusive<i128> {
    let kept = |index: i64| i128::from(index).saturating_mul(PUBLISHED);
    kept(MIN_INDEX)..=kept(MAX_INDEX)
}

/// The index moved by the mean, and held at its bounds.
fn chained(index: i128, mean: i128) -> Option<i128> {
    let bounds = kept_bounds();
    let moved = divide(index.checked_mul(mean)?, FINE)?;
    Some(moved.clamp(*bounds.start(), *bounds.end()))
}

#[cfg(test)]
mod tests;

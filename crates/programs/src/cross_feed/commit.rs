use serde::{Deserialize, Serialize};

use super::MAX_INDEX;
use super::fixed::{COARSE, MAX_VALUE};
use crate::CommitError;

/// The version byte that a commit begins with.
pub const COMMIT_VERSION: u8 = 1;

/// No commit is longer than this, with as many members as a config can name.
pub const MAX_COMMIT_BYTES: usize = 64 * 1024;

/// What `cross-feed` commits at the close of a clock event.
///
/// ```
/// use holobiont_programs::CrossFeedCommit;
///
/// let commit = CrossFeedCommit {
///     clock: 10_595,
///     index: 10_000_000_000,
///     members: vec![],
///     malformed: vec![],
///     late: vec![],
/// };
/// assert_eq!(CrossFeedCommit::decode(&commit.encode())?, commit);
/// # Ok::<(), holobiont_programs::CommitError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrossFeedCommit {
    /// The clock event that was closed, in the organism's clock.
    pub clock: u64,
    /// The index, in units of 10^-8. *Limits*: [`MIN_INDEX`](crate::MIN_INDEX) to [`MAX_INDEX`].
    pub index: i64,
    /// The members that counted, in the order of the config.
    pub members: Vec<MemberLine>,
    /// Records since the commit before whose payload was no value.
    pub malformed: Vec<MemberCount>,
    /// Values since the commit before that came late. They changed no commit before this one.
    pub late: Vec<MemberCount>,
}

/// A member that counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberLine {
    /// Its place in the config, from 0.
    pub member: u16,
    /// Its newest value, in units of 10^-8. *Limits*: 1 to [`MAX_VALUE`].
    pub value: i64,
    /// How new that is.
    pub standing: Standing,
    /// Pearson's correlation of its movements with the mean's, in units of 10^-8 from −1 to 1.
    /// None before its window is full, and where one of them never moved.
    pub correlation: Option<i64>,
    /// Its value is less than a tenth or more than ten times the one before, so it is on another
    /// scale or wrong: it did not move the index, and its window begins anew.
    pub discontinuity: bool,
}

/// How new a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Standing {
    /// It arrived since the commit before.
    Fresh,
    /// It is older, and its member is expected to go on.
    Kept,
    /// Its member stalled, and its policy keeps the value.
    Carried,
}

impl Standing {
    /// The standing in one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Kept => "kept",
            Self::Carried => "carried",
        }
    }
}

/// How many records of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberCount {
    /// Its place in the config, from 0.
    pub member: u16,
    /// How many. *Limits*: at least 1.
    pub records: u32,
}

impl CrossFeedCommit {
    /// The payload that is committed: the version byte, then `postcard`.
    ///
    /// # Panics
    ///
    /// Never: postcard has an encoding for every value of this type.
    #[must_use]
    #[expect(clippy::expect_used, reason = "plain data; no input decides over it")]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![COMMIT_VERSION]).expect("plain data has an encoding")
    }

    /// Reads a committed payload.
    ///
    /// # Errors
    ///
    /// [`CommitError`] for every sequence of bytes that [`encode`](Self::encode) does not write for
    /// a commit of the program.
    pub fn decode(payload: &[u8]) -> Result<Self, CommitError> {
        let (version, body) = payload.split_first().ok_or(CommitError::Empty)?;
        if *version != COMMIT_VERSION {
            return Err(CommitError::UnknownVersion { version: *version, known: COMMIT_VERSION });
        }
        if payload.len() > MAX_COMMIT_BYTES {
            let size_bytes = payload.len();
            return Err(CommitError::TooLarge { size_bytes, limit_bytes: MAX_COMMIT_BYTES });
        }
        let damaged = |what| CommitError::Malformed { what };
        let commit: Self =
            postcard::from_bytes(body).map_err(|_| damaged("it ends early or has a wrong tag"))?;
        if let Some(what) = commit.fault() {
            return Err(damaged(what));
        }
        // One commit, one encoding: postcard alone would take trailing bytes and padded numbers.
        if commit.encode() != payload {
            return Err(damaged("it has bytes that the program does not write"));
        }
        Ok(commit)
    }

    fn fault(&self) -> Option<&'static str> {
        let is_ascending = |places: Vec<u16>| places.is_sorted_by(|left, right| left < right);
        let counts = [&self.malformed, &self.late];
        let is_line = |line: &MemberLine| {
            (1..=MAX_VALUE).contains(&line.value)
                && line.correlation.is_none_or(|of| of.unsigned_abs() <= COARSE.unsigned_abs())
        };
        if !(crate::MIN_INDEX..=MAX_INDEX).contains(&self.index) {
            Some("its index is out of bounds")
        } else if !self.members.iter().all(is_line) {
            Some("a member's value or correlation is out of bounds")
        } else if !is_ascending(self.members.iter().map(|line| line.member).collect())
            || !counts.iter().all(|of| is_ascending(of.iter().map(|one| one.member).collect()))
        {
            Some("its members are out of order")
        } else if counts.iter().any(|of| of.iter().any(|count| count.records == 0)) {
            Some("it counts no records of a member")
        } else {
            None
        }
    }
}

use std::collections::BTreeMap;

use serde::Serialize;

use super::commit::{CrossFeedCommit, MemberCount, MemberLine};
use super::fixed::decimal;
use crate::{DescribeError, Description};

/// A commit for machines: members by name, numbers with decimals as strings.
///
/// ```
/// # use holobiont_programs::CrossFeedCommit;
/// # let (index, members, malformed, late) = (11_548_832_949, vec![], vec![], vec![]);
/// let commit = CrossFeedCommit { clock: 14_223, index, members, malformed, late };
/// assert_eq!(commit.view(&[])?.index, "115.48832949");
/// # Ok::<(), holobiont_programs::DescribeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CrossFeedView<'a> {
    /// The clock event that was closed.
    pub clock: u64,
    /// The index, with 8 decimals.
    pub index: String,
    /// The members that counted, in the order of the config.
    pub members: Vec<MemberView<'a>>,
    /// Records that were no value, by member.
    pub malformed: BTreeMap<&'a str, u32>,
    /// Values that came late, by member.
    pub late: BTreeMap<&'a str, u32>,
}

/// A member's line for machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberView<'a> {
    /// Its name in the config.
    pub name: &'a str,
    /// Its value, with 8 decimals.
    pub value: String,
    /// `fresh`, `kept` or `carried`.
    pub standing: &'static str,
    /// Its correlation with the mean, with 8 decimals, if there is one.
    pub correlation: Option<String>,
    /// Its value is on another scale than the one before, or wrong.
    pub discontinuity: bool,
}

/// The names of a config's members, by place.
struct Names<'n, 'a>(&'n [&'a str]);

impl<'a> Names<'_, 'a> {
    fn of(&self, member: u16) -> Result<&'a str, DescribeError> {
        let unknown = DescribeError::UnknownMember { member, members: self.0.len() };
        self.0.get(usize::from(member)).copied().ok_or(unknown)
    }

    fn count(&self, counts: &[MemberCount]) -> Result<BTreeMap<&'a str, u32>, DescribeError> {
        counts.iter().map(|count| Ok((self.of(count.member)?, count.records))).collect()
    }

    fn line(&self, line: &MemberLine) -> Result<MemberView<'a>, DescribeError> {
        Ok(MemberView {
            name: self.of(line.member)?,
            value: decimal(line.value),
            standing: line.standing.name(),
            correlation: line.correlation.map(decimal),
            discontinuity: line.discontinuity,
        })
    }
}

impl CrossFeedCommit {
    /// The commit for machines; `names` are the members' names in the order of the config.
    ///
    /// # Errors
    ///
    /// [`DescribeError::UnknownMember`] when there are fewer names than the commit's members need.
    pub fn view<'a>(&self, names: &[&'a str]) -> Result<CrossFeedView<'a>, DescribeError> {
        let names = Names(names);
        Ok(CrossFeedView {
            clock: self.clock,
            index: decimal(self.index),
            members: self.members.iter().map(|line| names.line(line)).collect::<Result<_, _>>()?,
            malformed: names.count(&self.malformed)?,
            late: names.count(&self.late)?,
        })
    }

    /// The commit for people; `names` are the members' names in the order of the config.
    ///
    /// # Errors
    ///
    /// [`DescribeError::UnknownMember`] when there are fewer names than the commit's members need.
    pub fn describe(&self, names: &[&str]) -> Result<Description, DescribeError> {
        let view = self.view(names)?;
        let json = serde_json::to_value(&view)
            .map_err(|error| DescribeError::Json { why: error.to_string() })?;
        let members = match view.members.len() {
            1 => "1 member".to_owned(),
            count => format!("{count} members"),
        };
        Ok(Description {
            clock: self.clock,
            headline: format!("index {}, from {members}", view.index),
            columns: vec!["member", "value", "standing", "correlation"],
            rows: view.members.iter().map(MemberView::cells).collect(),
            notes: view.notes(),
            json,
        })
    }
}

impl MemberView<'_> {
    fn cells(&self) -> Vec<String> {
        let correlation = self.correlation.clone().unwrap_or_else(|| "-".to_owned());
        vec![self.name.to_owned(), self.value.clone(), self.standing.to_owned(), correlation]
    }
}

impl CrossFeedView<'_> {
    fn notes(&self) -> Vec<String> {
        let jumps = self.members.iter().filter(|member| member.discontinuity).map(|member| {
            format!(
                "{}: its value is less than a tenth or more than ten times the one before, so it \
                 did not move the index",
                member.name
            )
        });
        let malformed = self.malformed.iter().map(|(name, records)| {
            format!("{name}: {records} since the commit before had no readable value")
        });
        let late = self
            .late
            .iter()
            .map(|(name, records)| format!("{name}: {records} since the commit before came late"));
        jumps.chain(malformed).chain(late).collect()
    }
}

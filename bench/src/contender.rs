use crate::report::Kind;
use crate::{BenchError, Sum};

/// One thing to measure: what it is, and how a run of it goes.
pub(crate) struct Contender<'a> {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) kind: Kind,
    pub(crate) checks: String,
    /// Records that a run goes through.
    pub(crate) records: u64,
    /// Bytes that a run goes through.
    pub(crate) bytes: u64,
    /// Rows to hold its speed against, its floor first.
    pub(crate) against: Vec<&'static str>,
    /// What every run must arrive at.
    pub(crate) expected: Seen,
    /// What is done before every run, and not timed; may say what there is to know of the run.
    pub(crate) before: Option<Before<'a>>,
    /// A run.
    pub(crate) run: Run<'a>,
    /// What is done after every run, and not timed: the next row must find all as it was.
    pub(crate) after: Option<After<'a>>,
}

pub(crate) type Before<'a> = Box<dyn FnMut() -> Result<Option<String>, BenchError> + 'a>;
pub(crate) type After<'a> = Box<dyn FnMut() -> Result<(), BenchError> + 'a>;
pub(crate) type Run<'a> = Box<dyn FnMut() -> Result<Seen, BenchError> + 'a>;

/// What a run arrived at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// So many bytes: of what does not know records.
    Bytes(u64),
    /// Every record, in order.
    Sum(Sum),
    /// The head of what was published.
    Head(String),
}

impl Seen {
    /// How this differs from what was expected.
    pub(crate) fn difference(&self, expected: &Self) -> Option<String> {
        if self == expected {
            return None;
        }
        Some(match (expected, self) {
            (Self::Sum(expected), Self::Sum(got)) if expected.records != got.records => {
                format!("it read {} records of {}", got.records, expected.records)
            }
            (Self::Sum(_), Self::Sum(_)) => {
                "it read other records, or in another order, than were written".to_owned()
            }
            (Self::Head(expected), Self::Head(got)) => {
                format!("the head of what it published is {got}, not {expected}")
            }
            (expected, got) => format!("it arrived at {got:?}, not at {expected:?}"),
        })
    }
}

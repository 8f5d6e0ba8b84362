use std::cell::OnceCell;
use std::ops::Range;

use super::Problem;

/// The most problems that are told of one file; the rest is counted.
pub const MAX_PROBLEMS: usize = 1000;

/// The source being read, and the problems found so far.
pub(crate) struct Context<'s> {
    source: &'s str,
    /// Where each line ends, once anybody asked: a file may have as many tables as lines.
    line_ends: OnceCell<Vec<usize>>,
    problems: Vec<Problem>,
    untold: usize,
}

impl<'s> Context<'s> {
    pub(super) const fn new(source: &'s str) -> Self {
        Self { source, line_ends: OnceCell::new(), problems: Vec::new(), untold: 0 }
    }

    /// Records a problem whose message says all there is to say.
    pub(crate) fn report(&mut self, span: Option<Range<usize>>, message: impl Into<String>) {
        self.tell(Problem { message: message.into(), help: None, span });
    }

    /// Records a problem and what to do about it.
    pub(crate) fn advise(
        &mut self,
        span: Option<Range<usize>>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let (message, help) = (message.into(), Some(help.into()));
        self.tell(Problem { message, help, span });
    }

    /// How many problems there are. Rules that span several keys are checked only where reading
    /// the keys added none, so that one mistake is reported once.
    pub(crate) const fn count(&self) -> usize {
        self.problems.len().saturating_add(self.untold)
    }

    /// The line, from 1, on which `span` starts.
    pub(crate) fn line(&self, span: &Range<usize>) -> usize {
        let ends = self
            .line_ends
            .get_or_init(|| self.source.match_indices('\n').map(|(at, _)| at).collect());
        ends.partition_point(|end| *end < span.start).saturating_add(1)
    }

    /// The problems in the order of the source.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| problem.span.as_ref().map_or(0, |span| span.start));
        if self.untold > 0 {
            let message = format!("{} more problems are not told: solve these first", self.untold);
            self.problems.push(Problem { message, help: None, span: None });
        }
        self.problems
    }

    fn tell(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.untold = self.untold.saturating_add(1);
        }
    }
}

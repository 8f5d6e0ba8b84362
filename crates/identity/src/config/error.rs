use std::fmt;
use std::ops::Range;

/// One thing that is wrong in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, and where.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The place in the TOML source, as a range of bytes; none where the whole file is meant.
    pub span: Option<Range<usize>>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// A configuration file that is refused, with every problem found in it, in the order of the
/// source. The file's author is at fault.
///
/// ```
/// let refusal = holobiont_identity::Organism::parse("version = 1\nnmae = \"signals\"").unwrap_err();
/// assert!(refusal.problems.len() > 1);
/// assert!(refusal.to_string().contains("did you mean `name`?"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The problems.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.problems.iter().enumerate() {
            if place > 0 {
                writeln!(f)?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

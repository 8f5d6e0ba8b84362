use std::process::ExitCode;

/// What the process says to the shell when it does not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Something that should not happen; a bug.
    Unexpected = 1,
    /// The command line itself.
    Usage = 2,
    /// A configuration file.
    Configuration = 3,
    /// Evidence that is genuine, and not accepted by policy.
    Policy = 4,
    /// Evidence or input that is malformed, damaged or untrusted.
    Untrusted = 5,
    /// Something needed is not there: a file, space, permission. Trying again may help.
    Unavailable = 6,
    /// What was recomputed differs from what was published.
    Divergence = 7,
    /// A benchmark is slower than its baseline, past the threshold.
    Regression = 8,
    /// A node's result differs from what its committee certified, or its disk from what the others have.
    Diverged = 9,
    /// A committee's nodes differ so that no result of a cut can be certified.
    Split = 10,
    /// A newer boot of the same node was admitted.
    Fenced = 11,
    /// A signal ended a command that had more to do.
    #[cfg(feature = "simulated")]
    Interrupted = 130,
}

/// The table that `--help` and the README print.
pub(crate) const TABLE: &str = "\
Exit codes:
  0  success
  1  something unexpected, a bug
  2  the command line is wrong
  3  a configuration file is wrong
  4  evidence is genuine, but not what the policy accepts
  5  evidence or input is malformed, damaged or untrusted
  6  something needed is missing or expired: a file, disk space, a service; trying again may help
  7  divergence: what was recomputed differs from what was published
  8  a benchmark regressed past its threshold
  9  this node's result differs from what its committee certified
  10  the committee is split: no result of a cut can be certified
  11  a newer boot of this node was admitted: only one may run
  130  interrupted";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

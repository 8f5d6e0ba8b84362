use thiserror::Error;

/// Why bytes were refused as a command, a roster or a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The first byte names a version that this build does not know.
    #[error("{what}: version {version} is not known to this build; upgrade to read it")]
    UnknownVersion {
        /// What was being read.
        what: &'static str,
        /// The version found.
        version: u8,
    },
    /// The bytes are not an encoding of what they claim to be.
    #[error("{what}: the bytes are no valid encoding (truncated, trailing or altered)")]
    Malformed {
        /// What was being read.
        what: &'static str,
    },
    /// The encoding is larger than its limit.
    #[error("{what}: {size_bytes} bytes are over the limit of {limit_bytes}")]
    TooLarge {
        /// What was being read.
        what: &'static str,
        /// Size found, in bytes.
        size_bytes: usize,
        /// The limit, in bytes.
        limit_bytes: usize,
    },
    /// A snapshot that belongs to an organism with other members.
    #[error(
        "snapshot: holds {got} members, the organism config has {expected}; it is another organism's"
    )]
    OtherOrganism {
        /// Members in the config.
        expected: usize,
        /// Members in the snapshot.
        got: usize,
    },
    /// A config that this organism cannot go on under.
    #[error("the config cannot be taken up: {why}; begin an organism of its own for it")]
    TakeUp {
        /// What of it cannot change.
        why: &'static str,
    },
    /// A roster without nodes, or with too many, or one node twice.
    #[error("roster: {why}")]
    Roster {
        /// What is wrong with it.
        why: &'static str,
    },
}

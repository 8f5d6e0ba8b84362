use thiserror::Error;

/// Why no program could be made for an `organism.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// No program of that name is in this build.
    #[error(
        "organism.toml: [program] name = \"{name}\" is no program of this build; it has: {known}"
    )]
    UnknownProgram {
        /// The name asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The program is there, in another version.
    #[error(
        "organism.toml: [program] version = {version} of \"{name}\" is not in this build, which \
         has version {known}; run a build that has it, or take up a config with version {known}"
    )]
    UnknownVersion {
        /// The program.
        name: String,
        /// The version asked for.
        version: u32,
        /// The version that there is.
        known: u32,
    },
    /// The program has no such setting.
    #[error(
        "organism.toml: [program.settings] {key} is no setting of \"{program}\"; it has: {known}"
    )]
    UnknownSetting {
        /// The program.
        program: &'static str,
        /// The setting's key.
        key: String,
        /// The settings that there are.
        known: &'static str,
    },
    /// A setting's value cannot be used.
    #[error("organism.toml: [program.settings] {key} {why}")]
    Setting {
        /// The setting's key.
        key: &'static str,
        /// What it must be, and what it is.
        why: String,
    },
    /// The program needs closed clocks.
    #[error(
        "organism.toml: \"{program}\" commits at closed clocks, which align = \"arrival\" does not \
         have; write align = \"clock\", or choose another program"
    )]
    Alignment {
        /// The program.
        program: &'static str,
    },
    /// More members than a program can tell apart.
    #[error("organism.toml: {members} members, of which a program can span {limit} at most")]
    TooManyMembers {
        /// How many there are.
        members: usize,
        /// How many there may be.
        limit: usize,
    },
}

/// Why bytes are no commit of the program.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommitError {
    /// There is not even a version.
    #[error("the commit is empty: it was not written by cross-feed")]
    Empty,
    /// Longer than any commit can be.
    #[error("the commit has {size_bytes} bytes, and none has more than {limit_bytes}")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// A format that this build does not know.
    #[error(
        "the commit has format version {version}, and this build reads {known}; use the build that \
         wrote it"
    )]
    UnknownVersion {
        /// The version found.
        version: u8,
        /// The version that can be read.
        known: u8,
    },
    /// The version is known and the rest is not what a program writes.
    #[error("the commit is damaged: {what}")]
    Malformed {
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Why a commit cannot be put into words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DescribeError {
    /// No program of that name is in this build.
    #[error(
        "the commit is by the program \"{name}\", which this build does not have; it has: {known}"
    )]
    UnknownProgram {
        /// The program's name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The program is there, in another version.
    #[error("the commit is by version {version} of \"{name}\", and this build has version {known}")]
    UnknownVersion {
        /// The program.
        name: String,
        /// The commit's version.
        version: u32,
        /// The version that there is.
        known: u32,
    },
    /// The bytes are no commit.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The commit names a member that the given config does not have.
    #[error(
        "the commit stands on member {member}, and the config has {members} members: it is of \
         another organism, or of another config of it"
    )]
    UnknownMember {
        /// The member's place in the config that the commit was made under.
        member: u16,
        /// How many members the given config has.
        members: usize,
    },
    /// It has no form as JSON. That is a defect of this program.
    #[error("the commit has no form as JSON ({why}): please report this")]
    Json {
        /// What the encoder says.
        why: String,
    },
}

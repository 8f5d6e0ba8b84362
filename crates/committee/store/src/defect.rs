/// What is wrong with bytes that were read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Defect {
    /// The file does not begin as its kind does.
    #[error("it is no file of this kind")]
    Magic,
    /// The version is not one that this program knows.
    #[error("version {version}, where {known} is known")]
    Version {
        /// The version found.
        version: u32,
        /// The version known.
        known: u32,
    },
    /// The file is not there.
    #[error("the file is missing")]
    Missing,
    /// The file ends inside of something.
    #[error("it ends too early")]
    Short,
    /// The file goes on where it should end.
    #[error("bytes are left over")]
    LeftOver,
    /// The hash or checksum over the bytes is another one.
    #[error("its checksum does not match")]
    Checksum,
    /// A number or tag that cannot be.
    #[error("{0}")]
    Value(&'static str),
    /// An entry that is not the one that follows.
    #[error("entry {got} where {wanted} follows")]
    Sequence {
        /// The index that follows.
        wanted: u64,
        /// The index found.
        got: u64,
    },
    /// The log ends before what was acknowledged.
    #[error("the log ends before entry {acknowledged}, which was acknowledged")]
    EndsBefore {
        /// An index that was acknowledged.
        acknowledged: u64,
    },
}

/// Why collateral cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CollateralError {
    /// A part is larger than any of Intel's.
    #[error("the {part} has {got_bytes} bytes, at most {limit_bytes} are read: drop its source")]
    TooLarge {
        /// Which part.
        part: &'static str,
        /// Its size.
        got_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// A part is not in Intel's format.
    #[error("the {part} cannot be read: {why}. Fetch the collateral again")]
    Malformed {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

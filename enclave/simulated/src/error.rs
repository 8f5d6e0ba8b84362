use thiserror::Error;

/// Why a part of the fake Intel could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SimulatedError {
    /// The time it should be made at leaves no room for what comes before and after it.
    #[error(
        "the simulator cannot be made at unix time {now_s}: set the clock between {min_s} and {max_s}",
        min_s = crate::MIN_NOW_S,
        max_s = crate::MAX_NOW_S
    )]
    Clock {
        /// What it was asked for, unix seconds.
        now_s: u64,
    },
    /// The cryptographic library made no key or no signature.
    #[error("the simulator could not {what}: this machine gives no randomness or no P-256")]
    Key {
        /// What was being made.
        what: &'static str,
    },
    /// The certificate library refused.
    #[error(
        "the simulator could not make {what}, which is a bug in it or in the certificate library"
    )]
    Certificate {
        /// Which certificate or list.
        what: &'static str,
        /// The library's reason.
        source: rcgen::Error,
    },
    /// Something is longer than its length field can say.
    #[error(
        "the simulator's {what} of {size_bytes} bytes does not fit its length field: make it shorter"
    )]
    Length {
        /// Which part.
        what: &'static str,
        /// Its length.
        size_bytes: usize,
    },
    /// The verifier's own types refused what was made: a fault of the simulator.
    #[error(
        "the simulator made {what} that the verifier cannot read, which is a bug in it: {reason}"
    )]
    Refused {
        /// Which part.
        what: &'static str,
        /// The verifier's reason.
        reason: String,
    },
    /// A text is not what a simulated machine was saved as.
    #[error("a saved simulated machine cannot be read, so make the simulation anew: {reason}")]
    Saved {
        /// What is wrong with it.
        reason: String,
    },
}

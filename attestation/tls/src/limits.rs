/// How long and how much before a peer has attested, and how often it attests again.
///
/// The defaults fit a committee: making a quote takes about a second, and one at a time per guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the first byte of TLS until both sides have accepted, in milliseconds.
    pub deadline_ms: u64,
    /// The same for a re-attestation on the living connection, in milliseconds.
    pub round_deadline_ms: u64,
    /// A connection attests again after this time, or after half of what the verdict has left if
    /// that is sooner (but at least [`LEAST_BETWEEN_ROUNDS_S`]), in seconds.
    pub reattest_after_s: u64,
    /// How often an idle connection looks at the clock, in milliseconds: so late may a blocked
    /// read learn that the verdict has expired.
    pub recheck_ms: u64,
    /// How long a refusing side waits for the peer to read the refusal, in milliseconds.
    pub linger_ms: u64,
    /// Connections that were accepted and have not attested yet.
    pub unauthenticated: usize,
    /// The same, from one address (IPv6: from one /64 network).
    pub unauthenticated_per_address: usize,
}

/// A connection never starts a re-attestation by itself sooner after the last, in seconds.
pub const LEAST_BETWEEN_ROUNDS_S: u64 = 60;

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline_ms: 30_000,
            round_deadline_ms: 60_000,
            reattest_after_s: 3_600,
            recheck_ms: 1_000,
            linger_ms: 1_000,
            unauthenticated: 64,
            unauthenticated_per_address: 8,
        }
    }
}

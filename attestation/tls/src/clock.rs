/// The time at which verdicts are judged.
///
/// A guest's wall clock belongs to its host. What is handed in here should be the greatest of the
/// local clock, the floor of everything verified so far, and the committee's organism time. A
/// connection never lets it go back.
///
/// ```
/// use holobiont_attestation_tls::Clock;
///
/// let clock = || 1_764_000_000_u64;
/// assert_eq!(clock.now_s(), 1_764_000_000);
/// ```
pub trait Clock: Send + Sync {
    /// Seconds since 1970.
    fn now_s(&self) -> u64;
}

impl<F: Fn() -> u64 + Send + Sync> Clock for F {
    fn now_s(&self) -> u64 {
        self()
    }
}

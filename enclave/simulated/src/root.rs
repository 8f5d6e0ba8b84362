use std::sync::Arc;

use holobiont_attestation::TrustRoot;

/// The root of one fake Intel: a type of its own, so that no verifier of the real one can be given
/// it.
///
/// ```
/// use holobiont_attestation::Verifier;
/// use holobiont_enclave_simulated::SimulatedIntel;
///
/// let intel = SimulatedIntel::new(1_800_000_000)?;
/// let verifier = Verifier::with_root(intel.root());
/// assert!(verifier.simulated());
/// # Ok::<(), holobiont_enclave_simulated::SimulatedError>(())
/// ```
///
/// ```compile_fail,E0308
/// use holobiont_attestation::{Intel, Verifier};
/// use holobiont_enclave_simulated::SimulatedRoot;
///
/// let verifier: Verifier<Intel> = Verifier::with_root(SimulatedRoot::from_der(&[]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedRoot {
    der: Arc<[u8]>,
}

impl SimulatedRoot {
    /// The root whose certificate is this, DER: for a process that was told which fake Intel the
    /// others use. Whether it is one is seen when something is verified.
    pub fn from_der(der: &[u8]) -> Self {
        Self { der: der.into() }
    }
}

impl TrustRoot for SimulatedRoot {
    fn certificate_der(&self) -> &[u8] {
        &self.der
    }
}

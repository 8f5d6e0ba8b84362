use sha2::{Digest as _, Sha256};

/// The SHA-256 of Intel's SGX root certificate (DER), as Intel publishes it.
pub const INTEL_ROOT_SHA256: [u8; 32] = [
    0x44, 0xa0, 0x19, 0x6b, 0x2b, 0x99, 0xf8, 0x89, 0xb8, 0xe1, 0x49, 0xe9, 0x5b, 0x80, 0x7a, 0x35,
    0x0e, 0x74, 0x24, 0x96, 0x43, 0x99, 0xe8, 0x85, 0xa7, 0xcb, 0xb8, 0xcc, 0xfa, 0xb6, 0x74, 0xd3,
];

/// Where a verifier's certificate chains must end.
///
/// Whether a root is simulated is computed from its bytes, never claimed: any certificate but
/// Intel's makes every verdict say `simulated`.
pub trait TrustRoot: Send + Sync {
    /// The root certificate, DER.
    fn certificate_der(&self) -> &[u8];
}

/// Intel's root of trust for SGX and TDX, compiled in: nothing can give it other bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Intel;

impl TrustRoot for Intel {
    fn certificate_der(&self) -> &[u8] {
        // https://certificates.trustedservices.intel.com/Intel_SGX_Provisioning_Certification_RootCA.cer
        include_bytes!("intel_root.der")
    }
}

/// Whether this is any other root than Intel's.
pub(crate) fn is_simulated(root_der: &[u8]) -> bool {
    Sha256::digest(root_der)[..] != INTEL_ROOT_SHA256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_root_is_intels_and_one_bit_more_is_not() {
        let mut der = Intel.certificate_der().to_vec();
        assert!(!is_simulated(&der));
        der[100] ^= 1;
        assert!(is_simulated(&der));
    }
}

use std::collections::BTreeSet;

use holobiont_identity::UniqueId;
use holobiont_identity::versioned::encode;
use serde::{Deserialize, Serialize};

use crate::error::decode;
use crate::signer::verifies;
use crate::{CertificateError, CutStatement, FormatError, signature_bytes};

/// Largest encoded certificate, in bytes: room for a signature of every node that a roster may list.
pub const MAX_CERTIFICATE_BYTES: usize = 8 * 1024;

const VERSION: u8 = 1;

/// A quorum of the committee says the same of a cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// What they say.
    pub statement: CutStatement,
    /// Their signatures of it, in the roster's order.
    pub signatures: Vec<NodeSignature>,
}

/// One node's signature in a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSignature {
    /// The node.
    pub node: UniqueId,
    /// Its key of the boot that signed.
    pub key: [u8; 32],
    /// Of [`CutStatement::bytes`].
    #[serde(with = "signature_bytes")]
    pub signature: [u8; 64],
}

impl Certificate {
    /// The certificate as it is stored and sent: one version byte, then `postcard`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(VERSION, self)
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// [`FormatError`] for a size over [`MAX_CERTIFICATE_BYTES`], an unknown version, and bytes that
    /// are not the one encoding of a certificate.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        decode("certificate", VERSION, MAX_CERTIFICATE_BYTES, bytes)
    }

    /// Checks that `quorum` nodes signed the statement, each with a key that `keys` knows as its own
    /// (and, by knowing none for it, no node outside of the roster).
    ///
    /// # Errors
    ///
    /// [`CertificateError`] for a node that is listed twice, an unknown key, a wrong signature, and
    /// too few of them. One bad signature refuses the whole.
    pub fn verify(
        &self,
        quorum: usize,
        keys: &dyn Fn(&UniqueId, &[u8; 32]) -> bool,
    ) -> Result<(), CertificateError> {
        let bytes = self.statement.bytes();
        let mut nodes = BTreeSet::new();
        for NodeSignature { node, key, signature } in &self.signatures {
            if !nodes.insert(node) {
                return Err(CertificateError::NodeTwice { node: *node });
            }
            if !keys(node, key) {
                return Err(CertificateError::UnknownKey { node: *node });
            }
            if !verifies(key, &bytes, signature) {
                return Err(CertificateError::BadSignature { node: *node });
            }
        }
        match nodes.len() {
            // A quorum of nobody certifies nothing.
            got if got == 0 || got < quorum => Err(CertificateError::TooFew { got, quorum }),
            _ => Ok(()),
        }
    }
}

use holobiont_identity::Digest;
use holobiont_identity::framing::Framed;
use holobiont_surface::Head;
use serde::{Deserialize, Serialize};

use crate::{Signer, signature_bytes};

/// What a node signs after a cut: where the log stood, and what folding it gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutStatement {
    /// The organism's content hash.
    pub content_hash: Digest,
    /// The committee's roster.
    pub roster_digest: Digest,
    /// The cut's number.
    pub cut: u64,
    /// Index of the log entry that made it.
    pub log_index: u64,
    /// Organism time, ms since 1970.
    pub time_ms: u64,
    /// Running digest of the log up to that entry.
    pub log_digest: Digest,
    /// The organism's own surface after the cut; none before its first record.
    pub output: Option<Head>,
    /// Digest of the organism's state after the cut.
    pub state_digest: Digest,
}

/// One node's result of a cut, as it stands in the log: what else its statement says is in the log
/// already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutSignature {
    /// The cut's number.
    pub cut: u64,
    /// The organism's own surface after the cut.
    pub output: Option<Head>,
    /// Digest of the organism's state after the cut.
    pub state_digest: Digest,
    /// Of the [`CutStatement`] that this makes, by the node's active key.
    #[serde(with = "signature_bytes")]
    pub signature: [u8; 64],
}

impl CutStatement {
    /// The bytes that are signed: `"holobiont-cut|" ‖ 0x01 ‖ framed(content hash, roster digest, cut,
    /// log index, time, log digest, optional output head, state digest)`.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut framed = Framed::new();
        framed.fixed(b"holobiont-cut|\x01").fixed(self.content_hash).fixed(self.roster_digest);
        framed.u64(self.cut).u64(self.log_index).u64(self.time_ms).fixed(self.log_digest);
        framed.option(self.output.is_some());
        if let Some(head) = &self.output {
            framed.u64(head.seq).fixed(head.hash);
        }
        framed.fixed(self.state_digest);
        framed.into_bytes()
    }

    /// The blake3 digest of [`bytes`](Self::bytes): what a node notes durably before it signs.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.bytes())
    }

    /// Signs it, for the log.
    #[must_use]
    pub fn sign(&self, signer: &dyn Signer) -> CutSignature {
        CutSignature {
            cut: self.cut,
            output: self.output,
            state_digest: self.state_digest,
            signature: signer.sign(&self.bytes()),
        }
    }
}

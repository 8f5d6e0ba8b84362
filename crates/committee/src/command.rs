use holobiont_identity::{Digest, versioned};
use holobiont_policy::Command;
use serde::{Deserialize, Serialize};

use crate::{CutSignature, SignedOrder};

/// Largest enrolment beside a boot key, in bytes.
pub const MAX_ENROLMENT_BYTES: usize = 16 * 1024;
/// Largest evidence of a boot beside its key, in bytes: a quote has some 5 KB, and an event log, where
/// the committee's pins ask for one, some ten times that.
pub const MAX_BOOT_QUOTE_BYTES: usize = 128 * 1024;
/// Most cuts that one command signs.
pub const MAX_CUT_SIGNATURES: usize = 256;

const VERSION: u8 = 2;

/// What a node writes into the committee's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogCommand {
    /// A starting node's key of this boot, signed with that key itself.
    Key {
        /// The Ed25519 public key.
        key: [u8; 32],
        /// The operators' leave for the node to run it; those who admit the key check it.
        enrolment: Vec<u8>,
        /// The boot's evidence, encoded as attestation encodes it: a quote that binds node id, key
        /// and [`enrolment_digest`](crate::enrolment_digest), and the event log where the
        /// committee's pins ask for one. Those who admit the key verify it, and so can whoever has
        /// the log; the machine keeps its hash.
        quote: Vec<u8>,
    },
    /// The writer has verified by attested TLS that this boot key is that node's.
    Admit {
        /// The node's place in the roster.
        node: u16,
        /// The key.
        key: [u8; 32],
    },
    /// A tick, an offer or a vote. An order comes with its operators' signatures:
    /// [`Order`](Self::Order).
    Policy(Command),
    /// The writer's results of cuts.
    Sign(Vec<CutSignature>),
    /// The operators' will, whoever brings it.
    Order(SignedOrder),
    /// The writer holds the file of the config with this content hash.
    Hold {
        /// The content hash.
        config: Digest,
    },
}

impl LogCommand {
    /// The command as it is signed: one version byte, then `postcard`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        versioned::encode(VERSION, self)
    }

    /// Whether every list in it is within its limit.
    pub(crate) fn is_bounded(&self) -> bool {
        match self {
            Self::Key { enrolment, quote, .. } => {
                enrolment.len() <= MAX_ENROLMENT_BYTES && quote.len() <= MAX_BOOT_QUOTE_BYTES
            }
            Self::Policy(command) => command.is_bounded(),
            Self::Sign(signatures) => signatures.len() <= MAX_CUT_SIGNATURES,
            Self::Order(order) => order.is_bounded(),
            Self::Admit { .. } | Self::Hold { .. } => true,
        }
    }
}

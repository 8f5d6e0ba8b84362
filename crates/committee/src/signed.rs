use holobiont_identity::framing::Framed;
use holobiont_identity::{UniqueId, versioned};
use holobiont_policy::MAX_COMMAND_BYTES;
use serde::{Deserialize, Serialize};

use crate::error::decode;
use crate::signer::verifies;
use crate::{FormatError, LogCommand, Signer, signature_bytes};

/// Largest entry of the committee's log, in bytes: the largest policy command and its envelope.
pub const MAX_SIGNED_BYTES: usize = MAX_COMMAND_BYTES + 1024;

const VERSION: u8 = 2;
const WHAT: &str = "signed command";

/// An entry of the committee's log: a command, its writer, and the writer's signature.
///
/// ```
/// use holobiont_committee::{LogCommand, SeedKey, Signed};
/// use holobiont_identity::UniqueId;
/// use holobiont_policy::Command;
///
/// let (organism, node) = (UniqueId::from_name("organism"), UniqueId::from_name("node"));
/// let key = SeedKey::from_seed(&[7; 32])?;
/// let signed = Signed::make(organism, &node, 0, LogCommand::Policy(Command::Tick), &key);
/// assert_eq!(Signed::decode(&signed.encode())?, signed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// The writer's place in the roster.
    pub node: u16,
    /// The command.
    pub command: LogCommand,
    /// By the writer's key of this boot.
    #[serde(with = "signature_bytes")]
    pub signature: [u8; 64],
}

impl Signed {
    /// Signs a command: `"holobiont-command|" ‖ 0x01 ‖ framed(organism's stable id, node id,
    /// command)`. The node id is signed and not its place, which another roster gives to another.
    #[must_use]
    pub fn make(
        organism: UniqueId,
        node_id: &UniqueId,
        node: u16,
        command: LogCommand,
        signer: &dyn Signer,
    ) -> Self {
        let signature = signer.sign(&signed_bytes(&organism, node_id, &command));
        Self { node, command, signature }
    }

    /// The entry's bytes: one version byte, then `postcard`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        versioned::encode(VERSION, self)
    }

    /// Reads what [`encode`](Self::encode) wrote. The signature is checked by the
    /// [`Machine`](crate::Machine), which knows the keys.
    ///
    /// # Errors
    ///
    /// [`FormatError`] for a size over [`MAX_SIGNED_BYTES`], an unknown version, bytes that are not
    /// the one encoding of an entry, and a list in it that is over its limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let signed: Self = decode(WHAT, VERSION, MAX_SIGNED_BYTES, bytes)?;
        match signed.command.is_bounded() {
            true => Ok(signed),
            false => Err(FormatError::Malformed { what: WHAT }),
        }
    }

    /// Whether one of these keys signed it, for this organism and as this node.
    pub(crate) fn is_by<'k>(
        &self,
        organism: &UniqueId,
        node_id: &UniqueId,
        keys: impl IntoIterator<Item = &'k [u8; 32]>,
    ) -> bool {
        let bytes = signed_bytes(organism, node_id, &self.command);
        keys.into_iter().any(|key| verifies(key, &bytes, &self.signature))
    }
}

fn signed_bytes(organism: &UniqueId, node_id: &UniqueId, command: &LogCommand) -> Vec<u8> {
    let mut framed = Framed::new();
    framed.fixed(b"holobiont-command|\x01").fixed(organism).fixed(node_id);
    framed.blob(command.encode());
    framed.into_bytes()
}

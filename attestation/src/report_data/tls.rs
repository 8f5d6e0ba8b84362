use holobiont_identity::{Digest, UniqueId};
use serde::{Deserialize, Serialize};

use super::{Leaf, Purpose, ReportData, framed, hex_bytes};

/// Which side of a connection a quote speaks for. Without it a peer could be shown its own quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The side that connected.
    Client,
    /// The side that accepted.
    Server,
}

/// Binds a quote to one side of one living TLS connection, for one surface of one organism.
///
/// A relay fails by the exporter, a reflection by the role and the keys, a replay by the nonce and
/// the epoch, a diversion by node, organism and surface, a peer with other rules by the policy.
///
/// ```
/// use holobiont_attestation::{Role, TlsBinding};
/// use holobiont_identity::{Digest, UniqueId};
///
/// let client = TlsBinding {
///     simulated: false,
///     role: Role::Client,
///     organism: Digest::of("content"),
///     epoch: 3,
///     surface: UniqueId::from_name("surface"),
///     policy: Digest::of("pins"),
///     node: [1; 32],
///     own_key: vec![2; 91],
///     peer_key: vec![3; 91],
///     peer_nonce: [4; 32],
///     exporter: [5; 32],
/// };
/// let server = TlsBinding { role: Role::Server, ..client.clone() };
/// assert!(!client.report_data().matches(server.report_data().as_bytes()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsBinding {
    /// Whether the quote comes from simulated TDX.
    pub simulated: bool,
    /// The side that the quote speaks for.
    pub role: Role,
    /// The organism's content hash.
    pub organism: Digest,
    /// The committee's epoch.
    pub epoch: u64,
    /// The surface that the connection is for.
    pub surface: UniqueId,
    /// The hash of the pins that both sides apply: `SurfacePins::policy_hash`.
    pub policy: Digest,
    /// The id of the node that shows the quote.
    #[serde(with = "hex_bytes")]
    pub node: [u8; 32],
    /// The quoted side's public key: DER `SubjectPublicKeyInfo`.
    #[serde(with = "hex_bytes")]
    pub own_key: Vec<u8>,
    /// The other side's public key: DER `SubjectPublicKeyInfo`.
    #[serde(with = "hex_bytes")]
    pub peer_key: Vec<u8>,
    /// What the other side asked with.
    #[serde(with = "hex_bytes")]
    pub peer_nonce: [u8; 32],
    /// 32 bytes of the TLS exporter, label `EXPORTER-holobiont-attest`, context both nonces.
    #[serde(with = "hex_bytes")]
    pub exporter: [u8; 32],
}

impl TlsBinding {
    /// What a quote for this side of this connection binds.
    pub fn report_data(&self) -> ReportData {
        let mut framed = framed(self.simulated, Purpose::Tls);
        framed
            .u8(match self.role {
                Role::Client => 0,
                Role::Server => 1,
            })
            .fixed(self.organism)
            .u64(self.epoch)
            .fixed(self.surface)
            .fixed(self.policy)
            .fixed(self.node)
            .blob(&self.own_key)
            .blob(&self.peer_key)
            .fixed(self.peer_nonce)
            .fixed(self.exporter);
        ReportData::of(&framed)
    }

    /// This binding's place in a batch.
    pub fn leaf(&self) -> Leaf {
        Leaf::of(&self.report_data())
    }
}

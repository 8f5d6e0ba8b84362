use serde::{Deserialize, Serialize};

use super::{Leaf, Purpose, ReportData, framed, hex_bytes};

/// Binds a quote to the signing key that a node made as it booted.
///
/// ```
/// use holobiont_attestation::BootBinding;
///
/// let boot = BootBinding {
///     simulated: false,
///     node: [1; 32],
///     boot_key: vec![2; 32],
///     enrolment: [3; 32],
/// };
/// let next = BootBinding { boot_key: vec![4; 32], ..boot.clone() };
/// assert!(!boot.report_data().matches(next.report_data().as_bytes()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootBinding {
    /// Whether the quote comes from simulated TDX.
    pub simulated: bool,
    /// The node's id.
    #[serde(with = "hex_bytes")]
    pub node: [u8; 32],
    /// The public half of the key that was made at this boot.
    #[serde(with = "hex_bytes")]
    pub boot_key: Vec<u8>,
    /// The hash of the enrolment that lets this node in.
    #[serde(with = "hex_bytes")]
    pub enrolment: [u8; 32],
}

impl BootBinding {
    /// What a quote for this boot binds.
    pub fn report_data(&self) -> ReportData {
        let mut framed = framed(self.simulated, Purpose::Boot);
        framed.fixed(self.node).blob(&self.boot_key).fixed(self.enrolment);
        ReportData::of(&framed)
    }

    /// This binding's place in a batch.
    pub fn leaf(&self) -> Leaf {
        Leaf::of(&self.report_data())
    }
}

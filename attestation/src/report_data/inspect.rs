use serde::{Deserialize, Serialize};

use super::{Leaf, Purpose, ReportData, framed, hex_bytes};

/// Binds a quote to a challenge of whoever wants a fresh look at a guest. It authorises nothing.
///
/// ```
/// use holobiont_attestation::InspectBinding;
///
/// let one = InspectBinding { simulated: false, challenge: [1; 32] };
/// let two = InspectBinding { simulated: false, challenge: [2; 32] };
/// assert!(!one.report_data().matches(two.report_data().as_bytes()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InspectBinding {
    /// Whether the quote comes from simulated TDX.
    pub simulated: bool,
    /// Random bytes of the one who looks.
    #[serde(with = "hex_bytes")]
    pub challenge: [u8; 32],
}

impl InspectBinding {
    /// What a quote for this challenge binds.
    pub fn report_data(&self) -> ReportData {
        let mut framed = framed(self.simulated, Purpose::Inspect);
        framed.fixed(self.challenge);
        ReportData::of(&framed)
    }

    /// This binding's place in a batch.
    pub fn leaf(&self) -> Leaf {
        Leaf::of(&self.report_data())
    }
}

use serde::{Deserialize, Serialize};

use super::{Leaf, Purpose, ReportData, framed, hex_bytes};

/// Binds a quote to a peer of a network, for a time.
///
/// ```
/// use holobiont_attestation::TicketBinding;
///
/// let ticket = TicketBinding {
///     simulated: false,
///     peer: [1; 32],
///     network: [2; 32],
///     not_before_s: 0,
///     not_after_s: 60,
/// };
/// let longer = TicketBinding { not_after_s: 61, ..ticket.clone() };
/// assert!(!ticket.report_data().matches(longer.report_data().as_bytes()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketBinding {
    /// Whether the quote comes from simulated TDX.
    pub simulated: bool,
    /// The peer's id.
    #[serde(with = "hex_bytes")]
    pub peer: [u8; 32],
    /// The network's id.
    #[serde(with = "hex_bytes")]
    pub network: [u8; 32],
    /// From when on it holds, in unix seconds.
    pub not_before_s: u64,
    /// Until when it holds, in unix seconds.
    pub not_after_s: u64,
}

impl TicketBinding {
    /// What a quote for this ticket binds.
    pub fn report_data(&self) -> ReportData {
        let mut framed = framed(self.simulated, Purpose::Ticket);
        framed.fixed(self.peer).fixed(self.network).u64(self.not_before_s).u64(self.not_after_s);
        ReportData::of(&framed)
    }

    /// This binding's place in a batch.
    pub fn leaf(&self) -> Leaf {
        Leaf::of(&self.report_data())
    }
}

use sha2::{Digest as _, Sha256};

use super::ReportData;

const DOMAIN: &[u8] = b"holobiont-batch-leaf|";
const VERSION: u8 = 1;

/// One binding's place in a [`Batch`](crate::Batch): SHA-256 of the report data that the binding
/// would have alone, tagged apart from the nodes above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf([u8; 32]);

impl Leaf {
    pub(super) fn of(report_data: &ReportData) -> Self {
        let hasher = Sha256::new().chain_update(DOMAIN).chain_update([VERSION]);
        Self(hasher.chain_update(report_data.as_bytes()).finalize().into())
    }

    /// The hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

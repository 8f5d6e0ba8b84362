mod binding;
mod boot;
mod hex_bytes;
mod inspect;
mod leaf;
mod purpose;
mod ticket;
mod tls;

use holobiont_identity::framing::Framed;
use sha2::{Digest as _, Sha512};
use subtle::ConstantTimeEq as _;

pub use self::{
    binding::{Binding, BindingError, MAX_BINDING_JSON_BYTES},
    boot::BootBinding,
    inspect::InspectBinding,
    leaf::Leaf,
    purpose::Purpose,
    ticket::TicketBinding,
    tls::{Role, TlsBinding},
};

const DOMAIN: &[u8] = b"holobiont-report|";
const VERSION: u8 = 1;

/// The 64 bytes that a quote binds.
///
/// Only a [`Binding`] or a [`Batch`](crate::Batch) makes them, always as a hash that begins with our
/// domain, the simulated bit and the purpose: no caller can have a guest sign bytes of his choice.
///
/// ```
/// use holobiont_attestation::InspectBinding;
///
/// let asked = InspectBinding { simulated: false, challenge: [7; 32] }.report_data();
/// let faked = InspectBinding { simulated: true, challenge: [7; 32] }.report_data();
/// assert!(asked.matches(asked.as_bytes()));
/// assert!(!asked.matches(faked.as_bytes()));
/// ```
#[derive(Clone, Copy)]
pub struct ReportData([u8; 64]);

impl ReportData {
    /// Hashes what a purpose's items were framed into.
    pub(crate) fn of(framed: &Framed) -> Self {
        Self(Sha512::digest(framed.as_bytes()).into())
    }

    /// The bytes, as they stand in a quote.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// Whether these are the bytes of a quote: all 64, in constant time.
    pub fn matches(&self, report_data: &[u8; 64]) -> bool {
        self.0.ct_eq(report_data).into()
    }
}

impl std::fmt::Debug for ReportData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReportData({})", hex::encode(self.0))
    }
}

/// The front of everything that is hashed into report data: domain, version, simulated bit,
/// purpose. The purpose's items follow.
pub(crate) fn framed(simulated: bool, purpose: Purpose) -> Framed {
    let mut framed = Framed::new();
    framed.fixed(DOMAIN).u8(VERSION).option(simulated).u8(purpose.byte());
    framed
}

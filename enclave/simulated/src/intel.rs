use std::sync::Arc;

use holobiont_attestation::{Collateral, CollateralParts, PckCa};

use crate::authorities::{Authorities, turn_last_bit};
use crate::dates::{DAY_S, Span, checked};
use crate::documents::{qe_identity, tcb_info};
use crate::knobs::{Chain, Knobs, Signed};
use crate::{Fault, SimulatedError, SimulatedPlatform, SimulatedRoot};

/// How long after they were issued the fake Intel's documents and revocation lists are valid, in
/// seconds: 30 days, as Intel's.
pub const COLLATERAL_LIFE_S: u64 = 30 * DAY_S;

/// A whole Intel that nobody but a [`SimulatedRoot`] vouches for: root, PCK CAs, signer of the
/// collateral, and any number of machines. Its keys are made when it is, and are nowhere else; those of
/// its machines leave a process only by [`SimulatedPlatform::to_json`].
///
/// ```
/// use holobiont_attestation::PckCa;
/// use holobiont_enclave_simulated::{SIMULATED_FMSPC, SimulatedIntel};
///
/// let intel = SimulatedIntel::new(1_800_000_000)?;
/// assert_eq!(intel.collateral(PckCa::Platform)?.fmspc(), SIMULATED_FMSPC);
/// # Ok::<(), holobiont_enclave_simulated::SimulatedError>(())
/// ```
#[derive(Debug)]
pub struct SimulatedIntel {
    now_s: u64,
    authorities: Authorities,
    knobs: Arc<Knobs>,
}

impl SimulatedIntel {
    /// One with nothing wrong, whose dates lie around `now_s` (unix seconds): certificates of some
    /// years, documents issued a day ago.
    ///
    /// # Errors
    ///
    /// [`SimulatedError::Clock`] outside of [`MIN_NOW_S`](crate::MIN_NOW_S) to
    /// [`MAX_NOW_S`](crate::MAX_NOW_S), else [`SimulatedError::Key`] or
    /// [`SimulatedError::Certificate`].
    pub fn new(now_s: u64) -> Result<Self, SimulatedError> {
        Self::with_knobs(now_s, Knobs::default())
    }

    /// One with this wrong: in its certificates and documents, on its machines, in their guests.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_fault(now_s: u64, fault: Fault) -> Result<Self, SimulatedError> {
        Self::with_knobs(now_s, fault.knobs())
    }

    pub(crate) fn with_knobs(now_s: u64, knobs: Knobs) -> Result<Self, SimulatedError> {
        let now_s = checked(now_s)?;
        Ok(Self { now_s, authorities: Authorities::new(now_s, &knobs)?, knobs: knobs.into() })
    }

    /// The time that its dates lie around, unix seconds.
    pub const fn now_s(&self) -> u64 {
        self.now_s
    }

    /// What a verifier must trust to trust this Intel.
    pub fn root(&self) -> SimulatedRoot {
        SimulatedRoot::from_der(self.authorities.root().der())
    }

    /// The machine of this number, certified by this CA. Its ids follow from the number; its keys
    /// are new at every call.
    ///
    /// # Errors
    ///
    /// [`SimulatedError::Key`] or [`SimulatedError::Certificate`].
    pub fn platform(&self, index: u32, ca: PckCa) -> Result<SimulatedPlatform, SimulatedError> {
        self.platform_with(index, ca, Arc::clone(&self.knobs))
    }

    /// A machine with this wrong, or on which guests have this wrong, under an Intel that may be
    /// well. What is wrong with collateral alone changes nothing here.
    ///
    /// # Errors
    ///
    /// As [`platform`](Self::platform).
    pub fn faulty_platform(
        &self,
        index: u32,
        ca: PckCa,
        fault: Fault,
    ) -> Result<SimulatedPlatform, SimulatedError> {
        self.platform_with(index, ca, fault.knobs().into())
    }

    fn platform_with(
        &self,
        index: u32,
        ca: PckCa,
        knobs: Arc<Knobs>,
    ) -> Result<SimulatedPlatform, SimulatedError> {
        if knobs.chain == Chain::OtherRoot {
            let other = Authorities::new(self.now_s, &knobs)?;
            return SimulatedPlatform::new(index, ca, self.now_s, &other, knobs);
        }
        SimulatedPlatform::new(index, ca, self.now_s, &self.authorities, knobs)
    }

    /// The collateral of machines under this CA, as issued a day before [`now_s`](Self::now_s).
    ///
    /// # Errors
    ///
    /// [`SimulatedError::Key`] or [`SimulatedError::Certificate`].
    pub fn collateral(&self, ca: PckCa) -> Result<Collateral, SimulatedError> {
        self.collateral_at(ca, self.now_s)
    }

    /// The collateral issued anew, a day before `now_s` (unix seconds).
    ///
    /// # Errors
    ///
    /// [`SimulatedError::Clock`], else as [`collateral`](Self::collateral).
    pub fn collateral_at(&self, ca: PckCa, now_s: u64) -> Result<Collateral, SimulatedError> {
        self.issue(ca, checked(now_s)?, &self.knobs)
    }

    /// The same with this wrong in it, by an Intel that may be well: what it says later of machines
    /// that were good, or what somebody forges in its name.
    ///
    /// # Errors
    ///
    /// As [`collateral_at`](Self::collateral_at).
    pub fn faulty_collateral(
        &self,
        ca: PckCa,
        now_s: u64,
        fault: Fault,
    ) -> Result<Collateral, SimulatedError> {
        self.issue(ca, checked(now_s)?, &fault.knobs())
    }

    /// Collateral of this Intel with other knobs than its own.
    pub(crate) fn issue(
        &self,
        ca: PckCa,
        now_s: u64,
        knobs: &Knobs,
    ) -> Result<Collateral, SimulatedError> {
        let dates = |span: Span| span.around(now_s, DAY_S, COLLATERAL_LIFE_S.saturating_sub(DAY_S));
        let spans = &knobs.spans;
        let tcb_info = tcb_info(now_s, dates(spans.tcb_info), knobs)?;
        let qe_identity = qe_identity(now_s, dates(spans.qe_identity), knobs)?;
        let sign = |text: &str, which| {
            let mut signature = self.authorities.tcb_signer().sign_fixed(text.as_bytes())?;
            if knobs.forged == Some(which) {
                turn_last_bit(&mut signature);
            }
            Ok::<_, SimulatedError>(signature.to_vec())
        };
        let ca = match (knobs.chain, ca) {
            (Chain::OtherCrl, PckCa::Platform) => PckCa::Processor,
            (Chain::OtherCrl, PckCa::Processor) => PckCa::Platform,
            (_, ca) => ca,
        };
        let signers = self.authorities.signer_chain_pem();
        let parts = CollateralParts {
            tcb_info_issuer_chain: signers.clone(),
            tcb_info_signature: sign(&tcb_info, Signed::TcbInfo)?,
            tcb_info,
            qe_identity_issuer_chain: signers,
            qe_identity_signature: sign(&qe_identity, Signed::QeIdentity)?,
            qe_identity,
            root_ca_crl: self.authorities.root_crl(dates(spans.root_crl), knobs)?,
            pck_crl: self.authorities.pck_crl(ca, dates(spans.pck_crl), knobs)?,
            pck_crl_issuer_chain: self.authorities.ca_chain_pem(ca),
            pck_certificate_chain: None,
        };
        Collateral::new(&parts).map_err(|error| SimulatedError::Refused {
            what: "collateral",
            reason: error.to_string(),
        })
    }
}

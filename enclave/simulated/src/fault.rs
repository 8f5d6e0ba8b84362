use crate::QuoteForm;
use crate::dates::Span::{Expired, NotYet};
use crate::knobs::{Asked, Certified, Chain, End, Knobs, Log, Register, Signed};

const SEPT_VE_DISABLE: u64 = 1 << 28;
const PERFMON: u64 = 1 << 63;
/// The two AMX states.
const AMX: u64 = 0b11 << 17;

/// Each row: what is wrong, the code of the verifier's first reason, and the knob that does it.
macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $name:ident => $code:literal, $turn:expr;)+) => {
        /// One thing wrong, everything else well: the negative cases of a verifier.
        ///
        /// ```
        /// use holobiont_enclave_simulated::{Fault, Scene};
        ///
        /// let scene = Scene::with_fault(1_800_000_000, Fault::Debug)?;
        /// let verdict = scene.verdict();
        /// assert_eq!(verdict.reason().map(|reason| reason.code()), Some("td-debug"));
        /// assert_eq!(Fault::Debug.expected_code(), "td-debug");
        /// # Ok::<(), holobiont_enclave_simulated::SimulatedError>(())
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Fault {
            /// Every fault there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code of the first reason that a verdict about it must give.
            pub const fn expected_code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            /// All knobs, with the one of this fault turned.
            pub(crate) fn knobs(self) -> Knobs {
                let turn: fn(&mut Knobs) = match self {
                    $(Self::$name => $turn,)+
                };
                let mut knobs = Knobs::default();
                turn(&mut knobs);
                knobs
            }
        }
    };
}

faults! {
    // The quote's bytes.
    /// The quote lacks its last byte.
    Cut => "quote-malformed", |k| k.body.end = End::Cut;
    /// A byte other than zero follows the quote.
    TrailingByte => "quote-malformed", |k| k.body.end = End::TrailingByte;

    // Who signed what.
    /// The quote carries no certificate at all.
    PckChainMissing => "pck-chain-not-intel", |k| k.chain = Chain::Missing;
    /// The quote's certificates end in another root, of the same name.
    PckChainOfOtherRoot => "pck-chain-not-intel", |k| k.chain = Chain::OtherRoot;
    /// The platform's key did not sign the quoting enclave's report.
    QeReportForged => "qe-report-signature", |k| k.forged = Some(Signed::QeReport);
    /// The quoting enclave vouches for another attestation key.
    AttestationKeyForeign => "qe-report-binding", |k| k.forged = Some(Signed::AttestationKey);
    /// The attestation key did not sign the quote.
    QuoteForged => "quote-signature", |k| k.forged = Some(Signed::Body);
    /// The TCB info was not signed by its signer.
    TcbInfoForged => "tcb-info-signature", |k| k.forged = Some(Signed::TcbInfo);
    /// The QE identity was not signed by its signer.
    QeIdentityForged => "qe-identity-signature", |k| k.forged = Some(Signed::QeIdentity);
    /// The root's revocation list was not signed by the root.
    RootCrlForged => "root-crl-signature", |k| k.forged = Some(Signed::RootCrl);
    /// The PCK revocation list was not signed by the PCK CA.
    PckCrlForged => "pck-crl-signature", |k| k.forged = Some(Signed::PckCrl);
    /// The signer of the documents is not directly under the root.
    TcbSignerBelow => "tcb-signer-signature", |k| k.chain = Chain::SignerBelow;

    // What the collateral is about.
    /// There is no collateral.
    NoCollateral => "collateral-missing", |k| k.ask = Some(Asked::NoCollateral);
    /// The TCB info is about another family of platforms.
    WrongFmspc => "fmspc-mismatch", |k| k.documents.other_fmspc = true;
    /// The TCB info is about another provisioning enclave.
    WrongPceId => "pce-id-mismatch", |k| k.documents.other_pce_id = true;
    /// The revocation list is the other PCK CA's.
    OtherPckCrl => "pck-crl-other-ca", |k| k.chain = Chain::OtherCrl;

    // Revocation.
    /// The platform's certificate is revoked.
    PckRevoked => "pck-certificate-revoked", |k| k.revoked = Some(Certified::Pck);
    /// The PCK CA's certificate is revoked.
    PckCaRevoked => "pck-ca-revoked", |k| k.revoked = Some(Certified::PckCa);
    /// The certificate of the documents' signer is revoked.
    TcbSignerRevoked => "tcb-signer-revoked", |k| k.revoked = Some(Certified::TcbSigner);
    /// The root revokes itself.
    RootRevoked => "root-revoked", |k| k.revoked = Some(Certified::Root);

    // Validities.
    /// The root's certificate is expired.
    RootExpired => "root-expired", |k| k.spans.root = Expired;
    /// The root's certificate begins tomorrow.
    RootNotYetValid => "root-not-yet-valid", |k| k.spans.root = NotYet;
    /// The PCK CA's certificate is expired.
    PckCaExpired => "pck-ca-expired", |k| k.spans.pck_ca = Expired;
    /// The PCK CA's certificate begins tomorrow.
    PckCaNotYetValid => "pck-ca-not-yet-valid", |k| k.spans.pck_ca = NotYet;
    /// The platform's certificate is expired.
    PckExpired => "pck-certificate-expired", |k| k.spans.pck = Expired;
    /// The platform's certificate begins tomorrow.
    PckNotYetValid => "pck-certificate-not-yet-valid", |k| k.spans.pck = NotYet;
    /// The certificate of the documents' signer is expired.
    TcbSignerExpired => "tcb-signer-expired", |k| k.spans.tcb_signer = Expired;
    /// The certificate of the documents' signer begins tomorrow.
    TcbSignerNotYetValid => "tcb-signer-not-yet-valid", |k| k.spans.tcb_signer = NotYet;
    /// The TCB info is expired.
    TcbInfoExpired => "tcb-info-expired", |k| k.spans.tcb_info = Expired;
    /// The TCB info was issued tomorrow.
    TcbInfoNotYetValid => "tcb-info-not-yet-valid", |k| k.spans.tcb_info = NotYet;
    /// The QE identity is expired.
    QeIdentityExpired => "qe-identity-expired", |k| k.spans.qe_identity = Expired;
    /// The QE identity was issued tomorrow.
    QeIdentityNotYetValid => "qe-identity-not-yet-valid", |k| k.spans.qe_identity = NotYet;
    /// The root's revocation list is expired.
    RootCrlExpired => "root-crl-expired", |k| k.spans.root_crl = Expired;
    /// The root's revocation list was issued tomorrow.
    RootCrlNotYetValid => "root-crl-not-yet-valid", |k| k.spans.root_crl = NotYet;
    /// The PCK revocation list is expired.
    PckCrlExpired => "pck-crl-expired", |k| k.spans.pck_crl = Expired;
    /// The PCK revocation list was issued tomorrow.
    PckCrlNotYetValid => "pck-crl-not-yet-valid", |k| k.spans.pck_crl = NotYet;

    // What was seen before.
    /// A TCB info of a higher evaluation number was seen before.
    TcbEvaluationRolledBack => "evaluation-number-rolled-back", |k| {
        (k.documents.tcb_evaluation, k.ask) = (19, Some(Asked::MarksAhead));
    };
    /// A QE identity of a higher evaluation number was seen before.
    QeEvaluationRolledBack => "evaluation-number-rolled-back", |k| {
        (k.documents.qe_evaluation, k.ask) = (19, Some(Asked::MarksAhead));
    };
    /// A root revocation list of a higher number was seen before.
    RootCrlRolledBack => "crl-number-rolled-back", |k| {
        (k.documents.root_crl_number, k.ask) = (6, Some(Asked::MarksAhead));
    };
    /// A PCK revocation list of a higher number was seen before.
    PckCrlRolledBack => "crl-number-rolled-back", |k| {
        (k.documents.pck_crl_number, k.ask) = (6, Some(Asked::MarksAhead));
    };
    /// The clock stands before a date that something signed proves to be past.
    ClockBelowFloor => "clock-below-floor", |k| k.ask = Some(Asked::ClockBehind);

    // The platform's TCB.
    /// Intel says `SWHardeningNeeded`, which the rules do not accept.
    SwHardeningNeeded => "tcb-status-not-allowed", |k| k.documents.status = "SWHardeningNeeded";
    /// Intel says `ConfigurationNeeded`.
    ConfigurationNeeded => "tcb-status-not-allowed", |k| {
        k.documents.status = "ConfigurationNeeded";
    };
    /// Intel says `ConfigurationAndSWHardeningNeeded`.
    ConfigurationAndSwHardeningNeeded => "tcb-status-not-allowed", |k| {
        k.documents.status = "ConfigurationAndSWHardeningNeeded";
    };
    /// Intel says `OutOfDate`.
    OutOfDate => "tcb-status-not-allowed", |k| k.documents.status = "OutOfDate";
    /// Intel says `OutOfDateConfigurationNeeded`.
    OutOfDateConfigurationNeeded => "tcb-status-not-allowed", |k| {
        k.documents.status = "OutOfDateConfigurationNeeded";
    };
    /// The TDX module was updated after the guest was launched: `TDRelaunchAdvised`.
    TdRelaunchAdvised => "tcb-status-not-allowed", |k| {
        (k.platform.module_launched, k.form) = (4, QuoteForm::V5Td15);
    };
    /// That on a platform that needs configuration: `TDRelaunchAdvisedConfigurationNeeded`.
    TdRelaunchAdvisedConfigurationNeeded => "tcb-status-not-allowed", |k| {
        k.documents.status = "ConfigurationNeeded";
        (k.platform.module_launched, k.form) = (4, QuoteForm::V5Td15);
    };
    /// Intel says `Revoked`, which no rule can accept.
    TcbRevoked => "tcb-revoked", |k| k.documents.status = "Revoked";
    /// The platform is below every level of the TCB info.
    TcbLevelNone => "tcb-level-none", |k| k.platform.pce_svn = 4;
    /// The rules accept `OutOfDate` for a time that is over.
    OutOfDateTooLong => "tcb-grace-ended", |k| {
        (k.documents.status, k.ask) = ("OutOfDate", Some(Asked::StatusAllowed));
    };
    /// The rules accept the status, and the pin none of its advisories.
    AdvisoryNotAllowed => "advisory-not-allowed", |k| {
        (k.documents.status, k.ask) = ("SWHardeningNeeded", Some(Asked::NoAdvisory));
    };
    /// The TDX module is out of date.
    ModuleOutOfDate => "tcb-status-not-allowed", |k| {
        (k.platform.module_launched, k.platform.module_current) = (4, 4);
    };
    /// The TDX module is revoked.
    ModuleRevoked => "tcb-revoked", |k| k.platform.module_launched = 3;
    /// The TDX module is older than any that the TCB info knows.
    ModuleLevelNone => "tdx-module", |k| k.platform.module_launched = 2;
    /// The TDX module's version is none of the TCB info.
    ModuleUnknown => "tdx-module", |k| k.platform.module_version = 9;

    // The quoting enclave.
    /// The quoting enclave is out of date.
    QeOutOfDate => "tcb-status-not-allowed", |k| k.platform.qe_isv_svn = 3;
    /// The quoting enclave is revoked.
    QeRevoked => "tcb-revoked", |k| k.platform.qe_isv_svn = 2;
    /// The quoting enclave is older than any that the QE identity knows.
    QeLevelNone => "qe-identity-mismatch", |k| k.platform.qe_isv_svn = 1;
    /// The quoting enclave is somebody else's.
    QeOfOtherSigner => "qe-identity-mismatch", |k| k.platform.qe_other_signer = true;
    /// The quoting enclave can be debugged.
    QeDebug => "qe-identity-mismatch", |k| k.platform.qe_debug = true;

    // What the guest is.
    /// The guest runs in debug mode.
    Debug => "td-debug", |k| k.body.attributes = 1;
    /// The guest may be profiled.
    Profiling => "td-profiling", |k| k.body.attributes = 1 << 4;
    /// A reserved bit of the TD attributes is set.
    ReservedAttributes => "td-attributes-reserved", |k| k.body.attributes = 1 << 8;
    /// The guest can be migrated.
    Migratable => "td-migratable", |k| k.body.attributes = 1 << 29;
    /// `SEPT_VE_DISABLE` is off.
    SeptVeDisableOff => "sept-ve-disable-off", |k| k.body.attributes = SEPT_VE_DISABLE;
    /// A service TD is bound to the guest.
    ServiceTd => "service-td", |k| (k.body.service_td, k.form) = (true, QuoteForm::V5Td15);
    /// The guest's attributes admit a service TD.
    ServiceTdExtension => "service-td", |k| k.body.attributes = 1 << 17;
    /// The TDX module is signed by somebody else than Intel.
    WrongSeamSigner => "seam-not-intel", |k| k.body.seam_signer = true;
    /// The TDX module has attributes.
    SeamAttributes => "seam-not-intel", |k| k.body.seam_attributes = true;
    /// XFAM is not the pin's.
    Xfam => "xfam-mismatch", |k| k.body.xfam = AMX;
    /// The TD attributes are harmless, and not the pin's.
    TdAttributes => "td-attributes-mismatch", |k| k.body.attributes = PERFMON;

    // Measurements: one bit off.
    /// MRTD is not the pin's.
    Mrtd => "measurements-mismatch", |k| k.body.register = Some(Register::Mrtd);
    /// RTMR0 is not the pin's.
    Rtmr0 => "measurements-mismatch", |k| k.body.register = Some(Register::Rtmr(0));
    /// RTMR1 is not the pin's.
    Rtmr1 => "measurements-mismatch", |k| k.body.register = Some(Register::Rtmr(1));
    /// RTMR2 is not the pin's.
    Rtmr2 => "measurements-mismatch", |k| k.body.register = Some(Register::Rtmr(2));
    /// RTMR3 is not the pin's.
    Rtmr3 => "measurements-mismatch", |k| k.body.register = Some(Register::Rtmr(3));
    /// MRCONFIGID is not the pin's.
    MrConfigId => "measurements-mismatch", |k| k.body.register = Some(Register::MrConfigId);
    /// MROWNER is not the pin's.
    MrOwner => "measurements-mismatch", |k| k.body.register = Some(Register::MrOwner);
    /// MROWNERCONFIG is not the pin's.
    MrOwnerConfig => "measurements-mismatch", |k| k.body.register = Some(Register::MrOwnerConfig);

    // Pins.
    /// The surface pins nothing.
    NoPins => "no-pins", |k| k.ask = Some(Asked::NoPins);
    /// The pin is accepted from tomorrow on.
    PinNotYetValid => "pin-not-yet-valid", |k| k.ask = Some(Asked::PinLater);
    /// The pin was accepted until yesterday.
    PinExpired => "pin-expired", |k| k.ask = Some(Asked::PinOver);
    /// The pin is revoked.
    PinRevoked => "pin-revoked", |k| k.ask = Some(Asked::PinRevoked);
    /// The pin is for real guests.
    PinOfRealGuests => "pin-other-world", |k| k.ask = Some(Asked::PinOfRealGuests);
    /// The pin lists other machines.
    PlatformNotListed => "platform-not-listed", |k| k.ask = Some(Asked::OtherPlatform);
    /// The surface wants two machines, and all guests are on one.
    TooFewPlatforms => "too-few-platforms", |k| k.ask = Some(Asked::TwoPlatforms);

    // Binding and freshness.
    /// The quote answers another question.
    ReportData => "report-data", |k| k.body.other_question = true;
    /// The question is one for real guests.
    QuestionForRealGuests => "simulated-bit", |k| k.ask = Some(Asked::RealGuests);
    /// The quote is older than the rules accept.
    QuoteTooOld => "quote-too-old", |k| k.ask = Some(Asked::QuoteOld);
    /// The quote is dated after now.
    QuoteFromFuture => "quote-from-future", |k| k.ask = Some(Asked::QuoteFromFuture);
    /// Nothing says how old the quote is.
    QuoteAgeUnknown => "quote-age-unknown", |k| k.ask = Some(Asked::QuoteAgeUnknown);

    // Event logs, under a pin that names an event.
    /// There is no event log.
    EventLogMissing => "event-log-missing", |k| {
        (k.body.log, k.ask) = (Log::Missing, Some(Asked::OwnEvent));
    };
    /// The event log cannot be read.
    EventLogMalformed => "event-log-malformed", |k| {
        (k.body.log, k.ask) = (Log::Garbage, Some(Asked::OwnEvent));
    };
    /// The event log does not replay to the registers.
    EventLogTampered => "event-log-replay", |k| {
        (k.body.log, k.ask) = (Log::Tampered, Some(Asked::OwnEvent));
    };
    /// The event that the pin names has another value.
    EventOther => "event-rule", |k| k.ask = Some(Asked::OtherEvent);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_turns_a_knob_of_its_own() {
        let well = format!("{:?}", Knobs::default());
        let turned: BTreeSet<String> =
            Fault::ALL.iter().map(|fault| format!("{:?}", fault.knobs())).collect();
        assert_eq!(turned.len(), Fault::ALL.len());
        assert!(!turned.contains(&well));
    }
}

//! The DCAP check: `dcap-qvl`'s, and what it leaves open.

mod diagnosis;
mod pck;
mod refusal;
mod sgx_extension;

use dcap_qvl::{
    QuotePolicy,
    verify::{QuoteVerifier, VerifiedReport},
};
use holobiont_identity::pins::TcbStatus;

pub use self::pck::claimed_platform;
pub(crate) use self::pck::{KnownChains, PckChain};
use self::refusal::Refusal;
use crate::{
    Ask, Collateral, Marks, PckCa, Platform, Quote, TcbReport,
    artefact::{Artefact, ArtefactKind},
    certificates::{self, CertificateFacts},
    crypto::RememberingConfig,
    marks::ObservedNumbers,
    policy::check_attributes,
    reason::Reason,
    trust::is_simulated,
};

/// The end of every chain, read once.
#[derive(Debug)]
pub(crate) struct Anchor {
    pub(crate) der: Vec<u8>,
    pub(crate) facts: Result<CertificateFacts, String>,
    pub(crate) simulated: bool,
}

impl Anchor {
    pub(crate) fn new(der: &[u8]) -> Self {
        let facts = CertificateFacts::read(der);
        Self { der: der.to_vec(), facts, simulated: is_simulated(der) }
    }

    pub(crate) const fn name(&self) -> &'static str {
        if self.simulated { "the simulated root" } else { "Intel" }
    }
}

/// How the check went, before any policy.
#[derive(Debug, Default)]
pub(crate) struct Dcap {
    pub(crate) reasons: Vec<Reason>,
    /// `dcap-qvl` looks at TD attributes last, and says nothing of the platform where it refuses
    /// them: signatures and collateral held.
    pub(crate) stopped_at_attributes: bool,
    /// What it says of the platform; only where nothing signed is wrong.
    pub(crate) platform: Option<(Platform, TcbReport)>,
    pub(crate) observed: Marks,
    /// Everything dated that the check stands on.
    pub(crate) artefacts: Vec<Artefact>,
}

pub(crate) fn check(
    quote: &Quote,
    ask: &Ask<'_>,
    anchor: &Anchor,
    verifier: &QuoteVerifier<RememberingConfig>,
    known: &KnownChains,
) -> Dcap {
    let mut dcap = Dcap::default();
    let Ok(root) = &anchor.facts else {
        let text = "the trust root is no certificate".to_owned();
        dcap.reasons.push(Reason::DcapOther { text });
        return dcap;
    };
    let pck = match known.read(quote, anchor) {
        Ok(pck) => Some(pck),
        Err(reason) => {
            dcap.reasons.push(reason);
            None
        }
    };
    dcap.artefacts = artefacts(root, pck.as_deref(), ask.collateral);
    let floor_s = ask.marks.floor_s();
    if ask.now_s < floor_s {
        dcap.reasons.push(Reason::ClockBelowFloor { now_s: ask.now_s, floor_s });
    }
    let dated = out_of_date(&dcap.artefacts, ask.now_s);
    match (&pck, ask.collateral) {
        (Some(pck), Some(collateral)) => {
            let case = Case { quote, pck, collateral, anchor, root };
            case.check(ask, verifier, dated, &mut dcap);
            if dcap.platform.is_some() {
                known.learn(quote, pck);
            }
        }
        (Some(pck), None) => {
            if !diagnosis::leads_to_root(pck, root) {
                dcap.reasons.insert(0, diagnosis::not_intel(anchor));
            }
            dcap.reasons.extend(dated);
            let wanted = wanted(pck);
            dcap.reasons.push(Reason::CollateralMissing { wanted });
        }
        (None, _) => dcap.reasons.extend(dated),
    }
    dcap
}

/// A quote whose chain has the right shape, and collateral to check it with.
pub(crate) struct Case<'a> {
    pub(crate) quote: &'a Quote,
    pub(crate) pck: &'a PckChain,
    pub(crate) collateral: &'a Collateral,
    pub(crate) anchor: &'a Anchor,
    pub(crate) root: &'a CertificateFacts,
}

impl Case<'_> {
    fn check(
        &self,
        ask: &Ask<'_>,
        verifier: &QuoteVerifier<RememberingConfig>,
        dated: Vec<Reason>,
        dcap: &mut Dcap,
    ) {
        let shape = self.signer_shape();
        if shape.is_empty() {
            let collateral = self.collateral.to_dcap(&self.pck.pem);
            match verifier.verify(self.quote.bytes(), &collateral, ask.now_s) {
                Ok(report) => {
                    dcap.reasons.extend(dated);
                    self.accept(&report, ask.now_s, verifier, dcap);
                }
                Err(error) => {
                    let refusal =
                        Refusal::of(&format!("{error:#}"), self.quote, self.pck, self.collateral);
                    self.refuse(refusal, dated, dcap);
                }
            }
        } else {
            dcap.reasons.extend(diagnosis::diagnose(self));
            dcap.reasons.extend(shape);
            dcap.reasons.extend(dated);
        }
        if self.collateral.is_made_for_other(self.pck.leaf_sha256) {
            dcap.reasons.push(Reason::CollateralOtherPlatform);
        }
        dcap.reasons.extend(ask.marks.rollbacks(&self.numbers()));
    }

    /// The collateral's certificates are signers directly under this root, so that every byte of
    /// them is either judged or known.
    fn signer_shape(&self) -> Vec<Reason> {
        let chains = &self.collateral.chains;
        let by = self.anchor.name();
        let mut reasons: Vec<Reason> = [
            (ArtefactKind::TcbSigner, &chains.tcb_info),
            (ArtefactKind::QeIdentitySigner, &chains.qe_identity),
            (ArtefactKind::PckCrlIssuer, &chains.pck_crl),
        ]
        .into_iter()
        .filter(|(_, chain)| chain.without_root(&self.anchor.der).len() != 1)
        .map(|(artefact, _)| Reason::NotSigned { artefact, by })
        .collect();
        // `dcap-qvl` checks the PCK CRL with the quote's CA and does not look at this one.
        let issuer = chains.pck_crl.leaf();
        if issuer != self.pck.ca_der && !certificates::is_signed_by(issuer, &self.root.key) {
            let artefact = ArtefactKind::PckCrlIssuer;
            reasons.push(Reason::NotSigned { artefact, by });
        }
        reasons.dedup();
        reasons
    }

    fn accept(
        &self,
        report: &VerifiedReport,
        now_s: u64,
        verifier: &QuoteVerifier<RememberingConfig>,
        dcap: &mut Dcap,
    ) {
        self.observe(dcap);
        let judged = self.pck.platform.clone().zip(self.tcb(report, now_s, verifier));
        let Some((platform, tcb)) = judged else {
            let text = "a platform or status of an unknown form".to_owned();
            dcap.reasons.push(Reason::DcapOther { text });
            return;
        };
        let wanted = self.collateral.pce_id();
        if platform.pce_id != wanted {
            let (quote, collateral) = (hex::encode(platform.pce_id), hex::encode(wanted));
            dcap.reasons.push(Reason::PceIdMismatch { quote, collateral });
        }
        dcap.platform = Some((platform, tcb));
    }

    /// None where `dcap-qvl` says something that this build does not know.
    fn tcb(
        &self,
        report: &VerifiedReport,
        now_s: u64,
        verifier: &QuoteVerifier<RememberingConfig>,
    ) -> Option<TcbReport> {
        let status: TcbStatus = report.status.parse().ok()?;
        let part = |status: dcap_qvl::TcbStatus| status.to_string().parse::<TcbStatus>().ok();
        let number = |kind| u32::try_from(self.collateral.number(kind)).ok();
        let numbers = (number(ArtefactKind::TcbInfo)?, number(ArtefactKind::QeIdentity)?);
        let tcb_date_s = match status.is_out_of_date() {
            true => Some(self.tcb_date(now_s, verifier)?),
            false => None,
        };
        Some(TcbReport {
            status,
            platform_status: part(report.platform_status.status)?,
            qe_status: part(report.qe_status.status)?,
            advisories: report.advisory_ids.clone(),
            evaluation_number: numbers.0.min(numbers.1),
            tcb_date_s,
        })
    }

    /// The date of what is out of date, the older where platform and quoting enclave are. `dcap-qvl`
    /// says it only with all its claims, which take as long again: so only where it is needed.
    fn tcb_date(&self, now_s: u64, verifier: &QuoteVerifier<RememberingConfig>) -> Option<u64> {
        // The policy is ours: nothing but the time is handed over.
        let policy = QuotePolicy::claims_only(now_s);
        let (quote, collateral) = (self.quote.bytes(), self.collateral.to_dcap(&self.pck.pem));
        let claims = verifier.verify_with_policy(quote, collateral, now_s, &policy).ok()?;
        let is_late = |status: dcap_qvl::TcbStatus| {
            status.to_string().parse().is_ok_and(TcbStatus::is_out_of_date)
        };
        let (platform, qe) = (&claims.platform, &claims.qe.tcb_level);
        let qe_date: jiff::Timestamp = qe.tcb_date.parse().ok()?;
        let qe_date_s = u64::try_from(qe_date.as_second()).ok()?;
        let late = [
            (is_late(platform.tcb_level.tcb_status), platform.tcb_date_tag),
            (is_late(qe.tcb_status), qe_date_s),
        ];
        late.into_iter().filter(|(is_late, _)| *is_late).map(|(_, date_s)| date_s).min()
    }

    fn refuse(&self, refusal: Refusal, dated: Vec<Reason>, dcap: &mut Dcap) {
        let found = diagnosis::diagnose(self);
        let attributes = check_attributes(self.quote.measurements());
        let is_sound = found.is_empty();
        let is_leaf_revoked = found == [Reason::Revoked { artefact: ArtefactKind::PckCertificate }];
        let is_explained = !dated.is_empty() || !is_sound;
        if is_leaf_revoked && dated.is_empty() {
            // All that is signed holds: a list that says so must not be forgotten for an older one.
            self.observe(dcap);
        }
        // An alien quote is alien whatever the collateral is like, so that comes first.
        let (chain, rest): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|reason| matches!(reason, Reason::PckChainNotIntel { .. }));
        dcap.reasons.splice(0..0, chain);
        dcap.reasons.extend(dated);
        dcap.reasons.extend(rest);
        match refusal {
            Refusal::Chain { .. } if is_explained => {}
            // Marks never go down again, so that its text says so is not enough to raise them.
            Refusal::Attributes { .. } if is_sound && !attributes.is_empty() => {
                dcap.stopped_at_attributes = true;
                self.observe(dcap);
            }
            Refusal::Known(reason) if dcap.reasons.contains(&reason) => {}
            Refusal::Known(reason) => dcap.reasons.push(reason),
            Refusal::Chain { text } | Refusal::Attributes { text } | Refusal::Other { text } => {
                dcap.reasons.push(Reason::DcapOther { text });
            }
        }
    }

    fn numbers(&self) -> ObservedNumbers<'_> {
        let collateral = self.collateral;
        ObservedNumbers {
            fmspc: collateral.fmspc(),
            tcb_info: collateral.number(ArtefactKind::TcbInfo),
            qe_identity: collateral.number(ArtefactKind::QeIdentity),
            root_crl: (&collateral.root_crl.issuer, collateral.root_crl.number),
            pck_crl: (&collateral.pck_crl.issuer, collateral.pck_crl.number),
        }
    }

    /// Everything signed held, so its numbers and dates are facts.
    fn observe(&self, dcap: &mut Dcap) {
        let numbers = self.numbers();
        dcap.observed.saw_tcb_info(numbers.fmspc, numbers.tcb_info);
        dcap.observed.saw_qe_identity(numbers.qe_identity);
        for (issuer, number) in [numbers.root_crl, numbers.pck_crl] {
            dcap.observed.saw_crl(issuer, number);
        }
        for artefact in &dcap.artefacts {
            dcap.observed.saw_time(artefact.issued_s);
        }
    }
}

/// Everything dated, the quote's own first, each certificate once.
fn artefacts(
    root: &CertificateFacts,
    pck: Option<&PckChain>,
    collateral: Option<&Collateral>,
) -> Vec<Artefact> {
    let certificate = |kind, facts: &CertificateFacts| Artefact::new(kind, facts.window, None);
    let mut artefacts = vec![certificate(ArtefactKind::Root, root)];
    if let Some(pck) = pck {
        artefacts.push(certificate(ArtefactKind::PckCa, &pck.ca));
        artefacts.push(certificate(ArtefactKind::PckCertificate, &pck.leaf));
    }
    let Some(collateral) = collateral else {
        return artefacts;
    };
    let known = pck.is_some_and(|pck| pck.ca_der == collateral.chains.pck_crl.leaf());
    let parts = collateral.artefacts().iter();
    artefacts
        .extend(parts.filter(|part| !(known && part.kind == ArtefactKind::PckCrlIssuer)).cloned());
    artefacts
}

fn out_of_date(artefacts: &[Artefact], now_s: u64) -> Vec<Reason> {
    let judged = artefacts.iter().map(|part| {
        let artefact = part.kind;
        if now_s < part.issued_s {
            Some(Reason::NotYetValid { artefact, starts_s: part.issued_s })
        } else if now_s > part.next_update_s {
            Some(Reason::Expired { artefact, ended_s: part.next_update_s })
        } else {
            None
        }
    });
    judged.flatten().collect()
}

fn wanted(pck: &PckChain) -> String {
    let ca =
        PckCa::of_issuer(&certificates::issuer(&pck.leaf_der)).map_or("unknown", PckCa::as_str);
    let fmspc = pck.fmspc();
    format!("FMSPC {fmspc}, {ca} CA")
}

//! Which signature, revocation or issuer is at fault. `dcap-qvl` stops at the first thing wrong, and
//! its text does not say in which of three chains; so after a refusal each is looked at. Nothing is
//! ever accepted here.

use super::{Anchor, Case, PckChain};
use crate::{
    PckCa,
    artefact::ArtefactKind,
    certificates::{CertificateFacts, has_signed, is_signed_by, issuer},
    reason::Reason,
};

pub(super) fn diagnose(case: &Case<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if !leads_to_root(case.pck, case.root) {
        reasons.push(not_intel(case.anchor));
    }
    reasons.extend(unsigned(case));
    reasons.extend(revoked(case));
    reasons
}

pub(super) fn leads_to_root(pck: &PckChain, root: &CertificateFacts) -> bool {
    is_signed_by(&pck.ca_der, &root.key) && is_signed_by(&pck.leaf_der, &pck.ca.key)
}

pub(super) fn not_intel(anchor: &Anchor) -> Reason {
    let detail = "its certificates are not signed from there".to_owned();
    Reason::PckChainNotIntel { root: anchor.name(), detail }
}

fn unsigned(case: &Case<'_>) -> Vec<Reason> {
    let raw = case.collateral.raw();
    let chains = &case.collateral.chains;
    let by = case.anchor.name();
    let root = &case.root.key;
    let mut parts = vec![
        (ArtefactKind::RootCrl, raw.root_ca_crl.as_slice()),
        (ArtefactKind::TcbSigner, chains.tcb_info.leaf()),
    ];
    if !chains.has_one_signer() {
        parts.push((ArtefactKind::QeIdentitySigner, chains.qe_identity.leaf()));
    }
    let mut reasons: Vec<Reason> = parts
        .into_iter()
        .filter(|(_, der)| !is_signed_by(der, root))
        .map(|(artefact, _)| Reason::NotSigned { artefact, by })
        .collect();
    if PckCa::of_issuer(&issuer(&case.pck.leaf_der)) != Some(case.collateral.ca()) {
        reasons.push(Reason::PckCrlOtherCa);
    } else if !is_signed_by(&raw.pck_crl, &case.pck.ca.key) {
        let (artefact, by) = (ArtefactKind::PckCrl, "the CA of the platform's certificate");
        reasons.push(Reason::NotSigned { artefact, by });
    }
    // `dcap-qvl` reads a document before it looks at its signature.
    let documents = [
        (ArtefactKind::TcbInfo, &chains.tcb_info, &raw.tcb_info, &raw.tcb_info_signature),
        (
            ArtefactKind::QeIdentity,
            &chains.qe_identity,
            &raw.qe_identity,
            &raw.qe_identity_signature,
        ),
    ];
    let forged = documents
        .into_iter()
        .filter(|(_, signer, text, signature)| !has_signed(signer.leaf(), text, signature));
    reasons.extend(
        forged.map(|(artefact, ..)| Reason::NotSigned { artefact, by: "its signing certificate" }),
    );
    reasons
}

fn revoked(case: &Case<'_>) -> Vec<Reason> {
    let (root_crl, pck_crl) = (&case.collateral.root_crl, &case.collateral.pck_crl);
    let chains = &case.collateral.chains;
    let serial =
        |der: &[u8]| CertificateFacts::read(der).map(|facts| facts.serial).unwrap_or_default();
    let mut parts = vec![
        (ArtefactKind::Root, root_crl, case.root.serial.clone()),
        (ArtefactKind::PckCa, root_crl, case.pck.ca.serial.clone()),
        (ArtefactKind::PckCertificate, pck_crl, case.pck.leaf.serial.clone()),
        (ArtefactKind::TcbSigner, root_crl, serial(chains.tcb_info.leaf())),
    ];
    if !chains.has_one_signer() {
        let serial = serial(chains.qe_identity.leaf());
        parts.push((ArtefactKind::QeIdentitySigner, root_crl, serial));
    }
    parts
        .into_iter()
        .filter(|(_, list, serial)| list.revokes(serial))
        .map(|(artefact, ..)| Reason::Revoked { artefact })
        .collect()
}

mod documents;
mod error;

use dcap_qvl::QuoteCollateralV3;
use holobiont_identity::{Digest, framing::Framed};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use self::documents::{QeIdentity, TcbInfo};
pub use self::error::CollateralError;
use crate::{
    artefact::{Artefact, ArtefactKind},
    certificates::{CertificateFacts, Chain, CrlFacts},
    event_log::shown,
};

/// The largest collateral that is read, in bytes, whatever its form. Intel's takes 24 KB as JSON.
pub const MAX_COLLATERAL_BYTES: usize = 128 * 1024;

/// The largest TCB info or QE identity, in bytes. Intel's take 6 KB.
pub const MAX_DOCUMENT_BYTES: usize = 32 * 1024;

/// The largest revocation list, in bytes. Intel's take 3.4 KB.
pub const MAX_CRL_BYTES: usize = 32 * 1024;

/// Which of Intel's two CAs certified a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PckCa {
    /// Multi-package platforms, and every TDX server.
    Platform,
    /// Single-package platforms.
    Processor,
}

impl PckCa {
    /// `"platform"` or `"processor"`, as in the URLs of Intel's service.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Processor => "processor",
        }
    }

    /// By the name of the CA that issued a certificate or revocation list.
    pub(crate) fn of_issuer(name: &str) -> Option<Self> {
        match (name.contains("Platform"), name.contains("Processor")) {
            (true, false) => Some(Self::Platform),
            (false, true) => Some(Self::Processor),
            _ => None,
        }
    }
}

impl std::fmt::Display for PckCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The parts of collateral as Intel's service gives them, in `dcap-qvl`'s JSON form
/// (`QuoteCollateralV3`): documents byte for byte as they were signed, the rest PEM and hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollateralParts {
    /// PEM chain of the CA that signed `pck_crl`.
    pub pck_crl_issuer_chain: String,
    /// The root's revocation list, DER.
    #[serde(with = "hex::serde")]
    pub root_ca_crl: Vec<u8>,
    /// The PCK CA's revocation list, DER.
    #[serde(with = "hex::serde")]
    pub pck_crl: Vec<u8>,
    /// PEM chain of the certificate that signed `tcb_info`.
    pub tcb_info_issuer_chain: String,
    /// The signed JSON text.
    pub tcb_info: String,
    /// ECDSA P-256, r then s.
    #[serde(with = "hex::serde")]
    pub tcb_info_signature: Vec<u8>,
    /// PEM chain of the certificate that signed `qe_identity`.
    pub qe_identity_issuer_chain: String,
    /// The signed JSON text.
    pub qe_identity: String,
    /// ECDSA P-256, r then s.
    #[serde(with = "hex::serde")]
    pub qe_identity_signature: Vec<u8>,
    /// Some tools put one platform's PCK chain here. It is never used in place of the quote's: where
    /// it is another platform's, the collateral is refused for the quote, and it is never written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pck_certificate_chain: Option<String>,
}

/// What Intel says of one platform model at one time: TCB info, QE identity, revocation lists and
/// their signers' certificates. Parsed and bounded, but *not believed*: it may come from anybody, and
/// every verification checks it again.
///
/// White space around certificates does not count: the [`id`](Self::id) is of the parsed parts.
///
/// *Limits*: [`MAX_COLLATERAL_BYTES`] in all, [`MAX_DOCUMENT_BYTES`] and [`MAX_CRL_BYTES`] a part.
///
/// ```
/// use holobiont_attestation::{Collateral, CollateralError};
///
/// let refused = Collateral::from_json("{}").unwrap_err();
/// assert!(matches!(refused, CollateralError::Malformed { .. }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collateral {
    /// As `dcap-qvl` takes it: of the chains only the signers, which must be directly under the root,
    /// and no PCK chain.
    raw: QuoteCollateralV3,
    /// SHA-256 of the PCK certificate that it was fetched for, where it says so.
    made_for: Option<[u8; 32]>,
    fmspc: [u8; 6],
    pce_id: [u8; 2],
    ca: PckCa,
    artefacts: Vec<Artefact>,
    pub(crate) chains: Chains,
    pub(crate) root_crl: CrlFacts,
    pub(crate) pck_crl: CrlFacts,
}

/// The three signers' chains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chains {
    pub(crate) tcb_info: Chain,
    pub(crate) qe_identity: Chain,
    pub(crate) pck_crl: Chain,
}

impl Chains {
    /// Intel signs both documents with one certificate.
    pub(crate) fn has_one_signer(&self) -> bool {
        self.tcb_info.leaf() == self.qe_identity.leaf()
    }
}

impl Collateral {
    /// Reads the parts.
    ///
    /// # Errors
    ///
    /// [`CollateralError`] for a part that is too large, malformed or for SGX without TDX.
    pub fn new(parts: &CollateralParts) -> Result<Self, CollateralError> {
        check_sizes(parts)?;
        let tcb_info = TcbInfo::read(&parts.tcb_info)?;
        let qe_identity = QeIdentity::read(&parts.qe_identity)?;
        let crl = |part, der| CrlFacts::read(der).map_err(|why| malformed(part, why));
        let root_crl = crl("root CRL", &parts.root_ca_crl)?;
        let pck_crl = crl("PCK CRL", &parts.pck_crl)?;
        let chain = |part, pem: &str| {
            Chain::from_exact_pem(pem.as_bytes()).map_err(|why| malformed(part, why))
        };
        let chains = Chains {
            tcb_info: chain("TCB info issuer chain", &parts.tcb_info_issuer_chain)?,
            qe_identity: chain("QE identity issuer chain", &parts.qe_identity_issuer_chain)?,
            pck_crl: chain("PCK CRL issuer chain", &parts.pck_crl_issuer_chain)?,
        };
        let signer = |kind, chain: &Chain| {
            let facts = CertificateFacts::read(chain.leaf());
            let facts = facts.map_err(|why| malformed(ArtefactKind::name(kind), why))?;
            Ok(Artefact::new(kind, facts.window, None))
        };
        let mut artefacts = vec![
            tcb_info.artefact()?,
            qe_identity.artefact()?,
            Artefact::new(ArtefactKind::RootCrl, root_crl.window, Some(root_crl.number)),
            Artefact::new(ArtefactKind::PckCrl, pck_crl.window, Some(pck_crl.number)),
            signer(ArtefactKind::TcbSigner, &chains.tcb_info)?,
            signer(ArtefactKind::PckCrlIssuer, &chains.pck_crl)?,
        ];
        if !chains.has_one_signer() {
            artefacts.push(signer(ArtefactKind::QeIdentitySigner, &chains.qe_identity)?);
        }
        let made_for = parts.pck_certificate_chain.as_ref().map(|pem| {
            let why = |why| malformed("PCK certificate chain", why);
            let leaf = Chain::from_pem(pem.as_bytes()).map_err(why)?;
            Ok(Sha256::digest(leaf.leaf()).into())
        });
        let read = Self {
            raw: raw(parts, &chains),
            made_for: made_for.transpose()?,
            fmspc: tcb_info.fmspc()?,
            pce_id: tcb_info.pce_id()?,
            ca: PckCa::of_issuer(&pck_crl.issuer).ok_or_else(|| {
                malformed("PCK CRL", format!("`{}` is no PCK CA of Intel's", pck_crl.issuer))
            })?,
            artefacts,
            chains,
            root_crl,
            pck_crl,
        };
        // Parts within their limits may be too much together: what is read can be written, and read
        // again.
        check_size("collateral", read.to_json().len(), MAX_COLLATERAL_BYTES)?;
        Ok(read)
    }

    /// Reads `dcap-qvl`'s JSON form.
    ///
    /// # Errors
    ///
    /// [`CollateralError`], also for text over [`MAX_COLLATERAL_BYTES`] and unknown fields.
    pub fn from_json(text: &str) -> Result<Self, CollateralError> {
        check_size("collateral", text.len(), MAX_COLLATERAL_BYTES)?;
        let parts: CollateralParts = serde_json::from_str(text)
            .map_err(|error| malformed("collateral JSON", error.to_string()))?;
        Self::new(&parts)
    }

    /// Writes that form, with chains in one encoding and without a PCK chain.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.parts()).unwrap_or_default()
    }

    /// The parts, chains in one encoding.
    pub fn parts(&self) -> CollateralParts {
        let raw = self.raw.clone();
        CollateralParts {
            pck_crl_issuer_chain: self.chains.pck_crl.to_pem(),
            root_ca_crl: raw.root_ca_crl,
            pck_crl: raw.pck_crl,
            tcb_info_issuer_chain: self.chains.tcb_info.to_pem(),
            tcb_info: raw.tcb_info,
            tcb_info_signature: raw.tcb_info_signature,
            qe_identity_issuer_chain: self.chains.qe_identity.to_pem(),
            qe_identity: raw.qe_identity,
            qe_identity_signature: raw.qe_identity_signature,
            pck_certificate_chain: None,
        }
    }

    /// Its content address: `blake3("holobiont-collateral|" ‖ 0x01 ‖ the parts, framed)`, with chains
    /// as framed lists of DER certificates.
    pub fn id(&self) -> Digest {
        let raw = &self.raw;
        let mut framed = Framed::new();
        framed.fixed(b"holobiont-collateral|").u8(1);
        framed.blob(&raw.tcb_info).blob(&raw.tcb_info_signature);
        framed.blob(&raw.qe_identity).blob(&raw.qe_identity_signature);
        framed.blob(&raw.root_ca_crl).blob(&raw.pck_crl);
        for chain in [&self.chains.tcb_info, &self.chains.qe_identity, &self.chains.pck_crl] {
            framed.count(chain.der().len());
            for der in chain.der() {
                framed.blob(der);
            }
        }
        framed.digest()
    }

    /// The platform model that it is for.
    pub const fn fmspc(&self) -> [u8; 6] {
        self.fmspc
    }

    /// The CA whose revocation list it has.
    pub const fn ca(&self) -> PckCa {
        self.ca
    }

    /// Its dated parts, documents first.
    pub fn artefacts(&self) -> &[Artefact] {
        &self.artefacts
    }

    /// Its last valid second, and the name of the part that ends first.
    pub fn expires(&self) -> (u64, &'static str) {
        let first = self.artefacts.iter().min_by_key(|artefact| artefact.next_update_s);
        first.map_or((0, "nothing"), |artefact| (artefact.next_update_s, artefact.name))
    }

    pub(crate) const fn pce_id(&self) -> [u8; 2] {
        self.pce_id
    }

    pub(crate) const fn raw(&self) -> &QuoteCollateralV3 {
        &self.raw
    }

    /// What `dcap-qvl` takes for a quote with this PCK chain, in PEM. It reads a chain that stands
    /// here and not the quote's, so it cannot see other certificates in the quote than we do.
    pub(crate) fn to_dcap(&self, pck_chain_pem: &str) -> QuoteCollateralV3 {
        let pck_certificate_chain = Some(pck_chain_pem.to_owned());
        QuoteCollateralV3 { pck_certificate_chain, ..self.raw.clone() }
    }

    /// Whether it says that it was fetched for another PCK certificate than that of this SHA-256.
    pub(crate) fn is_made_for_other(&self, pck_sha256: [u8; 32]) -> bool {
        self.made_for.is_some_and(|made_for| made_for != pck_sha256)
    }

    pub(crate) fn number(&self, kind: ArtefactKind) -> u64 {
        let artefact = self.artefacts.iter().find(|artefact| artefact.kind == kind);
        artefact.and_then(|artefact| artefact.number).unwrap_or_default()
    }
}

fn raw(parts: &CollateralParts, chains: &Chains) -> QuoteCollateralV3 {
    QuoteCollateralV3 {
        pck_crl_issuer_chain: String::new(),
        root_ca_crl: parts.root_ca_crl.clone(),
        pck_crl: parts.pck_crl.clone(),
        tcb_info_issuer_chain: chains.tcb_info.leaf_for_dcap(),
        tcb_info: parts.tcb_info.clone(),
        tcb_info_signature: parts.tcb_info_signature.clone(),
        qe_identity_issuer_chain: chains.qe_identity.leaf_for_dcap(),
        qe_identity: parts.qe_identity.clone(),
        qe_identity_signature: parts.qe_identity_signature.clone(),
        // Each quote's own: see `to_dcap`.
        pck_certificate_chain: None,
    }
}

fn check_sizes(parts: &CollateralParts) -> Result<(), CollateralError> {
    check_size("TCB info", parts.tcb_info.len(), MAX_DOCUMENT_BYTES)?;
    check_size("QE identity", parts.qe_identity.len(), MAX_DOCUMENT_BYTES)?;
    check_size("root CRL", parts.root_ca_crl.len(), MAX_CRL_BYTES)?;
    check_size("PCK CRL", parts.pck_crl.len(), MAX_CRL_BYTES)?;
    for (part, signature) in [
        ("TCB info signature", &parts.tcb_info_signature),
        ("QE identity signature", &parts.qe_identity_signature),
    ] {
        if signature.len() != 64 {
            return Err(malformed(part, format!("{} bytes, 64 expected", signature.len())));
        }
    }
    Ok(())
}

fn check_size(part: &'static str, got: usize, limit: usize) -> Result<(), CollateralError> {
    if got > limit {
        return Err(CollateralError::TooLarge { part, got_bytes: got, limit_bytes: limit });
    }
    Ok(())
}

/// What is wrong may be told with words of whoever wrote the part.
fn malformed(part: &'static str, why: impl AsRef<str>) -> CollateralError {
    CollateralError::Malformed { part, why: shown(why.as_ref()) }
}

//! A platform's own certificates, as its quotes carry them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest as _, Sha256};

use super::{Anchor, sgx_extension::platform};
use crate::{
    PckCa, Platform, Quote,
    certificates::{self, CertificateFacts, Chain},
    event_log::shown,
    reason::Reason,
};

/// How many platforms' chains are kept read, some 10 KB each. Past it all are forgotten, and read
/// again.
const MAX_KNOWN: usize = 256;

/// The platform's certificates in the quote.
#[derive(Debug)]
pub(crate) struct PckChain {
    pub(crate) leaf_der: Vec<u8>,
    pub(crate) leaf: CertificateFacts,
    pub(crate) ca_der: Vec<u8>,
    pub(crate) ca: CertificateFacts,
    /// Leaf and CA, for `dcap-qvl`.
    pub(crate) pem: String,
    pub(crate) leaf_sha256: [u8; 32],
    /// What the leaf's SGX extension says, where it can be read.
    pub(crate) platform: Option<Platform>,
}

impl PckChain {
    /// Exactly leaf and CA, with or without the root: any other shape is refused before a signature
    /// is looked at, so that a long chain costs nothing.
    fn read(quote: &Quote, anchor: &Anchor) -> Result<Self, Reason> {
        let refuse = |detail| Reason::PckChainNotIntel { root: anchor.name(), detail };
        let Some(pem) = quote.pck_chain_pem() else {
            let kind = quote.certification_kind();
            return Err(refuse(format!("the quote carries none (certification data {kind})")));
        };
        let chain = Chain::from_pem(pem).map_err(|why| refuse(shown(&why)))?;
        let certificates = chain.without_root(&anchor.der);
        let [leaf_der, ca_der] = certificates else {
            let ends = "it is not a PCK certificate, its CA and this root";
            return Err(refuse(ends.to_owned()));
        };
        Ok(Self {
            leaf: CertificateFacts::read(leaf_der).map_err(refuse)?,
            leaf_der: leaf_der.clone(),
            ca: CertificateFacts::read(ca_der).map_err(refuse)?,
            ca_der: ca_der.clone(),
            pem: certificates::pem_for_dcap(certificates),
            leaf_sha256: Sha256::digest(leaf_der).into(),
            platform: platform(leaf_der),
        })
    }

    /// The platform model, in hex.
    pub(crate) fn fmspc(&self) -> String {
        let platform = self.platform.as_ref();
        platform.map_or_else(|| "unknown".to_owned(), |platform| hex::encode(platform.fmspc))
    }
}

/// The platform model (FMSPC) that a quote's PCK certificate names, and which of Intel's CAs is
/// said to have issued it: which collateral to look for. Nothing is verified here.
///
/// None where the quote carries no PCK chain, or one that cannot be read.
pub fn claimed_platform(quote: &Quote) -> Option<([u8; 6], PckCa)> {
    let chain = Chain::from_pem(quote.pck_chain_pem()?).ok()?;
    let leaf = chain.leaf();
    Some((platform(leaf)?.fmspc, PckCa::of_issuer(&certificates::issuer(leaf))?))
}

/// The chains of platforms that were accepted, read, by their PEM: a pure function of it. Whether
/// they hold is decided every time.
#[derive(Debug, Default)]
pub(crate) struct KnownChains(Mutex<BTreeMap<Vec<u8>, Arc<PckChain>>>);

impl KnownChains {
    pub(super) fn read(&self, quote: &Quote, anchor: &Anchor) -> Result<Arc<PckChain>, Reason> {
        let known = quote.pck_chain_pem().and_then(|pem| self.chains().get(pem).map(Arc::clone));
        known.map_or_else(|| PckChain::read(quote, anchor).map(Arc::new), Ok)
    }

    pub(super) fn learn(&self, quote: &Quote, pck: &Arc<PckChain>) {
        let (Some(pem), mut chains) = (quote.pck_chain_pem(), self.chains()) else { return };
        if chains.contains_key(pem) {
            return;
        }
        if chains.len() >= MAX_KNOWN {
            chains.clear();
        }
        chains.insert(pem.to_vec(), Arc::clone(pck));
    }

    fn chains(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Arc<PckChain>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

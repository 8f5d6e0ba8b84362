use std::sync::Arc;

use holobiont_attestation::PckCa;
use rcgen::CustomExtension;
use ring::digest::{SHA256, digest};

use crate::SimulatedError;
use crate::authorities::{Authorities, PCK_SERIAL, failed, leaf, turn_last_bit};
use crate::dates::YEAR_S;
use crate::documents::{
    CPU_SVN, PCE_ID, QE_PRODUCT, QE_SIGNER, SIMULATED_FMSPC, TDX_MICROCODE_SVN,
};
use crate::key::Key;
use crate::knobs::{Chain, Knobs, PlatformKnobs, Signed};
use crate::quote::{self, Body, QuoteForm, QuotingEnclave};
use crate::saved::{self, Saved};
use crate::sgx_extension::{SGX_EXTENSION, SgxExtension};

/// A machine with a fake processor: it has a PCK certificate, and a quoting enclave that signs for
/// any number of guests.
///
/// Its copies are the same machine.
#[derive(Clone, Debug)]
pub struct SimulatedPlatform {
    index: u32,
    pub(crate) knobs: Arc<Knobs>,
    pck: Key,
    pck_chain_pem: Arc<str>,
    attestation_key: Key,
    enclave: Arc<QuotingEnclave>,
}

impl SimulatedPlatform {
    pub(crate) fn new(
        index: u32,
        ca: PckCa,
        now_s: u64,
        authorities: &Authorities,
        knobs: Arc<Knobs>,
    ) -> Result<Self, SimulatedError> {
        let pck = Key::generate()?;
        let mut params = leaf(
            "Simulated SGX PCK Certificate",
            PCK_SERIAL.saturating_add(index.into()),
            knobs.spans.pck.around(now_s, YEAR_S, 6 * YEAR_S),
        )?;
        let extension = sgx_extension(index, ca, &knobs.platform).der();
        params.custom_extensions =
            vec![CustomExtension::from_oid_content(&SGX_EXTENSION, extension)];
        let certificate =
            params.signed_by(&pck, authorities.pck_ca(ca)).map_err(failed("a PCK certificate"))?;
        let pck_chain_pem: Arc<str> = match knobs.chain {
            Chain::Missing => "".into(),
            _ => [certificate.pem(), authorities.ca_chain_pem(ca)].concat().into(),
        };
        let attestation_key = Key::generate()?;
        let enclave = vouch(&pck, &attestation_key, &pck_chain_pem, &knobs)?.into();
        Ok(Self { index, knobs, pck, pck_chain_pem, attestation_key, enclave })
    }

    /// The machine, **PRIVATE KEYS AND ALL**, for other processes of the same simulation. No real
    /// machine's keys can be had like this, and nobody but a
    /// [`SimulatedRoot`](crate::SimulatedRoot) vouches for these.
    pub fn to_json(&self) -> String {
        saved::to_json(&self.saved())
    }

    /// The machine that [`to_json`](Self::to_json) gave. What was wrong with it, by a
    /// [`Fault`](crate::Fault), has stayed where it was.
    ///
    /// # Errors
    ///
    /// [`SimulatedError::Saved`] where the text is something else, else [`SimulatedError::Key`].
    pub fn from_json(json: &str) -> Result<Self, SimulatedError> {
        let Saved { index, pck, attestation_key, pck_chain_pem } = saved::from_json(json)?;
        let knobs = Arc::new(Knobs::default());
        let enclave = vouch(&pck, &attestation_key, &pck_chain_pem, &knobs)?.into();
        let pck_chain_pem = pck_chain_pem.into();
        Ok(Self { index, knobs, pck, pck_chain_pem, attestation_key, enclave })
    }

    /// The same machine after its quoting enclave made a new attestation key.
    ///
    /// # Errors
    ///
    /// [`SimulatedError::Key`].
    pub fn with_new_attestation_key(&self) -> Result<Self, SimulatedError> {
        let attestation_key = Key::generate()?;
        let enclave = vouch(&self.pck, &attestation_key, &self.pck_chain_pem, &self.knobs)?.into();
        Ok(Self { attestation_key, enclave, ..self.clone() })
    }

    /// Which of the fake Intel's machines it is.
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// The platform instance id (PIID) that a Platform CA certifies the machine under. A
    /// Processor CA knows no instances.
    pub fn instance_id(&self) -> [u8; 16] {
        instance_id(self.index)
    }

    fn saved(&self) -> Saved {
        Saved {
            index: self.index,
            pck: self.pck.clone(),
            attestation_key: self.attestation_key.clone(),
            pck_chain_pem: self.pck_chain_pem.to_string(),
        }
    }

    pub(crate) fn tee_tcb_svn(&self, module: u8) -> [u8; 16] {
        let mut svn = [0; 16];
        svn[0] = module;
        svn[1] = self.knobs.platform.module_version;
        svn[2] = TDX_MICROCODE_SVN;
        svn
    }

    pub(crate) fn quote(&self, form: QuoteForm, body: &Body) -> Result<Vec<u8>, SimulatedError> {
        let signed = quote::signed_region(form, body)?;
        let mut signature = self.attestation_key.sign_fixed(&signed)?;
        if self.knobs.forged == Some(Signed::Body) {
            turn_last_bit(&mut signature);
        }
        quote::quote(&signed, &signature, &self.attestation_key.point()?, &self.enclave)
    }
}

/// The quoting enclave's report over the attestation key, signed by the PCK.
fn vouch(
    pck: &Key,
    attestation_key: &Key,
    pck_chain_pem: &str,
    knobs: &Knobs,
) -> Result<QuotingEnclave, SimulatedError> {
    let wanted = &knobs.platform;
    let authentication_data = *b"holobiont simulated TD_QE nonce ";
    let mut vouched = [0; 32];
    let key_hash = digest(&SHA256, &[&attestation_key.point()?[..], &authentication_data].concat());
    for (to, from) in vouched.iter_mut().zip(key_hash.as_ref()) {
        *to = *from;
    }
    if knobs.forged == Some(Signed::AttestationKey) {
        turn_last_bit(&mut vouched);
    }
    let mut signer = QE_SIGNER;
    if wanted.qe_other_signer {
        turn_last_bit(&mut signer);
    }
    let (isv_svn, debug) = (wanted.qe_isv_svn, wanted.qe_debug);
    let report = quote::enclave_report(isv_svn, debug, &signer, QE_PRODUCT, &vouched);
    let mut signature = pck.sign_fixed(&report)?;
    if knobs.forged == Some(Signed::QeReport) {
        turn_last_bit(&mut signature);
    }
    Ok(QuotingEnclave {
        report,
        signature,
        authentication_data,
        pck_chain_pem: pck_chain_pem.to_owned(),
    })
}

fn sgx_extension(index: u32, ca: PckCa, wanted: &PlatformKnobs) -> SgxExtension {
    SgxExtension {
        ppid: numbered(*b"SIMULATEPPID", index),
        cpu_svn: CPU_SVN,
        pce_svn: wanted.pce_svn,
        pce_id: PCE_ID,
        fmspc: SIMULATED_FMSPC,
        platform_instance: (ca == PckCa::Platform).then(|| instance_id(index)),
    }
}

fn instance_id(index: u32) -> [u8; 16] {
    numbered(*b"SIMULATEPIID", index)
}

/// Twelve letters and a number: an id that nobody takes for a real one.
fn numbered(name: [u8; 12], index: u32) -> [u8; 16] {
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(name.into_iter().chain(index.to_be_bytes())) {
        *to = from;
    }
    id
}

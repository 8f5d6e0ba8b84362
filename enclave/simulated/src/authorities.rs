use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber,
};

use holobiont_attestation::PckCa;

use crate::dates::{Span, Validity, YEAR_S, moment};
use crate::key::Key;
use crate::knobs::{Certified, Chain, Knobs, Signed};
use crate::{MARK, SimulatedError};

pub(crate) type Authority = CertifiedIssuer<'static, Key>;

const ROOT_SERIAL: u64 = 0x5100_0000_0000_0001;
const PLATFORM_CA_SERIAL: u64 = 0x5100_0000_0000_0002;
const PROCESSOR_CA_SERIAL: u64 = 0x5100_0000_0000_0003;
const TCB_SIGNER_SERIAL: u64 = 0x5100_0000_0000_0004;
const BETWEEN_SERIAL: u64 = 0x5100_0000_0000_0005;
/// That of platform 0; platform `n` has the `n`th after it.
pub(crate) const PCK_SERIAL: u64 = 0x5200_0000_0000_0000;

/// Those who sign: the root, the two PCK CAs, and the signer of TCB info and QE identity.
#[derive(Debug)]
pub(crate) struct Authorities {
    root: Authority,
    platform_ca: Authority,
    processor_ca: Authority,
    tcb_signer: Authority,
    /// Between the signer and the root, where it must not be.
    between: Option<Authority>,
}

impl Authorities {
    pub(crate) fn new(now_s: u64, knobs: &Knobs) -> Result<Self, SimulatedError> {
        let spans = &knobs.spans;
        let ca_validity = |span: Span| span.around(now_s, 3 * YEAR_S, 12 * YEAR_S);
        let root = CertifiedIssuer::self_signed(
            ca(
                "Simulated SGX Root CA",
                ROOT_SERIAL,
                spans.root.around(now_s, 5 * YEAR_S, 25 * YEAR_S),
            )?,
            Key::generate()?,
        )
        .map_err(failed("the root's certificate"))?;
        let pck_ca = |name, serial| {
            issued("a PCK CA's certificate", ca(name, serial, ca_validity(spans.pck_ca))?, &root)
        };
        let between = (knobs.chain == Chain::SignerBelow)
            .then(|| {
                let params =
                    ca("Simulated SGX Middle CA", BETWEEN_SERIAL, ca_validity(spans.root))?;
                issued("a middle CA's certificate", params, &root)
            })
            .transpose()?;
        let signer = leaf(
            "Simulated SGX TCB Signing",
            TCB_SIGNER_SERIAL,
            spans.tcb_signer.around(now_s, YEAR_S, 6 * YEAR_S),
        )?;
        let tcb_signer =
            issued("the TCB signer's certificate", signer, between.as_ref().unwrap_or(&root))?;
        Ok(Self {
            platform_ca: pck_ca("Simulated SGX PCK Platform CA", PLATFORM_CA_SERIAL)?,
            processor_ca: pck_ca("Simulated SGX PCK Processor CA", PROCESSOR_CA_SERIAL)?,
            tcb_signer,
            between,
            root,
        })
    }

    pub(crate) const fn root(&self) -> &Authority {
        &self.root
    }

    pub(crate) const fn pck_ca(&self, ca: PckCa) -> &Authority {
        match ca {
            PckCa::Platform => &self.platform_ca,
            PckCa::Processor => &self.processor_ca,
        }
    }

    pub(crate) fn tcb_signer(&self) -> &Key {
        self.tcb_signer.key()
    }

    /// Whose the signature over TCB info and QE identity is: signer first, root last.
    pub(crate) fn signer_chain_pem(&self) -> String {
        let between = self.between.as_ref().map(Authority::pem).unwrap_or_default();
        [self.tcb_signer.pem(), between, self.root.pem()].concat()
    }

    /// The chain above a PCK certificate of this CA: the CA first, root last.
    pub(crate) fn ca_chain_pem(&self, ca: PckCa) -> String {
        [self.pck_ca(ca).pem(), self.root.pem()].concat()
    }

    /// The root's revocation list, DER.
    pub(crate) fn root_crl(
        &self,
        dates: Validity,
        knobs: &Knobs,
    ) -> Result<Vec<u8>, SimulatedError> {
        let revoked = match knobs.revoked {
            Some(Certified::Root) => vec![ROOT_SERIAL],
            Some(Certified::PckCa) => vec![PLATFORM_CA_SERIAL, PROCESSOR_CA_SERIAL],
            Some(Certified::TcbSigner) => vec![TCB_SIGNER_SERIAL],
            Some(Certified::Pck) | None => Vec::new(),
        };
        let forged = knobs.forged == Some(Signed::RootCrl);
        revocation_list(&self.root, dates, knobs.documents.root_crl_number, &revoked, forged)
    }

    /// A PCK CA's revocation list, DER.
    pub(crate) fn pck_crl(
        &self,
        ca: PckCa,
        dates: Validity,
        knobs: &Knobs,
    ) -> Result<Vec<u8>, SimulatedError> {
        let revoked = (knobs.revoked == Some(Certified::Pck)).then_some(PCK_SERIAL);
        let forged = knobs.forged == Some(Signed::PckCrl);
        let number = knobs.documents.pck_crl_number;
        revocation_list(self.pck_ca(ca), dates, number, revoked.as_slice(), forged)
    }
}

/// The parameters of a certificate that signs nothing but what it is there for.
pub(crate) fn leaf(
    name: &str,
    serial: u64,
    validity: Validity,
) -> Result<CertificateParams, SimulatedError> {
    let mut params = CertificateParams::default();
    params.not_before = moment(validity.from_s)?;
    params.not_after = moment(validity.until_s)?;
    params.serial_number = Some(SerialNumber::from(serial));
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, MARK);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn ca(name: &str, serial: u64, validity: Validity) -> Result<CertificateParams, SimulatedError> {
    let mut params = leaf(name, serial, validity)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn issued(
    what: &'static str,
    params: CertificateParams,
    issuer: &Authority,
) -> Result<Authority, SimulatedError> {
    CertifiedIssuer::signed_by(params, Key::generate()?, issuer).map_err(failed(what))
}

fn revocation_list(
    authority: &Authority,
    dates: Validity,
    number: u64,
    revoked: &[u64],
    forged: bool,
) -> Result<Vec<u8>, SimulatedError> {
    let this_update = moment(dates.from_s)?;
    let list = CertificateRevocationListParams {
        this_update,
        next_update: moment(dates.until_s)?,
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: revoked
            .iter()
            .map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from(*serial),
                revocation_time: this_update,
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            })
            .collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let signed = list.signed_by(authority).map_err(failed("a revocation list"))?;
    let mut der = signed.der().to_vec();
    if forged {
        turn_last_bit(&mut der);
    }
    Ok(der)
}

/// Makes a signature at the end of `bytes` one that its signer never gave.
pub(crate) fn turn_last_bit(bytes: &mut [u8]) {
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
}

/// For `map_err`: the certificate library refused to make this.
pub(crate) fn failed(what: &'static str) -> impl Fn(rcgen::Error) -> SimulatedError {
    move |source| SimulatedError::Certificate { what, source }
}

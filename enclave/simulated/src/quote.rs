use crate::SimulatedError;

/// The wire format of a quote: its version and the form of its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QuoteForm {
    /// Version 4, a TDX 1.0 body.
    #[default]
    V4,
    /// Version 5, a TDX 1.0 body (type 2).
    V5Td10,
    /// Version 5, a TDX 1.5 body (type 3).
    V5Td15,
    /// Version 5, an extended TDX 1.5 body (type 4).
    V5Td15Extended,
}

impl QuoteForm {
    /// Every form there is.
    pub const ALL: [Self; 4] = [Self::V4, Self::V5Td10, Self::V5Td15, Self::V5Td15Extended];

    const fn version(self) -> u16 {
        match self {
            Self::V4 => 4,
            Self::V5Td10 | Self::V5Td15 | Self::V5Td15Extended => 5,
        }
    }

    const fn body_type(self) -> u16 {
        match self {
            Self::V4 | Self::V5Td10 => 2,
            Self::V5Td15 => 3,
            Self::V5Td15Extended => 4,
        }
    }
}

/// Intel's id as the vendor of the quoting enclave.
const VENDOR: [u8; 16] = [
    0x93, 0x9A, 0x72, 0x33, 0xF7, 0x9C, 0x4C, 0xA9, 0x94, 0x0A, 0x0D, 0xB3, 0x95, 0x7F, 0x06, 0x07,
];
/// ECDSA over P-256.
const ATTESTATION_KEY_TYPE: u16 = 2;
const TEE_TDX: u32 = 0x81;
/// What the extended 1.5 body adds: VM index, instance id, devices, service TDs at creation and
/// now, first TCB. All zero for a guest without service TDs.
const EXTENSION_BYTES: usize = 1 + 32 + 48 + 48 + 8 + 16 + 16 + 12 + 48 + 8;

const QE_REPORT_CERTIFICATION: u16 = 6;
const PCK_CHAIN_CERTIFICATION: u16 = 5;

/// What a guest's report says, in the order in which a body has it.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) tee_tcb_svn: [u8; 16],
    pub(crate) mrseam: [u8; 48],
    pub(crate) mrsignerseam: [u8; 48],
    pub(crate) seam_attributes: [u8; 8],
    pub(crate) td_attributes: [u8; 8],
    pub(crate) xfam: [u8; 8],
    pub(crate) mrtd: [u8; 48],
    pub(crate) mrconfigid: [u8; 48],
    pub(crate) mrowner: [u8; 48],
    pub(crate) mrownerconfig: [u8; 48],
    pub(crate) rtmr: [[u8; 48]; 4],
    pub(crate) report_data: [u8; 64],
    pub(crate) tee_tcb_svn2: [u8; 16],
    pub(crate) mrservicetd: [u8; 48],
}

/// The quoting enclave's own report, and what vouches for it.
#[derive(Clone, Debug)]
pub(crate) struct QuotingEnclave {
    pub(crate) report: Vec<u8>,
    pub(crate) signature: [u8; 64],
    pub(crate) authentication_data: [u8; 32],
    pub(crate) pck_chain_pem: String,
}

/// Header, body descriptor (version 5) and body: what the attestation key signs.
///
/// Source of the format: Intel, "TDX DCAP Quoting Library API", appendix A.
pub(crate) fn signed_region(form: QuoteForm, body: &Body) -> Result<Vec<u8>, SimulatedError> {
    let body = body_bytes(form, body);
    let mut bytes = Vec::new();
    bytes.extend(form.version().to_le_bytes());
    bytes.extend(ATTESTATION_KEY_TYPE.to_le_bytes());
    bytes.extend(TEE_TDX.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(VENDOR);
    bytes.extend(*b"holobiont simulated\0");
    if form.version() == 5 {
        bytes.extend(form.body_type().to_le_bytes());
        bytes.extend(length_u32("quote body", &body)?);
    }
    bytes.extend(body);
    Ok(bytes)
}

/// The whole quote: the signed region, then the signature and everything that vouches for it.
pub(crate) fn quote(
    signed: &[u8],
    signature: &[u8; 64],
    attestation_key: &[u8; 64],
    enclave: &QuotingEnclave,
) -> Result<Vec<u8>, SimulatedError> {
    let chain = enclave.pck_chain_pem.as_bytes();
    let mut certification = Vec::new();
    certification.extend(&enclave.report);
    certification.extend(enclave.signature);
    certification.extend(length_u16("authentication data", &enclave.authentication_data)?);
    certification.extend(enclave.authentication_data);
    certification.extend(PCK_CHAIN_CERTIFICATION.to_le_bytes());
    certification.extend(length_u32("certificate chain", chain)?);
    certification.extend(chain);

    let mut authentication = Vec::new();
    authentication.extend(signature);
    authentication.extend(attestation_key);
    authentication.extend(QE_REPORT_CERTIFICATION.to_le_bytes());
    authentication.extend(length_u32("certification data", &certification)?);
    authentication.extend(certification);

    let mut bytes = signed.to_vec();
    bytes.extend(length_u32("signature data", &authentication)?);
    bytes.extend(authentication);
    Ok(bytes)
}

/// The quoting enclave's report, which the PCK signs.
pub(crate) fn enclave_report(
    isv_svn: u16,
    debug: bool,
    signer: &[u8; 32],
    product: u16,
    vouched: &[u8; 32],
) -> Vec<u8> {
    let mut attributes = [0; 16];
    // INIT and MODE64BIT; PROVISIONKEY as the quoting enclave of Intel has it.
    attributes[0] = if debug { 0x13 } else { 0x11 };
    let mut bytes = Vec::new();
    bytes.extend(crate::documents::CPU_SVN);
    bytes.extend([0; 4 + 28]);
    bytes.extend(attributes);
    bytes.extend(*b"holobiont simulated TD_QE code  ");
    bytes.extend([0; 32]);
    bytes.extend(signer);
    bytes.extend([0; 96]);
    bytes.extend(product.to_le_bytes());
    bytes.extend(isv_svn.to_le_bytes());
    bytes.extend([0; 60]);
    bytes.extend(vouched);
    bytes.extend([0; 32]);
    bytes
}

fn body_bytes(form: QuoteForm, body: &Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(body.tee_tcb_svn);
    bytes.extend(body.mrseam);
    bytes.extend(body.mrsignerseam);
    bytes.extend(body.seam_attributes);
    bytes.extend(body.td_attributes);
    bytes.extend(body.xfam);
    bytes.extend(body.mrtd);
    bytes.extend(body.mrconfigid);
    bytes.extend(body.mrowner);
    bytes.extend(body.mrownerconfig);
    bytes.extend(body.rtmr.as_flattened());
    bytes.extend(body.report_data);
    if matches!(form, QuoteForm::V5Td15 | QuoteForm::V5Td15Extended) {
        bytes.extend(body.tee_tcb_svn2);
        bytes.extend(body.mrservicetd);
    }
    if form == QuoteForm::V5Td15Extended {
        bytes.extend([0; EXTENSION_BYTES]);
    }
    bytes
}

fn length_u32(what: &'static str, bytes: &[u8]) -> Result<[u8; 4], SimulatedError> {
    let size_bytes = bytes.len();
    let length = u32::try_from(size_bytes);
    length.map(u32::to_le_bytes).map_err(|_| SimulatedError::Length { what, size_bytes })
}

fn length_u16(what: &'static str, bytes: &[u8]) -> Result<[u8; 2], SimulatedError> {
    let size_bytes = bytes.len();
    let length = u16::try_from(size_bytes);
    length.map(u16::to_le_bytes).map_err(|_| SimulatedError::Length { what, size_bytes })
}

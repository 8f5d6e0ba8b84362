use std::ops::Range;

use super::QuoteError;
use crate::reader::Reader;

/// Kind of certification data: a report of the quoting enclave, with what certifies it inside.
const QE_REPORT: u16 = 6;
/// Kind of certification data: the PCK leaf, the CA above it and the root, in PEM.
pub(super) const PCK_CHAIN: u16 = 5;
const QE_REPORT_BYTES: usize = 384;

/// The signature section: what leads from the signed region to Intel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signatures {
    pub(super) signature: [u8; 64],
    pub(super) attestation_key: [u8; 64],
    pub(super) qe_report: Range<usize>,
    pub(super) qe_signature: [u8; 64],
    pub(super) qe_authentication_data: Range<usize>,
    pub(super) certification_kind: u16,
    pub(super) certification: Range<usize>,
}

impl Signatures {
    /// Reads the whole section; every declared length must be the exact one.
    pub(super) fn read(mut section: Reader<'_>) -> Result<Self, QuoteError> {
        let signature = section.fixed("signature")?;
        let attestation_key = section.fixed("attestation key")?;
        let got = section.u16("certification data type")?;
        if got != QE_REPORT {
            return Err(QuoteError::NoQeReport { got });
        }
        let mut inner = section.section("QE certification data")?;
        nothing_left(&section, "signature section")?;

        let qe_report = inner.range(QE_REPORT_BYTES, "QE report")?;
        let qe_signature = inner.fixed("QE report signature")?;
        let length = inner.u16("QE authentication data length")?;
        let qe_authentication_data = inner.range(length.into(), "QE authentication data")?;
        let certification_kind = inner.u16("PCK certification data type")?;
        if !matches!(certification_kind, 1..=5 | 7) {
            return Err(QuoteError::CertificationKind { got: certification_kind });
        }
        let chain = inner.section("PCK certification data")?;
        nothing_left(&inner, "QE certification data")?;
        let certification = chain.at()..chain.at().saturating_add(chain.rest().len());
        Ok(Self {
            signature,
            attestation_key,
            qe_report,
            qe_signature,
            qe_authentication_data,
            certification_kind,
            certification,
        })
    }
}

fn nothing_left(reader: &Reader<'_>, section: &'static str) -> Result<(), QuoteError> {
    match reader.rest().len() {
        0 => Ok(()),
        left => Err(QuoteError::LeftOver { section, left }),
    }
}

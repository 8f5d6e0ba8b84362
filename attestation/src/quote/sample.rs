//! A quote of the right shape, whose every byte differs from its neighbours; signed by nobody
//! unless a test does.

use super::{BodyKind, QuoteVersion};

pub(crate) struct Sample {
    version: QuoteVersion,
    kind: BodyKind,
    pub(crate) signature: [u8; 64],
    pub(crate) attestation_key: [u8; 64],
    pub(crate) qe_report: [u8; 384],
    pub(crate) qe_authentication_data: Vec<u8>,
    pub(crate) certification_kind: u16,
    pub(crate) certification: Vec<u8>,
}

impl Sample {
    pub(crate) fn new(version: QuoteVersion, kind: BodyKind) -> Self {
        Self {
            version,
            kind,
            signature: [0x51; 64],
            attestation_key: [0xa5; 64],
            qe_report: [0x0e; 384],
            qe_authentication_data: (0..32).collect(),
            certification_kind: 5,
            certification: b"-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n"
                .to_vec(),
        }
    }

    /// Header, body descriptor and body.
    pub(crate) fn signed(&self) -> Vec<u8> {
        let version: u16 = match self.version {
            QuoteVersion::V4 => 4,
            QuoteVersion::V5 => 5,
        };
        let mut out = version.to_le_bytes().to_vec();
        out.extend([2, 0, 0x81, 0, 0, 0, 1, 0, 2, 0]);
        out.extend(dcap_qvl::INTEL_QE_VENDOR_ID);
        out.extend(1..=20);
        let kind: u16 = match self.kind {
            BodyKind::Td10 => 2,
            BodyKind::Td15 => 3,
            BodyKind::Td15Extended => 4,
        };
        if self.version == QuoteVersion::V5 {
            out.extend(kind.to_le_bytes());
            out.extend(self.kind.size_bytes().to_le_bytes());
        }
        out.extend((0..self.kind.size_bytes()).map(|at| u8::try_from(at % 251).unwrap()));
        out
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut inner = self.qe_report.to_vec();
        inner.extend([0x1e; 64]);
        inner.extend(u16::try_from(self.qe_authentication_data.len()).unwrap().to_le_bytes());
        inner.extend(&self.qe_authentication_data);
        inner.extend(self.certification_kind.to_le_bytes());
        inner.extend(u32::try_from(self.certification.len()).unwrap().to_le_bytes());
        inner.extend(&self.certification);

        let mut section = [self.signature, self.attestation_key].concat();
        section.extend(6_u16.to_le_bytes());
        section.extend(u32::try_from(inner.len()).unwrap().to_le_bytes());
        section.extend(inner);

        let mut out = self.signed();
        out.extend(u32::try_from(section.len()).unwrap().to_le_bytes());
        out.extend(section);
        out
    }
}

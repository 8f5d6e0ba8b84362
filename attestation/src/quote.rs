mod agreement;
mod error;
mod header;
mod measurements;
#[cfg(test)]
pub(crate) mod sample;
mod signatures;
#[cfg(test)]
mod tests;

use std::ops::Range;

use sha2::{Digest as _, Sha256};

#[cfg(feature = "second-opinion")]
pub(crate) use self::agreement::{Disagreement, compare};
pub use self::{error::QuoteError, measurements::Measurements};
use self::{header::Header, signatures::Signatures};
use crate::{certificates::Chain, reader::Reader};

/// The most bytes of a quote that are read: what the kernel's buffer holds.
pub const MAX_QUOTE_BYTES: usize = 128 * 1024;

/// The format of a quote's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuoteVersion {
    /// Version 4: TDX 1.0 bodies only.
    V4,
    /// Version 5: a body descriptor in front of the body.
    V5,
}

/// The form of a quote's TD report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// TDX 1.0: 584 bytes.
    Td10,
    /// TDX 1.5: 648 bytes.
    Td15,
    /// TDX 1.5 extended: 885 bytes.
    Td15Extended,
}

impl BodyKind {
    const fn size_bytes(self) -> u32 {
        match self {
            Self::Td10 => 584,
            Self::Td15 => 648,
            Self::Td15Extended => 885,
        }
    }

    /// Length of what the extended report has after TDX 1.5's.
    const fn extension_bytes(self) -> usize {
        match self {
            Self::Td10 | Self::Td15 => 0,
            Self::Td15Extended => 237,
        }
    }
}

/// A TDX quote, version 4 or 5, whose every length has been checked. Nothing in it is believed yet:
/// that takes a [`Verifier`](crate::Verifier).
///
/// The format is that of Intel's `sgx_quote_4.h` and `sgx_quote_5.h`. Its [`bytes`](Self::bytes) are
/// canonical: zero padding after the quote, which some clouds add, is stripped, and anything else
/// after it is refused.
///
/// *Limits*: at most [`MAX_QUOTE_BYTES`].
///
/// ```
/// use holobiont_attestation::{Quote, QuoteError};
///
/// assert_eq!(Quote::parse(&[3, 0]), Err(QuoteError::Version { got: 3 }));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Quote {
    bytes: Box<[u8]>,
    header: Header,
    body_kind: BodyKind,
    measurements: Measurements,
    extension: Range<usize>,
    signed: Range<usize>,
    signatures: Signatures,
}

impl Quote {
    /// Reads a quote. No certificate is looked at.
    ///
    /// # Errors
    ///
    /// [`QuoteError`], the first thing that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, QuoteError> {
        if bytes.len() > MAX_QUOTE_BYTES {
            return Err(QuoteError::TooLong { got: bytes.len(), limit: MAX_QUOTE_BYTES });
        }
        let mut reader = Reader::new(bytes);
        let header = Header::read(&mut reader)?;
        let body_kind = header.body_kind(&mut reader)?;
        let measurements = Measurements::read(body_kind, &mut reader)?;
        let extension = reader.range(body_kind.extension_bytes(), "TD 1.5 extended report")?;
        let signed = 0..reader.at();
        let signatures = Signatures::read(reader.section("signature section")?)?;
        let end = reader.at();
        let padding = reader.rest();
        // Some clouds pad by kilobytes: one pass that the compiler makes wide, then who it was.
        if padding.iter().fold(0, |all, byte| all | byte) != 0 {
            let past = padding.iter().take_while(|byte| **byte == 0).count();
            return Err(QuoteError::Trailing { at: end.saturating_add(past) });
        }
        let bytes = bytes.get(..end).unwrap_or_default().into();
        Ok(Self { bytes, header, body_kind, measurements, extension, signed, signatures })
    }

    /// The format.
    pub const fn version(&self) -> QuoteVersion {
        self.header.version
    }

    /// The form of the TD report.
    pub const fn body_kind(&self) -> BodyKind {
        self.body_kind
    }

    /// What the quote says of its guest.
    pub const fn measurements(&self) -> &Measurements {
        &self.measurements
    }

    /// The whole quote, without padding.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the attestation key signs: header, body descriptor and body.
    pub fn signed(&self) -> &[u8] {
        self.at(&self.signed)
    }

    /// The attestation key: a P-256 point, x then y, big endian.
    pub const fn attestation_key(&self) -> &[u8; 64] {
        &self.signatures.attestation_key
    }

    /// The attestation key's ECDSA signature of [`signed`](Self::signed): r then s, big endian.
    pub const fn signature(&self) -> &[u8; 64] {
        &self.signatures.signature
    }

    /// The quoting enclave's SGX report, 384 bytes, which binds the attestation key.
    pub fn qe_report(&self) -> &[u8] {
        self.at(&self.signatures.qe_report)
    }

    /// The PCK's ECDSA signature of [`qe_report`](Self::qe_report): r then s, big endian.
    pub const fn qe_signature(&self) -> &[u8; 64] {
        &self.signatures.qe_signature
    }

    /// What the quoting enclave's report binds next to the attestation key.
    pub fn qe_authentication_data(&self) -> &[u8] {
        self.at(&self.signatures.qe_authentication_data)
    }

    /// What certifies the quoting enclave's report: 5 is a PCK chain, 1 to 4 and 7 are other kinds
    /// of Intel's, with which no verdict is possible.
    pub const fn certification_kind(&self) -> u16 {
        self.signatures.certification_kind
    }

    /// The PCK chain in PEM, leaf first, as the quote carries it. Some quoting enclaves end it with
    /// a zero byte.
    pub fn pck_chain_pem(&self) -> Option<&[u8]> {
        let is_chain = self.certification_kind() == signatures::PCK_CHAIN;
        is_chain.then(|| self.certification())
    }

    /// A name for the quote that its sender cannot vary: SHA-256 of the signed region, the
    /// attestation key and the PCK leaf. Padding, PEM white space and the second form that every
    /// ECDSA signature has do not change it.
    pub fn identity(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(self.signed());
        hasher.update(self.attestation_key());
        // Read as the verifier reads it: another reader could find another certificate first.
        match self.pck_chain_pem().map(Chain::from_pem) {
            Some(Ok(chain)) => hasher.update(chain.leaf()),
            _ => hasher.update(self.certification()),
        }
        hasher.finalize().into()
    }

    #[cfg(feature = "second-opinion")]
    pub(crate) const fn qe_svn(&self) -> u16 {
        self.header.qe_svn
    }

    #[cfg(feature = "second-opinion")]
    pub(crate) const fn pce_svn(&self) -> u16 {
        self.header.pce_svn
    }

    #[cfg(feature = "second-opinion")]
    pub(crate) const fn user_data(&self) -> &[u8; 20] {
        &self.header.user_data
    }

    /// What certifies the quoting enclave's report, whatever its kind.
    pub(crate) fn certification(&self) -> &[u8] {
        self.at(&self.signatures.certification)
    }

    /// Every range lies inside the bytes that it was read from.
    fn at(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Quote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Quote")
            .field("version", &self.version())
            .field("body_kind", &self.body_kind)
            .field("size_bytes", &self.bytes.len())
            .field("mrtd", &hex::encode(self.measurements.mrtd))
            .finish_non_exhaustive()
    }
}

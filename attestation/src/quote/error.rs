use crate::reader::Short;

/// Bytes that are no TDX quote that we read. Whoever sent them is at fault: nothing of them is
/// used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuoteError {
    /// Too long to be read at all.
    #[error("the quote has {got} bytes, at most {limit} are read: refuse its sender")]
    TooLong {
        /// Its length, in bytes.
        got: usize,
        /// The most that is read, in bytes.
        limit: usize,
    },
    /// The bytes end inside a field.
    #[error(
        "the quote ends inside its {field}: {wanted} bytes are wanted at {at}, {left} are left; \
         it was cut short, ask for a new one"
    )]
    Truncated {
        /// What was being read.
        field: &'static str,
        /// Offset of the field, in bytes.
        at: usize,
        /// Length of the field, in bytes.
        wanted: usize,
        /// How many bytes are left for it.
        left: usize,
    },
    /// A version other than 4 and 5.
    #[error("the quote has version {got}, 4 and 5 are read: the guest must make one of these")]
    Version {
        /// The version.
        got: u16,
    },
    /// Another technology's quote.
    #[error("the quote is of TEE type {got:#x}, TDX is 0x81: it is no quote of a TDX guest")]
    NotTdx {
        /// The TEE type.
        got: u32,
    },
    /// The attestation key is no ECDSA P-256 key.
    #[error("the quote's attestation key is of kind {got}, 2 (ECDSA P-256) is wanted")]
    AttestationKeyKind {
        /// The kind.
        got: u16,
    },
    /// The quoting enclave is not Intel's.
    #[error(
        "the quote names quoting enclave vendor {}, Intel's is wanted: refuse its sender",
        hex::encode(.got)
    )]
    Vendor {
        /// The vendor id.
        got: [u8; 16],
    },
    /// A body other than TDX 1.0, 1.5 and 1.5 extended.
    #[error("the quote has a body of type {got}, TDX has 2, 3 and 4")]
    BodyKind {
        /// The body type.
        got: u16,
    },
    /// The body's declared size is not the size of its type.
    #[error("the quote's body declares {got} bytes, its type has {expected}: refuse its sender")]
    BodySize {
        /// The size that the quote declares, in bytes.
        got: u32,
        /// The size of a body of this type, in bytes.
        expected: u32,
    },
    /// No report of the quoting enclave, so nothing that leads from the attestation key to Intel.
    #[error(
        "the quote certifies its key with data of kind {got}, 6 (a QE report) is wanted: nothing \
         leads from its attestation key to Intel"
    )]
    NoQeReport {
        /// The kind of certification data.
        got: u16,
    },
    /// Certification data of the quoting enclave of no known kind.
    #[error("the QE report is certified with data of unknown kind {got}")]
    CertificationKind {
        /// The kind of certification data.
        got: u16,
    },
    /// A section is longer than what it holds.
    #[error("the quote's {section} goes on for {left} bytes after its end: refuse its sender")]
    LeftOver {
        /// The section.
        section: &'static str,
        /// How many bytes are left over.
        left: usize,
    },
    /// A byte other than zero follows the quote.
    #[error(
        "byte {at}, after the end of the quote, is not zero: only zero padding may follow a quote"
    )]
    Trailing {
        /// Offset of the first byte that is not zero.
        at: usize,
    },
}

impl From<Short> for QuoteError {
    fn from(Short { field, at, wanted, left }: Short) -> Self {
        Self::Truncated { field, at, wanted, left }
    }
}

use crate::HexError;

/// Text that is no `measurements.json`. Whoever published it is at fault, or it is another file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It is too large.
    #[error("the file has {size_bytes} bytes, above {limit_bytes}: import a part of it")]
    TooLarge {
        /// Its size, in bytes.
        size_bytes: usize,
        /// The most that is read, in bytes.
        limit_bytes: usize,
    },
    /// It is no JSON list.
    #[error(
        "the file is no list of measurement records: {why}: is it flashbots' measurements.json?"
    )]
    NotAList {
        /// What JSON says, with line and column.
        why: String,
    },
    /// It has too many records.
    #[error("the file has {count} records, above {limit}: import a part of it")]
    TooMany {
        /// How many it has.
        count: usize,
        /// The most that are read.
        limit: usize,
    },
}

/// What keeps a record from being a pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportGap {
    /// It is no such record.
    #[error("is no measurement record: {why}: ask its publisher")]
    Malformed {
        /// What JSON says.
        why: String,
    },
    /// It pins an Azure guest.
    #[error(
        "is for Azure, whose quotes measure Microsoft's paravisor: its registers are those of a \
         virtual TPM, which no TDX quote has. Run the image elsewhere"
    )]
    Azure,
    /// It is for no TDX guest.
    #[error("is for `{kind}`, which is no TDX guest: pick another record")]
    NoTdx {
        /// Its `attestation_type`.
        kind: String,
    },
    /// Its id cannot be a pin's label.
    #[error(
        "has the id `{id:.80}`, which is no label (1 to 64 of A-Z a-z 0-9 . _ -): rename it in \
         the file"
    )]
    NoLabel {
        /// The id.
        id: String,
    },
    /// A record before it has the same id.
    #[error("has the id `{label}` of a record before it: rename one in the file")]
    LabelTaken {
        /// The id.
        label: String,
    },
    /// It accepts anything in these registers.
    #[error("leaves {} unpinned: take the values from a guest that runs this image", .registers.join(", "))]
    Unpinned {
        /// The registers.
        registers: Vec<&'static str>,
    },
    /// It accepts several values of one register, in any combination with those of the others.
    #[error(
        "accepts {count} values of {register}: which go with which other registers it does not \
         say, so write one pin for each guest that was built"
    )]
    SeveralValues {
        /// The register.
        register: &'static str,
        /// How many values.
        count: usize,
    },
    /// It names one register twice.
    #[error("names {register} twice: ask its publisher which one holds")]
    Twice {
        /// The register.
        register: &'static str,
    },
    /// It has both `expected` and `expected_any`, or neither, for one register.
    #[error(
        "has not exactly one of `expected` and `expected_any` for {register}: ask its publisher"
    )]
    NoValue {
        /// The register.
        register: &'static str,
    },
    /// It names a register that a TDX quote does not have.
    #[error("names the register `{key:.80}`, which a TDX quote does not have: ask its publisher")]
    UnknownRegister {
        /// The name.
        key: String,
    },
    /// A value is no measurement.
    #[error("has in {register} what is no measurement: {error}")]
    BadValue {
        /// The register.
        register: &'static str,
        /// What is wrong with it.
        error: HexError,
    },
    /// A value is zero where a guest that was measured never has that.
    #[error(
        "has {register} zero, which is what Azure's paravisor and debugging tools report: take the \
         value from a guest that runs this image"
    )]
    Zero {
        /// The register.
        register: &'static str,
    },
    /// It is for the simulator.
    #[error("has the MRTD of a simulated guest: a simulated set is never imported")]
    Simulated,
}

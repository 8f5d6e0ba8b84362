use super::{BodyKind, QuoteError};
use crate::reader::Reader;

/// What a quote says of its guest: the TD report body of Intel's `sgx_quote_4.h` and
/// `sgx_quote_5.h`, in its order.
///
/// ```no_run
/// # fn show(quote: &holobiont_attestation::Quote) {
/// let measurements = quote.measurements();
/// assert_eq!(measurements.mrowner, [0; 48], "nobody sets it");
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurements {
    /// Security versions of the TDX module and the platform, at launch.
    pub tee_tcb_svn: [u8; 16],
    /// The TDX module.
    pub mrseam: [u8; 48],
    /// Who signed the TDX module: zero for Intel.
    pub mrsignerseam: [u8; 48],
    /// Attributes of the TDX module.
    pub seam_attributes: [u8; 8],
    /// Attributes of the guest, `DEBUG` among them.
    pub td_attributes: [u8; 8],
    /// CPU features that the guest may use.
    pub xfam: [u8; 8],
    /// The guest's firmware and initial memory.
    pub mrtd: [u8; 48],
    /// Chosen by whoever configures the guest; never changes.
    pub mrconfigid: [u8; 48],
    /// The guest's owner.
    pub mrowner: [u8; 48],
    /// The owner's configuration.
    pub mrownerconfig: [u8; 48],
    /// The four registers that the guest extends as it boots and runs.
    pub rtmr: [[u8; 48]; 4],
    /// What the quote binds.
    pub report_data: [u8; 64],
    /// Security versions now; TDX 1.5 on.
    pub tee_tcb_svn2: Option<[u8; 16]>,
    /// The service guests bound to this one, zero for none; TDX 1.5 on.
    pub mrservicetd: Option<[u8; 48]>,
}

impl Measurements {
    /// Struct fields are evaluated in the order that they are written in, which is the report's.
    pub(super) fn read(kind: BodyKind, reader: &mut Reader<'_>) -> Result<Self, QuoteError> {
        let mut read = Self {
            tee_tcb_svn: reader.fixed("TEE TCB SVN")?,
            mrseam: reader.fixed("MRSEAM")?,
            mrsignerseam: reader.fixed("MRSIGNERSEAM")?,
            seam_attributes: reader.fixed("SEAM attributes")?,
            td_attributes: reader.fixed("TD attributes")?,
            xfam: reader.fixed("XFAM")?,
            mrtd: reader.fixed("MRTD")?,
            mrconfigid: reader.fixed("MRCONFIGID")?,
            mrowner: reader.fixed("MROWNER")?,
            mrownerconfig: reader.fixed("MROWNERCONFIG")?,
            rtmr: [
                reader.fixed("RTMR0")?,
                reader.fixed("RTMR1")?,
                reader.fixed("RTMR2")?,
                reader.fixed("RTMR3")?,
            ],
            report_data: reader.fixed("report data")?,
            tee_tcb_svn2: None,
            mrservicetd: None,
        };
        if kind != BodyKind::Td10 {
            read.tee_tcb_svn2 = Some(reader.fixed("TEE TCB SVN 2")?);
            read.mrservicetd = Some(reader.fixed("MRSERVICETD")?);
        }
        Ok(read)
    }
}

use yasna::DERWriter;
use yasna::models::ObjectIdentifier;

/// The certificate extension in which Intel describes a platform.
pub(crate) const SGX_EXTENSION: [u64; 7] = [1, 2, 840, 113_741, 1, 13, 1];

/// What a PCK certificate says of its platform.
///
/// Source of the format: Intel, "SGX PCK Certificate and Certificate Revocation List Profile
/// Specification", 1.3.5.
pub(crate) struct SgxExtension {
    pub(crate) ppid: [u8; 16],
    pub(crate) cpu_svn: [u8; 16],
    pub(crate) pce_svn: u16,
    pub(crate) pce_id: [u8; 2],
    pub(crate) fmspc: [u8; 6],
    /// Only the Platform CA knows instances, and only it says how one is configured.
    pub(crate) platform_instance: Option<[u8; 16]>,
}

impl SgxExtension {
    pub(crate) fn der(&self) -> Vec<u8> {
        yasna::construct_der(|writer| {
            writer.write_sequence(|list| {
                entry(list.next(), &[1], |value| value.write_bytes(&self.ppid));
                entry(list.next(), &[2], |value| self.write_tcb(value));
                entry(list.next(), &[3], |value| value.write_bytes(&self.pce_id));
                entry(list.next(), &[4], |value| value.write_bytes(&self.fmspc));
                // 0 is "standard", 1 is "scalable": a machine of several packages.
                let sgx_type = i64::from(self.platform_instance.is_some());
                entry(list.next(), &[5], |value| value.write_enum(sgx_type));
                if let Some(instance) = &self.platform_instance {
                    entry(list.next(), &[6], |value| value.write_bytes(instance));
                    entry(list.next(), &[7], write_configuration);
                }
            });
        })
    }

    fn write_tcb(&self, writer: DERWriter<'_>) {
        writer.write_sequence(|list| {
            for (component, svn) in (1..).zip(self.cpu_svn) {
                entry(list.next(), &[2, component], |value| value.write_u8(svn));
            }
            entry(list.next(), &[2, 17], |value| value.write_u16(self.pce_svn));
            entry(list.next(), &[2, 18], |value| value.write_bytes(&self.cpu_svn));
        });
    }
}

/// Dynamic platform, cached keys and SMT: every real server says yes to all three.
fn write_configuration(writer: DERWriter<'_>) {
    writer.write_sequence(|list| {
        for flag in 1..=3 {
            entry(list.next(), &[7, flag], |value| value.write_bool(true));
        }
    });
}

/// One `SEQUENCE { OID, value }`, its OID being the extension's and `below`.
fn entry(writer: DERWriter<'_>, below: &[u64], write: impl FnOnce(DERWriter<'_>)) {
    writer.write_sequence(|pair| {
        let oid: Vec<u64> = SGX_EXTENSION.iter().chain(below).copied().collect();
        pair.next().write_oid(&ObjectIdentifier::from_slice(&oid));
        write(pair.next());
    });
}

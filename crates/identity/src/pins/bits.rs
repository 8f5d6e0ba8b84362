//! Rules on the bits of TD attributes and XFAM, both as a quote has them: lowest byte first.

/// Bits 0 to 7 say that the guest is under debugging, or profiled, or are reserved.
const UNDER_DEBUG: u64 = 0xff;

/// `DEBUG`: the host may read and write the guest.
const DEBUG: u64 = 1;

const SERVTD_EXT: u64 = 1 << 17;
const SEPT_VE_DISABLE: u64 = 1 << 28;
const MIGRATABLE: u64 = 1 << 29;

/// Bits that must be zero above the first byte: 8 to 15, 23 to 26, 32 to 61 (Intel TDX Module ABI
/// specification 348551-008, table 3.23).
const RESERVED: u64 = 0x3fff_ffff_0780_ff00;

/// x87 and SSE, which every guest has.
const XFAM_ALWAYS: u64 = 0b11;

/// Why no quote with these TD attributes is ever accepted; empty where one may be.
pub(super) fn td_attribute_faults(attributes: [u8; 8]) -> Vec<&'static str> {
    let bits = u64::from_le_bytes(attributes);
    let faults = [
        (bits & DEBUG != 0, "sets DEBUG: the host can read the guest's memory"),
        (bits & UNDER_DEBUG & !DEBUG != 0, "sets a bit of 1 to 7, which mean profiling"),
        (bits & SERVTD_EXT != 0, "sets SERVTD_EXT: a service guest may change this one"),
        (
            bits & MIGRATABLE != 0,
            "sets MIGRATABLE: the guest may leave the machine that was judged",
        ),
        (bits & SEPT_VE_DISABLE == 0, "leaves SEPT_VE_DISABLE off: the host can inject exceptions"),
        (bits & RESERVED != 0, "sets a reserved bit: are its bytes in the order of a quote?"),
    ];
    faults.into_iter().filter(|(is_so, _)| *is_so).map(|(_, why)| why).collect()
}

/// Whether a guest can have this XFAM at all.
pub(super) fn is_xfam(xfam: [u8; 8]) -> bool {
    u64::from_le_bytes(xfam) & XFAM_ALWAYS == XFAM_ALWAYS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pins::SEPT_VE_DISABLE_ONLY;

    #[test]
    fn what_real_guests_have_is_accepted() {
        let perfmon = [0, 0, 0, 0x10, 0, 0, 0, 0x80];
        let pks = [0, 0, 0, 0x50, 0, 0, 0, 0];
        for attributes in [SEPT_VE_DISABLE_ONLY, perfmon, pks] {
            assert_eq!(td_attribute_faults(attributes), Vec::<&str>::new());
        }
        assert!(is_xfam([0xe7, 0x02, 0x06, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn each_fault_is_named() {
        let with = |byte: usize, bits: u8| {
            let mut attributes = SEPT_VE_DISABLE_ONLY;
            attributes[byte] ^= bits;
            td_attribute_faults(attributes).join("; ")
        };
        let cases = [
            (0, 0x01, "DEBUG"),
            (0, 0x10, "profiling"),
            (2, 0x02, "SERVTD_EXT"),
            (3, 0x20, "MIGRATABLE"),
            (3, 0x10, "SEPT_VE_DISABLE off"),
            (1, 0x01, "reserved"),
            (4, 0x01, "reserved"),
        ];
        for (byte, bits, part) in cases {
            let said = with(byte, bits);
            assert!(said.contains(part), "byte {byte}, bits {bits:#x}: {said}");
        }
    }

    #[test]
    fn bytes_in_the_other_order_are_noticed() {
        let mut attributes = SEPT_VE_DISABLE_ONLY;
        attributes.reverse();
        assert_eq!(td_attribute_faults(attributes).len(), 2);
        assert!(!is_xfam([0, 0, 0, 0, 0, 0x06, 0x02, 0xe7]));
    }
}

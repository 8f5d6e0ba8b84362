use crate::{Measurements, reason::Reason};

/// Bits of the TD attributes, Intel TDX module ABI specification 348551-008US, table 3.23.
mod bit {
    pub(super) const DEBUG: u64 = 1;
    pub(super) const PROFILING: u64 = 0b111 << 4;
    pub(super) const SERVTD_EXT: u64 = 1 << 17;
    pub(super) const SEPT_VE_DISABLE: u64 = 1 << 28;
    pub(super) const MIGRATABLE: u64 = 1 << 29;
    /// Must be zero: 1 to 3, 7 to 15, 23 to 26, 32 to 61.
    pub(super) const RESERVED: u64 = 0x3fff_ffff_0780_ff8e;
}

/// What makes a guest's attributes unacceptable to every policy: that its host can look into it or
/// move it, or that its TDX module is not Intel's.
pub fn check_attributes(measurements: &Measurements) -> Vec<Reason> {
    let attributes = u64::from_le_bytes(measurements.td_attributes);
    let has = |bits: u64| attributes & bits != 0;
    let service_td = measurements.mrservicetd.is_some_and(|register| register != [0; 48]);
    let seam = measurements.mrsignerseam != [0; 48] || measurements.seam_attributes != [0; 8];
    [
        (has(bit::DEBUG), Reason::Debug),
        (has(bit::PROFILING), Reason::Profiling),
        (has(bit::RESERVED), reserved(measurements.td_attributes)),
        (has(bit::MIGRATABLE), Reason::Migratable),
        (has(bit::SERVTD_EXT) || service_td, Reason::ServiceTd),
        (!has(bit::SEPT_VE_DISABLE), Reason::SeptVeDisableOff),
        (seam, Reason::SeamNotIntel),
    ]
    .into_iter()
    .filter_map(|(applies, reason)| applies.then_some(reason))
    .collect()
}

fn reserved(attributes: [u8; 8]) -> Reason {
    Reason::ReservedAttributes { attributes: hex::encode(attributes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BodyKind, Quote, QuoteVersion, quote::sample::Sample};

    fn reasons(attributes: u64) -> Vec<Reason> {
        let quote = Sample::new(QuoteVersion::V4, BodyKind::Td10).bytes();
        let mut measurements = Quote::parse(&quote).unwrap().measurements().clone();
        measurements.td_attributes = attributes.to_le_bytes();
        measurements.mrsignerseam = [0; 48];
        measurements.seam_attributes = [0; 8];
        measurements.mrservicetd = None;
        check_attributes(&measurements)
    }

    #[test]
    fn every_bit_of_the_attributes_has_its_answer() {
        for bit in 0..64 {
            let codes: Vec<_> =
                reasons(bit::SEPT_VE_DISABLE | 1 << bit).iter().map(Reason::code).collect();
            let wanted: &[&str] = match bit {
                0 => &["td-debug"],
                4..=6 => &["td-profiling"],
                1..=3 | 7..=15 | 23..=26 | 32..=61 => &["td-attributes-reserved"],
                17 => &["service-td"],
                29 => &["td-migratable"],
                _ => &[],
            };
            assert_eq!(codes, wanted, "bit {bit}");
        }
        assert_eq!(reasons(0), [Reason::SeptVeDisableOff]);
    }
}

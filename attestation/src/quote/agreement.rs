use dcap_qvl::quote::{AuthData, Quote as DcapQuote, Report, TDReport10, TDReport15, TDReport15Ex};

use super::{Quote, QuoteVersion};

/// One field, as two parsers read it.
pub(super) type FieldPair<'a> = (&'static str, &'a [u8], &'a [u8]);

/// Two parsers read one quote differently, so one of them is wrong and neither is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "two parsers read the quote's {field} differently: the quote is refused, whoever is wrong; \
     please report it with the quote"
)]
pub(crate) struct Disagreement {
    pub(crate) field: &'static str,
}

/// The first field that differs.
pub(crate) fn compare(fields: &[FieldPair<'_>]) -> Result<(), Disagreement> {
    match fields.iter().find(|(_, ours, theirs)| ours != theirs) {
        Some(&(field, ..)) => Err(Disagreement { field }),
        None => Ok(()),
    }
}

impl Quote {
    /// Whether `dcap-qvl`, which checks the signatures, has read the same quote as we, whose values
    /// are compared with pins: field by field, all of them.
    pub(crate) fn agrees_with_dcap(&self, other: &DcapQuote) -> Result<(), Disagreement> {
        self.header_agrees(other)?;
        self.body_agrees(&other.report)?;
        self.signatures_agree(&other.auth_data)?;
        compare(&[(
            "signed region",
            &self.signed().len().to_le_bytes(),
            &other.signed_length().to_le_bytes(),
        )])
    }

    fn header_agrees(&self, other: &DcapQuote) -> Result<(), Disagreement> {
        let version: u16 = match self.version() {
            QuoteVersion::V4 => 4,
            QuoteVersion::V5 => 5,
        };
        let theirs = &other.header;
        compare(&[
            ("version", &version.to_le_bytes(), &theirs.version.to_le_bytes()),
            (
                "attestation key type",
                &2_u16.to_le_bytes(),
                &theirs.attestation_key_type.to_le_bytes(),
            ),
            ("TEE type", &0x81_u32.to_le_bytes(), &theirs.tee_type.to_le_bytes()),
            ("QE SVN", &self.header.qe_svn.to_le_bytes(), &theirs.qe_svn.to_le_bytes()),
            ("PCE SVN", &self.header.pce_svn.to_le_bytes(), &theirs.pce_svn.to_le_bytes()),
            ("QE vendor id", &dcap_qvl::INTEL_QE_VENDOR_ID, &theirs.qe_vendor_id),
            ("user data", &self.header.user_data, &theirs.user_data),
        ])
    }

    fn body_agrees(&self, theirs: &Report) -> Result<(), Disagreement> {
        match theirs {
            Report::SgxEnclave(_) => Err(Disagreement { field: "body type" }),
            Report::TD10(report) => {
                self.basic_agrees(report)?;
                self.later_agrees(None)?;
                self.extension_agrees(None)
            }
            Report::TD15(report) => {
                self.basic_agrees(&report.base)?;
                self.later_agrees(Some(report))?;
                self.extension_agrees(None)
            }
            Report::TD15Ex(report) => {
                self.basic_agrees(&report.base.base)?;
                self.later_agrees(Some(&report.base))?;
                self.extension_agrees(Some(report))
            }
        }
    }

    fn basic_agrees(&self, theirs: &TDReport10) -> Result<(), Disagreement> {
        let ours = self.measurements();
        let [rtmr0, rtmr1, rtmr2, rtmr3] = &ours.rtmr;
        compare(&[
            ("TEE TCB SVN", &ours.tee_tcb_svn, &theirs.tee_tcb_svn),
            ("MRSEAM", &ours.mrseam, &theirs.mr_seam),
            ("MRSIGNERSEAM", &ours.mrsignerseam, &theirs.mr_signer_seam),
            ("SEAM attributes", &ours.seam_attributes, &theirs.seam_attributes),
            ("TD attributes", &ours.td_attributes, &theirs.td_attributes),
            ("XFAM", &ours.xfam, &theirs.xfam),
            ("MRTD", &ours.mrtd, &theirs.mr_td),
            ("MRCONFIGID", &ours.mrconfigid, &theirs.mr_config_id),
            ("MROWNER", &ours.mrowner, &theirs.mr_owner),
            ("MROWNERCONFIG", &ours.mrownerconfig, &theirs.mr_owner_config),
            ("RTMR0", rtmr0, &theirs.rt_mr0),
            ("RTMR1", rtmr1, &theirs.rt_mr1),
            ("RTMR2", rtmr2, &theirs.rt_mr2),
            ("RTMR3", rtmr3, &theirs.rt_mr3),
            ("report data", &ours.report_data, &theirs.report_data),
        ])
    }

    fn later_agrees(&self, theirs: Option<&TDReport15>) -> Result<(), Disagreement> {
        let ours = self.measurements();
        if ours.tee_tcb_svn2 != theirs.map(|report| report.tee_tcb_svn2) {
            return Err(Disagreement { field: "TEE TCB SVN 2" });
        }
        if ours.mrservicetd != theirs.map(|report| report.mr_service_td) {
            return Err(Disagreement { field: "MRSERVICETD" });
        }
        Ok(())
    }

    /// We read the extension as one piece: no rule of ours looks inside.
    fn extension_agrees(&self, theirs: Option<&TDReport15Ex>) -> Result<(), Disagreement> {
        let theirs = theirs.map_or_else(Vec::new, |report| {
            [
                [report.vmid].as_slice(),
                &report.td_id,
                &report.dev_info,
                &report.init_service_td_hash,
                &report.init_service_td_attributes,
                &report.init_cpu_svn,
                &report.init_tee_tcb_svn,
                &report.init_tee_fmspc,
                &report.cur_service_td_hash,
                &report.cur_service_td_attributes,
            ]
            .concat()
        });
        compare(&[("TD 1.5 extended report", self.at(&self.extension), &theirs)])
    }

    fn signatures_agree(&self, theirs: &AuthData) -> Result<(), Disagreement> {
        let AuthData::V4(theirs) = theirs else {
            return Err(Disagreement { field: "signature section" });
        };
        let (ours, inner) = (&self.signatures, &theirs.qe_report_data);
        let certification = &inner.certification_data;
        compare(&[
            ("signature", &ours.signature, &theirs.ecdsa_signature),
            ("attestation key", &ours.attestation_key, &theirs.ecdsa_attestation_key),
            (
                "certification data type",
                &6_u16.to_le_bytes(),
                &theirs.certification_data.cert_type.to_le_bytes(),
            ),
            ("QE report", self.qe_report(), &inner.qe_report),
            ("QE report signature", &ours.qe_signature, &inner.qe_report_signature),
            ("QE authentication data", self.qe_authentication_data(), &inner.qe_auth_data.data),
            (
                "PCK certification data type",
                &ours.certification_kind.to_le_bytes(),
                &certification.cert_type.to_le_bytes(),
            ),
            ("PCK certification data", self.certification(), &certification.body.data),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BodyKind, quote::sample::Sample};

    const KINDS: [(QuoteVersion, BodyKind); 4] = [
        (QuoteVersion::V4, BodyKind::Td10),
        (QuoteVersion::V5, BodyKind::Td10),
        (QuoteVersion::V5, BodyKind::Td15),
        (QuoteVersion::V5, BodyKind::Td15Extended),
    ];

    #[test]
    fn two_parsers_of_one_quote_agree() {
        for (version, kind) in KINDS {
            let bytes = Sample::new(version, kind).bytes();
            let ours = Quote::parse(&bytes).unwrap();
            let theirs = DcapQuote::parse(&bytes).unwrap();
            assert_eq!(ours.agrees_with_dcap(&theirs), Ok(()), "{version:?} {kind:?}");
        }
    }

    /// Every byte that one parser keeps, both keep: a change of any is noticed.
    #[test]
    fn a_byte_that_only_one_parser_sees_is_a_disagreement() {
        for (version, kind) in KINDS {
            let bytes = Sample::new(version, kind).bytes();
            let ours = Quote::parse(&bytes).unwrap();
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                // Where it does not parse at all there is nothing to compare.
                if let Ok(theirs) = DcapQuote::parse(&changed) {
                    assert!(ours.agrees_with_dcap(&theirs).is_err(), "{version:?} {kind:?} {at}");
                }
            }
        }
    }

    #[test]
    fn a_disagreement_names_its_field() {
        let bytes = Sample::new(QuoteVersion::V4, BodyKind::Td10).bytes();
        let ours = Quote::parse(&bytes).unwrap();
        let mut changed = bytes;
        changed[48 + 16 + 48 + 48 + 8 + 8 + 8] ^= 1;
        let theirs = DcapQuote::parse(&changed).unwrap();
        assert_eq!(ours.agrees_with_dcap(&theirs), Err(Disagreement { field: "MRTD" }));
    }
}

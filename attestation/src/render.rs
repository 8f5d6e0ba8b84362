//! How a verdict is shown: as JSON for machines, as a table for people.

use std::fmt;

use serde_json::{Value, json};

use crate::{
    At, Measurements,
    reason::{Fault, Reason},
    verdict::{CheckResult, Outcome, RegisterRow, Verdict},
};

/// How many hex digits of a register that matches are shown.
const SHORT: usize = 16;

impl Fault {
    const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Untrusted => "untrusted",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Verdict {
    /// Everything in it, with stable keys: bytes in hex, times in unix seconds.
    pub fn to_json(&self) -> Value {
        json!({
            "trusted": self.trusted(),
            "admits": self.admits(),
            "simulated": self.simulated,
            "code": self.reason().map(Reason::code),
            "checks": self.checks.iter().map(check).collect::<Vec<_>>(),
            "pin": self.pin,
            "tcb": self.tcb.as_ref().map(|tcb| json!({
                "status": tcb.status.as_str(),
                "platform_status": tcb.platform_status.as_str(),
                "qe_status": tcb.qe_status.as_str(),
                "advisories": tcb.advisories,
                "evaluation_number": tcb.evaluation_number,
                "tcb_date_s": tcb.tcb_date_s,
            })),
            "platform": self.platform.as_ref().map(|platform| json!({
                "piid": platform.piid.map(hex::encode),
                "fmspc": hex::encode(platform.fmspc),
                "pce_id": hex::encode(platform.pce_id),
                "ppid": hex::encode(&platform.ppid),
            })),
            "expires": self.expires.as_ref().map(|expiry| json!({
                "at_s": expiry.at_s,
                "because": expiry.because,
            })),
            "measurements": self.measurements.as_ref().map(measurements),
            "comparison": self.comparison.iter().map(row).collect::<Vec<_>>(),
            "signature_checks": {
                "fresh": self.signature_checks.fresh,
                "remembered": self.signature_checks.remembered,
            },
        })
    }
}

fn check(result: &CheckResult) -> Value {
    let (outcome, reasons) = match &result.outcome {
        Outcome::Passed => ("passed", json!([])),
        Outcome::Failed(reasons) => ("failed", reasons.iter().map(reason).collect()),
        Outcome::NotRun(why) => ("not-run", json!([{ "text": why }])),
        Outcome::NotAsked => ("not-asked", json!([])),
    };
    json!({ "check": result.check.name(), "outcome": outcome, "reasons": reasons })
}

fn reason(reason: &Reason) -> Value {
    json!({ "code": reason.code(), "fault": reason.fault().name(), "text": reason.to_string() })
}

fn measurements(measured: &Measurements) -> Value {
    json!({
        "mrtd": hex::encode(measured.mrtd),
        "rtmr": measured.rtmr.map(hex::encode),
        "mrconfigid": hex::encode(measured.mrconfigid),
        "mrowner": hex::encode(measured.mrowner),
        "mrownerconfig": hex::encode(measured.mrownerconfig),
        "td_attributes": hex::encode(measured.td_attributes),
        "xfam": hex::encode(measured.xfam),
        "mrseam": hex::encode(measured.mrseam),
        "mrsignerseam": hex::encode(measured.mrsignerseam),
        "seam_attributes": hex::encode(measured.seam_attributes),
        "tee_tcb_svn": hex::encode(measured.tee_tcb_svn),
        "tee_tcb_svn2": measured.tee_tcb_svn2.map(hex::encode),
        "mrservicetd": measured.mrservicetd.map(hex::encode),
        "report_data": hex::encode(measured.report_data),
    })
}

fn row(row: &RegisterRow) -> Value {
    json!({
        "register": row.register,
        "expected": row.expected,
        "got": row.got,
        "pin": row.pin,
        "matches": row.matches,
    })
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.simulated {
            writeln!(f, "SIMULATED: not Intel's root, worth nothing outside of a test")?;
        }
        match self.reason() {
            Some(reason) => writeln!(f, "refused: {}", reason.code())?,
            None if self.admits() => writeln!(f, "trusted")?,
            None if self.trusted() => writeln!(f, "trusted, as far as was asked")?,
            None => writeln!(f, "refused: not every check could be run")?,
        }
        writeln!(f)?;
        for result in &self.checks {
            let name = result.check.name();
            match &result.outcome {
                Outcome::Passed => writeln!(f, "{name:<14}passed")?,
                Outcome::NotAsked => writeln!(f, "{name:<14}not asked")?,
                Outcome::NotRun(why) => writeln!(f, "{name:<14}not run: {why}")?,
                Outcome::Failed(reasons) => {
                    writeln!(f, "{name:<14}FAILED")?;
                    for reason in reasons {
                        writeln!(f, "{:<14}{}: {reason}", "", reason.code())?;
                    }
                }
            }
        }
        self.show_facts(f)?;
        self.show_registers(f)
    }
}

impl Verdict {
    fn show_facts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        if let Some(tcb) = &self.tcb {
            write!(f, "{:<14}{} (evaluation {}", "TCB", tcb.status, tcb.evaluation_number)?;
            if let Some(date_s) = tcb.tcb_date_s {
                write!(f, ", of {}", At(date_s))?;
            }
            write!(f, ")")?;
            for advisory in &tcb.advisories {
                write!(f, " {advisory}")?;
            }
            writeln!(f)?;
        }
        if let Some(platform) = &self.platform {
            let fmspc = hex::encode(platform.fmspc);
            let piid = platform.piid.map_or_else(|| "none".to_owned(), hex::encode);
            writeln!(f, "{:<14}FMSPC {fmspc}, PIID {piid}", "platform")?;
        }
        if let Some(expiry) = &self.expires {
            writeln!(f, "{:<14}{}: {}", "expires", At(expiry.at_s), expiry.because)?;
        }
        let checks = self.signature_checks;
        writeln!(
            f,
            "{:<14}{} checked, {} remembered",
            "signatures", checks.fresh, checks.remembered
        )
    }

    fn show_registers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(pin) = &self.pin else {
            return Ok(());
        };
        writeln!(f, "\n{:<14}{:<20}got", "register", "expected")?;
        for row in &self.comparison {
            if row.matches {
                writeln!(f, "{:<14}{:<20}the same", row.register, short(&row.expected))?;
            } else {
                writeln!(f, "{:<12}≠ expected {}", row.register, row.expected)?;
                writeln!(f, "{:<14}got      {}", "", row.got)?;
            }
        }
        writeln!(f, "{:<14}{pin}", "pin")?;
        Ok(())
    }
}

/// What differs is shown whole; what agrees needs only to be recognised.
fn short(hex: &str) -> String {
    match hex.split_at_checked(SHORT) {
        Some((start, rest)) if !rest.is_empty() => format!("{start}…"),
        _ => hex.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use holobiont_identity::pins::TcbStatus;

    use super::*;
    use crate::{
        BodyKind, Expiry, Marks, Platform, Quote, QuoteVersion, SignatureChecks, TcbReport,
        artefact::ArtefactKind, quote::sample::Sample, verdict::Check,
    };

    fn refused() -> Verdict {
        let quote = Sample::new(QuoteVersion::V5, BodyKind::Td15).bytes();
        let measurements = Quote::parse(&quote).unwrap().measurements().clone();
        let register = |register, expected: [u8; 48], got: [u8; 48]| RegisterRow {
            register,
            expected: hex::encode(expected),
            got: hex::encode(got),
            pin: "qemu-2026-11".to_owned(),
            matches: expected == got,
        };
        let outcomes = [
            Outcome::Passed,
            Outcome::Failed(vec![
                Reason::Expired { artefact: ArtefactKind::PckCrl, ended_s: 1_789_171_031 },
                Reason::TcbStatusNotAllowed {
                    status: TcbStatus::OutOfDate,
                    allowed: "UpToDate".to_owned(),
                },
            ]),
            Outcome::Passed,
            Outcome::Failed(vec![Reason::MeasurementsMismatch {
                surface: "committee".to_owned(),
                pin: "qemu-2026-11".to_owned(),
                registers: vec!["rtmr1".to_owned()],
            }]),
            Outcome::Passed,
            Outcome::NotRun("the quote was made for something else".to_owned()),
            Outcome::NotAsked,
        ];
        let checks = Check::ALL.into_iter().zip(outcomes);
        Verdict {
            simulated: true,
            checks: checks.map(|(check, outcome)| CheckResult { check, outcome }).collect(),
            pin: Some("qemu-2026-11".to_owned()),
            tcb: Some(TcbReport {
                status: TcbStatus::OutOfDate,
                platform_status: TcbStatus::OutOfDate,
                qe_status: TcbStatus::UpToDate,
                advisories: vec!["INTEL-SA-01010".to_owned(), "INTEL-SA-01036".to_owned()],
                evaluation_number: 18,
                tcb_date_s: Some(1_726_012_800),
            }),
            platform: Some(Platform {
                piid: Some([0x11; 16]),
                fmspc: [0x00, 0x80, 0x6f, 5, 0, 0],
                pce_id: [0, 0],
                ppid: vec![0x22; 16],
            }),
            expires: Some(Expiry { at_s: 1_789_171_031, because: "the PCK CRL ends".to_owned() }),
            measurements: Some(measurements),
            comparison: vec![
                register("mrtd", [0xaa; 48], [0xaa; 48]),
                register("rtmr1", [0xbb; 48], [0xbc; 48]),
            ],
            observed: Marks::default(),
            signature_checks: SignatureChecks { fresh: 2, remembered: 7 },
        }
    }

    #[test]
    fn the_json_is_the_golden_one() {
        let golden: Value =
            serde_json::from_str(include_str!("../tests/vectors/verdict.json")).unwrap();
        let json = refused().to_json();
        assert_eq!(json, golden, "{json:#}");
    }

    #[test]
    fn the_table_is_the_golden_one() {
        let table = refused().to_string();
        assert_eq!(table, include_str!("../tests/vectors/verdict.txt"), "\n{table}");
    }

    #[test]
    fn a_time_beyond_the_calendar_is_still_said() {
        assert_eq!(At(1_789_171_031).to_string(), "2026-09-11T23:57:11Z");
        assert_eq!(At(u64::MAX).to_string(), "second 18446744073709551615 since 1970");
    }
}

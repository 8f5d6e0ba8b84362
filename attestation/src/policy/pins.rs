use holobiont_identity::pins::{Measurement, Pin, PlatformKind, RtmrRule, SurfacePins, TcbStatus};

use super::LogShown;
use crate::{Measurements, Platform, RegisterRow, TcbReport, reason::Reason};

/// XFAM's bits 11 and 12: the two halves of CET, which hosts switch on and off.
const CET: u64 = 0b11 << 11;

/// How a guest's registers compare with a surface's pins.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PinMatch {
    /// The label of the pin that matches, or comes nearest. None where there are no pins.
    pub pin: Option<String>,
    /// Every register beside what that pin wants.
    pub comparison: Vec<RegisterRow>,
    /// Why it does not match; empty where it does.
    pub reasons: Vec<Reason>,
}

impl PinMatch {
    /// Whether one pin matches wholly and is valid now.
    pub const fn matches(&self) -> bool {
        self.reasons.is_empty()
    }
}

/// Compares registers, TD attributes and XFAM with the pins of a surface, at `now_s` in unix
/// seconds: one whole pin must match. Platform lists and advisories need a verdict and are not
/// looked at, and what a pin leaves to an event log counts as matching.
///
/// ```no_run
/// # fn check(m: &holobiont_attestation::Measurements, pins: &holobiont_identity::pins::SurfacePins) {
/// let found = holobiont_attestation::match_pins(m, pins, 1_800_000_000);
/// if let Some(reason) = found.reasons.first() {
///     eprintln!("nearest pin {:?}: {reason}", found.pin);
/// }
/// # }
/// ```
pub fn match_pins(measurements: &Measurements, pins: &SurfacePins, now_s: u64) -> PinMatch {
    found(judge(measurements, pins, &Circumstances { now_s, ..Circumstances::default() }))
}

/// The same with the guest's event log, of either form, which must then be as the pin's rules want
/// it: where pins differ in these rules alone, they decide which one matches.
///
/// ```no_run
/// # fn check(m: &holobiont_attestation::Measurements, pins: &holobiont_identity::pins::SurfacePins) {
/// let found = holobiont_attestation::match_pins_and_log(m, None, pins, 1_800_000_000);
/// assert!(found.reasons.iter().all(|reason| reason.code() != "event-rule"), "there is no log");
/// # }
/// ```
pub fn match_pins_and_log(
    measurements: &Measurements,
    event_log: Option<&[u8]>,
    pins: &SurfacePins,
    now_s: u64,
) -> PinMatch {
    let log = LogShown::read(event_log, measurements);
    let circumstances = Circumstances { now_s, log: Some(&log), ..Circumstances::default() };
    found(judge(measurements, pins, &circumstances))
}

fn found(judgement: Judgement<'_>) -> PinMatch {
    PinMatch {
        pin: judgement.pin.map(|pin| pin.label.clone()),
        comparison: judgement.comparison,
        reasons: [judgement.attributes, judgement.measurements, judgement.event_log].concat(),
    }
}

/// What else a pin may depend on, as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct Circumstances<'a> {
    pub(crate) now_s: u64,
    pub(crate) simulated: Option<bool>,
    pub(crate) platform: Option<&'a Platform>,
    pub(crate) tcb: Option<&'a TcbReport>,
    pub(crate) log: Option<&'a LogShown>,
}

/// The pin that matches or comes nearest, and what is against it, by the check that reports it.
#[derive(Debug, Default)]
pub(crate) struct Judgement<'a> {
    pub(crate) pin: Option<&'a Pin>,
    pub(crate) comparison: Vec<RegisterRow>,
    pub(crate) dcap: Vec<Reason>,
    pub(crate) attributes: Vec<Reason>,
    pub(crate) measurements: Vec<Reason>,
    pub(crate) event_log: Vec<Reason>,
}

pub(crate) fn judge<'a>(
    measurements: &Measurements,
    pins: &'a SurfacePins,
    circumstances: &Circumstances<'_>,
) -> Judgement<'a> {
    let judged = pins.sets.iter().map(|pin| judge_one(measurements, pins, pin, circumstances));
    let nearest = judged.min_by_key(|judgement| {
        let differing = judgement.comparison.iter().filter(|row| !row.matches).count();
        let others = judgement.measurements.len().saturating_add(judgement.dcap.len());
        (differing, others, judgement.event_log.len())
    });
    let mut judgement = nearest.unwrap_or_else(|| Judgement {
        measurements: vec![Reason::NoPins { surface: pins.surface.clone() }],
        ..Judgement::default()
    });
    if is_unmeasured(measurements) {
        judgement.measurements.push(Reason::Unmeasured);
    }
    judgement
}

/// An Azure paravisor keeps its guest's registers in a virtual TPM and leaves TDX's at zero.
fn is_unmeasured(measurements: &Measurements) -> bool {
    let [rtmr0, rtmr1, rtmr2, _] = measurements.rtmr;
    measurements.mrtd == [0; 48] || [rtmr0, rtmr1, rtmr2] == [[0; 48]; 3]
}

fn judge_one<'a>(
    measurements: &Measurements,
    pins: &SurfacePins,
    pin: &'a Pin,
    circumstances: &Circumstances<'_>,
) -> Judgement<'a> {
    let comparison = compare(measurements, pin);
    let mut judgement = Judgement { pin: Some(pin), ..Judgement::default() };
    let mut registers = Vec::new();
    for row in comparison.iter().filter(|row| !row.matches) {
        let (pin, expected, got) = (row.pin.clone(), row.expected.clone(), row.got.clone());
        match row.register {
            XFAM => judgement.attributes.push(Reason::XfamMismatch { pin, expected, got }),
            TD_ATTRIBUTES => {
                judgement.attributes.push(Reason::TdAttributesMismatch { pin, expected, got });
            }
            register => registers.push(register.to_owned()),
        }
    }
    if !registers.is_empty() {
        let (surface, pin) = (pins.surface.clone(), pin.label.clone());
        judgement.measurements.push(Reason::MeasurementsMismatch { surface, pin, registers });
    }
    judgement.comparison = comparison;
    judgement.measurements.extend(validity(pin, circumstances));
    judgement.dcap.extend(circumstances.tcb.and_then(|tcb| advisories(pin, tcb)));
    judgement.event_log = circumstances.log.map(|log| log.against(pin)).unwrap_or_default();
    judgement
}

const TD_ATTRIBUTES: &str = "td_attributes";
const XFAM: &str = "xfam";

fn compare(measurements: &Measurements, pin: &Pin) -> Vec<RegisterRow> {
    let row = |register, expected: String, got: &[u8], matches| RegisterRow {
        register,
        expected,
        got: digits(got),
        pin: pin.label.clone(),
        matches,
    };
    let exact = |register, expected: &Measurement, got: &[u8; 48]| {
        row(register, digits(&expected.0), got, expected.0 == *got)
    };
    let mut rows = vec![exact("mrtd", &pin.mrtd, &measurements.mrtd)];
    let names = ["rtmr0", "rtmr1", "rtmr2", "rtmr3"];
    for ((register, rule), got) in names.into_iter().zip(&pin.rtmr).zip(&measurements.rtmr) {
        rows.push(match rule {
            RtmrRule::Exact(expected) => exact(register, expected, got),
            // Only RTMR3 is the running guest's own, and without rules nothing would pin it.
            RtmrRule::EventLog => {
                let ruled = register == "rtmr3" && pin.events.iter().any(|rule| rule.rtmr == 3);
                row(register, "event log".to_owned(), got, ruled)
            }
        });
    }
    rows.push(exact("mrconfigid", &pin.mrconfigid, &measurements.mrconfigid));
    rows.push(exact("mrowner", &pin.mrowner, &measurements.mrowner));
    rows.push(exact("mrownerconfig", &pin.mrownerconfig, &measurements.mrownerconfig));
    let attributes = pin.td_attributes == measurements.td_attributes;
    let expected = hex::encode(pin.td_attributes);
    rows.push(row(TD_ATTRIBUTES, expected, &measurements.td_attributes, attributes));
    let free = if pin.xfam_ignores_cet { CET } else { 0 };
    let [wanted, got] = [pin.xfam, measurements.xfam].map(u64::from_le_bytes);
    let expected = hex::encode(pin.xfam);
    rows.push(row(XFAM, expected, &measurements.xfam, wanted | free == got | free));
    rows
}

/// As `hex::encode`, which goes digit by digit and would be the dearest part of a comparison.
fn digits(bytes: &[u8]) -> String {
    let mut digits = vec![b'0'; bytes.len().saturating_mul(2)];
    let written = hex::encode_to_slice(bytes, &mut digits);
    written.ok().and_then(|()| String::from_utf8(digits).ok()).unwrap_or_default()
}

fn validity(pin: &Pin, circumstances: &Circumstances<'_>) -> Vec<Reason> {
    let label = || pin.label.clone();
    let now_s = circumstances.now_s;
    let revoked =
        pin.revoked.as_ref().map(|why| Reason::PinRevoked { pin: label(), why: why.clone() });
    let early = pin.not_before_s.filter(|starts_s| now_s < *starts_s);
    let late = pin.not_after_s.filter(|ended_s| now_s > *ended_s);
    let simulated = pin.platform == PlatformKind::Simulated;
    let other_world = circumstances.simulated.filter(|verifier| *verifier != simulated);
    let unlisted = circumstances.platform.filter(|platform| {
        // All zeros name no machine, whoever lists them.
        let named = platform.piid.filter(|piid| *piid != [0; 16]);
        let listed = named.is_some_and(|piid| pin.platforms.contains(&piid));
        !pin.platforms.is_empty() && !listed
    });
    [
        revoked,
        early.map(|starts_s| Reason::PinNotYetValid { pin: label(), starts_s }),
        late.map(|ended_s| Reason::PinExpired { pin: label(), ended_s }),
        other_world.map(|_| Reason::PinOtherWorld { pin: label(), simulated }),
        unlisted.map(|platform| Reason::PlatformNotListed {
            pin: label(),
            platform: platform.piid.map_or_else(|| "without a PIID".to_owned(), hex::encode),
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A guest is only safe from an open advisory where its build mitigates it: the pin says which.
fn advisories(pin: &Pin, tcb: &TcbReport) -> Option<Reason> {
    if tcb.status == TcbStatus::UpToDate {
        return None;
    }
    let open = tcb.advisories.iter().filter(|advisory| !pin.advisories.contains(advisory));
    let advisories: Vec<String> = open.cloned().collect();
    (!advisories.is_empty())
        .then(|| Reason::AdvisoryNotAllowed { pin: pin.label.clone(), advisories })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_name_no_platform_even_where_they_are_listed() {
        let register = Measurement([1; 48]);
        let mut pin = Pin::new("p", PlatformKind::Qemu, register, [register; 4], [3; 8]);
        pin.platforms = vec![[0; 16], [7; 16]];
        let listed = |piid| {
            let platform = Platform { piid, fmspc: [0; 6], pce_id: [0; 2], ppid: vec![0; 16] };
            let circumstances =
                Circumstances { platform: Some(&platform), ..Circumstances::default() };
            let against = validity(&pin, &circumstances);
            assert!(against.iter().all(|reason| reason.code() == "platform-not-listed"));
            against.is_empty()
        };
        assert!(listed(Some([7; 16])));
        for piid in [None, Some([0; 16]), Some([8; 16])] {
            assert!(!listed(piid), "{piid:?}");
        }
    }
}

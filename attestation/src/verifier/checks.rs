//! The checks after DCAP and measurements: binding, freshness, event log.

use holobiont_identity::pins::{Pin, RtmrRule, TcbRules};

use crate::{
    Ask, Binding, EventLog, Evidence, Measurements, Purpose, reason::Reason, verdict::Outcome,
};

/// Whether the quote was made for this, alone or in a batch.
pub(super) fn binding(
    measurements: &Measurements,
    evidence: &Evidence,
    binding: Option<&Binding>,
    simulated: bool,
) -> Outcome {
    let Some(binding) = binding else {
        return Outcome::NotAsked;
    };
    let expected = match &evidence.batch {
        Some(path) => path.report_data(&binding.leaf(), simulated),
        None => binding.report_data(),
    };
    let mut reasons = Vec::new();
    if binding.simulated() != simulated {
        reasons.push(Reason::SimulatedBit { binding: binding.simulated(), root: simulated });
    }
    if !expected.matches(&measurements.report_data) {
        reasons.push(Reason::ReportData { purpose: binding.purpose().name() });
    }
    Outcome::of(reasons)
}

/// Whether the quote is new: by a nonce of ours that it binds, or by its age where that is known.
pub(super) fn freshness(ask: &Ask<'_>, binding: &Outcome, rules: &TcbRules) -> Outcome {
    if let Some(made_s) = ask.quote_made_s {
        return Outcome::of(age(made_s, ask.now_s, rules.max_quote_age_s).into_iter().collect());
    }
    match ask.binding {
        None => Outcome::NotAsked,
        Some(_) if *binding != Outcome::Passed => {
            Outcome::NotRun("the quote was made for something else".to_owned())
        }
        Some(binding) if has_nonce(binding) => Outcome::Passed,
        Some(_) => Outcome::Failed(vec![Reason::QuoteAgeUnknown]),
    }
}

/// Whether what is bound is a nonce that we chose for this one quote.
pub(super) const fn has_nonce(binding: &Binding) -> bool {
    matches!(binding.purpose(), Purpose::Tls | Purpose::Inspect)
}

fn age(made_s: u64, now_s: u64, max_age_s: u64) -> Option<Reason> {
    match now_s.checked_sub(made_s) {
        None => Some(Reason::QuoteFromFuture { made_s }),
        Some(age_s) if age_s > max_age_s => Some(Reason::QuoteTooOld { age_s, max_age_s }),
        Some(_) => None,
    }
}

/// Where the pin has event rules, or where nothing was pinned and a log came along: whether it
/// explains the registers, and says what is pinned.
pub(super) fn event_log(
    measurements: &Measurements,
    evidence: &Evidence,
    pin: Option<&Pin>,
    has_pins: bool,
) -> Outcome {
    let ruling = pin.filter(|pin| !pin.events.is_empty() || pin.rtmr.contains(&RtmrRule::EventLog));
    let bytes = match (ruling, &evidence.event_log) {
        (Some(pin), None) => {
            return Outcome::Failed(vec![Reason::EventLogMissing { pin: pin.label.clone() }]);
        }
        (Some(_), Some(bytes)) => bytes,
        (None, Some(bytes)) if !has_pins => bytes,
        (None, _) => return Outcome::NotAsked,
    };
    let log = match EventLog::parse(bytes) {
        Ok(log) => log,
        Err(error) => {
            return Outcome::Failed(vec![Reason::EventLogMalformed { detail: error.to_string() }]);
        }
    };
    let replayed = log.replay();
    let names = ["RTMR0", "RTMR1", "RTMR2", "RTMR3"].into_iter();
    let registers: Vec<String> = names
        .zip(replayed.iter().zip(&measurements.rtmr))
        .filter(|(_, (log, quote))| log != quote)
        .map(|(name, _)| name.to_owned())
        .collect();
    if !registers.is_empty() {
        // A log that is not believed has no events worth naming.
        return Outcome::Failed(vec![Reason::EventLogReplay { registers }]);
    }
    let rules = ruling.into_iter().flat_map(|pin| pin.events.iter().map(move |rule| (pin, rule)));
    let reasons = rules.filter_map(|(pin, rule)| {
        let error = log.holds(rule.rtmr, &rule.name, &rule.value).err()?;
        Some(Reason::EventRule { pin: pin.label.clone(), detail: error.to_string() })
    });
    Outcome::of(reasons.collect())
}

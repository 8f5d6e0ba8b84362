//! The checks after DCAP and measurements: binding, freshness, event log.

use holobiont_identity::pins::{Pin, SurfacePins, TcbRules};

use crate::{
    Ask, Binding, Evidence, Measurements, Purpose, policy::LogShown, reason::Reason,
    verdict::Outcome,
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

/// Whether the quote is new: by a nonce of ours that it binds, or by its age where that is known. A
/// ticket must hold now, too.
pub(super) fn freshness(ask: &Ask<'_>, binding: &Outcome, rules: &TcbRules) -> Outcome {
    if let Some(made_s) = ask.quote_made_s {
        let age = age(made_s, ask.now_s, rules.max_quote_age_s);
        let window = ask.binding.and_then(|binding| window(binding, ask.now_s));
        return Outcome::of(age.into_iter().chain(window).collect());
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

fn window(binding: &Binding, now_s: u64) -> Option<Reason> {
    let Binding::Ticket(ticket) = binding else {
        return None;
    };
    let (starts_s, ended_s) = (ticket.not_before_s, ticket.not_after_s);
    let is_valid = (starts_s..=ended_s).contains(&now_s);
    (!is_valid).then_some(Reason::TicketNotValid { starts_s, ended_s })
}

fn age(made_s: u64, now_s: u64, max_age_s: u64) -> Option<Reason> {
    match now_s.checked_sub(made_s) {
        None => Some(Reason::QuoteFromFuture { made_s }),
        Some(age_s) if age_s > max_age_s => Some(Reason::QuoteTooOld { age_s, max_age_s }),
        Some(_) => None,
    }
}

/// Where some pin has event rules, or where nothing was pinned and a log came along: the log, and
/// whether it explains the registers.
pub(super) fn read_log(
    measurements: &Measurements,
    evidence: &Evidence,
    pins: Option<&SurfacePins>,
) -> Option<LogShown> {
    let is_asked = match pins {
        Some(pins) => pins.sets.iter().any(Pin::asks_for_log),
        None => evidence.event_log.is_some(),
    };
    is_asked.then(|| LogShown::read(evidence.event_log.as_deref(), measurements))
}

/// Whether the log is as the pin wants it, which has these reasons `against` it.
pub(super) fn event_log(
    log: Option<LogShown>,
    pin: Option<&Pin>,
    has_pins: bool,
    against: Vec<Reason>,
) -> Outcome {
    match log {
        Some(_) if pin.is_some_and(Pin::asks_for_log) => Outcome::of(against),
        Some(LogShown::NotBelieved(reason)) if !has_pins => Outcome::Failed(vec![reason]),
        Some(LogShown::Believed(_)) if !has_pins => Outcome::Passed,
        _ => Outcome::NotAsked,
    }
}

//! Reading `[[surface.pins]]`.

use std::ops::Range;

use toml::Spanned;

use super::bits::{is_xfam, td_attribute_faults};
use super::moment::Moment;
use super::values::{EventValue, Hex};
use super::{
    EventRule, MAX_ADVISORIES, MAX_EVENT_RULES, MAX_PLATFORMS, Measurement, Pin, PlatformKind,
    RtmrRule, SEPT_VE_DISABLE_ONLY, SIMULATED_MRTD_PREFIX,
};
use crate::config::{Context, Name, Read, Table, Text};

const REGISTERS: [&str; 5] = ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"];

/// Reads one set of the surface that is called `surface`.
pub(super) fn read(table: &mut Table<'_>, surface: &str, cx: &mut Context<'_>) -> Option<Pin> {
    let label = table.required::<Name>("label", cx);
    if let Some(Name(label)) = &label {
        table.call(format!("pin `{label}` of {surface}"));
    }
    let kinds = PlatformKind::ALL.map(|kind| (kind.as_str(), kind));
    let platform = table.required_choice("platform", &kinds, cx);
    let registers = registers(table, cx);
    if let (Some(kind), Some((mrtd, _))) = (platform, &registers) {
        simulation_is_said(kind, mrtd, table.label(), cx);
    }
    let mut or_zero = |key| table.optional::<Measurement>(key, cx).unwrap_or(Measurement::ZERO);
    let (mrconfigid, mrowner, mrownerconfig) =
        (or_zero("mrconfigid"), or_zero("mrowner"), or_zero("mrownerconfig"));
    let td_attributes = td_attributes(table, cx);
    let xfam = xfam(table, cx);
    let xfam_ignores_cet = table.optional("xfam_ignores_cet", cx).unwrap_or(false);
    let platforms = list::<Hex<16>, _>(table, "platforms", MAX_PLATFORMS, cx, |piid| piid.0);
    let advisories = list::<Name, _>(table, "advisories", MAX_ADVISORIES, cx, |name| name.0);
    let (not_before_s, not_after_s) = window(table, cx);
    let revoked = table.optional::<Text>("revoked", cx).map(|why| why.0);
    let events = events(table, cx);
    let (mrtd, rtmr) = registers?;
    rtmr3_is_pinned(&rtmr, events.as_deref(), table, cx);
    Some(Pin {
        label: label?.0,
        platform: platform?,
        mrtd: mrtd.into_inner(),
        rtmr,
        mrconfigid,
        mrowner,
        mrownerconfig,
        td_attributes,
        xfam: xfam?,
        xfam_ignores_cet,
        platforms,
        advisories,
        not_before_s,
        not_after_s,
        revoked,
        events: events?,
    })
}

/// MRTD and the four RTMRs. All that are missing are told in one problem.
fn registers(
    table: &mut Table<'_>,
    cx: &mut Context<'_>,
) -> Option<(Spanned<Measurement>, [RtmrRule; 4])> {
    let missing: Vec<&str> = REGISTERS.into_iter().filter(|key| !table.has(key)).collect();
    if !missing.is_empty() {
        cx.advise(
            Some(table.span()),
            format!("{} leaves {} unpinned", table.label(), missing.join(", ")),
            "any value would pass there: pin MRTD and all four RTMRs, \"zero\" where nothing is \
             measured",
        );
    }
    let mrtd = table.optional::<Spanned<Measurement>>("mrtd", cx);
    let mrtd =
        mrtd.filter(|mrtd| is_measured("mrtd", *mrtd.get_ref(), &mrtd.span(), table.label(), cx));
    let [_, first, second, third, fourth] = REGISTERS;
    let mut exact = |key| {
        let rule = table.optional::<Spanned<RtmrRule>>(key, cx)?;
        let is_sound = match rule.get_ref() {
            RtmrRule::Exact(value) => is_measured(key, *value, &rule.span(), table.label(), cx),
            RtmrRule::EventLog => {
                let message = format!("`{key}` in {} cannot be \"event-log\"", table.label());
                cx.advise(Some(rule.span()), message, "that is for rtmr3 only: pin its value");
                false
            }
        };
        is_sound.then(|| rule.into_inner())
    };
    let exact = (exact(first), exact(second), exact(third));
    let last = table.optional::<RtmrRule>(fourth, cx);
    Some((mrtd?, [exact.0?, exact.1?, exact.2?, last?]))
}

fn is_measured(
    key: &str,
    value: Measurement,
    span: &Range<usize>,
    pin: &str,
    cx: &mut Context<'_>,
) -> bool {
    if value.is_zero() {
        cx.advise(
            Some(span.clone()),
            format!("`{key}` in {pin} is zero, and a guest that was measured never has that"),
            "all-zero registers are what Azure's paravisor and debugging tools report: take the \
             values of the image itself",
        );
    }
    !value.is_zero()
}

/// A simulated set must say so, so that production can refuse it by its kind; nothing else may
/// look like one.
fn simulation_is_said(
    kind: PlatformKind,
    mrtd: &Spanned<Measurement>,
    pin: &str,
    cx: &mut Context<'_>,
) {
    let has_prefix = mrtd.get_ref().0.starts_with(&SIMULATED_MRTD_PREFIX);
    let message = match (kind, has_prefix) {
        (PlatformKind::Simulated, false) => {
            format!("{pin} is of kind \"simulated\", but its MRTD is not a simulator's")
        }
        (PlatformKind::Simulated, true) | (_, false) => return,
        (_, true) => format!("{pin} has a simulator's MRTD, but is of kind \"{kind}\""),
    };
    let help = "a simulated guest's MRTD begins with 53494d554c415445, and its pin has \
                `platform = \"simulated\"`";
    cx.advise(Some(mrtd.span()), message, help);
}

fn td_attributes(table: &mut Table<'_>, cx: &mut Context<'_>) -> [u8; 8] {
    let Some(attributes) = table.optional::<Spanned<Hex<8>>>("td_attributes", cx) else {
        return SEPT_VE_DISABLE_ONLY;
    };
    for why in td_attribute_faults(attributes.get_ref().0) {
        let message = format!("`td_attributes` in {} {why}", table.label());
        let help = "no such guest is ever accepted; an ordinary one has 0000001000000000";
        cx.advise(Some(attributes.span()), message, help);
    }
    attributes.into_inner().0
}

fn xfam(table: &mut Table<'_>, cx: &mut Context<'_>) -> Option<[u8; 8]> {
    let xfam = table.required::<Spanned<Hex<8>>>("xfam", cx)?;
    if !is_xfam(xfam.get_ref().0) {
        let message =
            format!("`xfam` in {} lacks x87 and SSE, which every guest has", table.label());
        let help = "write its 8 bytes in the order of a quote, such as e702060000000000";
        cx.advise(Some(xfam.span()), message, help);
    }
    Some(xfam.into_inner().0)
}

/// A list of different things, up to a limit.
fn list<'i, R: Read<'i>, T: PartialEq>(
    table: &mut Table<'i>,
    key: &'static str,
    most: usize,
    cx: &mut Context<'_>,
    bare: impl Fn(R) -> T,
) -> Vec<T> {
    let Some(listed) = table.optional::<Spanned<Vec<Spanned<R>>>>(key, cx) else {
        return Vec::new();
    };
    let count = listed.get_ref().len();
    if count > most {
        let message = format!("`{key}` in {} lists {count}, above {most}", table.label());
        cx.report(Some(listed.span()), message);
        return Vec::new();
    }
    let mut items = Vec::new();
    for item in listed.into_inner() {
        let span = item.span();
        let item = bare(item.into_inner());
        if items.contains(&item) {
            let message = format!("`{key}` in {} lists this twice: remove one", table.label());
            cx.report(Some(span), message);
        }
        items.push(item);
    }
    items
}

fn window(table: &mut Table<'_>, cx: &mut Context<'_>) -> (Option<u64>, Option<u64>) {
    let not_before = table.optional::<Moment>("not_before", cx);
    let not_after = table.optional::<Spanned<Moment>>("not_after", cx);
    if let (Some(first), Some(last)) = (not_before, &not_after)
        && first.0 >= last.get_ref().0
    {
        cx.advise(
            Some(last.span()),
            format!("`not_after` in {} is not past its `not_before` ({first})", table.label()),
            "the pin would never hold: swap or move them",
        );
    }
    (not_before.map(|first| first.0), not_after.map(|last| last.get_ref().0))
}

fn events(table: &mut Table<'_>, cx: &mut Context<'_>) -> Option<Vec<EventRule>> {
    let listed: Vec<Table<'_>> = table.optional("events", cx).unwrap_or_default();
    let count = listed.len();
    if count > MAX_EVENT_RULES {
        let message = format!("{} has {count} event rules, above {MAX_EVENT_RULES}", table.label());
        cx.report(Some(table.span()), message);
        return None;
    }
    let rules: Vec<EventRule> = listed.into_iter().filter_map(|rule| event(rule, cx)).collect();
    (rules.len() == count).then_some(rules)
}

fn event(mut table: Table<'_>, cx: &mut Context<'_>) -> Option<EventRule> {
    let rtmr = table.required_number("rtmr", 0..=3_u8, cx);
    let name = table.required::<Text>("name", cx);
    let value = table.required::<EventValue>("value", cx);
    table.finish(cx);
    Some(EventRule { rtmr: rtmr?, name: name?.0, value: value?.0 })
}

/// An RTMR3 that follows the event log is pinned only by its events.
fn rtmr3_is_pinned(
    rtmr: &[RtmrRule; 4],
    events: Option<&[EventRule]>,
    table: &Table<'_>,
    cx: &mut Context<'_>,
) {
    let [.., rtmr3] = rtmr;
    let is_named = events.is_none_or(|events| events.iter().any(|event| event.rtmr == 3));
    if *rtmr3 == RtmrRule::EventLog && !is_named {
        cx.advise(
            Some(table.span()),
            format!("{} leaves rtmr3 unpinned: no event rule names it", table.label()),
            "any log would pass: add to `events` what must be in it, such as \
             { rtmr = 3, name = \"compose-hash\", value = \"…\" }",
        );
    }
}

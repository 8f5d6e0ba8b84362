use std::collections::BTreeMap;

use super::{Event, EventLog};

/// One event in which two logs differ.
///
/// Displayed, it says which event of which register: `RTMR2, event 17, kernel command line:
/// changed from "quiet" to "quiet debug"`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventDifference {
    /// The register.
    pub rtmr: u8,
    /// Whether the two logs are the same for this register up to here: what explains why the
    /// registers differ.
    pub first: bool,
    /// The event in the first log; none where only the second has it.
    pub left: Option<Event>,
    /// The event in the second log; none where only the first has it.
    pub right: Option<Event>,
}

impl EventDifference {
    /// What the event is about, in words.
    pub fn label(&self) -> String {
        self.left.as_ref().or(self.right.as_ref()).map_or_else(String::new, Event::label)
    }
}

impl std::fmt::Display for EventDifference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RTMR{}, ", self.rtmr)?;
        match (&self.left, &self.right) {
            (Some(left), Some(right)) if left.digest == right.digest => {
                write!(f, "{left}: moved, there it is event {}", right.index)
            }
            (Some(left), Some(right)) => match (left.text(), right.text()) {
                (Some(from), Some(to)) => write!(f, "{left}: changed from \"{from}\" to \"{to}\""),
                _ => write!(f, "{left}: changed"),
            },
            (Some(left), None) => write!(f, "{left}: gone"),
            (None, Some(right)) => write!(f, "{right}: new"),
            (None, None) => Ok(()),
        }
    }
}

/// An event's label, and how many of that label came before it.
type Key = (String, usize);

/// Register by register, where the logs differ.
pub(super) fn diff(left: &EventLog, right: &EventLog) -> Vec<EventDifference> {
    (0..4)
        .flat_map(|rtmr| {
            let of = |log: &EventLog| -> Vec<Event> {
                log.events().iter().filter(|event| event.rtmr == rtmr).cloned().collect()
            };
            register(rtmr, &of(left), &of(right))
        })
        .collect()
}

/// What is the same at both ends is left out; what is between is paired by label, the first of a
/// label with the first, and so on.
fn register(rtmr: u8, left: &[Event], right: &[Event]) -> Vec<EventDifference> {
    let (left, right) = without_common_start(left, right);
    let (left, right) = without_common_end(left, right);
    let mut pairs: BTreeMap<Key, (Option<&Event>, Option<&Event>)> = BTreeMap::new();
    for (key, event) in numbered(left) {
        pairs.entry(key).or_default().0 = Some(event);
    }
    for (key, event) in numbered(right) {
        pairs.entry(key).or_default().1 = Some(event);
    }
    let mut differences: Vec<_> = pairs
        .into_values()
        .filter(|(left, right)| {
            // Same place from the start, same digest: only what is around it differs.
            left.zip(*right).is_none_or(|(left, right)| left.digest != right.digest)
        })
        .map(|(left, right)| EventDifference {
            rtmr,
            first: false,
            left: left.cloned(),
            right: right.cloned(),
        })
        .collect();
    if differences.is_empty() {
        differences.extend(moved(rtmr, left, right));
    }
    let at = |event: &Option<Event>| event.as_ref().map_or(u32::MAX, |event| event.index);
    differences.sort_by_key(|difference| at(&difference.left).min(at(&difference.right)));
    if let Some(first) = differences.first_mut() {
        first.first = true;
    }
    differences
}

/// The same events in another order: the first that is not where it was.
fn moved(rtmr: u8, left: &[Event], right: &[Event]) -> Option<EventDifference> {
    let event = left.first()?;
    let there = right.iter().find(|other| other.digest == event.digest);
    Some(EventDifference { rtmr, first: false, left: Some(event.clone()), right: there.cloned() })
}

fn without_common_start<'a>(left: &'a [Event], right: &'a [Event]) -> (&'a [Event], &'a [Event]) {
    let common = left.iter().zip(right).take_while(|(a, b)| a.digest == b.digest).count();
    (left.get(common..).unwrap_or_default(), right.get(common..).unwrap_or_default())
}

fn without_common_end<'a>(left: &'a [Event], right: &'a [Event]) -> (&'a [Event], &'a [Event]) {
    let pairs = left.iter().rev().zip(right.iter().rev());
    let common = pairs.take_while(|(a, b)| a.digest == b.digest).count();
    let keep =
        |events: &'a [Event]| events.get(..events.len().saturating_sub(common)).unwrap_or_default();
    (keep(left), keep(right))
}

fn numbered(events: &[Event]) -> Vec<(Key, &Event)> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    events
        .iter()
        .map(|event| {
            let count = seen.entry(event.label()).or_default();
            let key = (event.label(), *count);
            *count = count.saturating_add(1);
            (key, event)
        })
        .collect()
}

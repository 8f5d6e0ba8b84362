//! dstack's event log: a JSON list, digests and payloads in hex, runtime events with their name.

use serde::Deserialize;

use super::{Event, EventLogError, MAX_EVENTS, raw::RawEvent};

/// Keys that newer releases add are passed over: digests alone say what the registers hold.
#[derive(Deserialize)]
struct JsonEvent {
    imr: u32,
    event_type: u32,
    digest: String,
    #[serde(default)]
    event: String,
    #[serde(default)]
    event_payload: String,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Event>, EventLogError> {
    let list: Vec<JsonEvent> = serde_json::from_slice(bytes)
        .map_err(|error| EventLogError::Json { why: error.to_string() })?;
    if list.len() > MAX_EVENTS {
        return Err(EventLogError::TooManyEvents { limit: MAX_EVENTS });
    }
    let mut events = Vec::new();
    for (index, json) in (0_u32..).zip(&list) {
        let Ok(rtmr @ 0..=3) = u8::try_from(json.imr) else {
            return Err(EventLogError::Register { index, got: json.imr });
        };
        let wrong = |part| {
            move |error| EventLogError::Json {
                why: format!("the {part} of event {index} is not hex of the right length: {error}"),
            }
        };
        let mut digest = [0; 48];
        hex::decode_to_slice(&json.digest, &mut digest).map_err(wrong("digest"))?;
        let payload = hex::decode(&json.event_payload).map_err(wrong("payload"))?;
        let raw = RawEvent {
            index,
            rtmr,
            kind: json.event_type,
            digest,
            runtime_name: &json.event,
            payload: &payload,
        };
        events.extend(raw.read());
    }
    Ok(events)
}

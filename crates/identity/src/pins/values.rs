//! The values that pins are written with.

use toml::Spanned;
use toml::de::DeValue;

use super::{MAX_EVENT_VALUE_BYTES, Measurement, RtmrRule, TcbStatus};
use crate::bytes::decode_hex;
use crate::config::{Context, Place, Read, suggestion, text};

/// The word for a register that nothing was measured into.
pub(super) const ZERO: &str = "zero";

/// The word for an RTMR3 whose events are pinned, not its value.
pub(super) const EVENT_LOG: &str = "event-log";

/// Bytes of a fixed number, as hex.
pub(super) struct Hex<const N: usize>(pub(super) [u8; N]);

/// The payload of an event, as hex.
pub(super) struct EventValue(pub(super) Vec<u8>);

impl<'i, const N: usize> Read<'i> for Hex<N> {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let text = text(&value, place, cx)?;
        let bytes = decode_hex(text.get_ref());
        if let Err(error) = &bytes {
            cx.report(Some(text.span()), format!("{place}: {error}"));
        }
        bytes.ok().map(Self)
    }
}

impl<'i> Read<'i> for Measurement {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let text = text(&value, place, cx)?;
        if text.get_ref() == ZERO {
            return Some(Self::ZERO);
        }
        let measurement = Self::from_hex(text.get_ref());
        if let Err(error) = &measurement {
            let help = "write the 96 hex digits of the register, or \"zero\"";
            cx.advise(Some(text.span()), format!("{place}: {error}"), help);
        }
        measurement.ok()
    }
}

impl<'i> Read<'i> for RtmrRule {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        if value.get_ref().as_str() == Some(EVENT_LOG) {
            return Some(Self::EventLog);
        }
        Measurement::read(value, place, cx).map(Self::Exact)
    }
}

impl<'i> Read<'i> for EventValue {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let text = text(&value, place, cx)?;
        let (span, text) = (Some(text.span()), text.into_inner());
        if text.len() > MAX_EVENT_VALUE_BYTES.saturating_mul(2) {
            cx.report(span, format!("{place} is above {MAX_EVENT_VALUE_BYTES} bytes"));
            return None;
        }
        let bytes = hex::decode(&text);
        if bytes.is_err() {
            let help = "write the event's payload as an even number of hex digits";
            cx.advise(span, format!("{place} is no hex"), help);
        }
        bytes.ok().map(Self)
    }
}

impl<'i> Read<'i> for TcbStatus {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let text = text(&value, place, cx)?;
        let status = text.get_ref().parse();
        if status.is_err() {
            let help = match text.get_ref().as_str() {
                "Revoked" => "no rule can accept a platform that Intel revoked".to_owned(),
                got => suggestion(got, &Self::ALL.map(Self::as_str)),
            };
            let message = format!("{place} is `{:.80}`, which is no choice", text.get_ref());
            cx.advise(Some(text.span()), message, help);
        }
        status.ok()
    }
}

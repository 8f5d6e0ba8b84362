use std::fmt::{Display, Write as _};

use super::moment::Moment;
use super::values::{EVENT_LOG, ZERO};
use super::{EventRule, Measurement, Pin, RtmrRule};

/// The `[[surface.pins]]` tables of these pins, to be put after a `[[surface]]` of `organism.toml`:
/// read from there, they are the same pins. Keys that have their default are left out, but for
/// attributes. A time past the year 9999 is written as the last second of it.
///
/// ```
/// use holobiont_identity::pins::{Measurement, Pin, PlatformKind, to_toml};
///
/// let register = Measurement([0xab; 48]);
/// let rtmr = [register, register, register, Measurement::ZERO];
/// let pin = Pin::new("image-7", PlatformKind::Qemu, register, rtmr, [0xe7, 2, 6, 0, 0, 0, 0, 0]);
/// let text = to_toml(&[pin]);
/// assert!(text.starts_with("[[surface.pins]]\nlabel = \"image-7\"\n"));
/// assert!(text.contains("rtmr3 = \"zero\"\n"));
/// ```
pub fn to_toml(pins: &[Pin]) -> String {
    let tables: Vec<String> = pins.iter().map(table).collect();
    tables.join("\n")
}

fn table(pin: &Pin) -> String {
    let mut keys = Keys("[[surface.pins]]\n".to_owned());
    keys.put("label", quoted(&pin.label));
    keys.put("platform", quoted(pin.platform.as_str()));
    keys.put("mrtd", register(&pin.mrtd));
    for (key, rule) in ["rtmr0", "rtmr1", "rtmr2", "rtmr3"].into_iter().zip(&pin.rtmr) {
        keys.put(
            key,
            match rule {
                RtmrRule::Exact(value) => register(value),
                RtmrRule::EventLog => quoted(EVENT_LOG),
            },
        );
    }
    let identities = [
        ("mrconfigid", pin.mrconfigid),
        ("mrowner", pin.mrowner),
        ("mrownerconfig", pin.mrownerconfig),
    ];
    for (key, value) in identities.iter().filter(|(_, value)| !value.is_zero()) {
        keys.put(key, register(value));
    }
    keys.put("td_attributes", quoted(&hex::encode(pin.td_attributes)));
    keys.put("xfam", quoted(&hex::encode(pin.xfam)));
    if pin.xfam_ignores_cet {
        keys.put("xfam_ignores_cet", true);
    }
    keys.list("platforms", pin.platforms.iter().map(|piid| quoted(&hex::encode(piid))));
    keys.list("advisories", pin.advisories.iter().map(|advisory| quoted(advisory)));
    for (key, seconds) in [("not_before", pin.not_before_s), ("not_after", pin.not_after_s)] {
        if let Some(seconds) = seconds {
            keys.put(key, Moment(seconds));
        }
    }
    if let Some(why) = &pin.revoked {
        keys.put("revoked", quoted(why));
    }
    keys.list("events", pin.events.iter().map(event));
    keys.0
}

fn event(rule: &EventRule) -> String {
    let (name, value) = (quoted(&rule.name), quoted(&hex::encode(&rule.value)));
    format!("{{ rtmr = {}, name = {name}, value = {value} }}", rule.rtmr)
}

fn register(value: &Measurement) -> String {
    if value.is_zero() { quoted(ZERO) } else { quoted(&value.to_string()) }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

struct Keys(String);

impl Keys {
    fn put(&mut self, key: &str, value: impl Display) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn list(&mut self, key: &str, items: impl Iterator<Item = String>) {
        let lines: String = items.map(|item| format!("    {item},\n")).collect();
        if !lines.is_empty() {
            self.put(key, format_args!("[\n{lines}]"));
        }
    }
}

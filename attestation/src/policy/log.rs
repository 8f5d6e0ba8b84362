use holobiont_identity::pins::Pin;

use crate::{EventLog, Measurements, reason::Reason};

/// The event log that came with a quote, read once for all pins.
#[derive(Debug)]
pub(crate) enum LogShown {
    /// None came.
    Nothing,
    /// It cannot be read or does not explain the quote's registers: it has no events worth naming.
    NotBelieved(Reason),
    /// It replays to the quote's registers.
    Believed(EventLog),
}

impl LogShown {
    pub(crate) fn read(bytes: Option<&[u8]>, measurements: &Measurements) -> Self {
        let Some(bytes) = bytes else {
            return Self::Nothing;
        };
        let log = match EventLog::parse(bytes) {
            Ok(log) => log,
            Err(error) => {
                return Self::NotBelieved(Reason::EventLogMalformed { detail: error.to_string() });
            }
        };
        let names = ["RTMR0", "RTMR1", "RTMR2", "RTMR3"].into_iter();
        let registers: Vec<String> = names
            .zip(log.replay().iter().zip(&measurements.rtmr))
            .filter(|(_, (log, quote))| log != quote)
            .map(|(name, _)| name.to_owned())
            .collect();
        if registers.is_empty() {
            Self::Believed(log)
        } else {
            Self::NotBelieved(Reason::EventLogReplay { registers })
        }
    }

    /// What a pin has against it; nothing where the pin does not ask for a log.
    pub(crate) fn against(&self, pin: &Pin) -> Vec<Reason> {
        if !pin.asks_for_log() {
            return Vec::new();
        }
        let label = || pin.label.clone();
        let log = match self {
            Self::Nothing => return vec![Reason::EventLogMissing { pin: label() }],
            Self::NotBelieved(reason) => return vec![reason.clone()],
            Self::Believed(log) => log,
        };
        let broken = pin.events.iter().filter_map(|rule| {
            let error = log.holds(rule.rtmr, &rule.name, &rule.value).err()?;
            Some(Reason::EventRule { pin: label(), detail: error.to_string() })
        });
        broken.collect()
    }
}

use super::{EventLog, kind};

/// Why a log does not bear out what is demanded of a named event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventMismatch {
    /// No event of this name has a digest that covers it.
    #[error("the event log has no measured event `{name}` in RTMR{rtmr}")]
    Missing {
        /// The register.
        rtmr: u8,
        /// The name.
        name: String,
    },
    /// An event of this name says something else.
    #[error("event {index}, `{name}` in RTMR{rtmr}, is {got}, not what is pinned")]
    Differs {
        /// The register.
        rtmr: u8,
        /// The name.
        name: String,
        /// The event's number, from 0.
        index: u32,
        /// Its value, in hex.
        got: String,
    },
    /// An event of RTMR3 that is no runtime event with the digest of what it says: it could hide
    /// one.
    #[error("event {index} in RTMR3 is no runtime event with the digest of what it says")]
    Unexplained {
        /// The event's number, from 0.
        index: u32,
    },
}

impl EventLog {
    /// Whether every event of this name in this register has this value, and there is one. Only
    /// names and values that digests cover count.
    ///
    /// RTMR3 is extended by what runs in the guest, and one of its events could be hidden behind
    /// another type or payload than its digest's; so there every event must be a runtime event that
    /// is explained. The other registers are pinned as a whole, so nothing can be added to them.
    /// The log is only worth asking once it [replays](Self::replay) to the quote's registers.
    ///
    /// # Errors
    ///
    /// [`EventMismatch`].
    pub fn holds(&self, rtmr: u8, name: &str, value: &[u8]) -> Result<(), EventMismatch> {
        let mut found = false;
        for event in self.events().iter().filter(|event| event.rtmr == rtmr) {
            let index = event.index;
            let explained = event.name_is_measured && event.kind == kind::DSTACK_RUNTIME;
            if rtmr == 3 && !explained {
                return Err(EventMismatch::Unexplained { index });
            }
            match &event.value {
                Some(got) if event.name_is_measured && event.name == name => {
                    if got != value {
                        let (name, got) = (name.to_owned(), hex::encode(got));
                        return Err(EventMismatch::Differs { rtmr, name, index, got });
                    }
                    found = true;
                }
                _ => (),
            }
        }
        match found {
            true => Ok(()),
            false => Err(EventMismatch::Missing { rtmr, name: name.to_owned() }),
        }
    }
}

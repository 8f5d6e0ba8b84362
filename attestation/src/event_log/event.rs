use super::{kind, meaning::Meaning, text};

/// One event of a log: what extended which register, and what is known of it.
///
/// ```no_run
/// # fn show(log: &holobiont_attestation::EventLog) {
/// for event in log.events() {
///     println!("RTMR{} {event}: {}", event.rtmr, event.text().unwrap_or_default());
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// Its number in the log, from 0; events that extend nothing are counted too.
    pub index: u32,
    /// The register that it extends: 0 to 3.
    pub rtmr: u8,
    /// Its type, by the TCG's PC Client profile, or dstack's 0x08000001.
    pub kind: u32,
    /// What the register is extended with.
    pub digest: [u8; 48],
    /// What the event calls itself: a variable, a runtime event, a boot loader's `kernel_cmdline`.
    /// The words for its kind where it has no name. A claim, unless
    /// [`name_is_measured`](Self::name_is_measured).
    pub name: String,
    /// Whether the digest covers the name too.
    pub name_is_measured: bool,
    /// What the event says, only where the digest covers it.
    pub value: Option<Vec<u8>>,
}

impl Event {
    pub(super) fn new(index: u32, rtmr: u8, kind: u32, digest: [u8; 48], meaning: Meaning) -> Self {
        let Meaning { name, name_is_measured, value } = meaning;
        Self { index, rtmr, kind, digest, name, name_is_measured, value }
    }

    /// What the event is about, in words: `kernel command line`, `firmware variable SecureBoot`.
    pub fn label(&self) -> String {
        match (self.kind, self.name.as_str()) {
            (kind::IPL | kind::EVENT_TAG, "kernel_cmdline") => "kernel command line".to_owned(),
            (kind::IPL, "module_cmdline") => "kernel module command line".to_owned(),
            (kind::IPL, "grub_cmd") => "boot loader command".to_owned(),
            (kind::EVENT_TAG, name) => name.to_owned(),
            (kind, name) => match kind::words(kind) {
                "event" => format!("event of type {kind:#010x}"),
                words if words == name => words.to_owned(),
                words => format!("{words} {name}"),
            },
        }
    }

    /// The value as text, where it is text and the digest covers it; escaped and bounded, so that
    /// it can be printed.
    pub fn text(&self) -> Option<String> {
        self.value.as_deref().and_then(text::decode)
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "event {}, {}", self.index, self.label())
    }
}

use serde::{Deserialize, Serialize};

use super::Measurement;

/// The most platforms that a pin lists.
pub const MAX_PLATFORMS: usize = 256;

/// The most advisories that a pin accepts.
pub const MAX_ADVISORIES: usize = 64;

/// The most event rules of a pin.
pub const MAX_EVENT_RULES: usize = 64;

/// The longest value of an event rule, in bytes.
pub const MAX_EVENT_VALUE_BYTES: usize = 1024;

/// How the MRTD of every simulated guest begins, and that of no real one: what a firmware hashes to
/// cannot be chosen.
pub const SIMULATED_MRTD_PREFIX: [u8; 8] = *b"SIMULATE";

/// The TD attributes of an ordinary guest, as a quote has them: `SEPT_VE_DISABLE` (bit 28) alone.
pub const SEPT_VE_DISABLE_ONLY: [u8; 8] = [0, 0, 0, 0x10, 0, 0, 0, 0];

/// One whole set of measurements: a quote matches it in every part, or not at all.
///
/// ```
/// use holobiont_identity::pins::{Measurement, Pin, PlatformKind};
///
/// let register = |byte| Measurement([byte; 48]);
/// let rtmr = [register(2), register(3), register(4), Measurement::ZERO];
/// let xfam = [0xe7, 0x02, 0x06, 0, 0, 0, 0, 0];
/// let pin = Pin::new("qemu-2026-11", PlatformKind::Qemu, register(1), rtmr, xfam);
/// assert!(pin.mrowner.is_zero());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pin {
    /// What verdicts, logs and metrics call the pin. Unique on its surface.
    pub label: String,
    /// Where such guests run.
    pub platform: PlatformKind,
    /// Measurement of the guest as it was built: the firmware. Never zero.
    pub mrtd: Measurement,
    /// The four run-time registers. The first three are exact and never zero.
    pub rtmr: [RtmrRule; 4],
    /// What the host's owner configured at launch. *Default*: zero.
    pub mrconfigid: Measurement,
    /// The owner named at launch. *Default*: zero.
    pub mrowner: Measurement,
    /// The owner's configuration named at launch. *Default*: zero.
    pub mrownerconfig: Measurement,
    /// The TD attributes, exactly, as a quote has them. *Default*: [`SEPT_VE_DISABLE_ONLY`].
    pub td_attributes: [u8; 8],
    /// The extended features that the guest may use, as a quote has them.
    pub xfam: [u8; 8],
    /// Whether the two CET bits of XFAM (11 and 12) may differ.
    pub xfam_ignores_cet: bool,
    /// The platforms accepted, by PIID (platform instance id); empty accepts any. *Limits*: up to
    /// [`MAX_PLATFORMS`].
    pub platforms: Vec<[u8; 16]>,
    /// The advisories accepted with a status other than `UpToDate`: those that this very build
    /// mitigates. *Limits*: up to [`MAX_ADVISORIES`].
    pub advisories: Vec<String>,
    /// From when on the pin holds. *Unit*: unix seconds, inclusive.
    pub not_before_s: Option<u64>,
    /// Until when the pin holds. *Unit*: unix seconds, inclusive.
    pub not_after_s: Option<u64>,
    /// Why the pin accepts nothing any more. It stays in the file so that a refusal can say so.
    pub revoked: Option<String>,
    /// Events that a believed log must have. *Limits*: up to [`MAX_EVENT_RULES`].
    pub events: Vec<EventRule>,
}

impl Pin {
    /// A pin with the defaults of `organism.toml` and exact registers.
    pub fn new(
        label: impl Into<String>,
        platform: PlatformKind,
        mrtd: Measurement,
        rtmr: [Measurement; 4],
        xfam: [u8; 8],
    ) -> Self {
        Self {
            label: label.into(),
            platform,
            mrtd,
            rtmr: rtmr.map(RtmrRule::Exact),
            mrconfigid: Measurement::ZERO,
            mrowner: Measurement::ZERO,
            mrownerconfig: Measurement::ZERO,
            td_attributes: SEPT_VE_DISABLE_ONLY,
            xfam,
            xfam_ignores_cet: false,
            platforms: Vec::new(),
            advisories: Vec::new(),
            not_before_s: None,
            not_after_s: None,
            revoked: None,
            events: Vec::new(),
        }
    }

    /// Whether only a guest that shows an event log can meet it.
    #[must_use]
    pub fn asks_for_log(&self) -> bool {
        !self.events.is_empty() || self.rtmr.contains(&RtmrRule::EventLog)
    }
}

/// Where guests run, which says what their registers mean.
///
/// Azure is missing on purpose: what its quotes measure is Microsoft's paravisor, with all RTMRs
/// zero, and the guest is in a virtual TPM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PlatformKind {
    /// `"qemu"`: a guest of qemu with a TDX firmware, on one's own machine.
    #[serde(rename = "qemu")]
    Qemu,
    /// `"gcp"`: a Google Cloud confidential VM.
    #[serde(rename = "gcp")]
    GoogleCloud,
    /// `"dstack"`: a guest started by dstack.
    #[serde(rename = "dstack")]
    Dstack,
    /// `"simulated"`: no hardware at all. Its MRTD begins with [`SIMULATED_MRTD_PREFIX`], and only
    /// a node that was told to trust the simulator takes such a pin.
    #[serde(rename = "simulated")]
    Simulated,
}

impl PlatformKind {
    /// Every kind, in the order of their declaration.
    pub const ALL: [Self; 4] = [Self::Qemu, Self::GoogleCloud, Self::Dstack, Self::Simulated];

    /// The word for it in `organism.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::GoogleCloud => "gcp",
            Self::Dstack => "dstack",
            Self::Simulated => "simulated",
        }
    }
}

impl std::fmt::Display for PlatformKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one RTMR must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RtmrRule {
    /// This value.
    Exact(Measurement),
    /// `"event-log"`, RTMR3 only: whatever a believed event log replays to. The pin's
    /// [`EventRule`]s for the register say what is in it.
    EventLog,
}

/// An event that a believed event log must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventRule {
    /// The register that the event was measured into. *Limits*: 0 to 3.
    pub rtmr: u8,
    /// The event's name.
    pub name: String,
    /// Its payload. *Limits*: up to [`MAX_EVENT_VALUE_BYTES`].
    pub value: Vec<u8>,
}

//! Pins: which TDX measurements are accepted on which surface, as data.
//!
//! They come from the `[[surface]]` tables of `organism.toml`. What a quote is worth against them
//! is decided by the attestation room; here they are only read, checked for whatever can be
//! checked without a quote, encoded and hashed.
//!
//! ```
//! use holobiont_identity::{Organism, pins::PlatformKind};
//!
//! let organism = Organism::parse(include_str!("../tests/vectors/pinned.toml"))?;
//! let pins = organism.pins("USD").expect("the surface of USD is pinned");
//! assert_eq!(pins.sets[0].platform, PlatformKind::GoogleCloud);
//! // No pins is no permission: whoever asks gets nothing to match with.
//! assert!(organism.pins("nobody").is_none());
//! # Ok::<(), holobiont_identity::ConfigError>(())
//! ```

mod bits;
mod import;
mod measurement;
mod moment;
pub(crate) use moment::Moment;
mod pin;
mod read_pin;
mod read_surface;
mod surface_pins;
mod tcb;
mod to_toml;
mod values;
mod warnings;
mod windows;

pub use import::{
    ImportError, ImportGap, ImportedPin, MAX_IMPORT_BYTES, MAX_IMPORT_RECORDS, import_flashbots,
};
pub use measurement::Measurement;
pub use pin::{
    EventRule, MAX_ADVISORIES, MAX_EVENT_RULES, MAX_EVENT_VALUE_BYTES, MAX_PLATFORMS, Pin,
    PlatformKind, RtmrRule, SEPT_VE_DISABLE_ONLY, SIMULATED_MRTD_PREFIX,
};
pub use surface_pins::{COMMITTEE_SURFACE, MAX_PINS, SurfacePins};
pub use tcb::{
    DEFAULT_QUOTE_AGE_S, MAX_OUT_OF_DATE_GRACE_S, MAX_QUOTE_AGE_S, TcbRules, TcbStatus,
    UnknownTcbStatus,
};
pub use to_toml::to_toml;

pub(crate) use read_surface::read;
pub(crate) use warnings::of as warnings;

//! A whole fake Intel, made at run time: for laptops, CI, and the negative cases of a verifier.
//!
//! **Owns**: [`SimulatedIntel`] (root, PCK CAs, signer, TCB info, QE identity, revocation lists),
//! its [`SimulatedPlatform`]s, and the [`SimulatedGuest`]s that quote on them; [`SimulatedRoot`],
//! the only root they lead to; [`Fault`], one thing wrong at a time, and the [`Scene`] that asks a
//! verifier about it.
//!
//! **Does not own**: any judgement. The verifier is the one of `holobiont-attestation`, and takes
//! none of this for real: its root of Intel's is another type. A node trusts a fake Intel only where
//! it was told to, and a build without this crate cannot.
//!
//! **Talks to**: nothing. Keys come from the machine's randomness and are kept nowhere, unless a whole
//! simulation is [saved](SimulatedPlatform::to_json) for other processes; the time is an argument.
//!
//! Every certificate names [`MARK`] as its organisation, so that whatever contains a part of this
//! crate can be found out.

#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod authorities;
mod dates;
mod documents;
mod error;
mod event_log;
mod fault;
mod guest;
mod image;
mod intel;
mod key;
mod knobs;
mod platform;
mod quote;
mod root;
mod saved;
mod scene;
mod sgx_extension;

pub use dates::{MAX_NOW_S, MIN_NOW_S};
pub use documents::{SIMULATED_ADVISORIES, SIMULATED_FMSPC};
pub use error::SimulatedError;
pub use fault::Fault;
pub use guest::{SimulatedGuest, pins_for};
pub use image::{SIMULATED_XFAM, SimulatedImage};
pub use intel::{COLLATERAL_LIFE_S, SimulatedIntel};
pub use platform::SimulatedPlatform;
pub use quote::QuoteForm;
pub use root::SimulatedRoot;
pub use scene::Scene;

/// The organisation of every certificate that this crate makes, and of no other.
pub const MARK: &str = "holobiont simulated Intel";

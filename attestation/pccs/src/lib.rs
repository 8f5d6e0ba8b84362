//! Collateral: fetched from Intel or from a cache of it, and kept in a directory.
//!
//! **Owns**: the client of Intel's provisioning certification service and of a PCCS, its cache,
//! which speak the same protocol ([`CollateralSource`]); the directory that keeps collateral by
//! content, and the marks that only go up ([`CollateralDirectory`]); how fresh a set is
//! ([`Freshness`]); one file for another node ([`bundle`], [`unbundle`]).
//!
//! **Does not own**: what collateral is and whether it can be believed. A set that is fetched or
//! imported is checked for its shape alone: its signatures are the verifier's business
//! (`holobiont-attestation`), which in turn fetches nothing.
//!
//! **Talks to**: one HTTP server, when asked to fetch; the directory's files. The time of day is an
//! argument.

#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod answer;
mod bundle;
mod directory;
mod fetch_error;
mod files;
mod freshness;
mod http;
mod source;
mod store_error;

pub use bundle::{BundleError, MAX_BUNDLE_BYTES, MAX_BUNDLE_SETS, bundle, unbundle};
pub use directory::{CollateralDirectory, KEPT_SETS, MAX_PLATFORMS, Stored, newest_first};
pub use fetch_error::FetchError;
pub use freshness::{Freshness, freshness};
pub use http::FetchLimits;
pub use source::{CollateralSource, INTEL_PCS_URL, INTEL_ROOT_CRL_URL};
pub use store_error::StoreError;

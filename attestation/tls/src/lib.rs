//! Attested TLS: a connection on which both sides have shown, by quotes bound to this very
//! connection, what runs at their end.
//!
//! **Owns**: the TLS below (1.3, raw public keys, no resumption; [`transport`]), this boot's key
//! ([`BootKey`]), the frames of the mutual attestation ([`exchange`]) and the states a connection
//! goes through: [`Endpoint`] to [`Handshaken`] to [`Attested`]. One quote for many waiting peers
//! ([`BatchingProver`]).
//!
//! **Does not own**: what makes evidence good (`holobiont-attestation`, by [`VerifierAppraiser`]),
//! where quotes come from (a `QuoteProvider`), collateral and its fetching, the clock
//! ([`Clock`] is injected), which node may do what once it is known.
//!
//! **Talks to**: `holobiont-attestation`, and over the stream it is given to its like. It runs
//! inside a tokio runtime with time, and moves quotes and verdicts to blocking threads.
//!
//! ```text
//! client                                                   server
//!   TLS 1.3, raw public keys both ways, ALPN holobiont/1
//!   request{nonce, node, organism, epoch, surface, policy} ⇄ request{…}
//!   answer{evidence} ─────────────────────────────────────►  judged; only then a quote is made
//!                                     accept, answer ◄──────
//!   accept ────────────────────────────────────────────────►
//!   data ⇄ data, and at any time the same round again
//! ```
//!
//! Each quote's `report_data` binds the maker's role, organism, epoch, surface, policy, node id,
//! both public keys, the judge's nonce and the exporter of this connection over both nonces, all
//! taken from the maker's (and the judge's) own view. A refusal goes to the other side as a code
//! and a text before the connection ends.

#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod appraiser;
mod attested;
mod batching;
mod boot_key;
mod channel;
mod clock;
mod endpoint;
mod error;
pub mod exchange;
mod gate;
mod handshaken;
mod limits;
mod peer;
mod prover;
mod raw_keys;
mod session;
mod terms;
pub mod transport;
mod verifier_appraiser;

pub use appraiser::{Admission, Appraiser};
pub use attested::Attested;
pub use batching::{BatchingProver, Gather};
pub use boot_key::{BootKey, ed25519_of};
pub use clock::Clock;
pub use endpoint::Endpoint;
pub use error::TlsError;
pub use exchange::Refusal;
pub use handshaken::Handshaken;
pub use limits::{LEAST_BETWEEN_ROUNDS_S, Limits};
pub use peer::{Peer, Standing};
pub use prover::{Prover, ProverError, QuoteProver};
pub use raw_keys::MAX_KEY_BYTES;
pub use session::{MAX_OFFERS, Session};
pub use terms::Terms;
pub use verifier_appraiser::{CollateralLookup, SharedMarks, VerifierAppraiser};

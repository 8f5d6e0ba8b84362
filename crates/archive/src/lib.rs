//! Surfaces over HTTP/2 on attested TLS: serving them, following them, and the tickets for both.
//!
//! **Owns**: the [`Server`] (accepting, attesting, bounding and draining connections) and the
//! [`Client`] (one connection to one peer, remade when needed); the routes of a surface
//! ([`surface_routes`]) over a [`Shelf`]; the [`Follower`], which keeps a [`Sink`] equal to a surface
//! elsewhere; [tickets](ticket::Ticket) and enrolments; the [`PlatformBook`].
//!
//! **Does not own**: attestation itself (`holobiont-attestation-tls`), what the committee says over
//! the same connections, which surfaces there are and who may know of them (the caller's [`Shelf`]
//! and [`Gate`]), what a member's silence means (policy).
//!
//! **Talks to**: peers over sockets; surfaces through `holobiont-surface`; the clock that it is
//! given. It runs inside a tokio runtime, and moves file I/O to blocking threads.
//!
//! ```text
//! GET /v1/surfaces/{id}/head              JSON: genesis, earliest, its window's start, next, head
//! GET /v1/surfaces/{id}/records?from=SEQ  stored records, one after the other, for as long as the
//!     [&to=SEQ][&after=HEX]               reader reads; `after` is the reader's head at from - 1
//! GET /v1/surfaces/{id}/segments          JSON: the sealed segments
//! GET /v1/surfaces/{id}/segments/{first}  a sealed segment's bytes; ranges, ETag
//! ```
//!
//! What is not given is a JSON [`Problem`] with a stable code. Only durable records leave a server.
//! While nothing is to be said, HTTP/2 pings tell both sides that the other one lives.

#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod client;
mod follower;
mod gate;
mod head;
pub mod limits;
mod noted;
mod observer;
mod peer_info;
mod platform_book;
mod problem;
mod record_blocks;
mod record_reader;
mod routes;
mod server;
mod shelf;
mod sink;
mod stop;
pub mod ticket;

pub use client::{Bearer, Body, Client, ClientError, ClientParts};
pub use follower::{FollowError, FollowEvent, Follower, Source, Trouble};
pub use gate::{Gate, OpenGate, RosterGate, TicketGate, TicketRule};
pub use head::{PreviousClock, SegmentEntry, StartOfWindow, SurfaceHead};
pub use observer::{NoObserver, Observer};
pub use peer_info::PeerInfo;
pub use platform_book::{Held, PlatformBook, SamePlatform};
pub use problem::Problem;
pub use record_reader::{BadRecord, Batch, RecordReader};
pub use routes::{SurfaceRoutes, surface_routes};
pub use server::{Server, ServerParts, Sessions};
pub use shelf::{DirectoryServed, Served, Shelf, WrittenSurface};
pub use sink::{Sink, SinkError};
pub use stop::Stop;

//! How much and how long, for everything here.

/// Attested connections of one server.
pub const MAX_CONNECTIONS: usize = 64;
/// Attested connections of one node id at one server.
pub const MAX_CONNECTIONS_PER_NODE: usize = 8;
/// Requests under way on one connection: a reader follows many surfaces at once.
pub const MAX_STREAMS: u32 = 512;
/// Size of a request's or an answer's header fields, in bytes.
pub const MAX_HEADER_BYTES: u32 = 16 << 10;
/// Size of a request's body, and of an answer that is taken whole, in bytes.
pub const MAX_BODY_BYTES: usize = 8 << 20;
/// Size of a problem or another small JSON answer that a client takes, in bytes.
pub const MAX_SMALL_BYTES: usize = 256 << 10;
/// Flow-control window of one stream: what may be under way to a reader that does not read, in bytes.
pub const STREAM_WINDOW_BYTES: u32 = 2 << 20;
/// Flow-control window of one connection, in bytes.
pub const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;
/// What a server holds of one answer until the connection takes it, in bytes.
pub const SEND_BUFFER_BYTES: usize = 64 << 10;
/// Size of a frame, in bytes.
pub const FRAME_BYTES: u32 = 64 << 10;

/// How often either side asks whether the other one lives, in milliseconds.
pub const PING_EVERY_MS: u64 = 5_000;
/// How long it has to answer, in milliseconds.
pub const PING_ANSWER_MS: u64 = 10_000;
/// A connection without a request is ended after this time, in milliseconds.
pub const IDLE_MS: u64 = 120_000;
/// How long a drain waits for requests that are under way, in milliseconds.
pub const DRAIN_MS: u64 = 5_000;
/// How long a server rests after the system has refused it a connection, in milliseconds.
pub const ACCEPT_REST_MS: u64 = 100;
/// How long a client waits for the TCP connection, in milliseconds.
pub const DIAL_MS: u64 = 5_000;
/// How long a client waits for the first byte of an answer, in milliseconds.
pub const ANSWER_MS: u64 = 30_000;
/// A client's rest after a failed connection, in milliseconds; doubled with every further one.
pub const LEAST_REST_MS: u64 = 50;
/// A client's longest rest after a failed connection, in milliseconds.
pub const MOST_REST_MS: u64 = 2_000;

/// What one read of a surface hands to a connection, in bytes; a longer record goes alone.
pub const BLOCK_BYTES: usize = 256 << 10;
/// What a follower appends before it syncs, in bytes; a longer record goes alone.
pub const MAX_BATCH_BYTES: usize = 4 << 20;
/// Records that a follower appends before it syncs.
pub const MAX_BATCH_RECORDS: usize = 16_384;
/// How often a directory that another process writes is looked at, in milliseconds.
pub const LOOK_EVERY_MS: u64 = 50;
/// Opening such a directory takes at most one part in this many of the time.
pub const LOOK_SHARE: u32 = 8;
/// Segments in one list.
pub const MAX_LISTED_SEGMENTS: usize = 100_000;

/// Size of a ticket or an enrolment, in bytes.
pub const MAX_TICKET_BYTES: usize = 4 << 10;
/// Length of a ticket's id, in bytes.
pub const MAX_TICKET_ID_BYTES: usize = 128;
/// The longest that a ticket may be valid, in seconds: 400 days.
pub const MAX_TICKET_VALIDITY_S: u64 = 400 * 86_400;
/// How far an issuer's clock may be ahead, in seconds.
pub const TICKET_LEEWAY_S: u64 = 60;

//! What goes over the TLS stream: frames, requests and refusals, encoded and decoded.
//!
//! ```text
//! frame     u8 kind · u32 length of the body · body
//! data      1 to MAX_DATA_BYTES bytes of the application
//! request   0x01 · nonce 32 · node 32 · organism 32 · u64 epoch · surface 32 · policy 32
//! answer    an encoded `Evidence`, at most MAX_EVIDENCE_BYTES
//! accept    0x01
//! refuse    0x01 · framed code · framed text
//! ```
//!
//! Integers are little endian. The order in which frames may come is the channel's business; here
//! is only what one frame looks like. Everything is pure, bounded and takes any bytes.

mod frame;
mod refusal;
mod request;

pub use frame::{
    EXCHANGE_VERSION, ExchangeError, Frame, FrameHeader, FrameKind, HEADER_BYTES, MAX_DATA_BYTES,
    MAX_REFUSAL_BYTES, MAX_REQUEST_BYTES,
};
pub use refusal::{MAX_CODE_BYTES, MAX_REFUSAL_TEXT_BYTES, Refusal};
pub use request::Request;

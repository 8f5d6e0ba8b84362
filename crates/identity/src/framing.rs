//! The one encoding for whatever is hashed, where more than one thing of variable length meets.
//!
//! Integers are little endian; a blob or string is a `u32` length and its bytes; a list is a `u32`
//! count and its items; an optional is one byte, 0 or 1, and then the value.
//!
//! ```
//! use holobiont_identity::framing::{Framed, FramedReader};
//!
//! let mut framed = Framed::new();
//! framed.u8(1).blob("name").count(2).u64(7).u64(9);
//! let bytes = framed.into_bytes();
//!
//! let mut reader = FramedReader::new(&bytes);
//! assert_eq!(reader.u8()?, 1);
//! assert_eq!(reader.blob(64)?, b"name");
//! assert_eq!(reader.count(16)?, 2);
//! assert_eq!((reader.u64()?, reader.u64()?), (7, 9));
//! reader.finish()?;
//! # Ok::<(), holobiont_identity::framing::FramingError>(())
//! ```

mod reader;
mod writer;

pub use reader::{FramedReader, FramingError};
pub use writer::Framed;

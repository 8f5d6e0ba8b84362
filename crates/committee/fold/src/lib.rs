//! A node's own copies of its members' surfaces, what it can say of them, and the fold of what the
//! committee has committed.
//!
//! **Owns** [`Copies`]: one copy a member, growing, and the node's opinion on heads that others offer;
//! [`Folder`]: the back [`Machine`](holobiont_committee::Machine) and the replay beside it, which take
//! committed entries in order and give a [`CutStatement`](holobiont_committee::CutStatement) after
//! every cut; and the organism's own surface. **Does not own** where records come from (whoever feeds
//! the copies does, and looks at [`Need`]), what is signed and sent, clocks and threads. **Talks to**
//! `committee` for the log's rules, `replay` for the fold, `surface` for the files, and `programs` for
//! the program that a config names.
//!
//! What is folded here and what `holobiont replay` folds from the exported log is the same to the bit:
//! the same engine reads the same records, only that here the surfaces grow meanwhile.

#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod copies;
mod error;
mod folder;
mod need;
mod since;

pub use copies::{
    Aside, Copies, CopyOptions, CopyRecovery, DEFAULT_RECENT_BYTES, MAX_RUNS, OnSync, Views,
    aside_of_output,
};
pub use error::FoldError;
pub use folder::{
    FoldSnapshot, FoldedCut, Folder, FolderOptions, FolderStart, Pushed, state_digest,
};
pub use need::Need;
pub use since::Since;

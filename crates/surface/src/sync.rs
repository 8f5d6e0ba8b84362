//! The primitives of the hand-over between threads. A test puts a model checker's in their place.

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

//! The store as its users see it: through the engine's traits, on real and on failing disks.

mod common;
mod damage;
mod faults;
mod full;
mod fuzz_corpus;
mod killed;
mod machine;
mod model;
mod reading;
mod signed;
mod snapshots;
mod suite;
mod vectors;

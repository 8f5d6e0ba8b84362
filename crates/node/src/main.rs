//! The `holobiont` binary.

fn main() {}

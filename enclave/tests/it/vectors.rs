//! Real quotes and logs, where the shared vectors are.

use std::path::PathBuf;

/// A vector's bytes; says so when it is not there.
#[expect(clippy::disallowed_methods, reason = "the environment says where the vectors are")]
pub(crate) fn read(name: &str) -> Option<Vec<u8>> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = std::env::var_os("HOLOBIONT_TDX_VECTORS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| workspace.join("../shared/data/tdx"));
    let bytes = std::fs::read(folder.join(name));
    bytes
        .inspect_err(|_| println!("skipped: HOLOBIONT_TDX_VECTORS names no folder with {name}"))
        .ok()
}

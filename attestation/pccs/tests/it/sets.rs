//! Sets to serve and to keep: a simulated Intel's, changed where a test wants, and real ones.

use std::path::PathBuf;
use std::sync::OnceLock;

use holobiont_attestation::{Collateral, CollateralParts, PckCa};
use holobiont_enclave_simulated::SimulatedIntel;

/// 2027-01-15T08:00:00Z.
const NOW_S: u64 = 1_800_000_000;

/// A set of a simulated Intel, the same for the whole run.
pub(crate) fn simulated() -> Collateral {
    static ONCE: OnceLock<Collateral> = OnceLock::new();
    let make = || SimulatedIntel::new(NOW_S).unwrap().collateral(PckCa::Platform).unwrap();
    ONCE.get_or_init(make).clone()
}

/// The set with a piece of its TCB info replaced. Its signature is then wrong, which is for a
/// verifier to find.
pub(crate) fn changed(set: &Collateral, from: &str, to: &str) -> Collateral {
    let parts = set.parts();
    assert!(parts.tcb_info.contains(from), "{from} in {}", parts.tcb_info);
    let tcb_info = parts.tcb_info.replace(from, to);
    Collateral::new(&CollateralParts { tcb_info, ..parts }).unwrap()
}

/// The set with another evaluation number, so many above its own.
pub(crate) fn evaluated(set: &Collateral, above: i64) -> Collateral {
    let mut artefacts = set.artefacts().iter();
    let number = artefacts.find(|it| it.name == "TCB info").and_then(|it| it.number).unwrap();
    let other = number.checked_add_signed(above).unwrap();
    let text = |number| format!("\"tcbEvaluationDataNumber\":{number},");
    changed(set, &text(number), &text(other))
}

/// The set whose TCB info ends at this time.
pub(crate) fn ending(set: &Collateral, at: &str) -> Collateral {
    let tcb_info = set.parts().tcb_info;
    let (_, rest) = tcb_info.split_once("\"nextUpdate\":\"").unwrap();
    let (end, _) = rest.split_once('"').unwrap();
    changed(set, end, at)
}

/// The first second at which all of a set is valid, and the last.
pub(crate) fn window_s(set: &Collateral) -> (u64, u64) {
    let issued = set.artefacts().iter().map(|it| it.issued_s).max().unwrap();
    (issued, set.expires().0)
}

/// A real set, where the shared vectors are; says so when they are not.
pub(crate) fn real(name: &str) -> Option<Collateral> {
    real_text(name).map(|text| Collateral::from_json(&text).unwrap())
}

/// Its text.
pub(crate) fn real_text(name: &str) -> Option<String> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let vectors = vectors().unwrap_or_else(|| workspace.join("../shared/data/tdx"));
    let text = std::fs::read_to_string(vectors.join(name));
    text.inspect_err(|_| println!("skipped: HOLOBIONT_TDX_VECTORS names no folder with {name}"))
        .ok()
}

#[expect(clippy::disallowed_methods, reason = "the environment says where the vectors are")]
fn vectors() -> Option<PathBuf> {
    std::env::var_os("HOLOBIONT_TDX_VECTORS").map(PathBuf::from)
}

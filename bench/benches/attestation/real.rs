//! Quotes of real platforms, which are not part of the project.

use std::path::PathBuf;

use holobiont_attestation::{Collateral, Evidence, Intel, Quote};
use holobiont_bench::BenchError;
use holobiont_identity::pins::{Measurement, Pin, PlatformKind, SurfacePins, TcbRules};

use crate::differs;
use crate::subject::Subject;

/// Name, quote, collateral, and a time of `expected.json` at which the pair is accepted.
const PAIRS: [(&str, &str, &str, u64); 2] = [
    ("near-v4", "derived/near-mpc.quote.bin", "derived/near-mpc-collateral.json", 1_786_617_939),
    (
        "td15ex-v5",
        "dcap-qvl/tdx_quote_td15ex",
        "dcap-qvl/tdx_quote_td15ex_collateral.json",
        1_791_419_307,
    ),
];

/// Name and file.
const EVENT_LOGS: [(&str, &str); 2] = [
    ("near-json", "derived/near-mpc.eventlog.json"),
    ("google-ccel", "go-tdx-guest/ccel_data.dat"),
];

/// All pairs; none, and why, where the data is not there.
pub(crate) fn pairs() -> Result<(Vec<Subject<Intel>>, Option<String>), BenchError> {
    let mut all = Vec::new();
    for (name, quote, collateral, now_s) in PAIRS {
        let (quote, collateral) = match (read(quote), read(collateral)) {
            (Ok(quote), Ok(collateral)) => (quote, collateral),
            (Err(why), _) | (_, Err(why)) => return Ok((Vec::new(), Some(why))),
        };
        let text = String::from_utf8_lossy(&collateral);
        let collateral = Collateral::from_json(&text).map_err(|error| differs(&error))?;
        let pins = pins_of(&Quote::parse(&quote).map_err(|error| differs(&error))?);
        let evidence = Evidence { quote, event_log: None, batch: None };
        let (root, binding) = (Intel, None);
        all.push(Subject { name, root, evidence, binding, collateral, pins, now_s });
    }
    Ok((all, None))
}

/// Name and bytes of those that are there.
pub(crate) fn event_logs() -> Vec<(&'static str, Vec<u8>)> {
    EVENT_LOGS.into_iter().filter_map(|(name, file)| Some((name, read(file).ok()?))).collect()
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    let set = std::env::var_os("HOLOBIONT_TDX_VECTORS").map(PathBuf::from);
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/tdx");
    let file = set.unwrap_or_else(|| root.into()).join(path);
    std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))
}

/// One pin that is exactly this guest.
fn pins_of(quote: &Quote) -> SurfacePins {
    let measured = quote.measurements();
    let (mrtd, rtmr) = (Measurement(measured.mrtd), measured.rtmr.map(Measurement));
    let mut pin = Pin::new("itself", PlatformKind::Qemu, mrtd, rtmr, measured.xfam);
    pin.mrconfigid = Measurement(measured.mrconfigid);
    pin.mrowner = Measurement(measured.mrowner);
    pin.mrownerconfig = Measurement(measured.mrownerconfig);
    pin.td_attributes = measured.td_attributes;
    SurfacePins {
        surface: "bench".to_owned(),
        tcb: TcbRules::default(),
        min_distinct_platforms: None,
        sets: vec![pin],
    }
}

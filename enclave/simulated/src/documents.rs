use serde_json::{Value, json};

use crate::SimulatedError;
use crate::dates::{DAY_S, Validity, YEAR_S, rfc3339};
use crate::knobs::Knobs;

/// The simulator's family of platforms. No processor of Intel's has this FMSPC: it spells `SIM`.
pub const SIMULATED_FMSPC: [u8; 6] = *b"SIM\0\0\0";

/// Advisories that every level of the fake Intel's that is not up to date names.
pub const SIMULATED_ADVISORIES: [&str; 2] = ["SIMULATED-SA-00001", "SIMULATED-SA-00002"];

pub(crate) const PCE_ID: [u8; 2] = [0, 0];
pub(crate) const CPU_SVN: [u8; 16] = [4, 4, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0];
/// The third component of `TEE_TCB_SVN`: the TDX late microcode update.
pub(crate) const TDX_MICROCODE_SVN: u8 = 2;
/// The measured signer of the fake quoting enclave.
pub(crate) const QE_SIGNER: [u8; 32] = *b"holobiont simulated TD_QE signer";
pub(crate) const QE_PRODUCT: u16 = 2;

/// How long ago the newest TCB level was made.
const TCB_AGE_S: u64 = 90 * DAY_S;
const OLD_TCB_AGE_S: u64 = 2 * YEAR_S;

/// The TCB info of the simulator's family, as the text that is signed.
///
/// Source of the format: Intel, "Provisioning Certification Service API", v4, `tdx/tcb`, version 3.
pub(crate) fn tcb_info(
    now_s: u64,
    dates: Validity,
    knobs: &Knobs,
) -> Result<String, SimulatedError> {
    let wanted = &knobs.documents;
    let mut fmspc = SIMULATED_FMSPC;
    if wanted.other_fmspc {
        fmspc.reverse();
    }
    let pce_id = if wanted.other_pce_id { "0001" } else { "0000" };
    let no_seam = json!({
        "mrsigner": hex::encode_upper([0; 48]),
        "attributes": hex::encode_upper([0; 8]),
        "attributesMask": hex::encode_upper([0xFF; 8]),
    });
    let mut module = no_seam.clone();
    merge(&mut module, json!({ "id": "TDX_01", "tcbLevels": svn_levels(now_s, 5)? }));
    let text = json!({
        "id": "TDX",
        "version": 3,
        "issueDate": rfc3339(dates.from_s)?,
        "nextUpdate": rfc3339(dates.until_s)?,
        "fmspc": hex::encode_upper(fmspc),
        "pceId": pce_id,
        "tcbType": 0,
        "tcbEvaluationDataNumber": wanted.tcb_evaluation,
        "tdxModule": no_seam,
        "tdxModuleIdentities": [module],
        "tcbLevels": [
            platform_level(11, now_s.saturating_sub(TCB_AGE_S), wanted.status)?,
            platform_level(5, now_s.saturating_sub(OLD_TCB_AGE_S), "OutOfDate")?,
        ],
    });
    Ok(text.to_string())
}

/// The identity of the fake quoting enclave, as the text that is signed.
///
/// Source of the format: Intel, "Provisioning Certification Service API", v4, `tdx/qe/identity`.
pub(crate) fn qe_identity(
    now_s: u64,
    dates: Validity,
    knobs: &Knobs,
) -> Result<String, SimulatedError> {
    let text = json!({
        "id": "TD_QE",
        "version": 2,
        "issueDate": rfc3339(dates.from_s)?,
        "nextUpdate": rfc3339(dates.until_s)?,
        "tcbEvaluationDataNumber": knobs.documents.qe_evaluation,
        "miscselect": "00000000",
        "miscselectMask": "FFFFFFFF",
        "attributes": "11000000000000000000000000000000",
        "attributesMask": "FBFFFFFFFFFFFFFF0000000000000000",
        "mrsigner": hex::encode_upper(QE_SIGNER),
        "isvprodid": QE_PRODUCT,
        "tcbLevels": svn_levels(now_s, 4)?,
    });
    Ok(text.to_string())
}

/// `newest` is up to date, the one below it out of date, the one below that revoked.
fn svn_levels(now_s: u64, newest: u8) -> Result<Value, SimulatedError> {
    let level = |below: u8, age_s: u64, status| {
        let tcb = json!({ "isvsvn": newest.saturating_sub(below) });
        level(&tcb, now_s.saturating_sub(age_s), status)
    };
    Ok(json!([
        level(0, TCB_AGE_S, "UpToDate")?,
        level(1, YEAR_S, "OutOfDate")?,
        level(2, OLD_TCB_AGE_S, "Revoked")?,
    ]))
}

fn platform_level(pce_svn: u16, date_s: u64, status: &str) -> Result<Value, SimulatedError> {
    let mut tdx = [0; 16];
    tdx[2] = TDX_MICROCODE_SVN;
    let components = |svns: [u8; 16]| svns.map(|svn| json!({ "svn": svn })).to_vec();
    let tcb = json!({
        "sgxtcbcomponents": components(CPU_SVN),
        "pcesvn": pce_svn,
        "tdxtcbcomponents": components(tdx),
    });
    level(&tcb, date_s, status)
}

fn level(tcb: &Value, date_s: u64, status: &str) -> Result<Value, SimulatedError> {
    let mut level = json!({ "tcb": tcb, "tcbDate": rfc3339(date_s)?, "tcbStatus": status });
    if status != "UpToDate" {
        merge(&mut level, json!({ "advisoryIDs": SIMULATED_ADVISORIES }));
    }
    Ok(level)
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

//! The few fields of Intel's two signed documents that are judged or shown here. The rest is read by
//! `dcap-qvl`.

use jiff::Timestamp;
use serde::Deserialize;

use super::{CollateralError, malformed};
use crate::artefact::{Artefact, ArtefactKind};

const TCB_INFO: &str = "TCB info";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TcbInfo {
    id: String,
    version: u8,
    issue_date: String,
    next_update: String,
    fmspc: String,
    pce_id: String,
    tcb_evaluation_data_number: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QeIdentity {
    id: String,
    issue_date: String,
    next_update: String,
    tcb_evaluation_data_number: u32,
}

impl TcbInfo {
    pub(super) fn read(text: &str) -> Result<Self, CollateralError> {
        let read: Self =
            serde_json::from_str(text).map_err(|error| malformed(TCB_INFO, error.to_string()))?;
        if read.id != "TDX" || read.version < 3 {
            let got =
                format!("it is `{}` version {}, TDX version 3 is wanted", read.id, read.version);
            return Err(malformed(TCB_INFO, got));
        }
        Ok(read)
    }

    pub(super) fn artefact(&self) -> Result<Artefact, CollateralError> {
        let window = window(TCB_INFO, &self.issue_date, &self.next_update)?;
        let number = Some(self.tcb_evaluation_data_number.into());
        Ok(Artefact::new(ArtefactKind::TcbInfo, window, number))
    }

    pub(super) fn fmspc(&self) -> Result<[u8; 6], CollateralError> {
        fixed_hex(&self.fmspc, "its FMSPC is no 6 bytes of hex")
    }

    pub(super) fn pce_id(&self) -> Result<[u8; 2], CollateralError> {
        fixed_hex(&self.pce_id, "its PCE id is no 2 bytes of hex")
    }
}

impl QeIdentity {
    pub(super) fn read(text: &str) -> Result<Self, CollateralError> {
        let read: Self = serde_json::from_str(text)
            .map_err(|error| malformed("QE identity", error.to_string()))?;
        if read.id != "TD_QE" {
            let got = format!("it is for `{}`, TD_QE is wanted", read.id);
            return Err(malformed("QE identity", got));
        }
        Ok(read)
    }

    pub(super) fn artefact(&self) -> Result<Artefact, CollateralError> {
        let window = window("QE identity", &self.issue_date, &self.next_update)?;
        let number = Some(self.tcb_evaluation_data_number.into());
        Ok(Artefact::new(ArtefactKind::QeIdentity, window, number))
    }
}

fn window(part: &'static str, from: &str, to: &str) -> Result<(u64, u64), CollateralError> {
    let seconds = |text: &str| -> Result<u64, CollateralError> {
        let time: Timestamp =
            text.parse().map_err(|_| malformed(part, "a date is not RFC 3339"))?;
        u64::try_from(time.as_second()).map_err(|_| malformed(part, "a date lies before 1970"))
    };
    Ok((seconds(from)?, seconds(to)?))
}

fn fixed_hex<const N: usize>(text: &str, why: &str) -> Result<[u8; N], CollateralError> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| malformed(TCB_INFO, why))?;
    Ok(bytes)
}

use serde::{Deserialize, Serialize};

use crate::{BenchError, Sizes};

/// The most members that a merge may have.
pub const MAX_MEMBERS: u16 = 256;
/// The most bytes that a payload may have: half of a window's.
pub const MAX_PAYLOAD_BYTES: u32 = 256 << 10;
/// Payload bytes of a scenario when no number of records is asked for.
const DEFAULT_PAYLOAD_BYTES: u64 = 256 << 20;
const QUICK_PAYLOAD_BYTES: u64 = 1 << 20;
/// Records come in whole windows.
const WINDOW_RECORDS: u64 = 256;

/// What to measure, and on which records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The sets of records.
    pub scenarios: Vec<Which>,
    /// Records of a scenario, over all members together; as many as come to 256 MiB of payload
    /// where none are asked for.
    pub records: Option<u64>,
    /// How many members are merged.
    pub members: Vec<u16>,
    /// How many cores the rows named `all-cores` may use.
    pub threads: usize,
    /// How many rounds are counted, after one that is not.
    pub repeat: usize,
    /// What the records are made from.
    pub seed: u64,
    /// Size of the log that memory and opening are measured on besides, in GiB.
    pub large_gib: Option<u64>,
    /// Only rows with this in their `scenario/name`, and those they are compared with.
    pub only: Option<String>,
    /// A run of a few seconds: it shows that all works, and its figures mean nothing.
    pub quick: bool,
}

/// A set of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// Payloads of so many bytes.
    Fixed(u32),
    /// Payloads of 16 bytes to 16 KiB, small ones far more often.
    Zipf,
    /// 28 years of the European Central Bank's reference rates: 41 members, small payloads.
    Ecb,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            scenarios: vec![
                Which::Fixed(256),
                Which::Fixed(64),
                Which::Fixed(1024),
                Which::Zipf,
                Which::Ecb,
            ],
            records: None,
            members: vec![1, 2, 8, 64],
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            repeat: 5,
            seed: 1,
            large_gib: None,
            only: None,
            quick: false,
        }
    }
}

impl Settings {
    /// Records of all members together in a scenario: whole windows for every member of every
    /// merge.
    #[must_use]
    pub fn records_of(&self, which: Which) -> u64 {
        let mean_bytes = match which {
            Which::Fixed(bytes) => u64::from(bytes),
            Which::Zipf | Which::Ecb => 256,
        };
        let payload_bytes = if self.quick { QUICK_PAYLOAD_BYTES } else { DEFAULT_PAYLOAD_BYTES };
        let records =
            self.records.unwrap_or(payload_bytes.checked_div(mean_bytes).unwrap_or(payload_bytes));
        let most = self.members.iter().copied().max().unwrap_or(1).max(1);
        let unit = WINDOW_RECORDS.saturating_mul(u64::from(most));
        records.div_ceil(unit).max(1).saturating_mul(unit)
    }

    /// Refuses what nothing can be measured with.
    ///
    /// # Errors
    ///
    /// [`BenchError::Setting`].
    pub fn check(&self) -> Result<(), BenchError> {
        let refuse = |what: String| Err(BenchError::Setting { what });
        if self.scenarios.is_empty() || self.repeat == 0 || self.threads == 0 {
            return refuse("at least one scenario, round and thread are needed".to_owned());
        }
        if let Some(members) = self.members.iter().find(|it| !(1..=MAX_MEMBERS).contains(*it)) {
            return refuse(format!("{members} members: a merge has 1 to {MAX_MEMBERS}"));
        }
        for which in &self.scenarios {
            if let Which::Fixed(bytes) = which
                && *bytes > MAX_PAYLOAD_BYTES
            {
                return refuse(format!("{bytes} bytes of payload: at most {MAX_PAYLOAD_BYTES}"));
            }
            if self.scenarios.iter().filter(|it| *it == which).count() > 1 {
                return refuse(format!("{} is asked for twice", which.name()));
            }
        }
        Ok(())
    }

    /// Whether a row was asked for.
    pub(crate) fn wants(&self, scenario: &str, row: &str) -> bool {
        let name = || format!("{scenario}/{row}");
        self.only.as_ref().is_none_or(|only| name().contains(only.as_str()))
    }
}

impl Which {
    /// The scenario's name.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Fixed(bytes) => format!("fixed-{bytes}"),
            Self::Zipf => "zipf".to_owned(),
            Self::Ecb => "ecb".to_owned(),
        }
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn title(self) -> String {
        match self {
            Self::Fixed(bytes) => format!("payloads of {bytes} bytes"),
            Self::Zipf => "payloads of 16 bytes to 16 KiB, small ones far more often".to_owned(),
            Self::Ecb => "28 years of the ECB's reference rates, 41 members".to_owned(),
        }
    }

    /// How long payloads are; none where a file says.
    pub(crate) const fn sizes(self) -> Option<Sizes> {
        match self {
            Self::Fixed(bytes) => Some(Sizes::Fixed(bytes)),
            Self::Zipf => Some(Sizes::Zipf),
            Self::Ecb => None,
        }
    }
}

use serde::{Deserialize, Serialize};

/// The age of a quote that is accepted where nothing is said, in seconds: a week.
pub const DEFAULT_QUOTE_AGE_S: u64 = 604_800;

/// The largest age of a quote that can be accepted, in seconds: 31 days.
pub const MAX_QUOTE_AGE_S: u64 = 2_678_400;

/// The longest grace for platforms that are out of date, in seconds: 366 days.
pub const MAX_OUT_OF_DATE_GRACE_S: u64 = 31_622_400;

/// Which states of a platform are accepted on a surface.
///
/// ```
/// use holobiont_identity::pins::{TcbRules, TcbStatus};
///
/// assert_eq!(TcbRules::default().allowed, [TcbStatus::UpToDate]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TcbRules {
    /// The statuses accepted, each once. Whatever is not listed is refused. *Default*: `UpToDate`
    /// alone.
    pub allowed: Vec<TcbStatus>,
    /// How long after its TCB date a platform that is out of date is still accepted, where
    /// `allowed` has such a status. *Unit*: seconds. *Default*: 0, which accepts none. *Limits*:
    /// up to [`MAX_OUT_OF_DATE_GRACE_S`].
    pub out_of_date_grace_s: u64,
    /// How old a quote may be whose nonce is not ours. *Unit*: seconds. *Default*:
    /// [`DEFAULT_QUOTE_AGE_S`]. *Limits*: 1 to [`MAX_QUOTE_AGE_S`].
    pub max_quote_age_s: u64,
}

impl Default for TcbRules {
    fn default() -> Self {
        Self {
            allowed: vec![TcbStatus::UpToDate],
            out_of_date_grace_s: 0,
            max_quote_age_s: DEFAULT_QUOTE_AGE_S,
        }
    }
}

/// What Intel says of a platform's TCB. `Revoked` is no value: no pin can accept it.
///
/// Text has Intel's spelling (TCB info v3 and the QVL's names):
///
/// ```
/// use holobiont_identity::pins::TcbStatus;
///
/// assert_eq!("SWHardeningNeeded".parse(), Ok(TcbStatus::SwHardeningNeeded));
/// assert_eq!(TcbStatus::TdRelaunchAdvised.to_string(), "TDRelaunchAdvised");
/// assert!("Revoked".parse::<TcbStatus>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TcbStatus {
    /// Nothing is left to do.
    UpToDate,
    /// The software must mitigate advisories.
    #[serde(rename = "SWHardeningNeeded")]
    SwHardeningNeeded,
    /// The platform must be configured otherwise.
    ConfigurationNeeded,
    /// Both of these.
    #[serde(rename = "ConfigurationAndSWHardeningNeeded")]
    ConfigurationAndSwHardeningNeeded,
    /// Microcode, firmware or TDX module have updates with security fixes.
    OutOfDate,
    /// That, and the platform must be configured otherwise.
    OutOfDateConfigurationNeeded,
    /// The platform was updated after the guest was started.
    #[serde(rename = "TDRelaunchAdvised")]
    TdRelaunchAdvised,
    /// That, and the platform must be configured otherwise.
    #[serde(rename = "TDRelaunchAdvisedConfigurationNeeded")]
    TdRelaunchAdvisedConfigurationNeeded,
}

impl TcbStatus {
    /// Every status, in the order of their declaration.
    pub const ALL: [Self; 8] = [
        Self::UpToDate,
        Self::SwHardeningNeeded,
        Self::ConfigurationNeeded,
        Self::ConfigurationAndSwHardeningNeeded,
        Self::OutOfDate,
        Self::OutOfDateConfigurationNeeded,
        Self::TdRelaunchAdvised,
        Self::TdRelaunchAdvisedConfigurationNeeded,
    ];

    /// Intel's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UpToDate => "UpToDate",
            Self::SwHardeningNeeded => "SWHardeningNeeded",
            Self::ConfigurationNeeded => "ConfigurationNeeded",
            Self::ConfigurationAndSwHardeningNeeded => "ConfigurationAndSWHardeningNeeded",
            Self::OutOfDate => "OutOfDate",
            Self::OutOfDateConfigurationNeeded => "OutOfDateConfigurationNeeded",
            Self::TdRelaunchAdvised => "TDRelaunchAdvised",
            Self::TdRelaunchAdvisedConfigurationNeeded => "TDRelaunchAdvisedConfigurationNeeded",
        }
    }

    /// Whether the grace of [`TcbRules::out_of_date_grace_s`] is what accepts it.
    pub const fn is_out_of_date(self) -> bool {
        matches!(self, Self::OutOfDate | Self::OutOfDateConfigurationNeeded)
    }
}

impl std::fmt::Display for TcbStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Text that is no status which a pin could accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{got}` is no TCB status that can be accepted: write it as Intel does, such as UpToDate")]
#[non_exhaustive]
pub struct UnknownTcbStatus {
    /// The start of the text that was given.
    pub got: String,
}

impl std::str::FromStr for TcbStatus {
    type Err = UnknownTcbStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| UnknownTcbStatus { got: text.chars().take(80).collect() })
    }
}

use std::path::{Path, PathBuf};

/// Where the kernel shows what a TDX guest can do. The default is where Linux has it.
///
/// ```
/// use holobiont_enclave::Roots;
///
/// assert_eq!(Roots::default().reports.to_str(), Some("/sys/kernel/config/tsm/report"));
/// assert!(Roots::under("/tmp/fake").reports.starts_with("/tmp/fake"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// The directory of `configfs-tsm` in which a report is made (kernel 6.7 and later).
    pub reports: PathBuf,
    /// The directory of the measurement registers (kernel 6.16 and later).
    pub measurements: PathBuf,
    /// The ACPI table that says where the firmware's event log lies.
    pub ccel_table: PathBuf,
    /// The firmware's event log itself.
    pub ccel_data: PathBuf,
    /// The guest driver's device.
    pub device: PathBuf,
    /// What the kernel says of the processor.
    pub processor: PathBuf,
}

impl Roots {
    /// The same places below another directory: a fake machine, for tests.
    pub fn under(prefix: impl AsRef<Path>) -> Self {
        let at = |path: &str| prefix.as_ref().join(path);
        Self {
            reports: at("sys/kernel/config/tsm/report"),
            measurements: at("sys/devices/virtual/misc/tdx_guest/measurements"),
            ccel_table: at("sys/firmware/acpi/tables/CCEL"),
            ccel_data: at("sys/firmware/acpi/tables/data/CCEL"),
            device: at("dev/tdx_guest"),
            processor: at("proc/cpuinfo"),
        }
    }
}

impl Default for Roots {
    fn default() -> Self {
        Self::under("/")
    }
}

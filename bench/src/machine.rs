use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Where a run was: what its absolute figures depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor, as the kernel calls it.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// Name and release of the kernel.
    pub kernel: String,
    /// Kind of file system that the records are on.
    pub filesystem: String,
}

impl Machine {
    /// This machine, with the records in `dir`; what it does not say is `unknown` or 0.
    #[must_use]
    pub fn here(dir: &Path) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let cpu = field(&cpuinfo, "model name").unwrap_or("unknown").to_owned();
        let kib = field(&meminfo, "MemTotal").and_then(|it| it.split(' ').next()?.parse().ok());
        let uname = rustix::system::uname();
        let [system, release] = [uname.sysname(), uname.release()].map(|it| it.to_string_lossy());
        Self {
            cpu,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: kib.unwrap_or(0_u64).saturating_mul(1024),
            kernel: format!("{system} {release}"),
            filesystem: filesystem(dir).unwrap_or_else(|| "unknown".to_owned()),
        }
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

/// The mount that `dir` is under: the last of those with the longest path.
fn filesystem(dir: &Path) -> Option<String> {
    let dir = dir.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let of_line = |line: &str| {
        let mut parts = line.split(' ').skip(1);
        let (at, kind) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        dir.starts_with(&at).then_some((at.len(), kind))
    };
    mounts.lines().filter_map(of_line).max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

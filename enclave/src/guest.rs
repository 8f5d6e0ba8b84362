use std::fmt;
use std::io;

use crate::{FileTree, Roots, Tree};

/// The most of `/proc/cpuinfo` that is looked at; 256 processors need about 400 KiB.
const MAX_PROCESSOR_BYTES: usize = 8 * 1024 * 1024;

/// What this machine offers to a TDX guest, line by line, and what to do about what is missing.
///
/// ```
/// use holobiont_enclave::{Guest, Roots};
///
/// let nowhere = Guest::detect(&Roots::under("/nonexistent"));
/// assert!(!nowhere.is_tdx() && !nowhere.can_quote());
/// assert!(nowhere.findings.iter().all(|finding| finding.advice.is_some()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// One for each [`Interface`], in that order.
    pub findings: Vec<Finding>,
}

/// One interface, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub interface: Interface,
    /// Where it was looked for.
    pub path: String,
    /// How it stands.
    pub state: State,
    /// What to do when it does not answer.
    pub advice: Option<String>,
}

/// What a guest needs, the most basic first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interface {
    /// The processor runs this system as a TDX guest.
    Processor,
    /// The kernel's guest driver.
    Device,
    /// Where quotes are made.
    Reports,
    /// Registers that can be read, and RTMR3 extended.
    Registers,
    /// The firmware's event log.
    EventLog,
}

/// How an interface stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// There, and it answers.
    Present,
    /// Not there.
    Missing,
    /// There, and closed to this user or out of order: what the system says.
    Refused(String),
}

impl Guest {
    /// Looks at this machine. Makes and changes nothing.
    pub fn detect(roots: &Roots) -> Self {
        Self::detect_in(&FileTree, roots)
    }

    /// Looks at the machine that a tree shows.
    pub fn detect_in(tree: &impl Tree, roots: &Roots) -> Self {
        let look = |interface, path: &std::path::Path, result| {
            let state = state(result);
            let advice = advice(interface, &state).map(str::to_owned);
            Finding { interface, path: path.display().to_string(), state, advice }
        };
        let findings = vec![
            look(Interface::Processor, &roots.processor, processor(tree, roots)),
            look(Interface::Device, &roots.device, tree.probe(&roots.device)),
            look(Interface::Reports, &roots.reports, tree.probe(&roots.reports)),
            look(Interface::Registers, &roots.measurements, tree.probe(&roots.measurements)),
            look(
                Interface::EventLog,
                &roots.ccel_table,
                // Reading says more than looking: the log is root's alone.
                crate::event_log(tree, roots)
                    .map_err(io::Error::other)
                    .and_then(|log| log.map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())),
            ),
        ];
        Self { findings }
    }

    /// Whether the kernel says that this is a TDX guest. The kernel may lie; a quote does not.
    pub fn is_tdx(&self) -> bool {
        self.present(Interface::Processor)
    }

    /// Whether what [`crate::ConfigfsTsm`] needs is there.
    pub fn can_quote(&self) -> bool {
        self.present(Interface::Reports)
    }

    fn present(&self, interface: Interface) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|finding| finding.interface == interface && finding.state == State::Present)
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Processor => "TDX guest",
            Self::Device => "guest driver",
            Self::Reports => "quotes",
            Self::Registers => "registers",
            Self::EventLog => "event log",
        })
    }
}

/// The kernel's own word, from CPUID leaf 0x21, among the processor's flags.
fn processor(tree: &impl Tree, roots: &Roots) -> io::Result<()> {
    let text = tree.read(&roots.processor, MAX_PROCESSOR_BYTES)?;
    let text = String::from_utf8_lossy(&text);
    let flags = text.lines().find_map(|line| line.strip_prefix("flags")).unwrap_or_default();
    let is_guest = flags.split_whitespace().any(|flag| flag == "tdx_guest");
    if is_guest { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
}

fn state(result: io::Result<()>) -> State {
    match result {
        Ok(()) => State::Present,
        Err(error) if error.kind() == io::ErrorKind::NotFound => State::Missing,
        Err(error) => State::Refused(error.to_string()),
    }
}

fn advice(interface: Interface, state: &State) -> Option<&'static str> {
    match (state, interface) {
        (State::Present, _) => None,
        (State::Refused(_), _) => {
            Some("run as root; if it is root already, look at the kernel's log")
        }
        (State::Missing, Interface::Processor) => Some(
            "this is no TDX guest: start it as one (Google Cloud: C3 with --confidential-compute-type=TDX)",
        ),
        (State::Missing, Interface::Device) => {
            Some("load the driver: modprobe tdx_guest (CONFIG_TDX_GUEST_DRIVER)")
        }
        (State::Missing, Interface::Reports) => Some(
            "guest kernel 6.7 or later; mount -t configfs none /sys/kernel/config; modprobe tdx_guest",
        ),
        (State::Missing, Interface::Registers) => Some(
            "guest kernel 6.16 or later shows them; without, registers come from a quote and RTMR3 stays as it is",
        ),
        (State::Missing, Interface::EventLog) => Some(
            "the firmware left no event log: pins with event rules cannot be met, use exact registers",
        ),
    }
}

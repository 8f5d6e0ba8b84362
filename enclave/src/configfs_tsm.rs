use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use holobiont_attestation::{
    MAX_QUOTE_BYTES, ProviderError, ProviderKind, Quote, QuoteError, QuoteProvider, ReportData,
};

use crate::entry::Entry;
use crate::{Ambient, FileTree, Roots, System, Tree, turn};

/// How long one quote may take, waiting and retries included. Making one takes 0.1 to 1 s; the
/// kernel itself gives its host 30 s.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(45);

/// The only provider of reports that is taken.
pub const PROVIDER: &str = "tdx_guest";

const FIRST_PAUSE_MS: u64 = 20;
const LONGEST_PAUSE_MS: u64 = 1_000;
/// Attributes of a report that are a word or a number.
const MAX_ATTRIBUTE_BYTES: usize = 64;

/// Quotes of this guest from the Linux kernel's `configfs-tsm` (6.7 and later). Needs root.
///
/// Each try has a report directory of its own, with a random name, removed again whatever happens;
/// quotes of one process are made one after the other. The kernel's generation count is checked
/// before and after, since `configfs` swallows the error of a write. The quote that comes back is
/// parsed, and must bind what was asked: the host, which made it, is not trusted to have answered.
///
/// *Limits*: [`DEFAULT_DEADLINE`] for everything, but a read that hangs in the kernel is only given
/// up when the kernel does; at most [`MAX_QUOTE_BYTES`].
///
/// ```no_run
/// use holobiont_attestation::{Binding, InspectBinding, QuoteProvider};
/// use holobiont_enclave::{ConfigfsTsm, Roots};
///
/// let guest = ConfigfsTsm::new(Roots::default());
/// let binding = Binding::Inspect(InspectBinding { simulated: false, challenge: [7; 32] });
/// let quote = guest.quote(&binding.report_data())?;
/// # Ok::<(), holobiont_attestation::ProviderError>(())
/// ```
pub struct ConfigfsTsm<T = FileTree, A = System> {
    tree: T,
    ambient: A,
    roots: Roots,
    deadline: Duration,
}

impl ConfigfsTsm {
    /// The kernel's own interface at these places.
    pub fn new(roots: Roots) -> Self {
        Self::with(FileTree, System::new(), roots)
    }
}

impl<T: Tree, A: Ambient> ConfigfsTsm<T, A> {
    /// The same over another tree, clock and randomness.
    pub fn with(tree: T, ambient: A, roots: Roots) -> Self {
        Self { tree, ambient, roots, deadline: DEFAULT_DEADLINE }
    }

    /// Gives every quote this long instead of [`DEFAULT_DEADLINE`].
    #[must_use]
    pub fn within(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// One try, in a directory of its own.
    fn attempt(&self, report_data: &ReportData) -> Result<Vec<u8>, Failed> {
        let reports = &self.roots.reports;
        let entry = Entry::create(&self.tree, &self.ambient, reports)
            .map_err(|error| Failed::creating(error, reports))?;
        let failed = |error| Failed::using(error, entry.path());

        let provider = self.word(&entry, "provider").map_err(failed)?;
        if provider != PROVIDER {
            return Err(ProviderError::WrongProvider { got: provider, expected: PROVIDER }.into());
        }
        let before = self.generation(&entry)?;
        entry.write("inblob", report_data.as_bytes()).map_err(failed)?;
        let expected = before.saturating_add(1);
        match self.generation(&entry)? {
            // A write whose error nobody was told: the kernel refused it.
            unmoved if unmoved == before => return Err(Failed::Again(ErrorKind::ResourceBusy)),
            got => same_generation(expected, got)?,
        }
        let quote = match entry.read("outblob", MAX_QUOTE_BYTES) {
            Err(error) if error.kind() == ErrorKind::FileTooLarge => {
                let got = MAX_QUOTE_BYTES.saturating_add(1);
                Err(ProviderError::from(QuoteError::TooLong { got, limit: MAX_QUOTE_BYTES }).into())
            }
            other => other.map_err(failed),
        }?;
        same_generation(expected, self.generation(&entry)?)?;
        Ok(quote)
    }

    fn generation(&self, entry: &Entry<'_, T>) -> Result<u64, Failed> {
        let word =
            self.word(entry, "generation").map_err(|error| Failed::using(error, entry.path()))?;
        word.parse().map_err(|_| {
            Failed::using(io::Error::other(format!("generation is `{word}`")), entry.path())
        })
    }

    fn word(&self, entry: &Entry<'_, T>, attribute: &str) -> io::Result<String> {
        let bytes = entry.read(attribute, MAX_ATTRIBUTE_BYTES)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// Twice as long each time, less a random part so that processes do not meet again.
    fn pause_before(&self, retry: u32) -> Duration {
        let factor = 2_u64.saturating_pow(retry);
        let longest_ms = FIRST_PAUSE_MS.saturating_mul(factor).min(LONGEST_PAUSE_MS);
        // Without randomness the pause is the shortest: jitter is a courtesy.
        let [random, ..] = self.ambient.random().unwrap_or_default();
        let half_ms = longest_ms / 2;
        let jitter_ms = half_ms.saturating_mul(random.into()) / 256;
        Duration::from_millis(half_ms.saturating_add(jitter_ms))
    }
}

impl<T: Tree, A: Ambient> QuoteProvider for ConfigfsTsm<T, A> {
    fn kind(&self) -> ProviderKind {
        ProviderKind::ConfigfsTdx
    }

    fn quote(&self, report_data: &ReportData) -> Result<Vec<u8>, ProviderError> {
        let started = self.ambient.elapsed();
        let waited = || self.ambient.elapsed().saturating_sub(started);
        let waited_ms = || u64::try_from(waited().as_millis()).unwrap_or(u64::MAX);
        let Some(_turn) = turn::take(self.deadline) else {
            return Err(ProviderError::Busy { waited_ms: waited_ms() });
        };
        let mut retry = 0_u32;
        loop {
            let why = match self.attempt(report_data) {
                Ok(bytes) => return checked(&bytes, report_data),
                Err(Failed::For(error)) => return Err(error),
                Err(Failed::Again(why)) => why,
            };
            let pause = self.pause_before(retry);
            if waited().saturating_add(pause) >= self.deadline {
                return Err(match why {
                    ErrorKind::ResourceBusy => ProviderError::Busy { waited_ms: waited_ms() },
                    _ => ProviderError::Timeout { waited_ms: waited_ms() },
                });
            }
            self.ambient.pause(pause);
            retry = retry.saturating_add(1);
        }
    }

    fn event_log(&self) -> Result<Option<Vec<u8>>, ProviderError> {
        crate::event_log(&self.tree, &self.roots)
    }
}

impl<T, A> fmt::Debug for ConfigfsTsm<T, A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConfigfsTsm")
            .field("reports", &self.roots.reports)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// Why one try gave no quote.
enum Failed {
    /// It may pass: try again.
    Again(ErrorKind),
    /// Trying again changes nothing.
    For(ProviderError),
}

impl Failed {
    fn creating(error: io::Error, reports: &Path) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::For(ProviderError::Unsupported {
                why: format!(
                    "{} is not there: run in a TDX guest with kernel 6.7 or later, load its \
                     driver (modprobe tdx_guest) and mount configfs",
                    reports.display()
                ),
            }),
            // A name that is taken: the next one is another.
            kind @ ErrorKind::AlreadyExists => Self::Again(kind),
            _ => Self::using(error, reports),
        }
    }

    fn using(source: io::Error, path: &Path) -> Self {
        match source.kind() {
            kind @ (ErrorKind::ResourceBusy
            | ErrorKind::Interrupted
            | ErrorKind::TimedOut
            | ErrorKind::WouldBlock) => Self::Again(kind),
            _ => Self::For(ProviderError::Io { path: path.display().to_string(), source }),
        }
    }
}

impl From<ProviderError> for Failed {
    fn from(error: ProviderError) -> Self {
        Self::For(error)
    }
}

fn same_generation(expected: u64, got: u64) -> Result<(), ProviderError> {
    if got == expected { Ok(()) } else { Err(ProviderError::Generation { expected, got }) }
}

/// The quote without its padding, when it is one and binds what was asked.
fn checked(bytes: &[u8], report_data: &ReportData) -> Result<Vec<u8>, ProviderError> {
    let quote = Quote::parse(bytes)?;
    if report_data.matches(&quote.measurements().report_data) {
        return Ok(quote.bytes().to_vec());
    }
    Err(ProviderError::SelfCheck {
        why: "the quote binds other report data than was asked for: the host answered with \
              another request's quote; check its quote generation service"
            .to_owned(),
    })
}

//! A kernel in memory: `configfs-tsm` as Linux behaves, with one fault for each report directory,
//! and plain files for everything else.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holobiont_enclave::{Ambient, ConfigfsTsm, PROVIDER, Roots, Tree};

use crate::sample;

pub(crate) const EINTR: i32 = 4;
pub(crate) const EACCES: i32 = 13;
pub(crate) const EBUSY: i32 = 16;
pub(crate) const EAGAIN: i32 = 11;
pub(crate) const EIO: i32 = 5;
pub(crate) const ETIMEDOUT: i32 = 110;

/// What goes wrong with one report.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    None,
    /// The directory cannot be made.
    Make(i32),
    /// Reading or writing an attribute fails.
    Attribute(&'static str, i32),
    /// Another provider's interface.
    Provider(&'static str),
    /// The write is swallowed.
    LostWrite,
    /// Somebody else writes before our generation is read back.
    RaceBeforeQuote,
    /// Somebody else writes while the quote is made.
    RaceDuringQuote,
    /// The generation is no number.
    Generation(&'static str),
    /// What the host gives instead of a quote.
    Outblob(Vec<u8>),
    /// A good quote, padded with zeros.
    Padded(usize),
    /// A good quote that ends early.
    Short(usize),
}

#[derive(Debug)]
struct Report {
    fault: Fault,
    generation: u64,
    inblob: Vec<u8>,
}

#[derive(Debug, Default)]
struct State {
    faults: VecDeque<Fault>,
    reports: BTreeMap<PathBuf, Report>,
    made: Vec<PathBuf>,
    most_at_once: usize,
    removals_refused: usize,
    files: BTreeMap<PathBuf, Result<Vec<u8>, i32>>,
}

/// Clones share one kernel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kernel {
    state: Arc<Mutex<State>>,
}

impl Kernel {
    /// A fault for each directory in turn; the last one stays.
    pub(crate) fn with(faults: impl IntoIterator<Item = Fault>) -> Self {
        let kernel = Self::default();
        kernel.state.lock().unwrap().faults.extend(faults);
        kernel.put(&Roots::default().reports, Ok(Vec::new()));
        kernel
    }

    pub(crate) fn put(&self, path: &Path, content: Result<Vec<u8>, i32>) {
        self.state.lock().unwrap().files.insert(path.to_owned(), content);
    }

    pub(crate) fn remove(&self, path: &Path) {
        self.state.lock().unwrap().files.remove(path);
    }

    /// So many removals of directories are refused as busy.
    pub(crate) fn refuse_removals(&self, times: usize) {
        self.state.lock().unwrap().removals_refused = times;
    }

    pub(crate) fn made(&self) -> Vec<PathBuf> {
        self.state.lock().unwrap().made.clone()
    }

    pub(crate) fn left(&self) -> usize {
        self.state.lock().unwrap().reports.len()
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.state.lock().unwrap().most_at_once
    }

    pub(crate) fn provider(&self) -> ConfigfsTsm<Self, Watch> {
        ConfigfsTsm::with(self.clone(), Watch::default(), Roots::default())
    }
}

fn os(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

impl Report {
    fn read(&mut self, attribute: &str) -> io::Result<Vec<u8>> {
        match &self.fault {
            Fault::Attribute(name, code) if *name == attribute => return Err(os(*code)),
            Fault::Provider(other) if attribute == "provider" => return Ok((*other).into()),
            Fault::Generation(other) if attribute == "generation" => return Ok((*other).into()),
            _ => {}
        }
        match attribute {
            "provider" => Ok(format!("{PROVIDER}\n").into_bytes()),
            "generation" => Ok(format!("{}\n", self.generation).into_bytes()),
            "outblob" => {
                assert_eq!(self.inblob.len(), 64, "outblob without inblob");
                let good = sample::quote(&self.inblob);
                Ok(match &self.fault {
                    Fault::Outblob(other) => other.clone(),
                    Fault::Padded(zeros) => [good, vec![0; *zeros]].concat(),
                    Fault::Short(length) => good[..*length].to_vec(),
                    Fault::RaceDuringQuote => {
                        self.generation += 1;
                        good
                    }
                    _ => good,
                })
            }
            other => panic!("nobody has to read {other}"),
        }
    }

    fn write(&mut self, attribute: &str, bytes: &[u8]) -> io::Result<()> {
        assert_eq!(attribute, "inblob");
        match &self.fault {
            Fault::Attribute("inblob", code) => return Err(os(*code)),
            Fault::LostWrite => return Ok(()),
            Fault::RaceBeforeQuote => self.generation += 1,
            _ => {}
        }
        self.generation += 1;
        self.inblob = bytes.to_vec();
        Ok(())
    }
}

impl State {
    fn report(&mut self, path: &Path) -> Option<(&mut Report, String)> {
        let attribute = path.file_name()?.to_str()?.to_owned();
        self.reports.get_mut(path.parent()?).map(|report| (report, attribute))
    }

    fn file(&self, path: &Path) -> io::Result<&Vec<u8>> {
        let file = self.files.get(path).ok_or_else(|| io::Error::from(ErrorKind::NotFound))?;
        file.as_ref().map_err(|code| os(*code))
    }
}

impl Tree for Kernel {
    fn probe(&self, path: &Path) -> io::Result<()> {
        let state = self.state.lock().unwrap();
        let inside = state.files.keys().any(|file| file.starts_with(path) && file != path);
        if inside { Ok(()) } else { state.file(path).map(|_| ()) }
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.file(path.parent().unwrap())?;
        let last = state.faults.len() <= 1;
        let next = if last { state.faults.front().cloned() } else { state.faults.pop_front() };
        let fault = next.unwrap_or(Fault::None);
        state.made.push(path.to_owned());
        if let Fault::Make(code) = fault {
            return Err(os(code));
        }
        let report = Report { fault, generation: 0, inblob: Vec::new() };
        assert!(state.reports.insert(path.to_owned(), report).is_none(), "a name used twice");
        state.most_at_once = state.most_at_once.max(state.reports.len());
        Ok(())
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        if state.removals_refused > 0 {
            state.removals_refused -= 1;
            return Err(os(EBUSY));
        }
        assert!(state.reports.remove(path).is_some(), "removed twice");
        Ok(())
    }

    fn read(&self, path: &Path, limit_bytes: usize) -> io::Result<Vec<u8>> {
        // A quote takes its time: whoever does not wait for his turn gets here meanwhile.
        (0..1_000).for_each(|_| std::thread::yield_now());
        let mut state = self.state.lock().unwrap();
        let bytes = match state.report(path) {
            Some((report, attribute)) => report.read(&attribute)?,
            None => state.file(path)?.clone(),
        };
        if bytes.len() > limit_bytes { Err(ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        match state.report(path) {
            Some((report, attribute)) => report.write(&attribute, bytes),
            None => panic!("nobody has to write {}", path.display()),
        }
    }
}

/// A clock that moves only when somebody waits, and counted randomness.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    moved: Arc<Mutex<(Duration, u128)>>,
}

impl Ambient for Watch {
    fn elapsed(&self) -> Duration {
        self.moved.lock().unwrap().0
    }

    fn pause(&self, duration: Duration) {
        self.moved.lock().unwrap().0 += duration;
    }

    fn random(&self) -> io::Result<[u8; 16]> {
        let mut moved = self.moved.lock().unwrap();
        moved.1 += 1;
        Ok(moved.1.to_be_bytes())
    }
}

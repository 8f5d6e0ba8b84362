//! One process of the network: started, paused, killed and started again.

use std::fs::OpenOptions;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::dev::PARENT;
use crate::failure::Failure;

/// A process that can be started again and again with the same words.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) name: String,
    /// What is called, without the program itself.
    pub(crate) arguments: Vec<String>,
    /// Where its output goes, after what is there.
    pub(crate) log: PathBuf,
    /// Whether it is fed through its standard input.
    pub(crate) takes_input: bool,
    child: Option<Child>,
    is_paused: bool,
}

impl Process {
    pub(crate) const fn new(
        name: String,
        arguments: Vec<String>,
        log: PathBuf,
        takes_input: bool,
    ) -> Self {
        Self { name, arguments, log, takes_input, child: None, is_paused: false }
    }

    /// Starts it; what it is fed with, where it takes any.
    pub(crate) fn start(&mut self) -> Result<Option<ChildStdin>, Failure> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.map_err(Failure::io(&self.log, "opening"))?;
        let errors = log.try_clone().map_err(Failure::io(&self.log, "opening"))?;
        let input = if self.takes_input { Stdio::piped() } else { Stdio::null() };
        let program = std::env::current_exe().map_err(Failure::unexpected)?;
        let mut command = Command::new(&program);
        command
            .args(&self.arguments)
            .env(PARENT, std::process::id().to_string())
            .stdin(input)
            .stdout(log)
            .stderr(errors)
            // Ctrl-C is for `dev`, which then ends the others one by one.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(Failure::io(&program, "starting"))?;
        let input = child.stdin.take();
        self.child = Some(child);
        self.is_paused = false;
        Ok(input)
    }

    /// Its process id, while it is there.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    pub(crate) const fn is_started(&self) -> bool {
        self.child.is_some()
    }

    pub(crate) const fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// How it ended, where it has done so without being told to.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        let ended = self.child.as_mut()?.try_wait().ok()??;
        self.child = None;
        Some(ended)
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It is gone if this fails.
            let _ = child.kill().await;
        }
        self.is_paused = false;
    }

    pub(crate) fn pause(&mut self) {
        self.is_paused = self.signal(Signal::STOP).is_ok();
    }

    pub(crate) fn resume(&mut self) {
        let _ = self.signal(Signal::CONT);
        self.is_paused = false;
    }

    /// Asks it to end, as an operator does. None where it was not there, or took longer than this
    /// and was killed.
    pub(crate) async fn terminate(&mut self, within: Duration) -> Option<ExitStatus> {
        self.resume();
        let _ = self.signal(Signal::TERM);
        let child = self.child.as_mut()?;
        let ended = timeout(within, child.wait()).await;
        if ended.is_err() {
            self.kill().await;
        }
        self.child = None;
        ended.ok()?.ok()
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = self.child.as_ref().and_then(Child::id);
        let pid = pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else { return Err(io::ErrorKind::NotFound.into()) };
        Ok(kill_process(pid, signal)?)
    }
}

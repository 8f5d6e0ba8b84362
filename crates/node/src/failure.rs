mod exits;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use holobiont_attestation::{Fault, ProviderError};
use holobiont_attestation_pccs::{FetchError, StoreError};
use holobiont_bench::BenchError;
use holobiont_committee::{CertificateError, ExportError, FormatError, MachineError, OrderError};
use holobiont_committee_fold::FoldError;
use holobiont_committee_raft::NodeError;
use holobiont_enclave::RegistersError;
use holobiont_identity::ConfigError;
use holobiont_programs::{DescribeError, LoadError};
use holobiont_replay::{LogError, ReplayError};
use holobiont_surface::{EvidenceError, SurfaceError};
use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use serde::Serialize;
use thiserror::Error;

use crate::exit::Exit;
use crate::print;

/// Why a command did not do what was asked.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("{} has {}", file.display(), problems_in_words(problems.len()))]
    Config { file: PathBuf, problems: Vec<ConfigProblem> },
    #[error("the program of {} cannot be made", file.display())]
    Program { file: PathBuf, source: LoadError },
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    Surface(#[from] SurfaceError),
    #[error("a cited record cannot be proved")]
    Evidence(#[from] EvidenceError),
    #[error("a commit's payload cannot be read")]
    Describe(#[from] DescribeError),
    #[error("{}{place}: {what}", file.display())]
    Input { file: PathBuf, place: InputPlace, what: String, help: &'static str },
    #[error("{doing} {} failed", file.display())]
    Io { file: PathBuf, doing: &'static str, source: io::Error },
    #[error("standard output cannot be written")]
    Output(#[source] io::Error),
    #[error("{what}")]
    Differs { what: String },
    #[error(transparent)]
    Bench(#[from] BenchError),
    #[error("{what}")]
    Regressed { what: String },
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error(transparent)]
    Registers(#[from] RegistersError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{url} cannot be had")]
    Download { url: String, source: Box<ureq::Error> },
    #[error("{what}")]
    Verdict { what: String, fault: Fault },
    /// Pins that are not there, or that this command must not judge by.
    #[error("{} {what}", file.display())]
    Policy { file: PathBuf, what: String, help: &'static str },
    #[error("{what}")]
    NotReady { what: String },
    #[error("{what}")]
    Usage { what: String, help: &'static str },
    #[error("{address} cannot be listened on")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Fold(#[from] FoldError),
    #[error(transparent)]
    Machine(#[from] MachineError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error("this is no certificate of the committee")]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error("{url} answered: {what}")]
    Answer { url: String, status: u16, what: String },
    #[error("{what}")]
    Silent { what: String },
    #[error("the node stopped: {what}")]
    Stopped { what: String },
    #[error("a newer boot of this node was admitted: this one may sign nothing any more")]
    Fenced,
    /// Says itself what to do.
    #[error("{what}")]
    Contradicted { what: String },
    #[error("this node's result of cut {cut} differs from what its committee certified")]
    Diverged { cut: u64 },
    #[error("the committee is split over cut {cut}: no result of it can be certified")]
    Split { cut: u64 },
    #[cfg(feature = "simulated")]
    #[error("interrupted: everything was ended, and nothing proved")]
    Interrupted,
    /// Told on standard output already, as a part of what the command prints there.
    #[error(transparent)]
    Reported(Box<Failure>),
    #[error("this should not have happened")]
    Unexpected(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// One problem of a configuration file, with the line it is on.
#[derive(Debug, Error)]
#[error("{message}")]
pub(crate) struct ConfigProblem {
    message: String,
    help: Option<String>,
    span: Option<std::ops::Range<usize>>,
    source_code: NamedSource<String>,
}

/// Where in an input something is wrong.
#[derive(Debug, Clone, Default)]
pub(crate) struct InputPlace {
    pub(crate) line: Option<u64>,
    pub(crate) column: Option<String>,
}

impl Failure {
    pub(crate) fn config(file: &Path, source: &str, error: ConfigError) -> Self {
        let name = file.display().to_string();
        let problems = error
            .problems
            .into_iter()
            .map(|problem| ConfigProblem {
                message: problem.message,
                help: problem.help,
                span: problem.span,
                source_code: NamedSource::new(&name, source.to_owned()).with_language("TOML"),
            })
            .collect();
        Self::Config { file: file.to_owned(), problems }
    }

    pub(crate) fn io<'a>(
        file: &'a Path,
        doing: &'static str,
    ) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { file: file.to_owned(), doing, source }
    }

    pub(crate) const fn output(error: io::Error) -> Self {
        Self::Output(error)
    }

    pub(crate) fn unexpected(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Unexpected(Box::new(error))
    }

    /// Tells what happened, on standard error and, for machines, on standard output.
    pub(crate) fn tell(self, as_json: bool) -> ExitCode {
        if let Self::Reported(failure) = self {
            return failure.tell(false);
        }
        let exit = self.exit();
        let told = self.to_string();
        if let Self::Output(error) = &self
            && error.kind() == io::ErrorKind::BrokenPipe
        {
            // Whoever read our output has seen enough.
            return ExitCode::SUCCESS;
        }
        if as_json {
            let told = Told::of(&self, exit);
            if let Ok(line) = serde_json::to_string(&told) {
                // The failure itself decides the exit code, whether or not it could be told here.
                let _ = print::text(&format!("{line}\n"));
            }
        }
        if let Self::Config { problems, .. } = self {
            print::note(&format!("error: {told}"));
            for problem in problems {
                print::note(format!("{:?}", miette::Report::new(problem)).trim_end());
            }
        } else {
            print::note(format!("{:?}", miette::Report::new(self)).trim_end());
        }
        exit.into()
    }

    fn advice(&self) -> Option<String> {
        let advice = match self {
            Self::Input { help, .. } | Self::Usage { help, .. } | Self::Policy { help, .. } => help,
            Self::Download { .. } => "check the address, or fetch the file by other means",
            Self::NotReady { .. } => "each line above says what to do",
            Self::Io { source, .. } | Self::Output(source) => of_io(source)?,
            Self::Listen { .. } => "end what listens there, or name another address in [listen]",
            Self::Fenced => "only one may run: find out who started this node id elsewhere",
            Self::Diverged { .. } => {
                "keep data_dir as it is, and look into it: `holobiont audit --url` at another node"
            }
            Self::Split { .. } => "keep every node's data_dir as it is; audits say who is right",
            Self::Surface(SurfaceError::Io { source, .. })
            | Self::Replay(
                ReplayError::Log(LogError::Io { source, .. })
                | ReplayError::Output(SurfaceError::Io { source, .. }),
            ) => of_io(source)?,
            Self::Replay(ReplayError::SurfacesMissing { .. }) => {
                "make them with `holobiont surface import`, or name their folder with --surfaces; \
                 `holobiont surface inspect` tells what is in a folder"
            }
            Self::Replay(ReplayError::HeadDiffers { .. } | ReplayError::Differs { .. }) => {
                "ask the member's operator and the committee for their copies; `holobiont surface \
                 verify` tells whether a copy is whole, and `explain` what a commit stands on"
            }
            Self::Replay(ReplayError::MemoryBudget { .. }) => "raise it with --memory-mib",
            Self::Replay(ReplayError::Program { .. }) => {
                "the program stopped the organism; this is its own bug or a bound it states"
            }
            Self::Bench(BenchError::Io { source, .. }) => of_io(source)?,
            Self::Bench(BenchError::NotOurs { .. }) => "name another folder with --dir",
            Self::Bench(BenchError::NothingKept { .. }) => {
                "make them with `holobiont bench replay --keep --dir DIR`"
            }
            Self::Bench(BenchError::NoRoom { .. }) => {
                "make room, name a folder on another disk with --dir, or ask for fewer --records"
            }
            Self::Regressed { .. } => {
                "run it again on a quiet machine; if it stays, compare the two reports row by row"
            }
            Self::Unexpected(_) => "please report this, with the command that led to it",
            _ => return None,
        };
        Some(advice.to_owned())
    }
}

impl Diagnostic for Failure {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.advice().map(|advice| Box::new(advice) as Box<dyn fmt::Display>)
    }
}

impl Diagnostic for ConfigProblem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.span.as_ref().map(|_| &self.source_code as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.span.clone()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some("here".into()), span))))
    }
}

impl fmt::Display for InputPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        Ok(())
    }
}

/// A failure, for machines.
#[derive(Serialize)]
struct Told {
    schema: &'static str,
    ok: bool,
    exit_code: u8,
    message: String,
    causes: Vec<String>,
    help: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ToldProblem>,
}

#[derive(Serialize)]
struct ToldProblem {
    message: String,
    help: Option<String>,
    start_byte: Option<usize>,
    end_byte: Option<usize>,
}

impl Told {
    fn of(failure: &Failure, exit: Exit) -> Self {
        let mut causes = Vec::new();
        let mut cause = std::error::Error::source(failure);
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        let problems = match failure {
            Failure::Config { problems, .. } => problems
                .iter()
                .map(|problem| ToldProblem {
                    message: problem.message.clone(),
                    help: problem.help.clone(),
                    start_byte: problem.span.as_ref().map(|span| span.start),
                    end_byte: problem.span.as_ref().map(|span| span.end),
                })
                .collect(),
            _ => Vec::new(),
        };
        Self {
            schema: "holobiont.error/v1",
            ok: false,
            exit_code: exit as u8,
            message: failure.to_string(),
            causes,
            help: failure.advice(),
            problems,
        }
    }
}

fn of_io(error: &io::Error) -> Option<&'static str> {
    Some(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full: make room, or write somewhere else, and run it again"
        }
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::PermissionDenied => "check the permissions",
        _ => return None,
    })
}

fn problems_in_words(count: usize) -> String {
    crate::text::count(u64::try_from(count).unwrap_or(u64::MAX), "problem")
}

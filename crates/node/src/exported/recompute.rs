use std::any::Any;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holobiont_committee::{Certificate, CutStatement, MachineEvent};
use holobiont_identity::{Digest, Organism};
use holobiont_programs::{Visit, load};
use holobiont_replay::{Program, Replay, Surfaces};
use holobiont_surface::{Genesis, Head, SurfaceWriter, WriterOptions};

use super::{Boots, Exported};
use crate::failure::Failure;

/// Cuts whose results are kept to be held against certificates.
const MAX_KEPT: usize = 65_536;

/// What an export and members' surfaces give.
pub(crate) struct Recomputed {
    pub(crate) cuts: u64,
    pub(crate) records: u64,
    pub(crate) commits: u64,
    /// The organism's surface, recomputed.
    pub(crate) output: Option<Head>,
    pub(crate) state_digest: Digest,
    pub(crate) log_digest: Digest,
    pub(crate) watermark: Option<u64>,
    /// Certificates that the log makes; each names what was recomputed.
    pub(crate) certificates: u64,
    pub(crate) certified: Option<CutStatement>,
    /// The boots whose keys the log admits.
    pub(crate) boots: Boots,
    statements: BTreeMap<u64, CutStatement>,
}

impl Recomputed {
    /// Whether a certificate from elsewhere names what was recomputed. One of a later cut than the
    /// log's last says nothing here.
    pub(crate) fn agrees(&self, certificate: &Certificate) -> Result<bool, Failure> {
        match self.statements.get(&certificate.statement.cut) {
            Some(own) if *own == certificate.statement => Ok(true),
            Some(own) => Err(differs(own, &certificate.statement)),
            None => Ok(false),
        }
    }
}

/// Recomputes every cut of an export, writing the organism's surface into `output_dir`. Every head
/// that a majority agreed on is checked against the members' surfaces, and every certificate against
/// what was recomputed.
pub(crate) fn recompute(
    exported: Exported,
    surfaces: &Surfaces,
    output_dir: &Path,
) -> Result<Recomputed, Failure> {
    let organism = Arc::clone(exported.machine().organism());
    let job = Job { exported, organism: &organism, surfaces, output_dir };
    load(&organism, job)
        .map_err(|source| Failure::Program { file: PathBuf::from("organism.toml"), source })?
}

struct Job<'a> {
    exported: Exported,
    organism: &'a Organism,
    surfaces: &'a Surfaces,
    output_dir: &'a Path,
}

impl Visit for Job<'_> {
    type Output = Result<Recomputed, Failure>;

    fn visit<P: Program>(self, program: P) -> Self::Output {
        let Self { mut exported, organism, surfaces, output_dir } = self;
        let roster = exported.machine().roster().clone();
        let mut replay = Replay::new(organism, roster, surfaces, program).checking_heads();
        let genesis = Genesis::new(organism.output_surface_id());
        let mut output = SurfaceWriter::create(output_dir, genesis, WriterOptions::default())?;
        let mut statements = BTreeMap::new();
        let (mut certificates, mut certified) = (0_u64, None);
        while let Some((index, effects)) = exported.next()? {
            if let Some(command) = &effects.command
                && let Some(cut) = replay.step(index, command, &mut output)?.cut
            {
                let statement = CutStatement {
                    content_hash: replay.content_hash(),
                    roster_digest: replay.state().roster().digest(),
                    cut: cut.number,
                    log_index: cut.log_index,
                    time_ms: cut.time_ms,
                    log_digest: replay.log_digest(),
                    output: output.head(),
                    state_digest: replay.state_digest(),
                };
                statements.insert(cut.number, statement);
                if statements.len() > MAX_KEPT {
                    statements.pop_first();
                }
            }
            for event in &effects.events {
                let MachineEvent::Certified(certificate) = event else { continue };
                let theirs = &certificate.statement;
                if let Some(own) = statements.get(&theirs.cut)
                    && own != theirs
                {
                    return Err(differs(own, theirs));
                }
                certificates = certificates.saturating_add(1);
                certified = exported.machine().latest_certificate().map(|it| it.statement.clone());
            }
            if let Some(organism) = &effects.take_up {
                replay.take_up(organism, made::<P>(organism)?)?;
            }
        }
        output.sync()?;
        let totals = replay.totals();
        Ok(Recomputed {
            cuts: totals.cuts,
            records: totals.records,
            commits: totals.commits_normal.saturating_add(totals.commits_degraded),
            output: output.head(),
            state_digest: replay.state_digest(),
            log_digest: replay.log_digest(),
            watermark: replay.state().watermark(),
            certificates,
            certified,
            boots: exported.into_boots(),
            statements,
        })
    }
}

fn differs(own: &CutStatement, theirs: &CutStatement) -> Failure {
    let shown = |head: Option<Head>| {
        head.map_or_else(|| "none".to_owned(), |it| format!("{} at record {}", it.hash, it.seq))
    };
    let what = if own.output == theirs.output {
        format!("state {}, its certificate names {}", own.state_digest, theirs.state_digest)
    } else {
        format!("output head {}, its certificate names {}", shown(own.output), shown(theirs.output))
    };
    Failure::Differs { what: format!("cut {}: recomputed is {what}", own.cut) }
}

/// The program that an organism names, where it is this one.
pub(crate) fn made<P: Program>(organism: &Organism) -> Result<P, Failure> {
    let file = || PathBuf::from(format!("{}.toml", organism.content_hash()));
    let made = load(organism, Made).map_err(|source| Failure::Program { file: file(), source })?;
    made.downcast::<P>().map(|program| *program).map_err(|_| Failure::Policy {
        file: file(),
        what: format!("names another program than {} version {}", P::NAME, P::VERSION),
        help: "a committee cannot have taken it up: the log is of another build",
    })
}

struct Made;

impl Visit for Made {
    type Output = Box<dyn Any>;

    fn visit<P: Program>(self, program: P) -> Self::Output {
        Box::new(program)
    }
}

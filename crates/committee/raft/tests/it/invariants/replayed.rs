use std::path::Path;
use std::sync::Arc;

use holobiont_committee::{Configs, CutStatement, Machine};
use holobiont_identity::Organism;
use holobiont_policy::Roster;
use holobiont_programs::{Visit, load};
use holobiont_replay::{Program, Replay, Surfaces};
use holobiont_surface::{Genesis, SurfaceWriter, WriterOptions};

use super::{Invariants, Verdict};

const BUDGET_BYTES: u64 = 64 << 20;

/// An auditor who has the committee's log and the members' own surfaces, and nothing of any node,
/// computes what the committee certified: output head, state digest and log digest at every cut.
///
/// Source: SPEC 4, *Audit*; the issue's *What must hold* (`replay --cuts` on the export gives the
/// committee's output head).
pub(crate) fn replayed(
    invariants: &Invariants,
    organism: &Arc<Organism>,
    roster: &Roster,
    configs: &dyn Configs,
    (surfaces, output): (&Path, &Path),
) -> Verdict {
    let surfaces = Surfaces::open(organism, surfaces, BUDGET_BYTES)
        .map_err(|error| format!("the members' surfaces: {error}"))?;
    let genesis = Genesis::new(organism.output_surface_id());
    let output = SurfaceWriter::create(output, genesis, WriterOptions::default())
        .map_err(|error| format!("the auditor's output: {error}"))?;
    let auditor = Auditor { invariants, organism, roster, configs, surfaces: &surfaces, output };
    load(organism, auditor).map_err(|error| error.to_string())?
}

struct Auditor<'a> {
    invariants: &'a Invariants,
    organism: &'a Arc<Organism>,
    roster: &'a Roster,
    configs: &'a dyn Configs,
    surfaces: &'a Surfaces,
    output: SurfaceWriter,
}

impl Visit for Auditor<'_> {
    type Output = Verdict;

    fn visit<P: Program>(mut self, program: P) -> Verdict {
        let machine = Machine::new(Arc::clone(self.organism), self.roster.clone());
        let mut machine = machine.map_err(|error| error.to_string())?;
        let replay = Replay::new(self.organism, self.roster.clone(), self.surfaces, program);
        let mut replay = replay.checking_heads();
        let mut compared = 0;
        for (index, payload) in self.invariants.logs_agree.commands() {
            let at = |error: String| format!("the auditor, at log entry {index}: {error}");
            let effects = machine.apply(index, payload, self.configs);
            let effects = effects.map_err(|error| at(error.to_string()))?;
            if let Some(command) = &effects.command {
                let step = replay.step(index, command, &mut self.output);
                let step = step.map_err(|error| at(error.to_string()))?;
                if let Some(cut) = step.cut
                    && let Some(certified) = self.invariants.acknowledged.statement(cut.number)
                {
                    let own = CutStatement {
                        content_hash: *machine.content_hash(),
                        roster_digest: replay.state().roster().digest(),
                        cut: cut.number,
                        log_index: index,
                        time_ms: cut.time_ms,
                        log_digest: replay.log_digest(),
                        output: self.output.head(),
                        state_digest: replay.state_digest(),
                    };
                    if own != *certified {
                        return Err(format!(
                            "the auditor computes {own:?}, certified is {certified:?}"
                        ));
                    }
                    compared += 1;
                }
            }
            if let Some(organism) = &effects.take_up {
                load(organism, TakeUp { replay: &mut replay, organism })
                    .map_err(|error| at(error.to_string()))?
                    .map_err(at)?;
            }
        }
        // What is certified and was seen, the log must have led to.
        match compared == self.invariants.acknowledged.count() {
            true => Ok(()),
            false => Err(format!(
                "{} cuts were certified, the log leads to {compared} of them",
                self.invariants.acknowledged.count()
            )),
        }
    }
}

/// Makes the program of the settings that the organism has from here on.
struct TakeUp<'a, 's, P> {
    replay: &'a mut Replay<'s, P>,
    organism: &'a Organism,
}

impl<P: Program> Visit for TakeUp<'_, '_, P> {
    type Output = Verdict;

    fn visit<Q: Program>(self, program: Q) -> Verdict {
        // A config that is taken up names the same program.
        let mut program = Some(program);
        let same = (&mut program as &mut dyn std::any::Any).downcast_mut::<Option<P>>();
        let program = same.and_then(Option::take).ok_or("another program is taken up")?;
        self.replay.take_up(self.organism, program).map_err(|error| error.to_string())
    }
}

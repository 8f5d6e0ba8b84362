use std::path::Path;
use std::time::{Duration, Instant};

use super::alone;
use super::flat;
use super::network::Network;
use super::process::cpu_s;
use super::report::Down;
use super::settings::Settings;
use crate::failure::Failure;
use crate::run::told::Told;

/// Published before one node goes away.
const FIRST_CLOCKS: u64 = 100;
/// Time between two questions.
const EVERY: Duration = Duration::from_millis(5);
/// What the log may grow by while a node ends: ticks.
const ENDING_ENTRIES: u64 = 20;
const ENDS_WITHIN: Duration = Duration::from_secs(30);

pub(super) async fn measure(
    root: &Path,
    settings: &Settings,
    wrong: &mut Vec<String>,
) -> Result<Down, Failure> {
    if settings.nodes < 3 {
        return Err(Failure::Usage {
            what: "fewer than three nodes certify nothing without one of them".to_owned(),
            help: "take --nodes 3 or more, or leave out `down` with --only",
        });
    }
    let mut network = Network::start(root, settings).await?;
    let leader = network.find_leader().await?;
    let away = leader.saturating_add(1).checked_rem(network.layout.nodes.len()).unwrap_or(0);
    let mut others = network.progress(leader, flat::EVERY)?;
    network.members.publish(FIRST_CLOCKS).await?;
    let before = others.certifies(FIRST_CLOCKS).await?;
    let mut itself = network.progress(away, EVERY)?;
    itself.certifies(FIRST_CLOCKS).await?;
    drop(itself);
    network.process(away)?.terminate(ENDS_WITHIN).await;
    let clocks = settings.down_records.div_ceil(settings.members.into());
    let last = FIRST_CLOCKS.saturating_add(clocks);
    flat::publish(&mut network, &others, settings, |clock| clock < last).await?;
    let target = others.certifies(network.members.clock()).await?;

    let mut itself = network.progress(away, EVERY)?;
    let began = Instant::now();
    network.process(away)?.start()?;
    let mut reached = Reached::default();
    let had = (before.committed_index, before.folded_cut);
    let what = "does not catch up";
    itself.until(what, |told, _| reached.look(told, had, &target, began.elapsed())).await?;
    let cpu_s = network.process(away)?.id().and_then(cpu_s).unwrap_or(0.0);

    let export = root.join("cuts");
    network.export(away, &export).await?;
    let (organism, surfaces) = (network.organism.clone(), network.layout.surfaces());
    wrong.extend(network.stop().await);
    let after = before.certified.as_ref().map_or(0, |it| it.log_index);
    let job = alone::Job { organism: &organism, surfaces: &surfaces, export: &export, after };
    let head = target.certified.as_ref().and_then(|it| it.output);
    let alone = job.measure(&root.join("alone"), settings.repeat, head, wrong)?;
    let answers_s = seconds(reached.answers);
    let caught_up_s = seconds(reached.caught_up);
    Ok(Down {
        records: alone.records,
        caught_up_s,
        answers_s,
        fetched_s: seconds(reached.fetched),
        log_s: (seconds(reached.log_grows), seconds(reached.log_there)),
        fold_s: (seconds(reached.folds), seconds(reached.folded)),
        cpu_s,
        of_alone: caught_up_s / alone.seconds,
        of_alone_once_it_answers: (caught_up_s - answers_s) / alone.seconds,
        alone,
    })
}

/// When a node that starts was how far.
#[derive(Debug, Default)]
struct Reached {
    answers: Option<Duration>,
    fetched: Option<Duration>,
    log_grows: Option<Duration>,
    log_there: Option<Duration>,
    folds: Option<Duration>,
    folded: Option<Duration>,
    caught_up: Option<Duration>,
}

impl Reached {
    /// Compares what it says with where it was, and with what another one had said; something once it
    /// has caught up.
    fn look(
        &mut self,
        told: &Told,
        (had_index, had_cut): (u64, u64),
        target: &Told,
        elapsed: Duration,
    ) -> Option<()> {
        self.answers.get_or_insert(elapsed);
        let held = told
            .members
            .iter()
            .zip(&target.members)
            .all(|(own, theirs)| own.copy_durable.map(|head| head.seq) >= theirs.frontier_seq);
        let certified = |told: &Told| told.certified.as_ref().map_or(0, |it| it.cut);
        let certifies = certified(told) >= certified(target);
        for (reached, is_so) in [
            (&mut self.fetched, held),
            (&mut self.log_grows, told.committed_index > had_index.saturating_add(ENDING_ENTRIES)),
            (&mut self.log_there, told.last_index >= target.committed_index),
            (&mut self.folds, told.folded_cut > had_cut),
            (&mut self.folded, told.folded_cut >= target.folded_cut.max(target.cut)),
        ] {
            if is_so {
                reached.get_or_insert(elapsed);
            }
        }
        self.folded?;
        if certifies {
            self.caught_up.get_or_insert(elapsed);
        }
        self.caught_up.map(|_| ())
    }
}

fn seconds(reached: Option<Duration>) -> f64 {
    reached.map_or(0.0, |reached| reached.as_secs_f64())
}

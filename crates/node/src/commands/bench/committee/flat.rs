use std::path::Path;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::alone;
use super::mark::Mark;
use super::network::Network;
use super::progress::Progress;
use super::report::{Flat, float};
use super::settings::Settings;
use crate::failure::Failure;

/// Time between two questions.
pub(super) const EVERY: Duration = Duration::from_millis(10);
/// Records, over all members, that are published and not yet certified, at most.
const MOST_AHEAD: u64 = 400_000;
/// Records, over all members, that are synced together.
const BATCH: u64 = 65_536;
/// Speed is measured from then on.
const WARM: Duration = Duration::from_secs(2);
/// How long whoever publishes rests where enough is on its way.
const REST: Duration = Duration::from_millis(2);

pub(super) async fn measure(
    root: &Path,
    settings: &Settings,
    wrong: &mut Vec<String>,
) -> Result<Flat, Failure> {
    let mut network = Network::start(root, settings).await?;
    let leader = network.find_leader().await?;
    let mut progress = network.progress(leader, EVERY)?;
    let began = Instant::now();
    publish(&mut network, &progress, settings, |_| began.elapsed() < WARM).await?;
    let first = Mark::now(&network, &progress, leader).await?;
    let length = Duration::from_secs(settings.seconds);
    let waited =
        publish(&mut network, &progress, settings, |_| first.at.elapsed() < length).await?;
    let last = Mark::now(&network, &progress, leader).await?;
    let told = progress.certifies(network.members.clock()).await?;
    let export = root.join("cuts");
    network.export(leader, &export).await?;
    let (organism, surfaces) = (network.organism.clone(), network.layout.surfaces());
    wrong.extend(network.stop().await);
    let job = alone::Job { organism: &organism, surfaces: &surfaces, export: &export, after: 0 };
    let head = told.certified.as_ref().and_then(|it| it.output);
    let alone = job.measure(&root.join("alone"), settings.repeat, head, wrong)?;
    let between = first.to(&last);
    let records = settings.records(between.clocks);
    let records_per_s = float(records) / between.seconds;
    Ok(Flat {
        seconds: between.seconds,
        records,
        records_per_s,
        cuts_per_s: between.cuts_per_s,
        members_waited: waited.as_secs_f64() / between.seconds,
        commits_per_s: between.commits_per_s,
        log: between.log(records),
        of_alone: records_per_s / alone.records_per_s,
        alone,
        processors: between.processors,
    })
}

/// Publishes as fast as records get certified, for as long as that is wanted; asked with the clock
/// event of the last records. For how long whoever publishes waited for certificates.
pub(super) async fn publish(
    network: &mut Network,
    progress: &Progress,
    settings: &Settings,
    goes_on: impl Fn(u64) -> bool,
) -> Result<Duration, Failure> {
    let mut waited = Duration::ZERO;
    let a_member = |records: u64| records.checked_div(settings.members.into()).unwrap_or(0).max(1);
    while goes_on(network.members.clock()) {
        let ahead = network.members.clock().saturating_sub(progress.latest().certified);
        if ahead < a_member(MOST_AHEAD) {
            network.members.publish(a_member(BATCH)).await?;
        } else {
            let began = Instant::now();
            sleep(REST).await;
            waited = waited.saturating_add(began.elapsed());
        }
    }
    Ok(waited)
}

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::mark::Mark;
use super::members::Published;
use super::network::Network;
use super::progress::Sample;
use super::report::{Paced, Spread};
use super::settings::Settings;
use crate::failure::Failure;

/// Every member publishes a record so often.
pub(super) const PACE: Duration = Duration::from_millis(50);
/// Time between two questions.
const EVERY: Duration = Duration::from_millis(4);
/// What is published before anything is measured.
const WARM_CLOCKS: u64 = 20;

/// Records of one clock event, as they were published.
type Records = (u64, Vec<Published>);

pub(super) async fn measure(network: &mut Network, settings: &Settings) -> Result<Paced, Failure> {
    let leader = network.find_leader().await?;
    // Not the leader: what it commits, others learn later.
    let asked = leader.saturating_add(1).checked_rem(network.layout.nodes.len()).unwrap_or(0);
    let mut progress = network.progress(asked, EVERY)?;
    let mut ticking = interval(PACE);
    ticking.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for _ in 0..WARM_CLOCKS {
        ticking.tick().await;
        network.members.publish(1).await?;
    }
    progress.certifies(network.members.clock()).await?;
    drop(progress.take_samples());
    let first = Mark::now(network, &progress, leader).await?;
    let (began, length) = (Instant::now(), Duration::from_secs(settings.seconds));
    ticking.reset_immediately();
    let mut published: Vec<Records> = Vec::new();
    while began.elapsed() < length {
        ticking.tick().await;
        let records = network.members.publish(1).await?;
        published.push((network.members.clock(), records));
    }
    progress.certifies(network.members.clock()).await?;
    let last = Mark::now(network, &progress, leader).await?;
    let between = first.to(&last);
    let samples = progress.take_samples();
    let records = settings.records(between.clocks);
    let syncs = published.iter().flat_map(|(_, records)| records.iter().map(|it| ms(it.took)));
    Ok(Paced {
        seconds: between.seconds,
        records,
        clocks_per_s: super::report::float(between.clocks) / between.seconds,
        cuts_per_s: between.cuts_per_s,
        commits_per_s: between.commits_per_s,
        latency_ms: Spread::of(latencies_ms(&published, &samples)),
        member_sync_ms: Spread::of(syncs.collect()),
        resolution_ms: Spread::of(
            samples
                .windows(2)
                .filter_map(|pair| Some(ms(pair.last()?.at.duration_since(pair.first()?.at))))
                .collect(),
        ),
        log: between.log(records),
        processors: between.processors,
    })
}

/// From before each record's append until the first answer that says that it is certified.
fn latencies_ms(published: &[Records], samples: &[Sample]) -> Vec<f64> {
    let mut samples = samples.iter();
    let mut sample = samples.next();
    let mut latencies = Vec::new();
    for (clock, records) in published {
        while sample.is_some_and(|sample| sample.certified < *clock) {
            sample = samples.next();
        }
        let Some(sample) = sample else { break };
        latencies.extend(records.iter().map(|it| ms(sample.at.duration_since(it.from))));
    }
    latencies
}

pub(super) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_certified_by_the_first_answer_that_reaches_it() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let sample = |ms, certified| Sample {
            at: after(ms),
            certified,
            cut: certified,
            leader: None,
            term: 1,
        };
        let record = |ms| Published { from: after(ms), took: Duration::ZERO };
        let published =
            [(1, vec![record(0), record(5)]), (2, vec![record(50)]), (3, vec![record(100)])];
        let samples = [sample(10, 0), sample(20, 1), sample(90, 2), sample(95, 2)];
        assert_eq!(latencies_ms(&published, &samples), [20.0, 15.0, 40.0]);
    }
}

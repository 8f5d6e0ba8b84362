use std::time::{Duration, Instant};

use holobiont_committee_raft::Settings as NodeSettings;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::network::Network;
use super::paced::{PACE, ms};
use super::progress::{Progress, Sample};
use super::report::{Kills, Spread};
use super::settings::Settings;
use crate::commands::dev::network::progress::is_ready;
use crate::commands::dev::network::watch::Seen;
use crate::failure::Failure;

/// Time between two questions.
const EVERY: Duration = Duration::from_millis(10);
/// All nodes are well for so long before a leader is killed.
const SETTLES: Duration = Duration::from_secs(2);
/// A committee that certifies this many clock events published after a kill goes on.
const GOES_ON_CLOCKS: u64 = 20;
const WITHIN: Duration = Duration::from_secs(90);

pub(super) async fn measure(network: &mut Network, settings: &Settings) -> Result<Kills, Failure> {
    if settings.nodes < 3 {
        return Err(Failure::Usage {
            what: "fewer than three nodes elect nobody without one of them".to_owned(),
            help: "take --nodes 3 or more, or leave out `kills` with --only",
        });
    }
    let places = 0..network.layout.nodes.len();
    let nodes = places.map(|place| network.progress(place, EVERY));
    let nodes: Vec<Progress> = nodes.collect::<Result<_, _>>()?;
    let mut ticking = interval(PACE);
    ticking.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut gaps, mut leaderless) = (Vec::new(), Vec::new());
    for _ in 0..settings.kills {
        let leader = settle(network, &nodes, &mut ticking).await?;
        let of_leader = network.node(leader)?.id;
        nodes.iter().for_each(|node| drop(node.take_samples()));
        for _ in 0..GOES_ON_CLOCKS {
            turn(network, &mut ticking).await?;
        }
        let killed = Instant::now();
        network.process(leader)?.kill().await;
        let goal = network.members.clock().saturating_add(GOES_ON_CLOCKS);
        while !survivors(&nodes, leader).any(|node| node.latest().certified >= goal) {
            if killed.elapsed() > WITHIN {
                let what = "nothing is certified after the leader was killed".to_owned();
                return Err(Failure::Differs { what });
            }
            turn(network, &mut ticking).await?;
        }
        let mut samples: Vec<Sample> =
            survivors(&nodes, leader).flat_map(Progress::samples).collect();
        samples.sort_unstable_by_key(|sample| sample.at);
        gaps.push(ms(longest_gap(&samples, killed)));
        let term = samples.iter().filter(|it| it.at < killed).map(|it| it.term).max();
        let elected = samples.iter().find(|it| {
            it.at >= killed && Some(it.term) > term && it.leader.is_some_and(|it| it != of_leader)
        });
        leaderless.extend(elected.map(|it| ms(it.at.duration_since(killed))));
        network.process(leader)?.start()?;
    }
    settle(network, &nodes, &mut ticking).await?;
    Ok(Kills {
        kills: settings.kills,
        without_certificates_ms: Spread::of(gaps),
        without_leader_ms: Spread::of(leaderless),
        election_timeout_ms: NodeSettings::new(network.node(0)?.id).election_ms,
    })
}

/// Members publish, each a record.
async fn turn(network: &mut Network, ticking: &mut Interval) -> Result<(), Failure> {
    ticking.tick().await;
    network.members.publish(1).await.map(drop)
}

/// Goes on until all nodes are well, and have been for a while. The leader's place.
async fn settle(
    network: &mut Network,
    nodes: &[Progress],
    ticking: &mut Interval,
) -> Result<usize, Failure> {
    let until = Instant::now() + WITHIN;
    let mut since = None;
    loop {
        turn(network, ticking).await?;
        let seen: Vec<Seen> = nodes.iter().map(|node| node.latest().seen).collect();
        let lacking = lacking(network, &seen);
        let now = Instant::now();
        match (lacking, network.leader(&seen)) {
            (None, Some(leader)) => {
                let (before, since) = since.get_or_insert((leader, now));
                if *before == leader && now.duration_since(*since) >= SETTLES {
                    return Ok(leader);
                }
                if *before != leader {
                    (*before, *since) = (leader, now);
                }
            }
            (Some(what), _) if now >= until => return Err(Failure::Differs { what }),
            (None, None) if now >= until => {
                return Err(Failure::Differs { what: "no node leads".to_owned() });
            }
            _ => since = None,
        }
    }
}

/// What some node lacks: it is not there, or behind.
fn lacking(network: &Network, seen: &[Seen]) -> Option<String> {
    if let Err(what) = is_ready(&network.layout, seen) {
        return Some(what);
    }
    let certified = |seen: &Seen| seen.told.as_ref()?.certified.as_ref().map(|it| it.cut);
    let newest = seen.iter().filter_map(certified).max().unwrap_or(0);
    let is_behind = |seen: &Seen| {
        let folded = seen.told.as_ref().map_or(0, |told| told.folded_cut);
        !seen.answers || folded.saturating_add(GOES_ON_CLOCKS) < newest
    };
    let behind = network.layout.nodes.iter().zip(seen).find(|(_, seen)| is_behind(seen));
    behind.map(|(node, _)| format!("{} is behind the others", node.name))
}

fn survivors(nodes: &[Progress], killed: usize) -> impl Iterator<Item = &Progress> {
    nodes.iter().enumerate().filter(move |(place, _)| *place != killed).map(|(_, node)| node)
}

/// The longest time without a certificate that nobody had seen before, of those that ended after
/// this moment.
fn longest_gap(samples: &[Sample], after: Instant) -> Duration {
    let (mut newest, mut since, mut longest) = (0, None, Duration::ZERO);
    for sample in samples.iter() {
        if sample.cut <= newest {
            continue;
        }
        if let Some(since) = since.filter(|_| sample.at >= after) {
            longest = longest.max(sample.at.duration_since(since));
        }
        (newest, since) = (sample.cut, Some(sample.at));
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_begins_before_the_kill_and_another_node_may_end_it() {
        let start = Instant::now();
        let sample = |ms, cut| Sample {
            at: start + Duration::from_millis(ms),
            certified: cut,
            cut,
            leader: None,
            term: 1,
        };
        // 400 ms before the kill do not count; what a slower node repeats ends nothing.
        let samples =
            [sample(0, 1), sample(400, 2), sample(450, 3), sample(500, 3), sample(700, 4)];
        let killed = start + Duration::from_millis(460);
        assert_eq!(longest_gap(&samples, killed), Duration::from_millis(250));
        assert_eq!(longest_gap(&[], killed), Duration::ZERO);
    }
}

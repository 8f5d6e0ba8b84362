//! How far a network is, seen from what its nodes say.

use std::time::{Duration, Instant};

use super::layout::Layout;
use super::rates::Rates;
use super::watch::Seen;

/// Whether all nodes are there and may sign; else what is lacking.
pub(crate) fn is_ready(layout: &Layout, seen: &[Seen]) -> Result<(), String> {
    for (node, seen) in layout.nodes.iter().zip(seen) {
        let told = seen.told.as_ref().ok_or_else(|| format!("{} does not answer", node.name))?;
        if let Some(failed) = &told.failed {
            return Err(format!("{} has failed: {failed}", node.name));
        }
        if told.leader.is_none() {
            return Err(format!("{} knows no leader", node.name));
        }
        if told.active_keys.len() < layout.nodes.len() {
            let keys = told.active_keys.len();
            return Err(format!("{} knows {keys} nodes whose key is admitted", node.name));
        }
    }
    Ok(())
}

/// Whether every node has folded and seen certified all that was published; else what is lacking.
/// The cut that they all came to.
pub(super) fn caught_up(layout: &Layout, seen: &[Seen], rates: &Rates) -> Result<u64, String> {
    is_ready(layout, seen)?;
    let mut newest = None;
    for (node, seen) in layout.nodes.iter().zip(seen) {
        let Some(told) = &seen.told else { continue };
        let name = &node.name;
        if !seen.answers {
            return Err(format!("{name} does not answer"));
        }
        for (place, member) in told.members.iter().enumerate() {
            let there = member.frontier_seq.map_or(0, |seq| seq.saturating_add(1));
            let published = rates.records(place);
            if there < published {
                let (of, status) = (&member.name, &member.status);
                return Err(format!(
                    "{name} has {there} of {published} records of {of} agreed, which is {status}"
                ));
            }
        }
        if told.watermark < rates.days.last().copied() {
            return Err(format!("{name} has not closed the last day"));
        }
        let certified = told.certified.as_ref().filter(|it| it.cut == told.cut);
        let Some(certified) = certified.filter(|_| told.folded_cut == told.cut) else {
            let (cut, folded) = (told.cut, told.folded_cut);
            let certified = told.certified.as_ref().map_or(0, |it| it.cut);
            return Err(format!(
                "{name} is at cut {cut}, has folded {folded}, and {certified} is certified"
            ));
        };
        let result = (certified.cut, certified.output, certified.state_digest);
        if *newest.get_or_insert(result) != result {
            return Err(format!("{name} names another newest certificate than the others"));
        }
    }
    newest.map(|(cut, ..)| cut).ok_or_else(|| "no node has said anything".to_owned())
}

/// How certificates came.
#[derive(Debug)]
pub(super) struct Pace {
    newest: Option<(u64, Instant)>,
    longest: Duration,
}

impl Pace {
    pub(super) const fn new() -> Self {
        Self { newest: None, longest: Duration::ZERO }
    }

    /// Looks at what nodes say now.
    pub(super) fn look(&mut self, seen: &[Seen]) {
        let told = seen.iter().filter_map(|seen| seen.told.as_ref());
        let Some(cut) = told.filter_map(|told| told.certified.as_ref().map(|it| it.cut)).max()
        else {
            return;
        };
        let now = Instant::now();
        let Some((before, since)) = self.newest else {
            self.newest = Some((cut, now));
            return;
        };
        self.longest = self.longest.max(now.duration_since(since));
        if cut > before {
            self.newest = Some((cut, now));
        }
    }

    /// The longest time between two certificates.
    pub(super) const fn longest(&self) -> Duration {
        self.longest
    }
}

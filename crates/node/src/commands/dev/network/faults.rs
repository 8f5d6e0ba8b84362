//! What a fault does to the ways between processes, and how it is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::layout::Layout;
use super::link::Flow;
use super::links::Place;
use super::plan::Fault;

impl Fault {
    /// Adds what it makes of the ways.
    pub(super) fn flows(&self, layout: &Layout, flows: &mut BTreeMap<(Place, Place), Flow>) {
        let mut both = |from, to, flow| {
            flows.insert((from, to), flow);
            flows.insert((to, from), flow);
        };
        let nodes = (0..layout.nodes.len()).map(Place::Node);
        match self {
            Self::Isolate(node) => {
                nodes.filter(|other| other != node).for_each(|it| both(*node, it, Flow::Held));
            }
            Self::Sever(from, to) => both(*from, *to, Flow::Cut),
            Self::Slow { node, delay_ms, bytes_per_s } => {
                let flow = Flow::Slow { delay_ms: *delay_ms, bytes_per_s: *bytes_per_s };
                nodes.filter(|other| other != node).for_each(|it| both(*node, it, flow));
            }
            Self::OneWay(from, to) => {
                flows.insert((*from, *to), Flow::Held);
            }
            Self::Kill(_) | Self::Pause(_) | Self::Stall(_) => {}
        }
    }

    /// What it does, as it is told when it begins.
    pub(super) fn told(&self, layout: &Layout) -> String {
        let name = |place: &Place| layout.name(*place);
        match self {
            Self::Kill(places) => {
                let mut text = "kill -9".to_owned();
                for place in places {
                    // Writing into a string cannot fail.
                    let _ = write!(text, " {}", name(place));
                }
                text
            }
            Self::Pause(place) => format!("pause {}", name(place)),
            Self::OneWay(from, to) => format!("cut {} -> {}, one way", name(from), name(to)),
            Self::Isolate(node) => format!("cut {} off from all other nodes", name(node)),
            Self::Sever(from, to) => format!("close {} <-> {}", name(from), name(to)),
            Self::Slow { node, delay_ms, bytes_per_s } => {
                format!("slow {}: {delay_ms} ms, {bytes_per_s} bytes/s", name(node))
            }
            Self::Stall(place) => format!("stall {}", name(place)),
        }
    }

    /// Its kind, in one word.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Kill(_) => "kill",
            Self::Pause(_) => "pause",
            Self::OneWay(..) => "one-way",
            Self::Isolate(_) => "isolate",
            Self::Sever(..) => "sever",
            Self::Slow { .. } => "slow",
            Self::Stall(_) => "stall",
        }
    }
}

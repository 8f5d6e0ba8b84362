//! The network between the nodes: late, lossy, doubled, out of order, and cut where the run says so.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holobiont_committee_raft::{Node, Transport, TransportError};
use holobiont_committee_store::SimulatedDisk;
use holobiont_identity::UniqueId;
use openraft::AsyncRuntime as _;
use tokio::sync::oneshot;

use crate::dice::Dice;
use crate::host::{Computer, Host, Simulated};

/// How long a call takes at most.
pub(crate) const CALL_TIMEOUT_MS: u64 = 150;

pub(crate) type SimulatedNode = Node<Simulated, SimulatedDisk, Line>;

/// All of it.
pub(crate) struct Net(Mutex<Inside>);

struct Inside {
    dice: Dice,
    weather: Weather,
    /// By node id, and then by boot: a cloned node answers at the same address.
    stations: BTreeMap<UniqueId, BTreeMap<u64, Station>>,
    /// One way each.
    cut: BTreeSet<(UniqueId, UniqueId)>,
    /// Who (boot) knows whose (boot) key by attestation.
    verified: BTreeSet<(u64, u64)>,
}

/// How messages fare.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    pub(crate) delay_us: RangeInclusive<u64>,
    pub(crate) lost_per_mille: u64,
    pub(crate) doubled_per_mille: u64,
}

impl Weather {
    pub(crate) const fn fair() -> Self {
        Self { delay_us: 200..=2_000, lost_per_mille: 0, doubled_per_mille: 0 }
    }

    pub(crate) const fn foul() -> Self {
        Self { delay_us: 200..=40_000, lost_per_mille: 60, doubled_per_mille: 100 }
    }
}

/// One boot of a node, as others reach it.
#[derive(Clone)]
struct Station {
    key: [u8; 32],
    computer: Arc<Computer>,
    node: SimulatedNode,
}

impl Net {
    pub(crate) fn new(dice: Dice) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inside {
            dice,
            weather: Weather::fair(),
            stations: BTreeMap::new(),
            cut: BTreeSet::new(),
            verified: BTreeSet::new(),
        })))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn join(
        &self,
        id: UniqueId,
        boot: u64,
        key: [u8; 32],
        computer: &Arc<Computer>,
        node: SimulatedNode,
    ) {
        let station = Station { key, computer: Arc::clone(computer), node };
        self.inside().stations.entry(id).or_default().insert(boot, station);
    }

    pub(crate) fn leave(&self, id: &UniqueId, boot: u64) {
        let gone = self.inside().stations.get_mut(id).and_then(|boots| boots.remove(&boot));
        drop(gone);
    }

    pub(crate) fn weather(&self, weather: Weather) {
        self.inside().weather = weather;
    }

    /// Nothing more goes from one to the other.
    pub(crate) fn cut(&self, from: UniqueId, to: UniqueId) {
        self.inside().cut.insert((from, to));
    }

    /// Whether messages go both ways.
    pub(crate) fn reaches(&self, one: UniqueId, other: UniqueId) -> bool {
        let inside = self.inside();
        !inside.cut.contains(&(one, other)) && !inside.cut.contains(&(other, one))
    }

    /// Cuts these off from all others, both ways.
    pub(crate) fn isolate(&self, some: &[UniqueId], all: &[UniqueId]) {
        for one in some {
            for other in all.iter().filter(|other| !some.contains(other)) {
                self.cut(*one, *other);
                self.cut(*other, *one);
            }
        }
    }

    pub(crate) fn heal(&self) {
        let mut inside = self.inside();
        inside.cut.clear();
        inside.weather = Weather::fair();
    }

    /// Both know whom they talk to: attestation tells each the other's boot key.
    fn introduce(&self, one: (UniqueId, u64), other: (UniqueId, u64)) {
        for ((id, boot), (peer_id, peer_boot)) in [(one, other), (other, one)] {
            let meeting = {
                let mut inside = self.inside();
                let station = |id, boot| inside.stations.get(id)?.get(boot).cloned();
                let pair = station(&id, &boot).zip(station(&peer_id, &peer_boot));
                pair.filter(|_| inside.verified.insert((boot, peer_boot)))
            };
            if let Some((here, peer)) = meeting {
                here.computer.within(|| here.node.verified(peer_id, peer.key));
            }
        }
    }
}

impl Inside {
    /// How long the next message takes; none for a lost one.
    fn delay_us(&mut self, from: UniqueId, to: UniqueId) -> Option<u64> {
        let lost = self.dice.chance(self.weather.lost_per_mille);
        let us = self.dice.within(self.weather.delay_us.clone());
        (!lost && !self.cut.contains(&(from, to))).then_some(us)
    }

    /// Where a message that has been under way comes out.
    fn arrive(&mut self, from: UniqueId, to: UniqueId) -> Option<(u64, Station)> {
        if self.cut.contains(&(from, to)) {
            return None;
        }
        let boots = self.stations.get(&to)?;
        let alive: Vec<u64> = boots
            .iter()
            .filter(|(_, station)| !station.computer.is_dead())
            .map(|(boot, _)| *boot)
            .collect();
        if alive.is_empty() {
            return None;
        }
        let boot = *self.dice.pick(&alive);
        boots.get(&boot).map(|station| (boot, station.clone()))
    }
}

/// One boot's way to the others.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) net: Arc<Net>,
    pub(crate) id: UniqueId,
    pub(crate) boot: u64,
}

impl Line {
    /// Brings a message to its node; the answer comes out of the channel, if ever.
    async fn deliver(
        &self,
        to: UniqueId,
        body: Vec<u8>,
        us: u64,
    ) -> Option<oneshot::Receiver<Vec<u8>>> {
        Host::wait_us(us).await;
        let (boot, station) = self.net.inside().arrive(self.id, to)?;
        self.net.introduce((self.id, self.boot), (to, boot));
        let (answered, answer) = oneshot::channel();
        let (from, node) = (self.id, station.node);
        station.computer.spawn(async move {
            let _ = answered.send(node.answer(from, body).await);
        });
        Some(answer)
    }

    async fn exchange(&self, to: UniqueId, body: Vec<u8>) -> Option<Vec<u8>> {
        let (there_us, again_us) = {
            let mut inside = self.net.inside();
            let there = inside.delay_us(self.id, to);
            let doubled = inside.weather.doubled_per_mille;
            let again = inside.dice.chance(doubled).then(|| inside.delay_us(self.id, to));
            (there, again.flatten())
        };
        if let Some(us) = again_us {
            let (line, body) = (self.clone(), body.clone());
            drop(Host::spawn(async move {
                drop(line.deliver(to, body, us).await);
            }));
        }
        let answer = self.deliver(to, body, there_us?).await?.await.ok()?;
        let back_us = self.net.inside().delay_us(to, self.id)?;
        Host::wait_us(back_us).await;
        (!self.net.inside().cut.contains(&(to, self.id))).then_some(answer)
    }
}

impl Transport for Line {
    async fn call(&self, to: UniqueId, body: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let within = Duration::from_millis(CALL_TIMEOUT_MS);
        let silent = async {
            match self.exchange(to, body).await {
                Some(answer) => answer,
                // Nobody says that a message is lost.
                None => std::future::pending().await,
            }
        };
        Host::timeout(within, silent)
            .await
            .map_err(|_| TransportError::Unreachable { why: "no answer".to_owned() })
    }
}

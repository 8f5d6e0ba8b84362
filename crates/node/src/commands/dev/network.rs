//! `holobiont dev --nodes 3`: a committee and its members, on this machine.

pub(crate) mod child;
mod config;
mod events;
mod faults;
mod feed;
pub(crate) mod layout;
mod link;
mod links;
mod plan;
pub(crate) mod ports;
pub(crate) mod prepare;
pub(crate) mod processes;
pub(crate) mod progress;
mod proof;
mod proxy;
mod rates;
mod summary;
mod view;
pub(crate) mod watch;

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use holobiont_identity::Organism;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use crate::cli::DevNetwork;
use crate::failure::Failure;
use crate::now::now_s;
use crate::print;
use events::Events;
use layout::Layout;
use links::Links;
use plan::Planned;
use ports::Ports;
use processes::Processes;
use progress::{Pace, caught_up, is_ready};
use proof::Proof;
use rates::Rates;
use summary::Summary;
use view::{Moment, View};
use watch::Watch;

/// How often the network is looked after.
const TURN: Duration = Duration::from_millis(50);
/// How often a node is asked how it is.
const ASKED_EVERY: Duration = Duration::from_millis(150);
/// A network that is not ready by then will not be.
const READY_WITHIN: Duration = Duration::from_secs(90);
/// A network without faults in which all is published has come to its end by then, or will not.
const CATCHES_UP_WITHIN: Duration = Duration::from_secs(180);

pub(super) fn run(args: &DevNetwork, as_json: bool) -> Result<(), Failure> {
    prepare::make_free(&args.dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::unexpected)?;
    let done = runtime.block_on(network(args, as_json));
    // Nobody waits for the answer of a node that is gone.
    runtime.shutdown_background();
    if done.is_ok() && !args.keep && !args.write_only {
        fs::remove_dir_all(&args.dir).map_err(Failure::io(&args.dir, "removing"))?;
    } else {
        print::note(&format!("configs, logs and data are in {}", args.dir.display()));
    }
    done
}

async fn network(args: &DevNetwork, as_json: bool) -> Result<(), Failure> {
    let members = config::members(args.members);
    let (dir, nodes) = (&args.dir, args.nodes);
    let layout = match args.subnet {
        Some(subnet) => Layout::in_subnet(dir, nodes, &members, subnet)?,
        None => Layout::new(dir, nodes, &members, Ports::new(args.base_port))?,
    };
    let rates = Rates::read(&members, args.most_days())?;
    if args.write_only {
        prepare::write(&layout, None, now_s())?;
        rates.write(&layout.root.join("rates"), &members)?;
        return summary::tell_written(&layout, as_json);
    }
    let links = Links::new(&layout).await?;
    let organism = prepare::write(&layout, Some(&links), now_s())?;
    let events = Events::new(&layout.root.join("events.log"), !View::is_live())?;
    let mut network = Network {
        processes: Processes::new(&layout, links),
        watch: Watch::new(&layout.nodes, ASKED_EVERY),
        view: View::new(),
        pace: Pace::new(),
        seed: args.chaos.then(|| args.seed.unwrap_or_else(now_s)),
        faults: BTreeMap::new(),
        day: None,
        layout,
        rates,
        organism,
        events,
    };
    let done = tokio::select! {
        done = network.live(args) => done,
        () = interrupted() => Err(Failure::Interrupted),
    };
    network.view.finish();
    // Whatever went wrong before is what is told.
    let wrong = network.processes.stop().await;
    network.prove(done?, wrong).await?.tell(as_json)
}

/// Returns when somebody asks this process to end.
async fn interrupted() {
    let ends = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate)] = ends else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

impl DevNetwork {
    /// How many days are published at most.
    fn most_days(&self) -> usize {
        let in_time = self.for_time.map(|time| {
            time.as_secs().saturating_add(1).saturating_mul(self.days_per_second.into())
        });
        let days = self.days.map(u64::from).or(in_time).unwrap_or(u64::MAX);
        usize::try_from(days).unwrap_or(usize::MAX)
    }

    /// How long days come at the chosen speed.
    fn length(&self, days: usize) -> Duration {
        let in_days = f64::from(u32::try_from(days).unwrap_or(u32::MAX));
        let in_days = Duration::from_secs_f64(in_days / f64::from(self.days_per_second.max(1)));
        self.for_time.unwrap_or(in_days)
    }
}

struct Network {
    layout: Layout,
    organism: Organism,
    rates: Rates,
    processes: Processes,
    watch: Watch,
    view: View,
    events: Events,
    pace: Pace,
    /// What faults are drawn from, where there are any.
    seed: Option<u64>,
    /// Those that there were, by their kind.
    faults: BTreeMap<&'static str, u64>,
    /// The day that members have come to.
    day: Option<u64>,
}

impl Network {
    /// Starts everything, lives for as long as it was asked to, and gathers what a proof needs.
    async fn live(&mut self, args: &DevNetwork) -> Result<Proof, Failure> {
        let (nodes, members) = (self.layout.nodes.len(), self.layout.members.len());
        self.events.say(&format!("starting {members} members and {nodes} nodes"));
        self.processes.start()?;
        self.wait("the network is not ready", READY_WITHIN, |it| is_ready(&it.layout, &it.seen()))
            .await?;
        self.events.say("all nodes are there: members begin to publish");
        let length = args.length(self.rates.days.len());
        let plan = self.seed.map(|seed| {
            self.events.say(&format!("chaos for {:.0} s, --seed {seed}", length.as_secs_f64()));
            plan::plan(seed, nodes, members, length)
        });
        self.publish(args.days_per_second, length, plan.unwrap_or_default()).await?;
        self.processes.heal(&mut self.events)?;
        self.events.say("no more faults: everything is published, and is to be caught up with");
        self.day = self.rates.days.last().copied();
        let cut = self
            .wait("the network does not come to its end", CATCHES_UP_WITHIN, |it| {
                caught_up(&it.layout, &it.seen(), &it.rates)
            })
            .await?;
        self.events.say(&format!("all nodes have folded and certified cut {cut}"));
        let layout = self.layout.clone();
        Proof::gather(&layout, cut, &mut self.events).await
    }

    /// Days come, and faults, until both are over.
    async fn publish(
        &mut self,
        days_per_second: u32,
        length: Duration,
        plan: Vec<Planned>,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        let mut under_way: Vec<Planned> = Vec::new();
        let mut to_come = plan.into_iter().peekable();
        while began.elapsed() < length {
            let elapsed = began.elapsed();
            let days = elapsed.as_secs_f64() * f64::from(days_per_second);
            // Bounded by what there is of them below.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let days = (days as usize).min(self.rates.days.len());
            self.day = days.checked_sub(1).and_then(|last| self.rates.days.get(last)).copied();
            let (over, others) = under_way.into_iter().partition(|it: &Planned| it.to <= elapsed);
            under_way = others;
            for Planned { fault, .. } in over {
                self.processes.end(&fault, &mut self.events)?;
            }
            while let Some(planned) = to_come.next_if(|planned| planned.from <= elapsed) {
                self.processes.begin(&planned.fault, &mut self.events).await;
                let count = self.faults.entry(planned.fault.word()).or_default();
                *count = count.saturating_add(1);
                under_way.push(planned);
            }
            self.turn().await?;
        }
        Ok(())
    }

    /// Goes on until this is so.
    async fn wait<T>(
        &mut self,
        what: &str,
        within: Duration,
        is_so: impl Fn(&Self) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let until = Instant::now() + within;
        loop {
            self.turn().await?;
            match is_so(self) {
                Ok(so) => return Ok(so),
                Err(lacking) if Instant::now() >= until => {
                    let within = within.as_secs();
                    return Err(Failure::Differs {
                        what: format!("{what} within {within} s: {lacking}"),
                    });
                }
                Err(_) => {}
            }
        }
    }

    /// Looks after everything once.
    async fn turn(&mut self) -> Result<(), Failure> {
        self.processes.check()?;
        if let Some(day) = self.day {
            self.processes.publish(&self.rates, day);
        }
        let seen = self.seen();
        self.pace.look(&seen);
        self.view.show(&Moment {
            layout: &self.layout,
            processes: &self.processes,
            rates: &self.rates,
            seen: &seen,
            events: &self.events,
            day: self.day,
        });
        sleep(TURN).await;
        Ok(())
    }

    fn seen(&self) -> Vec<watch::Seen> {
        self.watch.nodes()
    }

    /// Everything has ended: what it came to.
    async fn prove(self, proof: Proof, wrong: Vec<String>) -> Result<Summary, Failure> {
        let proved = proof.prove(&self.layout, &self.organism, &self.rates, wrong).await?;
        let longest_ms = self.pace.longest().as_millis();
        Ok(Summary {
            simulated: true,
            nodes: self.layout.nodes.len(),
            members: self.layout.members.len(),
            days: self.rates.days.len(),
            seed: self.seed,
            faults: self.faults.values().fold(0, |sum, count| count.saturating_add(sum)),
            faults_by_kind: self.faults,
            seconds: self.events.elapsed().as_secs_f64(),
            longest_without_certificate_ms: u64::try_from(longest_ms).unwrap_or(u64::MAX),
            proved,
        })
    }
}

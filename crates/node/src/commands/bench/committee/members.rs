use std::sync::Arc;
use std::time::{Duration, Instant};

use holobiont_archive::{Server, Sink as _, WrittenSurface};
use holobiont_identity::Organism;
use holobiont_surface::{Genesis, NewRecord, SurfaceWriter, WriterOptions};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use tokio::task::{JoinSet, spawn_blocking};

use super::settings::Settings;
use crate::commands::dev::network::layout::Layout;
use crate::commands::surface::serve::{Gated, serve};
use crate::failure::Failure;
use crate::now::now_ms;
use crate::run::Trust;

/// Connections that are gathered for one quote.
const READERS: usize = 8;
const SEED: u64 = 1;

/// All members, in this process: each with a surface, and a server that serves it as
/// `surface serve` does.
pub(super) struct Members {
    all: Vec<Member>,
    servers: Vec<Server>,
    /// The clock event of the last records.
    clock: u64,
}

struct Member {
    surface: Arc<WrittenSurface>,
    payload: Payload,
}

/// When a member's record was appended, and how long that and its sync took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Published {
    pub(super) from: Instant,
    pub(super) took: Duration,
}

impl Members {
    pub(super) async fn start(
        layout: &Layout,
        organism: &Organism,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let (mut all, mut servers) = (Vec::new(), Vec::new());
        for (place, (member, at)) in (0_u64..).zip(organism.members.iter().zip(&layout.members)) {
            let genesis = Genesis::new(member.surface_id());
            let writer = SurfaceWriter::create(&at.surface, genesis, WriterOptions::default())?;
            let surface = Arc::new(WrittenSurface::new(writer));
            let trust = Arc::new(Trust::simulated(&layout.world(), &member.name, READERS)?);
            let served = Arc::clone(&surface) as _;
            let (organism, gate) = (organism.clone(), Gated::Open);
            let (server, _) = serve(at.listen, organism, member, gate, trust, served).await?;
            all.push(Member { surface, payload: Payload::new(place, settings) });
            servers.push(server);
        }
        Ok(Self { all, servers, clock: 0 })
    }

    /// The clock event of the last records.
    pub(super) const fn clock(&self) -> u64 {
        self.clock
    }

    /// Every member publishes a record on each of the next clock events, all at the same time, and
    /// syncs once.
    pub(super) async fn publish(&mut self, clocks: u64) -> Result<Vec<Published>, Failure> {
        let from = self.clock.saturating_add(1);
        self.clock = self.clock.saturating_add(clocks);
        let to = self.clock;
        let mut publishing = JoinSet::new();
        for mut member in std::mem::take(&mut self.all) {
            publishing.spawn(async move {
                let publishing = spawn_blocking(move || {
                    let published = member.publish(from, to);
                    (member, published)
                });
                publishing.await.map_err(Failure::unexpected)
            });
        }
        let mut published = Vec::new();
        for done in publishing.join_all().await {
            let (member, done) = done?;
            self.all.push(member);
            published.push(done?);
        }
        // Whoever was the first to be done is no other member for that.
        self.all.sort_by_key(|member| member.payload.place);
        Ok(published)
    }

    pub(super) async fn stop(self) {
        for server in self.servers {
            server.stop().await;
        }
    }
}

impl Member {
    fn publish(&mut self, from: u64, to: u64) -> Result<Published, Failure> {
        let began = Instant::now();
        let time_ms = now_ms();
        for clock in from..=to {
            let payload = self.payload.of(clock);
            let record = NewRecord { clock, closes_clock: true, time_ms, kind: 1, payload };
            self.surface.append(&[record]).map_err(Failure::unexpected)?;
        }
        self.surface.sync().map_err(Failure::unexpected)?;
        Ok(Published { from: began, took: began.elapsed() })
    }
}

/// What a member's records hold: `1.0000` to `1.9999` behind zeros, or random bytes.
struct Payload {
    place: u64,
    bytes: Vec<u8>,
    random: ChaCha8Rng,
    is_random: bool,
}

impl Payload {
    fn new(place: u64, settings: &Settings) -> Self {
        let size_bytes = usize::try_from(settings.record_bytes).unwrap_or(usize::MAX);
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        random.set_stream(place);
        Self { place, bytes: vec![b'0'; size_bytes], random, is_random: settings.random }
    }

    fn of(&mut self, clock: u64) -> &[u8] {
        if self.is_random {
            self.random.fill_bytes(&mut self.bytes);
            return &self.bytes;
        }
        let steps = clock.wrapping_mul(self.place.wrapping_mul(2).wrapping_add(7));
        let text = format!("1.{:04}", steps.checked_rem(10_000).unwrap_or(0));
        if let Some(end) = self.bytes.last_chunk_mut::<6>() {
            for (into, byte) in end.iter_mut().zip(text.bytes()) {
                *into = byte;
            }
        }
        &self.bytes
    }
}

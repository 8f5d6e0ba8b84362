use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use holobiont_attestation::{
    Ask, Binding, Collateral, Evidence, InspectBinding, PckCa, ProviderError, ProviderKind, Quote,
    QuoteProvider, ReportData, TrustRoot, Verdict, Verifier, claimed_platform,
};
use holobiont_attestation_pccs::CollateralDirectory;
use holobiont_attestation_tls::{
    Appraiser, BatchingProver, CollateralLookup, Gather, Prover, SharedMarks, VerifierAppraiser,
};
use holobiont_enclave::{ConfigfsTsm, Guest, Roots};
use holobiont_identity::pins::SurfacePins;

use super::loaded::Loaded;
use crate::failure::Failure;
use crate::now::now_s;
use crate::quote_file::in_use;

/// How long connections are gathered for one quote, in milliseconds: a quote takes ten times that.
const GATHER_MS: u64 = 20;
/// Collateral is read from its folder again after this time, in seconds: `collateral fetch` may run
/// beside the node.
const READ_AGAIN_S: u64 = 60;

/// Evidence, the pins to judge it by, what it must be made for, the time, and whether it is known to
/// be of now.
type Judge = dyn Fn(&Evidence, &SurfacePins, &Binding, u64, bool) -> Verdict + Send + Sync;

/// What this node attests with, and what it judges others by: one world, real or simulated.
pub(crate) struct Trust {
    pub(crate) simulated: bool,
    pub(crate) prover: Arc<dyn Prover>,
    pub(crate) marks: SharedMarks,
    pub(crate) collateral: Arc<HeldCollateral>,
    /// When the last own quote was made, in seconds since 1970; 0 before the first.
    pub(crate) quoted_s: Arc<AtomicU64>,
    appraiser: Box<dyn Fn(SurfacePins) -> Arc<dyn Appraiser> + Send + Sync>,
    provider: Arc<dyn QuoteProvider>,
    judge: Box<Judge>,
    kept: Option<CollateralDirectory>,
}

impl Trust {
    /// The guest that this process runs in, and the collateral that the config names.
    pub(crate) fn open(loaded: &Loaded) -> Result<Self, Failure> {
        let attestation = &loaded.config.attestation;
        match (&attestation.collateral, &attestation.simulated_world) {
            (Some(dir), _) => Self::real(&loaded.path(dir), peers_of(loaded)),
            (None, Some(world)) if loaded.simulated => {
                let own = loaded.config.node.to_string();
                let guest = attestation.simulated_guest.as_deref().unwrap_or(&own);
                Self::simulated(&loaded.path(world), guest, peers_of(loaded))
            }
            _ => Err(Failure::NotReady { what: "[attestation] names no collateral".to_owned() }),
        }
    }

    /// The guest that this process runs in, for so many peers, with this folder's collateral.
    pub(crate) fn real(dir: &Path, peers: usize) -> Result<Self, Failure> {
        let guest = Guest::detect(&Roots::default());
        if !guest.can_quote() {
            let advice = guest.findings.iter().filter_map(|it| it.advice.as_deref()).next();
            return Err(Failure::NotReady {
                what: format!(
                    "this machine makes no TDX quotes: {}",
                    advice.unwrap_or("`holobiont doctor` says what is missing")
                ),
            });
        }
        let kept = CollateralDirectory::existing(dir)?;
        let marks = SharedMarks::new(kept.marks()?);
        let provider = Arc::new(ConfigfsTsm::new(Roots::default()));
        let collateral = Arc::new(HeldCollateral::in_directory(kept.clone()));
        let verifier = Arc::new(Verifier::new());
        Ok(Self::of(false, provider, verifier, collateral, marks, Some(kept), peers))
    }

    /// The guest of this name in a simulated world, for so many peers.
    #[cfg(feature = "simulated")]
    pub(crate) fn simulated(dir: &Path, guest: &str, peers: usize) -> Result<Self, Failure> {
        let guest = crate::simulated_world::SimulatedWorld::load(dir)?.guest(guest)?;
        let collateral = Arc::new(HeldCollateral::one(guest.collateral));
        let verifier = Arc::new(Verifier::with_root(guest.root));
        let marks = SharedMarks::default();
        Ok(Self::of(true, guest.provider, verifier, collateral, marks, None, peers))
    }

    #[cfg(not(feature = "simulated"))]
    fn simulated(_: &Path, _: &str, _: usize) -> Result<Self, Failure> {
        Err(Failure::NotReady { what: "this build takes no simulated TDX".to_owned() })
    }

    fn of<R: TrustRoot + Send + Sync + 'static>(
        simulated: bool,
        provider: Arc<dyn QuoteProvider>,
        verifier: Arc<Verifier<R>>,
        collateral: Arc<HeldCollateral>,
        marks: SharedMarks,
        kept: Option<CollateralDirectory>,
        peers: usize,
    ) -> Self {
        let quoted_s = Arc::new(AtomicU64::new(0));
        let provider: Arc<dyn QuoteProvider> =
            Arc::new(Noted { provider, quoted_s: Arc::clone(&quoted_s) });
        let judge = {
            let (verifier, held) = (Arc::clone(&verifier), Arc::clone(&collateral));
            let marks = marks.clone();
            move |evidence: &Evidence,
                  pins: &SurfacePins,
                  binding: &Binding,
                  now_s: u64,
                  is_of_now: bool| {
                let quote = Quote::parse(&evidence.quote).ok();
                let collateral = quote.and_then(|quote| held.of(&quote));
                let marks = marks.now();
                let now_s = now_s.max(marks.floor_s());
                let ask = Ask {
                    now_s,
                    pins: Some(pins),
                    binding: Some(binding),
                    collateral: collateral.as_deref(),
                    marks: &marks,
                    quote_made_s: is_of_now.then_some(now_s),
                };
                verifier.verify(evidence, &ask)
            }
        };
        let gather = Gather { leaves: peers.max(1), gather_ms: GATHER_MS };
        let (held, seen) = (Arc::clone(&collateral), marks.clone());
        let appraiser = move |pins| {
            let held = Arc::clone(&held);
            let lookup: Box<CollateralLookup> = Box::new(move |quote| held.of(quote));
            let verifier = Arc::clone(&verifier);
            let appraiser = VerifierAppraiser::new(verifier, pins, lookup, seen.clone());
            Arc::new(appraiser) as Arc<dyn Appraiser>
        };
        Self {
            simulated,
            prover: Arc::new(BatchingProver::new(Arc::clone(&provider), gather)),
            marks,
            collateral,
            quoted_s,
            appraiser: Box::new(appraiser),
            provider,
            judge: Box::new(judge),
            kept,
        }
    }

    /// Who judges by these pins.
    pub(crate) fn appraiser(&self, pins: SurfacePins) -> Arc<dyn Appraiser> {
        (self.appraiser)(pins)
    }

    /// What others will make of this node: its own quote, judged by these pins.
    pub(crate) fn own_verdict(&self, pins: &SurfacePins) -> Result<Verdict, ProviderError> {
        let simulated = self.simulated;
        // The quote is made for this look alone, and binds nothing else.
        let binding = Binding::Inspect(InspectBinding { simulated, challenge: [0; 32] });
        let evidence = self.evidence(&binding, true)?;
        Ok((self.judge)(&evidence, pins, &binding, now_s(), false))
    }

    /// A quote of this guest, and what is in use of its event log where that is wanted. It blocks, up
    /// to a second or so.
    pub(crate) fn evidence(
        &self,
        binding: &Binding,
        with_log: bool,
    ) -> Result<Evidence, ProviderError> {
        let quote = self.provider.quote(&binding.report_data())?;
        let event_log = if with_log { self.provider.event_log()? } else { None };
        let event_log = event_log.map(|log| in_use(&log).to_vec());
        Ok(Evidence { quote, event_log, batch: None })
    }

    /// Judges the quote of a boot whose key has just been seen at work: no nonce of ours is in it, and
    /// none is needed, since whoever has that key has it in this boot.
    pub(crate) fn boot_verdict(
        &self,
        evidence: &Evidence,
        pins: &SurfacePins,
        binding: &Binding,
        now_s: u64,
    ) -> Verdict {
        (self.judge)(evidence, pins, binding, now_s, true)
    }

    /// Writes the marks down, where they went up.
    pub(crate) fn keep_marks(&self) -> Result<(), Failure> {
        if let Some(kept) = &self.kept {
            kept.raise_marks(&self.marks.now())?;
        }
        Ok(())
    }
}

fn peers_of(loaded: &Loaded) -> usize {
    loaded.roster.nodes().len().saturating_sub(1)
}

/// A provider that notes when it made a quote.
struct Noted {
    provider: Arc<dyn QuoteProvider>,
    quoted_s: Arc<AtomicU64>,
}

impl QuoteProvider for Noted {
    fn kind(&self) -> ProviderKind {
        self.provider.kind()
    }

    fn quote(&self, report_data: &ReportData) -> Result<Vec<u8>, ProviderError> {
        let quote = self.provider.quote(report_data)?;
        self.quoted_s.store(now_s(), Ordering::Relaxed);
        Ok(quote)
    }

    fn event_log(&self) -> Result<Option<Vec<u8>>, ProviderError> {
        self.provider.event_log()
    }
}

type PlatformModel = ([u8; 6], PckCa);

/// The collateral at hand. It fetches nothing.
pub(crate) struct HeldCollateral {
    directory: Option<CollateralDirectory>,
    only: Option<Arc<Collateral>>,
    /// By FMSPC.
    read: Mutex<BTreeMap<[u8; 6], Lookup>>,
    /// What [`next_update_s`](Self::next_update_s) found, and when: anybody may ask for a status.
    ends: Mutex<Option<(u64, Option<u64>)>>,
}

/// What was found for a platform, and when, in seconds since 1970.
type Lookup = (PckCa, u64, Option<Arc<Collateral>>);

impl HeldCollateral {
    fn in_directory(directory: CollateralDirectory) -> Self {
        Self {
            directory: Some(directory),
            only: None,
            read: Mutex::default(),
            ends: Mutex::default(),
        }
    }

    #[cfg(feature = "simulated")]
    fn one(only: Arc<Collateral>) -> Self {
        Self { directory: None, only: Some(only), read: Mutex::default(), ends: Mutex::default() }
    }

    fn of(&self, quote: &Quote) -> Option<Arc<Collateral>> {
        if let Some(only) = &self.only {
            return Some(Arc::clone(only));
        }
        self.read(claimed_platform(quote)?)
    }

    fn read(&self, (fmspc, ca): PlatformModel) -> Option<Arc<Collateral>> {
        let directory = self.directory.as_ref()?;
        let now_s = now_s();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, at_s, set)) = read.get(&fmspc)
            && *known == ca
            && now_s.saturating_sub(*at_s) < READ_AGAIN_S
        {
            return set.clone();
        }
        let set = match directory.newest(fmspc, ca, now_s) {
            Ok(set) => Some(Arc::new(set)),
            Err(error) => {
                tracing::warn!(%error, "no collateral for a platform that a quote names");
                None
            }
        };
        // A quote that is not believed yet names the platform: what is remembered stays bounded.
        if read.len() >= holobiont_attestation_pccs::MAX_PLATFORMS {
            read.pop_first();
        }
        read.insert(fmspc, (ca, now_s, set.clone()));
        set
    }

    /// When the first of what is held ends, in seconds since 1970; none where nothing is held.
    pub(crate) fn next_update_s(&self) -> Option<u64> {
        if let Some(only) = &self.only {
            return Some(only.expires().0);
        }
        let now_s = now_s();
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        match *ends {
            Some((at_s, found)) if now_s.saturating_sub(at_s) < READ_AGAIN_S => found,
            _ => {
                let found = self.look_for_next_update();
                *ends = Some((now_s, found));
                found
            }
        }
    }

    fn look_for_next_update(&self) -> Option<u64> {
        let sets = self.directory.as_ref()?.list().ok()?;
        let mut newest: BTreeMap<([u8; 6], &str), u64> = BTreeMap::new();
        for stored in &sets {
            let set = &stored.collateral;
            let ends = newest.entry((set.fmspc(), set.ca().as_str())).or_default();
            *ends = (*ends).max(set.expires().0);
        }
        newest.into_values().min()
    }
}

//! Whether the keys that a committee's log admits were made in guests as its config pins them.

#[cfg(feature = "simulated")]
use std::sync::Arc;

#[cfg(feature = "simulated")]
use holobiont_attestation::Collateral;
use holobiont_attestation::{
    Ask, At, Binding, Check, Evidence, Fault, Intel, Marks, Outcome, Quote, Reason, Verdict,
    Verifier,
};
#[cfg(feature = "simulated")]
use holobiont_enclave_simulated::SimulatedRoot;
use holobiont_identity::pins::{COMMITTEE_SURFACE, SurfacePins};
use serde::Serialize;

use super::verify::{Held, judged};
use crate::boot_quote;
use crate::cli::BootTrust;
use crate::exported::{Boot, Boots};
use crate::failure::Failure;
use crate::now::now_s;
#[cfg(feature = "simulated")]
use crate::simulated_world::SimulatedWorld;

/// What does not stand on the quote's signatures: all that can be said without collateral. What the
/// quote was made for comes first: where it is another key, the rest is of somebody else.
const UNSIGNED: [Check; 5] =
    [Check::Parse, Check::Binding, Check::Attributes, Check::Measurements, Check::EventLog];

/// What the quotes of boot keys came to.
#[derive(Serialize)]
pub(super) struct BootKeys {
    /// Keys that the log admits.
    admitted: usize,
    /// Of these, keys that their boot's quote names, with this organism and node: all of them, or
    /// there is no result.
    bound: usize,
    signatures: Signatures,
    /// Whether any of the quotes is of simulated TDX, which proves nothing.
    simulated: bool,
    /// Whether every config in force pinned what its committee runs.
    pinned: bool,
    /// As of when the quotes' signatures were judged, in seconds since 1970.
    at_s: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Signatures {
    Verified,
    NotChecked,
}

impl BootKeys {
    /// Judges every boot.
    pub(super) fn judge(boots: &Boots, trust: &BootTrust) -> Result<Self, Failure> {
        let judge = Judge::new(trust)?;
        let (mut simulated, mut pinned) = (false, true);
        for boot in boots.admitted() {
            simulated |= judge.judge(boot)?;
            pinned &= boot.organism.pins(COMMITTEE_SURFACE).is_some();
        }
        let admitted = boots.admitted().len();
        let (signatures, at_s) = match &judge.root {
            Root::None => (Signatures::NotChecked, None),
            _ => (Signatures::Verified, Some(judge.at_s)),
        };
        Ok(Self { admitted, bound: admitted, signatures, simulated, pinned, at_s })
    }

    /// One line.
    pub(super) fn told(&self) -> String {
        let Self { admitted, bound, simulated, .. } = self;
        let kind = if *simulated { "SIMULATED quotes, which prove nothing" } else { "quotes" };
        let checked = match self.at_s {
            Some(at_s) if *simulated => format!("signatures hold as of {}", At(at_s)),
            Some(at_s) => format!("signatures hold up to Intel's root as of {}", At(at_s)),
            None if *simulated => {
                "quotes' signatures not checked: pass --simulated-world DIR".to_owned()
            }
            None => {
                "quotes' signatures not checked: no collateral, pass --collateral DIR".to_owned()
            }
        };
        format!("boot keys: {bound} of {admitted} bound by {kind}; {checked}")
    }

    /// What of this was not checked, in words.
    pub(super) fn not_checked(&self) -> Vec<String> {
        let mut not_checked = Vec::new();
        if self.signatures == Signatures::NotChecked {
            not_checked.push(
                "that the quotes of the boot keys are genuine: whoever writes a log can invent them"
                    .to_owned(),
            );
        }
        if !self.pinned {
            not_checked
                .push("what the nodes run: the config pins nothing for the committee".to_owned());
        }
        not_checked
    }
}

/// Whom quotes must be signed by.
enum Root {
    None,
    Intel(Box<Verifier<Intel>>, Held),
    #[cfg(feature = "simulated")]
    Simulated(Box<Verifier<SimulatedRoot>>, Arc<Collateral>),
}

struct Judge {
    root: Root,
    /// Signatures, revocations and the platform's state are judged as of this time, not as of the
    /// boot's: what has come to light since counts, and collateral of then is seldom at hand.
    at_s: u64,
}

impl Judge {
    fn new(trust: &BootTrust) -> Result<Self, Failure> {
        let at_s = trust.at.unwrap_or_else(now_s);
        #[cfg(feature = "simulated")]
        if let Some(dir) = &trust.simulated_world {
            let (root, collateral) = SimulatedWorld::load(dir)?.trust();
            let verifier = Box::new(Verifier::with_root(root));
            return Ok(Self { root: Root::Simulated(verifier, collateral), at_s });
        }
        let root = match &trust.collateral {
            Some(path) => Root::Intel(Box::default(), Held::open(Some(path), false)?),
            None => Root::None,
        };
        Ok(Self { root, at_s })
    }

    /// Whether its quote is of simulated TDX, or why it does not prove the key.
    fn judge(&self, boot: &Boot) -> Result<bool, Failure> {
        let evidence = Evidence::decode(&boot.quote)
            .map_err(|error| refused(boot, &format!("there is no quote for it: {error}")))?;
        match &self.root {
            Root::None => unsigned(boot, &evidence, self.at_s),
            Root::Intel(verifier, held) => {
                let sets = held.sets(&evidence, self.at_s)?;
                let marks = held.marks()?;
                let ask = Asked::of(boot, false);
                let ask = ask.at(self.at_s, &marks);
                accepted(boot, &judged(verifier, &evidence, &sets, ask)).map(|()| false)
            }
            #[cfg(feature = "simulated")]
            Root::Simulated(verifier, collateral) => {
                let (ask, marks) = (Asked::of(boot, true), Marks::default());
                let ask = Ask { collateral: Some(collateral), ..ask.at(self.at_s, &marks) };
                accepted(boot, &verifier.verify(&evidence, &ask)).map(|()| true)
            }
        }
    }
}

/// What a boot's quote is held against.
struct Asked {
    pins: Option<SurfacePins>,
    binding: Binding,
}

impl Asked {
    fn of(boot: &Boot, simulated: bool) -> Self {
        let stable_id = boot.organism.stable_id();
        let (node, key) = (&boot.node, &boot.key);
        Self {
            pins: boot.organism.pins(COMMITTEE_SURFACE).map(|pins| pins_then(pins, boot.time_ms)),
            binding: boot_quote::binding(simulated, &stable_id, node, key, &boot.enrolment),
        }
    }

    fn at<'a>(&'a self, now_s: u64, marks: &'a Marks) -> Ask<'a> {
        Ask {
            now_s,
            pins: self.pins.as_ref(),
            binding: Some(&self.binding),
            collateral: None,
            marks,
            // The log says that the key was at work, and the quote binds the key.
            quote_made_s: Some(now_s),
        }
    }
}

/// The sets that were valid at the organism's time of then, whatever the time is now: pins rotate,
/// and a boot of last year was admitted by last year's.
fn pins_then(pins: &SurfacePins, time_ms: u64) -> SurfacePins {
    let then_s = time_ms.checked_div(1_000).filter(|then_s| *then_s > 0);
    let mut pins = pins.clone();
    pins.sets.retain(|pin| {
        then_s.is_none_or(|then_s| {
            pin.not_before_s.is_none_or(|from_s| from_s <= then_s)
                && pin.not_after_s.is_none_or(|to_s| then_s <= to_s)
        })
    });
    for pin in &mut pins.sets {
        (pin.not_before_s, pin.not_after_s) = (None, None);
    }
    pins
}

/// What can be said of a quote whose signatures nobody checks.
fn unsigned(boot: &Boot, evidence: &Evidence, now_s: u64) -> Result<bool, Failure> {
    let quote = Quote::parse(&evidence.quote).ok();
    let marks = Marks::default();
    let is_simulated = cfg!(feature = "simulated")
        && quote.is_some_and(|quote| {
            let binding = Asked::of(boot, true).binding;
            binding.report_data().matches(&quote.measurements().report_data)
        });
    let asked = Asked::of(boot, is_simulated);
    let ask = asked.at(now_s, &marks);
    let verdict = match is_simulated {
        true => simulated_verdict(evidence, &ask),
        false => Verifier::new().verify(evidence, &ask),
    };
    let failed = UNSIGNED.into_iter().find_map(|check| match verdict.outcome(check) {
        Some(Outcome::Failed(reasons)) => reasons.first(),
        _ => None,
    });
    match failed {
        Some(reason) => Err(against(boot, reason)),
        None => Ok(is_simulated),
    }
}

/// Of no root at all: only what does not stand on signatures is looked at.
#[cfg(feature = "simulated")]
fn simulated_verdict(evidence: &Evidence, ask: &Ask<'_>) -> Verdict {
    Verifier::with_root(SimulatedRoot::from_der(&[])).verify(evidence, ask)
}

#[cfg(not(feature = "simulated"))]
fn simulated_verdict(evidence: &Evidence, ask: &Ask<'_>) -> Verdict {
    Verifier::new().verify(evidence, ask)
}

fn accepted(boot: &Boot, verdict: &Verdict) -> Result<(), Failure> {
    if let Some(reason) = verdict.reason() {
        return Err(against(boot, reason));
    }
    let is_bound = verdict.outcome(Check::Binding) == Some(&Outcome::Passed);
    match verdict.trusted() && is_bound {
        true => Ok(()),
        false => Err(refused(boot, "a check of its quote could not be run")),
    }
}

fn against(boot: &Boot, reason: &Reason) -> Failure {
    Failure::Verdict { what: told_of(boot, &reason.to_string()), fault: reason.fault() }
}

fn refused(boot: &Boot, why: &str) -> Failure {
    Failure::Verdict { what: told_of(boot, why), fault: Fault::Untrusted }
}

fn told_of(boot: &Boot, why: &str) -> String {
    let Boot { node, index, .. } = boot;
    format!("the boot key of node {node} that log entry {index} presents: {why}")
}

#[cfg(test)]
#[cfg(feature = "simulated")]
mod tests {
    use holobiont_identity::{Organism, UniqueId};

    use super::*;
    use crate::simulated_world::SimulatedWorld;

    const NOW_S: u64 = 1_800_000_000;

    fn make_world(dir: &std::path::Path) -> SimulatedWorld {
        let names = |name: &str| [name.to_owned()];
        SimulatedWorld::create(dir, &names("node-1"), &names("USD"), NOW_S).unwrap()
    }

    fn organism_of(name: &str, pins: &str) -> Arc<Organism> {
        let text = format!(
            "version = 1\nname = \"{name}\"\n[program]\nname = \"cross-feed\"\nversion = 1\n\
             [policy]\nmax_advance = 31\n\
             [[member]]\nname = \"USD\"\nstable_id = \"ecb.USD\"\nsurface = \"rates\"\n{pins}"
        );
        Arc::new(Organism::parse(&text).unwrap())
    }

    /// A boot of node-1 as the node shows it, on this guest of this world.
    fn boot(world: &SimulatedWorld, guest: &str, organism: &Arc<Organism>) -> Boot {
        let mut boot = Boot {
            index: 4,
            node: UniqueId::from_name("node-1"),
            key: [7; 32],
            enrolment: b"leave".to_vec(),
            quote: Vec::new(),
            organism: Arc::clone(organism),
            time_ms: 0,
        };
        let report_data = Asked::of(&boot, true).binding.report_data();
        let quote = world.guest(guest).unwrap().provider.quote(&report_data).unwrap();
        boot.quote = Evidence { quote, event_log: None, batch: None }.encode().unwrap();
        boot
    }

    fn judge(world: Option<&std::path::Path>, collateral: Option<&std::path::Path>) -> Judge {
        let trust = BootTrust {
            collateral: collateral.map(Into::into),
            at: Some(NOW_S),
            simulated_world: world.map(Into::into),
        };
        Judge::new(&trust).unwrap()
    }

    fn fault(judged: Result<bool, Failure>) -> Option<Fault> {
        match judged {
            Ok(_) => None,
            Err(Failure::Verdict { fault, .. }) => Some(fault),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_boot_key_is_bound_by_its_own_boots_quote_and_by_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let world = make_world(dir.path());
        let organism = organism_of("simulated", &world.organism_pins());
        let good = || boot(&world, "node-1", &organism);
        let (unchecked, checked) = (judge(None, None), judge(Some(dir.path()), None));
        for judge in [&unchecked, &checked] {
            assert!(matches!(judge.judge(&good()), Ok(true)), "and it is simulated");
            let others = [
                Boot { key: [8; 32], ..good() },
                Boot { node: UniqueId::from_name("node-2"), ..good() },
                Boot { enrolment: Vec::new(), ..good() },
                Boot { organism: organism_of("other", &world.organism_pins()), ..good() },
                Boot { quote: Vec::new(), ..good() },
            ];
            for other in others {
                assert_eq!(fault(judge.judge(&other)), Some(Fault::Untrusted));
            }
            let other_image = boot(&world, "USD", &organism);
            assert_eq!(fault(judge.judge(&other_image)), Some(Fault::Policy));
        }
    }

    #[test]
    fn a_quote_of_another_root_passes_only_where_nobody_checks_signatures() {
        let [dir, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let (world, other) = (make_world(dir.path()), make_world(other.path()));
        let organism = organism_of("simulated", &world.organism_pins());
        let forged = boot(&other, "node-1", &organism);
        assert!(matches!(judge(None, None).judge(&forged), Ok(true)));
        let checked = judge(Some(dir.path()), None);
        assert_eq!(fault(checked.judge(&forged)), Some(Fault::Untrusted));
        // Nor is anything simulated taken for real.
        let collateral = tempfile::tempdir().unwrap();
        let real = judge(None, Some(collateral.path()));
        assert!(fault(real.judge(&boot(&world, "node-1", &organism))).is_some());
    }

    #[test]
    fn pins_are_those_of_the_boots_time_and_signatures_of_now() {
        let dir = tempfile::tempdir().unwrap();
        let world = make_world(dir.path());
        let rotated = |window: &str| {
            let pins = world.organism_pins().replacen(
                "label = \"simulated-committee\"",
                &format!("label = \"simulated-committee\"\n{window}"),
                1,
            );
            organism_of("simulated", &pins)
        };
        let checked = judge(Some(dir.path()), None);
        let ended = rotated("not_after = 2026-01-01T00:00:00Z");
        let ended_s = 1_767_225_600;
        for (time_ms, expected) in
            [((ended_s - 10) * 1_000, None), ((ended_s + 10) * 1_000, Some(Fault::Policy))]
        {
            let boot = Boot { time_ms, ..boot(&world, "node-1", &ended) };
            assert_eq!(fault(checked.judge(&boot)), expected);
        }
    }
}

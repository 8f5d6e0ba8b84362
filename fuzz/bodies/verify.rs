//! A whole verification: a sound quote, collateral and event log, and what a host makes of them.

mod input;

use std::sync::LazyLock;

use holobiont_attestation::{
    Ask, Batch, Binding, Collateral, EventLog, Evidence, InspectBinding, Intel, Outcome, PckCa,
    Quote, Verdict, Verifier,
};
use holobiont_enclave_simulated::{Fault, QuoteForm, Scene, SimulatedRoot};
use holobiont_identity::pins::{EventRule, SurfacePins};
use input::Input;

const NOW_S: u64 = 1_800_000_000;
/// So that an input of the fuzzer's stays one that is to be judged quickly.
const MAX_GROWN_BYTES: usize = 96 * 1024;

/// What is shown and asked where nobody changes it; `verifier` has judged all inputs before.
struct Stage {
    scene: Scene,
    fault: Option<Fault>,
    collateral_json: String,
    verifier: Verifier<SimulatedRoot>,
}

/// One of each form, then one of each fault.
static STAGES: LazyLock<(Vec<Stage>, Vec<Stage>)> = LazyLock::new(|| {
    let cas = [PckCa::Platform, PckCa::Processor].into_iter().cycle();
    let sound = QuoteForm::ALL.into_iter().zip(cas).map(|(form, ca)| {
        let mut scene = Scene::new(NOW_S, form, ca).expect("a sound scene");
        let rule = EventRule { rtmr: 0, name: "SecureBoot".to_owned(), value: vec![1] };
        scene.pins.sets.iter_mut().for_each(|pin| pin.events.push(rule.clone()));
        let stage = Stage::new(scene, None);
        assert!(stage.scene.verdict().admits(), "{}", stage.scene.verdict());
        stage
    });
    let faults = Fault::ALL
        .iter()
        .map(|fault| Stage::new(Scene::with_fault(NOW_S, *fault).expect("a scene"), Some(*fault)));
    (sound.collect(), faults.collect())
});
static INTEL: LazyLock<Verifier<Intel>> = LazyLock::new(Verifier::new);

/// The first byte chooses the stage; the rest changes what is on it.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (sound, faults) = &*STAGES;
    let mode = input.byte();
    let stages = if mode & 1 == 0 { sound } else { faults };
    let stage = &stages[usize::from(mode >> 1) % stages.len()];
    let mut act = Act::of(stage);
    while !input.is_empty() {
        act.change(&mut input);
    }
    act.judge();
}

impl Stage {
    fn new(scene: Scene, fault: Option<Fault>) -> Self {
        let collateral = scene.collateral.as_ref();
        let collateral_json = collateral.map(Collateral::to_json).unwrap_or_default();
        Self { collateral_json, fault, verifier: scene.verifier(), scene }
    }
}

/// What is shown and asked, changed.
struct Act<'a> {
    stage: &'a Stage,
    evidence: Evidence,
    collateral_json: Vec<u8>,
    binding: Binding,
    pins: SurfacePins,
    now_s: u64,
}

impl<'a> Act<'a> {
    fn of(stage: &'a Stage) -> Self {
        let scene = &stage.scene;
        Self {
            stage,
            evidence: scene.evidence.clone(),
            collateral_json: stage.collateral_json.clone().into_bytes(),
            binding: scene.binding.clone(),
            pins: scene.pins.clone(),
            now_s: scene.now_s,
        }
    }

    fn change(&mut self, input: &mut Input<'_>) {
        let how = input.byte();
        match how % 13 {
            0 | 1 => input.edit(&mut self.evidence.quote),
            2 => self.change_length(input),
            3 | 4 => input.edit(&mut self.collateral_json),
            5 => self.change_log(input),
            6 => self.grow(input),
            7 => self.change_pin(input),
            8 => {
                let mut challenge = [4; 32];
                challenge[usize::from(how) % 32] ^= input.byte();
                self.binding = Binding::Inspect(InspectBinding { simulated: true, challenge });
            }
            9 => self.batch(input),
            10 => {
                let apart_s = u64::from_le_bytes(input.fixed()) >> (how / 13 * 3);
                self.now_s = if how & 64 == 0 { NOW_S.saturating_add(apart_s) } else { apart_s };
            }
            11 => self.change_certificate(input),
            _ => {
                let (sound, _) = &*STAGES;
                let other = &sound[usize::from(input.byte()) % sound.len()];
                match how & 64 {
                    0 => self.collateral_json = other.collateral_json.clone().into_bytes(),
                    _ => self.evidence.quote.clone_from(&other.scene.evidence.quote),
                }
            }
        }
    }

    /// One of the quote's own length fields, or the field after it.
    fn change_length(&mut self, input: &mut Input<'_>) {
        let signed = match self.evidence.quote.first() {
            Some(4) => 632,
            _ => match self.evidence.quote.get(48) {
                Some(2) => 638,
                Some(3) => 702,
                _ => 939,
            },
        };
        let places = [50, signed, signed + 132, signed + 134, signed + 586, signed + 620];
        let (which, value) = (usize::from(input.byte()), input.fixed::<4>());
        let at = places[which % places.len()];
        let field = self.evidence.quote.iter_mut().skip(at).zip(value);
        field.for_each(|(byte, change)| *byte ^= change);
    }

    /// A certificate of the quote's chain, or its place there; every length around it put right.
    fn change_certificate(&mut self, input: &mut Input<'_>) {
        let which = usize::from(input.byte());
        let Ok(quote) = Quote::parse(&self.evidence.quote) else { return };
        let chain = quote.pck_chain_pem().unwrap_or_default();
        let Ok(mut pems) = pem::parse_many(chain) else { return };
        let at = which % (pems.len() + 1);
        match pems.get(at).map(|pem| (pem.tag().to_owned(), pem.contents().to_vec())) {
            Some((tag, mut der)) => {
                input.edit(&mut der);
                pems[at] = pem::Pem::new(tag, der);
            }
            None => pems.reverse(),
        }
        let changed = pem::encode_many(&pems).into_bytes();
        let (signed, end) = (quote.signed().len(), quote.bytes().len() - chain.len());
        let mut bytes = [&quote.bytes()[..end], &changed].concat();
        for length_at in [signed, signed + 134, end - 4] {
            let length = u32::try_from(bytes.len() - length_at - 4).expect("small");
            bytes[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
        }
        self.evidence.quote = bytes;
    }

    fn change_log(&mut self, input: &mut Input<'_>) {
        match &mut self.evidence.event_log {
            Some(log) => input.edit(log),
            none => *none = Some(input.blob().to_vec()),
        }
    }

    /// A piece of the log, or of the quote's end, as often as there is room for.
    fn grow(&mut self, input: &mut Input<'_>) {
        let mut none = Vec::new();
        let bytes = match (input.byte() & 1, &mut self.evidence.event_log) {
            (0, Some(log)) => log,
            (0, None) => &mut none,
            _ => &mut self.evidence.quote,
        };
        let at = usize::from(input.u16()) % (bytes.len() + 1);
        let piece = bytes.get(at..).unwrap_or_default();
        let piece = piece.get(..usize::from(input.byte())).unwrap_or(piece).to_vec();
        let room = MAX_GROWN_BYTES.saturating_sub(bytes.len()) / piece.len().max(1);
        let repeats = room.min(usize::from(input.u16()));
        drop(bytes.splice(at..at, piece.repeat(repeats)));
    }

    /// Turns bits of what a pin wants.
    fn change_pin(&mut self, input: &mut Input<'_>) {
        let (which, at, bits) = (input.byte(), usize::from(input.byte()) % 48, input.byte());
        let Some(pin) = self.pins.sets.first_mut() else { return };
        match which % 6 {
            0 => pin.mrtd.0[at] ^= bits,
            1 => pin.mrconfigid.0[at] ^= bits,
            2 => pin.td_attributes[at % 8] ^= bits,
            3 => pin.xfam[at % 8] ^= bits,
            4 => pin.events.iter_mut().for_each(|rule| rule.value.push(bits)),
            _ => pin.not_after_s = Some(u64::from_le_bytes(input.fixed())),
        }
    }

    /// A path of a batch that the quote was not made for.
    fn batch(&mut self, input: &mut Input<'_>) {
        let leaves = usize::from(input.byte()) + 1;
        let batch = Batch::new(vec![self.binding.leaf(); leaves], true).expect("at most 256");
        self.evidence.batch = batch.path(usize::from(input.byte()) % leaves);
    }

    fn judge(&self) {
        let (evidence, scene) = (&self.evidence, &self.stage.scene);
        let text = std::str::from_utf8(&self.collateral_json).ok();
        let collateral = text.and_then(|text| Collateral::from_json(text).ok());
        let ask = Ask {
            now_s: self.now_s,
            pins: Some(&self.pins),
            binding: Some(&self.binding),
            collateral: collateral.as_ref(),
            marks: &scene.marks,
            quote_made_s: scene.quote_made_s,
        };
        let log_bytes = evidence.event_log.as_ref().map_or(0, Vec::len);
        let size_bytes = evidence.quote.len() + log_bytes + self.collateral_json.len();
        let verdict = super::cost::bounded("a verdict", size_bytes, || {
            scene.verifier().verify(evidence, &ask)
        });
        sound(&verdict);
        let mut remembered = self.stage.verifier.verify(evidence, &ask);
        remembered.signature_checks = verdict.signature_checks;
        assert_eq!(remembered, verdict, "what is remembered changes nothing");
        let of_intel = INTEL.verify(evidence, &ask);
        assert!(!of_intel.trusted() && !of_intel.simulated, "{of_intel}");
        if verdict.trusted() {
            self.trusted(&verdict, collateral.as_ref());
        }
    }

    /// Nothing that counts was changed.
    fn trusted(&self, verdict: &Verdict, collateral: Option<&Collateral>) {
        let scene = &self.stage.scene;
        match self.stage.fault {
            Some(fault) => {
                // Another question may have another answer.
                let is_asked_so = (self.now_s, &self.pins, &self.binding)
                    == (scene.now_s, &scene.pins, &scene.binding);
                assert!(!is_asked_so || can_be_put_right(fault), "{fault:?}: {verdict}");
            }
            None => assert_eq!(self.binding, scene.binding),
        }
        assert!(verdict.admits());
        assert_eq!(self.evidence.batch, None, "the quote was made for one");
        let end = verdict.expires.as_ref().expect("every verdict ends");
        assert!(self.now_s <= end.at_s && self.now_s >= scene.marks.floor_s());
        self.pinned(verdict);
        let quote = Quote::parse(&self.evidence.quote).expect("it was read");
        if let Ok(shown) = Quote::parse(&scene.evidence.quote) {
            assert_eq!(quote.identity(), shown.identity());
            assert_eq!(quote.signed(), shown.signed());
            assert_eq!(quote.qe_report(), shown.qe_report());
        }
        let (used, given) = (collateral.expect("some").parts(), scene.collateral.as_ref());
        let given = given.expect("some").parts();
        assert_eq!(used.tcb_info, given.tcb_info);
        assert_eq!(used.qe_identity, given.qe_identity);
        if self.stage.fault.is_none() {
            assert_eq!(used.root_ca_crl, given.root_ca_crl);
            assert_eq!(used.pck_crl, given.pck_crl);
        }
    }

    /// What the pin wants is what the quote and the log have.
    fn pinned(&self, verdict: &Verdict) {
        let pin = self.pins.sets.first().expect("a pin matched");
        let got = verdict.measurements.as_ref().expect("of a quote that was read");
        assert_eq!((pin.mrtd.0, pin.mrconfigid.0), (got.mrtd, got.mrconfigid));
        assert_eq!((pin.td_attributes, pin.xfam), (got.td_attributes, got.xfam));
        assert!(pin.not_after_s.is_none_or(|until_s| self.now_s <= until_s));
        if !pin.events.is_empty() {
            let bytes = self.evidence.event_log.as_ref().expect("a log for the rules");
            let log = EventLog::parse(bytes).expect("it was read");
            assert_eq!(log.replay(), got.rtmr);
            for rule in &pin.events {
                assert_eq!(log.holds(rule.rtmr, &rule.name, &rule.value), Ok(()));
            }
        }
    }
}

/// Whether what is wrong lies in bytes that no signature covers, or is a signature's one bit: a
/// fuzzer can turn it back.
fn can_be_put_right(fault: Fault) -> bool {
    let code = fault.expected_code();
    let outside = ["quote-malformed", "quote-signature", "too-few-platforms"];
    outside.contains(&code) || code.ends_with("-signature") || code.starts_with("event-log-")
}

/// What holds of every verdict.
fn sound(verdict: &Verdict) {
    assert!(verdict.simulated && verdict.checks.len() == 7);
    let outcomes = || verdict.checks.iter().map(|check| &check.outcome);
    let stands = outcomes().all(|it| matches!(it, Outcome::Passed | Outcome::NotAsked));
    assert!(verdict.reason().is_none() || !verdict.trusted());
    assert!(stands || !verdict.trusted());
    assert_eq!(verdict.reason().is_some(), outcomes().any(|it| matches!(it, Outcome::Failed(_))));
    for reason in verdict.reasons() {
        let code = reason.code();
        assert!(code.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase()), "{code}");
        assert!(!reason.to_string().contains(char::is_control), "{reason}");
    }
    assert!(verdict.to_json().is_object() && !verdict.to_string().is_empty());
}

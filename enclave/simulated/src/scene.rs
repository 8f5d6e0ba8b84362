use holobiont_attestation::{
    Ask, Binding, BootBinding, Collateral, Evidence, InspectBinding, Marks, PckCa, QuoteProvider,
    Reason, Verdict, Verifier, check_distinct_platforms,
};
use holobiont_identity::pins::{EventRule, PlatformKind, SurfacePins, TcbStatus};

use crate::dates::DAY_S;
use crate::knobs::{Asked, Knobs};
use crate::{
    Fault, QuoteForm, SIMULATED_ADVISORIES, SimulatedError, SimulatedGuest, SimulatedImage,
    SimulatedIntel, SimulatedRoot, pins_for,
};

/// Everything that one verification needs: a fake Intel, a guest, what the guest shows, and what it
/// is asked against. With at most one [`Fault`]; a test may change more.
///
/// ```
/// use holobiont_attestation::PckCa;
/// use holobiont_enclave_simulated::{QuoteForm, Scene};
///
/// let scene = Scene::new(1_800_000_000, QuoteForm::V5Td15, PckCa::Processor)?;
/// assert!(scene.verdict().trusted());
/// # Ok::<(), holobiont_enclave_simulated::SimulatedError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Scene {
    /// The Intel that certified the guest's platform.
    pub intel: SimulatedIntel,
    /// Who is asked.
    pub guest: SimulatedGuest,
    /// What it shows.
    pub evidence: Evidence,
    /// What its quote must bind.
    pub binding: Binding,
    /// What Intel says of its platform.
    pub collateral: Option<Collateral>,
    /// What is accepted.
    pub pins: SurfacePins,
    /// What was seen before.
    pub marks: Marks,
    /// The time it is asked at, unix seconds.
    pub now_s: u64,
    /// When the quote was made, where that is known otherwise, unix seconds.
    pub quote_made_s: Option<u64>,
}

impl Scene {
    /// One with nothing wrong, at this time, with quotes of this form under this CA.
    ///
    /// # Errors
    ///
    /// [`SimulatedError`]: see [`SimulatedIntel::new`].
    pub fn new(now_s: u64, form: QuoteForm, ca: PckCa) -> Result<Self, SimulatedError> {
        Self::with_knobs(now_s, form, ca, &Knobs::default())
    }

    /// One with this wrong and nothing else.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_fault(now_s: u64, fault: Fault) -> Result<Self, SimulatedError> {
        let knobs = fault.knobs();
        Self::with_knobs(now_s, knobs.form, PckCa::Platform, &knobs)
    }

    /// Brings another guest on: its evidence for the scene's binding takes the place of what was
    /// shown.
    ///
    /// # Errors
    ///
    /// [`SimulatedError::Refused`] where it makes no quote.
    pub fn show(&mut self, guest: SimulatedGuest) -> Result<(), SimulatedError> {
        self.evidence = evidence(&guest, &self.binding)?;
        self.guest = guest;
        Ok(())
    }

    /// A verifier that trusts this scene's Intel.
    pub fn verifier(&self) -> Verifier<SimulatedRoot> {
        Verifier::with_root(self.intel.root())
    }

    /// What the verifier is asked.
    pub fn ask(&self) -> Ask<'_> {
        Ask {
            now_s: self.now_s,
            pins: Some(&self.pins),
            binding: Some(&self.binding),
            collateral: self.collateral.as_ref(),
            marks: &self.marks,
            quote_made_s: self.quote_made_s,
        }
    }

    /// What a new verifier says of the evidence.
    pub fn verdict(&self) -> Verdict {
        self.verifier().verify(&self.evidence, &self.ask())
    }

    /// The code of the first reason against the guest; where there is none, of that against a
    /// committee of it and a twin on the same machine.
    pub fn code(&self) -> Option<&'static str> {
        let verdict = self.verdict();
        let against_guest = verdict.reason().map(Reason::code);
        against_guest.or_else(|| {
            let committee = [verdict.clone(), verdict];
            check_distinct_platforms(&committee, &self.pins).err().map(|reason| reason.code())
        })
    }

    fn with_knobs(
        now_s: u64,
        form: QuoteForm,
        ca: PckCa,
        knobs: &Knobs,
    ) -> Result<Self, SimulatedError> {
        let intel = SimulatedIntel::with_knobs(now_s, knobs.clone())?;
        let image = SimulatedImage::new("scene", "ro quiet");
        let guest = SimulatedGuest::new(intel.platform(0, ca)?, image, form);
        let binding = binding(knobs.ask);
        let mut pins = pins_for("scene", &[&guest]);
        for pin in &mut pins.sets {
            // So that a status is refused for itself.
            pin.advisories = SIMULATED_ADVISORIES.map(str::to_owned).to_vec();
        }
        let mut scene = Self {
            evidence: evidence(&guest, &binding)?,
            collateral: Some(intel.collateral(ca)?),
            pins,
            marks: Marks::default(),
            now_s,
            quote_made_s: None,
            intel,
            guest,
            binding,
        };
        scene.set(knobs.ask, ca)?;
        Ok(scene)
    }

    /// Changes what is asked.
    fn set(&mut self, asked: Option<Asked>, ca: PckCa) -> Result<(), SimulatedError> {
        match asked {
            Some(Asked::MarksAhead) => self.marks = self.seen_when_well(ca)?,
            Some(Asked::ClockBehind) => {
                self.marks = Marks::at_least(self.now_s.saturating_add(DAY_S));
            }
            Some(Asked::NoCollateral) => self.collateral = None,
            Some(status @ (Asked::StatusAllowed | Asked::NoAdvisory)) => {
                self.set_pin(status);
                self.pins.tcb.allowed = TcbStatus::ALL.to_vec();
                self.pins.tcb.out_of_date_grace_s = DAY_S;
            }
            Some(Asked::NoPins) => self.pins.sets.clear(),
            Some(Asked::TwoPlatforms) => self.pins.min_distinct_platforms = Some(2),
            Some(Asked::QuoteOld) => {
                let age_s = self.pins.tcb.max_quote_age_s.saturating_add(1);
                self.quote_made_s = Some(self.now_s.saturating_sub(age_s));
            }
            Some(Asked::QuoteFromFuture) => {
                self.quote_made_s = Some(self.now_s.saturating_add(DAY_S));
            }
            Some(other) => self.set_pin(other),
            None => {}
        }
        Ok(())
    }

    fn set_pin(&mut self, asked: Asked) {
        let now_s = self.now_s;
        let Some(pin) = self.pins.sets.first_mut() else { return };
        match asked {
            Asked::PinLater => pin.not_before_s = Some(now_s.saturating_add(DAY_S)),
            Asked::PinOver => pin.not_after_s = Some(now_s.saturating_sub(DAY_S)),
            Asked::PinRevoked => pin.revoked = Some("its kernel leaks keys".to_owned()),
            Asked::PinOfRealGuests => pin.platform = PlatformKind::Qemu,
            Asked::OtherPlatform => pin.platforms = vec![[0xEE; 16]],
            Asked::NoAdvisory => pin.advisories.clear(),
            Asked::OwnEvent => pin.events = vec![secure_boot(1)],
            Asked::OtherEvent => pin.events = vec![secure_boot(0)],
            _ => {}
        }
    }

    /// The marks of one who verified the same guest with this Intel's collateral as it is when all
    /// is well.
    fn seen_when_well(&self, ca: PckCa) -> Result<Marks, SimulatedError> {
        let collateral = self.intel.issue(ca, self.now_s, &Knobs::default())?;
        let ask = Ask { collateral: Some(&collateral), ..self.ask() };
        Ok(self.verifier().verify(&self.evidence, &ask).observed)
    }
}

fn binding(asked: Option<Asked>) -> Binding {
    match asked {
        // No nonce of the one who asks is in it, so age decides.
        Some(Asked::QuoteOld | Asked::QuoteFromFuture | Asked::QuoteAgeUnknown) => {
            Binding::Boot(BootBinding {
                simulated: true,
                node: [1; 32],
                boot_key: vec![2; 32],
                enrolment: [3; 32],
            })
        }
        other => Binding::Inspect(InspectBinding {
            simulated: other != Some(Asked::RealGuests),
            challenge: [4; 32],
        }),
    }
}

fn evidence(guest: &SimulatedGuest, binding: &Binding) -> Result<Evidence, SimulatedError> {
    let refused = |error: holobiont_attestation::ProviderError| SimulatedError::Refused {
        what: "a quote",
        reason: error.to_string(),
    };
    Ok(Evidence {
        quote: guest.quote(&binding.report_data()).map_err(refused)?,
        event_log: guest.event_log().map_err(refused)?,
        batch: None,
    })
}

/// The event that every simulated image has, with this value.
fn secure_boot(value: u8) -> EventRule {
    EventRule { rtmr: 0, name: "SecureBoot".to_owned(), value: vec![value] }
}

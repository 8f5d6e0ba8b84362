use holobiont_attestation::{ProviderError, ProviderKind, QuoteProvider, ReportData};
use holobiont_identity::pins::{SEPT_VE_DISABLE_ONLY, SurfacePins, TcbRules};

use crate::authorities::turn_last_bit;
use crate::image::SIMULATED_XFAM;
use crate::knobs::{BodyKnobs, End, Log, Register};
use crate::quote::Body;
use crate::{QuoteForm, SimulatedError, SimulatedImage, SimulatedPlatform};

/// A guest of a [`SimulatedPlatform`]: it gives quotes as a real one does, and an event log that
/// explains its registers.
///
/// ```
/// use holobiont_attestation::{Binding, InspectBinding, PckCa, ProviderKind, Quote, QuoteProvider};
/// use holobiont_enclave_simulated::{QuoteForm, SimulatedGuest, SimulatedImage, SimulatedIntel};
///
/// let intel = SimulatedIntel::new(1_800_000_000)?;
/// let platform = intel.platform(0, PckCa::Platform)?;
/// let image = SimulatedImage::new("node 1.0", "ro quiet");
/// let guest = SimulatedGuest::new(platform, image, QuoteForm::V5Td15);
/// assert_eq!(guest.kind(), ProviderKind::Simulated);
///
/// let binding = Binding::Inspect(InspectBinding { simulated: true, challenge: [7; 32] });
/// let quote = Quote::parse(&guest.quote(&binding.report_data())?)?;
/// assert!(binding.report_data().matches(&quote.measurements().report_data));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SimulatedGuest {
    platform: SimulatedPlatform,
    image: SimulatedImage,
    form: QuoteForm,
}

impl SimulatedGuest {
    /// A guest of this image on this machine, whose quotes have this form.
    pub const fn new(platform: SimulatedPlatform, image: SimulatedImage, form: QuoteForm) -> Self {
        Self { platform, image, form }
    }

    /// The machine that the guest runs on.
    pub const fn platform(&self) -> &SimulatedPlatform {
        &self.platform
    }

    /// The image that the guest was started from.
    pub const fn image(&self) -> &SimulatedImage {
        &self.image
    }

    fn body(&self, report_data: &ReportData) -> Body {
        let knobs = &self.platform.knobs.body;
        let [mrconfigid, mrowner, mrownerconfig] = self.image.launch();
        let module = &self.platform.knobs.platform;
        let mut body = Body {
            tee_tcb_svn: self.platform.tee_tcb_svn(module.module_launched),
            mrseam: crate::event_log::sha384(&[b"holobiont simulated TDX module"]),
            mrsignerseam: [0; 48],
            seam_attributes: [0; 8],
            td_attributes: turned(SEPT_VE_DISABLE_ONLY, knobs.attributes),
            xfam: turned(SIMULATED_XFAM, knobs.xfam),
            mrtd: self.image.mrtd(),
            mrconfigid: *mrconfigid,
            mrowner: *mrowner,
            mrownerconfig: *mrownerconfig,
            rtmr: self.image.rtmrs(),
            report_data: *report_data.as_bytes(),
            tee_tcb_svn2: self.platform.tee_tcb_svn(module.module_current),
            mrservicetd: [0; 48],
        };
        turn(&mut body, knobs);
        body
    }
}

impl QuoteProvider for SimulatedGuest {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Simulated
    }

    fn quote(&self, report_data: &ReportData) -> Result<Vec<u8>, ProviderError> {
        let mut quote = self
            .platform
            .quote(self.form, &self.body(report_data))
            .map_err(|error| unsupported(&error))?;
        match self.platform.knobs.body.end {
            End::Well => {}
            End::Cut => drop(quote.pop()),
            End::TrailingByte => quote.push(1),
        }
        Ok(quote)
    }

    fn event_log(&self) -> Result<Option<Vec<u8>>, ProviderError> {
        match self.platform.knobs.body.log {
            Log::Well => self.image.event_log().map(Some),
            Log::Missing => Ok(None),
            Log::Tampered => self.image.tampered_event_log().map(Some),
            Log::Garbage => Ok(Some(b"holobiont simulated garbage".to_vec())),
        }
        .map_err(|error| unsupported(&error))
    }
}

/// The pins of a surface that accept exactly these guests' images, labelled `image-0` and on, under
/// the default rules: what a test then changes one thing of.
pub fn pins_for(surface: &str, guests: &[&SimulatedGuest]) -> SurfacePins {
    let labels = (0..).map(|number: usize| format!("image-{number}"));
    SurfacePins {
        surface: surface.to_owned(),
        tcb: TcbRules::default(),
        min_distinct_platforms: None,
        sets: guests.iter().zip(labels).map(|(guest, label)| guest.image.pin(label)).collect(),
    }
}

fn turn(body: &mut Body, knobs: &BodyKnobs) {
    if knobs.seam_signer {
        turn_last_bit(&mut body.mrsignerseam);
    }
    if knobs.seam_attributes {
        turn_last_bit(&mut body.seam_attributes);
    }
    if knobs.service_td {
        body.mrservicetd = crate::event_log::sha384(&[b"holobiont simulated service TD"]);
    }
    if knobs.other_question {
        turn_last_bit(&mut body.report_data);
    }
    match knobs.register {
        Some(Register::Mrtd) => turn_last_bit(&mut body.mrtd),
        Some(Register::MrConfigId) => turn_last_bit(&mut body.mrconfigid),
        Some(Register::MrOwner) => turn_last_bit(&mut body.mrowner),
        Some(Register::MrOwnerConfig) => turn_last_bit(&mut body.mrownerconfig),
        Some(Register::Rtmr(number)) => {
            if let Some(register) = body.rtmr.get_mut(number) {
                turn_last_bit(register);
            }
        }
        None => {}
    }
}

/// `bits` of a little-endian field turned over.
const fn turned(field: [u8; 8], bits: u64) -> [u8; 8] {
    (u64::from_le_bytes(field) ^ bits).to_le_bytes()
}

fn unsupported(error: &SimulatedError) -> ProviderError {
    ProviderError::Unsupported { why: error.to_string() }
}

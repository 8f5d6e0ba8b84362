use holobiont_attestation::{
    Binding, Evidence, Measurements, ProviderError, ProviderKind, Quote, QuoteError, QuoteProvider,
    Reason, RegisterRow, check_attributes, match_pins_and_log,
};
use holobiont_identity::pins::SurfacePins;

/// What the check found: evidence that a peer with these pins will not refuse for what this guest
/// is. What Intel says of its platform is for the peer to find.
#[derive(Debug, Clone)]
pub struct OwnQuote {
    /// The quote and the event log, as they can be sent.
    pub evidence: Evidence,
    /// What the quote says of this guest.
    pub measurements: Measurements,
    /// The label of the pin that this guest meets.
    pub pin: String,
}

/// Why a guest must not start: what its peers would say of it, known before it asks them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelfCheckError {
    /// There is no quote, or no event log where one is.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The binding is for the other kind of guest.
    #[error(
        "the binding says simulated = {simulated}, quotes come from a {provider} provider: this is \
         a fault of this program, report it"
    )]
    OtherWorld {
        /// What the binding says.
        simulated: bool,
        /// Where quotes come from.
        provider: ProviderKind,
    },
    /// What the provider gave is no quote.
    #[error("this guest's own quote cannot be read: {source}")]
    Quote {
        /// Why.
        source: QuoteError,
    },
    /// The quote binds something else.
    #[error(
        "this guest's own quote binds other report data than was asked for: the host answered with \
         another request's quote; check its quote generation service"
    )]
    ReportData,
    /// The guest is not one that the surface's pins admit.
    #[error(
        "surface `{surface}` does not admit this guest: {}",
        reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    Unfit {
        /// The surface.
        surface: String,
        /// Everything against it, never empty.
        reasons: Vec<Reason>,
        /// Every register beside what the nearest pin wants.
        comparison: Vec<RegisterRow>,
    },
}

/// Makes one quote of this guest and looks at it as a peer will: it reads, binds what was asked,
/// has acceptable attributes, and meets one of the surface's pins at `now_s` (unix seconds), with
/// its event log where the pin has rules for one. Signatures are the host's and Intel's business,
/// and not looked at. Blocks, like [`QuoteProvider::quote`].
///
/// # Errors
///
/// [`SelfCheckError`]: do not start.
pub fn self_check(
    provider: &dyn QuoteProvider,
    binding: &Binding,
    pins: &SurfacePins,
    now_s: u64,
) -> Result<OwnQuote, SelfCheckError> {
    let (simulated, kind) = (binding.simulated(), provider.kind());
    if simulated != (kind == ProviderKind::Simulated) {
        return Err(SelfCheckError::OtherWorld { simulated, provider: kind });
    }
    let report_data = binding.report_data();
    let bytes = provider.quote(&report_data)?;
    let quote = Quote::parse(&bytes).map_err(|source| SelfCheckError::Quote { source })?;
    let measurements = quote.measurements();
    if !report_data.matches(&measurements.report_data) {
        return Err(SelfCheckError::ReportData);
    }
    let event_log = provider.event_log()?;

    let found = match_pins_and_log(measurements, event_log.as_deref(), pins, now_s);
    let mut reasons = check_attributes(measurements);
    reasons.extend(found.reasons);
    match found.pin {
        Some(pin) if reasons.is_empty() => Ok(OwnQuote {
            evidence: Evidence { quote: quote.bytes().to_vec(), event_log, batch: None },
            measurements: measurements.clone(),
            pin,
        }),
        _ => Err(SelfCheckError::Unfit {
            surface: pins.surface.clone(),
            reasons,
            comparison: found.comparison,
        }),
    }
}

use holobiont_identity::pins::{
    Measurement, Pin, PlatformKind, SEPT_VE_DISABLE_ONLY, SIMULATED_MRTD_PREFIX,
};

use crate::SimulatedError;
use crate::event_log::{self, Measured};

/// The extended features of a guest on an ordinary server: x87 to AVX-512, PKRU and AMX.
pub const SIMULATED_XFAM: [u8; 8] = [0xE7, 0x02, 0x06, 0, 0, 0, 0, 0];

/// A guest image that never existed, and what a guest of it measures to.
///
/// Everything follows from a name, a command line and what it measures, so two nodes that say the same image have the
/// same registers, as with a reproducible build.
///
/// ```
/// use holobiont_enclave_simulated::SimulatedImage;
///
/// let image = SimulatedImage::new("node 1.0", "ro quiet");
/// assert!(image.mrtd().starts_with(b"SIMULATE"));
/// // The command line is measured into RTMR2 alone.
/// let other = SimulatedImage::new("node 1.0", "ro");
/// assert_eq!((image.mrtd(), image.rtmrs()[1]), (other.mrtd(), other.rtmrs()[1]));
/// assert_ne!(image.rtmrs()[2], other.rtmrs()[2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedImage {
    name: String,
    events: Vec<Measured>,
    mrconfigid: [u8; 48],
    mrowner: [u8; 48],
    mrownerconfig: [u8; 48],
}

impl SimulatedImage {
    /// The image of this name, started with this kernel command line.
    pub fn new(name: &str, command_line: &str) -> Self {
        let events = vec![
            Measured::action(0, &format!("simulated firmware configuration of {name}")),
            Measured::secure_boot(),
            Measured::separator(0),
            Measured::action(1, "Calling EFI Application from Boot Option"),
            Measured::separator(1),
            Measured::action(1, &format!("simulated kernel of {name}")),
            Measured::command_line(command_line),
            Measured::action(2, &format!("simulated initial file system of {name}")),
        ];
        Self {
            name: name.to_owned(),
            events,
            mrconfigid: [0; 48],
            mrowner: [0; 48],
            mrownerconfig: [0; 48],
        }
    }

    /// The same image, in which what runs measures one more thing into RTMR3. The event log of
    /// such an image has dstack's form, which is where such events have a name.
    #[must_use]
    pub fn measuring(mut self, name: &str, value: &[u8]) -> Self {
        self.events.push(Measured::runtime(name, value));
        self
    }

    /// The same image, launched by a host that names a configuration.
    #[must_use]
    pub const fn with_mrconfigid(mut self, mrconfigid: [u8; 48]) -> Self {
        self.mrconfigid = mrconfigid;
        self
    }

    /// The same image, launched by a host that names an owner and that owner's configuration.
    #[must_use]
    pub const fn with_owner(mut self, mrowner: [u8; 48], mrownerconfig: [u8; 48]) -> Self {
        self.mrowner = mrowner;
        self.mrownerconfig = mrownerconfig;
        self
    }

    /// The measurement of the guest as built. It begins with [`SIMULATED_MRTD_PREFIX`].
    pub fn mrtd(&self) -> [u8; 48] {
        let mut mrtd = event_log::sha384(&[b"holobiont simulated image", self.name.as_bytes()]);
        for (to, from) in mrtd.iter_mut().zip(SIMULATED_MRTD_PREFIX) {
            *to = from;
        }
        mrtd
    }

    /// The four run-time registers: what the event log replays to.
    pub fn rtmrs(&self) -> [[u8; 48]; 4] {
        event_log::replay(&self.events)
    }

    /// The event log: a CCEL in its binary form, or dstack's JSON (see
    /// [`measuring`](Self::measuring)). Its event `SecureBoot` in RTMR0 has the value 1.
    ///
    /// # Errors
    ///
    /// [`SimulatedError::Length`] where a measured text is longer than 4 GiB.
    pub fn event_log(&self) -> Result<Vec<u8>, SimulatedError> {
        event_log::encode(&self.events)
    }

    /// The pin that accepts this image and nothing else, on any platform and at any time.
    pub fn pin(&self, label: impl Into<String>) -> Pin {
        let mrtd = Measurement(self.mrtd());
        let rtmr = self.rtmrs().map(Measurement);
        let mut pin = Pin::new(label, PlatformKind::Simulated, mrtd, rtmr, SIMULATED_XFAM);
        pin.mrconfigid = Measurement(self.mrconfigid);
        pin.mrowner = Measurement(self.mrowner);
        pin.mrownerconfig = Measurement(self.mrownerconfig);
        pin.td_attributes = SEPT_VE_DISABLE_ONLY;
        pin
    }

    pub(crate) const fn launch(&self) -> [&[u8; 48]; 3] {
        [&self.mrconfigid, &self.mrowner, &self.mrownerconfig]
    }

    /// The log with an event that is not what was measured.
    pub(crate) fn tampered_event_log(&self) -> Result<Vec<u8>, SimulatedError> {
        let mut events = self.events.clone();
        if let Some(event) = events.last_mut() {
            event.tamper();
        }
        event_log::encode(&events)
    }
}

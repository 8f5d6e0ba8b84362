use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use holobiont_identity::pins::Measurement;
use sha2::{Digest, Sha384};

use crate::{FileTree, Roots, Tree};

/// The length of every register.
const REGISTER_BYTES: usize = 48;
/// A longer one is told by its length too, so the limit lies past it.
const MAX_FILE_BYTES: usize = 4096;

/// One extension at a time, so that each can be checked against what the register held before.
static EXTENDING: Mutex<()> = Mutex::new(());

/// This guest's measurement registers, as the kernel shows them (6.16 and later). They come from
/// the TDX module, but through this guest's kernel and without a signature: for the operator and
/// the self-check, never proof for a peer.
///
/// ```no_run
/// use holobiont_enclave::{Registers, Roots};
///
/// let registers = Registers::new(&Roots::default()).read()?;
/// println!("mrtd  {}", registers.mrtd);
/// # Ok::<(), holobiont_enclave::RegistersError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Registers<T = FileTree> {
    tree: T,
    directory: PathBuf,
}

/// What the registers hold now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentRegisters {
    /// The guest as it was built: its firmware.
    pub mrtd: Measurement,
    /// The registers that boot and run time extend.
    pub rtmr: [Measurement; 4],
    /// The id of a configuration, given from outside at the guest's creation.
    pub mrconfigid: Measurement,
    /// The id of the guest's owner, given likewise.
    pub mrowner: Measurement,
    /// The owner's configuration, given likewise.
    pub mrownerconfig: Measurement,
}

/// Why registers could not be read or extended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistersError {
    /// The kernel does not show them.
    #[error(
        "this kernel shows no measurement registers at {path}: run a guest kernel 6.16 or later \
         with CONFIG_TDX_GUEST_DRIVER, or take them from a quote"
    )]
    Unsupported {
        /// Where they should be.
        path: PathBuf,
    },
    /// A register has another length than a register has.
    #[error("{path} holds {found_bytes} bytes where a register has 48: the kernel's fault")]
    Malformed {
        /// The register's file.
        path: PathBuf,
        /// What was there.
        found_bytes: usize,
    },
    /// After the extension RTMR3 does not hold what it had to.
    #[error(
        "RTMR3 is {found} after an extension that makes {expected} of it: another process extends \
         it too; find it, then restart the guest, since an extension cannot be taken back"
    )]
    Contested {
        /// What the extension alone gives.
        expected: Measurement,
        /// What the register holds.
        found: Measurement,
    },
    /// The system refused.
    #[error("{path} cannot be {doing}: {source}; this needs root")]
    Io {
        /// The register's file.
        path: PathBuf,
        /// What was tried: `read` or `extended`.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl Registers {
    /// Those of this machine.
    pub fn new(roots: &Roots) -> Self {
        Self::with(FileTree, roots)
    }
}

impl<T: Tree> Registers<T> {
    /// Those below another tree.
    pub fn with(tree: T, roots: &Roots) -> Self {
        Self { tree, directory: roots.measurements.clone() }
    }

    /// All of them, now.
    ///
    /// # Errors
    ///
    /// [`RegistersError`]; one register that cannot be read refuses them all.
    pub fn read(&self) -> Result<CurrentRegisters, RegistersError> {
        self.supported()?;
        Ok(CurrentRegisters {
            mrtd: self.register("mrtd:sha384")?,
            rtmr: [
                self.register("rtmr0:sha384")?,
                self.register("rtmr1:sha384")?,
                self.register("rtmr2:sha384")?,
                self.register(RTMR3)?,
            ],
            mrconfigid: self.register("mrconfigid")?,
            mrowner: self.register("mrowner")?,
            mrownerconfig: self.register("mrownerconfig")?,
        })
    }

    /// Extends RTMR3 by a SHA-384 digest: RTMR3 = SHA-384(RTMR3 ‖ digest). Returns what it holds
    /// then, read back and checked. An extension lasts until the guest ends.
    ///
    /// # Errors
    ///
    /// [`RegistersError`]; after [`RegistersError::Contested`] the register *was* extended.
    pub fn extend_rtmr3(&self, digest: &[u8; 48]) -> Result<Measurement, RegistersError> {
        let _alone = EXTENDING.lock().unwrap_or_else(PoisonError::into_inner);
        self.supported()?;
        let before = self.register(RTMR3)?;
        let expected = Measurement(
            Sha384::new().chain_update(before.0).chain_update(digest).finalize().into(),
        );
        let path = self.directory.join(RTMR3);
        self.tree.write(&path, digest).map_err(io_error(&path, "extended"))?;
        let found = self.register(RTMR3)?;
        if found == expected {
            Ok(found)
        } else {
            Err(RegistersError::Contested { expected, found })
        }
    }

    fn supported(&self) -> Result<(), RegistersError> {
        match self.tree.probe(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(RegistersError::Unsupported { path: self.directory.clone() })
            }
            other => other.map_err(io_error(&self.directory, "read")),
        }
    }

    fn register(&self, name: &str) -> Result<Measurement, RegistersError> {
        let path = self.directory.join(name);
        let bytes = self.tree.read(&path, MAX_FILE_BYTES).map_err(io_error(&path, "read"))?;
        let register = <[u8; REGISTER_BYTES]>::try_from(bytes.as_slice());
        register
            .map(Measurement)
            .map_err(|_| RegistersError::Malformed { path, found_bytes: bytes.len() })
    }
}

const RTMR3: &str = "rtmr3:sha384";

fn io_error(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> RegistersError {
    let path = path.to_owned();
    move |source| RegistersError::Io { path, doing, source }
}

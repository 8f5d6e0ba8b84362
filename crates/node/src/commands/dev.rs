//! Simulated TDX: everything here says so, and is in no production build.

mod guest;
pub(super) mod handshake;
pub(super) mod network;

use holobiont_attestation::{PckCa, Verifier};
use holobiont_enclave_simulated::{
    QuoteForm, SimulatedGuest, SimulatedImage, SimulatedIntel, SimulatedRoot,
};

use super::verify;
use crate::cli::{Dev, DevCommand, DevVerify};
use crate::failure::Failure;
use crate::{files, print};

/// A certificate is no longer than this.
const MAX_ROOT_BYTES: u64 = 64 * 1024;

pub(super) fn run(command: &Dev, as_json: bool) -> Result<(), Failure> {
    print::note("SIMULATED TDX: a root made on this machine; nothing here proves anything");
    match &command.command {
        None => network::run(&command.network, as_json),
        Some(DevCommand::Guest(args)) => guest::run(args, as_json),
        Some(DevCommand::Verify(args)) => verified(args, as_json),
        Some(DevCommand::Handshake(_)) => handshake::run(as_json),
    }
}

fn verified(args: &DevVerify, as_json: bool) -> Result<(), Failure> {
    let der = files::read_bytes(&args.root, MAX_ROOT_BYTES)?;
    let verifier = Verifier::with_root(SimulatedRoot::from_der(&der));
    verify::verify(&verifier, &args.from, &args.asked, as_json)
}

/// A guest on machine `index` of this Intel, started with this command line.
fn simulated_guest(
    intel: &SimulatedIntel,
    index: u32,
    command_line: &str,
) -> Result<SimulatedGuest, Failure> {
    let platform = intel.platform(index, PckCa::Platform).map_err(Failure::unexpected)?;
    let image = SimulatedImage::new(concat!("holobiont ", env!("CARGO_PKG_VERSION")), command_line);
    Ok(SimulatedGuest::new(platform, image, QuoteForm::V5Td15))
}

/// An organism with one member, in whose committee this guest's image may be.
fn organism_of(guest: &SimulatedGuest, label: &str) -> String {
    let pin = guest.image().pin(label);
    let pins = holobiont_identity::pins::to_toml(&[pin]);
    format!(
        "# Made by `holobiont dev`: its pins are of a SIMULATED guest, and no production build takes \
         them.\nversion = 1\nname = \"simulated\"\n\n[program]\nname = \"cross-feed\"\nversion = 1\n\n\
         [policy]\nmax_advance = 31\n\n[[member]]\nname = \"USD\"\nstable_id = \"ecb.euro-fx.USD\"\n\
         surface = \"rates\"\n\n[[surface]]\nname = \"committee\"\nmin_distinct_platforms = 1\n\n{pins}"
    )
}

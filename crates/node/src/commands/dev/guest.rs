use std::fs;
use std::path::Path;

use holobiont_attestation::{Binding, InspectBinding, PckCa, TrustRoot as _};
use holobiont_enclave_simulated::SimulatedIntel;
use serde_json::json;

use super::{organism_of, simulated_guest};
use crate::cli::DevGuest;
use crate::commands::quote;
use crate::failure::Failure;
use crate::now::now_s;
use crate::quote_file::QuoteFile;
use crate::{files, print};

/// What the quote is made for: a look by whoever reads the file.
const CHALLENGE: [u8; 32] = *b"holobiont dev guest, not a nonce";

/// Says that a folder is ours to make anew.
const MARKER: &str = "SIMULATED";

pub(super) fn run(args: &DevGuest, as_json: bool) -> Result<(), Failure> {
    let out = &args.out;
    make_free(out)?;
    let intel = SimulatedIntel::new(now_s()).map_err(Failure::unexpected)?;
    let guest = simulated_guest(&intel, 0, &args.command_line)?;
    let binding = Binding::Inspect(InspectBinding { simulated: true, challenge: CHALLENGE });
    let evidence = quote::made(&guest, &binding)?;
    let collateral = intel.collateral(PckCa::Platform).map_err(Failure::unexpected)?;
    let written = [
        ("quote.json", QuoteFile::text(&evidence, &binding)?.into_bytes()),
        ("root.der", intel.root().certificate_der().to_vec()),
        ("collateral.json", collateral.to_json().into_bytes()),
        ("organism.toml", organism_of(&guest, "simulated").into_bytes()),
    ];
    for (name, bytes) in &written {
        files::replace(&out.join(name), bytes)?;
    }
    let challenge = hex::encode(CHALLENGE);
    if as_json {
        let names: Vec<&str> = written.iter().map(|(name, _)| *name).collect();
        let told = json!({ "simulated": true, "out": out, "files": names, "challenge": challenge });
        return print::json("dev.guest", &told);
    }
    let out = out.display();
    print::text(&format!(
        "{out}: a simulated guest's quote.json, its root.der, collateral.json and organism.toml\n\n\
         Try:\n  holobiont dev verify {out}/quote.json --root {out}/root.der --collateral \
         {out}/collateral.json \\\n      --pins {out}/organism.toml --surface committee \
         --challenge {challenge} --insecure-simulated-tdx\n  \
         holobiont verify {out}/quote.json --collateral {out}/collateral.json    # refused: not \
         Intel's\n"
    ))
}

fn make_free(out: &Path) -> Result<(), Failure> {
    let marker = out.join(MARKER);
    if !files::is_free(out)? && !marker.is_file() {
        return Err(Failure::Usage {
            what: format!("{} is not empty, and not made by `holobiont dev guest`", out.display()),
            help: "name another folder with --out",
        });
    }
    fs::create_dir_all(out).map_err(Failure::io(out, "creating"))?;
    files::replace(&marker, b"made by `holobiont dev guest`; it proves nothing\n")
}

use holobiont_attestation::{
    Binding, BootBinding, Evidence, InspectBinding, ProviderError, QuoteProvider, TicketBinding,
};
use holobiont_enclave::{ConfigfsTsm, Roots};

use crate::cli::{QuoteArgs, QuotePurpose};
use crate::failure::Failure;
use crate::quote_file::QuoteFile;
use crate::{files, print};

/// A public key is no longer than this.
const MAX_KEY_BYTES: u64 = 1024;

pub(super) fn run(args: &QuoteArgs, as_json: bool) -> Result<(), Failure> {
    let binding = binding(args)?;
    let provider = ConfigfsTsm::new(Roots::under(&args.system_root));
    let evidence = made(&provider, &binding)?;
    let text = QuoteFile::text(&evidence, &binding)?;
    match &args.out {
        None => print::text(&text),
        Some(file) => {
            files::replace(file, text.as_bytes())?;
            if as_json {
                let told = serde_json::json!({ "file": file, "purpose": binding.purpose().name() });
                return print::json("quote.made", &told);
            }
            print::note(&format!("{}: a quote for {}", file.display(), binding.purpose().name()));
            Ok(())
        }
    }
}

/// A quote for this, and the event log that explains its registers.
pub(super) fn made(
    provider: &dyn QuoteProvider,
    binding: &Binding,
) -> Result<Evidence, ProviderError> {
    let quote = provider.quote(&binding.report_data())?;
    Ok(Evidence { quote, event_log: provider.event_log()?, batch: None })
}

fn binding(args: &QuoteArgs) -> Result<Binding, Failure> {
    let simulated = false;
    let missing = || Failure::Usage {
        what: "the purpose wants more arguments".to_owned(),
        help: "`holobiont quote --help` says which",
    };
    Ok(match args.purpose {
        QuotePurpose::Inspect => {
            let challenge = args.challenge.ok_or_else(missing)?.0;
            Binding::Inspect(InspectBinding { simulated, challenge })
        }
        QuotePurpose::Boot => {
            let file = args.boot_key.as_ref().ok_or_else(missing)?;
            Binding::Boot(BootBinding {
                simulated,
                node: args.node.ok_or_else(missing)?.0,
                boot_key: files::read_bytes(file, MAX_KEY_BYTES)?,
                enrolment: args.enrolment.ok_or_else(missing)?.0,
            })
        }
        QuotePurpose::Ticket => {
            let not_before_s = args.not_before.ok_or_else(missing)?;
            let not_after_s = args.not_after.ok_or_else(missing)?;
            if not_after_s < not_before_s {
                return Err(Failure::Usage {
                    what: "the ticket would end before it begins".to_owned(),
                    help: "--not-after must not be earlier than --not-before",
                });
            }
            Binding::Ticket(TicketBinding {
                simulated,
                peer: args.peer.ok_or_else(missing)?.0,
                network: args.network.ok_or_else(missing)?.0,
                not_before_s,
                not_after_s,
            })
        }
    })
}

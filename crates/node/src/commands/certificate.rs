use std::collections::{BTreeMap, BTreeSet};

use holobiont_committee::{
    Certificate, CutStatement, MAX_CERTIFICATE_BYTES, MachineEvent, certificate_quorum,
};
use holobiont_identity::UniqueId;
use serde_json::json;

use super::boot_keys::BootKeys;
use crate::cli::{Certificate as Command, CertificateVerify};
use crate::exported::{Boots, Exported, HeldConfigs};
use crate::failure::Failure;
use crate::{files, print, run};

pub(super) fn run(command: &Command, as_json: bool) -> Result<(), Failure> {
    match command {
        Command::Verify(args) => verify(args, as_json),
    }
}

/// What the log says of a certificate.
struct Known {
    /// Keys of that roster's nodes that were active at the cut, or have become so since.
    keys: BTreeMap<UniqueId, BTreeSet<[u8; 32]>>,
    /// How many must have signed.
    quorum: usize,
    /// What they sign where this is the cut's result.
    expected: CutStatement,
    /// The boots whose keys it admits.
    boots: Boots,
}

fn verify(args: &CertificateVerify, as_json: bool) -> Result<(), Failure> {
    let limit_bytes = u64::try_from(MAX_CERTIFICATE_BYTES).unwrap_or(u64::MAX);
    let certificate = Certificate::decode(&files::read_bytes(&args.file, limit_bytes)?)?;
    let (organism, _) = files::organism(&args.organism)?;
    let roster = args.roster.as_deref().map(run::roster).transpose()?;
    let statement = &certificate.statement;
    let boot_keys = match (&args.export, roster) {
        (Some(file), roster) => {
            let mut configs = HeldConfigs::of(organism);
            for file in &args.configs {
                configs.add(files::organism(file)?.0);
            }
            let exported = Exported::open(file, configs, roster.as_ref())?;
            let Known { keys, quorum, expected, boots } = known(exported, statement)?;
            if expected != *statement {
                return Err(Failure::Differs {
                    what: format!("the log says something else of cut {}", statement.cut),
                });
            }
            let is_its = |node: &UniqueId, key: &[u8; 32]| {
                keys.get(node).is_some_and(|keys| keys.contains(key))
            };
            certificate.verify(quorum, &is_its)?;
            Some(BootKeys::judge(&boots, &args.boot_trust)?)
        }
        (None, Some(roster)) if !args.boot_trust.is_given() => {
            let named = |got: &str, got_is: String, expected: String| Failure::Differs {
                what: format!("the certificate is of {got} {got_is}, not {expected}"),
            };
            if statement.content_hash != organism.content_hash() {
                let (got, expected) = (statement.content_hash, organism.content_hash());
                return Err(named("config", got.to_string(), expected.to_string()));
            }
            if statement.roster_digest != roster.digest() {
                let (got, expected) = (statement.roster_digest, roster.digest());
                return Err(named("roster", got.to_string(), expected.to_string()));
            }
            let quorum = certificate_quorum(roster.nodes().len(), organism.tolerate_leaked_keys);
            certificate.verify(quorum, &|node, _| roster.nodes().contains(node))?;
            None
        }
        (None, _) => {
            return Err(Failure::Usage {
                what: "the quotes of boot keys are in the committee's log".to_owned(),
                help: "name it with --export",
            });
        }
    };
    tell(&certificate, boot_keys.as_ref(), as_json)
}

fn known(mut exported: Exported, of: &CutStatement) -> Result<Known, Failure> {
    let mut keys: BTreeMap<UniqueId, BTreeSet<[u8; 32]>> = BTreeMap::new();
    let mut made = None;
    while let Some((_, effects)) = exported.next()? {
        let machine = exported.machine();
        if effects.applied.cut.is_some_and(|cut| cut.number == of.cut) {
            let expected = machine.statement(of.cut, of.output, of.state_digest);
            made = expected.map(|expected| (machine.certificate_quorum(), expected));
            // Neither who has left by then nor a boot that was fenced signs for it.
            keys = (0_u16..)
                .zip(machine.roster().nodes())
                .map(|(place, node)| {
                    (*node, machine.active_key(place).into_iter().copied().collect())
                })
                .collect();
        }
        let nodes = machine.roster().nodes();
        for event in &effects.events {
            if let MachineEvent::KeyActive { node, key } = event
                && let Some(node) = nodes.get(usize::from(*node))
                && let Some(keys) = keys.get_mut(node)
            {
                keys.insert(*key);
            }
        }
    }
    let (quorum, expected) = made.ok_or_else(|| Failure::Differs {
        what: format!("the log has no cut {}: fetch the export again", of.cut),
    })?;
    Ok(Known { keys, quorum, expected, boots: exported.into_boots() })
}

fn tell(
    certificate: &Certificate,
    boot_keys: Option<&BootKeys>,
    as_json: bool,
) -> Result<(), Failure> {
    let statement = &certificate.statement;
    let head = statement.output.map(|head| (head.seq, head.hash.to_string()));
    let nodes: Vec<String> = certificate.signatures.iter().map(|it| it.node.to_string()).collect();
    if as_json {
        let told = json!({
            "cut": statement.cut,
            "log_index": statement.log_index,
            "content_hash": statement.content_hash.to_string(),
            "roster_digest": statement.roster_digest.to_string(),
            "output": head,
            "state_digest": statement.state_digest.to_string(),
            "log_digest": statement.log_digest.to_string(),
            "signed_by": nodes,
            "keys_checked": boot_keys.is_some(),
            "boot_keys": boot_keys,
        });
        return print::json("certificate", &told);
    }
    let keys = if boot_keys.is_some() {
        "each with the key that the committee's log admits"
    } else {
        "each with a key that only the certificate names: --export checks whose it is"
    };
    let head =
        head.map_or_else(|| "none".to_owned(), |(seq, hash)| format!("{hash} at record {seq}"));
    let mut text = format!(
        "cut {} at log entry {} is certified by {} nodes, {keys}\n\noutput head   {head}\n\
         state digest  {}\nlog digest    {}\n\n",
        statement.cut,
        statement.log_index,
        nodes.len(),
        statement.state_digest,
        statement.log_digest,
    );
    for node in nodes {
        text.push_str(&format!("signed by     {node}\n"));
    }
    if let Some(boot_keys) = boot_keys {
        text.push_str(&format!("\n{}\n", boot_keys.told()));
    }
    print::text(&text)
}

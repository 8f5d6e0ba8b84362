use std::path::Path;

use holobiont_identity::{Alignment, Coalition, MemberPolicy, OnStall, Organism, Then};
use holobiont_programs::Visit;
use holobiont_replay::Program;
use serde::Serialize;

use crate::cli::{Config, ConfigFile};
use crate::failure::Failure;
use crate::files;
use crate::print;
use crate::text::count;

pub(super) fn run(command: &Config, as_json: bool) -> Result<(), Failure> {
    let (Config::Check(args) | Config::Fingerprint(args)) = command;
    match (read(args)?, command) {
        (Read::Organism(organism), Config::Check(_)) => check(&args.file, &organism, as_json),
        (Read::Organism(organism), Config::Fingerprint(_)) => {
            show("config.fingerprint", "", &ids_of(&organism), &[], as_json)
        }
        (Read::Coalition(coalition), Config::Check(_)) => check_coalition(&coalition, as_json),
        (Read::Coalition(coalition), Config::Fingerprint(_)) => {
            show("config.fingerprint", "", &ids_of_coalition(&coalition), &[], as_json)
        }
    }
}

enum Read {
    Organism(Box<Organism>),
    Coalition(Box<Coalition>),
}

/// Which of the two a file is, its keys say; where they do not, its name.
fn read(args: &ConfigFile) -> Result<Read, Failure> {
    const COALITION_KEYS: [&str; 5] =
        ["lattice", "organism", "modules", "change_channel", "ticket_issuer"];
    let source = files::config_text(&args.file)?;
    let is_coalition = match source.parse::<toml::Table>() {
        Ok(table) if table.contains_key("order") => {
            return Err(Failure::Usage {
                what: format!("{} lists orders", args.file.display()),
                help: "give it to `replay --orders`, which checks it against its organism",
            });
        }
        Ok(table) if table.contains_key("program") || table.contains_key("member") => false,
        Ok(table) => COALITION_KEYS.iter().any(|key| table.contains_key(*key)),
        Err(_) => args.file.file_stem().is_some_and(|stem| stem == "coalition"),
    };
    if is_coalition {
        files::coalition(&args.file).map(|coalition| Read::Coalition(Box::new(coalition)))
    } else {
        files::organism(&args.file).map(|(organism, _)| Read::Organism(Box::new(organism)))
    }
}

struct Nothing;

impl Visit for Nothing {
    type Output = ();

    fn visit<P: Program>(self, _program: P) {}
}

fn check(file: &Path, organism: &Organism, as_json: bool) -> Result<(), Failure> {
    holobiont_programs::load(organism, Nothing)
        .map_err(|source| Failure::Program { file: file.to_owned(), source })?;
    let align = match organism.align {
        Alignment::Clock => "cuts by clock: the least closed clock of the members that hold it",
        Alignment::Arrival => "cuts by arrival: every move of a frontier",
    };
    let weight: u64 =
        organism.members.iter().map(|it| it.policy.weight).fold(0, u64::saturating_add);
    let mut text = format!(
        "{} runs {} version {} over {}\n{align}\nfloor: normal from weight {}, halted below {}, of {weight}\n\n",
        organism.name,
        organism.program.name,
        organism.program.version,
        count(u64::try_from(organism.members.len()).unwrap_or(u64::MAX), "member"),
        organism.floor.normal,
        organism.floor.halt_below,
    );
    let rows = organism.members.iter().map(|member| {
        let policy = &member.policy;
        [
            member.name.clone(),
            policy.weight.to_string(),
            stall_in_words(policy),
            format!("{} / {} / {}", policy.late_after, policy.stall_after, policy.recover_after),
            policy.max_advance.to_string(),
            member.start.map_or_else(|| "–".to_owned(), |start| start.to_string()),
            member.id().to_string(),
        ]
    });
    let header =
        ["member", "weight", "when it stalls", "late/stall/recover", "max jump", "start", "id"];
    text.push_str(&print::table(header, rows));
    text.push('\n');
    show("config.check", &text, &ids_of(organism), &organism.warnings(), as_json)
}

fn check_coalition(coalition: &Coalition, as_json: bool) -> Result<(), Failure> {
    let mut text = format!("{} is a coalition; being listed opens no door\n\n", coalition.name);
    let listed = coalition.lattices.iter().map(|it| ("lattice", it));
    let listed = listed.chain(coalition.organisms.iter().map(|it| ("organism", it)));
    let rows = listed.map(|(kind, it)| {
        [
            it.name.clone(),
            kind.to_owned(),
            it.operator.clone(),
            it.role.clone(),
            it.stable_id.to_string(),
        ]
    });
    text.push_str(&print::table(["name", "kind", "operator", "role", "stable id"], rows));
    text.push('\n');
    show("config.check", &text, &ids_of_coalition(coalition), &[], as_json)
}

fn ids_of(organism: &Organism) -> Vec<(&'static str, String)> {
    vec![
        ("stable id", organism.stable_id().to_string()),
        ("content hash", organism.content_hash().to_string()),
        ("output surface", organism.output_surface_id().to_string()),
    ]
}

fn ids_of_coalition(coalition: &Coalition) -> Vec<(&'static str, String)> {
    vec![
        ("coalition id", coalition.coalition_id().to_string()),
        ("coalition root", coalition.root().to_string()),
        ("document fingerprint", coalition.document_fingerprint().to_string()),
        ("ticket issuer root", coalition.ticket_issuer_root().to_string()),
    ]
}

fn show(
    schema: &str,
    text: &str,
    ids: &[(&'static str, String)],
    warnings: &[String],
    as_json: bool,
) -> Result<(), Failure> {
    if as_json {
        #[derive(Serialize)]
        struct Told<'a> {
            #[serde(flatten)]
            ids: std::collections::BTreeMap<String, &'a str>,
            warnings: &'a [String],
        }
        let ids = ids.iter().map(|(name, id)| (name.replace(' ', "_"), id.as_str())).collect();
        return print::json(schema, &Told { ids, warnings });
    }
    let mut text = text.to_owned();
    for (name, id) in ids {
        text.push_str(&format!("{name:<21} {id}\n"));
    }
    print::text(&text)?;
    for warning in warnings {
        print::note(&format!("warning: {warning}"));
    }
    Ok(())
}

fn stall_in_words(policy: &MemberPolicy) -> String {
    match policy.on_stall {
        OnStall::Hold => "hold".to_owned(),
        OnStall::Skip => "skip".to_owned(),
        OnStall::Carry { carry_for, then: Then::Hold } => format!("carry {carry_for}, then hold"),
        OnStall::Carry { carry_for, then: Then::Skip } => format!("carry {carry_for}, then skip"),
    }
}

use std::path::Path;

use holobiont_attestation::{EventLog, Measurements, Quote};
use holobiont_enclave::{Registers, Roots};
use holobiont_identity::pins::{
    self, ImportedPin, MAX_IMPORT_BYTES, Measurement, Pin, PlatformKind, RtmrRule,
};
use serde_json::json;

use crate::cli::{Measure, MeasureDiff, MeasureImport, MeasureShow};
use crate::failure::Failure;
use crate::quote_file::{MAX_FILE_BYTES, QuoteFile, wrong};
use crate::text::count;
use crate::{files, print};

pub(super) fn run(command: &Measure, as_json: bool) -> Result<(), Failure> {
    match command {
        Measure::Local { system_root } => local(system_root, as_json),
        Measure::Show(args) => show(args, as_json),
        Measure::Diff(args) => diff(args, as_json),
        Measure::Import(args) => import(args, as_json),
    }
}

fn local(system_root: &Path, as_json: bool) -> Result<(), Failure> {
    let roots = Roots::under(system_root);
    let now = Registers::new(&roots).read()?;
    let [rtmr0, rtmr1, rtmr2, rtmr3] = now.rtmr;
    let rows = [
        ("mrtd", now.mrtd),
        ("rtmr0", rtmr0),
        ("rtmr1", rtmr1),
        ("rtmr2", rtmr2),
        ("rtmr3", rtmr3),
        ("mrconfigid", now.mrconfigid),
        ("mrowner", now.mrowner),
        ("mrownerconfig", now.mrownerconfig),
    ]
    .map(|(name, value)| (name, value.to_string()));
    if as_json {
        let registers: std::collections::BTreeMap<_, _> = rows.into_iter().collect();
        return print::json("measure.local", &json!({ "registers": registers }));
    }
    print::text(&lines(&rows))?;
    print::note(
        "as this kernel shows them: to prove them to somebody, `holobiont quote --purpose inspect`",
    );
    Ok(())
}

fn show(args: &MeasureShow, as_json: bool) -> Result<(), Failure> {
    let read = QuoteFile::read(&args.file)?;
    let quote =
        Quote::parse(&read.evidence.quote).map_err(|error| wrong(&args.file, error.to_string()))?;
    let measured = quote.measurements();
    let rows = registers(measured);
    let pin = match (&args.label, args.platform) {
        (Some(label), Some(platform)) => Some(pin_of(label, platform, measured)),
        _ => None,
    };
    if as_json {
        let registers: std::collections::BTreeMap<_, _> = rows.into_iter().collect();
        let pins = pin.map(|pin| pins::to_toml(&[pin]));
        return print::json("measure.show", &json!({ "registers": registers, "pins": pins }));
    }
    match pin {
        None => print::text(&lines(&rows)),
        Some(pin) => {
            print::note("not verified: pin only what you have built, or have verified");
            print::text(&pins::to_toml(&[pin]))
        }
    }
}

fn pin_of(label: &str, platform: PlatformKind, measured: &Measurements) -> Pin {
    let rtmr = measured.rtmr.map(Measurement);
    let mut pin = Pin::new(label, platform, Measurement(measured.mrtd), rtmr, measured.xfam);
    pin.mrconfigid = Measurement(measured.mrconfigid);
    pin.mrowner = Measurement(measured.mrowner);
    pin.mrownerconfig = Measurement(measured.mrownerconfig);
    pin.td_attributes = measured.td_attributes;
    pin.rtmr = rtmr.map(RtmrRule::Exact);
    pin
}

/// One side of a comparison: registers by name, and the log that explains them.
struct Side {
    registers: Vec<(&'static str, String)>,
    log: Option<EventLog>,
}

impl Side {
    /// Of what `holobiont quote` wrote, a bare quote, or a bare event log.
    fn read(file: &Path) -> Result<Self, Failure> {
        let bytes = files::read_bytes(file, MAX_FILE_BYTES)?;
        let parsed = |log: &[u8]| EventLog::parse(log).map_err(|it| wrong(file, it.to_string()));
        let read = QuoteFile::parse(&bytes).map_err(|what| wrong(file, what))?;
        match Quote::parse(&read.evidence.quote) {
            Ok(quote) => Ok(Self {
                registers: registers(quote.measurements()),
                log: read.evidence.event_log.as_deref().map(parsed).transpose()?,
            }),
            Err(_) if read.binding.is_none() => {
                let log = parsed(&bytes)?;
                let names = ["rtmr0", "rtmr1", "rtmr2", "rtmr3"].into_iter();
                let registers = names.zip(log.replay().map(hex::encode)).collect();
                Ok(Self { registers, log: Some(log) })
            }
            Err(error) => Err(wrong(file, error.to_string())),
        }
    }
}

fn diff(args: &MeasureDiff, as_json: bool) -> Result<(), Failure> {
    let (left, right) = (Side::read(&args.left)?, Side::read(&args.right)?);
    let differing: Vec<(&str, &str, &str)> = left
        .registers
        .iter()
        .filter_map(|(name, value)| {
            let (_, other) = right.registers.iter().find(|(it, _)| it == name)?;
            (value != other).then_some((*name, value.as_str(), other.as_str()))
        })
        .collect();
    let events = match (&left.log, &right.log) {
        (Some(left), Some(right)) => Some(left.diff(right)),
        _ => None,
    };
    if as_json {
        let registers: Vec<_> = differing
            .iter()
            .map(|(name, left, right)| json!({ "register": name, "left": left, "right": right }))
            .collect();
        let events = events.as_ref().map(|events| {
            let event = |it: &holobiont_attestation::EventDifference| {
                json!({ "rtmr": it.rtmr, "first": it.first, "label": it.label(), "text": it.to_string() })
            };
            events.iter().map(event).collect::<Vec<_>>()
        });
        let told = json!({ "registers": registers, "events": events });
        return print::json("measure.diff", &told);
    }
    if differing.is_empty() && events.as_ref().is_none_or(Vec::is_empty) {
        return print::text("no difference in what both have\n");
    }
    let mut text = String::new();
    for (name, left, right) in &differing {
        text.push_str(&format!("{name}\n  {left}\n  {right}\n"));
    }
    match &events {
        None => text.push_str("\nno event log on both sides: which event differs cannot be told\n"),
        Some(events) if events.is_empty() => {}
        Some(events) => {
            text.push('\n');
            for event in events {
                let first = if event.first { "  (the first one of its register)" } else { "" };
                text.push_str(&format!("{event}{first}\n"));
            }
        }
    }
    print::text(&text)
}

fn import(args: &MeasureImport, as_json: bool) -> Result<(), Failure> {
    let limit_bytes = u64::try_from(MAX_IMPORT_BYTES).unwrap_or(u64::MAX);
    let text = files::read_text(&args.file, limit_bytes)?;
    let imported =
        pins::import_flashbots(&text).map_err(|error| wrong(&args.file, error.to_string()))?;
    let sets: Vec<Pin> = imported.iter().filter_map(|it| it.set.as_ref().ok().cloned()).collect();
    if as_json {
        let records: Vec<_> = imported.iter().map(record).collect();
        let told = json!({ "records": records, "pins": pins::to_toml(&sets) });
        print::verdict("measure.import", !sets.is_empty(), &told)?;
    } else {
        for it in &imported {
            told(it);
        }
        print::text(&pins::to_toml(&sets))?;
        let all = u64::try_from(imported.len()).unwrap_or(u64::MAX);
        let whole = u64::try_from(sets.len()).unwrap_or(u64::MAX);
        print::note(&format!("{} of {}", count(whole, "whole set"), count(all, "record")));
    }
    if sets.is_empty() {
        let what = "has no record that is a whole set of measurements".to_owned();
        return Err(Failure::Reported(Box::new(wrong(&args.file, what))));
    }
    Ok(())
}

fn record(imported: &ImportedPin) -> serde_json::Value {
    let refused = imported.set.as_ref().err();
    let refused = refused.map(|gaps| gaps.iter().map(ToString::to_string).collect::<Vec<_>>());
    json!({
        "record": imported.record,
        "id": imported.id,
        "refused": refused,
        "assumed": imported.assumed,
    })
}

fn told(imported: &ImportedPin) {
    let name = format!("record {} ({})", imported.record, imported.id);
    match &imported.set {
        Ok(_) => {
            for assumed in &imported.assumed {
                print::note(&format!("{name}: assumed {assumed}"));
            }
        }
        Err(gaps) => {
            for gap in gaps {
                print::note(&format!("{name}: left out, {gap}"));
            }
        }
    }
}

fn registers(measured: &Measurements) -> Vec<(&'static str, String)> {
    let [rtmr0, rtmr1, rtmr2, rtmr3] = measured.rtmr;
    let long = [
        ("mrtd", measured.mrtd),
        ("rtmr0", rtmr0),
        ("rtmr1", rtmr1),
        ("rtmr2", rtmr2),
        ("rtmr3", rtmr3),
        ("mrconfigid", measured.mrconfigid),
        ("mrowner", measured.mrowner),
        ("mrownerconfig", measured.mrownerconfig),
    ]
    .map(|(name, value)| (name, hex::encode(value)));
    let short = [("td_attributes", measured.td_attributes), ("xfam", measured.xfam)]
        .map(|(name, value)| (name, hex::encode(value)));
    long.into_iter().chain(short).collect()
}

fn lines(rows: &[(&'static str, String)]) -> String {
    rows.iter().map(|(name, value)| format!("{name:<14}{value}\n")).collect()
}

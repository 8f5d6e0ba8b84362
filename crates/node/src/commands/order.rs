use std::path::Path;

use holobiont_committee::{MAX_ORDER_FILE_BYTES, SeedKey, SignedOrder, Signer as _};
use holobiont_identity::{OrderFile, Organism};
use holobiont_policy::Order;
use serde_json::json;

use crate::cli::{Order as Command, OrderMerge, OrderSend, OrderSign};
use crate::failure::Failure;
use crate::http::Asking;
use crate::run::seed;
use crate::text::count;
use crate::{files, print};

pub(super) fn run(command: &Command, as_json: bool) -> Result<(), Failure> {
    match command {
        Command::Sign(args) => sign(args, as_json),
        Command::Merge(args) => merge(args, as_json),
        Command::Send(args) => send(args, as_json),
    }
}

fn sign(args: &OrderSign, as_json: bool) -> Result<(), Failure> {
    let (organism, _) = files::organism(&args.organism)?;
    let source = files::config_text(&args.file)?;
    let order = OrderFile::parse(&source, &organism)
        .map_err(|error| Failure::config(&args.file, &source, error))?;
    let key = SeedKey::from_seed(&seed(&args.key)?).map_err(Failure::unexpected)?;
    let operator = operator(&organism, &key.public(), &args.key)?;
    let OrderFile { sequence, expires_s, action, replaces } = order;
    let order = Order {
        organism: organism.stable_id(),
        sequence,
        expires_ms: expires_s.map(|seconds| seconds.saturating_mul(1_000)),
        action,
    };
    let signed = SignedOrder::sign(order, replaces, operator, &key);
    write(&args.out, &signed, &organism, as_json)
}

/// The place of the operator whose key this is.
fn operator(organism: &Organism, key: &[u8; 32], file: &Path) -> Result<u16, Failure> {
    let place = organism.acl.operators.iter().position(|operator| operator.key == *key);
    place.and_then(|place| u16::try_from(place).ok()).ok_or_else(|| Failure::Policy {
        file: file.to_owned(),
        what: format!(
            "is the key {}, which no operator of {} has",
            hex::encode(key),
            organism.name
        ),
        help: "the keys that may sign are in [acl] of organism.toml",
    })
}

fn merge(args: &OrderMerge, as_json: bool) -> Result<(), Failure> {
    let mut merged: Option<SignedOrder> = None;
    for file in &args.files {
        let order = read(file)?;
        merged = Some(match merged {
            Some(merged) => merged.merge(order)?,
            None => order,
        });
    }
    let Some(merged) = merged else {
        return Err(Failure::Usage { what: "nothing to merge".to_owned(), help: "name files" });
    };
    files::replace(&args.out, merged.to_json().as_bytes())?;
    let signatures = merged.signatures.len();
    if as_json {
        return print::json("order.merged", &json!({ "file": args.out, "signatures": signatures }));
    }
    let signatures = count(signatures.try_into().unwrap_or(u64::MAX), "signature");
    print::text(&format!("{}: order {}, {signatures}\n", args.out.display(), merged.order.sequence))
}

fn write(
    out: &Path,
    signed: &SignedOrder,
    organism: &Organism,
    as_json: bool,
) -> Result<(), Failure> {
    files::replace(out, signed.to_json().as_bytes())?;
    let need = organism.acl.orders_need;
    if as_json {
        let told = json!({ "file": out, "sequence": signed.order.sequence, "needs": need });
        return print::json("order.signed", &told);
    }
    print::text(&format!(
        "{}: order {}, 1 signature of the {need} that {} asks for\n",
        out.display(),
        signed.order.sequence,
        organism.name
    ))
}

fn send(args: &OrderSend, as_json: bool) -> Result<(), Failure> {
    let order = read(&args.file)?;
    let asking = Asking::new(&args.url)?;
    // The node says so where it has given it to the committee before.
    let known = asking.post("/v1/orders", &order.to_json())? == 200;
    let sequence = order.order.sequence;
    if as_json {
        let told = json!({ "sequence": sequence, "url": args.url, "known": known });
        return print::json("order.sent", &told);
    }
    if known {
        return print::text(&format!("order {sequence} was given to the committee before\n"));
    }
    print::text(&format!("order {sequence} is on its way into the committee's log\n"))
}

fn read(file: &Path) -> Result<SignedOrder, Failure> {
    let limit_bytes = u64::try_from(MAX_ORDER_FILE_BYTES).unwrap_or(u64::MAX);
    Ok(SignedOrder::from_json(&files::read_text(file, limit_bytes)?)?)
}

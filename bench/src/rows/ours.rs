use super::{Sets, fetch_hash, ours};
use crate::contender::{Contender, Seen};
use crate::ours::{cross_feed, empty, sealed, surfaces, unverified, verified};
use crate::prepare::{Expected, Set, rates_reading};
use crate::{BenchError, peers};

use holobiont_surface::{Access, ReadOptions};

/// Rows of a scenario of seeded records.
pub(super) fn seeded<'a>(sets: &'a Sets, set: &'a Set, expected: Expected) -> Vec<Contender<'a>> {
    let mut rows = scans(sets, set, expected);
    for (cores, words, threads) in sets.cores() {
        let mut row = replay(set, expected, verified(threads));
        row.name = format!("replay-{cores}");
        row.title = format!("replay of a log of cuts, one member, heads checked, {words}");
        row.against = vec![fetch_hash(cores)];
        if cores == "all-cores" {
            row.against.extend(peers::all().iter().map(|peer| super::peer_row_name(peer.name())));
        }
        rows.push(row);
    }
    if sets.is_main {
        rows.extend(merges(sets));
    }
    rows
}

/// Rows of the ECB's rates.
pub(super) fn ecb<'a>(sets: &'a Sets, set: &'a Set, expected: Expected) -> Vec<Contender<'a>> {
    let mut rows = Vec::new();
    for (cores, words, threads) in sets.cores() {
        let mut row = replay(set, expected, rates_reading(threads));
        row.name = format!("replay-{cores}");
        row.title = format!("replay of a log of cuts, empty program, heads checked, {words}");
        row.against = vec![fetch_hash(cores)];
        rows.push(row);
    }
    for (cores, words, threads) in sets.cores() {
        let out = sets.scratch.as_path();
        let run = move || {
            let surfaces = surfaces(&set.organism, &set.surfaces, rates_reading(threads))?;
            let head = cross_feed(&set.organism, &surfaces, &set.cuts, out)?;
            Ok(Seen::Head(head.map_or_else(String::new, |head| head.hash.to_string())))
        };
        let title = format!("replay with cross-feed, published to a surface, {words}");
        let mut row = ours(format!("cross-feed-{cores}"), title, expected, Box::new(run));
        row.expected = Seen::Head(sets.head.clone().unwrap_or_default());
        let same = if threads == 1 { "replay-1-core" } else { "replay-all-cores" };
        row.against = vec![fetch_hash(cores), same];
        row.before = Some(Box::new(move || remove(out)));
        rows.push(row);
    }
    rows
}

fn scans<'a>(sets: &'a Sets, set: &'a Set, expected: Expected) -> Vec<Contender<'a>> {
    let Some(member) = set.organism.members.first() else { return Vec::new() };
    let dir = move || set.surfaces.join(&member.name);
    let mut rows = Vec::new();
    let add = |name: String, title: String, reading: ReadOptions| {
        let run = move || Ok(Seen::Sum(crate::ours::scan(&dir(), reading.clone())?));
        ours(name, title, expected, Box::new(run))
    };
    for (cores, words, threads) in sets.cores() {
        let title = format!("verified scan, {words}");
        let mut row = add(format!("scan-{cores}"), title, verified(threads));
        row.against = vec![fetch_hash(cores)];
        row.against.extend((threads > 1).then_some("scan-1-core"));
        rows.push(row);
    }
    let mut seal =
        add("scan-seal".to_owned(), "scan with --verify seal, 1 core".to_owned(), sealed());
    seal.checks = "CRC-32C of every record".to_owned();
    seal.against = vec!["fetch-hash-1-core", "scan-1-core"];
    rows.push(seal);
    for (name, title, access) in [
        ("scan-none", "scan with --verify none, 1 core", Access::Read),
        ("scan-none-mapped", "scan with --verify none of the mapped file, 1 core", Access::Mapped),
    ] {
        let mut row = add(name.to_owned(), title.to_owned(), unverified(access));
        row.checks = "nothing".to_owned();
        row.against = vec!["mapped-casts"];
        rows.push(row);
    }
    if sets.is_main {
        let (cores, words, threads) = sets.cores().last().unwrap_or(("1-core", String::new(), 1));
        let title = format!("verified scan of a cold file, {words}");
        let mut row = add(format!("cold-scan-{cores}"), title, verified(threads));
        row.against = vec!["direct"];
        row.before = Some(Box::new(move || crate::cold::make_cold(&files(&dir())?)));
        row.after = Some(Box::new(move || crate::cold::warm(&files(&dir())?)));
        rows.push(row);
    }
    rows
}

fn merges(sets: &Sets) -> impl Iterator<Item = Contender<'_>> {
    let all = sets.sets.iter();
    all.flat_map(move |(set, expected)| {
        sets.cores().map(move |(cores, words, threads)| {
            let run = move || {
                let surfaces = surfaces(&set.organism, &set.surfaces, verified(threads))?;
                Ok(Seen::Sum(empty(&set.organism, &surfaces, &set.cuts, false)?))
            };
            let members = set.organism.members.len();
            let title = format!("verified merge of {members}, empty fold, {words}");
            let name = format!("merge-{members}-{cores}");
            let mut row = ours(name, title, *expected, Box::new(run));
            let same = if threads == 1 { "scan-1-core" } else { "scan-all-cores" };
            row.against = vec![fetch_hash(cores), same];
            row
        })
    })
}

/// A replay of the set's log of cuts with the empty program, heads checked.
fn replay(set: &Set, expected: Expected, reading: ReadOptions) -> Contender<'_> {
    let run = move || {
        let surfaces = surfaces(&set.organism, &set.surfaces, reading.clone())?;
        Ok(Seen::Sum(empty(&set.organism, &surfaces, &set.cuts, true)?))
    };
    let mut row = ours("", "", expected, Box::new(run));
    row.checks = "blake3 of every window, and every head agreed on".to_owned();
    row
}

fn files(dir: &std::path::Path) -> Result<Vec<std::path::PathBuf>, BenchError> {
    let surface = holobiont_surface::Surface::open(dir)?;
    Ok(surface.segments().map(|segment| segment.file.clone()).collect())
}

fn remove(dir: &std::path::Path) -> Result<Option<String>, BenchError> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(BenchError::io(dir, "removing")(error))
        }
        _ => Ok(None),
    }
}

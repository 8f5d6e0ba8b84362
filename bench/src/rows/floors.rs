use super::Sets;
use crate::contender::{Contender, Run, Seen};
use crate::layout::Layout;
use crate::prepare::Expected;
use crate::report::Kind;
use crate::{Which, cold, floors};

const HASHED: &str = "blake3 of every window";
const CRC: &str = "CRC-32C of every window";
const NOTHING: &str = "nothing";

/// Rows of the machine's limits: all of them, but for the ECB's few bytes only *fetch + hash*.
pub(super) fn rows<'a>(
    sets: &'a Sets,
    layout: &'a Layout,
    expected: Expected,
) -> Vec<Contender<'a>> {
    let mut rows = hashing(sets, layout, expected);
    if sets.which == Which::Ecb {
        rows.retain(|row| row.name.starts_with("fetch-hash"));
        return rows;
    }
    rows.extend(copying(layout, expected));
    if sets.is_main {
        rows.extend([1, 4].map(|depth| direct(layout, depth, expected)));
    }
    rows
}

fn hashing<'a>(sets: &'a Sets, layout: &'a Layout, expected: Expected) -> Vec<Contender<'a>> {
    let mut rows = Vec::new();
    for (cores, words, threads) in sets.cores() {
        let run = move || floors::fetch_and_hash(layout, threads).map(Seen::Bytes);
        let title = format!("read and hash every window, {words}");
        rows.push(row(format!("fetch-hash-{cores}"), title, HASHED, expected, Box::new(run)));
    }
    for (cores, words, threads) in sets.cores() {
        let run = move || floors::hash(layout, threads).map(Seen::Bytes);
        let title = format!("blake3 of the windows in memory, {words}");
        rows.push(row(format!("hash-{cores}"), title, HASHED, expected, Box::new(run)));
    }
    rows
}

fn copying(layout: &Layout, expected: Expected) -> [Contender<'_>; 4] {
    let crc = move || floors::crc(layout).map(Seen::Bytes);
    let copy = move || floors::copy(layout).map(Seen::Bytes);
    let read = move || floors::read(layout).map(Seen::Bytes);
    let casts = move || floors::casts(layout).map(Seen::Sum);
    let row = |name: &str, title: &str, checks, run| {
        row(name.to_owned(), title.to_owned(), checks, expected, run)
    };
    let mut casts =
        row("mapped-casts", "zerocopy casts over the mapped file", NOTHING, Box::new(casts));
    casts.expected = Seen::Sum(expected.sum);
    [
        row("crc32c", "CRC-32C of the windows in memory", CRC, Box::new(crc)),
        row("memory-copy", "copy within memory", NOTHING, Box::new(copy)),
        row("read", "read from the page cache", NOTHING, Box::new(read)),
        casts,
    ]
}

fn direct(layout: &Layout, depth: usize, expected: Expected) -> Contender<'_> {
    let run = move || floors::direct(layout, depth).map(Seen::Bytes);
    let title = format!("O_DIRECT reads of 1 MiB, {depth} under way");
    let mut row = row(format!("direct-{depth}"), title, NOTHING, expected, Box::new(run));
    row.before = Some(Box::new(move || cold::make_cold(&layout.paths())));
    row.after = Some(Box::new(move || cold::warm(&layout.paths())));
    row
}

fn row<'a>(
    name: String,
    title: String,
    checks: &str,
    expected: Expected,
    run: Run<'a>,
) -> Contender<'a> {
    Contender {
        name,
        title,
        kind: Kind::Floor,
        checks: checks.to_owned(),
        records: expected.sum.records,
        bytes: expected.stored_bytes,
        against: Vec::new(),
        expected: Seen::Bytes(expected.stored_bytes),
        before: None,
        after: None,
        run,
    }
}

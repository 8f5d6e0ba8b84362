//! Whatever happens to the files, `verify` and `audit` name it, and nothing panics.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Ran, copy, demo, holobiont};

/// A fixed sequence of numbers that look random.
struct Sample(u64);

impl Sample {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

struct Damaged {
    dir: tempfile::TempDir,
    files: Vec<PathBuf>,
}

impl Damaged {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(&demo().root, dir.path());
        let mut files = Vec::new();
        for member in fs::read_dir(dir.path().join("surfaces")).unwrap() {
            for file in fs::read_dir(member.unwrap().path()).unwrap() {
                files.push(file.unwrap().path());
            }
        }
        files.sort();
        Self { dir, files }
    }

    fn verify(&self, file: &Path) -> Ran {
        let member = file.parent().unwrap().to_str().unwrap();
        holobiont(self.dir.path(), &["surface", "verify", member])
    }

    fn audit(&self) -> Ran {
        let args =
            ["audit", "--organism", "organism.toml", "--surfaces", "surfaces", "--against", "out"];
        holobiont(self.dir.path(), &args)
    }
}

fn is_named(ran: &Ran, file: &Path) {
    let member = file.parent().unwrap().file_name().unwrap().to_str().unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    ran.tells(&[member, name, "is damaged at byte"]);
}

#[test]
fn a_flipped_byte_anywhere_is_named_with_its_file() {
    let world = Damaged::new();
    let mut sample = Sample(41);
    for round in 0..80 {
        let file = &world.files[sample.below(world.files.len())];
        let whole = fs::read(file).unwrap();
        let at = sample.below(whole.len());
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << sample.below(8);
        fs::write(file, &bytes).unwrap();
        is_named(&world.verify(file).expect(5), file);
        if round % 8 == 0 {
            is_named(&world.audit().expect(5), file);
        }
        fs::write(file, &whole).unwrap();
    }
    world.audit().expect(0);
}

#[test]
fn records_that_were_durable_and_are_cut_off_are_missed() {
    let world = Damaged::new();
    let mut sample = Sample(2026);
    let segments: Vec<&PathBuf> =
        world.files.iter().filter(|file| file.extension().is_some_and(|it| it == "open")).collect();
    for round in 0..24 {
        let file = segments[sample.below(segments.len())];
        let whole = fs::read(file).unwrap();
        let end = if round % 2 == 0 { whole.len() - 1 } else { sample.below(whole.len()) };
        fs::write(file, &whole[..end]).unwrap();
        let ran = world.verify(file).expect(5);
        ran.tells(&["is damaged at byte"]);
        if round % 8 == 0 {
            world.audit().expect(5);
        }
        fs::write(file, &whole).unwrap();
    }
}

#[test]
fn swapped_and_repeated_records_are_named() {
    let world = Damaged::new();
    let file = world.dir.path().join("surfaces/USD/00000000000000000000.open");
    let whole = fs::read(&file).unwrap();
    // After the 128-byte header every record is 40 bytes: a header of 32, a value of at most 8.
    let record = |nth: usize| 128 + 40 * nth..128 + 40 * (nth + 1);
    for (one, other) in [(10, 11), (255, 256), (3_000, 5_000)] {
        let mut swapped = whole.clone();
        swapped[record(one)].copy_from_slice(&whole[record(other)]);
        swapped[record(other)].copy_from_slice(&whole[record(one)]);
        fs::write(&file, swapped).unwrap();
        is_named(&world.verify(&file).expect(5), &file);
        let mut repeated = whole.clone();
        repeated[record(other)].copy_from_slice(&whole[record(one)]);
        fs::write(&file, repeated).unwrap();
        is_named(&world.verify(&file).expect(5), &file);
        is_named(&world.audit().expect(5), &file);
    }
}

#[test]
fn a_whole_surface_with_another_history_diverges_at_a_named_cut() {
    let world = Damaged::new();
    let rates = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/euro-fx/eurofxref-hist.csv");
    let csv = fs::read_to_string(rates).unwrap();
    assert!(csv.contains("\n2010-01-04,1.4389,"));
    fs::write(
        world.dir.path().join("forged.csv"),
        csv.replace("\n2010-01-04,1.4389,", "\n2010-01-04,1.4390,"),
    )
    .unwrap();
    let import = [
        "surface",
        "import",
        "forged.csv",
        "--clock-column",
        "Date",
        "--clock",
        "days",
        "--stable-id",
        "ecb.euro-fx.",
        "--out",
        "forged",
    ];
    holobiont(world.dir.path(), &import).expect(0);
    let usd = world.dir.path().join("surfaces/USD");
    fs::remove_dir_all(&usd).unwrap();
    copy(&world.dir.path().join("forged/USD"), &usd);
    holobiont(world.dir.path(), &["surface", "verify", "surfaces"]).expect(0);
    let ran = world.audit().expect(7);
    ran.tells(&["cut 2813", "member USD has another history", "at record 2816"]);
}

#[test]
fn what_stands_beside_the_commits_is_audited_too() {
    let world = Damaged::new();
    let change = |name: &str, from: &str, to: &str| {
        let file = world.dir.path().join(name);
        let whole = fs::read_to_string(&file).unwrap();
        assert!(whole.contains(from), "{from}");
        fs::write(&file, whole.replacen(from, to, 1)).unwrap();
        let audit = world.audit();
        let explain =
            holobiont(world.dir.path(), &["explain", "--against", "out", "--surfaces", "surfaces"]);
        fs::write(&file, whole).unwrap();
        (audit, explain)
    };
    let (audit, explain) = change("out/organism.toml", "normal = 880", "normal = 600");
    audit.expect(7).tells(&["out/organism.toml has content hash"]);
    explain.expect(3).tells(&["was written under content hash"]);
    let (audit, _) = change("out/summary.json", "\"commits_normal\": 5", "\"commits_normal\": 6");
    audit.expect(7).tells(&["summary.json", "differs from what was computed: commits normal"]);
}

#[test]
fn a_damaged_output_or_log_is_named() {
    let world = Damaged::new();
    let mut sample = Sample(7);
    for name in ["out/surface/00000000000000000000.open", "out/cuts.log", "out/summary.json"] {
        let file = world.dir.path().join(name);
        let whole = fs::read(&file).unwrap();
        for _ in 0..2 {
            let mut bytes = whole.clone();
            let at = match name {
                // Somewhere in the head's hex digits.
                "out/summary.json" => {
                    let text = String::from_utf8(whole.clone()).unwrap();
                    text.find("\"output_head\": \"").unwrap() + 16 + sample.below(60)
                }
                _ => sample.below(whole.len()),
            };
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            fs::write(&file, &bytes).unwrap();
            let ran = world.audit();
            let expected = if name == "out/summary.json" { 7 } else { 5 };
            ran.expect(expected).tells(&[file.file_name().unwrap().to_str().unwrap()]);
        }
        fs::write(&file, &whole).unwrap();
    }
}

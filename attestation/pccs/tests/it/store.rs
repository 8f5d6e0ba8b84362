//! The directory: what it keeps, gives, refuses and forgets.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Barrier;

use holobiont_attestation::{Collateral, Marks, PckCa};
use holobiont_attestation_pccs::{
    BundleError, CollateralDirectory, Freshness, KEPT_SETS, MAX_BUNDLE_BYTES, MAX_PLATFORMS,
    StoreError, bundle, freshness,
};
use tempfile::TempDir;

use crate::sets::{self, changed, evaluated, window_s};

const DAY_S: u64 = 86_400;

fn directory() -> (TempDir, CollateralDirectory) {
    let temporary = tempfile::tempdir().unwrap();
    let directory = CollateralDirectory::open(temporary.path().join("collateral")).unwrap();
    (temporary, directory)
}

fn ids(directory: &CollateralDirectory) -> Vec<String> {
    directory.list().unwrap().iter().map(|stored| stored.id.to_string()).collect()
}

/// The one file of a directory that keeps one set.
fn only_file(directory: &CollateralDirectory) -> PathBuf {
    let files = walk(directory.path());
    let mut sets = files.into_iter().filter(|file| file.extension().is_some_and(|it| it == "json"));
    let only = sets.next().unwrap();
    assert_eq!(sets.next(), None);
    only
}

fn walk(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn a_set_is_kept_under_its_content_once_and_found_again() {
    let (_temporary, directory) = directory();
    let set = sets::simulated();
    let id = directory.add(&set).unwrap();
    assert_eq!(directory.add(&set).unwrap(), id);
    assert_eq!(id, set.id());
    assert_eq!(directory.get(&id).unwrap(), set);
    assert!(only_file(&directory).ends_with(format!("{id}.json")));

    let again = CollateralDirectory::open(directory.path()).unwrap();
    assert_eq!(ids(&again), [id.to_string()]);
    let unknown = changed(&set, "\"version\":3", "\"version\": 3").id();
    assert!(matches!(again.get(&unknown), Err(StoreError::Unknown { id, .. }) if id == unknown));
}

#[test]
fn a_directory_that_must_be_there_is_not_made() {
    let (temporary, directory) = directory();
    let id = directory.add(&sets::simulated()).unwrap();
    assert_eq!(ids(&CollateralDirectory::existing(directory.path()).unwrap()), [id.to_string()]);
    let nowhere = temporary.path().join("colateral");
    let error = CollateralDirectory::existing(&nowhere).unwrap_err();
    assert!(matches!(error, StoreError::Io { path, .. } if path == nowhere));
    assert!(!nowhere.exists());
}

#[test]
fn the_newest_is_the_one_with_the_highest_number_that_is_valid() {
    let (_temporary, directory) = directory();
    let set = sets::simulated();
    let (from_s, until_s) = window_s(&set);
    let newer = evaluated(&set, 1);
    let older = evaluated(&set, -1);
    for it in [&older, &newer, &set] {
        directory.add(it).unwrap();
    }
    let newest = |now_s| directory.newest(set.fmspc(), set.ca(), now_s);
    assert_eq!(newest(from_s).unwrap(), newer);
    assert_eq!(newest(until_s).unwrap(), newer);
    let all = directory.usable(set.fmspc(), set.ca(), until_s).unwrap();
    assert_eq!(all, [newer.clone(), set.clone(), older]);
    assert_eq!(directory.list().unwrap()[0].id, newer.id());

    let error = newest(until_s + 1).unwrap_err();
    assert!(matches!(error, StoreError::NoneValid { newest: Freshness::Expired { .. }, .. }));
    let error = newest(from_s - 1).unwrap_err();
    assert!(matches!(error, StoreError::NoneValid { newest: Freshness::NotYetValid { .. }, .. }));
    let elsewhere = directory.newest([9; 6], set.ca(), from_s).unwrap_err();
    assert!(matches!(elsewhere, StoreError::Missing { .. }), "{elsewhere}");
}

#[test]
fn freshness_follows_each_artefact_and_warns_ahead() {
    let (_temporary, directory) = directory();
    let set = sets::simulated();
    let first = set.artefacts().iter().min_by_key(|it| it.next_update_s).unwrap();
    let (from_s, until_s) = window_s(&set);
    let ahead_s = ((until_s - first.issued_s) / 5).min(14 * DAY_S);
    assert!(from_s < until_s - ahead_s, "the simulated set has a while to live");

    directory.add(&set).unwrap();
    let at = |now_s| directory.freshness(set.fmspc(), set.ca(), now_s).unwrap();
    let artefact = first.name;
    assert_eq!(at(until_s - ahead_s - 1), Freshness::Fresh { artefact, until_s });
    assert_eq!(at(until_s - ahead_s), Freshness::Warn { artefact, until_s });
    assert_eq!(at(until_s), Freshness::Warn { artefact, until_s });
    assert_eq!(at(until_s + 1), Freshness::Expired { artefact, since_s: until_s });
    assert!(at(until_s + 1).to_string().contains(artefact));
    assert!(matches!(at(from_s - 1), Freshness::NotYetValid { from_s: got, .. } if got == from_s));
}

#[test]
fn real_sets_end_when_their_documents_do() {
    let Some(set) = sets::real("derived/near-mpc-collateral.json") else { return };
    // 2026-09-11T23:57:43Z: the QE identity's end comes first of the documents'.
    let (until_s, name) = set.expires();
    assert!(freshness(&set, until_s).is_usable());
    assert_eq!(
        freshness(&set, until_s + 1),
        Freshness::Expired { artefact: name, since_s: until_s }
    );
}

#[test]
fn a_damaged_file_is_refused_by_name_and_never_skipped() {
    let (_temporary, directory) = directory();
    let set = sets::simulated();
    let id = directory.add(&set).unwrap();
    let file = only_file(&directory);
    let good = fs::read(&file).unwrap();
    let other = changed(&set, "\"version\":3", "\"version\": 3").to_json();
    let cases: [(&str, Vec<u8>); 5] = [
        ("cut short", good[..good.len() / 2].to_vec()),
        ("empty", Vec::new()),
        ("another set's", other.into_bytes()),
        ("no text", vec![0xff; 10]),
        ("too long", [good.clone(), vec![b' '; 400_000]].concat()),
    ];
    for (what, bytes) in cases {
        fs::write(&file, bytes).unwrap();
        let (from_s, _) = window_s(&set);
        let errors = [
            directory.list().map(|_| ()).unwrap_err(),
            directory.get(&id).map(|_| ()).unwrap_err(),
            directory.newest(set.fmspc(), set.ca(), from_s).map(|_| ()).unwrap_err(),
            directory.add(&evaluated(&set, 1)).map(|_| ()).unwrap_err(),
        ];
        for error in errors {
            let named = matches!(&error, StoreError::Damaged { path, .. } if *path == file);
            assert!(named, "{what}: {error}");
        }
    }
}

#[test]
fn a_set_in_another_platforms_directory_is_refused() {
    let (_temporary, directory) = directory();
    let set = sets::simulated();
    directory.add(&set).unwrap();
    let home = only_file(&directory).parent().unwrap().to_owned();
    let away = directory.path().join("0123456789ab-processor");
    fs::rename(home, &away).unwrap();
    let error = directory.list().unwrap_err();
    assert!(matches!(error, StoreError::Damaged { path, .. } if path.starts_with(&away)));
}

#[test]
fn what_was_left_of_a_write_that_a_crash_ended_is_not_a_set() {
    let (_temporary, directory) = directory();
    let set = sets::simulated();
    let id = directory.add(&set).unwrap();
    let half = only_file(&directory).with_extension("partial");
    fs::write(half, b"{\"tcb_info\":").unwrap();
    assert_eq!(ids(&directory), [id.to_string()]);
    assert_eq!(directory.add(&set).unwrap(), id);
}

#[test]
fn the_set_that_ends_first_makes_place() {
    let (_temporary, directory) = directory();
    let set = sets::simulated();
    // The highest number of all, and the first to end.
    let first = sets::ending(&evaluated(&set, 100), "2027-01-16T00:00:00Z");
    assert!(first.expires().0 < set.expires().0);
    directory.add(&first).unwrap();
    for number in 0..i64::try_from(KEPT_SETS).unwrap() {
        directory.add(&evaluated(&set, number)).unwrap();
    }
    let kept = directory.list().unwrap();
    assert_eq!(kept.len(), KEPT_SETS);
    assert!(kept.iter().all(|stored| stored.id != first.id()));

    // Where all end together, the one with the lowest number goes.
    directory.add(&evaluated(&set, 99)).unwrap();
    let unknown = directory.get(&set.id()).unwrap_err();
    assert!(matches!(unknown, StoreError::Unknown { .. }), "{unknown}");
}

#[test]
fn a_directory_of_too_many_platforms_takes_no_more() {
    let (_temporary, directory) = directory();
    for at in 0..MAX_PLATFORMS {
        fs::create_dir(directory.path().join(format!("{at:012x}-platform"))).unwrap();
    }
    let error = directory.add(&sets::simulated()).unwrap_err();
    assert!(matches!(error, StoreError::Full { limit: MAX_PLATFORMS, .. }), "{error}");
}

#[test]
fn one_file_carries_sets_to_another_node() {
    let (temporary, directory) = directory();
    let set = sets::simulated();
    let newer = evaluated(&set, 1);
    let ids = [directory.add(&set).unwrap(), directory.add(&newer).unwrap()];
    let file = temporary.path().join("bundle.json");
    directory.export(&ids, &file).unwrap();

    let (_elsewhere, other) = self::directory();
    assert_eq!(other.import(&file).unwrap(), ids);
    assert_eq!(other.get(&newer.id()).unwrap(), newer);

    fs::write(&file, set.to_json()).unwrap();
    let (_elsewhere, third) = self::directory();
    assert_eq!(third.import(&file).unwrap(), [set.id()], "one set alone, as others write it");
}

#[test]
fn a_real_set_as_other_programs_write_it_is_taken_in() {
    let name = "derived/near-mpc-collateral.json";
    let Some(set) = sets::real(name) else { return };
    let (temporary, directory) = directory();
    let file = temporary.path().join("set.json");
    fs::write(&file, sets::real_text(name).unwrap()).unwrap();
    assert_eq!(directory.import(&file).unwrap(), [set.id()]);
    assert_eq!(directory.get(&set.id()).unwrap().id(), set.id());
    assert_eq!(set.ca(), PckCa::Platform);
}

#[test]
fn a_bad_file_imports_nothing() {
    let (temporary, directory) = directory();
    let set = sets::simulated();
    let file = temporary.path().join("bundle.json");
    let cases = [
        (b"{}".to_vec(), "its set 1 is no collateral"),
        (b"[]".to_vec(), "it holds 0 sets"),
        (format!("[{}, {{}}]", set.to_json()).into_bytes(), "its set 2 is no collateral"),
        (format!("[{}", set.to_json()).into_bytes(), "neither a set"),
        (vec![b' '; 10], "neither a set"),
        (format!("[{}0]", "0,".repeat(70)).into_bytes(), "it holds 71 sets"),
    ];
    for (bytes, why) in cases {
        fs::write(&file, bytes).unwrap();
        let error = directory.import(&file).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(matches!(error, StoreError::Import { path, .. } if path == file));
    }
    fs::write(&file, vec![b' '; MAX_BUNDLE_BYTES + 1]).unwrap();
    assert!(matches!(directory.import(&file), Err(StoreError::Damaged { .. })));
    fs::remove_file(&file).unwrap();
    assert!(matches!(directory.import(&file), Err(StoreError::Io { .. })));
    assert_eq!(ids(&directory), [""; 0]);

    let long = vec![b' '; MAX_BUNDLE_BYTES + 1];
    let error = holobiont_attestation_pccs::unbundle(&long).unwrap_err();
    assert_eq!(error, BundleError::TooLong { size_bytes: long.len() });
    assert_eq!(holobiont_attestation_pccs::unbundle(bundle([&set]).as_bytes()).unwrap(), [set]);
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    const WRITERS: usize = 4;
    let (_temporary, directory) = directory();
    let set = sets::simulated();
    let all: Vec<Collateral> = (0..10).map(|number| evaluated(&set, number)).collect();
    let together = Barrier::new(WRITERS);
    let write = || {
        let mut errors = Vec::new();
        for (it, floor_s) in all.iter().zip(1..) {
            together.wait();
            errors.extend(directory.add(it).err());
            together.wait();
            errors.extend(directory.raise_marks(&Marks::at_least(floor_s)).err());
        }
        errors
    };
    let errors: Vec<StoreError> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(write)).collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(directory.list().unwrap().len(), all.len());
    assert_eq!(directory.marks().unwrap().floor_s(), 10);
}

#[test]
fn marks_are_kept_and_only_go_up() {
    let (_temporary, directory) = directory();
    assert_eq!(directory.marks().unwrap(), Marks::default());
    let high = Marks::at_least(1_800_000_000);
    assert_eq!(directory.raise_marks(&high).unwrap(), high);
    assert_eq!(directory.raise_marks(&Marks::at_least(1_700_000_000)).unwrap(), high);
    let again = CollateralDirectory::open(directory.path()).unwrap();
    assert_eq!(again.marks().unwrap(), high);
    assert_eq!(ids(&again), [""; 0], "marks are no set");
}

#[test]
fn damaged_marks_are_refused_by_name_and_never_begun_anew() {
    let (_temporary, directory) = directory();
    let high = Marks::at_least(1_800_000_000);
    directory.raise_marks(&high).unwrap();
    let file = directory.path().join("marks.bin");
    let good = fs::read(&file).unwrap();
    let mut damages: Vec<Vec<u8>> = (0..good.len()).map(|end| good[..end].to_vec()).collect();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut flipped = good.clone();
            flipped[at] ^= 1 << bit;
            damages.push(flipped);
        }
    }
    damages.push([good.clone(), vec![0]].concat());
    for bytes in damages {
        fs::write(&file, &bytes).unwrap();
        for error in [directory.marks().unwrap_err(), directory.raise_marks(&high).unwrap_err()] {
            assert!(matches!(error, StoreError::MarksDamaged { path, .. } if path == file));
        }
        assert_eq!(fs::read(&file).unwrap(), bytes, "left as it was");
    }
    fs::write(&file, [&[9], &good[1..]].concat()).unwrap();
    assert!(directory.marks().unwrap_err().to_string().contains("its version is 9"));
    fs::write(&file, good).unwrap();
    assert_eq!(directory.marks().unwrap(), high);
}

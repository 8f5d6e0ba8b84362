//! A node's own seals: when its windows are hashed all the same, and what a seal does not find.

use std::fs;
use std::path::{Path, PathBuf};

use holobiont_identity::Digest;
use holobiont_surface::format::Seal;
use holobiont_surface::{
    Damage, ReadOptions, ReadPool, Record, SealKey, Surface, SurfaceError, SurfaceWriter, Trust,
    WindowsRead, WriterOptions,
};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::common::{SMALL, append, files, has_extension, record_offsets, surface};
use crate::history::folder;

const KEY: SealKey = SealKey::from_bytes([9; 32]);
const RECORDS: u64 = 60;

fn written() -> (TempDir, Surface) {
    let dir = folder();
    surface(dir.path(), SMALL, RECORDS, RECORDS + 2);
    let view = Surface::open(dir.path()).unwrap();
    assert!(view.segments().count() > 5 && view.segments().last().unwrap().windows > 0);
    (dir, view)
}

fn segments(surface: &Surface) -> Vec<PathBuf> {
    surface.segments().filter(|info| info.sealed).map(|info| info.file.clone()).collect()
}

fn seal_of(segment: &Path) -> PathBuf {
    segment.with_extension("seal")
}

/// How many windows are sealed, and how many are not.
fn windows(surface: &Surface) -> (u64, u64) {
    let count = |sealed| {
        let some = surface.segments().filter(|info| info.sealed == sealed);
        some.map(|info| u64::from(info.windows)).sum()
    };
    (count(true), count(false))
}

fn read(surface: &Surface, trust: Trust) -> (Result<u64, SurfaceError>, WindowsRead) {
    let pool = ReadPool::new(ReadOptions { trust, ..ReadOptions::default() }).unwrap();
    let mut cursor = surface.in_pool(&pool).unwrap().cursor(surface.earliest()).unwrap();
    let mut records = 0;
    let read = loop {
        match cursor.next_record() {
            Ok(Some(_)) => records += 1,
            Ok(None) => break Ok(records),
            Err(error) => break Err(error),
        }
    };
    (read, pool.windows_read())
}

/// What was wrong, and only that.
fn refused(surface: &Surface, trust: Trust) -> Damage {
    match read(surface, trust).0 {
        Err(SurfaceError::Damage { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn sealed_segments_have_their_crcs_checked_and_all_others_are_hashed() {
    let (_dir, view) = written();
    let (sealed, unsealed) = windows(&view);
    let hashed = |hashed, crc_checked| WindowsRead { hashed, crc_checked, unverified: 0 };
    let (all, read_before) = read(&view, Trust::Seal(KEY));
    assert_eq!((all.unwrap(), read_before), (RECORDS + 2, hashed(sealed + unsealed, 0)));

    assert_eq!(view.seal(&KEY).unwrap(), u64::try_from(segments(&view).len()).unwrap());
    let (all, read_after) = read(&view, Trust::Seal(KEY));
    assert_eq!((all.unwrap(), read_after), (RECORDS + 2, hashed(unsealed, sealed)));
    let (all, read_by_another) = read(&view, Trust::Seal(SealKey::from_bytes([8; 32])));
    assert_eq!((all.unwrap(), read_by_another), (RECORDS + 2, hashed(sealed + unsealed, 0)));
    assert_eq!(read(&view, Trust::Full).1, hashed(sealed + unsealed, 0));
    let unverified = WindowsRead { unverified: sealed + unsealed, ..WindowsRead::default() };
    assert_eq!(read(&view, Trust::None).1, unverified);

    // A verification hashes everything, whatever the pool trusts.
    for trust in [Trust::Seal(KEY), Trust::None] {
        let pool = ReadPool::new(ReadOptions { trust, ..ReadOptions::default() }).unwrap();
        let pooled = view.in_pool(&pool).unwrap();
        assert_eq!(pooled.verify(None).unwrap(), view.verify(None).unwrap());
        assert_eq!(pool.windows_read(), WindowsRead::default());
    }
}

#[test]
fn a_seal_that_is_not_this_segments_is_none() {
    let (dir, view) = written();
    view.seal(&KEY).unwrap();
    let (sealed, unsealed) = windows(&view);
    let segments = segments(&view);
    let first = view.segments().next().unwrap().windows;
    let own = fs::read(seal_of(&segments[0])).unwrap();
    let other_surface = {
        let dir = folder();
        surface(dir.path(), WriterOptions { segment_bytes: 800 }, RECORDS, RECORDS);
        let view = Surface::open(dir.path()).unwrap();
        view.seal(&KEY).unwrap();
        fs::read(seal_of(&self::segments(&view)[0])).unwrap()
    };
    let mut flipped = own.clone();
    flipped[20] ^= 1;
    let mut forged = Seal::decode(&own).unwrap();
    forged.tag = blake3::hash(&own);
    let foreign = [
        fs::read(seal_of(&segments[1])).unwrap(),
        other_surface,
        flipped,
        forged.encode(),
        own[..own.len() - 1].to_vec(),
        [own.as_slice(), &[0]].concat(),
        vec![0; 10_000],
        Vec::new(),
    ];
    for bytes in foreign {
        fs::write(seal_of(&segments[0]), &bytes).unwrap();
        let (all, counts) = read(&view, Trust::Seal(KEY));
        assert_eq!(all.unwrap(), RECORDS + 2);
        assert_eq!(counts.crc_checked, sealed - u64::from(first), "{bytes:?}");
        assert_eq!(counts.hashed, unsealed + u64::from(first));
    }
    fs::remove_file(seal_of(&segments[0])).unwrap();
    assert_eq!(read(&view, Trust::Seal(KEY)).1.crc_checked, sealed - u64::from(first));
    // One for the unsealed segment is never looked at.
    let open = view.segments().last().unwrap().file.clone();
    fs::write(seal_of(&open), &own).unwrap();
    assert_eq!(read(&view, Trust::Seal(KEY)).1.hashed, unsealed + u64::from(first));
    drop(dir);
}

#[test]
fn a_damaged_surface_is_not_sealed_at_all() {
    let (dir, view) = written();
    let last = segments(&view).last().unwrap().clone();
    let mut bytes = fs::read(&last).unwrap();
    bytes[200] ^= 1;
    fs::write(&last, bytes).unwrap();
    // Nor where the pool would not look.
    let options = ReadOptions { trust: Trust::None, ..ReadOptions::default() };
    let pooled = view.in_pool(&ReadPool::new(options).unwrap()).unwrap();
    for surface in [&view, &pooled] {
        assert!(surface.seal(&KEY).unwrap_err().is_damage());
        assert!(files(dir.path()).iter().all(|path| !has_extension(path, "seal")));
    }
}

/// A changed bit is found under a seal by its CRC. A forger who puts that right is found by none
/// but a full verification.
#[test]
fn under_a_seal_rot_is_found_and_a_forger_is_not() {
    let (_dir, view) = written();
    view.seal(&KEY).unwrap();
    for segment in segments(&view) {
        let bytes = fs::read(&segment).unwrap();
        let offsets = record_offsets(&bytes);
        for at in offsets[0]..*offsets.last().unwrap() {
            let mut rotten = bytes.clone();
            rotten[at] ^= 0x04;
            fs::write(&segment, rotten).unwrap();
            let (sealed, full) = (refused(&view, Trust::Seal(KEY)), refused(&view, Trust::Full));
            assert_eq!(sealed, full, "{at}");
        }
        for record in offsets.windows(2).filter(|record| record[1] - record[0] > 32) {
            let mut forged = bytes.clone();
            let stored = &mut forged[record[0]..record[1]];
            stored[32] ^= 0x04;
            let crc = crc32c::crc32c_append(crc32c::crc32c(&stored[..4]), &stored[8..]);
            stored[4..8].copy_from_slice(&crc.to_le_bytes());
            assert!(Record::decode(stored).unwrap().crc_holds());
            fs::write(&segment, &forged).unwrap();
            assert_eq!(read(&view, Trust::Seal(KEY)).0.unwrap(), RECORDS + 2);
            assert_eq!(refused(&view, Trust::Full), Damage::WindowDigest);
            assert!(view.verify(None).unwrap_err().is_damage());
        }
        fs::write(&segment, bytes).unwrap();
    }
    assert_eq!(read(&view, Trust::Full).0.unwrap(), RECORDS + 2);
}

#[test]
fn retention_takes_seals_with_their_segments() {
    let (dir, view) = written();
    view.seal(&KEY).unwrap();
    let seals = || -> Vec<_> {
        files(dir.path()).into_iter().filter(|path| has_extension(path, "seal")).collect()
    };
    let (mut writer, _) = SurfaceWriter::open(dir.path(), SMALL).unwrap();
    assert_eq!(seals().len(), segments(&view).len());
    let retained = writer.retain_from(30).unwrap();
    assert!(retained.dropped_segments > 1);
    let kept = Surface::open(dir.path()).unwrap();
    let expected: Vec<_> = segments(&kept).iter().map(|path| seal_of(path)).collect();
    assert_eq!(seals(), expected);
    append(&mut writer, RECORDS + 2..RECORDS + 4);
    drop(writer);

    // A retention that stopped after it had said what is kept: the next writer finishes it.
    let first = segments(&kept)[0].clone();
    let name = |seq: u64| dir.path().join(format!("{seq:020}.segment"));
    fs::copy(&first, name(0)).unwrap();
    fs::copy(seal_of(&first), seal_of(&name(0))).unwrap();
    fs::copy(seal_of(&first), seal_of(&name(8))).unwrap();
    SurfaceWriter::open(dir.path(), SMALL).unwrap();
    assert_eq!(seals(), expected);
    assert!(!name(0).exists());
    let kept = Surface::open(dir.path()).unwrap();
    assert!(read(&kept, Trust::Seal(KEY)).1.crc_checked > 0);
}

proptest! {
    #[test]
    fn seals_round_trip_and_nothing_else_is_one(tag in any::<[u8; 32]>(), at in 0..72_usize, mask in 1..=255_u8) {
        let seal = Seal { tag: tag.into() };
        let bytes = seal.encode();
        prop_assert_eq!(bytes.len(), 72);
        prop_assert_eq!(Seal::decode(&bytes), Ok(seal));
        prop_assert!(Seal::decode(&bytes[..at]).is_err());
        let mut changed = bytes.clone();
        changed[at] ^= mask;
        prop_assert!(Seal::decode(&changed).is_err());
        let (content, _) = bytes.split_at(40);
        // Longer, with the hash at its end right.
        let longer = [content, &[0]].concat();
        let longer = [longer.as_slice(), Digest::of(&longer).as_bytes()].concat();
        prop_assert!(Seal::decode(&longer).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_no_seal(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Seal::decode(&bytes).is_err());
    }
}

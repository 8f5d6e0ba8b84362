use holobiont_identity::UniqueId;
use holobiont_surface::Surface;

use super::{casts, copy, crc, direct, fetch_and_hash, hash, read};
use crate::layout::{Layout, as_u64};
use crate::ours::{scan, verified};
use crate::prepare::{Expected, write_member};
use crate::{BenchError, Sizes, Workload};

#[test]
fn every_floor_goes_over_the_same_bytes_as_a_reader() {
    let dir = tempfile::tempdir().unwrap();
    for (name, sizes, records) in
        [("zipf", Sizes::Zipf, 5_000), ("fixed", Sizes::Fixed(63), 2_560), ("one", Sizes::Zipf, 1)]
    {
        let surface = dir.path().join(name);
        let workload = Workload { seed: 5, member: 0, records, sizes };
        write_member(&surface, UniqueId::from_name("floors"), &workload, 100).unwrap();
        let expected = Expected::of(&[workload]);
        let layout = Layout::of(std::slice::from_ref(&surface)).unwrap();
        let seen = [
            copy(&layout),
            crc(&layout),
            read(&layout),
            hash(&layout, 1),
            hash(&layout, 3),
            fetch_and_hash(&layout, 1),
            fetch_and_hash(&layout, 3),
        ];
        for seen in seen {
            assert_eq!(seen.unwrap(), expected.stored_bytes);
        }
        assert_eq!(casts(&layout).unwrap(), expected.sum);
        assert_eq!(scan(&surface, verified(1)).unwrap(), expected.sum);
        match direct(&layout, 2) {
            Ok(seen) => assert_eq!(seen, expected.stored_bytes),
            Err(BenchError::Unmeasurable { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn the_windows_are_those_of_the_surface() {
    let dir = tempfile::tempdir().unwrap();
    let workload = Workload { seed: 5, member: 0, records: 5_000, sizes: Sizes::Fixed(1024) };
    write_member(dir.path(), UniqueId::from_name("windows"), &workload, 100).unwrap();
    let layout = Layout::of(&[dir.path().to_owned()]).unwrap();
    let windows: usize = layout.blocks.iter().map(|block| block.windows.len()).sum();
    let verified = Surface::open(dir.path()).unwrap().verify(None).unwrap();
    assert_eq!((as_u64(windows), verified.windows), (20, 20));
}

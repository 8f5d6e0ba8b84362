//! Files from anywhere, and names in a directory.

use holobiont_attestation_pccs::{CollateralDirectory, bundle, unbundle};
use proptest::prelude::*;

use crate::sets;

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_bundle_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(unbundle(&bytes).is_err());
    }

    #[test]
    fn a_bundle_reads_back_and_its_beginning_does_not(count in 1..5_i64, cut in any::<prop::sample::Index>()) {
        let set = sets::simulated();
        let all: Vec<_> = (0..count).map(|number| sets::evaluated(&set, number)).collect();
        let text = bundle(&all);
        prop_assert_eq!(unbundle(text.as_bytes()).unwrap(), all);
        let end = cut.index(text.trim_end().len());
        prop_assert!(unbundle(&text.as_bytes()[..end]).is_err());
    }

    #[test]
    fn a_changed_byte_gives_another_name_or_nothing(at in any::<prop::sample::Index>(), bit in 0..8) {
        let set = sets::simulated();
        let mut bytes = bundle([&set]).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        if let Ok(read) = unbundle(&bytes) {
            // What reads as the same set says the same: hex digits' case, white space.
            prop_assert!(read.iter().all(|it| it.id() != set.id() || it.parts() == set.parts()));
        }
    }

    #[test]
    fn files_of_other_names_are_nobodys(name in "[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,39}") {
        let temporary = tempfile::tempdir().unwrap();
        let directory = CollateralDirectory::open(temporary.path()).unwrap();
        std::fs::write(temporary.path().join(&name), b"x").unwrap();
        prop_assert!(directory.list().unwrap().is_empty());
    }
}

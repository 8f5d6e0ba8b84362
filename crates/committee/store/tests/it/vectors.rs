//! The files of a small log, byte for byte, so that another implementation can be held to them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use holobiont_committee_store::{
    Disk, Flush, Live, LogOptions, NodeSnapshot, Payload, SignedJournal, SimulatedDisk,
    SnapshotFiles,
};
use holobiont_identity::Digest;
use openraft::Membership;
use openraft::entry::EntryPayload;
use openraft::storage::RaftLogStorage;
use openraft::type_config::TypeConfigExt;

use crate::common::{LogEntry, append, log_id, open};

#[test]
fn the_files_are_what_they_were() {
    let disk = SimulatedDisk::new(0);
    let options = LogOptions { flush: Flush::Inline, segment_bytes: 240, cache_bytes: 0 };
    let (mut store, _) = open(&disk, options).unwrap();
    let shared = Arc::new(disk.clone());
    let mut journal = SignedJournal::open(Arc::clone(&shared)).unwrap();
    let voters = [3, 1 << 40].into_iter().collect();
    let payloads = [
        EntryPayload::Membership(Membership::new_with_defaults(vec![voters], [])),
        EntryPayload::Blank,
        EntryPayload::Normal(Payload(b"command".to_vec())),
        EntryPayload::Normal(Payload(Vec::new())),
    ];
    let mut entries = (0..).zip([0, 1, 1, 2]).zip(payloads);
    Live::run(async {
        store.save_vote(&openraft::Vote::new_committed(2, 1 << 40)).await.unwrap();
        for ((index, term), payload) in &mut entries {
            let entry = LogEntry { log_id: log_id(term, index), payload };
            append(&mut store, [entry]).await.unwrap();
            store.save_committed(Some(log_id(term, index))).await.unwrap();
        }
    });
    journal.prune(6).unwrap();
    journal.record(6, &Digest::of("six")).unwrap();
    journal.record_all(&[(7, Digest::of("seven")), (8, Digest::of("eight"))]).unwrap();
    let snapshot = NodeSnapshot {
        last_log: (1, 2),
        membership: vec![0xaa],
        machine: vec![0xbb, 0xbc],
        replay: Vec::new(),
        certificate: vec![0xcc],
    };
    SnapshotFiles::open(shared).unwrap().save(&snapshot).unwrap();

    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let names = disk.list().unwrap();
    assert_eq!(names.len(), 6, "{names:?}");
    for name in names {
        let bytes = disk.read_all(&name, 1 << 20).unwrap().unwrap();
        let vector = fs::read_to_string(vectors.join(format!("{name}.hex"))).unwrap_or_default();
        assert_eq!(hex::encode(bytes), vector.trim(), "{name}");
    }
}

//! Golden vectors: the bytes of each format, for other implementations to check themselves against.
//!
//! A surface of six records in three windows of two; the first two windows are a sealed segment.

use std::fs;
use std::path::{Path, PathBuf};

use holobiont_identity::UniqueId;
use holobiont_surface::format::{Mark, Seal, SegmentFooter, SegmentHeader, Start};
use holobiont_surface::{
    EvidenceItem, Genesis, NewRecord, Record, SealKey, Surface, SurfaceWriter, WriterOptions,
};

const FILES: [&str; 5] =
    ["genesis", "start", "mark", "00000000000000000000.segment", "00000000000000000004.open"];

fn vector(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "vectors", name].iter().collect();
    let text = fs::read_to_string(&path);
    text.unwrap_or_else(|error| panic!("{name}: {error}")).trim().to_owned()
}

fn bytes(name: &str) -> Vec<u8> {
    hex::decode(vector(&format!("{name}.hex"))).unwrap()
}

fn genesis() -> Genesis {
    let mut genesis = Genesis::new(UniqueId::from_bytes([0x11; 32]));
    genesis.window_records = 2;
    genesis.max_window_bytes = 4096;
    genesis.signing_key = Some([0x22; 32]);
    genesis
}

fn write(dir: &Path) {
    let options = WriterOptions { segment_bytes: 160 };
    let mut writer = SurfaceWriter::create(dir, genesis(), options).unwrap();
    for seq in 0..6_u64 {
        let payload: Vec<u8> = (0..u8::try_from(seq * 3).unwrap()).collect();
        let record = NewRecord {
            clock: 100 + seq,
            closes_clock: seq % 2 == 0,
            time_ms: 0x0102_0304_0506 + seq,
            kind: 7,
            payload: &payload,
        };
        writer.append(record).unwrap();
    }
    writer.sync().unwrap();
}

#[test]
fn a_writer_gives_exactly_these_files() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    assert_eq!(crate::common::files(dir.path()).len(), FILES.len());
    for name in FILES {
        let written = hex::encode(fs::read(dir.path().join(name)).unwrap());
        assert_eq!(written, vector(&format!("{name}.hex")), "{name}");
    }
}

#[test]
fn these_files_are_a_surface_with_these_heads() {
    let dir = tempfile::tempdir().unwrap();
    for name in FILES {
        fs::write(dir.path().join(name), bytes(name)).unwrap();
    }
    let view = Surface::open(dir.path()).unwrap();
    assert_eq!(view.genesis(), &genesis());
    assert_eq!(view.verify(None).unwrap().windows, 3);
    let heads = (0..6).map(|seq| view.head_at(seq).unwrap());
    let heads: Vec<_> = heads.map(|head| format!("{} {}", head.seq, head.hash)).collect();
    assert_eq!(heads.join("\n"), vector("heads.txt"));

    let item: EvidenceItem = postcard::from_bytes(&bytes("evidence")).unwrap();
    assert_eq!(item, view.prove(1, 4).unwrap());
    assert_eq!(postcard::to_stdvec(&item).unwrap(), bytes("evidence"));
    let head = view.head_at(4).unwrap();
    assert_eq!(item.verify(1, &head, &genesis()).unwrap().payload(), &[0, 1, 2]);
}

#[test]
fn single_formats() {
    assert_eq!(genesis().encode(), bytes("genesis-bytes"));
    assert_eq!(Genesis::decode(&bytes("genesis-bytes")).unwrap(), genesis());
    assert_eq!(genesis().chain_start().to_string(), vector("chain-start.hex"));

    let record = bytes("record");
    let record = Record::decode(&record).unwrap();
    assert!(record.crc_holds());
    assert_eq!((record.seq(), record.clock(), record.kind()), (1, 101, 7));
    assert_eq!((record.time_ms(), record.payload()), (0x0102_0304_0507, &[0, 1, 2][..]));
    assert_eq!((record.closes_clock(), record.closed_clock()), (false, Some(100)));

    let segment = bytes("00000000000000000000.segment");
    let header = SegmentHeader::decode(&segment).unwrap();
    assert_eq!(header, SegmentHeader::new(&genesis(), 0, genesis().chain_start()));
    assert_eq!(segment[..128], bytes("segment-header"));
    let footer = bytes("segment-footer");
    assert!(segment.ends_with(&footer));
    assert_eq!(SegmentFooter::decode(&footer).unwrap().encode(), footer);

    assert_eq!(Mark::decode(&bytes("mark")).unwrap().0.unwrap().seq, 5);
    let start = Start::decode(&bytes("start")).unwrap();
    assert_eq!((start.first_seq, start.previous_clock), (0, None));
}

/// The seal of the first segment with the key of 32 bytes 0x33.
#[test]
fn a_seal_is_exactly_this_file() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let key = [0x33; 32];
    let sealed = Surface::open(dir.path()).unwrap().seal(&SealKey::from_bytes(key)).unwrap();
    assert_eq!(sealed, 1);
    let written = fs::read(crate::common::only(dir.path(), "seal")).unwrap();
    assert_eq!(hex::encode(&written), vector("seal.hex"));

    let footer = blake3::hash(&bytes("segment-footer"));
    let genesis = blake3::hash(&genesis().encode());
    let parts = [b"holobiont-seal|\x01", genesis.as_bytes().as_slice(), &[0; 8], footer.as_bytes()];
    let tag = blake3::keyed_hash(&key, &parts.concat());
    assert_eq!(Seal::decode(&written).unwrap(), Seal { tag });
}

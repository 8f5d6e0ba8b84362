use holobiont_identity::framing::{Framed, FramedReader, FramingError};
use proptest::prelude::*;

#[test]
fn the_bytes_are_those_of_the_specification() {
    let mut framed = Framed::new();
    framed.u8(1).u32(2).u64(3).fixed([9, 9]).blob("ab").count(1).option(true).option(false);
    let bytes = [
        &[1][..],
        &[2, 0, 0, 0],
        &[3, 0, 0, 0, 0, 0, 0, 0],
        &[9, 9],
        &[2, 0, 0, 0],
        b"ab",
        &[1, 0, 0, 0],
        &[1],
        &[0],
    ]
    .concat();
    assert_eq!(framed.as_bytes(), bytes);
    assert_eq!(framed.digest().as_bytes(), blake3::hash(&bytes).as_bytes());
}

#[test]
fn each_refusal_says_where() {
    let read = |bytes: &[u8]| FramedReader::new(bytes).blob(4).map(<[u8]>::to_vec);
    assert_eq!(read(&[1, 0]), Err(FramingError::Truncated { at: 0, wanted: 4 }));
    assert_eq!(read(&[3, 0, 0, 0, 1]), Err(FramingError::Truncated { at: 4, wanted: 3 }));
    let too_long = FramingError::TooLong { at: 0, got: 5, limit: 4 };
    assert_eq!(read(&[5, 0, 0, 0, 1, 2, 3, 4, 5]), Err(too_long));

    let mut reader = FramedReader::new(&[2, 0]);
    assert_eq!(reader.option(), Err(FramingError::NotAFlag { at: 0, got: 2 }));
    assert_eq!(reader.finish(), Err(FramingError::Trailing { at: 1, left: 1 }));
}

#[test]
fn the_length_that_stands_for_too_long_is_never_read() {
    let bytes = u32::MAX.to_le_bytes();
    assert!(FramedReader::new(&bytes).count(u32::MAX).is_err());
}

#[derive(Debug, Clone)]
enum Item {
    U8(u8),
    U32(u32),
    U64(u64),
    Fixed([u8; 5]),
    Blob(Vec<u8>),
    Option(bool),
}

impl Item {
    fn write(&self, framed: &mut Framed) {
        match self {
            Self::U8(value) => framed.u8(*value),
            Self::U32(value) => framed.u32(*value),
            Self::U64(value) => framed.u64(*value),
            Self::Fixed(bytes) => framed.fixed(bytes),
            Self::Blob(bytes) => framed.blob(bytes),
            Self::Option(present) => framed.option(*present),
        };
    }

    /// Whether the reader gives this very item.
    fn is_next(&self, reader: &mut FramedReader<'_>) -> Result<bool, FramingError> {
        Ok(match self {
            Self::U8(value) => reader.u8()? == *value,
            Self::U32(value) => reader.u32()? == *value,
            Self::U64(value) => reader.u64()? == *value,
            Self::Fixed(bytes) => reader.fixed()? == *bytes,
            Self::Blob(bytes) => reader.blob(64)? == bytes,
            Self::Option(present) => reader.option()? == *present,
        })
    }
}

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        any::<u8>().prop_map(Item::U8),
        any::<u32>().prop_map(Item::U32),
        any::<u64>().prop_map(Item::U64),
        any::<[u8; 5]>().prop_map(Item::Fixed),
        prop::collection::vec(any::<u8>(), 0..64).prop_map(Item::Blob),
        any::<bool>().prop_map(Item::Option),
    ]
}

fn read_all(items: &[Item], bytes: &[u8]) -> Result<bool, FramingError> {
    let mut reader = FramedReader::new(bytes);
    let mut same = true;
    for item in items {
        same &= item.is_next(&mut reader)?;
    }
    reader.finish()?;
    Ok(same)
}

proptest! {
    #[test]
    fn what_is_written_is_read(items in prop::collection::vec(item(), 1..20), cut in any::<usize>()) {
        let mut framed = Framed::new();
        items.iter().for_each(|item| item.write(&mut framed));
        let mut bytes = framed.into_bytes();
        prop_assert_eq!(read_all(&items, &bytes), Ok(true));
        prop_assert!(read_all(&items, &bytes[..cut % bytes.len()]).is_err(), "truncated");
        bytes.push(0);
        prop_assert!(read_all(&items, &bytes).is_err(), "trailing");
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        items in prop::collection::vec(item(), 0..20),
        bytes in prop::collection::vec(any::<u8>(), 0..256),
    ) {
        let _ = read_all(&items, &bytes);
    }
}

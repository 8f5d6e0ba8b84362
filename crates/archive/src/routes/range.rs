use std::ops::Range;

/// What a `Range` header asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// Everything: there is no header, or one that RFC 9110 has a server ignore.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that are not there.
    Unsatisfiable,
}

impl Asked {
    /// One range of bytes of something of this length. Several are ignored: whoever wants them asks
    /// for one after the other.
    pub(super) fn read(header: Option<&str>, length: u64) -> Self {
        let Some(range) = header.and_then(|it| it.trim().strip_prefix("bytes=")) else {
            return Self::Whole;
        };
        let Some((first, last)) = range.split_once('-') else {
            return Self::Whole;
        };
        let (start, end) = match (number(first), number(last)) {
            (Some(Some(first)), Some(Some(last))) if first <= last => {
                (first, last.saturating_add(1).min(length))
            }
            (Some(Some(first)), Some(None)) => (first, length),
            (Some(None), Some(Some(suffix))) => (length.saturating_sub(suffix), length),
            _ => return Self::Whole,
        };
        match start < end {
            true => Self::Part(start..end),
            false => Self::Unsatisfiable,
        }
    }
}

/// A number, nothing, or neither.
fn number(text: &str) -> Option<Option<u64>> {
    match text.trim() {
        "" => Some(None),
        digits if digits.bytes().all(|it| it.is_ascii_digit()) => digits.parse().ok().map(Some),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        let read = |header| Asked::read(Some(header), 100);
        assert_eq!(read("bytes=0-9"), Asked::Part(0..10));
        assert_eq!(read("bytes=90-"), Asked::Part(90..100));
        assert_eq!(read("bytes=90-1000"), Asked::Part(90..100));
        assert_eq!(read("bytes=-10"), Asked::Part(90..100));
        assert_eq!(read("bytes=-1000"), Asked::Part(0..100));
        for unsatisfiable in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(read(unsatisfiable), Asked::Unsatisfiable, "{unsatisfiable}");
        }
        for ignored in
            ["", "bytes=", "bytes=-", "bytes=9-0", "bytes=0-1,4-5", "lines=0-1", "bytes=a-b"]
        {
            assert_eq!(read(ignored), Asked::Whole, "{ignored}");
        }
        assert_eq!(Asked::read(None, 100), Asked::Whole);
        assert_eq!(Asked::read(Some("bytes=0-"), 0), Asked::Unsatisfiable);
        assert_eq!(read("bytes=18446744073709551615-18446744073709551615"), Asked::Unsatisfiable);
        assert_eq!(read("bytes=99999999999999999999-"), Asked::Whole);
    }
}

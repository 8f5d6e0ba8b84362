//! The golden vectors: `key = value` lines, `#` for remarks.

/// The `(key, value)` pairs of a vector file.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(" = ").expect("a vector line is `key = value`"))
}

/// Fails with the whole file as it should be where a vector differs.
pub(crate) fn assert_frozen(file: &str, frozen: &str, now: &[(&str, String)]) {
    let now: Vec<(&str, &str)> = now.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let wanted: Vec<(&str, &str)> = pairs(frozen).collect();
    assert_eq!(wanted, now, "{file} is frozen: a change of it is a change of the format");
}

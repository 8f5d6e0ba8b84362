use holobiont_surface::{Record, Surface};

use super::Verdict;

/// All nodes publish the same bytes, up to the end of the shortest of them.
///
/// Source: the issue's *What must hold* (every committee ends with one output head); SPEC 4.
pub(crate) fn outputs_equal(outputs: &[(String, Surface)]) -> Verdict {
    let Some(((first_name, first), others)) = outputs.split_first() else { return Ok(()) };
    for (name, other) in others {
        let end = first.next_seq().min(other.next_seq());
        let from = first.earliest().max(other.earliest());
        let unreadable = |error| format!("an output cannot be read: {error}");
        let mut one = first.cursor(from).map_err(unreadable)?;
        let mut two = other.cursor(from).map_err(unreadable)?;
        for seq in from..end {
            let ours = one.next_record().map_err(unreadable)?;
            let theirs = two.next_record().map_err(unreadable)?;
            let parts = |record: Record<'_>| (*record.header(), record.payload().to_vec());
            if ours.map(parts) != theirs.map(parts) {
                return Err(format!("{first_name} and {name} publish different records {seq}"));
            }
        }
        if one.head() != two.head() {
            return Err(format!("{first_name} and {name} have different heads before {end}"));
        }
    }
    Ok(())
}

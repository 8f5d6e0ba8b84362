//! How far the organism may go: a function of the members' holds.

use crate::member::Hold;

/// The watermark that these holds allow, and whether any member drives it at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The least closed clock of the members that drive, before any cap.
    pub(crate) driven: Option<u64>,
    /// `driven`, no further than the caps.
    pub(crate) watermark: Option<u64>,
    /// At least one member holds the watermark with its own clock.
    pub(crate) is_driven: bool,
}

/// Only members with a clock of their own move the watermark. A carried member that will be waited
/// for later can stop it, never pull it to a clock that no record has reached.
pub(crate) fn candidate(holds: impl Iterator<Item = Hold>) -> Candidate {
    let mut is_driven = false;
    let mut waits = false;
    let mut driven: Option<u64> = None;
    let mut cap = u64::MAX;
    for hold in holds {
        match hold {
            Hold::None => {}
            Hold::Caps(clock) => cap = cap.min(clock),
            Hold::Drives(closed) => {
                is_driven = true;
                match closed {
                    None => waits = true,
                    Some(clock) => driven = Some(driven.map_or(clock, |least| least.min(clock))),
                }
            }
        }
    }
    if waits {
        driven = None;
    }
    Candidate { driven, watermark: driven.map(|clock| clock.min(cap)), is_driven }
}

/// The middle value; of an even number the lower one. None of nothing.
pub(crate) fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    let middle = values.len().checked_sub(1)? / 2;
    values.get(middle).copied()
}

/// The median of these ascending values once one of them, `own`, is left out; of all where it is
/// none of them.
pub(crate) fn median_without(ascending: &[u64], own: Option<u64>) -> Option<u64> {
    let left_out = own.and_then(|own| ascending.binary_search(&own).ok());
    let rest = ascending.len().saturating_sub(usize::from(left_out.is_some()));
    let middle = rest.checked_sub(1)? / 2;
    let is_past = left_out.is_some_and(|left_out| left_out <= middle);
    ascending.get(middle.saturating_add(usize::from(is_past))).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_median_without_one_is_that_of_the_others(
            mut values in proptest::collection::vec(0_u64..9, 1..12),
            own in any::<proptest::sample::Index>(),
        ) {
            let own = own.index(values.len());
            let mut others = values.clone();
            let left_out = others.remove(own);
            values.sort_unstable();
            prop_assert_eq!(median_without(&values, None), median(values.clone()));
            prop_assert_eq!(median_without(&values, Some(left_out)), median(others));
        }
    }

    #[test]
    fn a_cap_stops_the_watermark_and_never_drives_it() {
        let only_cap = candidate([Hold::Caps(90), Hold::None].into_iter());
        assert_eq!(only_cap, Candidate { driven: None, watermark: None, is_driven: false });
        let both = candidate([Hold::Caps(90), Hold::Drives(Some(100))].into_iter());
        assert_eq!(both.driven, Some(100));
        assert_eq!(both.watermark, Some(90));
    }

    #[test]
    fn a_member_without_a_closed_clock_stops_it() {
        let both = candidate([Hold::Drives(None), Hold::Drives(Some(3))].into_iter());
        assert_eq!(both, Candidate { driven: None, watermark: None, is_driven: true });
    }

    #[test]
    fn the_median_of_an_even_number_is_the_lower_middle() {
        assert_eq!(median(vec![4, 1, 3, 2]), Some(2));
        assert_eq!(median(vec![]), None);
    }
}

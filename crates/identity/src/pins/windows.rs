//! When the pins of a surface hold, taken together.

use super::Pin;

/// The stretches of time in which no pin holds although one did before and one will after, as
/// their first and last second. Revoked pins hold never.
pub(super) fn holes(sets: &[Pin]) -> Vec<(u64, u64)> {
    let live = sets.iter().filter(|pin| pin.revoked.is_none());
    let mut windows: Vec<(u64, u64)> = live
        .map(|pin| (pin.not_before_s.unwrap_or(0), pin.not_after_s.unwrap_or(u64::MAX)))
        .collect();
    windows.sort_unstable();
    let mut holes = Vec::new();
    let mut held_until = None;
    for (first, last) in windows {
        if let Some(until) = held_until {
            let hole = (u64::saturating_add(until, 1), first.saturating_sub(1));
            if hole.0 <= hole.1 {
                holes.push(hole);
            }
        }
        held_until = held_until.max(Some(last));
    }
    holes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pins::{Measurement, PlatformKind};

    fn holes_of(windows: &[(Option<u64>, Option<u64>)]) -> Vec<(u64, u64)> {
        let pins = windows.iter().map(|(not_before_s, not_after_s)| Pin {
            not_before_s: *not_before_s,
            not_after_s: *not_after_s,
            ..Pin::new(
                "p",
                PlatformKind::Qemu,
                Measurement([1; 48]),
                [Measurement::ZERO; 4],
                [3; 8],
            )
        });
        holes(&pins.collect::<Vec<_>>())
    }

    #[test]
    fn overlapping_and_touching_windows_leave_none() {
        assert_eq!(holes_of(&[]), []);
        assert_eq!(holes_of(&[(Some(5), None), (None, Some(9))]), []);
        assert_eq!(holes_of(&[(None, Some(9)), (Some(10), Some(20))]), []);
        assert_eq!(holes_of(&[(Some(0), Some(100)), (Some(10), Some(20)), (Some(90), None)]), []);
    }

    #[test]
    fn each_hole_is_found_once() {
        assert_eq!(
            holes_of(&[(Some(12), Some(20)), (None, Some(9)), (Some(30), None)]),
            [(10, 11), (21, 29)]
        );
    }

    #[test]
    fn a_revoked_pin_fills_no_hole() {
        let register = Measurement([1; 48]);
        let pin = |not_before_s, not_after_s, revoked: Option<&str>| Pin {
            not_before_s,
            not_after_s,
            revoked: revoked.map(str::to_owned),
            ..Pin::new("p", PlatformKind::Qemu, register, [register; 4], [3; 8])
        };
        let sets =
            [pin(None, Some(9), None), pin(None, None, Some("leaked")), pin(Some(20), None, None)];
        assert_eq!(holes(&sets), [(10, 19)]);
    }
}

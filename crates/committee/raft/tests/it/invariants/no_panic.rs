use std::sync::Arc;

use super::Verdict;
use crate::host::Computer;

/// Nothing panics, whatever it is sent and wherever it stops.
///
/// Source: the issue's *Faults* ("in no case: a panic"); CONTRIBUTING, *Never fail open*.
pub(crate) fn no_panic(who: &str, computer: &Arc<Computer>) -> Verdict {
    match computer.panics().first() {
        None => Ok(()),
        Some(message) => Err(format!("{who} has panicked: {message}")),
    }
}

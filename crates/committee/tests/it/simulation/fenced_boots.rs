//! What a fenced boot writes changes nothing: a machine that never sees it ends the same.

use super::Run;
use crate::signed_log::{HELD, first_machine};

pub(super) fn must_hold(run: &Run) {
    let mut machine = first_machine();
    for (index, entry) in (1..).zip(&run.entries) {
        if !entry.is_fenced {
            machine.apply(index, &entry.payload, &*HELD).expect("nothing stops the log");
        }
    }
    // The last entry may be a fenced one: only how far the log was read differs then.
    let last = run.machine.log_index() + 1;
    let [with, without] = [run.machine.clone(), machine].map(|mut machine| {
        machine.apply(last, &[], &*HELD).expect("nothing stops the log");
        machine.snapshot()
    });
    assert_eq!(with, without, "seed {}", run.seed);
}

//! A machine restored from a snapshot at any entry, and fed the rest, is the one that went on.

use holobiont_committee::Machine;

use super::{Run, apply};
use crate::signed_log::{HELD, first_machine};

pub(super) fn must_hold(run: &Run) {
    let mut machine = first_machine();
    for (entry, effects) in run.entries.iter().zip(&run.effects) {
        let snapshot = machine.snapshot();
        machine = Machine::restore(&snapshot, &*HELD).expect("its own snapshot");
        assert_eq!(machine.snapshot(), snapshot, "seed {}", run.seed);
        assert_eq!(&apply(&mut machine, entry), effects, "seed {}", run.seed);
    }
    assert_eq!(machine.snapshot(), run.machine.snapshot(), "seed {}", run.seed);
}

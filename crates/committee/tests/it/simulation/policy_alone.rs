//! The policy commands in the effects are all that a replay needs: with them, and the configs where
//! they are taken up, it comes to the same state and log digest.

use holobiont_policy::CommitteeState;
use holobiont_replay::LogDigest;

use super::Run;
use crate::signed_log::{CONFIGS, first_machine};

pub(super) fn must_hold(run: &Run) {
    let roster = first_machine().roster().clone();
    let mut digest = LogDigest::new(&CONFIGS[0].content_hash(), &roster);
    let mut state = CommitteeState::new(&CONFIGS[0], roster);
    for (index, effects) in (1..).zip(&run.effects) {
        if let Some(command) = &effects.command {
            digest.push(index, &command.encode());
            assert_eq!(state.apply(index, command), effects.applied, "seed {}", run.seed);
        }
        if let Some(organism) = &effects.take_up {
            state.take_up(organism).expect("the machine has taken it up");
        }
    }
    assert_eq!(state.snapshot(), run.machine.policy().snapshot(), "seed {}", run.seed);
    assert_eq!(digest.digest(), run.machine.log_digest(), "seed {}", run.seed);
    assert_eq!(state.roster(), run.machine.roster(), "seed {}", run.seed);
}

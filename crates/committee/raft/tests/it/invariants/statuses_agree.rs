use std::collections::BTreeMap;

use holobiont_committee::Machine;
use holobiont_identity::Digest;
use holobiont_policy::Status;

use super::Verdict;

/// At one log index a member has one status, and the committee one policy state, whichever node is
/// asked.
///
/// Source: DESIGN, *A stall is a committed fact*; SPEC 3, *Status of a member, computed from the log
/// alone*.
#[derive(Debug, Default)]
pub(crate) struct StatusesAgree {
    at: BTreeMap<u64, (Vec<Status>, Digest, String)>,
}

impl StatusesAgree {
    pub(crate) fn saw(&mut self, who: &str, machine: &Machine) -> Verdict {
        let policy = machine.policy();
        let statuses: Vec<Status> = policy.members().iter().map(|member| member.status).collect();
        let state = Digest::of(machine.snapshot());
        let index = machine.log_index();
        let (first, first_state, whose) =
            self.at.entry(index).or_insert_with(|| (statuses.clone(), state, who.to_owned()));
        if *first != statuses {
            return Err(format!(
                "at log entry {index} {who} has the members' statuses {statuses:?}, {whose} had {first:?}"
            ));
        }
        match *first_state == state {
            true => Ok(()),
            false => Err(format!("at log entry {index} {who} has another state than {whose}")),
        }
    }
}

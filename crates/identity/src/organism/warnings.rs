use super::{Member, OnStall, Organism, Then};
use crate::pins;

/// What is legal but unwise.
pub(super) fn of(organism: &Organism) -> Vec<String> {
    let mut warnings = floor(organism);
    if organism.members.iter().all(|member| member.start.is_none()) {
        warnings.push(
            "no member has a `start`, so nothing says where the organism's clock begins: the first \
             cut waits until more than half of the members have shown a record"
                .into(),
        );
    }
    if organism.members.iter().all(may_be_skipped) {
        warnings.push(
            "every member may be skipped at a stall: commits go on while any one is left".into(),
        );
    }
    if organism.acl.operators.is_empty() {
        warnings.push(
            "[acl] lists no operators: a committee would take no order, so that a quarantined member \
             stays quarantined (`replay --orders` does not ask who gives them)"
                .into(),
        );
    }
    warnings.extend(pins::warnings(organism));
    warnings
}

fn floor(organism: &Organism) -> Vec<String> {
    let floor = organism.floor;
    let weights = organism.members.iter().map(|member| member.policy.weight);
    let all = weights.fold(0, u64::saturating_add);
    let mut warnings = Vec::new();
    if floor.halt_below > all {
        warnings.push(format!(
            "floor.halt_below is {}, above the {all} that all members weigh: nothing is ever taken",
            floor.halt_below
        ));
    }
    if floor.normal > all {
        warnings.push(format!(
            "floor.normal is {}, above the {all} that all members weigh: no commit is ever normal",
            floor.normal
        ));
    }
    if floor.normal == 0 && organism.members.len() > 1 {
        warnings.push(
            "floor.normal is 0: commits are called normal however few members they stand on".into(),
        );
    }
    warnings
}

const fn may_be_skipped(member: &Member) -> bool {
    matches!(member.policy.on_stall, OnStall::Skip | OnStall::Carry { then: Then::Skip, .. })
}

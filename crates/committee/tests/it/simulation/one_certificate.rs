//! A cut has one certificate, of what honest nodes found, by a quorum of the keys that were active.

use std::collections::{BTreeMap, BTreeSet};

use holobiont_committee::MachineEvent;

use super::{Run, apply};
use crate::signed_log::{first_machine, result};

pub(super) fn must_hold(run: &Run) {
    let seed = run.seed;
    let mut machine = first_machine();
    let mut active = BTreeSet::new();
    let mut certified = BTreeMap::new();
    let mut quorums = BTreeMap::new();
    for entry in &run.entries {
        let effects = apply(&mut machine, entry);
        if let Some(cut) = &effects.applied.cut {
            quorums.insert(cut.number, machine.certificate_quorum());
        }
        for event in effects.events {
            match event {
                MachineEvent::KeyActive { node, key } => {
                    active.insert((machine.roster().nodes()[usize::from(node)], key));
                }
                MachineEvent::Certified(certificate) => {
                    let cut = certificate.statement.cut;
                    let quorum = quorums[&cut];
                    let known =
                        certificate.verify(quorum, &|node, key| active.contains(&(*node, *key)));
                    assert_eq!(known, Ok(()), "seed {seed}");
                    let (output, state_digest) = result(&machine, cut);
                    let found = (certificate.statement.output, certificate.statement.state_digest);
                    // One node alone may lie, and a committee of one or two is it.
                    assert!(found == (output, state_digest) || quorum < 2, "seed {seed}");
                    assert!(certified.insert(cut, certificate).is_none(), "seed {seed}");
                }
                _ => {}
            }
        }
    }
}

/// How many cuts have a certificate.
pub(super) fn certified(run: &Run) -> usize {
    let events = run.effects.iter().flat_map(|effects| &effects.events);
    events.filter(|event| matches!(event, MachineEvent::Certified(_))).count()
}

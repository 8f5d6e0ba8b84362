use std::time::Duration;

use futures_util::future::join_all;
use holobiont_committee_store::{Committee, Disk};
use holobiont_identity::UniqueId;
use holobiont_policy::Roster;
use openraft::type_config::TypeConfigExt as _;

use crate::core::Core;
use crate::driving::ANSWER_MS;
use crate::rpc::{Answer, Request, Told};
use crate::{Gate, Marks, Transport};

/// How long a restarted node waits between asking the others again, in milliseconds.
const RECALL_AGAIN_MS: u64 = 250;

/// Asks the others what they know of this node's log, until enough have answered.
pub(crate) async fn recall<C: Committee, D: Disk, T: Transport>(
    core: &Core<C, D, T>,
) -> Option<Marks> {
    let (mut number, mut roster) = {
        let front = core.front.lock();
        (front.machine.roster_number(), front.machine.roster().clone())
    };
    let mut is_second = false;
    loop {
        if core.is_stopping() {
            return None;
        }
        let nodes = roster.nodes();
        let others: Vec<UniqueId> =
            nodes.iter().filter(|node| **node != core.settings.node).copied().collect();
        let needed = Gate::answers_needed(others.len().saturating_add(1));
        let answers = ask(core, &others).await;
        if core.is_stopping() {
            return None;
        }
        {
            let mut facts = core.facts();
            answers.iter().for_each(|told| facts.boots.learn(&told.boots, nodes));
        }
        // A node that was away does not know the roster that is in force now.
        let newer = answers.iter().filter(|told| told.roster_number > number);
        let newer = newer.max_by_key(|told| told.roster_number);
        if let Some(told) = newer
            && let Ok(theirs) = Roster::new(told.roster.clone())
        {
            (number, roster, is_second) = (told.roster_number, theirs, false);
            continue;
        }
        // Twice, so that of two boots that ask at the same time one hears that it is outdated: after
        // the first answers no earlier boot is heard, after the second ones no later one had asked.
        if answers.len() >= needed && !std::mem::replace(&mut is_second, true) {
            continue;
        }
        if answers.len() >= needed {
            let mut heard = Marks::default();
            answers.iter().for_each(|told| heard.raise(&told.marks));
            return Some(heard);
        }
        core.tell();
        C::sleep(Duration::from_millis(RECALL_AGAIN_MS)).await;
    }
}

async fn ask<C: Committee, D: Disk, T: Transport>(
    core: &Core<C, D, T>,
    others: &[UniqueId],
) -> Vec<Told> {
    let within = Duration::from_millis(ANSWER_MS);
    let request = Request::Recall { enrolment: core.enrolment.clone() };
    let asked = others.iter().map(|node| core.ask(*node, &request, within));
    let answers = join_all(asked).await.into_iter();
    answers
        .filter_map(|answer| match answer {
            Ok(Answer::Marks(told)) => Some(told),
            _ => None,
        })
        .collect()
}

use std::io;
use std::time::Duration;

use futures_util::future::join_all;
use holobiont_committee_store::{Committee, Disk};
use holobiont_identity::{UniqueId, versioned};
use holobiont_policy::Roster;
use openraft::type_config::TypeConfigExt as _;

use crate::anchors::Anchor;
use crate::core::Core;
use crate::driving::ANSWER_MS;
use crate::rpc::{Answer, Request, Told};
use crate::{Gate, MAX_BOOT_NUMBER, Marks, Transport, bounds};

/// The file with the number of the last boot on this disk.
const BOOT_FILE: &str = "boot";
const BOOT_FILE_VERSION: u8 = 1;
const MAX_BOOT_FILE_BYTES: u64 = 16;

/// How long a restarted node waits between asking the others again, in milliseconds.
const RECALL_AGAIN_MS: u64 = 250;
/// How long a node that asks around waits for those who do not answer, in milliseconds.
const ASK_AROUND_MS: u64 = 500;

/// Asks the others what they know of this node's log, until enough have answered.
pub(crate) async fn recall<C: Committee, D: Disk, T: Transport>(
    core: &Core<C, D, T>,
) -> Option<Marks> {
    let (mut number, mut roster) = {
        let front = core.front.lock();
        (front.machine.roster_number(), front.machine.roster().clone())
    };
    loop {
        if core.is_stopping() {
            return None;
        }
        let nodes = roster.nodes();
        let others: Vec<UniqueId> =
            nodes.iter().filter(|node| **node != core.settings.node).copied().collect();
        let needed = Gate::answers_needed(others.len().saturating_add(1));
        let answers = ask(core, &others, ANSWER_MS).await;
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
            (number, roster) = (told.roster_number, theirs);
            continue;
        }
        // Twice: the first answers give this boot its number, and whoever has answered to that number
        // hears no earlier boot, so that what is told then stays all that the node may have promised.
        if answers.len() >= needed && core.facts().boot_number == 0 {
            let next = answers.iter().map(|told| told.boots.next(&core.settings.node)).max();
            match take_number(&*core.disk, next.unwrap_or(1)) {
                Ok(number) => core.facts().boot_number = number,
                Err(error) => {
                    core.fail(format!("the number of this boot could not be kept: {error}"));
                    return None;
                }
            }
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

/// Takes a number for this boot: at least what others have told, and above that of the boot before on
/// this disk, since those others may have started just now and know of none.
fn take_number(disk: &impl Disk, told: u64) -> io::Result<u64> {
    let kept = disk.read_all(BOOT_FILE, MAX_BOOT_FILE_BYTES)?;
    let before: Result<u64, _> =
        kept.map_or(Ok(0), |kept| versioned::decode(BOOT_FILE_VERSION, &kept));
    let before = before.map_err(|_| io::Error::other("its file is not readable: remove it"))?;
    let number = told.max(before.saturating_add(1));
    if number > MAX_BOOT_NUMBER {
        let why = format!("boot {number} is more than there can be: remove its file `{BOOT_FILE}`");
        return Err(io::Error::other(why));
    }
    disk.replace(BOOT_FILE, &versioned::encode(BOOT_FILE_VERSION, &number))?;
    Ok(number)
}

async fn ask<C: Committee, D: Disk, T: Transport>(
    core: &Core<C, D, T>,
    others: &[UniqueId],
    within_ms: u64,
) -> Vec<Told> {
    let anchors = core.facts().anchors.tell(&[]);
    let request = Request::Recall { enrolment: core.enrolment.clone(), anchors };
    let within = Duration::from_millis(within_ms);
    let asked = others.iter().map(|node| ask_one(core, *node, &request, within));
    join_all(asked).await.into_iter().flatten().collect()
}

/// What a node answers is taken in at once: another may not answer at all.
async fn ask_one<C: Committee, D: Disk, T: Transport>(
    core: &Core<C, D, T>,
    node: UniqueId,
    request: &Request<C>,
    within: Duration,
) -> Option<Told> {
    let Ok(Answer::Marks(told)) = core.ask(node, request, within).await else { return None };
    if let Err(error) = bounds::marks(&told.marks) {
        tracing::error!(%node, %error, "what another node tells of its log is not taken");
        return None;
    }
    if let Ok(roster) = Roster::new(told.roster.clone()) {
        core.facts().rosters.insert(node, (told.roster_number, roster));
    }
    compare(core, node, &told.anchors);
    Some(told)
}

/// Asks every other node of the rosters known here, once.
pub(crate) async fn ask_around<C: Committee, D: Disk, T: Transport>(core: &Core<C, D, T>) {
    let mut others = core.heard_nodes();
    others.extend(core.front.lock().machine.roster().nodes());
    others.remove(&core.settings.node);
    let others: Vec<UniqueId> = others.into_iter().collect();
    ask(core, &others, ASK_AROUND_MS).await;
    core.tell();
}

/// Another node has told of its state.
pub(crate) fn compare<C: Committee, D: Disk, T>(
    core: &Core<C, D, T>,
    node: UniqueId,
    told: &[Anchor],
) {
    let differs = core.facts().anchors.hear(node, told);
    if let Some(cut) = differs {
        tracing::error!(%node, cut, "that node has another state than this one");
    }
    core.weigh();
}

#[cfg(test)]
mod tests {
    use holobiont_committee_store::SimulatedDisk;

    use super::*;

    #[test]
    fn a_boot_has_a_number_above_that_of_the_boot_before_and_at_least_what_others_tell() {
        let disk = SimulatedDisk::new(1);
        assert_eq!(take_number(&disk, 1).unwrap(), 1);
        assert_eq!(take_number(&disk, 1).unwrap(), 2, "others have forgotten it");
        assert_eq!(take_number(&disk, 9).unwrap(), 9, "the disk was rolled back");
        let disk = disk.crash();
        assert_eq!(take_number(&disk, 1).unwrap(), 10);
        let last = versioned::encode(BOOT_FILE_VERSION, &MAX_BOOT_NUMBER);
        disk.replace(BOOT_FILE, &last).unwrap();
        assert!(take_number(&disk, 1).is_err(), "others would not hear it");
        disk.replace(BOOT_FILE, b"?").unwrap();
        assert!(take_number(&disk, 1).is_err());
    }
}

use std::io;
use std::time::Duration;

use futures_util::future::join_all;
use holobiont_committee_store::{Committee, Disk};
use holobiont_identity::{UniqueId, versioned};
use holobiont_policy::Roster;
use openraft::type_config::TypeConfigExt as _;

use crate::core::Core;
use crate::driving::ANSWER_MS;
use crate::rpc::{Answer, Request, Told};
use crate::{Gate, Marks, Transport};

/// The file with the number of the last boot on this disk.
const BOOT_FILE: &str = "boot";
const BOOT_FILE_VERSION: u8 = 1;
const MAX_BOOT_FILE_BYTES: u64 = 16;

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
    disk.replace(BOOT_FILE, &versioned::encode(BOOT_FILE_VERSION, &number))?;
    Ok(number)
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
        disk.replace(BOOT_FILE, b"?").unwrap();
        assert!(take_number(&disk, 1).is_err());
    }
}

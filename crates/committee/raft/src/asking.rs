use std::time::Duration;

use holobiont_committee_store::{Committee, Disk};
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::type_config::TypeConfigExt as _;

use crate::core::Core;
use crate::{Gate, Transport, recall};

/// How often a node asks the others again while it waits for something that they know, in milliseconds.
const ASK_AGAIN_MS: u64 = 1_000;
/// The same while it may not sign for want of their state.
const COMPARE_MS: u64 = 250;

/// Asks the others again, as long as the node runs, whenever it may have missed something.
pub(crate) async fn run<C: Committee, D: Disk, T: Transport>(core: &Core<C, D, T>) {
    let mut waited_ms = 0_u64;
    while !core.is_stopping() {
        let _ =
            C::timeout(Duration::from_millis(COMPARE_MS), core.front.wakes.asking.notified()).await;
        waited_ms = waited_ms.saturating_add(COMPARE_MS);
        core.weigh();
        let (is_open, is_in_doubt) = {
            let facts = core.facts();
            let is_in_doubt = !facts.anchors.is_held() && !facts.anchors.is_empty();
            (facts.gate.as_ref().is_some_and(Gate::is_open), is_in_doubt)
        };
        if is_open && is_in_doubt {
            recall::ask_around(core).await;
        }
        if waited_ms < ASK_AGAIN_MS {
            continue;
        }
        waited_ms = 0;
        if !is_open {
            // Who had the end of the log may never come back, and then nobody would lead.
            if let Some(heard) = recall::recall(core).await
                && let Some(gate) = &mut core.facts().gate
            {
                gate.hear_again(&heard);
            }
        } else if misses_something(core) && !is_in_doubt {
            recall::ask_around(core).await;
        }
    }
}

/// Whether there may be a roster that this node does not know: it hears of no leader, or from a node
/// that is in none.
fn misses_something<C: Committee, D: Disk, T>(core: &Core<C, D, T>) -> bool {
    let no_leader = core.engine.get().is_some_and(|engine| {
        let metrics = engine.metrics();
        let leader = metrics.borrow_watched().current_leader;
        leader.is_none()
    });
    std::mem::take(&mut core.facts().stranger) || no_leader
}

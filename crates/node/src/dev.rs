//! What a process of a `holobiont dev` network owes to the one that started it: to end with it.

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// The environment variable with the process id of the `dev` that started this one.
pub(crate) const PARENT: &str = "HOLOBIONT_DEV_PARENT";

/// Has this process killed when the `dev` that started it ends, however that ends. A process that
/// no `dev` has started lives on its own.
pub(crate) fn end_with_parent() {
    let Ok(parent) = std::env::var(PARENT) else { return };
    let parent = parent.parse().ok().and_then(Pid::from_raw);
    // Where the system knows no such signal, `dev` still ends those that it started, if it can.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    if parent.is_some() && getppid() != parent {
        // It ended before that was said.
        std::process::abort();
    }
}

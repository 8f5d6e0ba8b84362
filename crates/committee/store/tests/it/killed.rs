//! A real process on a real disk, killed while it writes.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use std::sync::Arc;

use holobiont_committee_store::{Directory, Flush, Live, LogOptions};
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::type_config::TypeConfigExt;

use crate::common::{Store, all, entry};

const OPTIONS: LogOptions =
    LogOptions { flush: Flush::Thread, segment_bytes: 4000, cache_bytes: 2000 };
const ROUNDS: u64 = 4;

#[test]
fn a_killed_process_has_lost_nothing_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut sure = 0;
    for round in 1..=ROUNDS {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "killed::the_process_that_is_killed", "--ignored", "--nocapture"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{}", folder.path().display()).unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let numbers = lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse().ok());
        let mut seen = 0;
        for acknowledged in numbers {
            let acknowledged: u64 = acknowledged;
            sure = sure.max(acknowledged);
            seen += 1;
            if seen == 40 * round {
                child.kill().unwrap();
            }
        }
        assert!(seen >= 40 * round, "it ended by itself");
        child.wait().unwrap();
    }
    let mut store = opened(folder.path());
    let found = Live::run(all(&mut store)).unwrap();
    assert!(found.len() as u64 > sure, "{} of {sure}", found.len());
    for (index, found) in (0..).zip(found) {
        assert_eq!(found, entry(**found.log_id.committed_leader_id(), index));
    }
}

fn opened(folder: &Path) -> Store<Directory> {
    let disk = Directory::open(folder).unwrap();
    Store::open_with(Arc::new(disk), OPTIONS).unwrap().0
}

/// Appends until it is killed. Each life is a term of its own.
#[test]
#[ignore = "it is started, and killed, by the test above"]
fn the_process_that_is_killed() {
    let mut folder = String::new();
    io::stdin().read_line(&mut folder).unwrap();
    let mut store = opened(Path::new(folder.trim()));
    let (mut next, term) =
        store.marks().last_log.map_or((0, 1), |(term, index)| (index + 1, term + 1));
    Live::run(async {
        loop {
            let mut waiting = Vec::new();
            for _ in 0..5 {
                let (sender, receiver) = Live::oneshot();
                let callback = IOFlushed::<Live>::signal(sender);
                store.append([entry(term, next)], callback).await.unwrap();
                next += 1;
                waiting.push(receiver);
            }
            for receiver in waiting {
                receiver.await.unwrap().unwrap();
            }
            println!("acknowledged {}", next - 1);
        }
    });
}

//! The disk fills up at every operation: nothing is half-acknowledged, and the node comes back once
//! there is space again.

use holobiont_committee_store::{Live, SimulatedDisk};
use openraft::type_config::TypeConfigExt;

use crate::common::SMALL;
use crate::model::{Model, Node, Op};

#[test]
fn a_full_disk_stops_the_log_and_loses_nothing() {
    let mut refused = 0;
    for seed in 0..6_u64 {
        let script = Model::script(seed, 30);
        for full_after in 0.. {
            let disk = SimulatedDisk::new(seed << 16 | full_after);
            disk.full_after(Some(full_after));
            let (mut sure, mut in_flight) = (Model::default(), None);
            match Node::open(&disk, SMALL) {
                Err(error) => assert!(error.is_out_of_space(), "{error}"),
                Ok(mut node) => Live::run(async {
                    for op in &script {
                        let Err(error) = node.run(op).await else {
                            sure.apply(op);
                            continue;
                        };
                        assert!(error.to_string().contains("check the disk"), "{error}");
                        in_flight = Some(op);
                        break;
                    }
                    // What does not need the log's files goes on; the log says why it does not.
                    if let Some(Op::Append(entries)) = in_flight {
                        let again = node.run(&Op::Append(entries.clone())).await.unwrap_err();
                        assert!(again.to_string().contains("restart the node"), "{again}");
                    }
                }),
            }
            let disk = disk.kill();
            // It may be opened while there is no space yet: it works, or says that.
            if let Err(error) = Node::open(&disk, SMALL) {
                assert!(error.is_out_of_space(), "{error}");
                refused += 1;
            }
            disk.full_after(None);
            let mut node = Node::open(&disk, SMALL).unwrap();
            let sure = Live::run(node.check(&sure, in_flight));
            let disk = disk.crash();
            drop(node);
            let mut node = Node::open(&disk, SMALL).unwrap();
            Live::run(node.check(&sure, None));
            if in_flight.is_none() && full_after > 5 {
                break;
            }
        }
    }
    assert!(refused > 0);
}

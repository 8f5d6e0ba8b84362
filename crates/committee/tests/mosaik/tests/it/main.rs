//! What mosaik's groups do when a link is cut, and when their nodes restart.
//!
//! All that is asserted here is what mosaik 0.4.2 does, not what anybody would want of it.

#![forbid(unsafe_code)]

mod heard;
mod ledger;
mod link;
mod node;

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use link::Cut;
use mosaik::futures::future::join_all;
use node::{Node, Plan, Relay, all_committed, led};
use tokio::runtime::Runtime;

/// Runs one test at a time, to the end of its last task: its figures are its own, and so is what
/// is heard of it.
fn in_turn(test: impl Future<Output = ()>) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    Runtime::new().unwrap().block_on(test);
}

enum Whom {
    Leader,
    Follower,
}

/// What three nodes had applied in the end: they all say that they have committed the same index.
struct Ended {
    alone: Vec<String>,
    others: [Vec<String>; 2],
    committed: u64,
    led_by_the_one: bool,
}

/// Before the cut, four lines; during it, so many on the node that is cut off and so many on the two
/// others; after it, six. Every one of these commands returns Ok, or this does not return.
async fn cut_off(whom: Whom, on_the_one: usize, on_the_others: usize) -> Ended {
    heard::listen();
    let relay = Relay::start().await;
    let nodes = Plan::new(3).start(&relay).await;
    let all: Vec<&Node> = nodes.iter().collect();
    // From here on packets go from node to node, or not at all.
    relay.stop().await;

    let leader = led(&all).await;
    write(leader, "before", 4).await;
    all_committed(&all, 4).await;
    for node in &all {
        assert_eq!(node.lines().await, lines("before", 1, 4));
    }

    let alone = match whom {
        Whom::Leader => leader,
        Whom::Follower => all.iter().find(|it| it.id() != leader.id()).unwrap(),
    };
    let others: Vec<&Node> = all.iter().copied().filter(|it| it.id() != alone.id()).collect();
    let started = Instant::now();
    let cut = Cut::between(alone.endpoint(), &[others[0].endpoint(), others[1].endpoint()]);

    led(&[alone]).await;
    println!("the node that is cut off leads itself after {:?}", started.elapsed());
    write(alone, "alone", on_the_one).await;
    let majority = led(&others).await;
    println!("the two others follow one of them after {:?}", started.elapsed());
    write(majority, "majority", on_the_others).await;
    all_committed(&others, majority.committed()).await;
    // What is asked of the leader, for consistency's sake, is asked of oneself.
    let mine = [lines("before", 1, 4), lines("alone", 1, on_the_one)].concat();
    assert_eq!(alone.lines_of_the_leader().await, mine);
    let theirs = [lines("before", 1, 4), lines("majority", 1, on_the_others)].concat();
    for node in &others {
        assert_eq!(node.lines().await, theirs);
        assert_eq!(node.lines_of_the_leader().await, theirs);
    }

    let started = Instant::now();
    cut.heal();
    let leader = led(&all).await;
    println!("all three follow one after {:?}", started.elapsed());
    write(leader, "after", 6).await;
    let committed = leader.committed();
    all_committed(&all, committed).await;
    assert!(all.iter().all(|it| it.committed() == committed && it.group.bonds().len() == 2));
    // All that an operator can learn of it.
    assert_eq!(heard::complaints(), ["WARN: heartbeat failed: too many missed heartbeats"]);
    let ended = Ended {
        alone: alone.lines().await,
        others: [others[0].lines().await, others[1].lines().await],
        committed,
        led_by_the_one: leader.id() == alone.id(),
    };
    join_all(nodes.into_iter().map(Node::stop)).await;
    ended
}

/// Has these lines executed, one after the other, on this node.
async fn write(node: &Node, what: &str, count: usize) {
    for line in lines(what, 1, count) {
        let started = Instant::now();
        let index = node.execute(line.clone()).await;
        println!("    {line}: Ok, index {index}, after {:?}", started.elapsed());
    }
}

fn lines(what: &str, first: usize, last: usize) -> Vec<String> {
    (first..=last).map(|line| format!("{what} {line}")).collect()
}

/// The others elect one of them. When the link is back the old leader follows, and is given what
/// follows the end of its own log: it has its own three lines where they have theirs.
#[test]
fn a_leader_that_is_cut_off_commits_alone_and_its_state_differs_for_good() {
    in_turn(async {
        let ended = cut_off(Whom::Leader, 3, 5).await;

        assert!(!ended.led_by_the_one);
        assert_eq!(ended.committed, 15);
        let mine = [lines("before", 1, 4), lines("alone", 1, 3), lines("majority", 4, 5)].concat();
        let theirs = [lines("before", 1, 4), lines("majority", 1, 5)].concat();
        let after = lines("after", 1, 6);
        assert_eq!(ended.alone, [mine, after.clone()].concat());
        let others = [theirs, after].concat();
        assert_eq!(ended.others, [others.clone(), others]);
    });
}

/// It elects itself, in a later term. When the link is back the two others follow it: the leader's
/// state, and every consistent read, is without the three lines that the majority acknowledged.
#[test]
fn a_follower_that_is_cut_off_elects_itself_and_then_leads_the_majority() {
    in_turn(async {
        let ended = cut_off(Whom::Follower, 5, 3).await;

        assert!(ended.led_by_the_one);
        assert_eq!(ended.committed, 15);
        let mine = [lines("before", 1, 4), lines("alone", 1, 5)].concat();
        let theirs =
            [lines("before", 1, 4), lines("majority", 1, 3), lines("alone", 4, 5)].concat();
        let after = lines("after", 1, 6);
        assert_eq!(ended.alone, [mine, after.clone()].concat());
        let others = [theirs, after].concat();
        assert_eq!(ended.others, [others.clone(), others]);
    });
}

/// Same keys, same network, same group; nothing of what was acknowledged, and its places in the
/// log are given away again.
#[test]
fn nodes_that_restart_have_forgotten_log_term_and_vote() {
    in_turn(async {
        for nodes in [3, 1] {
            let relay = Relay::start().await;
            let plan = Plan::new(nodes);
            for life in ["first life", "second life"] {
                let nodes = plan.start(&relay).await;
                let all: Vec<&Node> = nodes.iter().collect();
                for node in &all {
                    assert!(node.group.log_position().is_zero());
                    assert_eq!(node.committed(), 0);
                    assert!(node.lines().await.is_empty());
                }
                let leader = led(&all).await;
                write(leader, life, 1).await;
                all_committed(&all, 1).await;
                for node in &all {
                    assert_eq!(node.lines().await, lines(life, 1, 1));
                }
                if nodes.len() == 1 {
                    // So it has voted in this term twice, and has two entries of one term and index.
                    assert_eq!(leader.group.log_position().term(), 1);
                }
                join_all(nodes.into_iter().map(Node::stop)).await;
            }
            relay.stop().await;
        }
    });
}

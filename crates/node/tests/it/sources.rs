//! Where records come from, and who is refused them, between processes.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use holobiont_surface::{Genesis, NewRecord, Surface, SurfaceWriter, WriterOptions};

use crate::committee::{DAYS, MEMBERS, NODES, Network, Node, PATIENCE, ready};
use crate::run::command;

/// Records in a window of the surfaces that are pruned.
const WINDOW: u32 = 8;
/// Small, so that there is something to prune.
const SEGMENTS: WriterOptions = WriterOptions { segment_bytes: 1_024 };

/// The same surface again, in small windows and segments.
fn in_small_parts(dir: &Path) {
    let whole = dir.with_extension("whole");
    fs::rename(dir, &whole).unwrap();
    let view = Surface::open(&whole).unwrap();
    let genesis = Genesis { window_records: WINDOW, ..view.genesis().clone() };
    let mut writer = SurfaceWriter::create(dir, genesis, SEGMENTS).unwrap();
    let mut cursor = view.cursor(0).unwrap();
    while let Some(record) = cursor.next_record().unwrap() {
        writer
            .append(NewRecord {
                clock: record.clock(),
                closes_clock: record.closes_clock(),
                time_ms: record.time_ms(),
                kind: record.kind(),
                payload: record.payload(),
            })
            .unwrap();
    }
    writer.sync().unwrap();
}

fn edit(network: &Network, node: &str, from: &str, to: &str) {
    let file = network.root.join(node).join("node.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    fs::write(&file, text.replacen(from, to, 1)).unwrap();
}

/// Every node has lost its copies, and the sources keep only what is newer than what was lost, and
/// older than the nodes' snapshots: nobody needs what lies between, and nobody waits for it.
#[test]
fn copies_begin_anew_where_sources_were_pruned_behind_snapshots() {
    let network = Network::new();
    let surfaces = MEMBERS.map(|member| network.root.join("surfaces").join(member));
    surfaces.iter().for_each(|dir| in_small_parts(dir));
    for node in NODES {
        edit(&network, node, "every_cuts = 100", "every_cuts = 1");
    }
    let start = || NODES.map(|node| network.start(node));
    let nodes = start();
    let mut cut = 0;
    for node in &nodes {
        let told = node.until("everything is certified, and in a snapshot", |status| {
            let frontiers = status["members"].as_array().unwrap().iter();
            ready(status)
                && frontiers.map(|it| it["frontier_seq"].as_u64()).all(|it| it == last())
                && status["certified"]["cut"] == status["cut"]
                && status["folded_cut"] == status["cut"]
        });
        cut = told["cut"].as_u64().unwrap();
    }
    nodes.into_iter().for_each(|node| assert_eq!(node.ends(), Some(0)));
    for node in NODES {
        fs::remove_dir_all(network.root.join(node).join("data/members")).unwrap();
    }
    let mut writers = surfaces.map(|dir| SurfaceWriter::open(&dir, SEGMENTS).unwrap().0);
    for writer in &mut writers {
        assert!(writer.retain_from(DAYS as u64 / 2).unwrap().earliest > 0);
    }

    let nodes = start();
    for (name, node) in NODES.iter().zip(&nodes).take(2) {
        node.until("the copies are there again", |status| {
            let copies = status["members"].as_array().unwrap().iter();
            copies.map(|it| it["copy_next_seq"].as_u64()).all(|it| it == Some(DAYS as u64))
        });
        assert!(network.log(name).contains("the copy begins anew"), "{name}");
    }
    // The last node has no source of one member. It goes on with the others.
    for writer in &mut writers {
        let day = writer.view();
        let head = day.head_at(DAYS as u64 - 1).unwrap();
        let mut cursor = day.cursor(head.seq).unwrap();
        let last = cursor.next_record().unwrap().unwrap();
        let next = NewRecord {
            clock: last.clock() + 1,
            closes_clock: true,
            time_ms: last.time_ms(),
            kind: last.kind(),
            payload: last.payload(),
        };
        writer.append(next).unwrap();
        writer.sync().unwrap();
    }
    for node in &nodes {
        node.until("the next day is certified", |status| {
            let copies = status["members"].as_array().unwrap().iter();
            ready(status)
                && status["certified"]["cut"].as_u64() > Some(cut)
                && copies.map(|it| it["copy_next_seq"].as_u64()).all(|it| it > Some(DAYS as u64))
        });
    }
}

fn last() -> Option<u64> {
    Some(DAYS as u64 - 1)
}

/// A member's server; killed with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves a member with its log in `server.log`, and tells its address.
fn serve(network: &Network, member: &str) -> (Server, String) {
    let surface = format!("surfaces/{member}");
    let log = fs::File::create(network.root.join("server.log")).unwrap();
    let mut child = command(&network.root)
        .args(["surface", "serve", &surface, "--organism", "organism.toml", "--member", member])
        .args(["--listen", "127.0.0.1:0", "--json", "--insecure-simulated-tdx", "world"])
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    (Server(child), told["address"].as_str().unwrap().to_owned())
}

fn until_told(what: &[&str], log: impl Fn() -> String) {
    let end = Instant::now() + PATIENCE;
    loop {
        let text = log();
        if text.lines().any(|line| what.iter().all(|part| line.contains(part))) {
            return;
        }
        assert!(Instant::now() < end, "{what:?} in {text}");
        thread::sleep(Duration::from_millis(30));
    }
}

/// Both sides of a refusal can read why, in their own logs.
#[test]
fn who_is_refused_and_who_refuses_read_the_same_reason() {
    let network = Network::new();
    let (usd, jpy) = (MEMBERS[0], MEMBERS[1]);
    let (_server, address) = serve(&network, usd);
    let own = format!("kind = \"directory\"\npath = \"../surfaces/{usd}\"");
    let with_the_wrong_ticket =
        format!("kind = \"https\"\naddress = \"{address}\"\nticket_file = \"tickets/{jpy}.jwt\"");
    edit(&network, NODES[0], &own, &with_the_wrong_ticket);
    let nodes = [network.start(NODES[0]), network.start(NODES[1])];
    let told =
        nodes[0].until("the source refuses", |status| status["members"][0]["source"] == "ticket");
    let reason = told["members"][0]["source_says"].as_str().unwrap();
    assert!(reason.contains("ticket"), "{reason}");
    until_told(&["source gives nothing", "ticket"], || network.log(NODES[0]));
    let server_log = || fs::read_to_string(network.root.join("server.log")).unwrap();
    until_told(&["peer denied", "ticket"], server_log);

    let stranger = stranger(&network);
    until_told(&["peer refused", "not-expected"], || network.log(NODES[1]));
    until_told(&["no connection", "not-expected"], || network.log("stranger"));
    drop(stranger);
}

/// A node with everything that a node has, but a place in the roster.
fn stranger(network: &Network) -> Node {
    crate::run::copy(&network.root.join(NODES[2]), &network.root.join("stranger"));
    let file = network.root.join("stranger/node.toml");
    let mut text = fs::read_to_string(&file).unwrap();
    let listen = text.parse::<toml::Table>().unwrap()["listen"].clone();
    for (name, address) in listen.as_table().unwrap() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        text = text.replacen(address.as_str().unwrap(), &free.to_string(), 1);
        if name == "committee" {
            let peer = format!("\n[[peer]]\nnode = \"{}\"\naddress = {address}\n", NODES[2]);
            text.push_str(&peer);
        }
    }
    let (from, to) = (format!("node = \"{}\"", NODES[2]), "node = \"stranger\"");
    fs::write(&file, text.replacen(&from, to, 1)).unwrap();
    network.start("stranger")
}

//! `holobiont run`: a committee of three processes on this machine, in simulated TDX.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::run::{Ran, command, holobiont};

/// How many days each member has published.
pub(crate) const DAYS: usize = 120;
pub(crate) const MEMBERS: [&str; 2] = ["USD", "JPY"];
pub(crate) const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];
/// Whatever is waited for is there long before.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A node's process; killed with the test.
pub(crate) struct Node {
    pub(crate) child: Child,
    query: String,
    pub(crate) ops: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Node {
    fn get(&self, path: &str) -> Option<String> {
        let mut answer = agent().get(format!("http://{}{path}", self.query)).call().ok()?;
        answer.body_mut().read_to_string().ok()
    }

    fn status(&self) -> Option<Value> {
        serde_json::from_str(&self.get("/v1/status")?).ok()
    }

    /// Waits until the node says so, and returns all that it says then.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        let mut last = None;
        while Instant::now() < end {
            if let Some(status) = self.status() {
                if holds(&status) {
                    return status;
                }
                last = Some(status);
            }
            thread::sleep(Duration::from_millis(30));
        }
        panic!("{what} never came: {last:?}");
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// The exit code after SIGTERM.
    pub(crate) fn ends(mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.child.wait().unwrap().code()
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().proxy(None);
    config.timeout_global(Some(Duration::from_secs(5))).build().into()
}

/// A committee's folder: configs, keys, and members' surfaces that nodes read from this machine.
pub(crate) struct Network {
    _dir: TempDir,
    pub(crate) root: PathBuf,
}

impl Network {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("net");
        let members = MEMBERS.len().to_string();
        let made = ["dev", "--nodes", "3", "--members", &members, "--write-only", "--dir", "net"];
        holobiont(dir.path(), &made).expect(0);
        fs::remove_dir_all(root.join("surfaces")).ok();
        for member in MEMBERS {
            let rates = fs::read_to_string(root.join(format!("rates/{member}.ndjson"))).unwrap();
            let days: Vec<&str> = rates.lines().take(DAYS).collect();
            fs::write(root.join("days.ndjson"), days.join("\n")).unwrap();
            let import = ["surface", "import", "days.ndjson", "--clock", "number"];
            let into = ["--stable-id", "ecb.euro-fx.", "--surface", "rates", "--out", "surfaces"];
            holobiont(&root, &[&import[..], &into].concat()).expect(0);
        }
        for node in NODES {
            let file = root.join(node).join("node.toml");
            let text = fs::read_to_string(&file).unwrap();
            let mut text = text.split("\n[[source]]").next().unwrap().to_owned();
            // The last node has no source of one member: it takes that from the others.
            let sources = if node == NODES[2] { &MEMBERS[..1] } else { &MEMBERS[..] };
            for member in sources {
                text.push_str(&format!(
                    "\n[[source]]\nmember = \"{member}\"\nkind = \"directory\"\n\
                     path = \"../surfaces/{member}\"\n"
                ));
            }
            fs::write(file, text).unwrap();
        }
        Self { _dir: dir, root }
    }

    pub(crate) fn start(&self, node: &str) -> Node {
        let config = self.root.join(node).join("node.toml");
        let text: toml::Table = fs::read_to_string(&config).unwrap().parse().unwrap();
        let listen = |key: &str| text["listen"][key].as_str().unwrap().to_owned();
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.root.join(node).join("log.ndjson"))
            .unwrap();
        let child = command(&self.root)
            .args(["run", "--insecure-simulated-tdx", "--log-format", "json", "--config"])
            .arg(&config)
            .stderr(log)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Node { child, query: listen("query"), ops: listen("ops") }
    }

    pub(crate) fn log(&self, node: &str) -> String {
        fs::read_to_string(self.root.join(node).join("log.ndjson")).unwrap()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        holobiont(&self.root, arguments)
    }

    fn order(&self, text: &str, at: &Node) {
        fs::write(self.root.join("order.toml"), format!("version = 1\n{text}")).unwrap();
        let sign = ["order", "sign", "order.toml", "--organism", "organism.toml"];
        let sign = [&sign[..], &["--key", "operator.key", "--out", "order.json"]].concat();
        self.run(&sign).expect(0);
        let url = format!("http://{}", at.ops);
        let send = ["order", "send", "order.json", "--url", &url, "--json"];
        assert_eq!(self.run(&send).expect(0).json()["known"], false);
        // Whoever is in doubt may send it again: it is in the log once.
        assert_eq!(self.run(&send).expect(0).json()["known"], true);
    }
}

pub(crate) fn ready(status: &Value) -> bool {
    status["ready"] == true
}

/// One scenario, since starting a committee is what takes time: nodes agree, a majority is enough, a
/// killed node comes back, a config is taken up without a restart, auditors pass and forgers do not,
/// SIGTERM ends with 0.
#[test]
fn a_committee_runs_recovers_takes_up_a_config_and_is_audited() {
    let network = Network::new();
    // The first time all must be there: nobody else could say that nothing was promised before.
    let mut nodes = NODES.map(|node| network.start(node)).into_iter().collect::<Vec<_>>();
    let certified = |status: &Value| {
        ready(status)
            && status["certified"]["cut"].as_u64() > Some(0)
            && !status["watermark"].is_null()
    };
    let first = nodes[0].until("a certificate", certified);
    assert_eq!(first["simulated"], true);
    let ops = |path: &str| {
        agent()
            .get(format!("http://{}{path}", nodes[0].ops))
            .call()
            .map(|mut answer| answer.body_mut().read_to_string().unwrap())
    };
    assert_eq!(ops("/livez").unwrap(), "ok\n");
    assert!(ops("/readyz?verbose").unwrap().contains("[+]signing ok"));
    let metrics = ops("/metrics").unwrap();
    for line in ["holobiont_simulated 1", "holobiont_ready 1", "holobiont_peers_connected 2"] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert!(network.log(NODES[0]).lines().all(|line| line.contains("\"simulated\":true")));

    // The third has no source of one member: it has that from the others.
    let third = nodes[2].until("the third too", |status| {
        ready(status) && status["folded_cut"].as_u64() >= first["cut"].as_u64()
    });
    assert_eq!(third["members"][1]["source"], "none");
    assert_eq!(third["members"][1]["copy_next_seq"], DAYS);

    // A killed node leaves a majority, and comes back with a new key, knowing what it knew.
    nodes[2].signal(Signal::KILL);
    drop(nodes.pop());
    let alone = |status: &Value| {
        ready(status) && status["connected"].as_array().is_some_and(|peers| peers.len() == 1)
    };
    let without = nodes[0].until("two are enough", alone);
    nodes[0].until("the log goes on", |status| {
        status["tick"].as_u64() > without["tick"].as_u64().map(|tick| tick + 5)
    });
    nodes.push(network.start(NODES[2]));
    let back = nodes[2].until("the killed one came back", ready);
    assert_ne!(back["boot_key"], third["boot_key"]);
    assert!(back["folded_index"].as_u64() > without["folded_index"].as_u64());

    takes_up_a_config(&network, &nodes);
    is_audited(&network, &nodes);

    let urls: Vec<String> = nodes.iter().map(|node| format!("http://{}", node.query)).collect();
    let status = network.run(&["status", "--url", &urls.join(",")]).expect(0).stdout;
    assert!(status.contains("SIMULATED TDX") && status.contains("leader"), "{status}");
    is_fenced_by_its_clone(&network, nodes.pop().unwrap());
    for node in nodes {
        assert_eq!(node.ends(), Some(0));
    }
    assert!(network.log(NODES[0]).contains("the node has ended"));
    network.run(&["status", "--url", &urls[0]]).expect(6);
}

fn takes_up_a_config(network: &Network, nodes: &[Node]) {
    let file = network.root.join("organism.toml");
    let first = fs::read_to_string(&file).unwrap();
    fs::write(network.root.join("first.toml"), &first).unwrap();
    let next = first.replacen("stall_after = 60", "stall_after = 61", 1);
    assert_ne!(first, next);
    fs::write(&file, next).unwrap();
    let fingerprint = network.run(&["config", "fingerprint", "organism.toml", "--json"]);
    let hash = fingerprint.expect(0).json()["content_hash"].as_str().unwrap().to_owned();
    for node in nodes {
        node.signal(Signal::HUP);
    }
    network
        .order(&format!("sequence = 1\naction = \"config\"\ncontent_hash = \"{hash}\""), &nodes[0]);
    for node in nodes {
        node.until("the new config in force, connections and all", |status| {
            status["content_hash"] == hash.as_str()
                && ready(status)
                && status["connected"].as_array().is_some_and(|peers| peers.len() == 2)
        });
        assert!(node.get(&format!("/v1/configs/{hash}")).unwrap().contains("stall_after = 61"));
    }
}

/// A second boot of a node id, from a copy of its disk: once the others admit it, the first one may
/// sign nothing more, and ends.
fn is_fenced_by_its_clone(network: &Network, mut node: Node) {
    let clone = "node-3-clone";
    crate::run::copy(&network.root.join(NODES[2]), &network.root.join(clone));
    let file = network.root.join(clone).join("node.toml");
    let mut text = fs::read_to_string(&file).unwrap();
    let listen = text.parse::<toml::Table>().unwrap()["listen"].clone();
    for address in listen.as_table().unwrap().values() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        text = text.replacen(address.as_str().unwrap(), &free.to_string(), 1);
    }
    fs::write(&file, text).unwrap();
    let _clone = network.start(clone);
    let end = Instant::now() + PATIENCE;
    let code = loop {
        if let Some(status) = node.child.try_wait().unwrap() {
            break status.code();
        }
        assert!(Instant::now() < end, "it runs on: {:?}", node.status());
        thread::sleep(Duration::from_millis(30));
    };
    assert_eq!(code, Some(11));
}

/// What anybody can check with the config that the committee began with, which names the roster.
fn is_audited(network: &Network, nodes: &[Node]) {
    let urls: Vec<String> = nodes.iter().map(|node| format!("http://{}", node.query)).collect();
    let url = &urls[0];
    let known = ["--organism", "first.toml"];
    let audit = [&["audit"][..], &known, &["--url", url, "--json"]].concat();
    let audited = network.run(&audit).expect(0).json();
    // Three nodes, and one of them was started again.
    let keys = &audited["boot_keys"];
    assert_eq!((&keys["admitted"], &keys["bound"]), (&4.into(), &4.into()), "{audited}");
    assert_eq!((&keys["signatures"], &keys["simulated"]), (&"not-checked".into(), &true.into()));
    let all: Vec<&str> = urls.iter().flat_map(|url| ["--url", url]).collect();
    let world = ["--simulated-world", "world"];
    let audit_all = [&["audit"][..], &known, &all, &world, &["--json"]].concat();
    let of_all = network.run(&audit_all).expect(0).json();
    assert_eq!(of_all["boot_keys"]["signatures"], "verified");
    let others = of_all["others"].as_array().unwrap();
    assert_eq!(others.len(), 2);
    assert!(others.iter().all(|it| it["entries_compared"].as_u64() > Some(10)), "{of_all}");
    assert!(audited["commits"].as_u64().unwrap() >= DAYS as u64, "{audited}");
    assert!(audited["certificates"].as_u64() > Some(0), "{audited}");
    assert!(audited["records_compared"].as_u64() > Some(0), "{audited}");

    let explained = ["explain", "--url", url, "--organism", "first.toml", "--json"];
    let explained = network.run(&explained).expect(0).json();
    assert!(explained["citations"].as_array().unwrap().iter().all(|it| it["proved"] == true));

    let fetch = |path: &str, file: &str| {
        let mut answer = agent().get(format!("{url}{path}")).call().unwrap();
        let bytes = answer.body_mut().read_to_vec().unwrap();
        fs::write(network.root.join(file), &bytes).unwrap();
        bytes
    };
    fetch("/v1/certificates/latest", "latest.certificate");
    let export = fetch("/v1/cuts", "cuts.log");
    let verify = ["certificate", "verify", "latest.certificate", "--export", "cuts.log"];
    let verified = network.run(&[&verify[..], &known, &world].concat()).expect(0).stdout;
    assert!(verified.contains("4 of 4 bound by SIMULATED quotes"), "{verified}");

    let surfaces = ["--surfaces", "surfaces"];
    let audit = |file: &str| {
        network.run(&[&["audit", "--export", file, "--json"], &known[..], &surfaces].concat())
    };
    let of_file = audit("cuts.log").expect(0).json();
    let replay = ["replay", "--organism", "first.toml", "--cuts", "cuts.log", "--out", "again"];
    let replayed = network.run(&[&replay[..], &surfaces, &["--json"]].concat()).expect(0).json();
    assert_eq!(replayed["state_digest"], of_file["state_digest"]);
    let against = ["audit", "--organism", "first.toml", "--against", "again"];
    network.run(&[&against[..], &surfaces].concat()).expect(0);

    crate::forged_logs::write(&network.root, "cuts.log", "first.toml");
    audit("borrowed.log").expect(5);
    audit("bare.log").expect(5);
    // Only who signed it tells, and that is said.
    let unchecked = audit("forged.log").expect(0).json();
    assert_eq!(unchecked["boot_keys"]["signatures"], "not-checked");
    let checked = ["audit", "--export", "forged.log", "--organism", "first.toml"];
    let checked = network.run(&[&checked[..], &surfaces, &world].concat()).expect(5);
    checked.tells(&["the boot key of node", "log entry 1 presents"]);

    let mut forged = export;
    let middle = forged.len() / 2;
    forged[middle] ^= 1;
    fs::write(network.root.join("damaged.log"), forged).unwrap();
    audit("damaged.log").expect(5);
    // Another roster is another committee.
    let other = "version = 1\nnode = [{ id = \"a\" }, { id = \"b\" }, { id = \"c\" }]\n";
    fs::write(network.root.join("other.toml"), other).unwrap();
    let other = ["audit", "--organism", "first.toml", "--roster", "other.toml"];
    let other = [&other[..], &surfaces, &["--export", "cuts.log"]].concat();
    network.run(&other).expect(7);
}

#[test]
fn what_a_node_cannot_run_with_is_told_before_it_runs() {
    let network = Network::new();
    let config = Path::new(NODES[0]).join("node.toml");
    let config = config.to_str().unwrap();
    let check = ["run", "--check", "--config", config];
    let simulated = [&check[..], &["--insecure-simulated-tdx"]].concat();
    let checked = network.run(&[&simulated[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(checked["certificate_quorum"], 2);
    // Simulated trust is never taken by silence.
    network.run(&check).expect(3).tells(&["simulated_world", "which proves nothing"]);

    let file = network.root.join(config);
    let text = fs::read_to_string(&file).unwrap();
    let wrong = text.replace("member = \"JPY\"", "member = \"XXX\"").replacen(
        "\n[[peer]]\nnode = \"node-2\"",
        "\n[[peer]]\nnode = \"node-9\"",
        1,
    );
    fs::write(&file, &wrong).unwrap();
    network.run(&simulated).expect(3).tells(&["`XXX` in [[source]] is no member", "no [[peer]]"]);
    fs::write(&file, text.replacen("every_cuts", "evry_cuts", 1)).unwrap();
    network.run(&simulated).expect(3).tells(&["did you mean `every_cuts`?"]);
}

#[test]
fn an_order_needs_an_operators_key_and_one_order_merges_with_itself_alone() {
    let network = Network::new();
    let write = |sequence: u32| {
        let text = format!("version = 1\nsequence = {sequence}\naction = \"pause\"\n");
        fs::write(network.root.join("order.toml"), text).unwrap();
    };
    let sign = |key: &str, out: &str| {
        let sign = ["order", "sign", "order.toml", "--organism", "organism.toml"];
        network.run(&[&sign[..], &["--key", key, "--out", out]].concat())
    };
    fs::write(network.root.join("eve.key"), "07".repeat(32)).unwrap();
    write(1);
    sign("eve.key", "eve.json").expect(3).tells(&["which no operator of"]);
    sign("operator.key", "one.json").expect(0);
    write(2);
    sign("operator.key", "two.json").expect(0);
    network.run(&["order", "merge", "one.json", "one.json", "--out", "both.json"]).expect(0);
    network.run(&["order", "merge", "one.json", "two.json", "--out", "no.json"]).expect(5);
    fs::write(network.root.join("order.toml"), "version = 1\naction = \"retire\"\n").unwrap();
    sign("operator.key", "no.json")
        .expect(3)
        .tells(&["`sequence` is missing", "`member` is missing"]);
}

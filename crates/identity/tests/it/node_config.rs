//! `node.toml` and `roster.toml`: what they may say, and what their author is told.

use holobiont_identity::{LogFormat, MAX_ROSTER, NodeConfig, RosterConfig, SourceKind, UniqueId};

const WHOLE: &str = r#"
version = 1
node = "acme.node-1"
data_dir = "/var/lib/holobiont"
organism = "organism.toml"
roster = "roster.toml"
enrolment_file = "enrolment.jwt"

[listen]
committee = "0.0.0.0:7400"
ops = "127.0.0.1:9000"
query = "[::]:8080"

[[peer]]
node = "acme.node-1"
address = "node-1.example:7400"

[[peer]]
node = "acme.node-2"
address = "node-2.example:7400"

[[source]]
member = "USD"
kind = "directory"
path = "surfaces/USD"

[[source]]
member = "GBP"
kind = "https"
address = "gbp.example:7500"
ticket_file = "gbp.ticket"

[attestation]
collateral = "collateral"

[snapshot]
every_cuts = 50

[budget]
memory_bytes = 67108864
disk_bytes = 1073741824
ahead_bytes = 2097152

[query]
members = true

[log]
format = "json"
"#;

fn says(from: &str, to: &str, parts: &[&str]) {
    assert!(WHOLE.contains(from), "the example has {from}");
    let said = NodeConfig::parse(&WHOLE.replacen(from, to, 1)).expect_err("refused").to_string();
    for part in parts {
        assert!(said.contains(part), "wanted {part:?} for {to:?}, got: {said}");
    }
}

#[test]
fn a_whole_file_is_read() {
    let config = NodeConfig::parse(WHOLE).unwrap();
    assert_eq!(config.node, UniqueId::from_name("acme.node-1"));
    // Its own entry is no peer: all nodes may share one list.
    assert_eq!(config.peers.len(), 1);
    assert_eq!(config.peers[0].address, "node-2.example:7400");
    let ticket = Some("gbp.ticket".to_owned());
    let https = SourceKind::Https { address: "gbp.example:7500".to_owned(), ticket_file: ticket };
    assert_eq!(config.source("GBP").map(|source| &source.kind), Some(&https));
    assert!(config.source("CHF").is_none());
    assert_eq!(config.snapshot.every_cuts, 50);
    assert_eq!((config.budget.memory_bytes, config.budget.ahead_bytes), (64 << 20, 2 << 20));
    assert!(config.query.members && config.listen.query.is_some());
    assert_eq!(config.log, Some(LogFormat::Json));
}

#[test]
fn what_is_wrong_is_told_all_at_once() {
    let source = WHOLE
        .replace("127.0.0.1:9000", "localhost")
        .replace("node-2.example:7400", "https://node-2")
        .replace("kind = \"https\"", "kind = \"http\"")
        .replace("every_cuts = 50", "every_cuts = 0")
        .replace("memory_bytes = 67108864", "memroy_bytes = 1");
    let said = NodeConfig::parse(&source).expect_err("refused").to_string();
    for part in [
        "`ops` in [listen] is `localhost`, which is no address to listen on",
        "is `https://node-2`, which is no host with a port",
        "did you mean `https`?",
        "`every_cuts` in [snapshot] is 0",
        "did you mean `memory_bytes`?",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn one_node_and_one_member_have_one_address() {
    says("node = \"acme.node-2\"", "node = \"acme.node-1\"", &["one node is listed twice"]);
    says("member = \"GBP\"", "member = \"USD\"", &["member `USD` has two sources, on lines"]);
}

#[test]
fn a_node_is_in_one_world() {
    says("collateral = \"collateral\"", "", &["nobody could be judged"]);
    let both = "collateral = \"c\"\nsimulated_world = \"w\"";
    says("collateral = \"collateral\"", both, &["a node is in one world"]);
}

#[test]
fn a_roster_has_each_node_once() {
    let twice = "version = 1\nnode = [{ id = \"a\" }, { id = \"a\" }]";
    assert!(RosterConfig::parse(twice).unwrap_err().to_string().contains("listed twice"));
    assert!(RosterConfig::parse("version = 1\nnode = []").is_err());
    let many: Vec<String> = (0..=MAX_ROSTER).map(|it| format!("{{ id = \"n{it}\" }}")).collect();
    let many = format!("version = 1\nnode = [{}]", many.join(", "));
    assert!(RosterConfig::parse(&many).unwrap_err().to_string().contains("not 33"));
}

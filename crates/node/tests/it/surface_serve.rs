//! `holobiont surface serve`: a member that publishes from its standard input. What it serves over
//! the network, `dev --nodes` shows.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use holobiont_surface::Surface;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::run::{Ran, command, holobiont};

/// A simulated world with one member, and what is to be published.
struct Member {
    dir: TempDir,
    written: Value,
    name: String,
}

impl Member {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let arguments =
            ["dev", "--nodes", "3", "--members", "2", "--days", "20", "--write-only", "--json"];
        let written = holobiont(dir.path(), &arguments).expect(0).json();
        let name = written["members"][0]["name"].as_str().unwrap().to_owned();
        Self { dir, written, name }
    }

    fn surface(&self) -> PathBuf {
        self.dir.path().join(self.written["members"][0]["surface"].as_str().unwrap())
    }

    fn arguments<'a>(&'a self, surface: &'a Path, member: &'a str) -> Vec<&'a str> {
        let text = |key: &str| self.written[key].as_str().unwrap();
        let (organism, world) = (text("organism"), text("world"));
        let surface = surface.to_str().unwrap();
        [
            &["surface", "serve", surface, "--organism", organism, "--member", member][..],
            &["--listen", "127.0.0.1:0", "--json", "--insecure-simulated-tdx", world],
        ]
        .concat()
    }

    /// Started and listening.
    fn serve(&self) -> (Child, Value) {
        let surface = self.surface();
        let mut child = command(self.dir.path())
            .args(self.arguments(&surface, &self.name))
            .arg("--stdin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        (child, serde_json::from_str(&line).unwrap())
    }

    fn line(&self, clock: u64) -> String {
        format!("{}\n", json!({ "member": self.name, "clock": clock, "payload": "1.07" }))
    }

    /// Waits until so many records are durable.
    fn has(&self, records: u64) {
        let until = Instant::now() + Duration::from_secs(30);
        let durable = || {
            let surface = Surface::open(&self.surface()).ok()?;
            surface.mark().map(|mark| mark.seq + 1)
        };
        while durable() != Some(records) {
            assert!(Instant::now() < until, "{:?} records, not {records}", durable());
            std::thread::yield_now();
        }
    }
}

fn end(child: Child) -> Ran {
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::TERM).unwrap();
    Ran::of(&child.wait_with_output().unwrap())
}

#[test]
fn what_standard_input_says_is_published_once() {
    let member = Member::new();
    let (mut child, told) = member.serve();
    assert_eq!(
        (&told["schema"], &told["simulated"]),
        (&json!("holobiont.surface.serve/v1"), &json!(true))
    );
    let mut input = child.stdin.take().unwrap();
    for clock in 10_000..10_010 {
        input.write_all(member.line(clock).as_bytes()).unwrap();
    }
    member.has(10);
    // It is served on when the input ends, and ends well when it is told to.
    drop(input);
    let ran = end(child).expect(0);
    assert!(ran.stderr.contains("SIMULATED-TDX"), "{}", ran.stderr);
    let surface = member.surface();
    let surface = surface.to_str().unwrap();
    holobiont(member.dir.path(), &["surface", "verify", surface]).expect(0);

    // A feed that begins again at its first record, with numbers.
    let exported = holobiont(member.dir.path(), &["surface", "export", surface]).expect(0).stdout;
    let renamed = exported.replace(
        &format!("\"member\":\"{}\"", Path::new(surface).file_name().unwrap().to_str().unwrap()),
        &format!("\"member\":\"{}\"", member.name),
    );
    let (mut child, _) = member.serve();
    let mut input = child.stdin.take().unwrap();
    input.write_all(renamed.as_bytes()).unwrap();
    input.write_all(member.line(10_010).as_bytes()).unwrap();
    member.has(11);
    end(child).expect(0);
}

#[test]
fn what_is_no_record_ends_it_with_what_came_before_published() {
    let member = Member::new();
    for (records, bad, tells) in [
        (1, "{\"member\":\"nobody\",\"clock\":20000}\n".to_owned(), "line 2"),
        (2, member.line(10_002), "is closed"),
        (3, "no JSON\n".to_owned(), "line 2"),
    ] {
        let (mut child, _) = member.serve();
        let mut input = child.stdin.take().unwrap();
        let good = member.line(10_000 + records);
        input.write_all(format!("{good}{bad}").as_bytes()).unwrap();
        let ran = Ran::of(&child.wait_with_output().unwrap()).expect(5);
        ran.tells(&["standard input", tells]);
        member.has(records);
    }
}

#[test]
fn what_nobody_could_read_is_not_served() {
    let member = Member::new();
    let dir = member.dir.path();
    let surface = member.surface();
    let refused = |member: &Member, name: &str, code, tells: &[&str]| {
        let ran = holobiont(dir, &member.arguments(&surface, name)).expect(code);
        ran.tells(tells);
    };
    refused(&member, "nobody", 3, &["names no member `nobody`"]);
    refused(&member, &member.name, 6, &["is not a surface"]);
    let (child, _) = member.serve();
    end(child).expect(0);
    // The folder of one member under the name of another.
    let other = member.written["members"][1]["name"].as_str().unwrap();
    refused(&member, other, 5, &["holds surface"]);
    let organism = dir.join(member.written["organism"].as_str().unwrap());
    let text = std::fs::read_to_string(&organism).unwrap();
    let without: String = text
        .lines()
        .filter(|line| !line.starts_with("ticket_issuers"))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&organism, without).unwrap();
    refused(&member, &member.name, 3, &["ticket_issuers", "--no-tickets"]);
    let real = ["surface", "serve", "s", "--organism", "o.toml", "--member", "USD"];
    let real = [&real[..], &["--listen", "127.0.0.1:0"]].concat();
    holobiont(dir, &real).expect(2).tells(&["--collateral"]);
}

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// How fast records are replayed here, against this machine's limits and other stores.
    #[command(after_help = "\
Examples:
  holobiont bench replay                                  # 2 to 3 minutes
  holobiont bench replay --out now --baseline before/replay.json
  holobiont bench replay --scenario fixed --payload 512 --only scan --repeat 15
  holobiont bench replay --quick                          # does it work at all?

What the figures mean: every row reads the same records, made from --seed, and must arrive at the
same sum over them, or at the same head of what it publishes; a row that does not is INVALID, and
so is the run (exit code 7). Rows run in turn, A B C, A B C, --repeat times after one round that is
not counted: each figure is a median, with the least and the most of the rounds. A ratio is between
the speeds of two rows in the same rounds. `fetch-hash` reads the files' bytes into one private
buffer and hashes every window: what a verified scan cannot be faster than.

--baseline compares only our rows' ratios to their floors, never absolute figures, which another
machine or another hour changes; exit code 8 says that one of them is worse by more than
--threshold. Rows of other stores are there in a build with `--features peers`. Where nothing is
verified (`scan-none`), nothing is proved: those rows are for measuring only.")]
    Replay(Box<BenchReplay>),
    /// How a committee of real processes on this machine does, in simulated TDX.
    #[cfg(feature = "simulated")]
    #[command(after_help = "\
Examples:
  holobiont bench committee                               # some 6 minutes
  holobiont bench committee --only flat --seconds 60
  holobiont bench committee --quick                       # does it work at all?

What the figures mean: nodes are processes of this program, this process is all members, and all of
them share this machine. `paced`: every member publishes one record every 50 ms; a latency is from
before the record's append at the member, which syncs it, until a node says that the cut that took
it is certified. `flat`: members publish as fast as records get certified. `down`: one node is away
while --down-records get certified, and starts again. `kills`: the leader is killed (SIGKILL), again
and again, while members publish as in `paced`. What `flat` and `down` are held against is a replay
of the same records by this process alone, from the committee's own log and the members' surfaces,
heads checked; it must arrive at the head that the committee certified, else the run is INVALID (exit
code 7). Beside them stand what the disk's fsync and an attested connection take in the same run.
Limits that are not met are told and are no error: they are for a quiet machine to judge.")]
    Committee(BenchCommittee),
}

#[cfg(feature = "simulated")]
#[derive(Debug, Args)]
pub(crate) struct BenchCommittee {
    /// Nodes of the committee.
    #[arg(long, value_name = "N", default_value_t = 3,
          value_parser = clap::value_parser!(u16).range(1..=9))]
    pub(crate) nodes: u16,
    /// Members that publish.
    #[arg(long, value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) members: u16,
    /// Payload of a record.
    #[arg(long, value_name = "BYTES", default_value_t = 256,
          value_parser = clap::value_parser!(u32).range(16..=65_536))]
    pub(crate) record_bytes: u32,
    /// For how long members publish in `paced` and in `flat`.
    #[arg(long, value_name = "S", default_value_t = 20,
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) seconds: u64,
    /// What is certified while a node is down, over all members.
    #[arg(long, value_name = "N", default_value_t = 1_000_000,
          value_parser = clap::value_parser!(u64).range(1_000..=1_000_000_000))]
    pub(crate) down_records: u64,
    /// How often the leader is killed.
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) kills: u32,
    /// Payloads of random bytes, of which the program commits nothing, in place of values.
    #[arg(long)]
    pub(crate) random: bool,
    /// Only these parts; may be given several times [default: all].
    #[arg(long, value_enum, value_name = "PART")]
    pub(crate) only: Vec<CommitteePart>,
    /// Where everything is put; made anew at every run, and removed at its end.
    #[arg(long, value_name = "DIR", default_value = "holobiont-bench-committee")]
    pub(crate) dir: PathBuf,
    /// Leave the folder there. It is left where something went wrong.
    #[arg(long)]
    pub(crate) keep: bool,
    /// A run of half a minute on little; its figures mean nothing.
    #[arg(long)]
    pub(crate) quick: bool,
}

#[cfg(feature = "simulated")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CommitteePart {
    /// Records at a steady pace.
    Paced,
    /// Records as fast as they get certified.
    Flat,
    /// A node that was away.
    Down,
    /// A leader that is killed.
    Kills,
}

#[derive(Debug, Args)]
pub(crate) struct BenchReplay {
    /// How many members are merged; may be given several times [default: 1 2 8 64].
    #[arg(long, value_name = "N")]
    pub(crate) members: Vec<u16>,
    /// Records of a scenario, over all members [default: 256 MiB of payload].
    #[arg(long, value_name = "N")]
    pub(crate) records: Option<std::num::NonZeroU64>,
    /// Payload size of `fixed`; may be given several times, and everything is measured on the first
    /// [default: 256 64 1024].
    #[arg(long, value_name = "BYTES")]
    pub(crate) payload: Vec<u32>,
    /// Which records; may be given several times [default: all three].
    #[arg(long, value_enum)]
    pub(crate) scenario: Vec<Scenario>,
    /// Cores that rows named `all-cores` use [default: all].
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
    /// Rounds that are counted [default: 5].
    #[arg(long, value_name = "N")]
    pub(crate) repeat: Option<std::num::NonZeroUsize>,
    /// What the records are made from.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where the records are; made anew at every run, and removed at its end.
    #[arg(long, value_name = "DIR", default_value = "holobiont-bench")]
    pub(crate) dir: PathBuf,
    /// Leave the records in --dir.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Measure the records that a run with --keep left in --dir, whatever it was asked for, and
    /// leave them there.
    #[arg(long, conflicts_with_all = ["members", "records", "payload", "scenario", "seed", "ecb", "quick"])]
    pub(crate) reuse: bool,
    /// Write replay.json, the whole report, and replay.html, a page of it, to this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Compare with the replay.json of an earlier run.
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// How much worse a ratio to a floor may be than the baseline's, in percent.
    #[arg(long, value_name = "PCT", default_value_t = 10.0)]
    pub(crate) threshold: f64,
    /// Also make a log of this size, and measure memory and the time to open on it.
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..=4096))]
    pub(crate) large: Option<u64>,
    /// The rates of `ecb`, as the European Central Bank's eurofxref-hist.csv has them [default: up
    /// to October 2026].
    #[arg(long, value_name = "FILE")]
    pub(crate) ecb: Option<PathBuf>,
    /// Only rows with this in their `scenario/name`, and those that they are held against.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
    /// A run of a few seconds on few records; its figures mean nothing.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Run this one row once, and tell the memory that it took.
    #[arg(long, value_name = "NAME", hide = true)]
    pub(crate) probe: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Payloads of one size, see --payload.
    Fixed,
    /// Payloads of 16 bytes to 16 KiB, small ones far more often.
    Zipf,
    /// The European Central Bank's reference rates, with the program cross-feed.
    Ecb,
}

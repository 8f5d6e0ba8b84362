mod served;

use holobiont_identity::Organism;
use holobiont_programs::{Description, describe};
use holobiont_replay::{
    Citation, Commit, LogReader, MemberEvidence, Published as Record, ReplayError, StatusRecord,
};
use holobiont_surface::{EvidenceItem, Genesis, Surface, Trust};
use serde::Serialize;

use crate::cli::{ClockFormat, Explain as Args};
use crate::exported::{Exported, is_signed};
use crate::failure::{Failure, InputPlace};
use crate::opened::Published;
use crate::print::{self, Lines};
use crate::text::count;

pub(super) fn run(args: &Args, as_json: bool) -> Result<(), Failure> {
    let Some(against) = &args.against else {
        return served::run(args, as_json);
    };
    let published = Published::new(against);
    let organism = published.organism()?;
    // The log names the config that the commits were made under; this must be it.
    if is_signed(&published.log())? {
        Exported::trusting(&published.log(), &organism)?;
    } else {
        LogReader::open(&published.log(), &organism).map_err(ReplayError::from)?;
    }
    let output = published.open(&organism)?;
    let Some(dir) = args.surfaces.as_deref().filter(|_| !args.all) else {
        return tell_all(&output, &organism);
    };
    let surfaces = args.reading.surfaces(&organism, dir, Trust::Full)?;
    let find = |citation: &Citation, evidence: &MemberEvidence| {
        let place = usize::from(citation.member);
        let (_, surface) = surfaces.get(place).ok_or_else(|| uncovered(citation))?;
        let item = surface.prove(citation.seq, evidence.head.seq)?;
        Ok(Some((item, surface.genesis().clone())))
    };
    let seq = match args.commit {
        Some(seq) => seq,
        None => last_commit(&output, &published)?,
    };
    let (clock, record) = read(&output, seq)?;
    match record {
        Record::Commit(commit) => {
            let explained = Explained::of(seq, clock, &organism, &find, &commit)?;
            if as_json {
                return print::json("explain.commit", &explained);
            }
            print::text(&explained.render(args.clock, &organism))
        }
        Record::Status(status) => tell_status(seq, clock, &organism, &status, args.clock, as_json),
        _ if as_json => {
            #[derive(Serialize)]
            struct Told {
                record: u64,
                clock: u64,
            }
            print::json("explain.empty", &Told { record: seq, clock })
        }
        _ => print::text(&format!(
            "record {seq} publishes nothing; it ends clock event {}\n",
            args.clock.show(clock)
        )),
    }
}

/// Every commit as a line of JSON.
fn tell_all(output: &Surface, organism: &Organism) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Line {
        commit: u64,
        cut: u64,
        clock: u64,
        grade: &'static str,
        weight: u64,
        program: serde_json::Value,
    }
    let names: Vec<&str> = organism.members.iter().map(|member| member.name.as_str()).collect();
    let program = &organism.program;
    let mut cursor = output.cursor(output.earliest())?;
    let mut lines = Lines::new();
    while cursor.peek()?.is_some() {
        if let Some(record) = cursor.current()
            && let Record::Commit(commit) = Record::read(&record)?
        {
            let said = describe(&program.name, program.version, &commit.payload, &names)?;
            lines.push(&Line {
                commit: record.seq(),
                cut: commit.cut,
                clock: said.clock,
                grade: commit.grade.name(),
                weight: commit.weight,
                program: said.json,
            })?;
        }
        cursor.advance();
    }
    lines.finish()
}

/// The last record of the surface that is a commit.
fn last_commit(output: &Surface, published: &Published) -> Result<u64, Failure> {
    let mut seq = output.next_seq();
    while seq > output.earliest() {
        seq = seq.saturating_sub(1);
        if let (_, Record::Commit(_)) = read(output, seq)? {
            return Ok(seq);
        }
    }
    Err(Failure::Input {
        file: published.surface_dir(),
        place: InputPlace::default(),
        what: "holds no commit".to_owned(),
        help: "replay an organism that commits something",
    })
}

fn read(output: &Surface, seq: u64) -> Result<(u64, Record), Failure> {
    let mut cursor = output.cursor(seq)?;
    cursor.peek()?;
    match cursor.current() {
        Some(record) => Ok((record.clock(), Record::read(&record)?)),
        None => Err(holobiont_surface::SurfaceError::NotYet {
            wanted: seq,
            next_seq: output.next_seq(),
        }
        .into()),
    }
}

/// A commit, with every record it cites proved.
#[derive(Debug, Serialize)]
struct Explained {
    commit: u64,
    cut: u64,
    clock: u64,
    grade: &'static str,
    weight: u64,
    floor_normal: u64,
    members: Vec<Member>,
    citations: Vec<Cited>,
    #[serde(serialize_with = "as_json")]
    program: Description,
}

#[derive(Debug, Serialize)]
struct Member {
    name: String,
    status: &'static str,
    counts: bool,
    taken: Option<(u64, u64)>,
    head_seq: Option<u64>,
    head: Option<String>,
}

/// A record that the commit stands on, as the member's own surface has it.
#[derive(Debug, Serialize)]
struct Cited {
    member: String,
    seq: u64,
    clock: u64,
    /// Whether the record itself was seen and proved.
    proved: bool,
    payload: String,
    proved_against_seq: u64,
    proved_against_head: String,
}

impl Explained {
    fn of(
        seq: u64,
        clock: u64,
        organism: &Organism,
        find: Find<'_>,
        commit: &Commit,
    ) -> Result<Self, Failure> {
        let names: Vec<&str> = organism.members.iter().map(|member| member.name.as_str()).collect();
        let program = &organism.program;
        let mut citations = Vec::with_capacity(commit.citations.len());
        for citation in &commit.citations {
            citations.push(prove(organism, find, &commit.evidence, citation)?);
        }
        let members = (0_u16..)
            .zip(names.iter().zip(&commit.statuses))
            .map(|(place, (name, status))| {
                let evidence = commit.evidence.iter().find(|evidence| evidence.place == place);
                Member {
                    name: (*name).to_owned(),
                    status: status.name(),
                    counts: status.counts(),
                    taken: evidence.and_then(|evidence| evidence.taken),
                    head_seq: evidence.map(|evidence| evidence.head.seq),
                    head: evidence.map(|evidence| evidence.head.hash.to_string()),
                }
            })
            .collect();
        Ok(Self {
            commit: seq,
            cut: commit.cut,
            clock,
            grade: commit.grade.name(),
            weight: commit.weight,
            floor_normal: organism.floor.normal,
            members,
            citations,
            program: describe(&program.name, program.version, &commit.payload, &names)?,
        })
    }

    fn render(&self, clock: ClockFormat, organism: &Organism) -> String {
        let mut text = format!(
            "commit {} of {}: cut {}, clock {}\n{}: members that count weigh {}, normal is {} or more\n\n{}: {}\n",
            self.commit,
            organism.name,
            self.cut,
            clock.show(self.clock),
            self.grade,
            self.weight,
            self.floor_normal,
            clock.show(self.program.clock),
            self.program.headline,
        );
        for note in &self.program.notes {
            text.push_str(&format!("{note}\n"));
        }
        text.push('\n');
        text.push_str(&print::table(
            self.program.columns.iter().copied(),
            self.program.rows.iter().cloned(),
        ));
        let away: Vec<String> = self
            .members
            .iter()
            .filter(|member| member.status != "live")
            .map(|member| format!("{} {}", member.name, member.status))
            .collect();
        let live = self.members.len().saturating_sub(away.len());
        let live = count(u64::try_from(live).unwrap_or(u64::MAX), "member");
        text.push_str(&format!("\n{live} live"));
        for member in &away {
            text.push_str(", ");
            text.push_str(member);
        }
        text.push_str(if self.citations.iter().all(|cited| cited.proved) {
            "\n\nIt stands on these records, each proved against its member's head at the cut:\n"
        } else {
            "\n\nIt stands on these records; those without a payload are not shown there, and not \
             proved (--surfaces names a folder that has them):\n"
        });
        let rows = self.citations.iter().map(|cited| {
            [
                cited.member.clone(),
                cited.seq.to_string(),
                clock.show(cited.clock),
                cited.payload.clone(),
                format!("{} at {}", short(&cited.proved_against_head), cited.proved_against_seq),
            ]
        });
        text.push_str(&print::table(["member", "record", "clock", "payload", "head"], rows));
        text
    }
}

/// Finds the proof of a cited record, and the genesis that it is proved with; none where nobody
/// shows it.
type Find<'a> =
    &'a dyn Fn(&Citation, &MemberEvidence) -> Result<Option<(EvidenceItem, Genesis)>, Failure>;

/// Proves a cited record against the head in the commit.
fn prove(
    organism: &Organism,
    find: Find<'_>,
    evidence: &[MemberEvidence],
    citation: &Citation,
) -> Result<Cited, Failure> {
    let member = organism.members.get(usize::from(citation.member));
    let is_its = |evidence: &&MemberEvidence| {
        evidence.place == citation.member
            && Some(evidence.member) == member.map(|member| member.id())
    };
    let evidence = evidence.iter().find(is_its);
    let (Some(member), Some(evidence)) = (member, evidence) else {
        return Err(uncovered(citation));
    };
    let head = evidence.head;
    let found = find(citation, evidence)?;
    let payload = match &found {
        None => None,
        Some((item, genesis)) => {
            let record = item.verify(citation.seq, &head, genesis)?;
            if record.clock() != citation.clock {
                return Err(Failure::Differs {
                    what: format!(
                        "the commit cites {} record {} at clock {}, its surface has it at {}",
                        member.name,
                        citation.seq,
                        citation.clock,
                        record.clock()
                    ),
                });
            }
            let payload = record.payload();
            Some(std::str::from_utf8(payload).map_or_else(|_| hex::encode(payload), str::to_owned))
        }
    };
    Ok(Cited {
        member: member.name.clone(),
        seq: citation.seq,
        clock: citation.clock,
        proved: payload.is_some(),
        payload: payload.unwrap_or_default(),
        proved_against_seq: head.seq,
        proved_against_head: head.hash.to_string(),
    })
}

fn uncovered(citation: &Citation) -> Failure {
    let place = citation.member;
    Failure::Differs { what: format!("the commit cites member {place}, and has no evidence of it") }
}

fn tell_status(
    seq: u64,
    clock: u64,
    organism: &Organism,
    status: &StatusRecord,
    format: ClockFormat,
    as_json: bool,
) -> Result<(), Failure> {
    let change = &status.change;
    let member = organism.members.get(usize::from(change.member));
    let name = member.map_or("?", |member| member.name.as_str());
    if as_json {
        #[derive(Serialize)]
        struct Told<'a> {
            record: u64,
            cut: u64,
            clock: u64,
            member: &'a str,
            from: &'static str,
            to: &'static str,
            cause: String,
        }
        let told = Told {
            record: seq,
            cut: status.cut,
            clock,
            member: name,
            from: change.from.name(),
            to: change.to.name(),
            cause: change.cause.to_string(),
        };
        return print::json("explain.status", &told);
    }
    print::text(&format!(
        "record {seq} is no commit but a change of status, in cut {}, clock {}:\n{name} went from {} \
         to {}: {}\n",
        status.cut,
        format.show(clock),
        change.from.name(),
        change.to.name(),
        change.cause
    ))
}

fn short(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

fn as_json<S: serde::Serializer>(
    description: &Description,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    description.json.serialize(serializer)
}

use std::time::Duration;

use holobiont_archive::SurfaceHead;
use holobiont_committee::{Certificate, certificate_quorum};
use holobiont_identity::Organism;
use holobiont_policy::Roster;
use holobiont_replay::{Citation, MemberEvidence, Published as Record};
use holobiont_surface::{Genesis, Trust};

use super::{Args, Explained, tell_status, uncovered};
use crate::failure::Failure;
use crate::http::Asking;
use crate::run::commits::{CommitTold, EvidenceTold};
use crate::run::told::Told;
use crate::{files, print};

/// How often a node is asked again for a proof against a certified head.
const TRIES: u32 = 10;
/// The rest between, while the node goes on.
const REST: Duration = Duration::from_millis(300);

/// Explains a commit that a node serves: it is proved against the head that a certificate names.
pub(super) fn run(args: &Args, as_json: bool) -> Result<(), Failure> {
    let (Some(url), Some(file)) = (&args.url, &args.organism) else {
        return Err(Failure::Usage {
            what: "there is nothing to explain".to_owned(),
            help: "name a folder with --against, or a node with --url and --organism",
        });
    };
    let (organism, _) = files::organism(file)?;
    let asking = Asking::new(url)?;
    let seq = match args.commit {
        Some(seq) => seq,
        None => last(&asking, &organism)?,
    };
    let genesis = Genesis::new(organism.output_surface_id());
    let mut tries = 0..TRIES;
    let (item, head) = loop {
        let told: CommitTold = asking.json(&format!("/v1/commits/{seq}"))?;
        match is_certified(&asking, &organism, &told) {
            Ok(()) => {
                break (told.proof.item().ok_or_else(|| unproved(url, seq))?, told.proof.head);
            }
            // Its newest certificate may be a moment ahead of what it serves.
            Err(Failure::Differs { .. }) if tries.next().is_some() => std::thread::sleep(REST),
            Err(failure) => return Err(failure),
        }
    };
    let record = item.verify(seq, &head, &genesis)?;
    let (clock, published) = (record.clock(), Record::read(&record)?);
    let commit = match published {
        Record::Commit(commit) => commit,
        Record::Status(status) => {
            return tell_status(seq, clock, &organism, &status, args.clock, as_json);
        }
        _ => {
            return print::text(&format!(
                "record {seq} publishes nothing; it ends clock event {}\n",
                args.clock.show(clock)
            ));
        }
    };
    let surfaces = match &args.surfaces {
        Some(dir) => Some(args.reading.surfaces(&organism, dir, Trust::Full)?),
        None => None,
    };
    let evidence: Option<EvidenceTold> = match &surfaces {
        Some(_) => None,
        None => Some(asking.json(&format!("/v1/commits/{seq}/evidence"))?),
    };
    let find = |citation: &Citation, member: &MemberEvidence| {
        if let Some(surfaces) = &surfaces {
            let place = usize::from(citation.member);
            let (_, surface) = surfaces.get(place).ok_or_else(|| uncovered(citation))?;
            let item = surface.prove(citation.seq, member.head.seq)?;
            return Ok(Some((item, surface.genesis().clone())));
        }
        let shown = evidence.iter().flat_map(|evidence| &evidence.citations);
        let mut shown = shown.filter(|it| (it.member, it.seq) == (citation.member, citation.seq));
        let Some(item) = shown.next().and_then(|it| it.proof.as_ref()?.item()) else {
            return Ok(None);
        };
        Ok(Some((item, member_genesis(&asking, &organism, citation)?)))
    };
    let explained = Explained::of(seq, clock, &organism, &find, &commit)?;
    if as_json {
        return print::json("explain.commit", &explained);
    }
    print::text(&explained.render(args.clock, &organism))
}

/// The last record that a certificate covers and that is a commit.
fn last(asking: &Asking, organism: &Organism) -> Result<u64, Failure> {
    let id = organism.output_surface_id();
    let head: SurfaceHead = asking.json(&format!("/v1/surfaces/{id}/head"))?;
    let mut seq = head.next_seq;
    while seq > head.earliest {
        seq = seq.saturating_sub(1);
        let told: CommitTold = asking.json(&format!("/v1/commits/{seq}"))?;
        if told.kind == "commit" {
            return Ok(seq);
        }
    }
    Err(Failure::NotReady { what: format!("{} has no certified commit yet", asking.base()) })
}

/// The head that a commit is proved against must be the one that a certificate names: another one
/// below it is nobody's word. Whose keys signed it, `certificate verify` and `audit` tell.
fn is_certified(asking: &Asking, organism: &Organism, told: &CommitTold) -> Result<(), Failure> {
    let path = format!("/v1/certificates/{}", told.certified_cut);
    let certificate = Certificate::decode(&asking.bytes(&path)?)?;
    let status: Told = asking.json("/v1/status")?;
    let roster = Roster::new(status.roster).map_err(|_| unproved(asking.base(), told.seq))?;
    if roster.digest() != certificate.statement.roster_digest {
        return Err(unproved(asking.base(), told.seq));
    }
    let quorum = certificate_quorum(roster.nodes().len(), organism.tolerate_leaked_keys);
    certificate.verify(quorum, &|node, _| roster.nodes().contains(node))?;
    print::note(
        "the roster and its boot keys are on the node's word: `holobiont audit` checks them",
    );
    match certificate.statement.output {
        Some(head) if head == told.proof.head => Ok(()),
        _ => Err(unproved(asking.base(), told.seq)),
    }
}

/// The genesis of the cited member's surface: the head in the commit commits to it.
fn member_genesis(
    asking: &Asking,
    organism: &Organism,
    citation: &Citation,
) -> Result<Genesis, Failure> {
    let member = organism.members.get(usize::from(citation.member));
    let id = member.ok_or_else(|| uncovered(citation))?.surface_id();
    let head: SurfaceHead = asking.json(&format!("/v1/surfaces/{id}/head"))?;
    Ok(head.genesis())
}

fn unproved(url: &str, seq: u64) -> Failure {
    Failure::Differs { what: format!("{url} does not prove that record {seq} is certified") }
}

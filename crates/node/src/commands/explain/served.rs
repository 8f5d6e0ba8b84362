use holobiont_archive::SurfaceHead;
use holobiont_committee::Certificate;
use holobiont_identity::Organism;
use holobiont_replay::{Citation, MemberEvidence, Published as Record};
use holobiont_surface::{Genesis, Trust};

use super::{Args, Explained, tell_status, uncovered};
use crate::failure::Failure;
use crate::http::Asking;
use crate::run::commits::{CommitTold, EvidenceTold};
use crate::run::told::Told;
use crate::{files, print};

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
    let told: CommitTold = asking.json(&format!("/v1/commits/{seq}"))?;
    let genesis = Genesis::new(organism.output_surface_id());
    let item = told.proof.item().ok_or_else(|| unproved(url, seq))?;
    let record = item.verify(seq, &told.proof.head, &genesis)?;
    is_certified(&asking, &told)?;
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

/// The head that a commit is proved against must be one that a certificate names, or lie under it.
/// Whose keys signed it, `certificate verify` and `audit` tell.
fn is_certified(asking: &Asking, told: &CommitTold) -> Result<(), Failure> {
    let path = format!("/v1/certificates/{}", told.certified_cut);
    let certificate = Certificate::decode(&asking.bytes(&path)?)?;
    let status: Told = asking.json("/v1/status")?;
    let quorum = usize::try_from(status.certificate_quorum).unwrap_or(usize::MAX);
    certificate.verify(quorum, &|node, _| status.roster.contains(node))?;
    match certificate.statement.output {
        Some(head) if head.seq >= told.proof.head.seq => Ok(()),
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

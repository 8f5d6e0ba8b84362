use std::path::Path;

use holobiont_identity::Organism;
use holobiont_policy::{Command, Offer, OfferRef, OfferedHead, Opinion, Roster, Vote};
use holobiont_replay::LogWriter;

use crate::BenchError;

/// An organism that spans so many seeded members, and runs the program that does nothing.
pub(super) fn organism(seed: u64, members: u16) -> Result<Organism, BenchError> {
    let mut text = String::from(
        "version = 1\nname = \"bench\"\nprogram = { name = \"empty\", version = 1 }\n\
         policy = { max_advance = 1_000_000_000_000 }\n",
    );
    for member in 0..members {
        text.push_str(&format!(
            "[[member]]\nname = \"m{member:03}\"\nstable_id = \"bench.{seed}.m{member:03}\"\n\
             surface = \"records\"\nstart = 1\n"
        ));
    }
    Ok(Organism::parse(&text)?)
}

/// Writes the log of a committee of one that agreed, again and again, on every member's head at the
/// same clock: `offers` has the members' heads by the number of the cut.
pub(super) fn write(
    file: &Path,
    organism: &Organism,
    offers: Vec<Vec<OfferedHead>>,
) -> Result<(), BenchError> {
    let roster = Roster::replay();
    let mut log = LogWriter::create(file, organism, &roster)?;
    let mut index = 0_u64;
    for (heads, time_ms) in offers.into_iter().zip(0..).filter(|(heads, _)| !heads.is_empty()) {
        let opinions = heads.iter().map(|head| (head.member, Opinion::Have)).collect();
        let offer = Command::Offer(Offer { node: 0, heads });
        let hash = offer.hash();
        index = index.saturating_add(1);
        log.append(index, &offer)?;
        let offer = OfferRef { index, hash };
        index = index.saturating_add(1);
        log.append(index, &Command::Vote(Vote { node: 0, offer, opinions, time_ms }))?;
    }
    Ok(log.finish()?)
}

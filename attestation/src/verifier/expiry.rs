//! When a verdict ends: with the first of what it stands on.

use holobiont_identity::pins::{Pin, TcbRules, TcbStatus};

use super::{Ask, checks::has_nonce};
use crate::{Binding, artefact::Artefact, verdict::Expiry};

pub(super) fn first(
    artefacts: &[Artefact],
    pin: Option<&Pin>,
    ask: &Ask<'_>,
    rules: &TcbRules,
    grace: Option<(TcbStatus, u64)>,
) -> Option<Expiry> {
    let parts =
        artefacts.iter().map(|part| (part.next_update_s, format!("the {} ends", part.name)));
    let pin = pin.and_then(|pin| Some((pin.not_after_s?, format!("pin `{}` ends", pin.label))));
    let grace = grace.map(|(status, ended_s)| (ended_s, format!("the grace for {status} ends")));
    let nonce = ask.binding.filter(|binding| has_nonce(binding)).map(|_| ask.now_s);
    let age = ask.quote_made_s.or(nonce).map(|made_s| {
        let max_age_s = rules.max_quote_age_s;
        (made_s.saturating_add(max_age_s), format!("the quote is {max_age_s} s old"))
    });
    let ticket = match ask.binding {
        Some(Binding::Ticket(ticket)) => Some((ticket.not_after_s, "the ticket ends".to_owned())),
        _ => None,
    };
    let ends = parts.chain(pin).chain(grace).chain(age).chain(ticket);
    let (at_s, because) = ends.min_by_key(|(at_s, _)| *at_s)?;
    Some(Expiry { at_s, because })
}

use super::moment::Moment;
use super::windows::holes;
use super::{COMMITTEE_SURFACE, SurfacePins, TcbStatus};
use crate::Organism;

/// The longest grace that is not remarked on: 30 days, Intel's own cadence for collateral.
const LONG_GRACE_S: u64 = 2_592_000;

/// What is legal but unwise in the pins of an organism.
pub(crate) fn of(organism: &Organism) -> Vec<String> {
    if organism.surfaces.is_empty() {
        return Vec::new();
    }
    let members = organism.members.iter().map(|member| member.name.as_str());
    let unpinned =
        members.chain([COMMITTEE_SURFACE]).filter(|name| organism.pins(name).is_none()).map(
            |name| format!("[[surface]] has no `{name}`: nobody is admitted there by measurement"),
        );
    let surfaces = organism.surfaces.iter();
    unpinned.chain(surfaces.flat_map(|pins| sets(pins).into_iter().chain(tcb(pins)))).collect()
}

fn sets(pins: &SurfacePins) -> Vec<String> {
    let SurfacePins { surface, sets, .. } = pins;
    let mut warnings: Vec<String> = holes(sets)
        .into_iter()
        .map(|(first, last)| {
            let (first, last) = (Moment(first), Moment(last));
            format!("no pin of surface `{surface}` holds from {first} to {last}: overlap them")
        })
        .collect();
    if sets.iter().all(|pin| pin.revoked.is_some()) {
        warnings
            .push(format!("every pin of surface `{surface}` is revoked: nothing is ever accepted"));
    }
    if surface == COMMITTEE_SURFACE && pins.min_distinct_platforms.is_none() {
        warnings.push(format!(
            "surface `{surface}` has no `min_distinct_platforms`: one machine may host all nodes"
        ));
    }
    warnings
}

fn tcb(pins: &SurfacePins) -> Vec<String> {
    let SurfacePins { surface, tcb, sets, .. } = pins;
    let allows_out_of_date = tcb.allowed.iter().any(|status| status.is_out_of_date());
    let grace_s = tcb.out_of_date_grace_s;
    let mut warnings = Vec::new();
    if allows_out_of_date && grace_s == 0 {
        warnings.push(format!(
            "surface `{surface}` allows OutOfDate with `out_of_date_grace_s` = 0: no platform that \
             is out of date is accepted"
        ));
    }
    if !allows_out_of_date && grace_s > 0 {
        warnings.push(format!(
            "surface `{surface}` has `out_of_date_grace_s`, but `allowed` lists no OutOfDate: it \
             changes nothing"
        ));
    }
    if grace_s > LONG_GRACE_S {
        let days = grace_s / 86_400;
        warnings.push(format!(
            "surface `{surface}` accepts platforms with known holes for {days} days: 30 are enough \
             to update one"
        ));
    }
    let only_up_to_date = tcb.allowed.iter().all(|status| *status == TcbStatus::UpToDate);
    if only_up_to_date && sets.iter().any(|pin| !pin.advisories.is_empty()) {
        warnings.push(format!(
            "pins of surface `{surface}` accept advisories, but `allowed` lists UpToDate alone: \
             they change nothing"
        ));
    }
    warnings
}

use std::ops::Range;

use toml::Spanned;

use super::availability::Availability;
use super::weight::Weight;
use super::{MemberPolicy, OnGap, OnLateData, OnMismatch, OnStall, Then};
use crate::config::{Context, Table};

/// The policy keys written at one level: `[policy]`, or one member's own.
#[derive(Default)]
pub(super) struct PolicyKeys {
    on_stall: Option<StallWord>,
    carry_for: Option<Spanned<u64>>,
    then: Option<Spanned<Then>>,
    on_late_data: Option<OnLateData>,
    on_gap: Option<OnGap>,
    on_mismatch: Option<OnMismatch>,
    max_advance: Option<u64>,
    availability: Option<Availability>,
    weight: Option<Weight>,
    late_after: Option<u32>,
    stall_after: Option<u32>,
    recover_after: Option<u32>,
    join_within: Option<u32>,
    max_lag: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StallWord {
    Hold,
    Skip,
    Carry,
}

impl PolicyKeys {
    pub(super) fn read(table: &mut Table<'_>, cx: &mut Context<'_>) -> Self {
        use StallWord::{Carry, Hold, Skip};
        let hold_or_skip = [("hold", Then::Hold), ("skip", Then::Skip)];
        let keys = Self {
            on_stall: table.choice(
                "on_stall",
                &[("hold", Hold), ("skip", Skip), ("carry", Carry)],
                cx,
            ),
            carry_for: table.spanned("carry_for", |t, key| t.number(key, 0..=u64::MAX, cx)),
            then: table.spanned("then", |t, key| t.choice(key, &hold_or_skip, cx)),
            on_late_data: table.choice(
                "on_late_data",
                &[("fold", OnLateData::Fold), ("drop", OnLateData::Drop)],
                cx,
            ),
            on_gap: table.choice("on_gap", &[("hold", OnGap::Hold), ("skip", OnGap::Skip)], cx),
            on_mismatch: table.choice(
                "on_mismatch",
                &[("quarantine", OnMismatch::Quarantine), ("hold", OnMismatch::Hold)],
                cx,
            ),
            max_advance: table.number("max_advance", 0..=u64::MAX, cx),
            availability: table.optional("availability", cx),
            weight: table.optional("weight", cx),
            late_after: table.number("late_after", 1..=u32::MAX, cx),
            stall_after: table.number("stall_after", 1..=u32::MAX, cx),
            recover_after: table.number("recover_after", 0..=u32::MAX, cx),
            join_within: table.number("join_within", 0..=u32::MAX, cx),
            max_lag: table.number("max_lag", 0..=u64::MAX, cx),
        };
        if keys.on_stall.is_some_and(|word| word != Carry) {
            keys.refuse_carry_keys(table.label(), cx);
        }
        keys
    }

    /// The policy of one member: its own keys, else those of `[policy]`, else the defaults.
    pub(super) fn over(
        &self,
        shared: &Self,
        member: &str,
        span: &Range<usize>,
        cx: &mut Context<'_>,
    ) -> Option<MemberPolicy> {
        let max_advance = self.max_advance.or(shared.max_advance);
        if max_advance.is_none() {
            cx.advise(
                Some(span.clone()),
                format!("`max_advance` is missing for {member}, and it has no default"),
                "set it in [member.policy], or in [policy] for all members, to the largest jump \
                 of its clock that is believable",
            );
        }
        let on_stall = self.stall_over(shared, member, span, cx);
        let default = MemberPolicy::new(max_advance.unwrap_or(0));
        let late_after = self.late_after.or(shared.late_after).unwrap_or(default.late_after);
        let stall_after = self.stall_after.or(shared.stall_after).unwrap_or(default.stall_after);
        if late_after >= stall_after {
            cx.advise(
                Some(span.clone()),
                format!(
                    "`late_after` ({late_after}) is not below `stall_after` ({stall_after}) for \
                     {member}"
                ),
                "a member is late before it is stalled: raise `stall_after` or lower `late_after`",
            );
        }
        let availability = self.availability.or(shared.availability);
        Some(MemberPolicy {
            on_stall: on_stall?,
            on_late_data: self.on_late_data.or(shared.on_late_data).unwrap_or(default.on_late_data),
            on_gap: self.on_gap.or(shared.on_gap).unwrap_or(default.on_gap),
            on_mismatch: self.on_mismatch.or(shared.on_mismatch).unwrap_or(default.on_mismatch),
            max_advance: max_advance?,
            availability_parts_per_billion: availability.map(|promise| promise.0),
            weight: self.weight.or(shared.weight).map_or(default.weight, |weight| weight.0),
            late_after,
            stall_after,
            recover_after: self
                .recover_after
                .or(shared.recover_after)
                .unwrap_or(default.recover_after),
            join_within: self.join_within.or(shared.join_within).unwrap_or(default.join_within),
            max_lag: self.max_lag.or(shared.max_lag),
        })
    }

    /// What is done at a stall; none after a key that `carry` needs was reported as missing.
    fn stall_over(
        &self,
        shared: &Self,
        member: &str,
        span: &Range<usize>,
        cx: &mut Context<'_>,
    ) -> Option<OnStall> {
        let word = self.on_stall.or(shared.on_stall).unwrap_or(StallWord::Hold);
        if word != StallWord::Carry && self.on_stall.is_none() {
            self.refuse_carry_keys(member, cx);
        }
        match word {
            StallWord::Hold => Some(OnStall::Hold),
            StallWord::Skip => Some(OnStall::Skip),
            StallWord::Carry => {
                let carry_for = self.carry_for.as_ref().or(shared.carry_for.as_ref());
                let then = self.then.as_ref().or(shared.then.as_ref());
                let wanted = [("carry_for", carry_for.is_none()), ("then", then.is_none())];
                for (key, _) in wanted.iter().filter(|(_, missing)| *missing) {
                    let message =
                        format!("`{key}` is missing for {member}, whose `on_stall` is \"carry\"");
                    cx.report(Some(span.clone()), message);
                }
                Some(OnStall::Carry { carry_for: *carry_for?.get_ref(), then: *then?.get_ref() })
            }
        }
    }

    fn refuse_carry_keys(&self, place: &str, cx: &mut Context<'_>) {
        let carry_for = self.carry_for.as_ref().map(|key| ("carry_for", key.span()));
        let then = self.then.as_ref().map(|key| ("then", key.span()));
        for (key, span) in carry_for.into_iter().chain(then) {
            cx.advise(
                Some(span),
                format!("`{key}` in {place} goes only with `on_stall = \"carry\"`"),
                format!("remove `{key}`, or let it carry"),
            );
        }
    }
}

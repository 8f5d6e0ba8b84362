use holobiont_identity::pins::{TcbRules, TcbStatus};

use crate::{TcbReport, reason::Reason};

/// Whether the rules accept the platform's state, and until when a grace does.
pub(crate) fn judge_tcb(
    tcb: &TcbReport,
    rules: &TcbRules,
    now_s: u64,
) -> Result<Option<u64>, Reason> {
    let status = tcb.status;
    // Merging the two, as Intel defines it, loses these of a quoting enclave.
    let is_lost = !matches!(tcb.qe_status, TcbStatus::UpToDate | TcbStatus::OutOfDate);
    let unheard = (is_lost && !rules.allowed.contains(&tcb.qe_status)).then_some(tcb.qe_status);
    if let Some(status) = unheard.or((!rules.allowed.contains(&status)).then_some(status)) {
        let allowed: Vec<_> = rules.allowed.iter().map(|status| status.as_str()).collect();
        return Err(Reason::TcbStatusNotAllowed { status, allowed: allowed.join(", ") });
    }
    if !status.is_out_of_date() {
        return Ok(None);
    }
    let grace_s = rules.out_of_date_grace_s;
    let ended_s = tcb.tcb_date_s.map_or(0, |date_s| date_s.saturating_add(grace_s));
    if now_s > ended_s {
        return Err(Reason::TcbGraceEnded { status, ended_s });
    }
    Ok(Some(ended_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_merging_loses_of_the_quoting_enclave_is_judged_too() {
        let judge = |qe_status, allowed: &[TcbStatus]| {
            let tcb = TcbReport {
                status: TcbStatus::UpToDate,
                platform_status: TcbStatus::UpToDate,
                qe_status,
                advisories: Vec::new(),
                evaluation_number: 1,
                tcb_date_s: None,
            };
            let rules = TcbRules { allowed: allowed.to_vec(), ..TcbRules::default() };
            judge_tcb(&tcb, &rules, 1_800_000_000).map_err(|reason| reason.code())
        };
        let (good, lost) = (TcbStatus::UpToDate, TcbStatus::ConfigurationNeeded);
        assert_eq!(judge(good, &[good]), Ok(None));
        assert_eq!(judge(lost, &[good]), Err("tcb-status-not-allowed"));
        assert_eq!(judge(lost, &[good, lost]), Ok(None));
    }
}

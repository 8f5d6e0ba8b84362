use holobiont_identity::pins::TcbRules;

use crate::{TcbReport, reason::Reason};

/// Whether the rules accept the platform's state, and until when a grace does.
pub(crate) fn judge_tcb(
    tcb: &TcbReport,
    rules: &TcbRules,
    now_s: u64,
) -> Result<Option<u64>, Reason> {
    let status = tcb.status;
    if !rules.allowed.contains(&status) {
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

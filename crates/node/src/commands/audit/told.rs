use serde::Serialize;

use super::super::boot_keys::BootKeys;
use super::others::Agreement;
use crate::exported::Recomputed;
use crate::text::{Grouped, count};

/// What an audit of a committee's log found.
#[derive(Serialize)]
pub(super) struct Told {
    cuts: u64,
    records_folded: u64,
    commits: u64,
    certificates: u64,
    certified_cut: Option<u64>,
    /// Cut of the certificate that was fetched, where it could be compared.
    pub(super) fetched_certificate_cut: Option<u64>,
    pub(super) records_compared: Option<u64>,
    output_head: Option<String>,
    output_records: u64,
    state_digest: String,
    log_digest: String,
    watermark: Option<u64>,
    pub(super) boot_keys: BootKeys,
    /// Other nodes, and how far they agree.
    pub(super) others: Vec<Agreement>,
    /// What was taken on somebody's word.
    pub(super) not_checked: Vec<String>,
    seconds: f64,
}

impl Told {
    /// Before anything was compared with what somebody published.
    pub(super) fn of(it: &Recomputed, boot_keys: BootKeys, seconds: f64) -> Self {
        Self {
            cuts: it.cuts,
            records_folded: it.records,
            commits: it.commits,
            certificates: it.certificates,
            certified_cut: it.certified.as_ref().map(|statement| statement.cut),
            fetched_certificate_cut: None,
            records_compared: None,
            output_head: it.output.map(|head| head.hash.to_string()),
            output_records: it.output.map_or(0, |head| head.seq.saturating_add(1)),
            state_digest: it.state_digest.to_string(),
            log_digest: it.log_digest.to_string(),
            watermark: it.watermark,
            not_checked: boot_keys.not_checked(),
            boot_keys,
            others: Vec::new(),
            seconds,
        }
    }

    pub(super) fn render(&self) -> String {
        let certified = self.certified_cut.map_or_else(
            || "no cut has a certificate".to_owned(),
            |cut| format!("certificates up to cut {cut}"),
        );
        let compared = self.records_compared.map_or_else(String::new, |compared| {
            format!("{} published records are those recomputed\n", Grouped(compared))
        });
        let mut text = format!(
            "agrees: {} by {} follow from the members' surfaces and the committee's signed log\n\
             {} folded again in {:.2} s\n{} equal what was recomputed, {certified}\n{compared}\n\
             output head   {}\nstate digest  {}\nlog digest    {}\n",
            count(self.commits, "commit"),
            count(self.cuts, "cut"),
            count(self.records_folded, "record"),
            self.seconds,
            count(self.certificates, "certificate"),
            self.output_head.as_deref().unwrap_or("none"),
            self.state_digest,
            self.log_digest,
        );
        text.push_str(&format!("{}\n", self.boot_keys.told()));
        for other in &self.others {
            let (url, entries) = (&other.url, Grouped(other.entries_compared));
            text.push_str(&format!("{url} has the same {entries} log entries\n"));
        }
        for what in &self.not_checked {
            text.push_str(&format!("not checked   {what}\n"));
        }
        text
    }
}

//! What `/metrics` shows: one table of every metric, and the page that is filled from it.

mod page;
mod scrape;
#[cfg(test)]
mod tests;

pub(crate) use page::Page;
pub(crate) use scrape::{Scraped, scrape};

/// One metric of the page.
#[derive(Debug)]
pub(crate) struct Metric {
    /// `holobiont_…`, in base units.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
    /// Label names; each has few values.
    pub(crate) labels: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

macro_rules! catalogue {
    ($($id:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(crate) const $id: Metric = Metric {
            name: $name,
            kind: Kind::$kind,
            help: $help,
            labels: &[$($label),*],
        };)*
        /// Every metric, in the order of the page.
        pub(crate) const CATALOGUE: &[&Metric] = &[$(&$id),*];
    };
}

catalogue! {
    BUILD = Gauge "holobiont_build_info" ["version"] "1, for the version that runs.";
    SIMULATED = Gauge "holobiont_simulated" []
        "1 where trust is simulated: this node proves nothing.";
    READY = Gauge "holobiont_ready" [] "1 where every check of /readyz passes.";
    CHECK = Gauge "holobiont_check" ["check"] "1 where this check of /readyz passes.";
    ROLE = Gauge "holobiont_role" ["role"] "1 for the node's part in the replicated log.";
    TERM = Gauge "holobiont_term" [] "The engine's term.";
    LAST_LOG = Gauge "holobiont_log_last_index" [] "Index of the log's last entry.";
    COMMITTED = Gauge "holobiont_log_committed_index" [] "Index that a majority holds.";
    APPLIED = Gauge "holobiont_log_applied_index" [] "Index that policy has applied.";
    FOLDED = Gauge "holobiont_log_folded_index" [] "Index that the fold has reached.";
    LOG_BYTES = Gauge "holobiont_log_bytes" [] "Size of the log's files.";
    LOG_ENTRIES = Gauge "holobiont_log_entries" [] "Entries in the log.";
    LOG_APPENDED = Counter "holobiont_log_appended_entries_total" []
        "Entries appended to the log since the start.";
    LOG_APPENDED_BYTES = Counter "holobiont_log_appended_bytes_total" []
        "Bytes appended to the log since the start.";
    FSYNC = Histogram "holobiont_log_fsync_seconds" [] "Waits of the log for the disk.";
    CUTS = Counter "holobiont_cuts_total" [] "Cuts in the log.";
    FOLDED_CUTS = Counter "holobiont_folded_cuts_total" [] "Cuts that this node has folded.";
    CERTIFICATES = Counter "holobiont_certificates_total" []
        "Certificates that this node has seen made since the start.";
    CERTIFIED_CUT = Gauge "holobiont_certified_cut" [] "The newest cut with a certificate.";
    COMMITS = Counter "holobiont_commits_total" ["grade"]
        "Commits on the organism's surface that this node has looked at, by grade.";
    OUTPUT = Gauge "holobiont_output_certified_records" []
        "Records of the organism's surface up to the last certified head.";
    WATERMARK = Gauge "holobiont_watermark_clock" []
        "Clock event up to which all members are complete.";
    TICK = Counter "holobiont_ticks_total" [] "Ticks of the organism.";
    TIME = Gauge "holobiont_organism_time_seconds" [] "Organism time, since 1970.";
    PAUSED = Gauge "holobiont_paused" [] "1 while operators have paused the organism.";
    HALTED = Gauge "holobiont_halted" [] "1 while too little weight counts to take inputs.";
    MEMBER_STATUS = Gauge "holobiont_member_status" ["member", "status"]
        "1 for the status that the log gives the member.";
    MEMBER_STILL = Gauge "holobiont_member_status_ticks" ["member"]
        "Ticks since the member entered its status.";
    MEMBER_FRONTIER = Gauge "holobiont_member_frontier_seq" ["member"]
        "The record up to which a majority holds the member.";
    MEMBER_CLOSED = Gauge "holobiont_member_closed_clock" ["member"]
        "The clock event that the member has closed, in the organism's clock.";
    MEMBER_COPY = Gauge "holobiont_member_copy_records" ["member"]
        "One past the last record of this node's own copy.";
    MEMBER_COPY_DURABLE = Gauge "holobiont_member_copy_durable_records" ["member"]
        "One past the last durable record of this node's own copy.";
    MEMBER_COPY_BYTES = Gauge "holobiont_member_copy_bytes" ["member"]
        "Size of this node's own copy.";
    MEMBER_AHEAD = Gauge "holobiont_member_ahead_bytes" ["member"]
        "Durable records of this node's own copy that are not folded yet.";
    MEMBER_FLAGGED = Gauge "holobiont_member_flagged_nodes" ["member"]
        "Nodes that the last decision on the member went against.";
    SOURCE = Gauge "holobiont_source_state" ["member", "state"]
        "1 for how this node's own source of the member stands.";
    NEEDS = Gauge "holobiont_fold_waits" [] "Members whose records the fold waits for.";
    SIGNING = Gauge "holobiont_signing" ["state"] "1 for whether this node signs.";
    DIVERGED = Gauge "holobiont_diverged" []
        "1 where this node's result differs from a certificate, or its disk from what the others have.";
    SPLIT = Gauge "holobiont_split" [] "1 where no result of a cut can be certified.";
    KEYS = Gauge "holobiont_active_keys" [] "Nodes whose boot key is admitted.";
    PEERS = Gauge "holobiont_peers_connected" [] "Other nodes with an attested connection.";
    VERDICTS = Counter "holobiont_verdicts_total" ["code"]
        "Peers judged at connections, by the reason's code; admitted is none.";
    DENIED = Counter "holobiont_denied_total" ["code"]
        "Requests of attested peers that were refused, by code.";
    RPCS = Counter "holobiont_rpcs_total" ["direction", "outcome"]
        "Requests of the replicated log between nodes.";
    QUOTE_AGE = Gauge "holobiont_quote_age_seconds" [] "Since this node's last own quote.";
    COLLATERAL = Gauge "holobiont_collateral_next_update_seconds" []
        "When the first of the collateral at hand ends, since 1970.";
    DISK_FREE = Gauge "holobiont_disk_free_bytes" [] "Free space under data_dir.";
    UPTIME = Gauge "holobiont_uptime_seconds" [] "Since the process started.";
}

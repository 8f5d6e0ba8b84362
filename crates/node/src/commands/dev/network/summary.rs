//! What a network came to.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use super::layout::Layout;
use super::proof::Proved;
use crate::failure::Failure;
use crate::files;
use crate::print;
use crate::text::{Grouped, count};

/// Everything that is told in the end.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) simulated: bool,
    pub(super) nodes: usize,
    pub(super) members: usize,
    pub(super) days: usize,
    /// What the faults were drawn from; none where there were none.
    pub(super) seed: Option<u64>,
    pub(super) faults: u64,
    pub(super) faults_by_kind: BTreeMap<&'static str, u64>,
    pub(super) seconds: f64,
    pub(super) longest_without_certificate_ms: u64,
    #[serde(flatten)]
    pub(super) proved: Proved,
}

impl Summary {
    /// Prints it; fails where anything is not as it must be.
    pub(super) fn tell(&self, as_json: bool) -> Result<(), Failure> {
        let wrong = self.proved.checks.iter().filter(|check| !check.ok).count();
        if as_json {
            print::verdict("dev.network", wrong == 0, self)?;
        } else {
            print::text(&self.text())?;
        }
        if wrong == 0 {
            return Ok(());
        }
        let what = format!(
            "{} of the network does not hold",
            count(u64::try_from(wrong).unwrap_or(u64::MAX), "thing")
        );
        Err(Failure::Reported(Box::new(Failure::Differs { what })))
    }

    fn text(&self) -> String {
        let proved = &self.proved;
        let mut text = format!(
            "SIMULATED network: {} nodes, {} members, {} days in {:.0} s\n",
            self.nodes, self.members, self.days, self.seconds
        );
        if let Some(seed) = self.seed {
            let kinds = self.faults_by_kind.iter().map(|(kind, count)| format!("{count} {kind}"));
            let kinds = kinds.collect::<Vec<_>>().join(", ");
            let all = count(self.faults, "fault");
            text.push_str(&format!("{all} (--seed {seed}): {kinds}\n"));
        }
        text.push_str(&format!(
            "cuts: {}; certificates: {}; records published: {}\n\
             longest time without a certificate: {:.2} s\noutput head: {}\n\nproof\n",
            Grouped(proved.cut),
            Grouped(proved.certificates),
            Grouped(proved.output_records),
            std::time::Duration::from_millis(self.longest_without_certificate_ms).as_secs_f64(),
            proved.output_head
        ));
        for check in &proved.checks {
            let mark = if check.ok { "holds" } else { "FAILS" };
            let says =
                if check.says.is_empty() { String::new() } else { format!(": {}", check.says) };
            text.push_str(&format!("  {mark}  {}{says}\n", check.what));
        }
        text
    }
}

/// What `--write-only` wrote, and how it is started.
pub(super) fn tell_written(layout: &Layout, as_json: bool) -> Result<(), Failure> {
    let nodes = layout.nodes.iter().map(|node| {
        json!({
            "name": node.name,
            "id": node.id,
            "config": node.config(),
            "committee": node.committee,
            "ops": node.ops,
            "query": node.query,
        })
    });
    let members = layout.members.iter().map(
        |member| json!({ "name": member.name, "surface": member.surface, "listen": member.listen }),
    );
    let told = json!({
        "simulated": true,
        "dir": layout.root,
        "organism": layout.organism(),
        "roster": layout.roster(),
        "world": layout.world(),
        "nodes": nodes.collect::<Vec<_>>(),
        "members": members.collect::<Vec<_>>(),
    });
    files::replace(&layout.root.join("network.json"), told.to_string().as_bytes())?;
    if as_json {
        return print::json("dev.written", &told);
    }
    let [organism, world] = [layout.organism(), layout.world()].map(|it| it.display().to_string());
    let mut text = format!("{}: a SIMULATED network. Start it with:\n", layout.root.display());
    for member in &layout.members {
        text.push_str(&format!(
            "  tail -n +1 -f {}/rates/{}.ndjson | \\\n    holobiont surface serve {} --stdin --organism {organism} --member {} --listen {} \
             --insecure-simulated-tdx {world}\n",
            layout.root.display(),
            member.name,
            member.surface.display(),
            member.name,
            member.listen
        ));
    }
    for node in &layout.nodes {
        let config = node.config();
        text.push_str(&format!(
            "  holobiont run --config {} --insecure-simulated-tdx\n",
            config.display()
        ));
    }
    print::text(&text)
}

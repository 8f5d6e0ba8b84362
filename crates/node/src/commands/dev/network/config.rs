//! The texts of the network's configs.

use holobiont_archive::ticket::Issuer;
use holobiont_identity::Digest;

use crate::failure::Failure;

const EXAMPLE: &str = include_str!("../../../../../../examples/euro-fx/organism.toml");
const MEMBER: &str = "[[member]]\n";
const NAME_KEY: &str = "name = \"";

/// The names of the example's first so many members.
pub(super) fn members(count: u16) -> Vec<String> {
    blocks().take(usize::from(count)).filter_map(name_of).map(str::to_owned).collect()
}

/// The example's organism with its first members only, their policies and starts as they are there;
/// ticks are those of a timer, not days, so what is counted in them is longer.
pub(super) fn organism(
    issuers: &[Issuer],
    operator: &[u8; 32],
    first_roster: &Digest,
    pins: &str,
) -> Result<String, Failure> {
    let members: Vec<&str> = blocks().take(issuers.len()).collect();
    let weight = members.iter().filter_map(|block| weight_of(block)).fold(0, u64::saturating_add);
    let (normal, halt_below) = (weight.saturating_mul(8) / 10, weight.saturating_mul(4) / 10);
    let mut text = format!(
        "# Made by `holobiont dev`: its pins are of SIMULATED guests, and no production build takes \
         them.\nversion = 1\nname = \"dev.euro-fx\"\nalign = \"clock\"\n\n\
         [program]\nname = \"cross-feed\"\nversion = 1\n\n[program.settings]\nwindow = 60\n\n\
         [floor]\nnormal = {normal}\nhalt_below = {halt_below}\n\n[ticks]\ntick_ms = 100\n\n\
         [policy]\non_stall = \"skip\"\non_late_data = \"fold\"\non_gap = \"hold\"\n\
         on_mismatch = \"quarantine\"\nmax_advance = 31\nlate_after = 20\nstall_after = 60\n\
         recover_after = 10\njoin_within = 100\n\n"
    );
    for (block, issuer) in members.into_iter().zip(issuers) {
        let issuers = format!("ticket_issuers = [\"{issuer}\"]\n");
        // Keys of the member's own come before its [member.policy].
        let (own, policy) = block.split_once("\n\n").unwrap_or((block, ""));
        text.push_str(&[MEMBER, own, "\n", &issuers, "\n", policy, "\n\n"].concat());
    }
    text.push_str(&format!(
        "[acl]\norders_need = 1\nfirst_roster = \"{first_roster}\"\n\n[[acl.operator]]\n\
         name = \"dev\"\nkey = \"{}\"\n{pins}",
        hex::encode(operator)
    ));
    Ok(text)
}

/// Every `[[member]]` of the example, without that line.
fn blocks() -> impl Iterator<Item = &'static str> {
    EXAMPLE.split(MEMBER).skip(1).map(str::trim)
}

fn name_of(block: &str) -> Option<&str> {
    block.split_once(NAME_KEY)?.1.split_once('"').map(|(name, _)| name)
}

fn weight_of(block: &str) -> Option<u64> {
    let value = block.lines().find_map(|line| line.strip_prefix("weight = "))?;
    value.split_whitespace().next()?.parse().ok()
}

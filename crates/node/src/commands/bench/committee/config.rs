use holobiont_archive::ticket::Issuer;
use holobiont_identity::Digest;

use crate::failure::Failure;

/// An organism of these members, each of whose records has a clock event of its own and closes it.
/// Nobody is ever late: between two parts nobody publishes, and that is no fault.
pub(super) fn organism(
    names: &[String],
    issuers: &[Issuer],
    operator: &[u8; 32],
    first_roster: &Digest,
    pins: &str,
) -> Result<String, Failure> {
    let members: String = names
        .iter()
        .zip(issuers)
        .map(|(name, issuer)| {
            format!(
                "[[member]]\nname = \"{name}\"\nstable_id = \"bench.{name}\"\nsurface = \"values\"\n\
                 start = 1\nticket_issuers = [\"{issuer}\"]\n\n"
            )
        })
        .collect();
    Ok(format!(
        "# Made by `holobiont bench committee`: its pins are of SIMULATED guests, and no production \
         build takes them.\nversion = 1\nname = \"bench\"\nalign = \"clock\"\n\n\
         [program]\nname = \"cross-feed\"\nversion = 1\n\n\
         [policy]\non_stall = \"hold\"\nmax_advance = 31\nlate_after = 100000\n\
         stall_after = 200000\njoin_within = 100000\n\n{members}\
         [acl]\norders_need = 1\nfirst_roster = \"{first_roster}\"\n\n[[acl.operator]]\n\
         name = \"bench\"\nkey = \"{}\"\n{pins}",
        hex::encode(operator)
    ))
}

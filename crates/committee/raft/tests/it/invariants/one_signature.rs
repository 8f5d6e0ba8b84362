use std::collections::BTreeMap;

use holobiont_committee::{LogCommand, Signed};

use super::Verdict;

/// No node of measured code says two things of one cut, however often it was started in between.
///
/// Source: SPEC 3, "a node signs the cut statement once"; the journal of signatures.
pub(crate) fn one_signature<'a>(
    commands: impl Iterator<Item = (u64, &'a [u8])>,
    liar: Option<usize>,
) -> Verdict {
    let mut said = BTreeMap::new();
    for (index, payload) in commands {
        let Ok(Signed { node, command: LogCommand::Sign(signatures), .. }) =
            Signed::decode(payload)
        else {
            continue;
        };
        if liar == Some(usize::from(node)) {
            continue;
        }
        for signature in signatures {
            let what = (signature.output, signature.state_digest);
            let first = said.entry((node, signature.cut)).or_insert(what);
            if *first != what {
                return Err(format!(
                    "node {node} has said two things of cut {}: entry {index} is the second",
                    signature.cut
                ));
            }
        }
    }
    Ok(())
}

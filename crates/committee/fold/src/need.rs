use holobiont_identity::Digest;

/// Records of a member that the fold waits for: a majority has agreed on them, and this node's copy
/// does not have them yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// The member's place in the config.
    pub member: u16,
    /// The first record that is missing. Where it is past the copy's end, a majority has agreed that
    /// what lies between is gone: the copy is to be started anew, there or earlier
    /// ([`Copies::restart_at`](crate::Copies::restart_at)).
    pub from_seq: u64,
    /// The last one.
    pub seq: u64,
    /// The head there, which a majority has agreed on: the way to know right records from others.
    pub head: Digest,
}

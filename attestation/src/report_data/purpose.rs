/// What a quote is made for. A quote for one purpose is worth nothing for another.
///
/// ```
/// assert_eq!(holobiont_attestation::Purpose::Tls.to_string(), "tls");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// One side of one attested connection.
    Tls,
    /// The signing key of one boot of a node.
    Boot,
    /// Admission of a peer to a network, for a time.
    Ticket,
    /// Anybody's fresh look at a guest; it authorises nothing.
    Inspect,
    /// Many of the above at once, by the root of a tree of them.
    Batch,
}

impl Purpose {
    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::Tls => 1,
            Self::Boot => 2,
            Self::Ticket => 3,
            Self::Inspect => 4,
            Self::Batch => 5,
        }
    }

    /// As commands and JSON spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Boot => "boot",
            Self::Ticket => "ticket",
            Self::Inspect => "inspect",
            Self::Batch => "batch",
        }
    }
}

impl std::fmt::Display for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Why collateral could not be fetched, and whose fault it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// An address in the configuration is none.
    #[error("`{url}` is no address of a collateral service: {why}; write http(s)://host[:port]")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A certificate to trust is none.
    #[error("the certificates to trust for the collateral service hold none that reads: {why}")]
    Certificates {
        /// What is wrong with them.
        why: String,
    },
    /// The service could not be reached, or did not answer in time.
    #[error(
        "{url} gave no answer ({tries} tried): {why}; check the network, or import collateral \
         from another node"
    )]
    Unavailable {
        /// What was asked for.
        url: String,
        /// How often.
        tries: u32,
        /// What happened the last time.
        why: String,
    },
    /// The service answered, with a refusal that asking again does not change.
    #[error("{url} is refused with HTTP {status}{}", advice(*status))]
    Refused {
        /// What was asked for.
        url: String,
        /// The status of its answer.
        status: u16,
    },
    /// No TLS connection that can be believed.
    #[error(
        "no TLS connection for {url}: {why}; for a cache that signs its own certificate, name that \
         certificate as trusted"
    )]
    Tls {
        /// What was asked for.
        url: String,
        /// What TLS says.
        why: String,
    },
    /// The service sends its callers elsewhere: not followed.
    #[error("{url} redirects to `{to}`, which is not followed: give the right address")]
    Redirected {
        /// What was asked for.
        url: String,
        /// Where it points.
        to: String,
    },
    /// An answer past its limit.
    #[error("the answer of {url} is larger than {limit_bytes} bytes: the service is at fault")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit.
        limit_bytes: usize,
    },
    /// An answer that is not what was asked for.
    #[error("the answer of {url} is not collateral: {why}; the service is at fault")]
    BadAnswer {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        why: String,
    },
}

impl FetchError {
    /// Whether collateral was not to be had, rather than wrong: asking later, or elsewhere, helps.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Refused { .. } | Self::Tls { .. })
    }
}

fn advice(status: u16) -> &'static str {
    match status {
        401 | 403 => ": the service wants a key or another network",
        404 => ": it knows no such platform or path; check FMSPC and address",
        _ => ": check the address",
    }
}

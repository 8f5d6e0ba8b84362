use std::fmt;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use holobiont_attestation::MAX_COLLATERAL_BYTES;
use ureq::http::{HeaderMap, Response, StatusCode, Uri, header::LOCATION};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Error, config::Config};

use crate::FetchError;

/// The largest answer that is read: a larger one would fit no set.
pub(crate) const MAX_ANSWER_BYTES: usize = MAX_COLLATERAL_BYTES;
/// All headers of an answer; an issuer chain takes about 3 KiB.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// How long a fetch may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// A whole set: all its requests and their retries.
    pub deadline: Duration,
    /// One try of one request.
    pub per_try: Duration,
    /// How often one request is tried.
    pub tries: u32,
    /// The pause before the second try; each later one is twice as long.
    pub first_pause: Duration,
}

impl Default for FetchLimits {
    /// A minute for all, 15 s a try, four tries, half a second before the second.
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(60),
            per_try: Duration::from_secs(15),
            tries: 4,
            first_pause: Duration::from_millis(500),
        }
    }
}

/// `GET`, bounded in size, time and tries. Redirects are never followed.
pub(crate) struct Http {
    agent: Agent,
    pub(crate) limits: FetchLimits,
}

/// What a server answered to a `GET` that it served.
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Why one try brought nothing.
enum Failed {
    Again(String),
    For(FetchError),
}

impl Http {
    pub(crate) fn new(tls: TlsConfig) -> Self {
        let config = Config::builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_response_header_size(MAX_HEADER_BYTES)
            .user_agent(concat!("holobiont/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into(), limits: FetchLimits::default() }
    }

    /// The body and headers at `url`, had before `until`.
    pub(crate) fn get(&self, url: &str, until: Instant) -> Result<Answer, FetchError> {
        let mut pause = self.limits.first_pause;
        let mut why = "no time was left for it".to_owned();
        let mut tries = 0_u32;
        while tries < self.limits.tries {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            tries = tries.saturating_add(1);
            match self.once(url, left.min(self.limits.per_try)) {
                Ok(answer) => return Ok(answer),
                Err(Failed::For(error)) => return Err(error),
                Err(Failed::Again(reason)) => why = reason,
            }
            if tries < self.limits.tries {
                thread::sleep(pause.min(until.saturating_duration_since(Instant::now())));
                pause = pause.saturating_mul(2);
            }
        }
        Err(FetchError::Unavailable { url: url.to_owned(), tries, why })
    }

    fn once(&self, url: &str, within: Duration) -> Result<Answer, Failed> {
        let mut request = self.agent.get(url).config().timeout_global(Some(within));
        if is_this_machine(url) {
            request = request.proxy(None);
        }
        let response = request.build().call().map_err(|error| failed(url, error))?;
        let status = response.status();
        match status {
            StatusCode::OK => read(url, response),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(again(status)),
            _ if status.is_server_error() => Err(again(status)),
            _ if status.is_redirection() => {
                let to = response.headers().get(LOCATION).map(|to| to.as_bytes());
                // For a message: whatever would command a terminal stays out.
                let to = String::from_utf8_lossy(to.unwrap_or_default());
                let to = to.replace(char::is_control, "");
                Err(Failed::For(FetchError::Redirected { url: url.to_owned(), to }))
            }
            _ => {
                let status = status.as_u16();
                Err(Failed::For(FetchError::Refused { url: url.to_owned(), status }))
            }
        }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Http").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// An address of a server, without the slash at its end.
pub(crate) fn address(url: &str) -> Result<&str, FetchError> {
    let refuse = |why: String| FetchError::Url { url: url.to_owned(), why };
    let uri: Uri = url.parse().map_err(|error| refuse(format!("{error}")))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(refuse("it begins with neither http:// nor https://".to_owned()));
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(refuse("it holds a password".to_owned()));
    }
    if uri.query().is_some() {
        return Err(refuse("it has a query".to_owned()));
    }
    Ok(url.trim_end_matches('/'))
}

/// TLS with servers that the certificates in a PEM text vouch for.
pub(crate) fn trusting(pem: &[u8]) -> Result<TlsConfig, FetchError> {
    let refuse = |why: String| FetchError::Certificates { why };
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) =
            item.map_err(|error| refuse(error.to_string()))?
        {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(refuse("there is no certificate in the PEM text".to_owned()));
    }
    Ok(TlsConfig::builder().root_certs(RootCerts::from(certificates)).build())
}

/// A proxy that the environment names is for other machines.
fn is_this_machine(url: &str) -> bool {
    let uri: Option<Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn read(url: &str, response: Response<Body>) -> Result<Answer, Failed> {
    let (head, body) = response.into_parts();
    let limit = u64::try_from(MAX_ANSWER_BYTES).unwrap_or(u64::MAX);
    let body = body.into_with_config().limit(limit).read_to_vec();
    Ok(Answer { headers: head.headers, body: body.map_err(|error| failed(url, error))? })
}

fn again(status: StatusCode) -> Failed {
    Failed::Again(format!("HTTP {status}"))
}

fn failed(url: &str, error: Error) -> Failed {
    let url = url.to_owned();
    match error {
        Error::BodyExceedsLimit(_) => {
            Failed::For(FetchError::TooLarge { url, limit_bytes: MAX_ANSWER_BYTES })
        }
        Error::LargeResponseHeader(..) => {
            Failed::For(FetchError::TooLarge { url, limit_bytes: MAX_HEADER_BYTES })
        }
        Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) | Error::TlsRequired => {
            Failed::For(FetchError::Tls { url, why: error.to_string() })
        }
        // A certificate that does not hold comes as an I/O error of this kind.
        Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
            Failed::For(FetchError::Tls { url, why: error.to_string() })
        }
        Error::BadUri(why) => Failed::For(FetchError::Url { url, why }),
        Error::Http(_) | Error::Protocol(_) => {
            Failed::For(FetchError::BadAnswer { url, why: error.to_string() })
        }
        // Timeouts, resets, name servers, proxies: what the next second may mend.
        _ => Failed::Again(error.to_string()),
    }
}

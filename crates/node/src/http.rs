//! What is fetched from nodes, over plain HTTP: it proves itself.

mod paced;

use std::io;
use std::path::Path;
use std::time::Duration;

use holobiont_archive::Problem;
use serde::de::DeserializeOwned;

use self::paced::{PACE, Paced};
use crate::failure::Failure;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a small answer may take.
const ANSWER: Duration = Duration::from_secs(20);
/// Largest small answer, in bytes.
const MAX_ANSWER_BYTES: u64 = 64 << 20;
/// Largest log of a committee, in bytes.
const MAX_LOG_BYTES: u64 = 256 << 30;
/// Largest surface, in bytes.
const MAX_SURFACE_BYTES: u64 = 1 << 40;
/// Largest answer that says what is wrong, in bytes.
const MAX_PROBLEM_BYTES: u64 = 64 << 10;

/// Asks one node.
pub(crate) struct Asking {
    base: String,
    agent: ureq::Agent,
}

impl Asking {
    /// `url` is where a node listens: `http://host:port`.
    pub(crate) fn new(url: &str) -> Result<Self, Failure> {
        let base = url.trim_end_matches('/').to_owned();
        let parsed: Option<ureq::http::Uri> = base.parse().ok();
        let parsed = parsed.filter(|it| matches!(it.scheme_str(), Some("http" | "https")));
        let Some(host) = parsed.and_then(|it| it.host().map(str::to_owned)) else {
            return Err(Failure::Usage {
                what: format!("{url} is no address of a node"),
                help: "such as http://node-1.example:8080",
            });
        };
        let mut config = ureq::Agent::config_builder();
        if matches!(host.as_str(), "127.0.0.1" | "localhost" | "[::1]") {
            // A proxy that the environment names is for other machines.
            config = config.proxy(None);
        }
        let agent = config
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER))
            .http_status_as_error(false)
            .build()
            .into();
        Ok(Self { base, agent })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// A small JSON answer.
    pub(crate) fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let bytes = self.bytes(path)?;
        serde_json::from_slice(&bytes).map_err(|error| Failure::Answer {
            url: self.url(path),
            status: 400,
            what: format!("no answer that this build reads ({error})"),
        })
    }

    /// A small answer.
    pub(crate) fn bytes(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let url = self.url(path);
        let asked = self.agent.get(&url).config().timeout_global(Some(ANSWER)).build().call();
        let mut response = self.good(&url, asked)?;
        let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
        body.map_err(|error| download(&url, error))
    }

    /// A small answer, or none where the node says that there is none.
    pub(crate) fn found(&self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        match self.bytes(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Failure::Answer { status: 404, .. }) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// A surface's records, to be read piece by piece: at most [`MAX_SURFACE_BYTES`], and no slower
    /// than [`PACE`].
    pub(crate) fn stream(&self, path: &str) -> Result<Paced, Failure> {
        self.long(path, MAX_SURFACE_BYTES)
    }

    /// A committee's log or another long answer, into a file: at most [`MAX_LOG_BYTES`].
    pub(crate) fn download(&self, path: &str, file: &Path) -> Result<(), Failure> {
        let mut input = self.long(path, MAX_LOG_BYTES)?;
        let mut out = std::fs::File::create(file).map_err(Failure::io(file, "creating"))?;
        io::copy(&mut input, &mut out).map_err(Failure::io(file, "fetching"))?;
        Ok(())
    }

    fn long(&self, path: &str, limit_bytes: u64) -> Result<Paced, Failure> {
        let url = self.url(path);
        let response = self.good(&url, self.agent.get(&url).call())?;
        Ok(Paced::of(response.into_body().into_reader(), limit_bytes, PACE))
    }

    /// Sends JSON; the status of the answer, which is a good one.
    pub(crate) fn post(&self, path: &str, json: &str) -> Result<u16, Failure> {
        let url = self.url(path);
        let request = self.agent.post(&url).header("content-type", "application/json");
        let sent = request.config().timeout_global(Some(ANSWER)).build().send(json);
        self.good(&url, sent).map(|response| response.status().as_u16())
    }

    fn good(
        &self,
        url: &str,
        asked: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<ureq::http::Response<ureq::Body>, Failure> {
        let mut response = asked.map_err(|error| download(url, error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let said = response.body_mut().with_config().limit(MAX_PROBLEM_BYTES).read_to_vec();
        let problem = said.ok().and_then(|said| serde_json::from_slice::<Problem>(&said).ok());
        let what = problem.map_or_else(|| status.to_string(), |problem| problem.detail);
        // Somebody else's text goes to this terminal.
        let what = what.chars().filter(|it| !it.is_control()).take(512).collect();
        Err(Failure::Answer { url: url.to_owned(), status: status.as_u16(), what })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

fn download(url: &str, error: ureq::Error) -> Failure {
    Failure::Download { url: url.to_owned(), source: Box::new(error) }
}

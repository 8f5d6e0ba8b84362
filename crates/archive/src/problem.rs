use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::head::StartOfWindow;

/// What is answered instead of what was asked for (RFC 9457), `application/problem+json`.
///
/// ```
/// use holobiont_archive::Problem;
///
/// let problem = Problem::new(404, "unknown-surface", "this server has no such surface");
/// let text = serde_json::to_string(&problem)?;
/// assert_eq!(serde_json::from_str::<Problem>(&text)?, problem);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The stable code, kebab-case.
    pub code: String,
    /// Who is at fault and what to do next.
    pub detail: String,
    /// The first record kept, where older ones were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest: Option<u64>,
    /// Where a copy can begin, where older records were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Box<StartOfWindow>>,
    /// The sequence number that comes next, where later records were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_seq: Option<u64>,
}

impl Problem {
    /// A problem of this code.
    pub fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            detail: detail.into(),
            earliest: None,
            start: None,
            next_seq: None,
        }
    }

    /// What a client shows of an answer that may be no problem document.
    pub(crate) fn read(status: u16, body: &[u8]) -> Self {
        let read = serde_json::from_slice::<Self>(body).ok();
        let read = read.map(|it| Self {
            status,
            code: it.code.chars().filter(|it| !it.is_control()).take(64).collect(),
            detail: it.detail.chars().filter(|it| !it.is_control()).take(512).collect(),
            ..it
        });
        read.unwrap_or_else(|| Self::new(status, "http", "the peer gives no reason"))
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}, HTTP {})", self.detail, self.code, self.status)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

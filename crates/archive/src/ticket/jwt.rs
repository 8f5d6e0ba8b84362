//! The compact form: header, claims and signature in base64url, with dots between.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::claims::Written;
use super::{Claims, Issuer, Ticket, TicketError};
use crate::limits::MAX_TICKET_BYTES;

/// Length of either algorithm's signature, in bytes.
const SIGNATURE_BYTES: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    EdDsa,
    Es256,
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    /// Extensions that must be understood: none is.
    #[serde(default)]
    crit: Option<IgnoredAny>,
}

pub(super) fn parse(text: &str) -> Result<Ticket, TicketError> {
    if text.len() > MAX_TICKET_BYTES {
        return Err(TicketError::TooLong);
    }
    let malformed = |part| TicketError::Malformed { part };
    let (signed, signature) = text.rsplit_once('.').ok_or_else(|| malformed("form"))?;
    let (header, claims) = signed.split_once('.').ok_or_else(|| malformed("form"))?;
    let header: Header = json(header).ok_or_else(|| malformed("header"))?;
    if header.crit.is_some() {
        return Err(malformed("header"));
    }
    let algorithm = [Algorithm::EdDsa, Algorithm::Es256]
        .into_iter()
        .find(|known| known.name() == header.alg)
        .ok_or_else(|| algorithm_refused(&header.alg))?;
    let claims: Written = json(claims).ok_or_else(|| malformed("claims"))?;
    let (claims, issuer) = claims.read()?;
    // The key decides the algorithm, never the ticket.
    if issuer.algorithm() != algorithm {
        return Err(algorithm_refused(&header.alg));
    }
    let signature = decode(signature).filter(|it| it.len() == SIGNATURE_BYTES);
    let signature = signature.ok_or_else(|| malformed("signature"))?;
    Ok(Ticket { claims, issuer, signed: signed.to_owned(), signature })
}

pub(super) fn issue(
    claims: &Claims,
    issuer: &Issuer,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, TicketError>,
) -> Result<String, TicketError> {
    let alg = issuer.algorithm().name();
    let header = format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#);
    let claims = serde_json::to_vec(&Written::of(claims, issuer)?)
        .map_err(|_| TicketError::Malformed { part: "claims" })?;
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes())?);
    Ok(format!("{signed}.{signature}"))
}

fn algorithm_refused(got: &str) -> TicketError {
    let got = got.chars().filter(|it| !it.is_control()).take(24).collect();
    TicketError::Algorithm { got }
}

fn json<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&decode(part)?).ok()
}

/// One form only: no padding, no bits left over.
fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

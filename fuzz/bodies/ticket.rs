//! Tickets from anybody: refused by name, or good exactly as their issuer made them.

mod input;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holobiont_archive::ticket::{Claims, Expect, Issuer, IssuerKey, Scope, Ticket};
use holobiont_identity::UniqueId;
use input::Input;

/// The first byte chooses: the bytes as a ticket, as a header and claims, or a sound one changed.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 3 {
        0 => parsed(&String::from_utf8_lossy(input.rest())),
        1 => {
            let header = match input.byte() % 3 {
                0 => br#"{"alg":"EdDSA"}"#.as_slice(),
                1 => br#"{"alg":"ES256"}"#,
                _ => input.blob(),
            };
            let parts = [header, input.rest(), &[7; 64]].map(|part| URL_SAFE_NO_PAD.encode(part));
            parsed(&parts.join("."));
        }
        _ => changed(&mut input),
    }
}

/// Nobody's word: it may have a form, and is not good.
fn parsed(text: &str) {
    match super::cost::bounded("a ticket", text.len(), || Ticket::parse(text)) {
        Ok(ticket) => {
            let issuers = [*ticket.issuer()];
            let now_s = ticket.claims().not_before_s;
            assert!(ticket.check(&expect(ticket.claims(), &issuers), now_s).is_err());
            assert!(ticket.check(&expect(ticket.claims(), &[]), now_s).is_err());
            let issuer = ticket.issuer().to_string();
            assert_eq!(issuer.parse(), Ok(*ticket.issuer()));
        }
        Err(error) => assert!(!error.to_string().is_empty() && !error.code().is_empty()),
    }
}

fn expect<'a>(claims: &Claims, issuers: &'a [Issuer]) -> Expect<'a> {
    let subject = claims.subject;
    match claims.scope {
        Scope::Read { member, surface } => Expect::Read { issuers, subject, member, surface },
        Scope::Enrol { organism } => Expect::Enrol { issuers, subject, organism },
    }
}

fn changed(input: &mut Input<'_>) {
    let key = IssuerKey::ed25519(&[7; 32]).expect("a key");
    let id = |input: &mut Input<'_>| UniqueId::from_bytes(input.fixed());
    let scope = match input.byte() & 1 {
        0 => Scope::Read { member: id(input), surface: id(input) },
        _ => Scope::Enrol { organism: id(input) },
    };
    let claims = Claims {
        subject: id(input),
        scope,
        not_before_s: input.number(),
        expires_s: input.number(),
        id: String::from_utf8_lossy(input.take(20)).into_owned(),
    };
    let Ok(text) = key.issue(&claims) else {
        return;
    };
    let ticket = Ticket::parse(&text).expect("what was issued");
    assert_eq!(ticket.claims(), &claims);
    let issuers = [key.issuer()];
    let expect = expect(&claims, &issuers);
    assert_eq!(ticket.check(&expect, claims.not_before_s), Ok(()));
    assert!(ticket.check(&expect, claims.expires_s).is_err());
    let mut bytes = text.clone().into_bytes();
    input.edit(&mut bytes);
    let again = String::from_utf8_lossy(&bytes);
    if again != text
        && let Ok(ticket) = Ticket::parse(&again)
    {
        assert!(ticket.check(&expect, claims.not_before_s).is_err(), "{again}");
    }
}

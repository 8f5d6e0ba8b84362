//! The frames: golden bytes, round trips, cuts, and anything at all.

use holobiont_attestation_tls::Terms;
use holobiont_attestation_tls::exchange::{ExchangeError, Frame, Refusal, Request};
use holobiont_identity::{Digest, UniqueId};
use proptest::prelude::*;

fn request() -> Request {
    Request {
        nonce: [1; 32],
        node: [2; 32],
        terms: Terms {
            organism: Digest::from_bytes([3; 32]),
            epoch: 0x0102_0304_0506_0708,
            surface: UniqueId::from_bytes([4; 32]),
            policy: Digest::from_bytes([5; 32]),
        },
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

#[test]
fn golden_frames() {
    let frames = [
        ("data", Frame::Data(b"hello")),
        ("request", Frame::Request(request())),
        ("answer", Frame::Answer(&[1, 0, 0, 0])),
        ("accept", Frame::Accept),
        ("refuse", Frame::Refuse(Refusal::new("report-data", "made for another connection"))),
    ];
    let lines: String =
        frames.iter().map(|(name, frame)| format!("{name} {}\n", hex(&frame.encode()))).collect();
    assert_eq!(lines, include_str!("../vectors/exchange.txt"));
}

#[test]
fn another_version_is_named() {
    for frame in [Frame::Request(request()), Frame::Accept, Frame::Refuse(Refusal::new("a", "b"))] {
        let mut bytes = frame.encode();
        bytes[5] = 2;
        let error = Frame::decode(&bytes).unwrap_err();
        assert_eq!(error, ExchangeError::Version { kind: frame.kind(), got: 2 });
    }
}

#[test]
fn a_refusal_cannot_carry_what_rewrites_a_terminal() {
    let refusal = Refusal::new("Not OK", "line\r\n\u{1b}[31mred\u{9b}x");
    assert_eq!((refusal.code(), refusal.text()), ("-ot---", "line   [31mred x"));
    let long = Refusal::new("", &"ä".repeat(1_000));
    assert_eq!((long.code(), long.text().len()), ("refused", 512));
    let mut bytes = Frame::Refuse(Refusal::new("code", "text")).encode();
    let last = bytes.len() - 1;
    bytes[last] = 0x1b;
    assert_eq!(Frame::decode(&bytes), Err(ExchangeError::RefusalText));
}

prop_compose! {
    fn any_request()(
        nonce: [u8; 32], node: [u8; 32], organism: [u8; 32],
        epoch: u64, surface: [u8; 32], policy: [u8; 32],
    ) -> Request {
        Request {
            nonce,
            node,
            terms: Terms {
                organism: Digest::from_bytes(organism),
                epoch,
                surface: UniqueId::from_bytes(surface),
                policy: Digest::from_bytes(policy),
            },
        }
    }
}

proptest! {
    #[test]
    fn frames_come_back_and_cut_ones_wait(
        request in any_request(),
        bytes in prop::collection::vec(any::<u8>(), 1..2_000),
        code: String,
        text: String,
        cut: prop::sample::Index,
    ) {
        for frame in [
            Frame::Data(&bytes),
            Frame::Answer(&bytes),
            Frame::Accept,
            Frame::Request(request),
            Frame::Refuse(Refusal::new(&code, &text)),
        ] {
            let mut encoded = frame.encode();
            let length = encoded.len();
            encoded.extend_from_slice(b"and more");
            prop_assert_eq!(Frame::decode(&encoded), Ok(Some((frame, length))));
            prop_assert_eq!(Frame::decode(&encoded[..cut.index(length)]), Ok(None));
        }
    }

    #[test]
    fn any_bytes_are_a_frame_of_one_form_or_none(
        kind in 0_u8..6,
        length in 0_u8..200,
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = [&[kind, length, 0, 0, 0][..], &body].concat();
        if let Ok(Some((frame, taken))) = Frame::decode(&bytes) {
            prop_assert_eq!(frame.encode(), &bytes[..taken]);
        }
        let _ = Frame::decode(&body);
    }
}

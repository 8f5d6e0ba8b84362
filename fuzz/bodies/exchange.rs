//! What a peer sends before it is known: frames, evidence, bindings, paths, marks.

mod input;

use holobiont_attestation::{
    Batch, Binding, Evidence, InspectBinding, Leaf, MAX_BATCH_LEAVES, Marks,
};
use holobiont_attestation_tls::Refusal;
use holobiont_attestation_tls::exchange::{Frame, FrameHeader, HEADER_BYTES};
use input::Input;

/// The first byte chooses what the rest is read as.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 6 {
        0 => stream(input.rest()),
        1 => evidence(input.rest()),
        2 => binding(input.rest()),
        3 => marks(input.rest()),
        4 => batch(&mut input),
        _ => refusal(&mut input),
    }
}

/// Frames one after the other, as they come off a connection.
fn stream(bytes: &[u8]) {
    let frames = super::cost::bounded("frames", bytes.len(), || frames(bytes));
    let mut at = 0;
    for (frame, taken) in &frames {
        let one = &bytes[at..at + taken];
        assert_eq!(frame.encode(), one, "one form only");
        for cut in [0, 1, HEADER_BYTES, taken / 2, taken - 1] {
            assert_eq!(Frame::decode(&one[..cut.min(taken - 1)]), Ok(None));
        }
        let header = FrameHeader::decode(*one.first_chunk().expect("a header"));
        let header = header.expect("that of a frame");
        assert_eq!((header.kind, header.size_bytes), (frame.kind(), taken - HEADER_BYTES));
        match frame {
            Frame::Answer(bytes) => evidence(bytes),
            Frame::Refuse(refusal) => one_line(refusal),
            _ => {}
        }
        at += taken;
    }
    match Frame::decode(&bytes[at..]) {
        Ok(Some(_)) => unreachable!("all frames were taken"),
        // What more bytes could still make a frame of is no longer than a frame.
        Ok(None) => {}
        Err(error) => {
            assert!(!error.to_string().is_empty());
            let more = [&bytes[at..], b"more"].concat();
            assert_eq!(Frame::decode(&more), Err(error), "more bytes cannot put it right");
        }
    }
}

fn frames(bytes: &[u8]) -> Vec<(Frame<'_>, usize)> {
    let mut rest = bytes;
    let mut frames = Vec::new();
    while let Ok(Some((frame, taken))) = Frame::decode(rest) {
        frames.push((frame, taken));
        rest = &rest[taken..];
    }
    frames
}

fn evidence(bytes: &[u8]) {
    match super::cost::bounded("evidence", bytes.len(), || Evidence::decode(bytes)) {
        Ok(evidence) => {
            assert_eq!(evidence.encode().as_deref(), Ok(bytes), "one form only");
            if let Some(path) = &evidence.batch {
                let leaf = asked(7).leaf();
                let bound = path.report_data(&leaf, true);
                assert!(!bound.matches(path.report_data(&leaf, false).as_bytes()));
                assert!(!bound.matches(path.report_data(&asked(8).leaf(), true).as_bytes()));
                // A quote for one is no quote for a batch.
                assert!(!bound.matches(asked(7).report_data().as_bytes()));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn binding(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match super::cost::bounded("a binding", bytes.len(), || Binding::from_json(text)) {
        Ok(binding) => {
            let again = Binding::from_json(&binding.to_json().to_string());
            assert_eq!(again.as_ref(), Ok(&binding));
            let data = super::cost::bounded("report data", bytes.len(), || binding.report_data());
            assert!(data.matches(binding.report_data().as_bytes()));
            let batch = Batch::new(vec![binding.leaf()], binding.simulated()).expect("one leaf");
            assert!(!data.matches(batch.report_data().as_bytes()));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn marks(bytes: &[u8]) {
    match super::cost::bounded("marks", bytes.len(), || Marks::decode(bytes)) {
        Ok(marks) => {
            assert_eq!(marks.encode(), bytes, "one form only");
            let mut raised = Marks::at_least(5);
            raised.raise(&marks);
            assert!(raised.floor_s() >= 5 && raised.floor_s() >= marks.floor_s());
            let before = raised.clone();
            raised.raise(&marks);
            assert_eq!(raised, before);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Every leaf's own path, and no other's, leads to what the batch's quote binds.
fn batch(input: &mut Input<'_>) {
    let count = usize::from(input.u16()) % (MAX_BATCH_LEAVES + 2);
    let leaves: Vec<Leaf> = (0_u64..).take(count).map(|number| asked(number).leaf()).collect();
    let (at, other) = (usize::from(input.u16()), usize::from(input.u16()));
    let Ok(batch) = Batch::new(leaves.clone(), true) else {
        assert!(leaves.is_empty() || leaves.len() > MAX_BATCH_LEAVES);
        return;
    };
    let (at, other) = (at % count, other % count);
    let path = batch.path(at).expect("a leaf's path");
    assert!(path.report_data(&leaves[at], true).matches(batch.report_data().as_bytes()));
    let foreign = path.report_data(&leaves[other], true);
    assert_eq!(foreign.matches(batch.report_data().as_bytes()), at == other);
    assert!(batch.path(count).is_none());
    let sent = Evidence { quote: input.rest().to_vec(), event_log: None, batch: Some(path) };
    let mut bytes = sent.encode().expect("small evidence");
    assert_eq!(Evidence::decode(&bytes), Ok(sent));
    input.edit(&mut bytes);
    evidence(&bytes);
}

fn asked(number: u64) -> InspectBinding {
    let mut challenge = [0; 32];
    challenge[..8].copy_from_slice(&number.to_le_bytes());
    InspectBinding { simulated: true, challenge }
}

/// Whatever a refusal is made of, it can be sent, read back, and shown in one line.
fn refusal(input: &mut Input<'_>) {
    let code = String::from_utf8_lossy(input.blob());
    let text = String::from_utf8_lossy(input.rest());
    let refusal = Refusal::new(&code, &text);
    one_line(&refusal);
    let bytes = Frame::Refuse(refusal.clone()).encode();
    assert_eq!(Frame::decode(&bytes), Ok(Some((Frame::Refuse(refusal), bytes.len()))));
}

fn one_line(refusal: &Refusal) {
    assert!(!refusal.to_string().contains(char::is_control));
}

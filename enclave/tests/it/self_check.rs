//! A guest looks at its own quote as its peers will.

use holobiont_attestation::{
    Binding, InspectBinding, PckCa, ProviderError, ProviderKind, Quote, QuoteProvider, Reason,
    ReportData,
};
use holobiont_enclave::{SelfCheckError, self_check};
use holobiont_enclave_simulated::{
    QuoteForm, SimulatedGuest, SimulatedImage, SimulatedIntel, pins_for,
};
use holobiont_identity::pins::{
    EventRule, Measurement, Pin, PlatformKind, RtmrRule, SurfacePins, TcbRules,
};
use sha2::{Digest, Sha384};

use crate::sample::{binding, quote, report_data};
use crate::scripted::{Fault, Kernel};

const NOW_S: u64 = 1_800_000_000;

/// Pins that the quote made by hand meets.
fn pins() -> SurfacePins {
    let rtmr = [0xa0, 0xa1, 0xa2, 0xa3].map(|value| RtmrRule::Exact(Measurement([value; 48])));
    let zero = Measurement([0; 48]);
    let pin = Pin {
        label: "release-1".to_owned(),
        platform: PlatformKind::Qemu,
        mrtd: Measurement([0x10; 48]),
        rtmr,
        mrconfigid: zero,
        mrowner: zero,
        mrownerconfig: zero,
        td_attributes: [0, 0, 0, 0x10, 0, 0, 0, 0],
        xfam: [0xe7, 0x02, 0x06, 0, 0, 0, 0, 0],
        xfam_ignores_cet: false,
        platforms: Vec::new(),
        advisories: Vec::new(),
        not_before_s: None,
        not_after_s: None,
        revoked: None,
        events: Vec::new(),
    };
    SurfacePins {
        surface: "committee".to_owned(),
        tcb: TcbRules::default(),
        min_distinct_platforms: None,
        sets: vec![pin],
    }
}

/// A provider that answers whatever it is given.
struct Given {
    kind: ProviderKind,
    quote: fn(&ReportData) -> Vec<u8>,
    log: Option<Vec<u8>>,
}

impl Given {
    fn new(quote: fn(&ReportData) -> Vec<u8>) -> Self {
        Self { kind: ProviderKind::ConfigfsTdx, quote, log: None }
    }
}

impl QuoteProvider for Given {
    fn kind(&self) -> ProviderKind {
        self.kind
    }

    fn quote(&self, report_data: &ReportData) -> Result<Vec<u8>, ProviderError> {
        Ok((self.quote)(report_data))
    }

    fn event_log(&self) -> Result<Option<Vec<u8>>, ProviderError> {
        Ok(self.log.clone())
    }
}

fn good(report_data: &ReportData) -> Vec<u8> {
    quote(report_data.as_bytes())
}

/// The codes of what is against this guest.
fn refused(provider: &dyn QuoteProvider, pins: &SurfacePins) -> Vec<&'static str> {
    match self_check(provider, &binding(7), pins, NOW_S) {
        Err(SelfCheckError::Unfit { reasons, comparison, .. }) => {
            assert_eq!(comparison.is_empty(), pins.sets.is_empty(), "a table for the operator");
            reasons.iter().map(Reason::code).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_guest_that_meets_its_own_pins_may_start() {
    let own = self_check(&Kernel::with([Fault::Padded(9)]).provider(), &binding(7), &pins(), NOW_S);
    let own = own.unwrap();
    assert_eq!(own.pin, "release-1");
    assert_eq!(own.evidence.quote, good(&report_data(7)), "without padding");
    assert_eq!(own.measurements.mrtd, [0x10; 48]);
}

#[test]
fn each_register_off_by_a_bit_refuses() {
    let mut wrong = vec![pins(); 8];
    let flipped = |value: u8| {
        let mut register = [value; 48];
        register[47] ^= 1;
        Measurement(register)
    };
    wrong[0].sets[0].mrtd = flipped(0x10);
    for (index, value) in (0..4).zip([0xa0, 0xa1, 0xa2, 0xa3]) {
        wrong[1 + index].sets[0].rtmr[index] = RtmrRule::Exact(flipped(value));
    }
    wrong[5].sets[0].mrconfigid = flipped(0);
    wrong[6].sets[0].mrowner = flipped(0);
    wrong[7].sets[0].mrownerconfig = flipped(0);
    for pins in wrong {
        let codes = refused(&Given::new(good), &pins);
        assert_eq!(codes.len(), 1, "{codes:?}");
    }
}

#[test]
fn no_pins_and_pins_that_do_not_hold_now_refuse() {
    let mut none = pins();
    none.sets.clear();
    assert_eq!(refused(&Given::new(good), &none).len(), 1);

    let changes: [fn(&mut Pin); 3] = [
        |pin| pin.not_before_s = Some(NOW_S + 1),
        |pin| pin.not_after_s = Some(NOW_S - 1),
        |pin| pin.revoked = Some("a leaked key".to_owned()),
    ];
    for change in changes {
        let mut pins = pins();
        change(&mut pins.sets[0]);
        assert_eq!(refused(&Given::new(good), &pins).len(), 1);
    }
}

#[test]
fn a_guest_that_its_host_can_read_does_not_start() {
    let debug = Given::new(|report_data| {
        let mut quote = quote(report_data.as_bytes());
        quote[48 + 120] |= 1;
        quote
    });
    let mut pins = pins();
    assert!(refused(&debug, &pins).contains(&"td-debug"));
    // Nor where somebody pinned it.
    pins.sets[0].td_attributes[0] |= 1;
    assert_eq!(refused(&debug, &pins), ["td-debug"]);
}

#[test]
fn a_quote_for_somebody_else_and_bytes_that_are_none_refuse() {
    let other = Given::new(|_| quote(report_data(8).as_bytes()));
    let error = self_check(&other, &binding(7), &pins(), NOW_S).unwrap_err();
    assert!(matches!(error, SelfCheckError::ReportData), "{error}");
    let none = Given::new(|_| vec![4, 0]);
    let error = self_check(&none, &binding(7), &pins(), NOW_S).unwrap_err();
    assert!(matches!(error, SelfCheckError::Quote { .. }), "{error}");
    let kernel = Kernel::with([Fault::Provider("sev_guest")]);
    let error = self_check(&kernel.provider(), &binding(7), &pins(), NOW_S).unwrap_err();
    assert!(matches!(error, SelfCheckError::Provider(ProviderError::WrongProvider { .. })));
}

#[test]
fn a_simulated_binding_never_meets_a_real_guest_nor_the_reverse() {
    let simulated = Binding::Inspect(InspectBinding { simulated: true, challenge: [7; 32] });
    let real = Given::new(good);
    let fake = Given { kind: ProviderKind::Simulated, ..Given::new(good) };
    for (provider, binding) in [(&real, &simulated), (&fake, &binding(7))] {
        let error = self_check(provider, binding, &pins(), NOW_S).unwrap_err();
        assert!(matches!(error, SelfCheckError::OtherWorld { .. }), "{error}");
    }
}

/// A log of one run-time event, as dstack writes it.
fn event(payload: u8) -> (String, [u8; 48]) {
    let kind = 0x0800_0001_u32;
    let event = [&kind.to_le_bytes()[..], b":image:", &[payload]].concat();
    let digest: [u8; 48] = Sha384::digest(event).into();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let json = format!(
        r#"[{{"imr":3,"event_type":{kind},"digest":"{hex}","event":"image","event_payload":"{payload:02x}"}}]"#
    );
    (json, Sha384::new().chain_update([0; 48]).chain_update(digest).finalize().into())
}

/// A guest whose RTMR0 to 2 are as firmware without a log leaves them, and RTMR3 holds one event.
fn quote_of_events(report_data: &ReportData) -> Vec<u8> {
    let mut quote = quote(report_data.as_bytes());
    let (_, rtmr3) = event(5);
    for index in 0..3 {
        quote[48 + 328 + index * 48..][..48].fill(0);
    }
    quote[48 + 328 + 3 * 48..][..48].copy_from_slice(&rtmr3);
    quote
}

#[test]
fn where_a_pin_has_rules_for_events_the_log_must_bear_them_out() {
    let mut pins = pins();
    let pin = &mut pins.sets[0];
    pin.rtmr = [RtmrRule::Exact(Measurement([0; 48])); 4];
    pin.rtmr[3] = RtmrRule::EventLog;
    pin.events = vec![EventRule { rtmr: 3, name: "image".to_owned(), value: vec![5] }];
    let with = |log: Option<String>| Given {
        log: log.map(String::into_bytes),
        ..Given::new(quote_of_events)
    };
    // Zero registers are refused beside it: such a guest was not measured.
    let codes = |log| {
        let mut codes = refused(&with(log), &pins);
        codes.retain(|code| code.starts_with("event"));
        codes
    };
    assert_eq!(codes(Some(event(5).0)), [""; 0]);
    assert_eq!(codes(None), ["event-log-missing"]);
    assert_eq!(codes(Some("[".to_owned())), ["event-log-malformed"]);
    assert_eq!(codes(Some("[]".to_owned())), ["event-log-replay"]);
    assert_eq!(codes(Some(event(6).0)), ["event-log-replay"]);

    pins.sets[0].events[0].value = vec![6];
    let codes = refused(&with(Some(event(5).0)), &pins);
    assert!(codes.contains(&"event-rule"), "{codes:?}");
}

/// Every form of quote of the simulator's guest, whose RTMR3 holds an event that is pinned.
#[test]
fn a_simulated_guest_meets_the_pins_of_its_image() {
    let intel = SimulatedIntel::new(NOW_S).unwrap();
    let image = SimulatedImage::new("committee", "quiet").measuring("image", &[5]);
    let binding = Binding::Inspect(InspectBinding { simulated: true, challenge: [7; 32] });
    for form in [QuoteForm::V4, QuoteForm::V5Td10, QuoteForm::V5Td15, QuoteForm::V5Td15Extended] {
        let platform = intel.platform(0, PckCa::Platform).unwrap();
        let guest = SimulatedGuest::new(platform, image.clone(), form);
        let mut pins = pins_for("committee", &[&guest]);
        pins.sets[0].rtmr[3] = RtmrRule::EventLog;
        pins.sets[0].events = vec![EventRule { rtmr: 3, name: "image".to_owned(), value: vec![5] }];
        let own = self_check(&guest, &binding, &pins, NOW_S).unwrap();
        assert!(own.evidence.event_log.is_some());
        pins.sets[0].events[0].value = vec![6];
        let Err(SelfCheckError::Unfit { reasons, .. }) = self_check(&guest, &binding, &pins, NOW_S)
        else {
            panic!("a rule that the log does not bear out")
        };
        assert_eq!(reasons.iter().map(Reason::code).collect::<Vec<_>>(), ["event-rule"]);
    }
}

/// The quote of a real committee node with its log, and pins made from them.
#[test]
fn a_real_guest_meets_pins_made_from_its_own_quote() {
    use crate::vectors::read;
    let (Some(bytes), Some(log)) =
        (read("derived/near-mpc.quote.bin"), read("derived/near-mpc.eventlog.json"))
    else {
        return;
    };
    let m = Quote::parse(&bytes).unwrap().measurements().clone();
    let mut pins = pins();
    let pin = &mut pins.sets[0];
    pin.mrtd = Measurement(m.mrtd);
    pin.rtmr = m.rtmr.map(|register| RtmrRule::Exact(Measurement(register)));
    pin.rtmr[3] = RtmrRule::EventLog;
    pin.mrconfigid = Measurement(m.mrconfigid);
    (pin.td_attributes, pin.xfam) = (m.td_attributes, m.xfam);
    let name = "compose-hash".to_owned();
    pin.events = vec![EventRule { rtmr: 3, name, value: m.mrconfigid[1..33].to_vec() }];

    // Its report data are its own, so ours are put in their place: nothing here checks signatures.
    struct Near(Vec<u8>, Vec<u8>);
    impl QuoteProvider for Near {
        fn kind(&self) -> ProviderKind {
            ProviderKind::ConfigfsTdx
        }

        fn quote(&self, report_data: &ReportData) -> Result<Vec<u8>, ProviderError> {
            let mut quote = self.0.clone();
            quote[48 + 520..][..64].copy_from_slice(report_data.as_bytes());
            Ok(quote)
        }

        fn event_log(&self) -> Result<Option<Vec<u8>>, ProviderError> {
            Ok(Some(self.1.clone()))
        }
    }
    let near = Near(bytes, log);
    assert_eq!(self_check(&near, &binding(7), &pins, NOW_S).unwrap().pin, "release-1");
    pins.sets[0].events[0].value[0] ^= 1;
    assert_eq!(refused(&near, &pins), ["event-rule"]);
}

use holobiont_attestation::{
    Ask, Collateral, Evidence, Intel, Marks, Measurements, Quote, Verdict, Verifier,
};
use holobiont_identity::pins::{Measurement, Pin, PlatformKind, SurfacePins, TcbRules, TcbStatus};

use crate::quotes::real;

pub(crate) const NEAR: &str = "derived/near-mpc.quote.bin";
pub(crate) const NEAR_COLLATERAL: &str = "derived/near-mpc-collateral.json";
/// A time at which that pair is valid, unix seconds.
pub(crate) const NEAR_NOW_S: u64 = 1_786_617_939;

pub(crate) fn bare(quote: Vec<u8>) -> Evidence {
    Evidence { quote, event_log: None, batch: None }
}

pub(crate) fn real_collateral(path: &str) -> Option<Collateral> {
    let text = String::from_utf8(real(path)?).unwrap();
    Some(Collateral::from_json(&text).unwrap_or_else(|error| panic!("{path}: {error}")))
}

/// One pin that is exactly this guest, under rules that accept what Intel does not revoke.
pub(crate) fn pins_of(measured: &Measurements) -> SurfacePins {
    let rtmr = measured.rtmr.map(Measurement);
    let mrtd = Measurement(measured.mrtd);
    let mut pin = Pin::new("itself", PlatformKind::Qemu, mrtd, rtmr, measured.xfam);
    pin.mrconfigid = Measurement(measured.mrconfigid);
    pin.mrowner = Measurement(measured.mrowner);
    pin.mrownerconfig = Measurement(measured.mrownerconfig);
    pin.td_attributes = measured.td_attributes;
    SurfacePins {
        surface: "prices".to_owned(),
        tcb: TcbRules {
            allowed: TcbStatus::ALL.to_vec(),
            out_of_date_grace_s: u64::MAX,
            ..TcbRules::default()
        },
        min_distinct_platforms: None,
        sets: vec![pin],
    }
}

/// A real quote with its collateral, and pins that are the guest itself.
pub(crate) struct Real {
    pub(crate) evidence: Evidence,
    pub(crate) collateral: Collateral,
    pub(crate) pins: SurfacePins,
}

impl Real {
    pub(crate) fn new(quote: &str, collateral: &str) -> Option<Self> {
        let evidence = bare(real(quote)?);
        let pins = pins_of(Quote::parse(&evidence.quote).unwrap().measurements());
        Some(Self { evidence, collateral: real_collateral(collateral)?, pins })
    }

    pub(crate) fn near() -> Option<Self> {
        Self::new(NEAR, NEAR_COLLATERAL)
    }

    pub(crate) fn ask<'a>(&'a self, now_s: u64, marks: &'a Marks) -> Ask<'a> {
        Ask {
            now_s,
            pins: Some(&self.pins),
            binding: None,
            collateral: Some(&self.collateral),
            marks,
            quote_made_s: None,
        }
    }

    pub(crate) fn verdict(&self, verifier: &Verifier<Intel>, now_s: u64) -> Verdict {
        verifier.verify(&self.evidence, &self.ask(now_s, &Marks::default()))
    }
}

pub(crate) fn codes(verdict: &Verdict) -> Vec<&'static str> {
    verdict.reasons().map(holobiont_attestation::Reason::code).collect()
}

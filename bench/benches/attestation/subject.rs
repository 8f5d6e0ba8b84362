use std::rc::Rc;

use holobiont_attestation::{
    Ask, Binding, Collateral, Evidence, Marks, PckCa, Quote, TrustRoot, Verifier,
};
use holobiont_bench::BenchError;
use holobiont_enclave_simulated::{QuoteForm, Scene, SimulatedRoot};
use holobiont_identity::pins::SurfacePins;

use crate::contender::timed;
use crate::differs;

/// How many points P-256 has, big endian.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// When the simulated Intel's collateral is valid, unix seconds.
const NOW_S: u64 = 1_800_000_000;

/// Evidence that a verifier trusts, and what it is asked.
#[derive(Clone)]
pub(crate) struct Subject<R> {
    pub(crate) name: &'static str,
    pub(crate) root: R,
    pub(crate) evidence: Evidence,
    pub(crate) binding: Option<Binding>,
    pub(crate) collateral: Collateral,
    pub(crate) pins: SurfacePins,
    /// Unix seconds.
    pub(crate) now_s: u64,
}

impl Subject<SimulatedRoot> {
    /// A simulated platform, with the scene that it is in.
    pub(crate) fn simulated() -> Result<(Self, Scene), BenchError> {
        let scene = Scene::new(NOW_S, QuoteForm::V4, PckCa::Platform).map_err(|it| differs(&it))?;
        let missing = || BenchError::Differs { what: "no collateral was issued".to_owned() };
        let subject = Self {
            name: "simulated",
            root: scene.intel.root(),
            evidence: scene.evidence.clone(),
            binding: Some(scene.binding.clone()),
            collateral: scene.collateral.clone().ok_or_else(missing)?,
            pins: scene.pins.clone(),
            now_s: NOW_S,
        };
        Ok((subject, scene))
    }
}

impl<R: TrustRoot + Clone> Subject<R> {
    /// One that has verified nothing.
    pub(crate) fn verifier(&self) -> Rc<Verifier<R>> {
        Rc::new(Verifier::with_root(self.root.clone()))
    }

    /// One that has verified this very quote.
    pub(crate) fn warm(&self) -> Result<Rc<Verifier<R>>, BenchError> {
        let verifier = self.verifier();
        let verdict = verifier.verify(&self.evidence, &self.ask(&Marks::default()));
        match verdict.reason() {
            None => Ok(verifier),
            Some(reason) => Err(BenchError::Differs { what: format!("{}: {reason}", self.name) }),
        }
    }

    /// The same quote with other signatures that hold: every ECDSA signature has a second form. That
    /// of the QE report too, where a new attestation key is wanted.
    pub(crate) fn signed_anew(&self, has_new_key: bool) -> Result<Self, BenchError> {
        let quote = Quote::parse(&self.evidence.quote).map_err(|error| differs(&error))?;
        let mut subject = self.clone();
        subject.evidence.quote = quote.bytes().to_vec();
        for signature in [Some(quote.signature()), has_new_key.then(|| quote.qe_signature())]
            .into_iter()
            .flatten()
        {
            let mut windows = quote.bytes().windows(signature.len());
            let at = windows.position(|window| window == signature).unwrap_or_default();
            for (to, from) in subject.evidence.quote.iter_mut().skip(at).zip(second_form(signature))
            {
                *to = from;
            }
        }
        Ok(subject)
    }

    /// Verifies once; the verdict must be good, and so many signature checks fresh.
    pub(crate) fn verify(&self, verifier: &Verifier<R>, wanted: u32) -> Result<f64, BenchError> {
        let marks = Marks::default();
        let ask = self.ask(&marks);
        let (verdict, seconds) = timed(|| verifier.verify(&self.evidence, &ask));
        let fresh = verdict.signature_checks.fresh;
        let what = match verdict.reason() {
            Some(reason) => format!("{}: {reason}", self.name),
            None if !verdict.trusted() => format!("{}: not trusted", self.name),
            None if fresh != wanted => {
                format!("{}: {fresh} signatures were checked, {wanted} are needed", self.name)
            }
            None => return Ok(seconds),
        };
        Err(BenchError::Differs { what })
    }

    /// Whether it is of the version that `tdx-quote` reads.
    pub(crate) fn is_v4(&self) -> bool {
        self.evidence.quote.starts_with(&4_u16.to_le_bytes())
    }

    fn ask<'a>(&'a self, marks: &'a Marks) -> Ask<'a> {
        Ask {
            now_s: self.now_s,
            pins: Some(&self.pins),
            binding: self.binding.as_ref(),
            collateral: Some(&self.collateral),
            marks,
            quote_made_s: None,
        }
    }
}

/// With (r, s) holds (r, order − s), too.
fn second_form(signature: &[u8; 64]) -> [u8; 64] {
    let mut second = *signature;
    let (_, s) = second.split_at_mut(32);
    let mut borrow = 0;
    for (digit, order) in s.iter_mut().zip(P256_ORDER).rev() {
        let difference = 256 + u16::from(order) - u16::from(*digit) - borrow;
        borrow = 1 - (difference >> 8);
        let [low, _] = difference.to_le_bytes();
        *digit = low;
    }
    second
}

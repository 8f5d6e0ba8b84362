use std::rc::Rc;

use holobiont_attestation::{
    Ask, Binding, Collateral, Evidence, Marks, PckCa, Quote, TrustRoot, Verifier,
};
use holobiont_bench::BenchError;
use holobiont_enclave_simulated::{QuoteForm, Scene, SimulatedRoot};
use holobiont_identity::pins::SurfacePins;

use crate::contender::timed;
use crate::differs;

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

/// A signature of a quote.
#[derive(Clone, Copy)]
pub(crate) enum Signature {
    QeReport,
    Body,
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

    /// One that knows of this quote all signatures before this one, by way of a forgery.
    pub(crate) fn up_to(&self, signature: Signature) -> Result<Rc<Verifier<R>>, BenchError> {
        let mut forged = self.evidence.clone();
        let quote = Quote::parse(&forged.quote).map_err(|error| differs(&error))?;
        let bytes = match signature {
            Signature::QeReport => quote.qe_signature(),
            Signature::Body => quote.signature(),
        };
        let mut windows = forged.quote.windows(bytes.len());
        let last = windows.position(|window| window == bytes).map(|at| at + bytes.len() - 1);
        if let Some(byte) = last.and_then(|at| forged.quote.get_mut(at)) {
            *byte ^= 1;
        }
        let verifier = self.verifier();
        let verdict = verifier.verify(&forged, &self.ask(&Marks::default()));
        if verdict.trusted() {
            let what = format!("{}: a forged quote was trusted", self.name);
            return Err(BenchError::Differs { what });
        }
        Ok(verifier)
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

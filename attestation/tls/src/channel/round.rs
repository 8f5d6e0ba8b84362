use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use holobiont_attestation::Evidence;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::exchange::{Refusal, Request};
use crate::{Admission, ProverError, Terms, TlsError};

/// One mutual attestation: the first of a connection, or a later one.
///
/// It is the same on both sides, whoever began: each asks, answers and accepts once. A side that
/// has sent its accept and has the other's is through; since frames keep their order, whatever it
/// sends next finds the other side through as well.
pub(super) struct Round {
    /// Ours, used in this round alone.
    pub(super) nonce: [u8; 32],
    pub(super) started: Instant,
    pub(super) asked: Option<Asked>,
    pub(super) proof: Proof,
    pub(super) judgement: Judgement,
    /// Whether the peer has accepted us.
    pub(super) accepted: bool,
}

/// The peer's request, and what this side holds against it.
pub(super) struct Asked {
    pub(super) request: Request,
    /// The one of our own offers that it demands.
    pub(super) offer: Terms,
    pub(super) exporter: [u8; 32],
}

/// Our own evidence.
pub(super) enum Proof {
    NotYet,
    Making(JoinHandle<Result<Evidence, ProverError>>),
    Sent,
}

/// Our judgement of the peer's evidence.
pub(super) enum Judgement {
    NotYet,
    Judging(JoinHandle<Result<Admission, Refusal>>),
    Passed(Box<Admission>),
}

impl Round {
    pub(super) fn new(nonce: [u8; 32]) -> Self {
        Self {
            nonce,
            started: Instant::now(),
            asked: None,
            proof: Proof::NotYet,
            judgement: Judgement::NotYet,
            accepted: false,
        }
    }

    /// The evidence, once, when it is made.
    pub(super) fn poll_proof(&mut self, cx: &mut Context<'_>) -> Poll<Result<Evidence, TlsError>> {
        let Proof::Making(job) = &mut self.proof else { return Poll::Pending };
        let made = std::task::ready!(Pin::new(job).poll(cx));
        self.proof = Proof::Sent;
        Poll::Ready(match made {
            Ok(Ok(evidence)) => Ok(evidence),
            Ok(Err(source)) => Err(TlsError::Prover { source }),
            Err(_) => Err(TlsError::Internal { what: "its prover ended without an answer" }),
        })
    }

    /// The peer's admission, once, when it is judged.
    pub(super) fn poll_judgement(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Admission, TlsError>> {
        let Judgement::Judging(job) = &mut self.judgement else { return Poll::Pending };
        let judged = std::task::ready!(Pin::new(job).poll(cx));
        self.judgement = Judgement::NotYet;
        Poll::Ready(match judged {
            Ok(Ok(admission)) => Ok(admission),
            Ok(Err(refusal)) => Err(TlsError::Refused { refusal }),
            Err(_) => Err(TlsError::Internal { what: "its appraiser ended without an answer" }),
        })
    }

    /// The peer's node id and admission, where both sides have accepted.
    pub(super) fn passed(&self) -> Option<([u8; 32], &Admission)> {
        match (&self.judgement, &self.asked) {
            (Judgement::Passed(admission), Some(asked)) if self.accepted => {
                Some((asked.request.node, admission))
            }
            _ => None,
        }
    }
}

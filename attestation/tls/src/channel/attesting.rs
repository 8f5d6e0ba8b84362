use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use holobiont_attestation::{Binding, Evidence, Role, TlsBinding};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::spawn_blocking;
use tokio_rustls::TlsStream;

use super::Channel;
use super::round::{Asked, Judgement, Proof, Round};
use crate::exchange::{Frame, FrameKind, Refusal, Request};
use crate::peer::Shared;
use crate::{Admission, LEAST_BETWEEN_ROUNDS_S, Peer, ProverError, Standing, Terms, TlsError};

const EXPORTER_LABEL: &[u8] = b"EXPORTER-holobiont-attest";

/// A frame about attestation, with nothing borrowed.
pub(super) enum Incoming {
    Request(Request),
    Answer(Vec<u8>),
    Accept,
    Refuse(Refusal),
    Data,
}

impl From<Frame<'_>> for Incoming {
    fn from(frame: Frame<'_>) -> Self {
        match frame {
            Frame::Request(request) => Self::Request(request),
            Frame::Answer(bytes) => Self::Answer(bytes.to_vec()),
            Frame::Accept => Self::Accept,
            Frame::Refuse(refusal) => Self::Refuse(refusal),
            Frame::Data(_) => Self::Data,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Channel<S> {
    pub(super) fn begin_round(&mut self) -> Result<(), TlsError> {
        let mut nonce = [0; 32];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| TlsError::Internal { what: "the system gives no randomness" })?;
        let (node, terms) = (self.session.node, self.session.demands);
        self.outbox.push(&Frame::Request(Request { nonce, node, terms }));
        self.round = Some(Round::new(nonce));
        Ok(())
    }

    /// Whether a frame of this kind may come at this point.
    pub(super) fn may_come(&self, kind: FrameKind) -> Result<(), TlsError> {
        let may = match (kind, &self.round) {
            (FrameKind::Refuse, _) => true,
            (FrameKind::Data, _) | (FrameKind::Request, None) => self.standing.is_some(),
            (FrameKind::Request, Some(round)) => round.asked.is_none(),
            (FrameKind::Answer, Some(round)) => {
                round.asked.is_some() && matches!(round.judgement, Judgement::NotYet)
            }
            (FrameKind::Accept, Some(round)) => {
                matches!(round.proof, Proof::Sent) && !round.accepted
            }
            // The rest of a round that this side gave up when it shut down.
            (FrameKind::Answer | FrameKind::Accept, None) => self.has_shut_down,
        };
        if may { Ok(()) } else { Err(TlsError::OutOfOrder { kind }) }
    }

    /// Takes a frame that [may come](Self::may_come).
    pub(super) fn take(&mut self, incoming: Incoming) -> Result<(), TlsError> {
        if let Incoming::Refuse(refusal) = incoming {
            return Err(TlsError::RefusedByPeer { refusal });
        }
        if self.has_shut_down {
            return Ok(());
        }
        match incoming {
            Incoming::Request(request) => self.take_request(request)?,
            Incoming::Answer(bytes) => self.judge(bytes),
            Incoming::Accept => {
                if let Some(round) = &mut self.round {
                    round.accepted = true;
                }
            }
            Incoming::Refuse(_) | Incoming::Data => {}
        }
        Ok(())
    }

    fn take_request(&mut self, request: Request) -> Result<(), TlsError> {
        let refused = |refusal| TlsError::Refused { refusal };
        let offer = self.session.admit(&request).map_err(refused)?;
        if self.standing.as_ref().is_some_and(|it| it.peer().node != request.node) {
            let text = "you attested under another node id on this connection: connect anew";
            return Err(refused(Refusal::new("node-id-changed", text)));
        }
        if self.round.is_none() {
            self.begin_round()?;
        }
        let Some(round) = &self.round else { return Ok(()) };
        let exporter = self.export(&round.nonce, &request.nonce)?;
        if let Some(round) = &mut self.round {
            round.asked = Some(Asked { request, offer, exporter });
        }
        // A quote costs a guest a second: at first the server makes one only for a client that has
        // passed, so that strangers cannot ask for any.
        if self.tls.role == Role::Client || self.standing.is_some() {
            self.prove();
        }
        Ok(())
    }

    /// Starts to make our own evidence.
    fn prove(&mut self) {
        let Some(round) = &self.round else { return };
        let Some(asked) = &round.asked else { return };
        let binding = self.binding(Maker::Us, round, asked);
        let (prover, pass) = (Arc::clone(&self.session.prover), self.pass.clone());
        let job = spawn_blocking(move || {
            let evidence = prover.evidence(&binding);
            drop(pass);
            evidence
        });
        if let Some(round) = &mut self.round {
            round.proof = Proof::Making(job);
        }
    }

    /// Starts to judge the peer's evidence.
    fn judge(&mut self, bytes: Vec<u8>) {
        let Some(round) = &self.round else { return };
        let Some(asked) = &round.asked else { return };
        let binding = Binding::Tls(self.binding(Maker::Peer, round, asked));
        let (appraiser, pass) = (Arc::clone(&self.session.appraiser), self.pass.clone());
        let now_s = self.now_s;
        let job = spawn_blocking(move || {
            let judged = Evidence::decode(&bytes)
                .map_err(|error| Refusal::new("evidence-malformed", &error.to_string()))
                .and_then(|evidence| appraiser.appraise(&evidence, &binding, now_s));
            drop(pass);
            judged
        });
        if let Some(round) = &mut self.round {
            round.judgement = Judgement::Judging(job);
        }
    }

    /// Takes what the blocking jobs have finished, and ends the round where both sides accepted.
    pub(super) fn poll_round(&mut self, cx: &mut Context<'_>) -> Result<(), TlsError> {
        let Some(round) = &mut self.round else { return Ok(()) };
        if let Poll::Ready(evidence) = round.poll_proof(cx) {
            let bytes = evidence?
                .encode()
                .map_err(|source| TlsError::Prover { source: ProverError::Evidence { source } })?;
            self.outbox.push(&Frame::Answer(&bytes));
        }
        if let Poll::Ready(admission) = round.poll_judgement(cx) {
            let admission = admission?;
            if admission.expires_s <= self.now_s {
                let refusal = Refusal::new("verdict-expired", "the verdict on you has expired");
                return Err(TlsError::Refused { refusal });
            }
            round.judgement = Judgement::Passed(Box::new(admission));
            self.outbox.push(&Frame::Accept);
            if matches!(round.proof, Proof::NotYet) {
                self.prove();
                return self.poll_round(cx);
            }
        }
        let Some(round) = &self.round else { return Ok(()) };
        if let Some((node, admission)) = round.passed() {
            let admission = admission.clone();
            self.settle(node, admission);
        }
        Ok(())
    }

    fn settle(&mut self, node: [u8; 32], admission: Admission) {
        let left_s = admission.expires_s.saturating_sub(self.now_s);
        let after_s =
            self.tls.limits.reattest_after_s.min((left_s / 2).max(LEAST_BETWEEN_ROUNDS_S));
        self.next_round_s = self.now_s.saturating_add(after_s);
        self.round = None;
        self.pass = None;
        let rounds = self.standing.as_ref().map_or(0, |it| it.peer().rounds).saturating_add(1);
        let peer = Arc::new(Peer { node, key: self.tls.peer_key.clone(), admission, rounds });
        match &self.standing {
            Some(standing) => {
                // Whoever asked for a round while this one was under way has had it.
                standing.take_wanted();
                *standing.0.peer.lock().unwrap_or_else(PoisonError::into_inner) = peer;
            }
            None => {
                self.standing = Some(Standing(Arc::new(Shared {
                    wakers: Arc::clone(&self.wakers),
                    wanted: AtomicBool::new(false),
                    peer: Mutex::new(peer),
                })));
            }
        }
    }

    /// What a quote of this round must bind, all of it from this side's own view: its keys, its
    /// end of TLS, its terms. Of the peer's request only the nonce, and the id that it claims, are
    /// in it.
    fn binding(&self, maker: Maker, round: &Round, asked: &Asked) -> TlsBinding {
        let (own, peer) = (self.tls.own_key.clone(), self.tls.peer_key.clone());
        let made = |role, terms: Terms, node, (own_key, peer_key), peer_nonce| TlsBinding {
            simulated: self.tls.simulated,
            role,
            organism: terms.organism,
            epoch: terms.epoch,
            surface: terms.surface,
            policy: terms.policy,
            node,
            own_key,
            peer_key,
            peer_nonce,
            exporter: asked.exporter,
        };
        match maker {
            Maker::Us => made(
                self.tls.role,
                asked.offer,
                self.session.node,
                (own, peer),
                asked.request.nonce,
            ),
            Maker::Peer => made(
                match self.tls.role {
                    Role::Client => Role::Server,
                    Role::Server => Role::Client,
                },
                self.session.demands,
                asked.request.node,
                (peer, own),
                round.nonce,
            ),
        }
    }

    /// The exporter of this very connection, over both nonces, the client's first.
    fn export(&self, own_nonce: &[u8; 32], peer_nonce: &[u8; 32]) -> Result<[u8; 32], TlsError> {
        let context = match self.tls.role {
            Role::Client => [*own_nonce, *peer_nonce].concat(),
            Role::Server => [*peer_nonce, *own_nonce].concat(),
        };
        let (label, context) = (EXPORTER_LABEL, Some(context.as_slice()));
        match &self.tls.stream {
            TlsStream::Client(stream) => {
                stream.get_ref().1.export_keying_material([0; 32], label, context)
            }
            TlsStream::Server(stream) => {
                stream.get_ref().1.export_keying_material([0; 32], label, context)
            }
        }
        .map_err(|source| TlsError::Setup { source })
    }
}

/// Whose quote it is.
#[derive(Clone, Copy)]
enum Maker {
    Us,
    Peer,
}

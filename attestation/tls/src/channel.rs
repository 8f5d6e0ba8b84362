//! The engine under [`Handshaken`](crate::Handshaken) and [`Attested`](crate::Attested): frames in
//! and out of one TLS stream, and the rounds of attestation between them.
//!
//! It has no task of its own: whoever polls for reading or writing moves everything on.

mod attesting;
mod buffers;
mod ending;
mod round;
mod wakers;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use holobiont_attestation::Role;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep};
use tokio_rustls::TlsStream;

use self::buffers::{Inbox, Outbox};
use self::ending::Ending;
use self::round::Round;
use self::wakers::Side;
pub(crate) use self::wakers::Wakers;
use crate::exchange::{Frame, HEADER_BYTES, MAX_DATA_BYTES};
use crate::gate::Pass;
use crate::{Clock, Limits, Session, Standing, TlsError};

/// Written bytes that may wait for the socket before a writer has to.
const MAX_WAITING_BYTES: usize = 64 * 1024;

/// A finished TLS handshake, as this side sees it.
pub(crate) struct Handshake<S> {
    pub(crate) stream: TlsStream<S>,
    pub(crate) role: Role,
    pub(crate) simulated: bool,
    pub(crate) own_key: Vec<u8>,
    pub(crate) peer_key: Vec<u8>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
}

/// One connection from the end of its TLS handshake on.
pub(crate) struct Channel<S> {
    tls: Handshake<S>,
    session: Arc<Session>,
    /// The place among the unauthenticated; blocking jobs keep it too, until they end.
    pass: Option<Arc<Pass>>,
    inbox: Inbox,
    outbox: Outbox,
    /// Application bytes at the front of the inbox.
    data_left: usize,
    round: Option<Round>,
    /// There since the first round. Without it no application byte passes, either way.
    standing: Option<Standing>,
    next_round_s: u64,
    /// The latest that the clock has said: it never goes back.
    now_s: u64,
    wakers: Arc<Wakers>,
    timer: Pin<Box<Sleep>>,
    peer_has_ended: bool,
    has_shut_down: bool,
    ending: Option<Ending>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Channel<S> {
    /// Starts the first round. `pass` is given back when it is through.
    pub(crate) fn new(
        tls: Handshake<S>,
        session: Arc<Session>,
        pass: Option<Pass>,
    ) -> Result<Self, TlsError> {
        let mut channel = Self {
            now_s: tls.clock.now_s(),
            timer: Box::pin(sleep(Duration::from_millis(tls.limits.recheck_ms))),
            tls,
            session,
            pass: pass.map(Arc::new),
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            data_left: 0,
            round: None,
            standing: None,
            next_round_s: u64::MAX,
            wakers: Arc::default(),
            peer_has_ended: false,
            has_shut_down: false,
            ending: None,
        };
        channel.begin_round()?;
        Ok(channel)
    }

    /// The first round, to its end.
    pub(crate) fn poll_attested(&mut self, cx: &Context<'_>) -> Poll<Result<Standing, TlsError>> {
        let waker = self.enter(cx, Side::Reader);
        ready!(self.poll_on(&mut Context::from_waker(&waker)))?;
        match &self.standing {
            Some(standing) => Poll::Ready(Ok(standing.clone())),
            None => Poll::Pending,
        }
    }

    /// The application bytes that have come; none at the end of the stream.
    pub(crate) fn poll_data(&mut self, cx: &Context<'_>) -> Poll<Result<&[u8], TlsError>> {
        let waker = self.enter(cx, Side::Reader);
        ready!(self.poll_on(&mut Context::from_waker(&waker)))?;
        if self.data_left == 0 && !self.peer_has_ended {
            return Poll::Pending;
        }
        Poll::Ready(Ok(self.inbox.rest().get(..self.data_left).unwrap_or_default()))
    }

    /// Takes so many of the bytes that [`poll_data`](Self::poll_data) gave.
    pub(crate) fn consume_data(&mut self, count: usize) {
        let count = count.min(self.data_left);
        self.inbox.consume(count);
        self.data_left = self.data_left.saturating_sub(count);
    }

    /// Queues application bytes; how many.
    pub(crate) fn poll_write(
        &mut self,
        cx: &Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, TlsError>> {
        let waker = self.enter(cx, Side::Writer);
        let cx = &mut Context::from_waker(&waker);
        self.writable(cx)?;
        let bytes = bytes.get(..MAX_DATA_BYTES).unwrap_or(bytes);
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if self.outbox.waiting_bytes() >= MAX_WAITING_BYTES {
            return Poll::Pending;
        }
        self.outbox.push(&Frame::Data(bytes));
        // What does not go out now goes with the next poll or flush, and so does its error.
        let _ = self.outbox.poll_send(&mut self.tls.stream, cx);
        Poll::Ready(Ok(bytes.len()))
    }

    pub(crate) fn poll_flush(&mut self, cx: &Context<'_>) -> Poll<Result<(), TlsError>> {
        let waker = self.enter(cx, Side::Writer);
        let cx = &mut Context::from_waker(&waker);
        self.writable(cx)?;
        self.outbox.poll_send(&mut self.tls.stream, cx).map_err(TlsError::io)
    }

    /// Ends this side's bytes. Nothing more can be answered, so there is no further round, and the
    /// peer's bytes can be read until one would have had to end.
    pub(crate) fn poll_shutdown(&mut self, cx: &Context<'_>) -> Poll<Result<(), TlsError>> {
        let waker = self.enter(cx, Side::Writer);
        let cx = &mut Context::from_waker(&waker);
        self.has_shut_down = true;
        self.round = None;
        let _ = self.poll_on(cx);
        if let Some(ending) = &self.ending {
            return Poll::Ready(Err(ending.error()));
        }
        ready!(self.outbox.poll_send(&mut self.tls.stream, cx)).map_err(TlsError::io)?;
        Pin::new(&mut self.tls.stream).poll_shutdown(cx).map_err(TlsError::io)
    }

    fn enter(&self, cx: &Context<'_>, side: Side) -> Waker {
        self.wakers.register(side, cx.waker());
        Waker::from(Arc::clone(&self.wakers))
    }

    /// Moves on, then says whether this side may write. A writer learns at once of what a reader
    /// learns once the peer has been told.
    fn writable(&mut self, cx: &mut Context<'_>) -> Result<(), TlsError> {
        let _ = self.poll_on(cx);
        match &self.ending {
            Some(ending) => Err(ending.error()),
            None if self.has_shut_down || self.standing.is_none() => {
                Err(TlsError::io(io::ErrorKind::BrokenPipe.into()))
            }
            None => Ok(()),
        }
    }

    /// Everything that can be done now: clock, rounds, sending, receiving up to the next
    /// application bytes. An error comes once the peer has been told, and stays.
    fn poll_on(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TlsError>> {
        while self.ending.is_none() {
            match self.step(cx) {
                Ok(true) => {}
                Ok(false) => return Poll::Ready(Ok(())),
                Err(error) => self.end(error),
            }
        }
        self.poll_end(cx)
    }

    /// One step; whether something came of it that may allow another.
    fn step(&mut self, cx: &mut Context<'_>) -> Result<bool, TlsError> {
        self.look_at_clock(cx)?;
        self.poll_round(cx)?;
        let sent = match self.outbox.poll_send(&mut self.tls.stream, cx) {
            Poll::Ready(sent) => sent.map_err(TlsError::io),
            Poll::Pending => Ok(()),
        };
        if self.data_left > 0 || self.peer_has_ended {
            return sent.map(|()| false);
        }
        // Where nothing can be sent any more, the peer's refusal may still be there to be read.
        match self.poll_frame(cx) {
            Poll::Ready(came) => came.map(|()| true),
            Poll::Pending => sent.map(|()| false),
        }
    }

    fn look_at_clock(&mut self, cx: &mut Context<'_>) -> Result<(), TlsError> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let recheck = Duration::from_millis(self.tls.limits.recheck_ms.max(1));
            self.timer.as_mut().reset(soon(recheck));
        }
        self.now_s = self.now_s.max(self.tls.clock.now_s());
        let Some(standing) = &self.standing else { return Ok(()) };
        let expired_s = standing.peer().admission.expires_s;
        if self.now_s >= expired_s {
            return Err(TlsError::Expired { expired_s, now_s: self.now_s });
        }
        let limit_ms = self.tls.limits.round_deadline_ms;
        match &self.round {
            Some(round) if round.started.elapsed() > Duration::from_millis(limit_ms) => {
                Err(TlsError::TimedOut { phase: "attestation", limit_ms })
            }
            Some(_) => Ok(()),
            // Half a connection cannot attest: it ends where a whole one would have had to.
            None if self.has_shut_down || self.peer_has_ended => {
                let due_s = self.next_round_s.saturating_add(limit_ms / 1_000);
                if self.now_s < due_s {
                    return Ok(());
                }
                Err(TlsError::TimedOut { phase: "attestation", limit_ms })
            }
            None if standing.take_wanted() || self.now_s >= self.next_round_s => self.begin_round(),
            None => Ok(()),
        }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TlsError>> {
        loop {
            if let Some(header) = self.inbox.header()? {
                // Before its body is awaited: only what may come gets memory.
                self.may_come(header.kind)?;
                if let Some((frame, taken)) = self.inbox.frame()? {
                    if let Frame::Data(bytes) = frame {
                        self.data_left = bytes.len();
                        self.inbox.consume(HEADER_BYTES);
                        return Poll::Ready(Ok(()));
                    }
                    let incoming = frame.into();
                    self.inbox.consume(taken);
                    return Poll::Ready(self.take(incoming));
                }
            }
            if ready!(self.inbox.poll_fill(&mut self.tls.stream, cx)).map_err(TlsError::io)? == 0 {
                return Poll::Ready(self.take_end());
            }
        }
    }

    fn take_end(&mut self) -> Result<(), TlsError> {
        if self.standing.is_none() {
            return Err(TlsError::Closed);
        }
        if !self.inbox.rest().is_empty() {
            return Err(TlsError::io(io::ErrorKind::UnexpectedEof.into()));
        }
        self.peer_has_ended = true;
        self.round = None;
        Ok(())
    }
}

pub(crate) fn soon(after: Duration) -> Instant {
    // A time too far to be told is one that never comes: a day is far enough for a recheck.
    let now = Instant::now();
    now.checked_add(after).or_else(|| now.checked_add(Duration::from_secs(86_400))).unwrap_or(now)
}

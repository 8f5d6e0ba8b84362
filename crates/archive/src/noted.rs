use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use holobiont_attestation_tls::TlsError;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Why an attested stream has ended, kept beside it: HTTP/2 passes on only the text.
pub(crate) type Reason = Arc<OnceLock<TlsError>>;

/// A stream that notes its first attested-TLS error.
#[derive(Debug)]
pub(crate) struct Noted<S> {
    inner: S,
    reason: Reason,
}

impl<S> Noted<S> {
    pub(crate) fn new(inner: S) -> (Self, Reason) {
        let reason = Reason::default();
        (Self { inner, reason: Arc::clone(&reason) }, reason)
    }

    fn note<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &polled
            && let Some(tls) = error.get_ref().and_then(|it| it.downcast_ref::<TlsError>())
        {
            // The first one is the reason.
            let _ = self.reason.set(tls.clone());
        }
        polled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.note(polled)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.note(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(cx);
        self.note(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.note(polled)
    }
}

/// The stable word under which an ended handshake or connection is counted.
pub(crate) fn code_of(error: &TlsError) -> &str {
    match error {
        TlsError::Refused { refusal } => refusal.code(),
        // The peer's own words are no label.
        TlsError::RefusedByPeer { .. } => "refused-by-peer",
        TlsError::Busy { .. } => "busy",
        TlsError::TimedOut { .. } => "timed-out",
        TlsError::Io { .. } | TlsError::Closed => "broken",
        TlsError::Handshake { .. } | TlsError::Exchange { .. } | TlsError::OutOfOrder { .. } => {
            "protocol"
        }
        TlsError::Prover { .. } => "no-evidence",
        TlsError::Expired { .. } => "expired",
        _ => "internal",
    }
}

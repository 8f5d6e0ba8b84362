//! A peer that speaks TLS and frames, and keeps to nothing else.

use holobiont_attestation::{Evidence, QuoteProvider, Role, TlsBinding};
use holobiont_attestation_tls::exchange::{Frame, Refusal, Request};
use holobiont_attestation_tls::transport::{SERVER_NAME, client_config, server_config};
use holobiont_attestation_tls::{BootKey, Terms};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

pub(crate) struct Raw {
    pub(crate) stream: TlsStream<TcpStream>,
    role: Role,
    key: Vec<u8>,
    got: Vec<u8>,
}

impl Raw {
    pub(crate) async fn dial(stream: TcpStream, key: &BootKey) -> Self {
        let connector = TlsConnector::from(Arc::new(client_config(key, true).unwrap()));
        let name = SERVER_NAME.try_into().unwrap();
        let stream = connector.connect(name, stream).await.unwrap().into();
        Self { stream, role: Role::Client, key: key.public_key().to_vec(), got: vec![] }
    }

    pub(crate) async fn take(stream: TcpStream, key: &BootKey) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(server_config(key, true).unwrap()));
        let stream = acceptor.accept(stream).await.unwrap().into();
        Self { stream, role: Role::Server, key: key.public_key().to_vec(), got: vec![] }
    }

    pub(crate) async fn send(&mut self, frame: &Frame<'_>) {
        self.send_bytes(&frame.encode()).await.unwrap();
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// The next frame, encoded; none where the peer ended the connection.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some((_, taken)) = Frame::decode(&self.got).expect("the peer sends frames") {
                return Some(self.got.drain(..taken).collect());
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.got.extend_from_slice(&chunk[..count]),
            }
        }
    }

    pub(crate) async fn request(&mut self) -> Request {
        let bytes = self.next().await.expect("a request");
        match Frame::decode(&bytes) {
            Ok(Some((Frame::Request(request), _))) => request,
            other => panic!("no request: {other:?}"),
        }
    }

    pub(crate) async fn answer(&mut self) -> Vec<u8> {
        let bytes = self.next().await.expect("an answer");
        match Frame::decode(&bytes) {
            Ok(Some((Frame::Answer(answer), _))) => answer.to_vec(),
            other => panic!("no answer: {other:?}"),
        }
    }

    /// The refusal that comes, after whatever else.
    pub(crate) async fn refusal(&mut self) -> Refusal {
        while let Some(bytes) = self.next().await {
            if let Ok(Some((Frame::Refuse(refusal), _))) = Frame::decode(&bytes) {
                return refusal;
            }
        }
        panic!("the peer ended without a refusal");
    }

    /// What a good quote of this side would bind.
    pub(crate) fn binding(
        &self,
        node: [u8; 32],
        terms: Terms,
        own: [u8; 32],
        peer: [u8; 32],
    ) -> TlsBinding {
        let (_, common) = self.stream.get_ref();
        let peer_key = common.peer_certificates().unwrap()[0].to_vec();
        let context = match self.role {
            Role::Client => [own, peer].concat(),
            Role::Server => [peer, own].concat(),
        };
        let (label, context) = (b"EXPORTER-holobiont-attest".as_slice(), Some(context.as_slice()));
        let exporter = match &self.stream {
            TlsStream::Client(it) => it.get_ref().1.export_keying_material([0; 32], label, context),
            TlsStream::Server(it) => it.get_ref().1.export_keying_material([0; 32], label, context),
        };
        TlsBinding {
            simulated: true,
            role: self.role,
            organism: terms.organism,
            epoch: terms.epoch,
            surface: terms.surface,
            policy: terms.policy,
            node,
            own_key: self.key.clone(),
            peer_key,
            peer_nonce: peer,
            exporter: exporter.unwrap(),
        }
    }
}

/// Encoded evidence of a guest for this binding, whatever it says.
pub(crate) fn quoted(guest: &dyn QuoteProvider, binding: &TlsBinding) -> Vec<u8> {
    let quote = guest.quote(&binding.report_data()).unwrap();
    let event_log = guest.event_log().unwrap();
    Evidence { quote, event_log, batch: None }.encode().unwrap()
}

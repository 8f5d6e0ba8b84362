//! A road between a client and a server that a test can measure and cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Passes bytes on, and ends a connection once its server has sent as many as are allowed.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    /// Bytes that servers sent, over all connections.
    pub(crate) passed: Arc<AtomicU64>,
    /// How many bytes one connection may carry from its server.
    pub(crate) allowed: Arc<AtomicU64>,
    /// Connections so far.
    pub(crate) connections: Arc<AtomicU64>,
}

impl Proxy {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            passed: Arc::default(),
            allowed: Arc::new(AtomicU64::new(u64::MAX)),
            connections: Arc::default(),
        };
        let (passed, allowed) = (Arc::clone(&proxy.passed), Arc::clone(&proxy.allowed));
        let connections = Arc::clone(&proxy.connections);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let Ok(far) = TcpStream::connect(server).await else { continue };
                let limit = allowed.load(Ordering::SeqCst);
                let passed = Arc::clone(&passed);
                tokio::spawn(async move {
                    let (near_read, near_write) = near.into_split();
                    let (far_read, far_write) = far.into_split();
                    let uncounted = AtomicU64::new(0);
                    tokio::select! {
                        () = carry(far_read, near_write, limit, &passed) => {}
                        () = carry(near_read, far_write, u64::MAX, &uncounted) => {}
                    }
                });
            }
        });
        proxy
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, limit: u64, passed: &AtomicU64) {
    let mut left = limit;
    let mut buffer = vec![0; 16 << 10];
    while left > 0 {
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        let count = count.min(usize::try_from(left).unwrap_or(usize::MAX));
        left -= count as u64;
        passed.fetch_add(count as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

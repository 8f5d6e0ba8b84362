//! A relay between two processes, on which links can be cut, held and slowed without being root.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::link::{OnWay, Way};

/// What one read may take; also what a slowed link sends at once.
const CHUNK_BYTES: usize = 16 * 1024;
/// The most connections through one relay; more are closed at once.
const MAX_CONNECTIONS: usize = 256;

/// A listener whose connections go on to one address, along two ways.
#[derive(Debug)]
pub(super) struct Proxy {
    listener: TcpListener,
    address: SocketAddr,
    target: SocketAddr,
    there: Arc<Way>,
    back: Arc<Way>,
}

impl Proxy {
    /// Takes a port of this machine. Nothing goes through before it [runs](Self::run).
    pub(super) async fn bind(
        target: SocketAddr,
        there: Arc<Way>,
        back: Arc<Way>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, target, there, back })
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Relays, until it is dropped.
    pub(super) async fn run(self) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    // Without a connection there is nothing to relay; the next one may come.
                    let Ok((stream, _)) = accepted else { continue };
                    if connections.len() < MAX_CONNECTIONS {
                        let (there, back) = (self.there.watch(), self.back.watch());
                        connections.spawn(relay(stream, self.target, there, back));
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// Relays one connection until either side ends it, or one of its ways is cut.
async fn relay(dialler: TcpStream, target: SocketAddr, there: OnWay, back: OnWay) {
    let (mut cut_there, mut cut_back) = (there.clone(), back.clone());
    tokio::select! {
        // What went wrong is for the two ends to say.
        _ = both_ways(dialler, target, there, back) => {}
        () = cut_there.cut() => {}
        () = cut_back.cut() => {}
    }
}

async fn both_ways(
    dialler: TcpStream,
    target: SocketAddr,
    mut there: OnWay,
    back: OnWay,
) -> io::Result<()> {
    // The first packet of a connection has to get through as well.
    there.pass(0).await;
    let dialled = TcpStream::connect(target).await?;
    dialler.set_nodelay(true)?;
    dialled.set_nodelay(true)?;
    let (from_dialler, to_dialler) = dialler.into_split();
    let (from_dialled, to_dialled) = dialled.into_split();
    tokio::try_join!(pump(from_dialler, to_dialled, there), pump(from_dialled, to_dialler, back))?;
    Ok(())
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: OnWay) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let read = from.read(&mut buffer).await?;
        way.pass(read).await;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(buffer.get(..read).unwrap_or_default()).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::super::link::Flow;
    use super::*;

    /// One that sends back whatever it gets, a relay to it, and a connection through that.
    struct Rig {
        there: Arc<Way>,
        back: Arc<Way>,
        address: SocketAddr,
        stream: TcpStream,
    }

    async fn rig() -> Rig {
        let echo = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let target = echo.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = echo.accept().await.unwrap();
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        let (there, back) = (Arc::new(Way::new()), Arc::new(Way::new()));
        let proxy = Proxy::bind(target, Arc::clone(&there), Arc::clone(&back)).await.unwrap();
        let address = proxy.address();
        tokio::spawn(proxy.run());
        let stream = TcpStream::connect(address).await.unwrap();
        Rig { there, back, address, stream }
    }

    impl Rig {
        async fn echo(&mut self, text: &[u8]) -> io::Result<Vec<u8>> {
            self.stream.write_all(text).await?;
            let mut bytes = vec![0; text.len()];
            self.stream.read_exact(&mut bytes).await?;
            Ok(bytes)
        }

        async fn is_silent(&mut self) -> bool {
            let mut byte = [0];
            timeout(Duration::from_millis(50), self.stream.read(&mut byte)).await.is_err()
        }
    }

    #[tokio::test]
    async fn held_bytes_come_once_the_way_opens() {
        let mut rig = rig().await;
        assert_eq!(rig.echo(b"one").await.unwrap(), b"one");
        for way in [Arc::clone(&rig.there), Arc::clone(&rig.back)] {
            way.set(Flow::Held);
            rig.stream.write_all(b"two").await.unwrap();
            assert!(rig.is_silent().await);
            way.set(Flow::Open);
            let mut bytes = [0; 3];
            rig.stream.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"two");
        }
    }

    #[tokio::test]
    async fn a_cut_closes_connections_that_are_idle_too_and_new_ones() {
        let mut rig = rig().await;
        assert_eq!(rig.echo(b"one").await.unwrap(), b"one");
        rig.back.set(Flow::Cut);
        assert_eq!(rig.stream.read(&mut [0]).await.unwrap_or(0), 0);
        rig.stream = TcpStream::connect(rig.address).await.unwrap();
        assert!(rig.echo(b"two").await.is_err());
        rig.back.set(Flow::Open);
        rig.stream = TcpStream::connect(rig.address).await.unwrap();
        assert_eq!(rig.echo(b"three").await.unwrap(), b"three");
    }

    #[tokio::test]
    async fn a_slow_way_keeps_what_goes_on_it() {
        let mut rig = rig().await;
        rig.there.set(Flow::Slow { delay_ms: 1, bytes_per_s: 10_000_000 });
        let text = vec![7; 3 * CHUNK_BYTES];
        assert_eq!(rig.echo(&text).await.unwrap(), text);
    }
}

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// The least that has to come, and in how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) bytes: u64,
    pub(crate) within: Duration,
}

/// The slowest node that is waited for: anything may take long that goes on.
pub(crate) const PACE: Pace = Pace { bytes: 64 << 10, within: Duration::from_secs(30) };

/// What is read at once, in bytes.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that are read before they are wanted.
const PIECES_AHEAD: usize = 4;

/// A long answer as it comes: no longer than it may be, and no slower. Only time that is spent waiting
/// for the node counts.
///
/// It is read on a thread of its own, since nothing else can give up a read that never returns; that
/// thread ends with the connection, or with the process.
#[derive(Debug)]
pub(crate) struct Paced {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: io::Cursor<Vec<u8>>,
    ended: bool,
    limit_bytes: u64,
    taken_bytes: u64,
    pace: Pace,
    /// Since the pace was last kept.
    waited: Duration,
    came_bytes: u64,
}

impl Paced {
    pub(crate) fn of(mut input: impl Read + Send + 'static, limit_bytes: u64, pace: Pace) -> Self {
        let (sender, pieces) = sync_channel(PIECES_AHEAD);
        thread::spawn(move || {
            loop {
                let mut piece = vec![0; PIECE_BYTES];
                let read = input.read(&mut piece).map(|bytes| {
                    piece.truncate(bytes);
                    piece
                });
                let is_last = read.as_ref().map_or(true, Vec::is_empty);
                if sender.send(read).is_err() || is_last {
                    return;
                }
            }
        });
        Self {
            pieces,
            piece: io::Cursor::default(),
            ended: false,
            limit_bytes,
            taken_bytes: 0,
            pace,
            waited: Duration::ZERO,
            came_bytes: 0,
        }
    }

    /// The next piece; an empty one at the end.
    fn next(&mut self) -> io::Result<Vec<u8>> {
        let asked = Instant::now();
        let left = self.pace.within.saturating_sub(self.waited);
        let piece = self.pieces.recv_timeout(left);
        self.waited = self.waited.saturating_add(asked.elapsed());
        let piece = match piece {
            Ok(piece) => piece?,
            Err(RecvTimeoutError::Timeout) => return Err(self.too_slow()),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.taken_bytes = self.taken_bytes.saturating_add(bytes);
        if self.taken_bytes > self.limit_bytes {
            let what = format!("the answer is longer than {} bytes", self.limit_bytes);
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        self.came_bytes = self.came_bytes.saturating_add(bytes);
        if self.came_bytes >= self.pace.bytes {
            (self.came_bytes, self.waited) = (0, Duration::ZERO);
        } else if bytes > 0 && self.waited >= self.pace.within {
            return Err(self.too_slow());
        }
        Ok(piece)
    }

    fn too_slow(&self) -> io::Error {
        let what = format!(
            "the node sent fewer than {} bytes in {} s: ask another one",
            self.pace.bytes,
            self.pace.within.as_secs()
        );
        io::Error::new(io::ErrorKind::TimedOut, what)
    }
}

impl Read for Paced {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.piece.read(out)?;
            if read > 0 || out.is_empty() || self.ended {
                return Ok(read);
            }
            let piece = self.next()?;
            self.ended = piece.is_empty();
            self.piece = io::Cursor::new(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// A peer that sends what it is told to, and then nothing while its other end is held.
    struct Peer(Receiver<Vec<u8>>);

    impl Read for Peer {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let Ok(sent) = self.0.recv() else { return Ok(0) };
            out[..sent.len()].copy_from_slice(&sent);
            Ok(sent.len())
        }
    }

    const QUICK: Pace = Pace { bytes: 10, within: Duration::from_millis(50) };

    fn peer(limit_bytes: u64) -> (Sender<Vec<u8>>, Paced) {
        let (sender, receiver) = channel();
        (sender, Paced::of(Peer(receiver), limit_bytes, QUICK))
    }

    fn all(paced: &mut Paced) -> Result<Vec<u8>, io::ErrorKind> {
        let mut read = Vec::new();
        paced.read_to_end(&mut read).map(|_| read).map_err(|error| error.kind())
    }

    #[test]
    fn what_ends_is_read_whole() {
        let (sender, mut paced) = peer(100);
        for _ in 0..10 {
            sender.send(vec![7; 10]).unwrap();
        }
        drop(sender);
        assert_eq!(all(&mut paced), Ok(vec![7; 100]));
    }

    #[test]
    fn a_peer_that_never_ends_its_answer_is_given_up() {
        let (sender, mut paced) = peer(100);
        sender.send(vec![7; 20]).unwrap();
        assert_eq!(all(&mut paced), Err(io::ErrorKind::TimedOut));
        drop(sender);
    }

    #[test]
    fn a_peer_that_sends_a_byte_now_and_then_is_given_up() {
        let (sender, mut paced) = peer(u64::MAX);
        let trickle = thread::spawn(move || {
            while sender.send(vec![7]).is_ok() {
                thread::park_timeout(Duration::from_millis(10));
            }
        });
        assert_eq!(all(&mut paced), Err(io::ErrorKind::TimedOut));
        drop(paced);
        trickle.join().unwrap();
    }

    #[test]
    fn an_answer_that_is_longer_than_any_may_be_is_refused() {
        let (sender, mut paced) = peer(99);
        for _ in 0..10 {
            sender.send(vec![7; 10]).unwrap();
        }
        drop(sender);
        assert_eq!(all(&mut paced), Err(io::ErrorKind::InvalidData));
    }
}

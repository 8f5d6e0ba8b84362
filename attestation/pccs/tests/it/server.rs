//! A collateral service on loopback that answers by a script and remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What the server does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Answers.
    With { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// Takes the request and says nothing until the client gives up.
    Silence,
    /// Begins an answer, then says no more until the client gives up.
    Stall,
    /// An answer whose body never ends.
    Endless,
    /// Closes the connection without an answer.
    Close,
}

impl Reply {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::With { status: 200, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::With { status, headers: Vec::new(), body: b"<html>".to_vec() }
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        match self {
            Self::With { status, mut headers, body } => {
                headers.push((name.to_owned(), value.to_owned()));
                Self::With { status, headers, body }
            }
            other => other,
        }
    }
}

/// Replies by target (path and query), the last of a list again and again.
type Script = BTreeMap<String, Vec<Reply>>;

pub(crate) struct Server {
    scheme: &'static str,
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(script: Script) -> Self {
        Self::over(None, script)
    }

    /// The same over TLS.
    pub(crate) fn start_tls(config: ServerConfig, script: Script) -> Self {
        Self::over(Some(Arc::new(config)), script)
    }

    fn over(tls: Option<Arc<ServerConfig>>, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let asked = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (asked, stop) = (Arc::clone(&asked), Arc::clone(&stop));
            move || {
                for stream in listener.incoming().map(Result::unwrap) {
                    match &tls {
                        _ if stop.load(Ordering::SeqCst) => return,
                        None => serve(&mut { stream }, &script, &asked),
                        Some(config) => {
                            let tls = ServerConnection::new(Arc::clone(config)).unwrap();
                            serve(&mut StreamOwned::new(tls, stream), &script, &asked);
                        }
                    }
                }
            }
        });
        Self { scheme, address, asked, stop, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|it| it.is_ok()) || std::thread::panicking());
    }
}

fn serve(stream: &mut (impl Read + Write), script: &Script, asked: &Mutex<Vec<String>>) {
    // A client that refuses our certificate asks nothing.
    let Some(target) = target(stream) else { return };
    let mut asked = asked.lock().unwrap();
    let times = asked.iter().filter(|before| **before == target).count();
    asked.push(target.clone());
    drop(asked);
    let replies = script.get(&target);
    let reply = replies.and_then(|all| all.get(times).or(all.last()).cloned());
    answer(stream, reply.unwrap_or_else(|| Reply::status(404)));
}

/// The target of the request, whose headers are read to their end.
fn target(stream: &mut impl Read) -> Option<String> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next()?;
    lines.find(|line| line.is_empty())?;
    first.split(' ').nth(1).map(str::to_owned)
}

/// Writing fails where the client has gone, which is its right.
fn answer(stream: &mut (impl Read + Write), reply: Reply) {
    match reply {
        Reply::With { status, headers, body } => {
            let mut head = format!("HTTP/1.1 {status} Scripted\r\nConnection: close\r\n");
            for (name, value) in headers {
                head += &format!("{name}: {value}\r\n");
            }
            head += &format!("Content-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
        Reply::Silence => wait_until_left(stream),
        Reply::Stall => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
            wait_until_left(stream);
        }
        Reply::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            while stream.write_all(&[b' '; 4096]).is_ok() {}
        }
        Reply::Close => {}
    }
}

fn wait_until_left(stream: &mut impl Read) {
    let _ = stream.read_to_end(&mut Vec::new());
}

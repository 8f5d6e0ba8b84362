//! Ports of this machine for processes that come and go.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::failure::Failure;

/// Where the search begins: below the ports that a system gives to connections, so that none of
/// those takes one while its process is down.
const FIRST: u16 = 18_000;
const LAST: u16 = 32_000;

/// Free ports, one after the other.
#[derive(Debug)]
pub(crate) struct Ports {
    next: u16,
    is_given: bool,
}

impl Ports {
    /// From `base` on; without one, from a place that few others search from.
    pub(crate) fn new(base: Option<u16>) -> Self {
        let spread = u16::try_from(std::process::id().wrapping_mul(61) % 12_000).unwrap_or(0);
        Self { next: base.unwrap_or(FIRST.saturating_add(spread)), is_given: base.is_some() }
    }

    /// The next one that nobody listens on.
    pub(crate) fn take(&mut self) -> Result<SocketAddr, Failure> {
        let last = if self.is_given { u16::MAX } else { LAST };
        while self.next < last {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.next));
            self.next = self.next.saturating_add(1);
            if TcpListener::bind(address).is_ok() {
                return Ok(address);
            }
        }
        Err(Failure::Usage {
            what: "no port is free on 127.0.0.1".to_owned(),
            help: "name the first of some free ones with --base-port",
        })
    }
}

//! A link that can be cut: the kernel drops what one endpoint's UDP sockets get from another's.
//!
//! A classic packet filter on sockets of one's own needs no rights. Endpoints do not hand theirs
//! out, so they are found among the descriptors of this process, by the addresses they are bound
//! to.

use std::{fs, os::fd::OwnedFd};

use mosaik::iroh::Endpoint;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::{SockFilter, SockRef};

/// No packet passes between one endpoint and the others until this is healed.
pub struct Cut {
    filtered: Vec<OwnedFd>,
}

impl Cut {
    pub fn between(one: &Endpoint, others: &[&Endpoint]) -> Self {
        let mut filtered = drop_what_comes(&[one], others);
        filtered.extend(drop_what_comes(others, &[one]));
        Self { filtered }
    }

    pub fn heal(self) {
        for socket in &self.filtered {
            SockRef::from(socket).detach_filter().unwrap();
        }
    }
}

fn drop_what_comes(to: &[&Endpoint], from: &[&Endpoint]) -> Vec<OwnedFd> {
    let to: Vec<_> = to.iter().flat_map(|it| it.bound_sockets()).collect();
    let from: Vec<_> = from.iter().flat_map(|it| it.bound_sockets()).collect();
    let mut found = Vec::new();
    for (socket, address) in sockets() {
        if to.contains(&address) {
            let family = from.iter().filter(|it| it.is_ipv4() == address.is_ipv4());
            let ports: Vec<u16> = family.map(|it| it.port()).collect();
            SockRef::from(&socket).attach_filter(&dropping(&ports)).unwrap();
            found.push(socket);
        }
    }
    assert_eq!(found.len(), to.len(), "a socket that is not found would not be cut off");
    found
}

/// All sockets of this process that are bound to an internet address.
fn sockets() -> Vec<(OwnedFd, std::net::SocketAddr)> {
    let this = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let numbers = fs::read_dir("/proc/self/fd").unwrap();
    numbers
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|number| {
            let socket = pidfd_getfd(&this, number, PidfdGetfdFlags::empty()).ok()?;
            let address = SockRef::from(&socket).local_addr().ok()?.as_socket()?;
            Some((socket, address))
        })
        .collect()
}

/// A filter that drops UDP packets from these ports, and takes all others.
fn dropping(ports: &[u16]) -> Vec<SockFilter> {
    const LOAD_HALF_WORD: u16 = 0x28;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;

    // A UDP packet begins with its source port.
    let mut program = vec![SockFilter::new(LOAD_HALF_WORD, 0, 0, 0)];
    for (place, port) in ports.iter().enumerate() {
        let to_the_last = u8::try_from(ports.len() - place).unwrap();
        program.push(SockFilter::new(JUMP_IF_EQUAL, to_the_last, 0, u32::from(*port)));
    }
    program.push(SockFilter::new(RETURN, 0, 0, u32::MAX));
    program.push(SockFilter::new(RETURN, 0, 0, 0));
    program
}

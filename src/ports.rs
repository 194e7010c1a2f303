//! Ports for nodes that are started, killed and started again on this machine: for demonstrations and tests.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::{Mutex, PoisonError};

/// Below the ports that Linux gives to outgoing connections (32768 and up, if nobody set
/// `net.ipv4.ip_local_port_range`): one of those may be taken by any connection between a node's end and its return.
const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;

/// What this process has reserved: a listener on an abstract name for each port.
static RESERVED: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());

/// A port of the loopback interface that nobody listens on and that no other call, in any process, is given before
/// this process ends.
///
/// The reservation is an abstract Unix socket, which the kernel frees however the process ends. It keeps the port from
/// other callers of this function, not from programs that do not ask.
///
/// # Errors
///
/// `AddrInUse` if every port is taken.
pub fn reserve() -> io::Result<u16> {
    let offset = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap_or(0);
    for step in 0..COUNT {
        // A prime step apart, so that processes started together do not walk along the same ports.
        let at = (u32::from(offset) * 7919 + u32::from(step)) % u32::from(COUNT);
        let port = FIRST + u16::try_from(at).unwrap_or(0);
        let name = SocketAddr::from_abstract_name(format!("standfast-port-{port}"))?;
        let Ok(reservation) = UnixListener::bind_addr(&name) else {
            continue;
        };
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            let mut reserved = RESERVED.lock().unwrap_or_else(PoisonError::into_inner);
            reserved.push(reservation);
            return Ok(port);
        }
    }
    let taken = format!("every port from {FIRST} to {} is taken", FIRST + COUNT - 1);
    Err(io::Error::new(io::ErrorKind::AddrInUse, taken))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice_though_nobody_listens() {
        let ports: HashSet<_> = (0..100).map(|_| reserve().unwrap()).collect();
        assert_eq!(ports.len(), 100);
        assert!(ports.iter().all(|&port| port < 32_768));
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_passed_over() {
        let next = reserve().unwrap() + 1;
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, next));
        assert_ne!(reserve().unwrap(), next);
        drop(held);
    }
}

//! Ports that are free and stay the same over restarts.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};

use anyhow::ensure;

/// Below those that the system gives to connections (`net.ipv4.ip_local_port_range`): one of ours that is down is then nobody's, not even that of
/// a connection to itself.
const PORTS: std::ops::Range<u16> = 10_240..32_768;

/// So many ports that nobody listens on. Where we look first is random, so that two installations rarely meet; a part that loses
/// its port all the same waits for it.
pub(super) fn free(count: usize) -> anyhow::Result<Vec<u16>> {
    // A fresh hasher of the standard library is keyed at random.
    let offset = RandomState::new().hash_one(()) % u64::from(PORTS.end - PORTS.start);
    let first = PORTS.start + u16::try_from(offset)?;
    let free: Vec<_> = (first..PORTS.end)
        .chain(PORTS.start..first)
        .filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .take(count)
        .collect();
    ensure!(free.len() == count, "too few free ports");
    Ok(free)
}

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the connections that have not attested yet, in all and by address.
#[derive(Debug)]
pub(crate) struct Gate {
    inside: Mutex<Inside>,
    limit: usize,
    limit_per_address: usize,
}

#[derive(Debug, Default)]
struct Inside {
    total: usize,
    by_address: BTreeMap<IpAddr, usize>,
}

impl Gate {
    pub(crate) fn new(limit: usize, limit_per_address: usize) -> Arc<Self> {
        Arc::new(Self { inside: Mutex::default(), limit, limit_per_address })
    }

    /// A place until the pass is dropped, or the limit that is reached.
    pub(crate) fn enter(self: &Arc<Self>, from: IpAddr) -> Result<Pass, usize> {
        let address = network(from);
        let mut inside = self.lock();
        let here = inside.by_address.get(&address).copied().unwrap_or(0);
        if inside.total >= self.limit {
            return Err(self.limit);
        }
        if here >= self.limit_per_address {
            return Err(self.limit_per_address);
        }
        inside.total = inside.total.saturating_add(1);
        inside.by_address.insert(address, here.saturating_add(1));
        Ok(Pass { gate: Arc::clone(self), address })
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place inside the gate.
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Arc<Gate>,
    address: IpAddr,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut inside = self.gate.lock();
        inside.total = inside.total.saturating_sub(1);
        match inside.by_address.get(&self.address).copied() {
            Some(count @ 2..) => {
                inside.by_address.insert(self.address, count.saturating_sub(1));
            }
            _ => {
                inside.by_address.remove(&self.address);
            }
        }
    }
}

/// One customer's worth of addresses: an IPv4 address, or an IPv6 /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_all_and_by_address_and_given_back() {
        let gate = Gate::new(3, 2);
        let first: IpAddr = "2001:db8::1".parse().unwrap();
        let same_network: IpAddr = "2001:db8::ffff:1".parse().unwrap();
        let other: IpAddr = "192.0.2.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();

        let a = gate.enter(first).unwrap();
        let _b = gate.enter(same_network).unwrap();
        assert_eq!(gate.enter(first).unwrap_err(), 2);
        let _c = gate.enter(other).unwrap();
        assert_eq!(gate.enter(mapped).unwrap_err(), 3);
        drop(a);
        let d = gate.enter(mapped).unwrap();
        drop(d);
        gate.enter(same_network).unwrap();
        assert_eq!(gate.lock().by_address.len(), 2);
    }
}

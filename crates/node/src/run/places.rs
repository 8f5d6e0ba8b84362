use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A host has as a rule so many bits of an IPv6 address to itself.
const HOST_BITS: u32 = 64;

/// Places for something that must not be without end: in all, and for one address.
pub(crate) struct Places {
    all: usize,
    each: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    count: usize,
    by_address: BTreeMap<IpAddr, usize>,
}

/// One place; it is free again when this is dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// All are taken.
    All,
    /// That address has as many as it may.
    Address,
}

impl Places {
    pub(crate) fn new(all: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { all, each, taken: Mutex::default() })
    }

    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Place, NoPlace> {
        let address = host_of(address);
        let mut taken = self.lock();
        let own = taken.by_address.get(&address).copied().unwrap_or(0);
        if own >= self.each {
            return Err(NoPlace::Address);
        }
        if taken.count >= self.all {
            return Err(NoPlace::All);
        }
        taken.count = taken.count.saturating_add(1);
        taken.by_address.insert(address, own.saturating_add(1));
        Ok(Place { places: Arc::clone(self), address })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.count = taken.count.saturating_sub(1);
        if let Some(own) = taken.by_address.get_mut(&self.address) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

/// What stands for everything that one host may call itself.
fn host_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let mask = u128::MAX << (u128::BITS - HOST_BITS);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_places_to_others() {
        let places = Places::new(3, 2);
        let (a, b): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let first = places.take(a).ok().unwrap();
        let _second = places.take("::ffff:10.0.0.1".parse().unwrap()).ok().unwrap();
        assert_eq!(places.take(a).err(), Some(NoPlace::Address));
        let _third = places.take(b).ok().unwrap();
        assert_eq!(places.take(b).err(), Some(NoPlace::All));
        drop(first);
        assert!(places.take(b).is_ok() && places.lock().by_address.len() == 2);
        // Whoever has one IPv6 address has very many.
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(host_of(v6), host_of("2001:db8::ffff:2".parse().unwrap()));
        assert_ne!(host_of(v6), host_of("2001:db8:0:1::1".parse().unwrap()));
    }
}

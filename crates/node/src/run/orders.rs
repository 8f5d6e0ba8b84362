use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use holobiont_archive::Problem;
use holobiont_committee::SignedOrder;
use holobiont_identity::Digest;

/// An order that was given to the committee, and is not in its log after this time, may be given again,
/// in milliseconds: the leader of then may be gone, and the order with it.
const ON_ITS_WAY_MS: u64 = 60_000;
/// The most orders that are remembered.
const MAX_REMEMBERED: usize = 64;

/// The operators' orders that this process has given to the committee, so that none is twice in its
/// log because it was sent twice.
#[derive(Default)]
pub(crate) struct Orders(Mutex<BTreeMap<u64, Given>>);

struct Given {
    order: Digest,
    at: Instant,
}

/// What is to be done with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is to be given to the committee.
    New,
    /// It was, and nothing is to be done.
    Known,
}

impl Orders {
    /// How an order stands, where `log_sequence` is the last one that the log has. A new one counts as
    /// given from now on.
    ///
    /// # Errors
    ///
    /// The [`Problem`] of another order with its sequence, or a later one.
    pub(crate) fn note(&self, order: &SignedOrder, log_sequence: u64) -> Result<Standing, Problem> {
        let (sequence, digest) = (order.order.sequence, Digest::of(order.to_json()));
        let mut given = self.lock();
        let known = given.get(&sequence);
        if known.is_some_and(|known| known.order == digest && is_young(known)) {
            return Ok(Standing::Known);
        }
        if sequence <= log_sequence {
            if known.is_some_and(|known| known.order == digest) {
                return Ok(Standing::Known);
            }
            let detail = format!(
                "the committee's log has order {log_sequence}, and orders only go up: if this is \
                 another one than it has, sign it with a sequence above"
            );
            return Err(Problem::new(409, "order-known", detail));
        }
        if known.is_some_and(is_young) {
            let detail = format!("another order {sequence} is on its way into the committee's log");
            return Err(Problem::new(409, "order-known", detail));
        }
        if given.len() >= MAX_REMEMBERED {
            given.pop_first();
        }
        given.insert(sequence, Given { order: digest, at: Instant::now() });
        Ok(Standing::New)
    }

    /// It could not be given.
    pub(crate) fn forget(&self, sequence: u64) {
        self.lock().remove(&sequence);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Given>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_young(given: &Given) -> bool {
    given.at.elapsed() < Duration::from_millis(ON_ITS_WAY_MS)
}

#[cfg(test)]
mod tests {
    use holobiont_committee::SeedKey;
    use holobiont_identity::{OrderAction, UniqueId};
    use holobiont_policy::Order;

    use super::*;

    fn order(sequence: u64, action: OrderAction) -> SignedOrder {
        let organism = UniqueId::from_name("o");
        let order = Order { organism, sequence, expires_ms: None, action };
        SignedOrder::sign(order, None, 0, &SeedKey::from_seed(&[7; 32]).unwrap())
    }

    #[test]
    fn an_order_that_is_sent_again_is_given_once() {
        let orders = Orders::default();
        let (first, other) = (order(5, OrderAction::Pause), order(5, OrderAction::Resume));
        assert_eq!(orders.note(&first, 0).ok(), Some(Standing::New));
        assert_eq!(orders.note(&first, 0).ok(), Some(Standing::Known));
        assert_eq!(orders.note(&other, 0).unwrap_err().code, "order-known");
        // In the log now.
        assert_eq!(orders.note(&first, 5).ok(), Some(Standing::Known));
        assert_eq!(orders.note(&order(4, OrderAction::Pause), 5).unwrap_err().status, 409);
        assert_eq!(orders.note(&order(6, OrderAction::Resume), 5).ok(), Some(Standing::New));
        // Nobody took it: it may be sent again.
        orders.forget(6);
        assert_eq!(orders.note(&order(6, OrderAction::Resume), 5).ok(), Some(Standing::New));
        // Another process, which remembers nothing.
        assert_eq!(Orders::default().note(&first, 5).unwrap_err().code, "order-known");
    }
}

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// Wakes whoever reads and whoever writes.
///
/// Both may drive the same TLS stream, from two tasks after a split, and a socket remembers one
/// waker for each direction: the last. So it is always given this one, and nobody is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Wakers([Mutex<Option<Waker>>; 2]);

/// Who polls.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side {
    Reader,
    Writer,
}

impl Wakers {
    pub(crate) fn register(&self, side: Side, waker: &Waker) {
        let [reader, writer] = &self.0;
        let place = match side {
            Side::Reader => reader,
            Side::Writer => writer,
        };
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *place {
            Some(known) => known.clone_from(waker),
            empty => *empty = Some(waker.clone()),
        }
    }

    pub(crate) fn wake_both(&self) {
        for place in &self.0 {
            let waker = place.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_both();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_both();
    }
}

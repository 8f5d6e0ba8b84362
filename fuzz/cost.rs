//! What an input may cost: measured here, where a fuzzer runs, and nowhere in an ordinary test.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// The most that any input of at most [`MAX_INPUT_BYTES`] may cost: 5 ms. A build that counts for the
/// fuzzer where it has been takes at least twice as long.
const MOST: Duration = Duration::from_millis(if cfg!(fuzzing) { 10 } else { 5 });
const MAX_INPUT_BYTES: usize = 128 * 1024;
/// Others run on the machine too. What is slow by itself is slow every time.
const REPEATS: usize = 3;

/// Does the work on an input of this length, and panics where each repeat takes too much of this
/// thread's CPU time. The work must cost the same each time.
pub(crate) fn bounded<T>(what: &str, size_bytes: usize, work: impl Fn() -> T) -> T {
    let (mut done, mut least) = timed(&work);
    for _ in 1..REPEATS {
        if least <= MOST {
            break;
        }
        let (again, cost) = timed(&work);
        (done, least) = (again, least.min(cost));
    }
    assert!(
        least <= MOST || size_bytes > MAX_INPUT_BYTES,
        "{what}: {} us for {size_bytes} bytes",
        least.as_micros()
    );
    done
}

fn timed<T>(work: impl Fn() -> T) -> (T, Duration) {
    let before = now();
    let done = work();
    (done, now().saturating_sub(before))
}

/// This thread's CPU time.
fn now() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(tv_sec).expect("a thread's time is from 0");
    Duration::new(seconds, u32::try_from(tv_nsec).expect("below a second"))
}

//! Computers that can be paused and killed, on one thread and in virtual time.
//!
//! [`Host`] is openraft's simulated runtime with one thing added: every task belongs to the
//! [`Computer`] that spawned it. A paused computer's tasks are not polled (time goes on without them),
//! a killed one's are dropped where they stand.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use holobiont_committee_store::{Leader, Payload};
use openraft::impls::EmptyNode;
use openraft::{AsyncRuntime, Instant as _, OptionalSend};
use openraft_rt_sim::{SimInstant, SimRuntime};

openraft::declare_raft_types!(
    /// A committee in a simulation.
    pub(crate) Simulated:
        D = Payload,
        R = (),
        Node = EmptyNode,
        LeaderId = Leader,
        AsyncRuntime = Host,
);

thread_local! {
    static CURRENT: RefCell<Option<Arc<Computer>>> = const { RefCell::new(None) };
}

/// The runtime.
#[derive(Debug)]
pub(crate) struct Host(SimRuntime);

impl Host {
    pub(crate) fn with_seed(seed: u64) -> Self {
        Self(SimRuntime::with_seed(seed))
    }

    /// Milliseconds since the run began.
    pub(crate) fn now_ms() -> u64 {
        u64::try_from(SimInstant::now().elapsed_since_start().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) async fn wait_us(us: u64) {
        Self::sleep(Duration::from_micros(us)).await;
    }

    pub(crate) async fn wait_ms(ms: u64) {
        Self::sleep(Duration::from_millis(ms)).await;
    }
}

/// What runs on one computer from one start to its end.
#[derive(Debug, Default)]
pub(crate) struct Computer(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    life: Life,
    next_task: u64,
    tasks: BTreeMap<u64, Waker>,
    panics: Vec<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Life {
    #[default]
    Runs,
    Paused,
    Dead,
}

impl Computer {
    pub(crate) fn start() -> Arc<Self> {
        Arc::default()
    }

    /// Runs a task on this computer.
    pub(crate) fn spawn(self: &Arc<Self>, future: impl Future<Output = ()> + Send + 'static) {
        drop(SimRuntime::spawn(Task::new(Arc::clone(self), future)));
    }

    /// Runs something at once, as a part of this computer.
    pub(crate) fn within<T>(self: &Arc<Self>, act: impl FnOnce() -> T) -> T {
        let before = CURRENT.replace(Some(Arc::clone(self)));
        let result = act();
        CURRENT.set(before);
        result
    }

    /// Everything on it stops where it stands; a moment later nothing of it is left.
    pub(crate) fn kill(&self) {
        self.live(Life::Dead);
    }

    pub(crate) fn pause(&self) {
        self.live(Life::Paused);
    }

    pub(crate) fn resume(&self) {
        self.live(Life::Runs);
    }

    pub(crate) fn runs(&self) -> bool {
        self.inside().life == Life::Runs
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.inside().life == Life::Dead
    }

    /// What panicked on it, if anything did.
    pub(crate) fn panics(&self) -> Vec<String> {
        self.inside().panics.clone()
    }

    fn live(&self, life: Life) {
        let wakers: Vec<Waker> = {
            let mut inside = self.inside();
            if inside.life == Life::Dead {
                return;
            }
            inside.life = life;
            inside.tasks.values().cloned().collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task of a computer.
struct Task<F> {
    computer: Arc<Computer>,
    number: Option<u64>,
    future: Option<Pin<Box<F>>>,
}

impl<F> Task<F> {
    fn new(computer: Arc<Computer>, future: F) -> Self {
        Self { computer, number: None, future: Some(Box::pin(future)) }
    }

    /// Whether it may be polled now. It is woken when that changes.
    fn enter(&mut self, waker: &Waker) -> Life {
        let mut inside = self.computer.inside();
        let number = *self.number.get_or_insert_with(|| {
            inside.next_task += 1;
            inside.next_task
        });
        inside.tasks.entry(number).or_insert_with(|| waker.clone());
        inside.life
    }

    fn leave(&mut self) {
        if let Some(number) = self.number.take() {
            self.computer.inside().tasks.remove(&number);
        }
        let future = self.future.take();
        let computer = Arc::clone(&self.computer);
        computer.within(|| drop(future));
    }
}

impl<F: Future> Future for Task<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        match this.enter(cx.waker()) {
            Life::Paused => return Poll::Pending,
            Life::Dead => {
                this.leave();
                return Poll::Pending;
            }
            Life::Runs => {}
        }
        let Some(future) = this.future.as_mut() else { return Poll::Pending };
        let computer = Arc::clone(&this.computer);
        let polled =
            computer.within(|| catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => {
                this.leave();
                Poll::Ready(output)
            }
            Err(payload) => {
                computer.inside().panics.push(message(payload.as_ref()));
                this.leave();
                resume_unwind(payload)
            }
        }
    }
}

impl<F> Drop for Task<F> {
    fn drop(&mut self) {
        self.leave();
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without words".to_owned())
}

impl AsyncRuntime for Host {
    type JoinError = <SimRuntime as AsyncRuntime>::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = <SimRuntime as AsyncRuntime>::JoinHandle<T>;
    type Sleep = <SimRuntime as AsyncRuntime>::Sleep;
    type Instant = SimInstant;
    type TimeoutError = <SimRuntime as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + OptionalSend> =
        <SimRuntime as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = <SimRuntime as AsyncRuntime>::ThreadLocalRng;
    type Mpsc = <SimRuntime as AsyncRuntime>::Mpsc;
    type Watch = <SimRuntime as AsyncRuntime>::Watch;
    type Oneshot = <SimRuntime as AsyncRuntime>::Oneshot;
    type Mutex<T: OptionalSend + 'static> = <SimRuntime as AsyncRuntime>::Mutex<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        let computer = CURRENT.with_borrow(Clone::clone);
        match computer {
            Some(computer) => SimRuntime::spawn(Task::new(computer, future)),
            None => SimRuntime::spawn(future),
        }
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        SimRuntime::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        SimRuntime::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        SimRuntime::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        SimRuntime::timeout_at(deadline, future)
    }

    fn is_panic(join_error: &Self::JoinError) -> bool {
        SimRuntime::is_panic(join_error)
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        SimRuntime::thread_rng()
    }

    fn new(threads: usize) -> Self {
        Self(SimRuntime::new(threads))
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        self.0.block_on(future)
    }

    fn spawn_blocking<F, T>(f: F) -> impl Future<Output = Result<T, io::Error>> + Send
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        SimRuntime::spawn_blocking(f)
    }
}

impl Host {
    /// Runs a task that belongs to no computer, until the run ends.
    pub(crate) fn spawn_forever(future: impl Future<Output = ()> + Send + 'static) {
        drop(SimRuntime::spawn(future));
    }
}

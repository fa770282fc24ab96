//! The pool that runs networks: a fixed number of worker threads, each with its own [`WorkerNetworks`], entered by permit.
//!
//! Start at [`Pool::run`]. Owners take turns at the workers, by the time that their pictures took
//! ([`likeness_shares`]), and while others are about nobody has the last one. A caller waits for a bounded time in a
//! bounded queue and is refused after that, because an answer that comes too late is worse than a refusal that says when
//! to come back. A caller that goes away costs nothing more: work starts only if the caller still waits, and ends where
//! it asks [`caller_is_gone`].

use crate::shares::Owner;
use crate::worker_networks::WorkerNetworks;
use likeness_shares::{Limits, Shares};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Microseconds of a worker that an owner has before it is the turn of the next.
const TURN: i64 = 50_000;
/// What a picture costs in microseconds before it is known.
const AT_LEAST: i64 = 5_000;

thread_local! {
    /// Tells whether the caller of this worker's present job has gone.
    static GONE: RefCell<Option<Box<dyn Fn() -> bool>>> = const { RefCell::new(None) };
}

/// Whether the caller of the job that runs on this thread has gone. Long work asks now and then, and ends.
pub fn caller_is_gone() -> bool {
    GONE.with_borrow(|gone| gone.as_ref().is_some_and(|gone| gone()))
}

type Job<W> = Box<dyn FnOnce(&mut W) + Send>;

/// The pool that analyses pictures.
pub type Inference = Pool<WorkerNetworks>;

/// Why no answer came.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InferenceError {
    /// The queue is full, or no permit came free in time.
    #[error("every worker is busy")]
    Busy,
    /// The worker failed on this picture; it goes on with the next.
    #[error("the worker failed")]
    Failed,
}

/// How much may run and wait.
#[derive(Clone, Copy, Debug)]
pub struct QueueLimits {
    /// Worker threads; one picture each at a time.
    pub workers: usize,
    /// Callers that may wait for a permit.
    pub queue: usize,
    /// How long a caller waits at most.
    pub longest_wait: Duration,
}

/// A pool of workers, each with a state of its own.
pub struct Pool<W> {
    permits: Arc<Shares<Owner>>,
    jobs: mpsc::Sender<Job<W>>,
}

impl<W: 'static> Pool<W> {
    /// Starts the workers. `load` is called once on each worker thread.
    ///
    /// # Errors
    /// What the first failing `load` said.
    pub fn start<E: Send + 'static>(
        limits: QueueLimits,
        load: impl Fn() -> Result<W, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        let load = Arc::new(load);
        let (jobs, queue) = mpsc::channel::<Job<W>>();
        let queue = Arc::new(Mutex::new(queue));
        let (ready, readiness) = mpsc::channel();
        for number in 0..limits.workers {
            let (load, queue, ready) = (load.clone(), queue.clone(), ready.clone());
            let worker = move || match load() {
                Err(error) => drop(ready.send(Err(error))),
                Ok(mut worker) => {
                    // After a failure of another worker nobody receives this; then there is no work either.
                    drop(ready.send(Ok(())));
                    drop(ready);
                    serve(&mut worker, &queue);
                }
            };
            std::thread::Builder::new()
                .name(format!("inference-{number}"))
                .spawn(worker)
                .expect("the operating system gives the threads that the configuration asks for");
        }
        drop(ready);
        for outcome in readiness {
            outcome?;
        }
        let workers = u64::try_from(limits.workers).unwrap_or(u64::MAX);
        let permits = Shares::new(Limits {
            name: "workers",
            capacity: workers,
            most_each: workers,
            reserve: u64::from(workers > 1),
            waiting: limits.queue,
            longest_wait: limits.longest_wait,
            quantum: TURN,
            cost_of_unit: AT_LEAST,
        });
        Ok(Self { permits, jobs })
    }

    /// Runs work of an owner on a worker thread.
    ///
    /// # Errors
    /// [`InferenceError::Busy`] when the queue is full or the wait is over, [`InferenceError::Failed`] when the
    /// work panicked.
    pub async fn run<R: Send + 'static>(
        &self,
        owner: Owner,
        work: impl FnOnce(&mut W) -> R + Send + 'static,
    ) -> Result<R, InferenceError> {
        let permit = self.permits.take(owner, 1).await.map_err(|_| InferenceError::Busy)?;
        let (answer, listener) = oneshot::channel();
        let job: Job<W> = Box::new(move |worker| {
            if answer.is_closed() {
                metrics::counter!("likeness_inference_abandoned_total").increment(1);
                return;
            }
            let answer = Arc::new(answer);
            let watched = answer.clone();
            GONE.set(Some(Box::new(move || watched.is_closed())));
            let begun = Instant::now();
            // A panic on one picture must not take the worker, and with it everybody's capacity, away.
            let result = catch_unwind(AssertUnwindSafe(|| work(worker)));
            GONE.set(None);
            let cost = i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX);
            permit.charge(cost.saturating_sub(AT_LEAST));
            drop(permit);
            if answer.is_closed() {
                metrics::counter!("likeness_inference_abandoned_total").increment(1);
            }
            match (result, Arc::try_unwrap(answer)) {
                (Ok(result), Ok(answer)) => drop(answer.send(result)),
                _ => metrics::counter!("likeness_inference_failed_total").increment(1),
            }
        });
        self.jobs.send(job).map_err(|_| InferenceError::Failed)?;
        listener.await.map_err(|_| InferenceError::Failed)
    }
}

fn serve<W>(worker: &mut W, queue: &Mutex<mpsc::Receiver<Job<W>>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        job(worker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    const OWNER: Owner = Owner::Program;

    fn pool(queue: usize, longest_wait: Duration) -> Arc<Pool<u32>> {
        let limits = QueueLimits { workers: 1, queue, longest_wait };
        let Ok(pool) = Pool::start(limits, || Ok::<u32, Infallible>(0));
        Arc::new(pool)
    }

    /// Occupies the only permit until the returned sender is used or dropped.
    async fn occupied(pool: &Arc<Pool<u32>>) -> mpsc::Sender<()> {
        let (release, held) = mpsc::channel::<()>();
        let (started, is_started) = oneshot::channel();
        let pool = pool.clone();
        tokio::spawn(async move {
            let hold = move |_: &mut u32| {
                let _ = started.send(());
                let _ = held.recv();
            };
            pool.run(OWNER, hold).await
        });
        is_started.await.expect("the permit is taken");
        release
    }

    #[tokio::test]
    async fn who_waits_too_long_is_refused() {
        let pool = pool(8, Duration::from_millis(20));
        let _occupied = occupied(&pool).await;
        assert_eq!(pool.run(OWNER, |_| ()).await, Err(InferenceError::Busy));
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let pool = pool(0, Duration::from_secs(3600));
        let _occupied = occupied(&pool).await;
        assert_eq!(pool.run(OWNER, |_| ()).await, Err(InferenceError::Busy));
    }

    #[tokio::test]
    async fn a_permit_that_comes_free_in_time_is_taken() {
        let pool = pool(8, Duration::from_secs(3600));
        let release = occupied(&pool).await;
        let waiting = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(OWNER, |_| 7).await }
        });
        drop(release);
        assert_eq!(waiting.await.expect("no panic"), Ok(7));
    }

    #[tokio::test]
    async fn work_for_nobody_is_not_begun() {
        let pool = pool(8, Duration::from_secs(3600));
        let release = occupied(&pool).await;
        let abandoned = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(OWNER, |count| *count += 1).await }
        });
        tokio::task::yield_now().await;
        abandoned.abort();
        assert!(abandoned.await.is_err_and(|error| error.is_cancelled()));
        drop(release);
        // The worker's own count says how often work was begun before this.
        assert_eq!(pool.run(OWNER, |count| *count).await, Ok(0));
    }

    #[tokio::test]
    async fn work_that_is_under_way_can_ask_whether_anybody_waits_for_it() {
        let pool = pool(8, Duration::from_secs(3600));
        let (started, is_started) = oneshot::channel();
        let (seen, outcome) = mpsc::channel();
        let watched = tokio::spawn({
            let pool = pool.clone();
            let work = move |_: &mut u32| {
                let before = caller_is_gone();
                let _ = started.send(());
                while !caller_is_gone() {
                    std::thread::yield_now();
                }
                let _ = seen.send(before);
            };
            async move { pool.run(OWNER, work).await }
        });
        is_started.await.expect("it runs");
        watched.abort();
        assert!(watched.await.is_err_and(|error| error.is_cancelled()));
        // It ends, and the caller was there at first.
        assert_eq!(pool.run(OWNER, |_| caller_is_gone()).await, Ok(false));
        assert_eq!(outcome.recv(), Ok(false));
    }

    #[tokio::test]
    async fn a_worker_survives_a_panic() {
        let pool = pool(8, Duration::from_secs(3600));
        assert_eq!(pool.run(OWNER, |_| panic!("on one picture")).await, Err::<(), _>(InferenceError::Failed));
        assert_eq!(pool.run(OWNER, |_| 1).await, Ok(1));
    }
}

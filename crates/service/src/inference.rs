//! The pool that runs networks: a fixed number of worker threads, each with its own [`WorkerNetworks`], entered by permit.
//!
//! Start at [`Pool::run`]. A caller waits for a permit for a bounded time in a bounded queue and is refused
//! after that, because an answer that comes too late is worse than a refusal that says when to come back. A caller
//! that goes away while waiting costs nothing: work starts only if the caller still waits.

use crate::worker_networks::WorkerNetworks;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

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
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    limits: QueueLimits,
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
        Ok(Self { permits: Arc::new(Semaphore::new(limits.workers)), waiting: AtomicUsize::new(0), limits, jobs })
    }

    /// Runs work on a worker thread.
    ///
    /// # Errors
    /// [`InferenceError::Busy`] when the queue is full or the wait is over, [`InferenceError::Failed`] when the
    /// work panicked.
    pub async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut W) -> R + Send + 'static,
    ) -> Result<R, InferenceError> {
        let permit = self.permit().await?;
        let (answer, listener) = oneshot::channel();
        let job: Job<W> = Box::new(move |worker| {
            let _permit = permit;
            if answer.is_closed() {
                metrics::counter!("likeness_inference_abandoned_total").increment(1);
                return;
            }
            drop(answer.send(work(worker)));
        });
        self.jobs.send(job).map_err(|_| InferenceError::Failed)?;
        listener.await.map_err(|_| InferenceError::Failed)
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, InferenceError> {
        if let Ok(permit) = self.permits.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let _place = Waiting::enter(&self.waiting, self.limits.queue)?;
        let begun = Instant::now();
        let permit = tokio::time::timeout(self.limits.longest_wait, self.permits.clone().acquire_owned()).await;
        metrics::histogram!("likeness_inference_wait_seconds").record(begun.elapsed().as_secs_f64());
        match permit {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(InferenceError::Failed),
            Err(_) => {
                metrics::counter!("likeness_inference_refused_total", "reason" => "wait").increment(1);
                Err(InferenceError::Busy)
            }
        }
    }
}

fn serve<W>(worker: &mut W, queue: &Mutex<mpsc::Receiver<Job<W>>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // A panic on one picture must not take the worker, and with it everybody's capacity, away.
        if catch_unwind(AssertUnwindSafe(|| job(worker))).is_err() {
            metrics::counter!("likeness_inference_failed_total").increment(1);
        }
    }
}

/// A place in the queue, given back however the wait ends.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize, most: usize) -> Result<Self, InferenceError> {
        if count.fetch_add(1, Ordering::Relaxed) >= most {
            count.fetch_sub(1, Ordering::Relaxed);
            metrics::counter!("likeness_inference_refused_total", "reason" => "queue").increment(1);
            return Err(InferenceError::Busy);
        }
        Ok(Self(count))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

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
            pool.run(hold).await
        });
        is_started.await.expect("the permit is taken");
        release
    }

    #[tokio::test]
    async fn who_waits_too_long_is_refused() {
        let pool = pool(8, Duration::from_millis(20));
        let _occupied = occupied(&pool).await;
        assert_eq!(pool.run(|_| ()).await, Err(InferenceError::Busy));
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let pool = pool(0, Duration::from_secs(3600));
        let _occupied = occupied(&pool).await;
        assert_eq!(pool.run(|_| ()).await, Err(InferenceError::Busy));
    }

    #[tokio::test]
    async fn a_permit_that_comes_free_in_time_is_taken() {
        let pool = pool(8, Duration::from_secs(3600));
        let release = occupied(&pool).await;
        let waiting = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(|_| 7).await }
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
            async move { pool.run(|count| *count += 1).await }
        });
        tokio::task::yield_now().await;
        abandoned.abort();
        assert!(abandoned.await.is_err_and(|error| error.is_cancelled()));
        drop(release);
        // The worker's own count says how often work was begun before this.
        assert_eq!(pool.run(|count| *count).await, Ok(0));
    }

    #[tokio::test]
    async fn a_worker_survives_a_panic() {
        let pool = pool(8, Duration::from_secs(3600));
        assert_eq!(pool.run(|_| panic!("on one picture")).await, Err::<(), _>(InferenceError::Failed));
        assert_eq!(pool.run(|_| 1).await, Ok(1));
    }
}

//! Jobs that are done once across all nodes: the node that holds the lease does it. A node that fails loses its leases by
//! the clock of the database, and another takes over.
//!
//! Start at [`Leases::run_exclusively`].

use crate::randomness::random_id;
use likeness_base::Randomness;
use likeness_store::{AccountId, Store, StoreError};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

/// How long a job stays with a node that sends no heartbeat.
const LEASE: Duration = Duration::from_secs(30);
/// How often a working node renews its lease.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// The jobs that this node holds.
#[derive(Clone)]
pub struct Leases {
    store: Arc<dyn Store>,
    node: Uuid,
    turn: Arc<AtomicU64>,
}

impl Leases {
    /// No lease is held. The node has a name that no other has and that does not outlive the process.
    pub fn new(store: Arc<dyn Store>, randomness: &dyn Randomness) -> Self {
        Self { store, node: random_id(randomness), turn: Arc::new(AtomicU64::new(1)) }
    }

    /// Does a job unless another node is doing it (`None`). The lease is renewed for as long as the work takes.
    ///
    /// # Errors
    /// The store's error when the lease is requested.
    pub async fn run_exclusively<T>(
        &self,
        account: AccountId,
        job: &str,
        work: impl Future<Output = T>,
    ) -> Result<Option<T>, StoreError> {
        if self.take(account, job).await? { Ok(Some(self.hold(account, job, work).await)) } else { Ok(None) }
    }

    /// Does the work of a job that was taken, and gives the job back.
    pub async fn hold<T>(&self, account: AccountId, job: &str, work: impl Future<Output = T>) -> T {
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeat.reset();
        let mut work = std::pin::pin!(work);
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                // A lease that is lost is no reason to stop: jobs may be done twice, only not for long.
                _ = heartbeat.tick() => drop(self.store.lease(account, job, self.node, LEASE).await),
            }
        };
        self.give_back(account, job).await;
        done
    }

    /// Takes a job whose work [`Leases::hold`] does; `false`: another node has it.
    ///
    /// # Errors
    /// What the store says.
    pub async fn take(&self, account: AccountId, job: &str) -> Result<bool, StoreError> {
        self.store.lease(account, job, self.node, LEASE).await
    }

    /// Gives a job back whose work did not begin.
    pub async fn give_back(&self, account: AccountId, job: &str) {
        if let Err(error) = self.store.release(account, job, self.node).await {
            tracing::debug!(%error, "A lease could not be released; it expires by itself");
        }
    }

    /// Does a job of the whole installation unless any node did so within the time.
    ///
    /// # Errors
    /// What the store or the work says.
    pub async fn run_periodically(
        &self,
        job: &str,
        pause: Duration,
        work: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        // A name that no node has, so that not even this node takes the lease again before its time.
        let nobody = Uuid::from_u128(self.node.as_u128() ^ u128::from(self.turn.fetch_add(1, Ordering::Relaxed)));
        if self.store.lease(AccountId(Uuid::nil()), job, nobody, pause).await? { work.await } else { Ok(()) }
    }
}

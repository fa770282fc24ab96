//! Jobs that are done once across all nodes: whoever holds the lease does it. A node that falls loses its leases by the
//! clock of the database, and another goes on.
//!
//! Start at [`Leases::once`].

use crate::randomness::random_id;
use likeness_base::Randomness;
use likeness_store::{AccountId, Store, StoreError};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

/// How long a job stays with a node that no longer says anything.
const LEASE: Duration = Duration::from_secs(30);
/// How often a node that works says so.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// The jobs that this node holds.
#[derive(Clone)]
pub struct Leases {
    store: Arc<dyn Store>,
    node: Uuid,
    turn: Arc<AtomicU64>,
}

impl Leases {
    /// Nothing is held. The node has a name that no other has and that does not outlive the process.
    pub fn new(store: Arc<dyn Store>, randomness: &dyn Randomness) -> Self {
        Self { store, node: random_id(randomness), turn: Arc::new(AtomicU64::new(1)) }
    }

    /// Does a job unless another node is at it; `None`: it is. The lease is kept for as long as the work takes.
    ///
    /// # Errors
    /// What the store says when asked for the lease.
    pub async fn once<T>(
        &self,
        account: AccountId,
        job: &str,
        work: impl Future<Output = T>,
    ) -> Result<Option<T>, StoreError> {
        if !self.store.lease(account, job, self.node, LEASE).await? {
            return Ok(None);
        }
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
        if let Err(error) = self.store.release(account, job, self.node).await {
            tracing::debug!(%error, "A lease could not be given back; it ends by itself");
        }
        Ok(Some(done))
    }

    /// Does a job of the whole installation unless any node did so within the time.
    ///
    /// # Errors
    /// What the store or the work says.
    pub async fn now_and_then(
        &self,
        job: &str,
        pause: Duration,
        work: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        // A name that nobody else has, so that not even this node takes the lease again before its time.
        let nobody = Uuid::from_u128(self.node.as_u128() ^ u128::from(self.turn.fetch_add(1, Ordering::Relaxed)));
        if self.store.lease(AccountId(Uuid::nil()), job, nobody, pause).await? { work.await } else { Ok(()) }
    }
}

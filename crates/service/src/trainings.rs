//! Trainings as background jobs.
//!
//! Search is exact, so training computes nothing that search needs: it fixes which faces are visible to identify and
//! find similar. What it does do is read every template it covers once, so that a damaged one makes the training
//! fail instead of making people unfindable. A training runs on the node that was asked for it; one that was cut off is
//! taken up by any node that finds nobody at it.

use crate::galleries::{Galleries, SearchError};
use crate::leases::Leases;
use crate::ledger::Ledger;
use crate::randomness::random_id;
use crate::shares::Owner;
use likeness_base::{Clock, Randomness};
use likeness_shares::Shares;
use likeness_store::{
    AccountId, Actor, Command, Container, ContainerKind, ContainerName, Store, StoreError, TrainingOutcome,
    TrainingWrite,
};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Pause before a training that met a passing obstacle goes on.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Starts and finishes trainings.
#[derive(Clone)]
pub struct Trainings {
    store: Arc<dyn Store>,
    ledger: Arc<Ledger>,
    galleries: Arc<Galleries>,
    leases: Leases,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    /// Accounts take turns: one that trains thousands of containers keeps nobody else's waiting.
    turns: Arc<Shares<Owner>>,
    /// Those that run or wait on this node, so that none is begun twice.
    running: Arc<Mutex<HashSet<(AccountId, ContainerName)>>>,
}

impl Trainings {
    /// Nothing runs yet.
    pub fn new(
        store: Arc<dyn Store>,
        ledger: Arc<Ledger>,
        galleries: Arc<Galleries>,
        leases: Leases,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        turns: Arc<Shares<Owner>>,
    ) -> Self {
        Self { store, ledger, galleries, leases, clock, randomness, turns, running: Arc::default() }
    }

    /// Begins a training that the store has recorded.
    pub fn begin(&self, account: AccountId, container: ContainerName, request_id: Uuid) {
        let (job, place) = (self.clone(), (account, container.clone()));
        if !self.running().insert(place.clone()) {
            return;
        }
        tokio::spawn(async move {
            if let Ok(turn) = job.turns.take(Owner::Account(account), 1).await {
                let begun = Instant::now();
                job.run_to_end(account, &container, request_id).await;
                turn.charge(i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX));
            }
            job.running().remove(&place);
        });
    }

    /// Takes up what nobody is at, and gives how many those are.
    ///
    /// # Errors
    /// What the store says.
    pub async fn resume(&self) -> Result<usize, StoreError> {
        let mut count = 0;
        for account in self.store.accounts().await? {
            for unfinished in self.store.unfinished_trainings(account.id).await? {
                if self.running().contains(&(account.id, unfinished.container.clone())) {
                    continue;
                }
                // Asking first keeps the log quiet about what another node is at.
                let job = job_of(unfinished.number);
                if self.leases.run_exclusively(account.id, &job, std::future::ready(())).await?.is_some() {
                    self.begin(account.id, unfinished.container, Uuid::nil());
                    count += 1;
                }
            }
        }
        Ok(count)
    }

    fn running(&self) -> MutexGuard<'_, HashSet<(AccountId, ContainerName)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run_to_end(&self, account: AccountId, container: &ContainerName, request_id: Uuid) {
        loop {
            let outcome = async {
                let number =
                    self.store.container(account, container).await?.ok_or(StoreError::ContainerNotFound)?.number;
                self.leases
                    .run_exclusively(account, &job_of(number), self.run(account, container, request_id))
                    .await?
                    .unwrap_or(Ok(()))
            };
            match outcome.await {
                // Deleted while it was being trained: there is no status to report.
                Ok(()) | Err(StoreError::ContainerNotFound | StoreError::TrainingNotRunning) => return,
                Err(
                    error
                    @ (StoreError::Busy | StoreError::DiskFull | StoreError::Unreachable | StoreError::Backend(_)),
                ) => {
                    tracing::warn!(%account, %error, "A training could not go on; trying again");
                    tokio::time::sleep(TRY_AGAIN).await;
                }
                Err(error) => {
                    tracing::error!(%account, %error, "A training stopped; it is taken up again later");
                    return;
                }
            }
        }
    }

    async fn run(&self, account: AccountId, name: &ContainerName, request_id: Uuid) -> Result<(), StoreError> {
        let container = self.store.container(account, name).await?.ok_or(StoreError::ContainerNotFound)?;
        let training = container.training.as_ref().ok_or(StoreError::TrainingNotRunning)?.number;
        let write = |write| {
            let idempotency_key = random_id(&*self.randomness);
            Command {
                account,
                actor: Actor::System,
                at: self.clock.now(),
                request_id,
                idempotency_key,
                most_stored_bytes: None,
                write,
            }
        };
        self.ledger.apply(write(TrainingWrite::Progress { container: name.clone(), training }.into())).await?;
        let outcome = match self.outcome(account, &container).await {
            Err(StoreError::Damaged { .. }) => {
                failed("A stored face cannot be read. Delete the damaged faces, add them again and train.")
            }
            other => other?,
        };
        self.ledger.apply(write(TrainingWrite::Finish { container: name.clone(), training, outcome }.into())).await?;
        Ok(())
    }

    async fn outcome(&self, account: AccountId, container: &Container) -> Result<TrainingOutcome, StoreError> {
        let kind = container.name_on_wire.kind;
        if container.faces == 0 && kind != ContainerKind::LargeFaceList {
            return Ok(failed("There is no training data: no person has a face. Add faces and train again."));
        }
        let stored = container.faces;
        let readable = match self.readable(account, container).await? {
            Ok(readable) => readable,
            Err(failure) => return Ok(failure),
        };
        // Faces added since the container was read make the gallery larger, never smaller; deletes can.
        if readable >= stored {
            return Ok(TrainingOutcome::Succeeded);
        }
        let now = self.store.container(account, &container.name_on_wire).await?.ok_or(StoreError::ContainerNotFound)?;
        match self.readable(account, &now).await? {
            Ok(readable) if readable >= now.faces => Ok(TrainingOutcome::Succeeded),
            Ok(_) => Ok(failed("Some faces cannot be read. Add them again.")),
            Err(failure) => Ok(failure),
        }
    }

    /// How many templates of the container can be searched, or why the training fails.
    async fn readable(
        &self,
        account: AccountId,
        container: &Container,
    ) -> Result<Result<u64, TrainingOutcome>, StoreError> {
        match self.galleries.search(account, container, |_, view| view.len() as u64).await {
            Ok(sizes) => Ok(Ok(sizes.iter().sum())),
            Err(SearchError::Store(error)) => Err(error),
            Err(SearchError::MissingPack { pack }) => Ok(Err(failed(&format!(
                "Faces were enrolled with the model pack {pack}, which this server does not have. Its operator can install \
                 it with `likeness models install {pack}`; else add the faces again."
            )))),
        }
    }
}

/// What the lease for training a container is called.
fn job_of(number: i64) -> String {
    format!("training {number}")
}

fn failed(message: &str) -> TrainingOutcome {
    TrainingOutcome::Failed { message: message.to_owned() }
}

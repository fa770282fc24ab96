//! What runs beside the requests, on each of any number of equal nodes.
//!
//! Start at [`run`]. Every node keeps its own galleries close behind the store and its clock on the database's. What
//! must be done once across all nodes (sweeping, and trainings in [`crate::trainings`]) is done by the node that holds the
//! [`crate::leases::Leases`] for it; a node that falls loses them by the clock of the database, and another goes on.

use crate::accounts::retention::{lives, pruning};
use crate::app::App;
use crate::clock;
use crate::randomness::random_id;
use futures_util::StreamExt;
use likeness_base::Clock;
use likeness_store::{Account, AccountId, Actor, Command, ExpireDue, StoreError, Write};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

/// How often open galleries ask what they have missed. A search asks again for its own container, so this bounds how
/// long a deleted template stays in the memory of other nodes, and how much is left to do when a search comes.
const FOLLOW_EVERY: Duration = Duration::from_millis(250);
/// How often the access table is refreshed: four times within the time for which it is trusted.
const ACCESS_EVERY: Duration = Duration::from_millis(250);
/// How often counters of calls go to the store.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// How often the clock is compared with the database's.
const CLOCK_EVERY: Duration = Duration::from_secs(10);
/// How often trainings are searched for that another node has left undone.
const RESUME_EVERY: Duration = Duration::from_secs(5);
/// How often expired records are removed. They are unusable from their instant on; this is when their bytes go.
const SWEEP_EVERY: Duration = Duration::from_secs(20);
/// Expired records removed in one transaction: few enough that concurrent writes hardly wait.
const SWEEP_AT_ONCE: u32 = 500;
/// How long a sweep with more to do pauses, in times of what its last transaction took. Callers have half of the
/// time for themselves, and a million records are gone in half a minute all the same.
const SWEEP_PAUSES: u32 = 1;
/// Accounts that take turns at being swept.
const SWEEPS_AT_ONCE: usize = 32;
/// How often keys whose time is over are forgotten, and news of those who hold keys goes to the audit logs.
const KEYS_EVERY: Duration = Duration::from_secs(5);
/// How often audit logs are told how often a key was used.
const TELL_OF_KEYS_EVERY: Duration = Duration::from_secs(3_600);
/// How often the space of deleted records is reclaimed in the database's files.
const RECLAIM_EVERY: Duration = Duration::from_secs(3_600);
/// Runs all jobs until stopped.
pub async fn run(app: Arc<App>, stopped: watch::Receiver<bool>) {
    tokio::join!(
        every(FOLLOW_EVERY, stopped.clone(), || app.galleries.follow_all()),
        every(ACCESS_EVERY, stopped.clone(), || refresh_access(&app)),
        every(COUNT_EVERY, stopped.clone(), || app.meter.flush(&app.ledger, &*app.randomness, app.clock.now())),
        every(CLOCK_EVERY, stopped.clone(), || adjust_clock(&app)),
        every(RESUME_EVERY, stopped.clone(), || resume(&app)),
        every(KEYS_EVERY, stopped.clone(), || look_after_keys(&app, false)),
        every(TELL_OF_KEYS_EVERY, stopped.clone(), || look_after_keys(&app, true)),
        every(SWEEP_EVERY, stopped.clone(), || sweep(&app)),
        every(SWEEP_EVERY, stopped, || destroy_closed(&app)),
    );
    look_after_keys(&app, true).await;
    app.meter.flush_all(&app.ledger, &*app.randomness, app.clock.now()).await;
}

/// Runs a job at intervals until stopped.
async fn every<F: Future<Output = ()>>(pause: Duration, mut stopped: watch::Receiver<bool>, something: impl Fn() -> F) {
    loop {
        something().await;
        tokio::select! {
            () = clock::pause(pause) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

async fn refresh_access(app: &App) {
    if let Err(error) = app.access.cache.refresh().await {
        tracing::debug!(%error, "Who may call could not be read; trying again");
    }
}

async fn look_after_keys(app: &App, tells_all: bool) {
    app.store.trusted_keys().forget_stale();
    app.galleries.close_locked().await;
    app.accounts.tell_of_key_uses(tells_all).await;
}

async fn adjust_clock(app: &App) {
    if let Err(error) = app.clock.adjust(&*app.store).await {
        tracing::debug!(%error, "The clock of the database could not be read; trying again later");
    }
}

async fn resume(app: &App) {
    match app.trainings.resume().await {
        Ok(0) => {}
        Ok(resumed) => tracing::info!(resumed, "Took up {resumed} trainings that a stop had cut off"),
        Err(error) => tracing::debug!(%error, "Unfinished trainings could not be searched for"),
    }
}

/// Destroys the keys of hours that are over and removes what has expired in all accounts.
async fn sweep(app: &App) {
    // Times stay in buffers until the metrics are read, which may never happen.
    app.metrics.run_upkeep();
    let swept = async {
        // Keys first: without them the rest is noise already.
        if let Err(error) = app.store.destroy_expired_keys(app.clock.now()).await {
            tracing::error!(%error, "Keys of hours that are over could not be destroyed; trying again later");
        }
        let installation = AccountId::INSTALLATION;
        app.leases.run_exclusively(installation, "signing keys", rotate_due_signing_keys(app)).await?;
        let due = app.store.accounts().await?.into_iter().filter(|account| !is_over(app, account));
        let accounts = due.map(|account| account.id).chain([installation]);
        // All accounts at the same time and in turn: no account waits for the million expired records of another.
        let turn = Mutex::new(());
        let sweeps = futures_util::stream::iter(accounts).for_each_concurrent(SWEEPS_AT_ONCE, |account| {
            let sweep = app.leases.run_exclusively(account, "sweep", sweep_account(app, account, &turn));
            async move {
                if let Err(error) = sweep.await.and_then(|swept| swept.unwrap_or(Ok(()))) {
                    tracing::error!(%account, %error, "Expired records could not be removed; trying again later");
                }
            }
        });
        sweeps.await;
        app.leases.run_periodically("settle", RECLAIM_EVERY, app.store.reclaim_space()).await
    };
    if let Err(error) = swept.await {
        tracing::error!(%error, "Expired records could not be removed; trying again later");
    }
}

fn is_over(app: &App, account: &Account) -> bool {
    account.ends_at.is_some_and(|ends_at| ends_at <= app.clock.now())
}

/// Destroys closed accounts whose grace is over. Apart from the sweep, because a large one takes its time.
async fn destroy_closed(app: &App) {
    let destroyed = async {
        for account in app.store.accounts().await?.iter().filter(|account| is_over(app, account)) {
            app.leases.run_exclusively(account.id, "destroy", destroy(app, account.id)).await?;
        }
        Ok::<_, StoreError>(())
    };
    if let Err(error) = destroyed.await {
        tracing::error!(%error, "Closed accounts could not be listed; trying again later");
    }
}

async fn destroy(app: &App, account: AccountId) {
    if let Err(error) = app.accounts.destroy_due(account).await {
        tracing::error!(%account, %error, "A closed account could not be destroyed; trying again later");
    }
}

async fn rotate_due_signing_keys(app: &App) {
    if let Err(error) = app.accounts.rotate_due_signing_keys().await {
        tracing::error!(%error, "The keys that sign tokens could not be looked after; trying again later");
    }
}

async fn sweep_account(app: &App, account: AccountId, turn: &Mutex<()>) -> Result<(), StoreError> {
    let policy = app.access.cache.last_known().account(account).map(|state| state.settings.retention.clone());
    let policy = policy.unwrap_or_default();
    let mut writes: Vec<Write> = vec![ExpireDue { limit: SWEEP_AT_ONCE, lives: lives(&policy) }.into()];
    writes.extend(pruning(&*app.store, account, &policy, app.clock.now()).await?.map(Write::from));
    for write in writes {
        write_in_parts(app, account, &write, turn).await?;
    }
    Ok(())
}

/// Does the same until there is nothing more to do.
async fn write_in_parts(app: &App, account: AccountId, write: &Write, turn: &Mutex<()>) -> Result<(), StoreError> {
    loop {
        let _turn = turn.lock().await;
        let begun = Instant::now();
        let command = Command {
            account,
            actor: Actor::System,
            at: app.clock.now(),
            request_id: Uuid::nil(),
            idempotency_key: random_id(&*app.randomness),
            most_stored_bytes: None,
            write: write.clone(),
        };
        if !app.ledger.apply(command).await?.more {
            return Ok(());
        }
        tokio::time::sleep(begun.elapsed() * SWEEP_PAUSES).await;
    }
}

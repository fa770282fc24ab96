//! Commands on their way into the database: one queue for each account that has some.
//!
//! What waits in a queue goes in one transaction and shares its commit. An account writes on one connection at a time, and
//! accounts take turns at those that there are. The lock on the account's row makes queues of the same account on other
//! nodes wait their turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use likeness_shares::{Limits, OwnerQueue, Shares};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::engine::{Connection, Connections, in_time};
use super::sql::key_ring::{KeyRing, Unlocked};
use super::sql::write::{self, CommandKeys, CommandOutcome};
use crate::command::{Applied, Command};
use crate::connections::{LEAST_MICROS, TURN_MICROS};
use crate::database_error::is_refusal;
use crate::error::StoreError;
use crate::id::AccountId;
use crate::work::{After, MOST_WAITING, Step, Work};

/// Most commands that share one commit.
const BATCH: usize = 64;
/// How long a command is tried again while the database is away or others are in the way.
const KEEP_TRYING: Duration = Duration::from_secs(10);
/// The first pause before trying again; each further one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What waits, for each account whose queue is being worked off.
#[derive(Default)]
struct Working {
    queues: HashMap<AccountId, OwnerQueue<Work>>,
    is_closed: bool,
}

/// The way to the database for all commands of this node.
pub(super) struct AccountQueues {
    connections: Connections,
    key_ring: Arc<KeyRing>,
    working: Mutex<Working>,
    /// Rung when the queue of an account has been worked off.
    worked_off: Notify,
    /// Turns of accounts at the connections that write, which are half of all, so that queries always find one.
    turns: Arc<Shares<AccountId>>,
}

impl AccountQueues {
    pub(super) fn new(connections: Connections, key_ring: Arc<KeyRing>, number: u32) -> Arc<Self> {
        let turns = Shares::new(Limits {
            name: "store writers",
            capacity: u64::from(number / 2).max(1),
            most_each: 1,
            reserve: 0,
            // Each account waits once, however many of its commands do.
            waiting: 1,
            longest_wait: KEEP_TRYING,
            quantum: TURN_MICROS,
            cost_of_unit: LEAST_MICROS,
        });
        Arc::new(Self { connections, key_ring, working: Mutex::default(), worked_off: Notify::new(), turns })
    }

    pub(super) async fn apply(queues: &Arc<Self>, command: Command) -> Result<Applied, StoreError> {
        let (answer, answered) = oneshot::channel();
        let account = command.account;
        let is_new = {
            let mut working = queues.lock();
            if working.is_closed {
                return Err(StoreError::Closed);
            }
            let is_new = !working.queues.contains_key(&account);
            let queue = working.queues.entry(account).or_insert_with(|| OwnerQueue::new(MOST_WAITING));
            queue.push(Work::new(command, answer)).map_err(|_| StoreError::Busy)?;
            is_new
        };
        if is_new {
            tokio::spawn(Arc::clone(queues).run(account));
        }
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Waits for what is under way and lets nothing more in.
    pub(super) async fn close(&self) {
        loop {
            let worked_off = self.worked_off.notified();
            {
                let mut working = self.lock();
                working.is_closed = true;
                if working.queues.is_empty() {
                    return;
                }
            }
            worked_off.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Working> {
        self.working.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next commands of the account, or one part of one; none: its queue has been worked off.
    fn next_batch(&self, account: AccountId) -> Vec<Work> {
        let mut working = self.lock();
        let Some(queue) = working.queues.get_mut(&account) else { return Vec::new() };
        let mut batch: Vec<Work> = Vec::new();
        while batch.len() < BATCH {
            match queue.pop() {
                None => break,
                Some(part) if part.is_begun() && !batch.is_empty() => {
                    queue.put_back(part, true);
                    break;
                }
                Some(work) => {
                    let is_alone = work.is_begun();
                    batch.push(work);
                    if is_alone {
                        break;
                    }
                }
            }
        }
        if batch.is_empty() {
            working.queues.remove(&account);
            self.worked_off.notify_waiters();
        }
        batch
    }

    async fn run(self: Arc<Self>, account: AccountId) {
        loop {
            // The turn first: what comes while waiting for it shares the commit.
            let turn = self.turns.take_timed(account, 1).await;
            let batch = self.next_batch(account);
            if batch.is_empty() {
                return;
            }
            let Ok(turn) = turn else {
                for work in batch {
                    self.settle(work, Err(StoreError::Busy));
                }
                continue;
            };
            let steps = match self.apply_with_retry(&batch).await {
                Ok(steps) => steps.into_iter().map(Ok).collect(),
                Err(error) if batch.len() == 1 => vec![Err(error)],
                // The database itself failed somewhere: find out whose command it was, one by one.
                Err(_) => {
                    let mut steps = Vec::with_capacity(batch.len());
                    for work in &batch {
                        let alone = self.apply_with_retry(std::slice::from_ref(work)).await;
                        steps.push(alone.map(|mut one| one.remove(0)));
                    }
                    steps
                }
            };
            for (work, step) in batch.into_iter().zip(steps) {
                self.settle(work, step);
            }
            drop(turn);
        }
    }

    /// Acknowledges a command, or lets it go on.
    fn settle(&self, work: Work, step: Result<Step, StoreError>) {
        let (account, was_begun) = (work.command.account, work.is_begun());
        match work.after(step) {
            After::GoesOn(work) => {
                let mut working = self.lock();
                let queue = working.queues.entry(account).or_insert_with(|| OwnerQueue::new(MOST_WAITING));
                queue.go_on(work, was_begun);
            }
            // The caller may have gone; the command is done all the same.
            After::Answered(_, answer, result) => drop(answer.send(result)),
        }
    }

    /// Applies the commands in one transaction, again and again while what is in the way may pass. A transaction
    /// whose commit got no answer may have been done: then the idempotency rows of its commands are there, and each
    /// gets the answer of the first time.
    async fn apply_with_retry(&self, batch: &[Work]) -> Result<Vec<Step>, StoreError> {
        let give_up = Instant::now() + KEEP_TRYING;
        let mut pause = FIRST_PAUSE;
        loop {
            match in_time(self.apply_once(batch)).await {
                Err(StoreError::Busy | StoreError::Unreachable) if Instant::now() + pause < give_up => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                other => return other,
            }
        }
    }

    /// `Err`: the database failed, and nothing was written unless it is `Unreachable`.
    async fn apply_once(&self, batch: &[Work]) -> Result<Vec<Step>, StoreError> {
        // All of a batch are of one account.
        let mut pooled = self.connections.take(batch[0].command.account).await?;
        let mut keys = Vec::with_capacity(batch.len());
        for Work { command, .. } in batch {
            let own = self.key_ring.unlocked(&mut pooled, command.account).await?;
            let source = match write::reads_from(&command.write) {
                Some(account) => self.key_ring.unlocked(&mut pooled, account).await?,
                None => Unlocked::NoAccount,
            };
            keys.push(CommandKeys { own, source });
        }
        let steps = self.transact(&mut pooled, batch, keys).await?;
        pooled.done(Ok(steps)).await
    }

    async fn transact(
        &self,
        connection: &mut Connection,
        batch: &[Work],
        keys: Vec<CommandKeys>,
    ) -> Result<Vec<Step>, StoreError> {
        execute(connection, "BEGIN").await?;
        lock_accounts(connection, batch).await?;
        let is_alone = batch.len() == 1;
        let mut steps = Vec::with_capacity(batch.len());
        let mut journal = Vec::new();
        for (work, keys) in batch.iter().zip(keys) {
            let told = journal.len();
            if !is_alone {
                execute(connection, "SAVEPOINT command").await?;
            }
            match write::apply(connection, &self.key_ring, keys, work, &mut journal).await {
                Ok(CommandOutcome::Wrote(step)) => steps.push(step),
                Err(failure) if !is_refusal(&failure) => return Err(failure),
                refused => {
                    execute(connection, if is_alone { "ROLLBACK" } else { "ROLLBACK TO command" }).await?;
                    journal.truncate(told);
                    let known = write::known_answer(connection, &work.command).await?;
                    steps.push(work.undone(write::answer_of(refused, known)));
                    if is_alone {
                        return Ok(steps);
                    }
                }
            }
            if !is_alone {
                execute(connection, "RELEASE command").await?;
            }
        }
        // A transaction of refusals only has nothing to sync.
        let all_refused = steps.iter().all(|step| matches!(step, Step::Answer(Err(_))));
        self.key_ring.write_ahead(&journal).await?;
        match execute(connection, if all_refused { "ROLLBACK" } else { "COMMIT" }).await {
            Ok(()) => Ok(steps),
            Err(error) => {
                // A commit that got no answer may have been done, and is tried again.
                if !matches!(error, StoreError::Unreachable) {
                    self.key_ring.take_back(journal.len()).await;
                }
                Err(error)
            }
        }
    }
}

async fn execute(connection: &mut Connection, statement: &'static str) -> Result<(), StoreError> {
    sqlx::query(statement).execute(connection).await?;
    Ok(())
}

/// Locks the rows of all accounts that the commands write to, in one order on all nodes.
async fn lock_accounts(connection: &mut Connection, batch: &[Work]) -> Result<(), StoreError> {
    let others = batch.iter().filter_map(|work| write::reads_from(&work.command.write));
    let mut accounts: Vec<AccountId> = batch.iter().map(|work| work.command.account).chain(others).collect();
    accounts.sort_unstable();
    accounts.dedup();
    for account in accounts {
        sqlx::query("SELECT next_label FROM account WHERE account_id = $1 FOR NO KEY UPDATE")
            .bind(account.0.as_bytes().as_slice())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

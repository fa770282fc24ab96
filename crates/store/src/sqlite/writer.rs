//! The one task that writes. Accounts take turns at it, and commands that wait together share a sync.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use likeness_shares::Turns;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::fold::{Fold, ReaderGate};
use super::open;
use super::sql::key_ring::{KeyRing, Unlocked};
use super::sql::write::{self, CommandKeys, CommandOutcome};
use crate::command::{Applied, Command};
use crate::database_error::is_refusal;
use crate::error::StoreError;
use crate::id::AccountId;
use crate::journal::Entry;
use crate::work::{After, MOST_WAITING, Step, Work};

/// Most commands that share one commit. A commit costs one sync, whatever it carries.
const BATCH: usize = 64;
/// A batch ends after so much work, however few commands that were: all of them wait for its commit.
const MOST_WORK: Duration = Duration::from_millis(10);

/// What callers and the writing task share.
struct Entrance {
    waiting: Mutex<Waiting>,
    /// Rung when there is something to do.
    news: Arc<Notify>,
}

struct Waiting {
    turns: Turns<AccountId, Work>,
    is_closed: bool,
}

impl Entrance {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets nobody in any more; who waits is still served.
    fn close(&self) {
        self.lock().is_closed = true;
        self.news.notify_one();
    }
}

/// The way to the writing task. It finishes what waits when this is dropped.
pub(super) struct WriterHandle {
    entrance: Arc<Entrance>,
    task: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl WriterHandle {
    pub(super) fn spawn(connection: SqliteConnection, key_ring: Arc<KeyRing>, gate: ReaderGate) -> Self {
        let news = Arc::new(Notify::new());
        let waiting = Mutex::new(Waiting { turns: Turns::new(MOST_WAITING), is_closed: false });
        let entrance = Arc::new(Entrance { waiting, news: Arc::clone(&news) });
        let writer = Writer { connection, key_ring, fold: Fold::new(gate, news), entrance: Arc::clone(&entrance) };
        let task = tokio::spawn(writer.run());
        Self { entrance, task: tokio::sync::Mutex::new(Some(task)) }
    }

    pub(super) async fn apply(&self, command: Command) -> Result<Applied, StoreError> {
        let (answer, answered) = oneshot::channel();
        {
            let mut waiting = self.entrance.lock();
            if waiting.is_closed {
                return Err(StoreError::Closed);
            }
            let queued = waiting.turns.push(command.account, Work::new(command, answer));
            queued.map_err(|_| StoreError::Busy)?;
        }
        self.entrance.news.notify_one();
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    pub(super) async fn close(&self) {
        self.entrance.close();
        if let Some(task) = self.task.lock().await.take() {
            // Fails only if the task has ended already.
            let _ = task.await;
        }
    }
}

impl Drop for WriterHandle {
    fn drop(&mut self) {
        self.entrance.close();
    }
}

impl std::fmt::Debug for WriterHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WriterHandle(..)")
    }
}

struct Writer {
    connection: SqliteConnection,
    key_ring: Arc<KeyRing>,
    entrance: Arc<Entrance>,
    fold: Fold,
}

/// Whatever ends the task, nobody waits for it any more.
struct Ended(Arc<Entrance>);

impl Drop for Ended {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.is_closed = true;
        waiting.turns.clear();
    }
}

impl Writer {
    async fn run(mut self) {
        let _ended = Ended(Arc::clone(&self.entrance));
        loop {
            if self.fold.is_due() {
                self.fold.attempt(&mut self.connection).await;
            }
            if let Some(first) = self.next() {
                self.write(first).await;
            } else if self.entrance.lock().is_closed {
                break;
            } else {
                self.wait().await;
            }
        }
        // Once more, and for as long as somebody waits for it.
        while self.fold.next_try().is_some() {
            self.fold.attempt(&mut self.connection).await;
            if !self.fold.is_awaited() {
                break;
            }
            self.wait().await;
        }
        open::close(self.connection).await;
    }

    fn next(&self) -> Option<Work> {
        self.entrance.lock().turns.pop()
    }

    /// Until there is something to do.
    async fn wait(&self) {
        let next_try = self.fold.next_try();
        let fold_again = async {
            match next_try {
                Some(next_try) => sleep_until(next_try).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.entrance.news.notified() => {}
            () = fold_again => {}
        }
    }

    /// Applies a command and those that come after it, in one transaction if that works, and answers each.
    async fn write(&mut self, first: Work) {
        let mut batch = vec![first];
        match self.apply_batch(&mut batch, BATCH).await {
            Ok(steps) => {
                for (work, step) in batch.into_iter().zip(steps) {
                    self.settle(work, Ok(step));
                }
            }
            Err(error) if batch.len() == 1 => self.settle(batch.remove(0), Err(error)),
            // The database itself failed somewhere: find out whose command it was, one by one.
            Err(_) => {
                for work in batch {
                    let mut alone = vec![work];
                    let step = self.apply_batch(&mut alone, 1).await.map(|mut one| one.remove(0));
                    self.settle(alone.remove(0), step);
                }
            }
        }
    }

    /// Acknowledges a command, or lets it go on. One that erased is acknowledged as soon as what it erased is in no file.
    fn settle(&mut self, work: Work, step: Result<Step, StoreError>) {
        let was_begun = work.is_begun();
        let (command, answer, result) = match work.after(step) {
            After::GoesOn(work) => {
                self.fold.owe();
                return self.entrance.lock().turns.go_on(work.command.account, work, was_begun);
            }
            After::Answered(command, answer, result) => (command, answer, result),
        };
        match result {
            Ok(applied) if command.write.erases(&applied) => return self.fold.owe_to(answer, applied),
            Ok(applied) if applied.more => self.fold.owe(),
            // Folding the log gives its room back, which may be all that a full disk needs.
            Err(StoreError::DiskFull) => self.fold.hurry(),
            _ => {}
        }
        // The caller may have gone; the command is done all the same.
        let _ = answer.send(result);
    }

    /// One transaction for the first command of the batch and for those that come after it, which join the batch until it
    /// has so many. A refused command leaves nothing and does not disturb the others. `Err`: the database failed and
    /// nothing at all was written.
    async fn apply_batch(&mut self, batch: &mut Vec<Work>, most: usize) -> Result<Vec<Step>, StoreError> {
        let keys = self.keys_of(&batch[0].command).await?;
        let outcome = self.transact(batch, most, keys).await;
        if outcome.is_err() {
            // It may have been undone already: SQLite does so by itself after some failures, and then says
            // that there is nothing to undo. This is why the statements are spelled out here: sqlx's own
            // transactions lose count when that happens.
            let _ = self.execute("ROLLBACK").await;
        }
        outcome
    }

    /// The keys that a command needs. Not inside a transaction: see [`KeyRing::keys`].
    async fn keys_of(&mut self, command: &Command) -> Result<CommandKeys, StoreError> {
        let own = self.key_ring.unlocked(&mut self.connection, command.account).await?;
        let source = match write::reads_from(&command.write) {
            Some(account) => self.key_ring.unlocked(&mut self.connection, account).await?,
            None => Unlocked::NoAccount,
        };
        Ok(CommandKeys { own, source })
    }

    /// The same where they are known already.
    fn known_keys_of(&self, command: &Command) -> Option<CommandKeys> {
        let own = self.key_ring.known_keys(command.account)?;
        let source = match write::reads_from(&command.write) {
            Some(account) => Unlocked::Keys(self.key_ring.known_keys(account)?),
            None => Unlocked::NoAccount,
        };
        Some(CommandKeys { own: Unlocked::Keys(own), source })
    }

    async fn transact(
        &mut self,
        batch: &mut Vec<Work>,
        most: usize,
        mut keys: CommandKeys,
    ) -> Result<Vec<Step>, StoreError> {
        let begun = Instant::now();
        self.execute("BEGIN IMMEDIATE").await?;
        let mut steps = Vec::new();
        let mut journal = Vec::new();
        loop {
            let work = &batch[steps.len()];
            steps.push(self.apply_in_transaction(work, keys, &mut journal).await?);
            // A part is a batch's worth of work, and the next of the same account comes after it.
            if batch.len() >= most || begun.elapsed() >= MOST_WORK || work.is_begun() {
                break;
            }
            let Some(next) = self.next() else { break };
            let Some(known) = self.known_keys_of(&next.command) else {
                // It begins the next batch, for which its keys are read first.
                let is_begun = next.is_begun();
                self.entrance.lock().turns.put_back(next.command.account, next, is_begun);
                break;
            };
            keys = known;
            batch.push(next);
        }
        // A transaction of refusals only has nothing to sync.
        let all_refused = steps.iter().all(|step| matches!(step, Step::Answer(Err(_))));
        self.key_ring.write_ahead(&journal).await?;
        let ended = self.execute(if all_refused { "ROLLBACK" } else { "COMMIT" }).await;
        if ended.is_err() {
            self.key_ring.take_back(journal.len()).await;
        }
        ended.map(|()| steps)
    }

    /// `Err`: the database failed.
    async fn apply_in_transaction(
        &mut self,
        work: &Work,
        keys: CommandKeys,
        journal: &mut Vec<Entry>,
    ) -> Result<Step, StoreError> {
        let told = journal.len();
        self.execute("SAVEPOINT command").await?;
        let step = match write::apply(&mut self.connection, &self.key_ring, keys, work, journal).await {
            Ok(CommandOutcome::Wrote(step)) => step,
            Err(failure) if !is_refusal(&failure) => return Err(failure),
            refused => {
                self.execute("ROLLBACK TO command").await?;
                journal.truncate(told);
                let known = write::known_answer(&mut self.connection, &work.command).await?;
                work.undone(write::answer_of(refused, known))
            }
        };
        self.execute("RELEASE command").await?;
        Ok(step)
    }

    async fn execute(&mut self, statement: &'static str) -> Result<(), StoreError> {
        sqlx::query(statement).execute(&mut self.connection).await?;
        Ok(())
    }
}

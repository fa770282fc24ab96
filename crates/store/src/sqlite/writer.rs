//! The one task that writes, and its way of sharing a sync among commands that arrive together.

use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnection;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::open;
use super::sql::key_ring::KeyRing;
use super::sql::write::{self, CommandKeys, CommandOutcome};
use crate::command::{Applied, Command};
use crate::database_error::is_refusal;
use crate::error::StoreError;

/// Commands that may wait for the writer; further callers wait to be let in.
const QUEUE: usize = 256;
/// Most commands that share one commit. A commit costs one sync, whatever it carries; this many small
/// commands take a few milliseconds, so nobody waits long for the others.
const BATCH: usize = 64;
/// How long (milliseconds) a checkpoint waits for readers to let go of old pages before it is put off:
/// everybody who writes waits with it.
const WAIT_BRIEFLY: &str = "PRAGMA busy_timeout = 200";
/// The connection's usual patience again, [`open::PATIENCE`].
const WAIT_AS_USUAL: &str = "PRAGMA busy_timeout = 5000";
/// How often a checkpoint that was put off is tried again.
const CHECKPOINT_RETRY: Duration = Duration::from_millis(500);

type Answer = oneshot::Sender<Result<Applied, StoreError>>;

/// The way to the writing task.
#[derive(Debug)]
pub(super) struct WriterHandle {
    queue: mpsc::Sender<(Command, Answer)>,
    /// Rung to make the task finish its queue and end.
    stop: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

impl WriterHandle {
    pub(super) fn spawn(connection: SqliteConnection, key_ring: Arc<KeyRing>) -> Self {
        let (queue, commands) = mpsc::channel(QUEUE);
        let (stop, stopped) = oneshot::channel();
        let writer = Writer { connection, key_ring, owes_checkpoint: false };
        let task = tokio::spawn(writer.run(commands, stopped));
        Self { queue, stop: Mutex::new(Some((stop, task))) }
    }

    pub(super) async fn apply(&self, command: Command) -> Result<Applied, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send((command, answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    pub(super) async fn close(&self) {
        if let Some((stop, task)) = self.stop.lock().await.take() {
            // Either fails only if the task has ended already.
            let _ = stop.send(());
            let _ = task.await;
        }
    }
}

struct Writer {
    connection: SqliteConnection,
    key_ring: Arc<KeyRing>,
    /// Something was erased, but a reader kept the log from being folded into the file.
    owes_checkpoint: bool,
}

impl Writer {
    async fn run(mut self, mut commands: mpsc::Receiver<(Command, Answer)>, mut stopped: oneshot::Receiver<()>) {
        // Whoever wrote here last may have been stopped between erasing and folding the log.
        self.checkpoint().await;
        let mut retry = interval(CHECKPOINT_RETRY);
        retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut may_be_stopped = true;
        loop {
            let first = tokio::select! {
                first = commands.recv() => first,
                _ = retry.tick(), if self.owes_checkpoint => {
                    self.checkpoint().await;
                    continue;
                }
                stop = &mut stopped, if may_be_stopped => {
                    may_be_stopped = false;
                    // An error means that the handle was dropped without closing; `recv` then ends by itself.
                    if stop.is_ok() {
                        commands.close();
                    }
                    continue;
                }
            };
            let Some(first) = first else { break };
            let mut batch = vec![first];
            while batch.len() < BATCH {
                let Ok(next) = commands.try_recv() else { break };
                batch.push(next);
            }
            self.answer(batch).await;
        }
        if self.owes_checkpoint {
            self.checkpoint().await;
        }
        open::close(self.connection).await;
    }

    /// Applies the commands, in one transaction if that works, and answers each.
    async fn answer(&mut self, batch: Vec<(Command, Answer)>) {
        let (commands, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let results = match self.apply_together(&commands).await {
            Ok(results) => results,
            Err(error) if commands.len() == 1 => vec![Err(error)],
            // The database itself failed somewhere: find out whose command it was, one by one.
            Err(_) => {
                let mut results = Vec::with_capacity(commands.len());
                for command in &commands {
                    let alone = self.apply_together(std::slice::from_ref(command)).await;
                    results.push(alone.map_or_else(Err, |mut one| one.remove(0)));
                }
                results
            }
        };
        let erased = commands
            .iter()
            .zip(&results)
            .any(|(command, result)| result.as_ref().is_ok_and(|applied| command.write.erases(applied)));
        let is_part_of_sweep = |result: &Result<Applied, StoreError>| result.as_ref().is_ok_and(|applied| applied.more);
        self.owes_checkpoint |= results.iter().any(is_part_of_sweep);
        // Folding the log gives its room back, which may be all that a full disk needs.
        let out_of_room = results.iter().any(|result| matches!(result, Err(StoreError::DiskFull)));
        if erased || out_of_room {
            self.checkpoint().await;
        }
        for (answer, result) in answers.into_iter().zip(results) {
            // The caller may have gone; the command is done all the same.
            let _ = answer.send(result);
        }
    }

    /// One transaction for all. A refused command leaves nothing and does not disturb the others.
    /// `Err`: the database failed and nothing at all was written.
    async fn apply_together(&mut self, commands: &[Command]) -> Result<Vec<Result<Applied, StoreError>>, StoreError> {
        let mut keys = Vec::with_capacity(commands.len());
        for command in commands {
            let mut keys_of = async |account| match self.key_ring.keys(&mut self.connection, account).await {
                Ok(keys) => Ok(Some(keys)),
                Err(StoreError::AccountNotFound) => Ok(None),
                Err(other) => Err(other),
            };
            let own = keys_of(command.account).await?;
            let source = match write::reads_from(&command.write) {
                Some(account) => keys_of(account).await?,
                None => None,
            };
            keys.push(CommandKeys { own, source });
        }
        let outcome = self.transact(commands, keys).await;
        if outcome.is_err() {
            // It may have been undone already: SQLite does so by itself after some failures, and then says
            // that there is nothing to undo. This is why the statements are spelled out here: sqlx's own
            // transactions lose count when that happens.
            let _ = self.execute("ROLLBACK").await;
        }
        outcome
    }

    async fn transact(
        &mut self,
        commands: &[Command],
        keys: Vec<CommandKeys>,
    ) -> Result<Vec<Result<Applied, StoreError>>, StoreError> {
        self.execute("BEGIN IMMEDIATE").await?;
        let mut results = Vec::with_capacity(commands.len());
        for (command, keys) in commands.iter().zip(keys) {
            self.execute("SAVEPOINT command").await?;
            match write::apply(&mut self.connection, &self.key_ring, keys, command).await {
                Ok(CommandOutcome::Done(applied)) => results.push(Ok(applied)),
                Err(failure) if !is_refusal(&failure) => return Err(failure),
                refused => {
                    self.execute("ROLLBACK TO command").await?;
                    let known = write::known_answer(&mut self.connection, command).await?;
                    results.push(write::answer_of(refused, known));
                }
            }
            self.execute("RELEASE command").await?;
        }
        // A transaction of refusals only has nothing to sync.
        let all_refused = results.iter().all(Result::is_err);
        self.execute(if all_refused { "ROLLBACK" } else { "COMMIT" }).await?;
        Ok(results)
    }

    async fn execute(&mut self, statement: &'static str) -> Result<(), StoreError> {
        sqlx::query(statement).execute(&mut self.connection).await?;
        Ok(())
    }

    /// Folds the log into the database file and empties it, so that overwritten bytes are in neither.
    /// Without success (a reader is still looking at old pages) it is owed.
    async fn checkpoint(&mut self) {
        self.owes_checkpoint = !self.try_checkpoint().await.unwrap_or(false);
    }

    async fn try_checkpoint(&mut self) -> Result<bool, StoreError> {
        self.execute(WAIT_BRIEFLY).await?;
        let outcome: Result<(i64, i64, i64), _> =
            sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut self.connection).await;
        self.execute(WAIT_AS_USUAL).await?;
        let (busy, _, _) = outcome?;
        Ok(busy == 0)
    }
}

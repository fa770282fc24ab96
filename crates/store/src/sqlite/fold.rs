//! Folding the log into the database file after something was erased, and who waits for it.
//!
//! SQLite writes to a log first. Bytes that a command erased are in no file once the log is folded into the database file
//! and cut off, which works only while nobody reads what was before. Whoever erased waits for that, and nobody else: a
//! fold that does not work at once is tried again between the batches of other commands.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::sqlite::SqliteConnection;
use tokio::sync::{Notify, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use tokio::time::Instant;

use crate::command::Applied;
use crate::error::StoreError;
use crate::work::Answer;

/// How long (milliseconds) an attempt waits for readers to let go of old pages. Writers wait along, so that it is less
/// than a batch of theirs takes.
const WAIT_BRIEFLY: &str = "PRAGMA busy_timeout = 5";
/// The connection's usual patience again, that of `open::PATIENCE`.
const WAIT_AS_USUAL: &str = "PRAGMA busy_timeout = 5000";
/// How long a command that erased waits for the fold before it is acknowledged without.
const MOST_WAIT: Duration = Duration::from_millis(500);
/// How often a fold is tried again for which a command waits.
const TRY_EVERY: Duration = Duration::from_millis(10);
/// The same when nobody waits for it.
const OWED_TRY_EVERY: Duration = Duration::from_millis(500);
/// After how long readers that follow one another without a gap are asked for one.
const GAP_AFTER: Duration = Duration::from_secs(1);
/// How often they are asked, and how long readers that come meanwhile wait at most for those that are there.
const GAP_EVERY: Duration = Duration::from_secs(5);
const MOST_GAP: Duration = Duration::from_millis(250);

/// Where readers of this process come in, and can be kept out for a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct ReaderGate(Arc<RwLock<()>>);

impl ReaderGate {
    /// Waits until it is open. Whoever reads keeps what this gives for as long.
    pub(super) async fn enter(&self) -> OwnedRwLockReadGuard<()> {
        Arc::clone(&self.0).read_owned().await
    }
}

/// What is owed to those who erased.
pub(super) struct Fold {
    /// Since when something that was erased may still be in the log.
    owed_since: Option<Instant>,
    next_try: Instant,
    waiting: Vec<(Answer, Applied, Instant)>,
    gate: ReaderGate,
    next_gap: Instant,
    /// While it is there, nobody of this process reads.
    gap: Arc<Mutex<Option<OwnedRwLockWriteGuard<()>>>>,
    /// Rung when the gap is there.
    news: Arc<Notify>,
}

impl Fold {
    /// Whoever wrote here last may have been stopped between erasing and folding the log, so one is owed.
    pub(super) fn new(gate: ReaderGate, news: Arc<Notify>) -> Self {
        let now = Instant::now();
        Self {
            owed_since: Some(now),
            next_try: now,
            waiting: Vec::new(),
            gate,
            next_gap: now + GAP_AFTER,
            gap: Arc::default(),
            news,
        }
    }

    /// Something was erased; it is tried soon.
    pub(super) fn owe(&mut self) {
        if self.owed_since.is_none() {
            let now = Instant::now();
            (self.owed_since, self.next_try) = (Some(now), now + OWED_TRY_EVERY);
        }
    }

    /// Acknowledges a command that erased as soon as what it erased is in no file.
    pub(super) fn owe_to(&mut self, answer: Answer, applied: Applied) {
        self.owe();
        let now = Instant::now();
        self.next_try = now;
        self.waiting.push((answer, applied, now + MOST_WAIT));
    }

    /// It is worth an attempt at once.
    pub(super) fn hurry(&mut self) {
        self.owe();
        self.next_try = Instant::now();
    }

    /// When to try, if there is anything to try for.
    pub(super) fn next_try(&self) -> Option<Instant> {
        self.owed_since.map(|_| self.next_try)
    }

    pub(super) fn is_due(&self) -> bool {
        let has_gap = || self.gap().is_some();
        self.next_try().is_some_and(|next_try| next_try <= Instant::now() || has_gap())
    }

    /// Whether commands wait for it.
    pub(super) fn is_awaited(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Folds the log if that is possible now, and acknowledges whoever waited for it, or has waited for long enough.
    pub(super) async fn attempt(&mut self, connection: &mut SqliteConnection) {
        let gap = self.gap().take();
        let is_folded = fold(connection).await.unwrap_or(false);
        drop(gap);
        let now = Instant::now();
        if is_folded {
            self.owed_since = None;
        }
        for (answer, applied, _) in self.waiting.extract_if(.., |(_, _, until)| is_folded || *until <= now) {
            // The caller may have gone; the command is done all the same.
            let _ = answer.send(Ok(applied));
        }
        self.next_try = now + if self.waiting.is_empty() { OWED_TRY_EVERY } else { TRY_EVERY };
        if self.owed_since.is_some_and(|since| since + GAP_AFTER <= now) && self.next_gap <= now {
            self.next_gap = now + GAP_EVERY;
            self.ask_for_gap();
        }
    }

    /// Keeps new readers out until those that are there are done, unless that takes too long.
    fn ask_for_gap(&self) {
        let (gate, gap, news) = (Arc::clone(&self.gate.0), Arc::clone(&self.gap), Arc::clone(&self.news));
        tokio::spawn(async move {
            if let Ok(alone) = tokio::time::timeout(MOST_GAP, gate.write_owned()).await {
                *gap.lock().unwrap_or_else(PoisonError::into_inner) = Some(alone);
                news.notify_one();
            }
        });
    }

    fn gap(&self) -> MutexGuard<'_, Option<OwnedRwLockWriteGuard<()>>> {
        self.gap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Folds the log into the database file and empties it, so that overwritten bytes are in neither. `false`: a reader is
/// still looking at old pages.
async fn fold(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    sqlx::query(WAIT_BRIEFLY).execute(&mut *connection).await?;
    let outcome: Result<(i64, i64, i64), _> =
        sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await;
    sqlx::query(WAIT_AS_USUAL).execute(&mut *connection).await?;
    let (busy, _, _) = outcome?;
    Ok(busy == 0)
}

//! What the shared SQL needs to know of PostgreSQL.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use likeness_shares::Shares;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgRow, Postgres};
use sqlx::{Connection as _, Transaction};
use tokio::time::Instant;

pub(crate) use super::PostgresStore as EngineStore;
use super::open::ACQUIRE;
use crate::connections::{self, Turn, turn};
use crate::database_error::is_refusal;
pub(crate) use crate::database_error::refuse_duplicate;
use crate::error::StoreError;
use crate::id::AccountId;

pub(crate) type Engine = sqlx::Postgres;
pub(crate) type Connection = PgConnection;
pub(crate) type EngineRow = PgRow;

/// How long the database may take over one query. A server that is gone without a word, as behind a cut cable, is
/// noticed by this and by nothing else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A transaction that writes.
pub(crate) async fn begin_to_write(connection: &mut Connection) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
    connection.begin().await
}

/// A connection for one query. Dropped before it is done, because its caller hung up, it is given back when the server has
/// answered: otherwise whoever calls and hangs up would have more statements running there than its turns allow.
pub(crate) struct PooledConnection {
    connection: Option<PoolConnection<Postgres>>,
    /// The account's turn, where there are accounts that take turns.
    turn: Option<Turn>,
    /// Whether a transaction was begun on it.
    is_begun: bool,
}

/// A connection that sees one moment of the database until it is done.
pub(crate) struct ReadTransaction(PooledConnection);

/// More stale connections in a row than any pool holds are no accident.
const MOST_ATTEMPTS: u32 = 32;
/// A connection that is stale fails at once. What takes longer is a server that is away, and trying again is no help.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Counts how often one query has met a stale connection.
pub(crate) struct Attempts {
    made: u32,
    last: Instant,
}

impl Attempts {
    pub(crate) fn new() -> Self {
        Self { made: 0, last: Instant::now() }
    }

    /// Whether to run the query again. Queries change nothing, so that they may be repeated.
    pub(crate) fn should_retry<T>(&mut self, answer: &Result<T, StoreError>) -> bool {
        let was_quick = self.last.elapsed() < AT_ONCE;
        self.made += 1;
        self.last = Instant::now();
        matches!(answer, Err(StoreError::Unreachable)) && was_quick && self.made < MOST_ATTEMPTS
    }
}

impl EngineStore {
    pub(crate) async fn connection(&self, account: AccountId) -> Result<PooledConnection, StoreError> {
        self.connections.take(account).await
    }

    pub(crate) async fn read_transaction(&self, account: AccountId) -> Result<ReadTransaction, StoreError> {
        let mut pooled = self.connection(account).await?;
        pooled.is_begun = true;
        in_time(async {
            sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut *pooled).await?;
            Ok(())
        })
        .await?;
        Ok(ReadTransaction(pooled))
    }

    pub(crate) async fn in_time<T>(&self, query: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        in_time(query).await
    }
}

/// The answer, or `Unreachable` when it takes too long.
pub(crate) async fn in_time<T>(query: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(PATIENCE, query).await.unwrap_or(Err(StoreError::Unreachable))
}

/// The connections of this node, at which accounts take turns.
#[derive(Clone)]
pub(super) struct Connections {
    pool: sqlx::PgPool,
    turns: Arc<Shares<AccountId>>,
}

impl Connections {
    pub(super) fn new(pool: sqlx::PgPool, connections: u32) -> Self {
        Self { pool, turns: connections::turns("store connections", connections, ACQUIRE) }
    }

    pub(super) async fn take(&self, account: AccountId) -> Result<PooledConnection, StoreError> {
        let turn = turn(&self.turns, account).await?;
        Ok(PooledConnection { connection: Some(self.pool.acquire().await?), turn: Some(turn), is_begun: false })
    }

    /// A connection of its own for what takes long; another takes its place among those that are shared.
    pub(super) async fn detached(&self) -> Result<PgConnection, StoreError> {
        let _turn = turn(&self.turns, AccountId::INSTALLATION).await?;
        Ok(self.pool.acquire().await?.detach())
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

impl PooledConnection {
    /// One for which nobody has to wait, because nothing is served yet.
    pub(crate) async fn acquire(pool: &sqlx::PgPool) -> Result<Self, StoreError> {
        Ok(Self { connection: Some(pool.acquire().await?), turn: None, is_begun: false })
    }

    /// Gives the connection back if its state is known.
    pub(crate) async fn done<T>(mut self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        let connection = self.connection.take();
        if answer.as_ref().err().is_some_and(|error| !is_refusal(error)) {
            // Nobody knows what the server would answer next on it.
            drop(connection.map(PoolConnection::detach));
        }
        answer
    }
}

/// Waits until the server has answered what was asked on a connection, and ends a transaction that was begun on it.
/// `None`: it is closed.
async fn settled(mut connection: PoolConnection<Postgres>, is_begun: bool) -> Option<PoolConnection<Postgres>> {
    /// No other query has this answer.
    const NUMBER: i64 = 0x5e77_1ed0;
    let settling = async {
        if is_begun {
            sqlx::query("ROLLBACK").execute(&mut *connection).await?;
        }
        Ok(sqlx::query_scalar::<_, i64>("SELECT $1").bind(NUMBER).fetch_one(&mut *connection).await? == NUMBER)
    };
    match in_time(settling).await {
        Ok(true) => Some(connection),
        _ => {
            drop(connection.detach());
            None
        }
    }
}

impl ReadTransaction {
    pub(crate) async fn done<T>(mut self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if answer.as_ref().err().is_none_or(is_refusal) {
            let ended = in_time(async { Ok(sqlx::query("ROLLBACK").execute(&mut *self.0).await?) }).await;
            if ended.is_err() {
                // The answer is good; the connection is closed.
                return answer;
            }
        }
        self.0.done(answer).await
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let (turn, is_begun) = (self.turn.take(), self.is_begun);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(async move {
                    drop(settled(connection, is_begun).await);
                    // The account's turn lasts until then.
                    drop(turn);
                });
            }
            Err(_) => drop(connection.detach()),
        }
    }
}

impl Deref for PooledConnection {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("it is taken out only when the guard ends")
    }
}

impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("it is taken out only when the guard ends")
    }
}

impl Deref for ReadTransaction {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for ReadTransaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

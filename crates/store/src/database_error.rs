//! What the databases' own errors mean to those who ask the store.

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;

use crate::error::StoreError;

// Result codes of SQLite (<https://www.sqlite.org/rescode.html>). The low byte of an extended code is the
// primary one.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const NOT_A_DATABASE: i32 = 26;
const WRITE_FAILED_EXTENDED: i32 = 10 | (3 << 8);

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let meaning = match &error {
            sqlx::Error::Database(database) => match database.try_downcast_ref::<PgDatabaseError>() {
                Some(postgres) => of_postgres(postgres.code()),
                None => of_sqlite(&**database),
            },
            // A column that does not hold what this program puts there.
            sqlx::Error::ColumnDecode { index, .. } => Some(Self::Damaged { what: format!("column {index}") }),
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Some(Self::Closed),
            // A connection that ended in the middle of an answer, or none to be had.
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolTimedOut => {
                Some(Self::Unreachable)
            }
            _ => None,
        };
        meaning.unwrap_or_else(|| Self::Backend(Box::new(error)))
    }
}

fn of_sqlite(error: &dyn DatabaseError) -> Option<StoreError> {
    let code: i32 = error.code()?.parse().ok()?;
    match (code, code & 0xff) {
        (_, BUSY | LOCKED) => Some(StoreError::Busy),
        // SQLite says "full" only for a full disk; a spent quota and a file-size limit are failed writes.
        (WRITE_FAILED_EXTENDED, _) | (_, FULL) => Some(StoreError::DiskFull),
        (_, CORRUPT | NOT_A_DATABASE) => Some(StoreError::Damaged { what: "the database file".into() }),
        _ => None,
    }
}

/// By SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn of_postgres(code: &str) -> Option<StoreError> {
    match code {
        // Serialisation failure, deadlock, lock not to be had, statement cancelled, too many connections.
        "40001" | "40P01" | "55P03" | "57014" | "53300" => Some(StoreError::Busy),
        "53100" => Some(StoreError::DiskFull),
        // Data or index corrupted.
        "XX001" | "XX002" => Some(StoreError::Damaged { what: "a page of the database".into() }),
        // Shutting down, crashed, starting up, read-only after a failover; and everything about the connection.
        "57P01" | "57P02" | "57P03" | "25006" => Some(StoreError::Unreachable),
        code if code.starts_with("08") => Some(StoreError::Unreachable),
        _ => None,
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            MigrateError::VersionMismatch(version) => {
                Self::Damaged { what: format!("schema {version} is not the one this program knows by that number") }
            }
            other => Self::Backend(Box::new(other)),
        }
    }
}

/// Turns the breach of a unique index into the refusal that it means.
pub(crate) fn refuse_duplicate(refusal: StoreError) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => refusal,
        _ => error.into(),
    }
}

/// Whether the command was at fault and not the database: nothing is broken, others may go on.
pub(crate) fn is_refusal(error: &StoreError) -> bool {
    !matches!(
        error,
        StoreError::Busy
            | StoreError::DiskFull
            | StoreError::Damaged { .. }
            | StoreError::Closed
            | StoreError::Unreachable
            | StoreError::Backend(_)
    )
}

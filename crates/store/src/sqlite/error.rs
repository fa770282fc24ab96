use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;

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
        match &error {
            sqlx::Error::Database(database) => match extended_code(&**database).map(|code| (code, code & 0xff)) {
                Some((_, BUSY | LOCKED)) => Self::Busy,
                // SQLite says "full" only for a full disk; a spent quota and a file-size limit are failed writes.
                Some((WRITE_FAILED_EXTENDED, _) | (_, FULL)) => Self::DiskFull,
                Some((_, CORRUPT | NOT_A_DATABASE)) => Self::Damaged { what: "the database file".into() },
                _ => Self::Backend(Box::new(error)),
            },
            // A column that does not hold what this program puts there.
            sqlx::Error::ColumnDecode { index, .. } => Self::Damaged { what: format!("column {index}") },
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Self::Closed,
            sqlx::Error::PoolTimedOut => Self::Busy,
            _ => Self::Backend(Box::new(error)),
        }
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

fn extended_code(error: &dyn DatabaseError) -> Option<i32> {
    error.code()?.parse().ok()
}

/// Turns the breach of a unique index into the refusal that it means.
pub(super) fn refuse_duplicate(refusal: StoreError) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => refusal,
        _ => error.into(),
    }
}

/// Whether the command was at fault and not the database: nothing is broken, others may go on.
pub(super) fn is_refusal(error: &StoreError) -> bool {
    !matches!(
        error,
        StoreError::Busy
            | StoreError::DiskFull
            | StoreError::Damaged { .. }
            | StoreError::Closed
            | StoreError::Backend(_)
    )
}

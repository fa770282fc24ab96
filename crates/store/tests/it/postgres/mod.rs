//! What only the PostgreSQL backend has: a server that others use too.

mod clock;
mod migrating;
mod moving;
mod turns;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use likeness_store::keys::{InstallationKey, Keyholder};
use likeness_store::{PostgresStore, PostgresTarget, Store, StoreError};
use likeness_test_postgres::PostgresError;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use crate::scene::{Backend, Dice, Frozen, fresh_key};

/// A database of its own in the server that all tests share.
pub(crate) struct PostgresBackend {
    pub(crate) url: String,
    /// By how many milliseconds its clock is ahead.
    ahead: AtomicU64,
}

/// A backend with nothing in it; `None`, said aloud, where there is no PostgreSQL.
pub(crate) fn fresh(test: &str) -> Option<PostgresBackend> {
    match likeness_test_postgres::shared() {
        Ok(postgres) => Some(PostgresBackend { url: postgres.database().unwrap(), ahead: AtomicU64::new(0) }),
        Err(why @ PostgresError::NotInstalled) => {
            skip(test, &why.to_string());
            None
        }
        Err(other) => panic!("{other}"),
    }
}

/// Says that a test was skipped, where `make test` collects it.
#[expect(clippy::print_stdout, reason = "a skip is told to whoever watches the tests")]
fn skip(test: &str, why: &str) {
    use std::io::Write;
    println!("SKIPPED {test}: {why}");
    if let Some(file) = std::env::var_os("LIKENESS_SKIPPED") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
        writeln!(file, "{test}: {why}").unwrap();
    }
}

#[async_trait]
impl Backend for PostgresBackend {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(open_with(&self.url, 1).await.unwrap())
    }

    async fn open_held(&self, holder: Keyholder) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(open_held(&self.url, holder, &key_folder(&self.url)).await?))
    }

    async fn tamper(&self, statement: &str) {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        let statement = statement.replace("X'", "'\\x");
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Puts a function that is so much ahead in the place of the database's own, in this database alone. See the sixth
    /// migration for why there is nothing else by which its time could be moved.
    async fn pass(&self, length: Duration) -> bool {
        let millis = u64::try_from(length.as_millis()).unwrap();
        let ahead = self.ahead.fetch_add(millis, Ordering::Relaxed) + millis;
        let statement = format!(
            "CREATE OR REPLACE FUNCTION likeness_now() RETURNS TIMESTAMPTZ LANGUAGE sql VOLATILE
             AS 'SELECT clock_timestamp() + INTERVAL ''{ahead} milliseconds'''"
        );
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        true
    }

    async fn freeze(&self) -> Box<dyn Frozen> {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        sqlx::query("BEGIN").execute(&mut connection).await.unwrap();
        sqlx::query("SELECT account_id FROM account ORDER BY account_id FOR UPDATE")
            .execute(&mut connection)
            .await
            .unwrap();
        Box::new(FrozenAccounts(connection))
    }
}

/// Somebody else has locked the rows of all accounts.
struct FrozenAccounts(PgConnection);

#[async_trait]
impl Frozen for FrozenAccounts {
    async fn count(&mut self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement).fetch_one(&mut self.0).await.unwrap()
    }

    async fn release(mut self: Box<Self>) {
        sqlx::query("ROLLBACK").execute(&mut self.0).await.unwrap();
        self.0.close().await.unwrap();
    }
}

/// A folder for the keys of each database, gone with the server.
pub(crate) fn key_folder(url: &str) -> PathBuf {
    let (address, socket) = url.split_once("?host=").unwrap();
    let (_, name) = address.rsplit_once('/').unwrap();
    // Beside the socket, where the server's handle removes everything in the end.
    Path::new(socket).join(format!("keys-{name}"))
}

/// Opens with the installation key of that seed.
pub(crate) async fn open_with(url: &str, key_seed: u64) -> Result<PostgresStore, StoreError> {
    open_beside(url, key_seed, &key_folder(url)).await
}

/// The same with another folder for the keys of hours.
pub(crate) async fn open_beside(url: &str, key_seed: u64, folder: &Path) -> Result<PostgresStore, StoreError> {
    open_held(url, Arc::new(InstallationKey::generate(&Dice::new(key_seed))).into(), folder).await
}

async fn open_held(url: &str, holder: Keyholder, folder: &Path) -> Result<PostgresStore, StoreError> {
    let target = PostgresTarget::new(&url.to_owned().into())?.with_connections(4);
    // Nonces must differ between openings of the same data.
    let seed = fresh_key().as_u64_pair().0;
    PostgresStore::open(&target, holder, folder, Arc::new(Dice::new(seed))).await
}

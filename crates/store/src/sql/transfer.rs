//! Rows as they are, out of one store and into another.

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Connection as _, Row};
use tokio::sync::mpsc;

use super::engine::{Connection, EngineRow, EngineStore, begin_to_write};
use super::{mend, taking_in, unlock};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::keys::DataKey;
use crate::schema::{InBackup, Kind, TABLES, Table};
use crate::transfer::{Arrived, Import, Mended, Page, Restore, Scope, Transferable, Value};

/// Rows of a page.
const PAGE: usize = 1_000;
/// Rows of one statement: a statement for each would cost more than the row.
const ROWS_AT_ONCE: usize = 64;
/// Rows of one transaction, which ends with a sync.
const ROWS_OF_TRANSACTION: usize = 20_000;

#[async_trait]
impl Transferable for EngineStore {
    async fn wrapped_key(&self) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        let mut pooled = self.read_transaction(AccountId::INSTALLATION).await?;
        let read = unlock::secret(&mut pooled).await;
        let (provider, wrapped) = pooled.done(read).await?;
        Ok(provider.zip(wrapped))
    }

    async fn row_count(&self, scope: Scope) -> Result<u64, StoreError> {
        let mut pooled = self.read_transaction(AccountId::INSTALLATION).await?;
        let counted = async {
            let mut rows = 0;
            for (_, table, condition) in tables(scope) {
                let statement = format!("SELECT count(*) FROM {} WHERE {condition}", table.name);
                let mut query = sqlx::query_scalar(AssertSqlSafe(statement));
                if let Scope::Account(account) = scope {
                    query = query.bind(account.0.as_bytes().to_vec());
                }
                let count: i64 = query.fetch_one(&mut *pooled).await?;
                rows += u64::try_from(count).unwrap_or(0);
            }
            Ok(rows)
        };
        let counted = counted.await;
        pooled.done(counted).await
    }

    async fn export(&self, scope: Scope, pages: mpsc::Sender<Page>) -> Result<(), StoreError> {
        let mut pooled = self.read_transaction(AccountId::INSTALLATION).await?;
        let sent = export(&mut pooled, scope, &pages).await;
        pooled.done(sent).await
    }

    async fn import(&self, pages: mpsc::Receiver<Page>) -> Result<(), StoreError> {
        let mut connection = self.importer().await?;
        let taken = import(&mut connection, pages).await;
        connection.close().await?;
        taken
    }

    async fn mend(&self, restore: &Restore) -> Result<Vec<Mended>, StoreError> {
        let mut connection = self.importer().await?;
        let mended = mend::mend(&mut connection, &self.key_ring, restore).await;
        connection.close().await?;
        mended
    }

    async fn data_keys(&self, account: AccountId) -> Result<Vec<DataKey>, StoreError> {
        self.unlock_keys(account, true).await?;
        let mut pooled = self.read_transaction(account).await?;
        let keys = self.key_ring.keys(&mut pooled, account).await;
        Ok(pooled.done(keys).await?.data_keys().collect())
    }

    async fn import_account(&self, import: &Import, pages: mpsc::Receiver<Page>) -> Result<Arrived, StoreError> {
        let mut connection = self.importer().await?;
        let taken = taking_in::rows(&mut connection, &self.key_ring, import, pages).await;
        connection.close().await?;
        taken
    }

    async fn admit(&self, import: &Import, arrived: Arrived) -> Result<(), StoreError> {
        let mut connection = self.importer().await?;
        let admitted = taking_in::admit(&mut connection, &self.key_ring, import, arrived).await;
        connection.close().await?;
        admitted
    }

    async fn complete(&self) -> Result<(), StoreError> {
        let mut connection = self.importer().await?;
        sqlx::query("UPDATE installation SET check_value = $1")
            .bind(self.key_ring.installation().check_value(self.key_ring.randomness()))
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        Ok(())
    }
}

/// The tables of which rows are sent, with their places and which rows.
fn tables(scope: Scope) -> impl Iterator<Item = (usize, &'static Table, String)> {
    let sent = move |(number, table): (usize, &'static Table)| {
        let condition = match (scope, table.in_backup) {
            (Scope::Everything, _) => table.moves.then_some("1 = 1"),
            (Scope::Backup | Scope::Account(_), InBackup::None) => None,
            (Scope::Account(_), _) if matches!(table.name, "audit" | "usage" | "data_key") => None,
            (Scope::Backup | Scope::Account(_), InBackup::All) => Some("1 = 1"),
            (Scope::Backup | Scope::Account(_), InBackup::Some(condition)) => Some(condition),
        };
        condition.map(|condition| {
            let condition = match scope {
                Scope::Account(_) => format!("account_id = $1 AND ({condition})"),
                _ => condition.to_owned(),
            };
            (number, table, condition)
        })
    };
    TABLES.iter().enumerate().filter_map(sent)
}

async fn export(connection: &mut Connection, scope: Scope, pages: &mpsc::Sender<Page>) -> Result<(), StoreError> {
    for (number, table, condition) in tables(scope) {
        let mut after: Option<Vec<Value>> = None;
        loop {
            let bound = usize::from(matches!(scope, Scope::Account(_)));
            let mut query = sqlx::query(AssertSqlSafe(select(table, &condition, after.is_some(), bound)));
            if let Scope::Account(account) = scope {
                query = query.bind(account.0.as_bytes().to_vec());
            }
            for value in after.into_iter().flatten() {
                query = match value {
                    Value::Integer(number) => query.bind(number),
                    Value::Bytes(bytes) => query.bind(bytes),
                    Value::Text(text) => query.bind(text),
                };
            }
            let rows = query.fetch_all(&mut *connection).await?;
            let rows = rows.iter().map(|row| read(table, row)).collect::<Result<Vec<_>, _>>()?;
            let Some(last) = rows.last() else { break };
            after = Some(last[..table.key].to_vec());
            // Whoever listened has given up and says why.
            if pages.send(Page { table: number, rows }).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn import(connection: &mut Connection, mut pages: mpsc::Receiver<Page>) -> Result<(), StoreError> {
    let accounts: i64 = sqlx::query_scalar("SELECT count(*) FROM account").fetch_one(&mut *connection).await?;
    if accounts > 0 {
        return Err(StoreError::NotEmpty);
    }
    // From here to the end nobody can open the target.
    sqlx::query("UPDATE installation SET check_value = $1").bind(Vec::<u8>::new()).execute(&mut *connection).await?;
    let mut first = pages.recv().await;
    while let Some(page) = first.take() {
        let mut transaction = begin_to_write(connection).await?;
        let mut rows = 0;
        let mut next = Some(page);
        while let Some(page) = next.take() {
            rows += page.rows.len();
            insert(&mut transaction, &TABLES[page.table], page.rows).await?;
            if rows >= ROWS_OF_TRANSACTION {
                break;
            }
            next = pages.recv().await;
        }
        transaction.commit().await?;
        first = pages.recv().await;
    }
    Ok(())
}

fn read(table: &Table, row: &EngineRow) -> Result<Vec<Value>, StoreError> {
    let value = |(column, (_, kind)): (usize, &(&str, Kind))| {
        Ok(match kind {
            Kind::Integer => Value::Integer(row.try_get(column)?),
            Kind::Bytes => Value::Bytes(row.try_get(column)?),
            Kind::Text => Value::Text(row.try_get(column)?),
        })
    };
    table.columns.iter().enumerate().map(value).collect()
}

fn names(table: &Table, columns: usize) -> String {
    table.columns[..columns].iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn parameters(bound: usize, count: usize) -> String {
    (bound + 1..=bound + count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

fn select(table: &Table, condition: &str, goes_on: bool, bound: usize) -> String {
    let key = names(table, table.key);
    let columns = names(table, table.columns.len());
    let mut statement = format!("SELECT {columns} FROM {} WHERE {condition}", table.name);
    if goes_on {
        let after = parameters(bound, table.key);
        statement += &format!(" AND ({key}) > ({after})");
    }
    statement + &format!(" ORDER BY {key} LIMIT {PAGE}")
}

/// Puts rows into a table.
pub(crate) async fn insert(
    connection: &mut Connection,
    table: &Table,
    rows: Vec<Vec<Value>>,
) -> Result<(), sqlx::Error> {
    let columns = table.columns.len();
    let into = format!("INSERT INTO {} ({}) VALUES ", table.name, names(table, columns));
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some: Vec<Vec<Value>> = rows.by_ref().take(ROWS_AT_ONCE).collect();
        let values = (0..some.len()).map(|row| format!("({})", parameters(row * columns, columns)));
        let statement = into.clone() + &values.collect::<Vec<_>>().join(", ");
        // Kept prepared for the length that comes again.
        let comes_again = some.len() == ROWS_AT_ONCE;
        let mut query = sqlx::query(AssertSqlSafe(statement)).persistent(comes_again);
        for value in some.into_iter().flatten() {
            query = match value {
                Value::Integer(number) => query.bind(number),
                Value::Bytes(bytes) => query.bind(bytes),
                Value::Text(text) => query.bind(text),
            };
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

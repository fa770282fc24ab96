//! Rows as they are, out of one store and into another.

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Connection as _, Row};
use tokio::sync::mpsc;

use super::engine::{Connection, EngineRow, EngineStore};
use crate::error::StoreError;
use crate::id::AccountId;
use crate::schema::{Kind, TABLES, Table};
use crate::transfer::{Page, Transferable, Value};

/// Rows of a page.
const PAGE: usize = 1_000;

#[async_trait]
impl Transferable for EngineStore {
    async fn row_count(&self) -> Result<u64, StoreError> {
        let mut pooled = self.read_transaction(AccountId::INSTALLATION).await?;
        let counted = async {
            let mut rows = 0;
            for table in TABLES.iter().filter(|table| table.moves) {
                let statement = format!("SELECT count(*) FROM {}", table.name);
                let count: i64 = sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(&mut *pooled).await?;
                rows += u64::try_from(count).unwrap_or(0);
            }
            Ok(rows)
        };
        let counted = counted.await;
        pooled.done(counted).await
    }

    async fn export(&self, pages: mpsc::Sender<Page>) -> Result<(), StoreError> {
        let mut pooled = self.read_transaction(AccountId::INSTALLATION).await?;
        let sent = export(&mut pooled, &pages).await;
        pooled.done(sent).await
    }

    async fn import(&self, pages: mpsc::Receiver<Page>) -> Result<(), StoreError> {
        let mut connection = self.importer().await?;
        let taken = import(&mut connection, pages).await;
        connection.close().await?;
        taken
    }
}

async fn export(connection: &mut Connection, pages: &mpsc::Sender<Page>) -> Result<(), StoreError> {
    for (number, table) in TABLES.iter().enumerate().filter(|(_, table)| table.moves) {
        let mut after: Option<Vec<Value>> = None;
        loop {
            let mut query = sqlx::query(AssertSqlSafe(select(table, after.is_some())));
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
    let check_value: Vec<u8> =
        sqlx::query_scalar("SELECT check_value FROM installation").fetch_one(&mut *connection).await?;
    // From here to the end nobody can open the target.
    sqlx::query("UPDATE installation SET check_value = $1").bind(Vec::<u8>::new()).execute(&mut *connection).await?;
    while let Some(page) = pages.recv().await {
        let mut transaction = connection.begin().await?;
        let statement = insert(&TABLES[page.table]);
        for row in page.rows {
            let mut query = sqlx::query(AssertSqlSafe(statement.clone()));
            for value in row {
                query = match value {
                    Value::Integer(number) => query.bind(number),
                    Value::Bytes(bytes) => query.bind(bytes),
                    Value::Text(text) => query.bind(text),
                };
            }
            query.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
    }
    sqlx::query("UPDATE installation SET check_value = $1").bind(check_value).execute(&mut *connection).await?;
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

fn parameters(count: usize) -> String {
    (1..=count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

fn select(table: &Table, goes_on: bool) -> String {
    let key = names(table, table.key);
    let mut statement = format!("SELECT {} FROM {}", names(table, table.columns.len()), table.name);
    if goes_on {
        let after = parameters(table.key);
        statement += &format!(" WHERE ({key}) > ({after})");
    }
    statement + &format!(" ORDER BY {key} LIMIT {PAGE}")
}

fn insert(table: &Table) -> String {
    let columns = table.columns.len();
    format!("INSERT INTO {} ({}) VALUES ({})", table.name, names(table, columns), parameters(columns))
}

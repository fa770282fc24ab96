//! Seals anew what an older data key of an account sealed, in parts.
//!
//! Start at [`step`]. What expires is left: its time comes.

use std::sync::Arc;

use super::super::account_keys::{self, StoredKey};
use super::super::engine::EngineRow;
use super::super::read::{damaged, open};
use super::records::RecordContext;
use super::{PART, WriteEffect, WriteTransaction, unsigned};
use crate::command::{Applied, ResealAt};
use crate::error::StoreError;
use crate::id::PersonNumber;
use crate::keys::{AccountKeys, Purpose, RowContext, key_id_of};
use crate::record::RecordKind;

/// Texts of a container, its people, its faces.
const TEXTS: i64 = 1;
const PERSONS: i64 = 2;
const FACES: i64 = 3;

/// The next part after a place.
pub(super) async fn step(transaction: &mut WriteTransaction<'_>, after: ResealAt) -> Result<WriteEffect, StoreError> {
    let mut resealer = Resealer { keys: transaction.own_keys(), transaction, rows: 0 };
    let reached = if after == ResealAt::default() { resealer.outside().await? } else { resealer.inside(after).await? };
    let rows = resealer.rows;
    let place = reached.unwrap_or(after);
    let applied = Applied {
        container: Some(place.container),
        person: Some(PersonNumber(place.stage)),
        version: unsigned(place.row)?,
        removed: rows,
        more: reached.is_some(),
        ..Applied::default()
    };
    Ok(WriteEffect { applied, target: None, records: rows })
}

struct Resealer<'t, 'a> {
    keys: Arc<AccountKeys>,
    transaction: &'t mut WriteTransaction<'a>,
    rows: u64,
}

/// Id, version, container and person, value.
type RecordRow = (String, i64, Option<i64>, Option<i64>, Vec<u8>);
/// Kind, id, name, user data.
type ContainerRow = (i64, String, Vec<u8>, Option<Vec<u8>>);
/// Sequence, id, name, user data.
type PersonRow = (i64, Vec<u8>, Vec<u8>, Option<Vec<u8>>);
/// Sequence, id, person, space, model, template, user data.
type FaceRow = (i64, Vec<u8>, Option<i64>, String, Option<String>, Vec<u8>, Option<Vec<u8>>);

impl Resealer<'_, '_> {
    /// A value sealed by the newest key; as it is where that sealed it.
    fn anew(
        &self,
        (purpose, container, epoch): (Purpose, i64, i64),
        context: &RowContext,
        sealed: Vec<u8>,
    ) -> Result<Vec<u8>, StoreError> {
        if key_id_of(&sealed) == Some(self.keys.newest()) {
            return Ok(sealed);
        }
        let sealer = self.keys.sealer(purpose, container, epoch);
        let plain = open(&sealer, context, &sealed, "a value that is sealed anew")?;
        Ok(sealer.seal(self.transaction.key_ring.randomness(), context, plain.expose()))
    }

    fn perhaps(
        &self,
        place: (Purpose, i64, i64),
        context: &RowContext,
        sealed: Option<Vec<u8>>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        sealed.map(|sealed| self.anew(place, context, sealed)).transpose()
    }

    /// The account's keys and records.
    async fn outside(&mut self) -> Result<Option<ResealAt>, StoreError> {
        let account = self.transaction.command.account;
        for row in account_keys::of_account(self.transaction.connection, account).await? {
            let sealed = self.anew((Purpose::AccountKey, 0, 0), &row.context()?, row.sealed.clone())?;
            account_keys::replace(self.transaction.connection, account, &StoredKey { sealed, ..row }).await?;
            self.rows += 1;
        }
        let account = self.transaction.account();
        for kind in RecordKind::ALL {
            let number = i64::from(kind.number());
            let records: Vec<RecordRow> = sqlx::query_as(
                "SELECT id, version, container, person, sealed FROM record
                 WHERE account_id = $1 AND kind = $2 AND expires_at IS NULL",
            )
            .bind(account)
            .bind(number)
            .fetch_all(&mut *self.transaction.connection)
            .await?;
            for (id, version, container, person, sealed) in records {
                let context = RecordContext {
                    kind,
                    id: &id,
                    version: unsigned(version)?,
                    expires_at: None,
                    person: container.zip(person),
                };
                let place = (Purpose::Record, 0, context.epoch());
                let sealed = self.anew(place, &context.row_context(), sealed)?;
                sqlx::query("UPDATE record SET sealed = $4 WHERE account_id = $1 AND kind = $2 AND id = $3")
                    .bind(account)
                    .bind(number)
                    .bind(&id)
                    .bind(sealed)
                    .execute(&mut *self.transaction.connection)
                    .await?;
                self.rows += 1;
            }
        }
        // What decides who may call is stored otherwise now, and says the same.
        self.transaction.access_changed = true;
        self.next_container(0).await
    }

    async fn next_container(&mut self, after: i64) -> Result<Option<ResealAt>, StoreError> {
        let next: Option<i64> = sqlx::query_scalar(
            "SELECT number FROM container WHERE account_id = $1 AND number > $2 AND kind NOT IN (7, 8)
             ORDER BY number LIMIT 1",
        )
        .bind(self.transaction.account())
        .bind(after)
        .fetch_optional(&mut *self.transaction.connection)
        .await?;
        Ok(next.map(|container| ResealAt { container, stage: TEXTS, row: 0 }))
    }

    /// What lies in a container.
    async fn inside(&mut self, at: ResealAt) -> Result<Option<ResealAt>, StoreError> {
        let last = match at.stage {
            TEXTS => self.texts(at.container).await?,
            PERSONS => self.persons(at.container, at.row).await?,
            _ => self.faces(at.container, at.row).await?,
        };
        match last {
            Some(row) => Ok(Some(ResealAt { row, ..at })),
            None if at.stage < FACES => Ok(Some(ResealAt { stage: at.stage + 1, row: 0, ..at })),
            None => self.next_container(at.container).await,
        }
    }

    async fn texts(&mut self, number: i64) -> Result<Option<i64>, StoreError> {
        let row: Option<ContainerRow> = sqlx::query_as(
            "SELECT c.kind, c.wire_id, t.sealed_name, t.sealed_user_data
             FROM container c JOIN container_text t ON t.account_id = c.account_id AND t.number = c.number
             WHERE c.account_id = $1 AND c.number = $2",
        )
        .bind(self.transaction.account())
        .bind(number)
        .fetch_optional(&mut *self.transaction.connection)
        .await?;
        let Some((kind, wire_id, name, user_data)) = row else { return Ok(None) };
        let context = RowContext::container(u8::try_from(kind).map_err(|_| damaged("a kind"))?, &wire_id);
        let name = self.anew((Purpose::ContainerName, number, number), &context, name)?;
        let user_data = self.perhaps((Purpose::ContainerUserData, number, number), &context, user_data)?;
        let update =
            "UPDATE container_text SET sealed_name = $1, sealed_user_data = $2 WHERE account_id = $3 AND number = $4";
        self.put(update, (name, user_data), &[number]).await?;
        Ok(None)
    }

    async fn persons(&mut self, number: i64, after: i64) -> Result<Option<i64>, StoreError> {
        let select = "SELECT seq, person_id, sealed_name, sealed_user_data FROM person
             WHERE account_id = $1 AND container = $2 AND seq > $3 ORDER BY seq LIMIT $4";
        let rows: Vec<PersonRow> = self.part(select, number, after).await?;
        let last = rows.last().map(|row| row.0);
        for (seq, id, name, user_data) in rows {
            let context = RowContext::person(seq, &id);
            let name = self.anew((Purpose::PersonName, number, number), &context, name)?;
            let user_data = self.perhaps((Purpose::PersonUserData, number, number), &context, user_data)?;
            let update = "UPDATE person SET sealed_name = $1, sealed_user_data = $2
                 WHERE account_id = $3 AND container = $4 AND seq = $5";
            self.put(update, (name, user_data), &[number, seq]).await?;
        }
        Ok(last)
    }

    async fn faces(&mut self, number: i64, after: i64) -> Result<Option<i64>, StoreError> {
        let select = "SELECT f.seq, f.face_id, f.person, s.word, m.word, f.sealed_template, f.sealed_user_data
             FROM face f JOIN label s ON s.account_id = f.account_id AND s.number = f.space
             LEFT JOIN label m ON m.account_id = f.account_id AND m.number = f.model
             WHERE f.account_id = $1 AND f.container = $2 AND f.seq > $3 ORDER BY f.seq LIMIT $4";
        let rows: Vec<FaceRow> = self.part(select, number, after).await?;
        let last = rows.last().map(|row| row.0);
        for (seq, id, person, space, model, template, user_data) in rows {
            let context = RowContext::template(seq, &id, person, &space, model.as_deref());
            let template = self.anew((Purpose::FaceTemplate, number, number), &context, template)?;
            let place = (Purpose::FaceUserData, number, number);
            let user_data = self.perhaps(place, &RowContext::face(seq, &id), user_data)?;
            let update = "UPDATE face SET sealed_template = $1, sealed_user_data = $2
                 WHERE account_id = $3 AND container = $4 AND seq = $5";
            self.put(update, (template, user_data), &[number, seq]).await?;
        }
        Ok(last)
    }

    /// The rows of a container after one, as many as go in a part.
    async fn part<R>(&mut self, select: &'static str, number: i64, after: i64) -> Result<Vec<R>, StoreError>
    where
        R: for<'r> sqlx::FromRow<'r, EngineRow> + Send + Unpin,
    {
        let rows = sqlx::query_as(select).bind(self.transaction.account()).bind(number).bind(after).bind(PART);
        Ok(rows.fetch_all(&mut *self.transaction.connection).await?)
    }

    /// Stores the two sealed values of a row, which the account and these numbers tell.
    async fn put(
        &mut self,
        update: &'static str,
        (value, user_data): (Vec<u8>, Option<Vec<u8>>),
        row: &[i64],
    ) -> Result<(), StoreError> {
        let mut statement = sqlx::query(update).bind(value).bind(user_data).bind(self.transaction.account());
        for number in row {
            statement = statement.bind(*number);
        }
        statement.execute(&mut *self.transaction.connection).await?;
        self.rows += 1;
        Ok(())
    }
}

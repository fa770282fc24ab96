//! Copies a whole container, sealing every record anew for where it goes.

use std::collections::HashMap;
use std::sync::Arc;

use likeness_base::Randomness;

use super::super::read::{all_labels, damaged, open, open_text};
use super::containers::refuse_above;
use super::{SUCCEEDED, WriteEffect, WriteTransaction, containers, label, unsigned};
use crate::command::{ContainerKind, ContainerName};
use crate::error::{LimitKind, StoreError};
use crate::id::AccountId;
use crate::keys::{AccountKeys, HourKey, Purpose, RowContext, Sealer};

/// Rows held in memory at once.
const PAGE: i64 = 512;

const CONTAINER_TEXT: &str = "the texts of a container";

/// What is copied.
pub(super) struct Source {
    pub(super) account: AccountId,
    pub(super) number: i64,
    pub(super) keys: Arc<AccountKeys>,
    /// Of the hour of expiry, where the source is a snapshot.
    pub(super) hour: Option<HourKey>,
}

impl Source {
    fn key(&self) -> &[u8] {
        self.account.0.as_bytes()
    }

    fn sealer(&self, purpose: Purpose) -> Sealer<'_> {
        self.keys.sealer_until(purpose, self.number, self.number, self.hour.clone())
    }
}

/// How much there may be where the copy goes.
pub(super) struct Limits {
    pub(super) containers: Option<u64>,
    pub(super) persons_in_account: Option<u64>,
}

impl Limits {
    pub(super) const NONE: Self = Self { containers: None, persons_in_account: None };
}

/// What has come of it.
pub(super) struct Copied {
    pub(super) number: i64,
    pub(super) version: u64,
    /// The container, its people and its faces.
    pub(super) records: u64,
}

/// Kind, wire id, model, version, next person, next face, persons, faces, trained version, time of the last
/// successful training.
type SourceRow = (i64, String, String, i64, i64, i64, i64, i64, Option<i64>, Option<i64>);
/// Sequence, wire id, sealed name, sealed user data.
type PersonRow = (i64, Vec<u8>, Vec<u8>, Option<Vec<u8>>);
/// Sequence, wire id, person, added version, space, sealed template, sealed user data.
type FaceRow = (i64, Vec<u8>, Option<i64>, i64, i64, Vec<u8>, Option<Vec<u8>>);

/// Makes `to` in the account of the command: same texts, people, faces, ids and numbers, and the same version, so
/// that what the last successful training covers stays visible and what came later stays invisible.
pub(super) async fn container(
    transaction: &mut WriteTransaction<'_>,
    from: &Source,
    to: &ContainerName,
    limits: Limits,
) -> Result<Copied, StoreError> {
    let row: SourceRow = sqlx::query_as(
        "SELECT c.kind, c.wire_id, l.word, c.version, c.next_person, c.next_face, c.persons, c.faces,
                c.trained_version, c.training_success_at
         FROM container c JOIN label l ON l.account_id = c.account_id AND l.number = c.model
         WHERE c.account_id = $1 AND c.number = $2",
    )
    .bind(from.key())
    .bind(from.number)
    .fetch_one(&mut *transaction.connection)
    .await?;
    let (kind, wire_id, model, version, next_person, next_face, persons, faces, trained_version, trained_at) = row;
    let kind = ContainerKind::from_number(kind).ok_or_else(|| damaged("a container kind"))?;

    let texts: (Vec<u8>, Option<Vec<u8>>) = sqlx::query_as(
        "SELECT sealed_name, sealed_user_data FROM container_text WHERE account_id = $1 AND number = $2",
    )
    .bind(from.key())
    .bind(from.number)
    .fetch_one(&mut *transaction.connection)
    .await?;
    let context = RowContext::container(kind.number(), &wire_id);
    let text = |purpose, sealed: &[u8]| open_text(&from.sealer(purpose), &context, sealed, CONTAINER_TEXT);
    let name = text(Purpose::ContainerName, &texts.0)?;
    let user_data = texts.1.map(|sealed| text(Purpose::ContainerUserData, &sealed)).transpose()?;
    let WriteEffect { applied, .. } =
        containers::create(transaction, to, &name, user_data.as_ref(), &model, limits.containers).await?;
    let number = applied.container.expect("a container that was made has a number");
    let trained = trained_version.is_some();
    sqlx::query(
        "UPDATE container
         SET version = $3, trimmed_version = $3, next_person = $4, next_face = $5, persons = $6, faces = $7,
             training = $8, training_state = $9, training_created_at = $10, training_action_at = $10,
             training_success_at = $10, training_covers = $11, trained_version = $11
         WHERE account_id = $1 AND number = $2",
    )
    .bind(transaction.account())
    .bind(number)
    .bind(version)
    .bind(next_person)
    .bind(next_face)
    .bind(persons)
    .bind(faces)
    .bind(i64::from(trained))
    .bind(trained.then_some(SUCCEEDED))
    .bind(trained_at.filter(|_| trained))
    .bind(trained_version)
    .execute(&mut *transaction.connection)
    .await?;
    let persons_in_account: i64 = sqlx::query_scalar(
        "UPDATE tally SET persons = persons + $3 WHERE account_id = $1 AND kind = $2 RETURNING persons",
    )
    .bind(transaction.account())
    .bind(i64::from(to.kind.number()))
    .bind(persons)
    .fetch_one(&mut *transaction.connection)
    .await?;
    refuse_above(LimitKind::PersonsInAccount, persons_in_account, limits.persons_in_account)?;
    let destination = Destination {
        keys: transaction.own_keys(),
        number,
        hour: transaction.hour.clone(),
        randomness: transaction.key_ring.randomness(),
    };
    persons_of(transaction, from, &destination).await?;
    faces_of(transaction, from, &destination).await?;
    Ok(Copied { number, version: unsigned(version)?, records: 1 + unsigned(persons)? + unsigned(faces)? })
}

/// Where the copy goes.
struct Destination<'v> {
    keys: Arc<AccountKeys>,
    number: i64,
    hour: Option<HourKey>,
    randomness: &'v dyn Randomness,
}

impl Destination<'_> {
    fn reseal<'k>(&'k self, from: &'k Source, purpose: Purpose, what: &'static str) -> Reseal<'k> {
        let to = self.keys.sealer_until(purpose, self.number, self.number, self.hour.clone());
        Reseal { from: from.sealer(purpose), to, randomness: self.randomness, what }
    }
}

/// Opens values of one purpose where they were and seals them for where they go.
struct Reseal<'k> {
    from: Sealer<'k>,
    to: Sealer<'k>,
    randomness: &'k dyn Randomness,
    what: &'static str,
}

impl Reseal<'_> {
    fn value(&self, context: &RowContext, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let plain = open(&self.from, context, sealed, self.what)?;
        Ok(self.to.seal(self.randomness, context, plain.expose()))
    }
}

async fn persons_of(
    transaction: &mut WriteTransaction<'_>,
    from: &Source,
    to: &Destination<'_>,
) -> Result<(), StoreError> {
    let names = to.reseal(from, Purpose::PersonName, "the name of a person");
    let user_data = to.reseal(from, Purpose::PersonUserData, "the user data of a person");
    let mut after = 0;
    loop {
        let rows: Vec<PersonRow> = sqlx::query_as(
            "SELECT seq, person_id, sealed_name, sealed_user_data FROM person
             WHERE account_id = $1 AND container = $2 AND seq > $3 ORDER BY seq LIMIT $4",
        )
        .bind(from.key())
        .bind(from.number)
        .bind(after)
        .bind(PAGE)
        .fetch_all(&mut *transaction.connection)
        .await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.0;
        for (seq, id, name, data) in rows {
            let context = RowContext::person(seq, &id);
            sqlx::query(
                "INSERT INTO person (account_id, container, seq, person_id, sealed_name, sealed_user_data)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(transaction.account())
            .bind(to.number)
            .bind(seq)
            .bind(&id)
            .bind(names.value(&context, &name)?)
            .bind(data.map(|sealed| user_data.value(&context, &sealed)).transpose()?)
            .execute(&mut *transaction.connection)
            .await?;
        }
    }
}

async fn faces_of(
    transaction: &mut WriteTransaction<'_>,
    from: &Source,
    to: &Destination<'_>,
) -> Result<(), StoreError> {
    let templates = to.reseal(from, Purpose::FaceTemplate, "a template");
    let user_data = to.reseal(from, Purpose::FaceUserData, "the user data of a face");
    let labels = all_labels(transaction.connection, from.account).await?;
    // Numbers of the account's own labels by those of the source's.
    let mut spaces = HashMap::new();
    let mut after = 0;
    loop {
        let rows: Vec<FaceRow> = sqlx::query_as(
            "SELECT seq, face_id, person, added_version, space, sealed_template, sealed_user_data FROM face
             WHERE account_id = $1 AND container = $2 AND seq > $3 ORDER BY seq LIMIT $4",
        )
        .bind(from.key())
        .bind(from.number)
        .bind(after)
        .bind(PAGE)
        .fetch_all(&mut *transaction.connection)
        .await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.0;
        for (seq, id, person, added_version, space, template, data) in rows {
            let word = labels.get(space)?;
            let own_space = match spaces.get(&space) {
                Some(known) => *known,
                None => *spaces.entry(space).or_insert(label(transaction, &word).await?),
            };
            let face = RowContext::face(seq, &id);
            sqlx::query(
                "INSERT INTO face (account_id, container, seq, face_id, person, added_version, space,
                                   sealed_template, sealed_user_data)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(transaction.account())
            .bind(to.number)
            .bind(seq)
            .bind(&id)
            .bind(person)
            .bind(added_version)
            .bind(own_space)
            .bind(templates.value(&RowContext::template(seq, &id, person, &word, None), &template)?)
            .bind(data.map(|sealed| user_data.value(&face, &sealed)).transpose()?)
            .execute(&mut *transaction.connection)
            .await?;
        }
    }
}

//! Copies a whole container in parts, sealing every record anew for where it goes.
//!
//! Start at [`advance`]. The copy is hidden until [`show`] makes it a container like any other, in the transaction of the
//! last part. Rows are copied in the order of their numbers, which only grow, so that what comes into the source meanwhile
//! is found at its end; what went out of it meanwhile is removed from the copy before it is shown. So the copy has the
//! people and faces that the source has at that moment. A name or user data that was changed meanwhile may be in it as it
//! was before.

use std::collections::HashMap;
use std::sync::Arc;

use likeness_base::Randomness;
use sqlx::QueryBuilder;

use super::super::delete;
use super::super::engine::{Engine, refuse_duplicate};
use super::super::read::{all_labels, damaged, open, open_text};
use super::containers::{add_texts, count_one, next_number, refuse_above};
use super::{PART, SUCCEEDED, WriteTransaction, label, unsigned};
use crate::command::{ContainerKind, ContainerName};
use crate::error::{LimitKind, StoreError};
use crate::id::AccountId;
use crate::keys::{AccountKeys, HourKey, Purpose, RowContext, Sealer};
use crate::types::HIDDEN;
use crate::work::HiddenCopy;

/// Rows of the first part, of which nobody knows yet how large they are.
const FIRST_PART: i64 = 128;
/// A part has so many bytes, if that is between so many rows and [`PART`].
const PART_BYTES: i64 = 4 * 1024 * 1024;
const LEAST_PART: i64 = 32;
/// A copy on which nothing was done for so long is abandoned, and is the sweep's.
const ABANDONED_AFTER_MILLIS: i64 = 120_000;
/// Rows that are compared in one transaction. Only their keys are read.
const COMPARED_AT_ONCE: i64 = 1_000;
/// After so many comparisons in parts the rest is compared at once, so that there is an end.
const MOST_COMPARISONS: u32 = 3;
/// Rows in one statement: a statement for each would cost more than the rows.
const ROWS_AT_ONCE: usize = 50;

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
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) containers: Option<u64>,
    pub(super) persons_in_account: Option<u64>,
}

/// What has come of it.
pub(super) struct Copied {
    /// What kind its source is.
    pub(super) kind: ContainerKind,
    pub(super) number: i64,
    pub(super) version: u64,
    /// The container, its people and its faces.
    pub(super) records: u64,
}

/// How a copy stands after a part.
pub(super) enum Advance {
    /// It has what the source has, and can be shown in this transaction.
    Whole,
    /// There is more to copy.
    More,
    /// It is not there any more.
    Lost,
}

/// Kind, wire id, model, version, next person, next face, persons, faces, trained version, time of the last
/// successful training.
type SourceRow = (i64, String, String, i64, i64, i64, i64, i64, Option<i64>, Option<i64>);
/// Sequence, wire id, sealed name, sealed user data.
type PersonRow = (i64, Vec<u8>, Vec<u8>, Option<Vec<u8>>);
/// Sequence, wire id, person, added version, space, sealed template, sealed user data.
type FaceRow = (i64, Vec<u8>, Option<i64>, i64, i64, Vec<u8>, Option<Vec<u8>>);

/// Makes an empty copy that nobody sees.
pub(super) async fn begin(transaction: &mut WriteTransaction<'_>, from: &Source) -> Result<HiddenCopy, StoreError> {
    let model: String = sqlx::query_scalar(
        "SELECT l.word FROM container c JOIN label l ON l.account_id = c.account_id AND l.number = c.model
         WHERE c.account_id = $1 AND c.number = $2",
    )
    .bind(from.key())
    .bind(from.number)
    .fetch_one(&mut *transaction.connection)
    .await?;
    let model = label(transaction, &model).await?;
    let number = next_number(transaction).await?;
    sqlx::query(
        "INSERT INTO container (account_id, number, kind, wire_id, model, created_at, trim_due)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(transaction.account())
    .bind(number)
    .bind(HIDDEN)
    .bind(number.to_string())
    .bind(model)
    .bind(transaction.at())
    .bind(transaction.at().saturating_add(ABANDONED_AFTER_MILLIS))
    .execute(&mut *transaction.connection)
    .await?;
    Ok(HiddenCopy { number, source: from.number, rows: FIRST_PART, comparisons: 0, compared: None })
}

/// Does a part of the work on a copy.
pub(super) async fn advance(
    transaction: &mut WriteTransaction<'_>,
    from: &Source,
    copy: &mut HiddenCopy,
) -> Result<Advance, StoreError> {
    if !grow(transaction, copy.number, 0, 0).await? {
        return Ok(Advance::Lost);
    }
    if copy.compared.is_some() {
        compare(transaction, copy, COMPARED_AT_ONCE).await?;
        return Ok(Advance::More);
    }
    let to = Destination {
        keys: transaction.own_keys(),
        number: copy.number,
        hour: transaction.hour.clone(),
        randomness: transaction.key_ring.randomness(),
    };
    let before = transaction.stored_bytes();
    let persons = persons_of(transaction, from, &to, copy.rows).await?;
    let faces = faces_of(transaction, from, &to, copy.rows - persons).await?;
    let bytes = transaction.stored_bytes() - before;
    grow(transaction, copy.number, persons, faces).await?;
    if persons + faces == copy.rows {
        copy.rows = (PART_BYTES * copy.rows / bytes.max(1)).clamp(LEAST_PART, PART);
        return Ok(Advance::More);
    }
    // All that the source has is in the copy; with the same number of rows nothing else is.
    let (has, ought) = (
        size(transaction, transaction.account(), copy.number).await?,
        size(transaction, from.key(), from.number).await?,
    );
    if has == ought {
        return Ok(Advance::Whole);
    }
    if from.hour.is_some() {
        // Nothing comes into a snapshot and nothing goes out of it: it is being removed.
        return Err(StoreError::SnapshotNotFound);
    }
    if has.0 + has.1 > COMPARED_AT_ONCE && copy.comparisons < MOST_COMPARISONS {
        copy.comparisons += 1;
        copy.compared = Some((0, 0));
        return Ok(Advance::More);
    }
    copy.compared = Some((0, 0));
    while copy.compared.is_some() {
        compare(transaction, copy, i64::MAX).await?;
    }
    let has = size(transaction, transaction.account(), copy.number).await?;
    if has == ought { Ok(Advance::Whole) } else { Err(damaged("the counts of a container")) }
}

/// Makes a copy that is whole the container `to` of the account of the command: same texts, people, faces, ids and
/// numbers, and the same version, so that what the last successful training covers stays visible and what came later
/// stays invisible.
pub(super) async fn show(
    transaction: &mut WriteTransaction<'_>,
    from: &Source,
    number: i64,
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
    let trained = trained_version.is_some();
    let model = label(transaction, &model).await?;
    sqlx::query(
        "UPDATE container
         SET kind = $3, wire_id = $4, model = $5, created_at = $6, trim_due = NULL, version = $7, trimmed_version = $7,
             next_person = $8, next_face = $9, training = $10, training_state = $11, training_created_at = $12,
             training_action_at = $12, training_success_at = $12, training_covers = $13, trained_version = $13
         WHERE account_id = $1 AND number = $2",
    )
    .bind(transaction.account())
    .bind(number)
    .bind(i64::from(to.kind.number()))
    .bind(&to.id)
    .bind(model)
    .bind(transaction.at())
    .bind(version)
    .bind(next_person)
    .bind(next_face)
    .bind(i64::from(trained))
    .bind(trained.then_some(SUCCEEDED))
    .bind(trained_at.filter(|_| trained))
    .bind(trained_version)
    .execute(&mut *transaction.connection)
    .await
    .map_err(refuse_duplicate(StoreError::ContainerExists))?;

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
    add_texts(transaction, number, to, &name, user_data.as_ref()).await?;

    count_one(transaction, to.kind, limits.containers).await?;
    let persons_in_account: i64 = sqlx::query_scalar(
        "UPDATE tally SET persons = persons + $3 WHERE account_id = $1 AND kind = $2 RETURNING persons",
    )
    .bind(transaction.account())
    .bind(i64::from(to.kind.number()))
    .bind(persons)
    .fetch_one(&mut *transaction.connection)
    .await?;
    refuse_above(LimitKind::PersonsInAccount, persons_in_account, limits.persons_in_account)?;
    Ok(Copied { kind, number, version: unsigned(version)?, records: 1 + unsigned(persons)? + unsigned(faces)? })
}

/// Refuses early what would be refused in the end: a copy that cannot be shown is work for nothing.
pub(super) async fn refuse_hopeless(
    transaction: &mut WriteTransaction<'_>,
    from: &Source,
    to: &ContainerName,
    limits: Limits,
) -> Result<(), StoreError> {
    let exists: bool =
        sqlx::query_scalar("SELECT count(*) > 0 FROM container WHERE account_id = $1 AND kind = $2 AND wire_id = $3")
            .bind(transaction.account())
            .bind(i64::from(to.kind.number()))
            .bind(&to.id)
            .fetch_one(&mut *transaction.connection)
            .await?;
    if exists {
        return Err(StoreError::ContainerExists);
    }
    let tally: Option<(i64, i64)> =
        sqlx::query_as("SELECT containers, persons FROM tally WHERE account_id = $1 AND kind = $2")
            .bind(transaction.account())
            .bind(i64::from(to.kind.number()))
            .fetch_optional(&mut *transaction.connection)
            .await?;
    let (containers, persons) = tally.unwrap_or_default();
    let (more, _) = size(transaction, from.key(), from.number).await?;
    refuse_above(LimitKind::Containers, containers + 1, limits.containers)?;
    refuse_above(LimitKind::PersonsInAccount, persons + more, limits.persons_in_account)
}

/// Counts what has come into a copy and puts off when it counts as abandoned; `false`: it is not there.
async fn grow(
    transaction: &mut WriteTransaction<'_>,
    number: i64,
    persons: i64,
    faces: i64,
) -> Result<bool, StoreError> {
    let grown = sqlx::query(
        "UPDATE container SET persons = persons + $4, faces = faces + $5, trim_due = $6
         WHERE account_id = $1 AND number = $2 AND kind = $3",
    )
    .bind(transaction.account())
    .bind(number)
    .bind(HIDDEN)
    .bind(persons)
    .bind(faces)
    .bind(transaction.at().saturating_add(ABANDONED_AFTER_MILLIS))
    .execute(&mut *transaction.connection)
    .await?;
    Ok(grown.rows_affected() == 1)
}

/// How many people and faces a container has.
async fn size(transaction: &mut WriteTransaction<'_>, account: &[u8], number: i64) -> Result<(i64, i64), StoreError> {
    Ok(sqlx::query_as("SELECT persons, faces FROM container WHERE account_id = $1 AND number = $2")
        .bind(account)
        .bind(number)
        .fetch_one(&mut *transaction.connection)
        .await?)
}

/// Removes from a copy what its source has no more, of the next so many faces, then of the next so many people.
async fn compare(transaction: &mut WriteTransaction<'_>, copy: &mut HiddenCopy, most: i64) -> Result<(), StoreError> {
    const FACES: &str = "SELECT max(seq), count(*) FROM (
        SELECT seq FROM face WHERE account_id = $1 AND container = $2 AND seq > $3 ORDER BY seq LIMIT $4) page";
    const PERSONS: &str = "SELECT max(seq), count(*) FROM (
        SELECT seq FROM person WHERE account_id = $1 AND container = $2 AND seq > $3 ORDER BY seq LIMIT $4) page";
    let (faces_after, persons_after) = copy.compared.unwrap_or_default();
    let is_about_faces = faces_after < i64::MAX;
    let (page, after) = if is_about_faces { (FACES, faces_after) } else { (PERSONS, persons_after) };
    let (last, rows): (Option<i64>, i64) = sqlx::query_as(page)
        .bind(transaction.account())
        .bind(copy.number)
        .bind(after)
        .bind(most)
        .fetch_one(&mut *transaction.connection)
        .await?;
    let up_to = last.unwrap_or(after);
    let is_full = rows == most;
    if is_about_faces {
        let faces = delete::vanished_faces(transaction, copy, after, up_to).await?;
        grow(transaction, copy.number, 0, -faces).await?;
        copy.compared = Some((if is_full { up_to } else { i64::MAX }, 0));
    } else {
        let (persons, faces) = delete::vanished_persons(transaction, copy, after, up_to).await?;
        grow(transaction, copy.number, -persons, -faces).await?;
        copy.compared = is_full.then_some((i64::MAX, up_to));
    }
    Ok(())
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

/// Copies the next people, so many at most, and gives how many there were.
async fn persons_of(
    transaction: &mut WriteTransaction<'_>,
    from: &Source,
    to: &Destination<'_>,
    most: i64,
) -> Result<i64, StoreError> {
    let after: i64 =
        sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM person WHERE account_id = $1 AND container = $2")
            .bind(transaction.account())
            .bind(to.number)
            .fetch_one(&mut *transaction.connection)
            .await?;
    let rows: Vec<PersonRow> = sqlx::query_as(
        "SELECT seq, person_id, sealed_name, sealed_user_data FROM person
         WHERE account_id = $1 AND container = $2 AND seq > $3 ORDER BY seq LIMIT $4",
    )
    .bind(from.key())
    .bind(from.number)
    .bind(after)
    .bind(most)
    .fetch_all(&mut *transaction.connection)
    .await?;
    let names = to.reseal(from, Purpose::PersonName, "the name of a person");
    let user_data = to.reseal(from, Purpose::PersonUserData, "the user data of a person");
    for rows in rows.chunks(ROWS_AT_ONCE) {
        let mut sealed = Vec::with_capacity(rows.len());
        for (seq, id, name, data) in rows {
            let context = RowContext::person(*seq, id);
            let data = data.as_deref().map(|sealed| user_data.value(&context, sealed)).transpose()?;
            let name = names.value(&context, name)?;
            transaction.stores(name.len() + data.as_ref().map_or(0, Vec::len));
            sealed.push((*seq, id.clone(), name, data));
        }
        let mut statement = QueryBuilder::<Engine>::new(
            "INSERT INTO person (account_id, container, seq, person_id, sealed_name, sealed_user_data) ",
        );
        statement.push_values(sealed, |mut row, (seq, id, name, data)| {
            row.push_bind(transaction.account().to_vec()).push_bind(to.number);
            row.push_bind(seq).push_bind(id).push_bind(name).push_bind(data);
        });
        // Kept prepared for the length that comes again.
        let comes_again = rows.len() == ROWS_AT_ONCE;
        statement.build().persistent(comes_again).execute(&mut *transaction.connection).await?;
    }
    Ok(i64::try_from(rows.len()).unwrap_or(i64::MAX))
}

/// The same for faces. Their people have all been copied before them.
async fn faces_of(
    transaction: &mut WriteTransaction<'_>,
    from: &Source,
    to: &Destination<'_>,
    most: i64,
) -> Result<i64, StoreError> {
    let after: i64 =
        sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM face WHERE account_id = $1 AND container = $2")
            .bind(transaction.account())
            .bind(to.number)
            .fetch_one(&mut *transaction.connection)
            .await?;
    let rows: Vec<FaceRow> = sqlx::query_as(
        "SELECT seq, face_id, person, added_version, space, sealed_template, sealed_user_data FROM face
         WHERE account_id = $1 AND container = $2 AND seq > $3 ORDER BY seq LIMIT $4",
    )
    .bind(from.key())
    .bind(from.number)
    .bind(after)
    .bind(most)
    .fetch_all(&mut *transaction.connection)
    .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let labels = all_labels(transaction.connection, from.account).await?;
    // Numbers of the account's own labels by those of the source's.
    let mut spaces = HashMap::new();
    let templates = to.reseal(from, Purpose::FaceTemplate, "a template");
    let user_data = to.reseal(from, Purpose::FaceUserData, "the user data of a face");
    for rows in rows.chunks(ROWS_AT_ONCE) {
        let mut sealed = Vec::with_capacity(rows.len());
        for (seq, id, person, added_version, space, template, data) in rows {
            let word = labels.get(*space)?;
            let own_space = match spaces.get(space) {
                Some(known) => *known,
                None => *spaces.entry(*space).or_insert(label(transaction, &word).await?),
            };
            let template = templates.value(&RowContext::template(*seq, id, *person, &word, None), template)?;
            let face = RowContext::face(*seq, id);
            let data = data.as_deref().map(|sealed| user_data.value(&face, sealed)).transpose()?;
            transaction.stores(template.len() + data.as_ref().map_or(0, Vec::len));
            sealed.push((*seq, id.clone(), *person, *added_version, own_space, template, data));
        }
        let mut statement = QueryBuilder::<Engine>::new(
            "INSERT INTO face (account_id, container, seq, face_id, person, added_version, space, sealed_template,
                               sealed_user_data) ",
        );
        statement.push_values(sealed, |mut row, (seq, id, person, added_version, space, template, data)| {
            row.push_bind(transaction.account().to_vec()).push_bind(to.number);
            row.push_bind(seq).push_bind(id).push_bind(person).push_bind(added_version).push_bind(space);
            row.push_bind(template).push_bind(data);
        });
        let comes_again = rows.len() == ROWS_AT_ONCE;
        statement.build().persistent(comes_again).execute(&mut *transaction.connection).await?;
    }
    Ok(i64::try_from(rows.len()).unwrap_or(i64::MAX))
}

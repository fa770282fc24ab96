//! People of a container, with the ids of their faces.

use super::super::engine::Connection;
use uuid::Uuid;

use super::super::key_ring::KeyRing;
use super::start::last_not_after;
use super::{Sealed, at_most, hour_of_copy, key, number_of, open_text, uuid};
use crate::answers::{PageStart, Person};
use crate::command::ContainerName;
use crate::error::StoreError;
use crate::id::{AccountId, PersonNumber};
use crate::keys::{AccountKeys, HourKey, Purpose, RowContext};

/// Sequence, wire id, sealed name, sealed user data.
type PersonRow = (i64, Vec<u8>, Vec<u8>, Option<Vec<u8>>);

pub(crate) async fn person(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    container: &ContainerName,
    person: Uuid,
) -> Result<Option<Person>, StoreError> {
    let number = number_of(connection, account, container).await?;
    let row: Option<PersonRow> = sqlx::query_as(
        "SELECT seq, person_id, sealed_name, sealed_user_data FROM person
         WHERE account_id = $1 AND container = $2 AND person_id = $3",
    )
    .bind(key(&account))
    .bind(number)
    .bind(person.as_bytes().as_slice())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let faces: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT face_id FROM face WHERE account_id = $1 AND container = $2 AND person = $3 ORDER BY seq",
    )
    .bind(key(&account))
    .bind(number)
    .bind(row.0)
    .fetch_all(&mut *connection)
    .await?;
    let hour = hour_of_copy(connection, key_ring, account, container, number).await?;
    let keys = key_ring.keys(connection, account).await?;
    let mut person = Reader::new(&keys, number, hour).read(&row)?;
    person.faces = faces.iter().map(|id| uuid(id)).collect::<Result<_, _>>()?;
    Ok(Some(person))
}

pub(crate) async fn persons(
    connection: &mut Connection,
    key_ring: &KeyRing,
    account: AccountId,
    container: &ContainerName,
    page: &PageStart,
) -> Result<Sealed<Vec<Person>>, StoreError> {
    let number = number_of(connection, account, container).await?;
    let after = last_not_after(&page.after);
    let rows: Vec<PersonRow> = sqlx::query_as(
        "SELECT seq, person_id, sealed_name, sealed_user_data FROM person
         WHERE account_id = $1 AND container = $2 AND person_id > $3 ORDER BY person_id LIMIT $4",
    )
    .bind(key(&account))
    .bind(number)
    .bind(&after)
    .bind(at_most(page.top))
    .fetch_all(&mut *connection)
    .await?;
    // The same page again, with a row for every face instead of the texts.
    let faces: Vec<(Vec<u8>, Vec<u8>)> = sqlx::query_as(concat!(
        "SELECT p.person_id, f.face_id
         FROM (SELECT seq, person_id FROM person
               WHERE account_id = $1 AND container = $2 AND person_id > $3 ORDER BY person_id LIMIT $4) p
         ",
        then_join!(),
        " face f ON f.account_id = $1 AND f.container = $2 AND f.person = p.seq
         ORDER BY p.person_id, f.seq"
    ))
    .bind(key(&account))
    .bind(number)
    .bind(&after)
    .bind(at_most(page.top))
    .fetch_all(&mut *connection)
    .await?;
    let hour = hour_of_copy(connection, key_ring, account, container, number).await?;
    let keys = key_ring.keys(connection, account).await?;

    Ok(Box::new(move || {
        let reader = Reader::new(&keys, number, hour);
        let mut faces = faces.into_iter().peekable();
        rows.iter()
            .map(|row| {
                let mut person = reader.read(row)?;
                while let Some((_, face)) = faces.next_if(|(owner, _)| *owner == row.1) {
                    person.faces.push(uuid(&face)?);
                }
                Ok(person)
            })
            .collect()
    }))
}

/// Opens the texts of people of one container.
struct Reader<'k> {
    names: crate::keys::Sealer<'k>,
    user_data: crate::keys::Sealer<'k>,
}

impl<'k> Reader<'k> {
    fn new(keys: &'k AccountKeys, number: i64, hour: Option<HourKey>) -> Self {
        Self {
            names: keys.sealer_until(Purpose::PersonName, number, number, hour.clone()),
            user_data: keys.sealer_until(Purpose::PersonUserData, number, number, hour),
        }
    }

    /// The person without their faces.
    fn read(&self, (seq, id, sealed_name, sealed_user_data): &PersonRow) -> Result<Person, StoreError> {
        let context = RowContext::person(*seq, id);
        let user_data = sealed_user_data.as_deref();
        Ok(Person {
            id: uuid(id)?,
            number: PersonNumber(*seq),
            name: open_text(&self.names, &context, sealed_name, "the name of a person")?,
            user_data: user_data
                .map(|sealed| open_text(&self.user_data, &context, sealed, "the user data of a person"))
                .transpose()?,
            faces: Vec::new(),
        })
    }
}

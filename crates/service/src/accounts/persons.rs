//! A person across all containers of an account: the person report, and erasure.
//!
//! A person is selected by id, by name, by user data, which is where clients keep their own ids, or by that of one of their
//! faces. Similar faces are not selected: that would be a guess.

use super::{AccountError, AccountService, Attribution};
use crate::kinds::kind_name;
use likeness_store::{
    AccountId, AuditEvent, ContainerKind, ContainerName, Face, FaceWrite, PageStart, Person, PersonWrite,
    SnapshotWrite, StoreError, Write,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Records read at once.
const PAGE: usize = 1_000;
/// Ids of one person that can be named at once.
const MOST_IDS: usize = 1_000;
/// How often an erasure searches again.
const MOST_ROUNDS: usize = 4;

/// Selects every person that matches at least one field.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PersonQuery {
    /// Ids of persons, and of faces in lists; a thousand at most.
    pub ids: BTreeSet<Uuid>,
    /// The name, to the letter.
    pub name: Option<String>,
    /// The user data of a person or of a face in a list, to the letter.
    pub user_data: Option<String>,
}

impl PersonQuery {
    fn check(&self) -> Result<(), AccountError> {
        if self.ids.is_empty() && self.name.is_none() && self.user_data.is_none() {
            return Err(AccountError::Invalid("say who is meant: ids, name or userData".to_owned()));
        }
        if self.ids.len() > MOST_IDS {
            return Err(AccountError::Invalid(format!("name at most {MOST_IDS} ids at once")));
        }
        Ok(())
    }

    fn is(&self, id: Uuid, name: Option<&str>, user_data: Option<&str>) -> bool {
        let same = |query: &Option<String>, found: Option<&str>| query.as_deref().is_some_and(|w| Some(w) == found);
        self.ids.contains(&id) || same(&self.name, name) || same(&self.user_data, user_data)
    }
}

/// What is stored about a person.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonReport {
    /// Each container in which they are.
    pub places: Vec<PersonLocation>,
    /// What is never stored, or not under a name, in a sentence for the person.
    pub note: &'static str,
}

/// A container in which a person is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonLocation {
    /// The kind of the container.
    pub kind: String,
    /// The container's id, or the snapshot's; none in the directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The person's id there, or that of the face in a list.
    pub id: Uuid,
    /// Their name there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their user data there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<String>,
    /// How many templates are kept of them there; they stay until they are deleted.
    pub templates: usize,
    /// The user data of their faces there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub face_user_data: Vec<String>,
    /// Dynamic groups they are in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

const NOTE: &str = "Pictures are never kept. Templates behind faceIds (24 hours at most) and liveness sessions (48 hours at most) are kept under random ids that name nobody, and end by themselves. A snapshot that somebody is in is erased as a whole; what another account made of it before is that account's to report.";

/// A person found, and how to delete them.
struct FoundPerson {
    place: PersonLocation,
    erase: Write,
}

impl AccountService {
    /// What the account stores about a person. The audit log records that a report was made, not about whom.
    ///
    /// # Errors
    /// When nobody is named, or what the store says.
    pub async fn person_report(
        &self,
        account: AccountId,
        attribution: &Attribution,
        query: &PersonQuery,
    ) -> Result<PersonReport, AccountError> {
        query.check()?;
        let found = self.find_person(account, query).await?;
        self.tell(account, attribution, "report_person", found.len()).await?;
        Ok(PersonReport { places: found.into_iter().map(|found| found.place).collect(), note: NOTE })
    }

    /// Deletes a person everywhere in the account and returns where they were.
    ///
    /// # Errors
    /// When nobody is named, or what the store says; then call again, it goes on where it stopped.
    pub async fn erase_person(
        &self,
        account: AccountId,
        attribution: &Attribution,
        query: &PersonQuery,
    ) -> Result<PersonReport, AccountError> {
        query.check()?;
        let mut places = Vec::new();
        // Again until nobody is found: a snapshot may be taken, or applied, meanwhile.
        for _ in 0..MOST_ROUNDS {
            let found = self.find_person(account, query).await?;
            if found.is_empty() {
                break;
            }
            for FoundPerson { place, erase } in found {
                match self.write(account, attribution, erase).await {
                    Ok(_) => places.push(place),
                    // Another call deleted it first.
                    Err(AccountError::Store(
                        StoreError::PersonNotFound | StoreError::FaceNotFound | StoreError::ContainerNotFound,
                    )) => {}
                    // With another who was in it, or it ended.
                    Err(AccountError::Store(StoreError::SnapshotNotFound)) => places.push(place),
                    Err(other) => return Err(other),
                }
            }
        }
        self.tell(account, attribution, "erase_person", places.len()).await?;
        Ok(PersonReport { places, note: NOTE })
    }

    async fn tell(
        &self,
        account: AccountId,
        attribution: &Attribution,
        action: &str,
        places: usize,
    ) -> Result<(), AccountError> {
        let event = AuditEvent::done(action, Some(json!({ "places": places })));
        Ok(self.note(account, attribution, event).await?)
    }

    async fn find_person(&self, account: AccountId, query: &PersonQuery) -> Result<Vec<FoundPerson>, AccountError> {
        let mut found = Vec::new();
        for kind in [ContainerKind::PersonGroup, ContainerKind::LargePersonGroup, ContainerKind::PersonDirectory] {
            for container in self.store.containers(account, kind, &PageStart::everything()).await? {
                self.find_in_group(account, &SearchedContainer::of(container.name_on_wire), query, &mut found).await?;
            }
        }
        for kind in [ContainerKind::FaceList, ContainerKind::LargeFaceList] {
            for container in self.store.containers(account, kind, &PageStart::everything()).await? {
                self.find_in_list(account, &SearchedContainer::of(container.name_on_wire), query, &mut found).await?;
            }
        }
        for snapshot in self.store.snapshots(account, &PageStart::everything(), self.clock.now()).await? {
            // Snapshots of other accounts are theirs to report and to erase.
            if snapshot.taken_by != account {
                continue;
            }
            let searched = SearchedContainer::of_snapshot(snapshot.id);
            let outcome = if matches!(snapshot.kind, ContainerKind::FaceList | ContainerKind::LargeFaceList) {
                self.find_in_list(account, &searched, query, &mut found).await
            } else {
                self.find_in_group(account, &searched, query, &mut found).await
            };
            match outcome {
                // It ended meanwhile.
                Err(AccountError::Store(StoreError::ContainerNotFound)) => {}
                other => other?,
            }
        }
        Ok(found)
    }

    async fn find_in_group(
        &self,
        account: AccountId,
        searched: &SearchedContainer,
        query: &PersonQuery,
        found: &mut Vec<FoundPerson>,
    ) -> Result<(), AccountError> {
        // Clients keep their own ids with faces too.
        let by_face = self.owners_of_faces(account, &searched.name, query).await?;
        let mut page = PageStart::first(PAGE);
        loop {
            let persons = self.store.persons(account, &searched.name, &page).await?;
            if !page.advance(persons.last().map(|person| person.id.to_string())) {
                return Ok(());
            }
            for person in &persons {
                let user_data = person.user_data.as_ref().map(|text| text.expose().as_str());
                let is_meant = query.is(person.id, Some(person.name.expose()), user_data);
                if is_meant || by_face.contains(&person.id) {
                    found.push(self.location_of(account, searched, person).await?);
                }
            }
        }
    }

    /// The persons with a face that matches by its id or its user data.
    async fn owners_of_faces(
        &self,
        account: AccountId,
        group: &ContainerName,
        query: &PersonQuery,
    ) -> Result<BTreeSet<Uuid>, AccountError> {
        let mut owners = BTreeSet::new();
        if query.ids.is_empty() && query.user_data.is_none() {
            return Ok(owners);
        }
        let mut page = PageStart::first(PAGE);
        loop {
            let faces = self.store.faces(account, group, &page).await?;
            if !page.advance(faces.last().map(|face| face.id.to_string())) {
                return Ok(owners);
            }
            let user_data = |face: &Face| face.user_data.as_ref().map(|text| text.expose().clone());
            let meant = faces.iter().filter(|face| query.is(face.id, None, user_data(face).as_deref()));
            owners.extend(meant.filter_map(|face| face.person));
        }
    }

    async fn location_of(
        &self,
        account: AccountId,
        searched: &SearchedContainer,
        person: &Person,
    ) -> Result<FoundPerson, AccountError> {
        let group = &searched.name;
        let groups = if group.kind == ContainerKind::PersonDirectory {
            self.store.groups_of_person(account, person.id, &PageStart::everything()).await?
        } else {
            Vec::new()
        };
        let faces = self.store.faces_of_person(account, group, person.id).await?;
        let texts = faces.iter().filter_map(|face| face.user_data.as_ref());
        let place = PersonLocation {
            kind: kind_name(group.kind),
            container: searched.shown(),
            id: person.id,
            name: Some(person.name.expose().clone()),
            user_data: person.user_data.as_ref().map(|text| text.expose().clone()),
            templates: faces.len(),
            face_user_data: texts.map(|text| text.expose().clone()).collect(),
            groups,
        };
        let erase = searched.erase(PersonWrite::Delete { container: group.clone(), person: person.id });
        Ok(FoundPerson { place, erase })
    }

    async fn find_in_list(
        &self,
        account: AccountId,
        searched: &SearchedContainer,
        query: &PersonQuery,
        found: &mut Vec<FoundPerson>,
    ) -> Result<(), AccountError> {
        let list = &searched.name;
        let mut page = PageStart::first(PAGE);
        loop {
            let faces = self.store.faces(account, list, &page).await?;
            if !page.advance(faces.last().map(|face| face.id.to_string())) {
                return Ok(());
            }
            for face in &faces {
                let user_data = face.user_data.as_ref().map(|text| text.expose().as_str());
                if !query.is(face.id, None, user_data) {
                    continue;
                }
                let place = PersonLocation {
                    kind: kind_name(list.kind),
                    container: searched.shown(),
                    id: face.id,
                    name: None,
                    user_data: user_data.map(str::to_owned),
                    templates: 1,
                    face_user_data: Vec::new(),
                    groups: Vec::new(),
                };
                let erase = FaceWrite::Delete { container: list.clone(), person: None, face: face.id };
                found.push(FoundPerson { place, erase: searched.erase(erase) });
            }
        }
    }
}

/// Where persons are searched for: a container, or the copy of one in a snapshot.
struct SearchedContainer {
    name: ContainerName,
    snapshot: Option<Uuid>,
}

impl SearchedContainer {
    const fn of(name: ContainerName) -> Self {
        Self { name, snapshot: None }
    }

    fn of_snapshot(id: Uuid) -> Self {
        Self { name: ContainerName::copy_of(id), snapshot: Some(id) }
    }

    /// Its id for the report; the directory has none.
    fn shown(&self) -> Option<String> {
        (self.name.kind != ContainerKind::PersonDirectory).then(|| self.name.id.clone())
    }

    /// The command that deletes a person in it. A snapshot is deleted as a whole.
    fn erase(&self, one: impl Into<Write>) -> Write {
        self.snapshot.map_or_else(|| one.into(), |snapshot| SnapshotWrite::Delete { snapshot }.into())
    }
}

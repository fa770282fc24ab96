//! A person across all containers of an account: what is held about them, and its erasure.
//!
//! Who is meant is said by the ids under which the account knows them, by their name, or by their user data, which is
//! where clients keep their own ids, or by that of one of their faces. What only looks like them is not meant: that would be a guess.

use super::{Custodian, Order, Problem};
use crate::kinds::kind_name;
use likeness_store::{AccountId, ContainerKind, ContainerName, Event, Face, PageStart, Person, StoreError, Write};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Records read at once.
const PAGE: usize = 1_000;
/// How often an erasure looks whether anybody is left.
const MOST_ROUNDS: usize = 4;

/// Who is meant: everybody whom one of these fits.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Wanted {
    /// Ids of persons, and of faces in lists.
    pub ids: Vec<Uuid>,
    /// The name, to the letter.
    pub name: Option<String>,
    /// The user data of a person or of a face in a list, to the letter.
    pub user_data: Option<String>,
}

impl Wanted {
    fn check(&self) -> Result<(), Problem> {
        if self.ids.is_empty() && self.name.is_none() && self.user_data.is_none() {
            return Err(Problem::Invalid("say who is meant: ids, name or userData".to_owned()));
        }
        Ok(())
    }

    fn is(&self, id: Uuid, name: Option<&str>, user_data: Option<&str>) -> bool {
        let same = |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_some_and(|w| Some(w) == found);
        self.ids.contains(&id) || same(&self.name, name) || same(&self.user_data, user_data)
    }
}

/// What is held about a person.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// Each place where they are.
    pub places: Vec<PlaceOfPerson>,
    /// What is never held, or not under anybody's name, in a sentence for the person.
    pub note: &'static str,
}

/// A place where a person is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaceOfPerson {
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
struct Found {
    place: PlaceOfPerson,
    erase: Write,
}

impl Custodian {
    /// What the account holds about a person. The trail tells that it was asked, not about whom.
    ///
    /// # Errors
    /// When nobody is named, or what the store says.
    pub async fn person_report(&self, account: AccountId, order: &Order, wanted: &Wanted) -> Result<Held, Problem> {
        wanted.check()?;
        let found = self.find_person(account, wanted).await?;
        self.tell(account, order, "report_person", found.len()).await?;
        Ok(Held { places: found.into_iter().map(|found| found.place).collect(), note: NOTE })
    }

    /// Deletes a person everywhere in the account and says from where they are gone.
    ///
    /// # Errors
    /// When nobody is named, or what the store says; then call again, it goes on where it stopped.
    pub async fn erase_person(&self, account: AccountId, order: &Order, wanted: &Wanted) -> Result<Held, Problem> {
        wanted.check()?;
        let mut places = Vec::new();
        // Again until nobody is there: a snapshot may be taken, or applied, while we look.
        for _ in 0..MOST_ROUNDS {
            let found = self.find_person(account, wanted).await?;
            if found.is_empty() {
                break;
            }
            for Found { place, erase } in found {
                match self.write(account, order, erase).await {
                    Ok(_) => places.push(place),
                    // Somebody else was faster: gone is gone.
                    Err(Problem::Store(
                        StoreError::PersonNotFound | StoreError::FaceNotFound | StoreError::ContainerNotFound,
                    )) => {}
                    // With another who was in it, or it ended.
                    Err(Problem::Store(StoreError::SnapshotNotFound)) => places.push(place),
                    Err(other) => return Err(other),
                }
            }
        }
        self.tell(account, order, "erase_person", places.len()).await?;
        Ok(Held { places, note: NOTE })
    }

    async fn tell(&self, account: AccountId, order: &Order, action: &str, places: usize) -> Result<(), Problem> {
        let event = Event::done(action, Some(json!({ "places": places })));
        Ok(self.note(account, order, event).await?)
    }

    async fn find_person(&self, account: AccountId, wanted: &Wanted) -> Result<Vec<Found>, Problem> {
        let mut found = Vec::new();
        for kind in [ContainerKind::PersonGroup, ContainerKind::LargePersonGroup, ContainerKind::PersonDirectory] {
            for container in self.store.containers(account, kind, &PageStart::everything()).await? {
                self.find_in_group(account, &Holder::of(container.name_on_wire), wanted, &mut found).await?;
            }
        }
        for kind in [ContainerKind::FaceList, ContainerKind::LargeFaceList] {
            for container in self.store.containers(account, kind, &PageStart::everything()).await? {
                self.find_in_list(account, &Holder::of(container.name_on_wire), wanted, &mut found).await?;
            }
        }
        for snapshot in self.store.snapshots(account, self.clock.now()).await? {
            // Those that others offer are theirs to report and to erase.
            if snapshot.taken_by != account {
                continue;
            }
            let holder = Holder::of_snapshot(snapshot.id);
            let outcome = if matches!(snapshot.kind, ContainerKind::FaceList | ContainerKind::LargeFaceList) {
                self.find_in_list(account, &holder, wanted, &mut found).await
            } else {
                self.find_in_group(account, &holder, wanted, &mut found).await
            };
            match outcome {
                // It ended meanwhile.
                Err(Problem::Store(StoreError::ContainerNotFound)) => {}
                other => other?,
            }
        }
        Ok(found)
    }

    async fn find_in_group(
        &self,
        account: AccountId,
        holder: &Holder,
        wanted: &Wanted,
        found: &mut Vec<Found>,
    ) -> Result<(), Problem> {
        // Clients keep their own ids with faces too.
        let by_face = self.owners_of_faces(account, &holder.name, wanted).await?;
        let mut page = PageStart::first(PAGE);
        loop {
            let persons = self.store.persons(account, &holder.name, &page).await?;
            if !page.turn(persons.last().map(|person| person.id.to_string())) {
                return Ok(());
            }
            for person in &persons {
                let user_data = person.user_data.as_ref().map(|text| text.expose().as_str());
                let is_meant = wanted.is(person.id, Some(person.name.expose()), user_data);
                if is_meant || by_face.contains(&person.id) {
                    found.push(self.place_of(account, holder, person).await?);
                }
            }
        }
    }

    /// The persons one of whose faces is meant by its id or its user data.
    async fn owners_of_faces(
        &self,
        account: AccountId,
        group: &ContainerName,
        wanted: &Wanted,
    ) -> Result<BTreeSet<Uuid>, Problem> {
        let mut owners = BTreeSet::new();
        if wanted.ids.is_empty() && wanted.user_data.is_none() {
            return Ok(owners);
        }
        let mut page = PageStart::first(PAGE);
        loop {
            let faces = self.store.faces(account, group, &page).await?;
            if !page.turn(faces.last().map(|face| face.id.to_string())) {
                return Ok(owners);
            }
            let user_data = |face: &Face| face.user_data.as_ref().map(|text| text.expose().clone());
            let meant = faces.iter().filter(|face| wanted.is(face.id, None, user_data(face).as_deref()));
            owners.extend(meant.filter_map(|face| face.person));
        }
    }

    async fn place_of(&self, account: AccountId, holder: &Holder, person: &Person) -> Result<Found, Problem> {
        let group = &holder.name;
        let groups = if group.kind == ContainerKind::PersonDirectory {
            self.store.groups_of_person(account, person.id, &PageStart::everything()).await?
        } else {
            Vec::new()
        };
        let faces = self.store.faces_of_person(account, group, person.id).await?;
        let texts = faces.iter().filter_map(|face| face.user_data.as_ref());
        let place = PlaceOfPerson {
            kind: kind_name(group.kind),
            container: holder.shown(),
            id: person.id,
            name: Some(person.name.expose().clone()),
            user_data: person.user_data.as_ref().map(|text| text.expose().clone()),
            templates: faces.len(),
            face_user_data: texts.map(|text| text.expose().clone()).collect(),
            groups,
        };
        let erase = holder.erase(Write::DeletePerson { container: group.clone(), person: person.id });
        Ok(Found { place, erase })
    }

    async fn find_in_list(
        &self,
        account: AccountId,
        holder: &Holder,
        wanted: &Wanted,
        found: &mut Vec<Found>,
    ) -> Result<(), Problem> {
        let list = &holder.name;
        let mut page = PageStart::first(PAGE);
        loop {
            let faces = self.store.faces(account, list, &page).await?;
            if !page.turn(faces.last().map(|face| face.id.to_string())) {
                return Ok(());
            }
            for face in &faces {
                let user_data = face.user_data.as_ref().map(|text| text.expose().as_str());
                if !wanted.is(face.id, None, user_data) {
                    continue;
                }
                let place = PlaceOfPerson {
                    kind: kind_name(list.kind),
                    container: holder.shown(),
                    id: face.id,
                    name: None,
                    user_data: user_data.map(str::to_owned),
                    templates: 1,
                    face_user_data: Vec::new(),
                    groups: Vec::new(),
                };
                let erase = Write::DeleteFace { container: list.clone(), person: None, face: face.id };
                found.push(Found { place, erase: holder.erase(erase) });
            }
        }
    }
}

/// Where persons are looked for: a container, or the copy of one in a snapshot.
struct Holder {
    name: ContainerName,
    snapshot: Option<Uuid>,
}

impl Holder {
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

    /// How somebody in it is deleted. A snapshot is a whole and goes as one.
    fn erase(&self, one: Write) -> Write {
        self.snapshot.map_or(one, |snapshot| Write::DeleteSnapshot { snapshot })
    }
}

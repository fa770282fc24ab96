//! Galleries in memory, for each container that was searched, built and kept only by following change rows.
//!
//! Start at [`Galleries::search`]. A container has one gallery, except for the person directory, whose faces have models
//! of their own: it has one for each. A gallery is loaded when first asked, follows the container's feed from then on,
//! and never answers from an older version than the one the caller read from the store. It knows templates and the
//! store's internal numbers; names and wire ids stay in the store, which is asked again before anybody is named.

use crate::templates;
use arc_swap::ArcSwap;
use likeness_base::Secret;
use likeness_gallery::{Calibration, Gallery, Row, Snapshot, Space};
use likeness_store::{AccountId, ChangeOp, Container, FaceKey, Feed, GalleryRow, Store, StoreError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Mutex as TurnMutex;

/// The galleries of one container by the model of their faces; faces that have none of their own are under `None`.
type Shelf = HashMap<Option<Arc<str>>, Arc<Gallery>>;

/// Rows fetched at once while loading or following: some megabytes of templates.
const PAGE: usize = 4096;

/// Above this many templates a search leaves the async threads, because it would hold one for over 0.1 ms.
const SMALL: usize = 10_000;

/// The open galleries.
pub(crate) struct Galleries {
    store: Arc<dyn Store>,
    space: Space,
    space_id: String,
    calibration: Arc<Calibration>,
    open: Mutex<HashMap<(AccountId, i64), Arc<Followed>>>,
}

/// The galleries of one container and how far they have followed.
struct Followed {
    /// Replaced as a whole by a load, so that nobody searches half of one.
    shelf: ArcSwap<Shelf>,
    /// The version up to which changes are applied; `None` until loaded. Whoever holds the lock may move it.
    through: TurnMutex<Option<u64>>,
}

impl Galleries {
    /// No gallery is open yet. `space_id` names the templates that may be compared with each other.
    pub(crate) fn new(store: Arc<dyn Store>, space: Space, space_id: String, calibration: Arc<Calibration>) -> Self {
        Self { store, space, space_id, calibration, open: Mutex::new(HashMap::new()) }
    }

    /// The space of the templates.
    pub(crate) const fn space(&self) -> &Space {
        &self.space
    }

    /// Runs a question against a container as it stands at `container.version` or later.
    ///
    /// # Errors
    /// What the store says while the gallery catches up.
    pub(crate) async fn search<R: Send + 'static>(
        &self,
        account: AccountId,
        container: &Container,
        question: impl FnOnce(&Snapshot, &Space, &Calibration) -> R + Send + 'static,
    ) -> Result<R, StoreError> {
        self.search_model(account, container, None, question).await
    }

    /// The same against the faces of one model in a container whose faces have models of their own.
    ///
    /// # Errors
    /// What the store says while the gallery catches up.
    pub(crate) async fn search_model<R: Send + 'static>(
        &self,
        account: AccountId,
        container: &Container,
        model: Option<&str>,
        question: impl FnOnce(&Snapshot, &Space, &Calibration) -> R + Send + 'static,
    ) -> Result<R, StoreError> {
        let followed = self.entry(account, container.number);
        if let Err(error) = self.catch_up(account, container.number, &followed, container.version).await {
            // Deleted meanwhile, or unreadable: nothing of it stays in memory.
            if !matches!(error, StoreError::Busy | StoreError::Unreachable) {
                self.lock().remove(&(account, container.number));
            }
            return Err(error);
        }
        let gallery = followed.shelf.load().get(&model.map(Arc::from)).cloned();
        let snapshot = gallery.unwrap_or_else(|| Arc::new(Gallery::new(self.space.clone()))).snapshot();
        let begun = std::time::Instant::now();
        let answer = if snapshot.len() <= SMALL {
            question(&snapshot, &self.space, &self.calibration)
        } else {
            let (space, calibration) = (self.space.clone(), self.calibration.clone());
            tokio::task::spawn_blocking(move || question(&snapshot, &space, &calibration))
                .await
                .map_err(|error| StoreError::Backend(Box::new(error)))?
        };
        metrics::histogram!("likeness_search_seconds").record(begun.elapsed().as_secs_f64());
        Ok(answer)
    }

    /// Brings an open gallery up to date after a write. A container that is gone closes its gallery.
    pub(crate) async fn follow(&self, account: AccountId, number: i64) {
        let known = self.lock().get(&(account, number)).cloned();
        let Some(followed) = known else { return };
        let outcome = match self.store.version_of(account, number).await {
            Ok(Some(version)) => self.catch_up(account, number, &followed, version).await,
            Ok(None) => Err(StoreError::ContainerNotFound),
            Err(error) => Err(error),
        };
        self.close_unless(account, number, outcome);
    }

    /// Brings all open galleries up to date with what other nodes wrote.
    pub(crate) async fn follow_all(&self) {
        let mut open: HashMap<AccountId, Vec<(i64, Arc<Followed>)>> = HashMap::new();
        for ((account, number), followed) in self.lock().iter() {
            open.entry(*account).or_default().push((*number, followed.clone()));
        }
        for (account, galleries) in open {
            let numbers: Vec<i64> = galleries.iter().map(|(number, _)| *number).collect();
            let versions = match self.store.versions_of(account, &numbers).await {
                Ok(versions) => versions,
                Err(error) => {
                    // A search asks the store first and is refused too: nothing is answered from what is old.
                    metrics::counter!("likeness_follow_failures_total").increment(1);
                    tracing::debug!(%error, "Galleries cannot follow the store; trying again");
                    return;
                }
            };
            for ((number, followed), version) in galleries.into_iter().zip(versions) {
                let outcome = match version {
                    Some(version) => self.catch_up(account, number, &followed, version).await,
                    None => Err(StoreError::ContainerNotFound),
                };
                self.close_unless(account, number, outcome);
            }
        }
    }

    /// Closes a gallery that could not follow. What the store could not say for the moment is asked again later.
    fn close_unless(&self, account: AccountId, number: i64, outcome: Result<(), StoreError>) {
        let Err(error) = outcome else { return };
        if matches!(error, StoreError::Busy | StoreError::Unreachable) {
            return;
        }
        self.lock().remove(&(account, number));
        if !matches!(error, StoreError::ContainerNotFound) {
            tracing::warn!(%account, container = number, %error, "Closed the gallery of container {number}: it could not follow the store");
        }
    }

    /// How many galleries are open and how many templates they hold.
    pub(crate) fn size(&self) -> (usize, usize) {
        let open = self.lock();
        let templates =
            |followed: &Arc<Followed>| followed.shelf.load().values().map(|gallery| gallery.len()).sum::<usize>();
        (open.len(), open.values().map(templates).sum())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(AccountId, i64), Arc<Followed>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, account: AccountId, number: i64) -> Arc<Followed> {
        let new = || Arc::new(Followed { shelf: ArcSwap::default(), through: TurnMutex::new(None) });
        self.lock().entry((account, number)).or_insert_with(new).clone()
    }

    async fn catch_up(
        &self,
        account: AccountId,
        number: i64,
        followed: &Followed,
        version: u64,
    ) -> Result<(), StoreError> {
        let mut through = followed.through.lock().await;
        if through.is_none() {
            *through = Some(self.load(account, number, followed).await?);
        }
        while let Some(at) = *through {
            if at >= version {
                break;
            }
            match self.store.changes_since(account, number, at, PAGE).await? {
                Feed::Reload => {
                    // Rows may have been deleted that we never heard of: forget everything and begin again.
                    *through = Some(self.load(account, number, followed).await?);
                }
                Feed::Changes { through: now, .. } if now == at => break,
                Feed::Changes { rows, through: now } => {
                    let added: Vec<FaceKey> =
                        rows.iter().filter(|row| row.op == ChangeOp::Added).map(|row| row.face).collect();
                    let mut shelf = Shelf::clone(&followed.shelf.load());
                    let known = shelf.len();
                    for row in self.store.rows(account, number, &added).await? {
                        self.add(&mut shelf, &row);
                    }
                    for row in rows.iter().filter(|row| row.op == ChangeOp::Removed) {
                        for gallery in shelf.values() {
                            gallery.remove(row.face.0);
                        }
                    }
                    if shelf.len() > known {
                        followed.shelf.store(Arc::new(shelf));
                    }
                    *through = Some(now);
                }
            }
        }
        followed.shelf.load().values().for_each(|gallery| gallery.compact_if_worthwhile());
        Ok(())
    }

    /// Loads all rows and returns a version from which following the feed makes the gallery complete.
    async fn load(&self, account: AccountId, number: i64, followed: &Followed) -> Result<u64, StoreError> {
        let mut shelf = Shelf::new();
        let version = self.store.version_of(account, number).await?.ok_or(StoreError::ContainerNotFound)?;
        let mut after = FaceKey(0);
        loop {
            let rows = self.store.rows_after(account, number, after, PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = last.face;
            for row in &rows {
                self.add(&mut shelf, row);
            }
        }
        followed.shelf.store(Arc::new(shelf));
        Ok(version)
    }

    /// Templates of another pack are kept in the store but cannot be compared; they stay out.
    fn add(&self, shelf: &mut Shelf, row: &GalleryRow) {
        if *row.space != *self.space_id {
            metrics::counter!("likeness_foreign_templates_total").increment(1);
            return;
        }
        let template: Option<Secret<Vec<f32>>> = templates::decode(row.template.expose(), self.space.dimension);
        let Some(template) = template else {
            tracing::error!("A stored template does not have the shape of its model pack; it is left out");
            return;
        };
        let gallery = shelf.entry(row.model.clone()).or_insert_with(|| Arc::new(Gallery::new(self.space.clone())));
        let row = Row {
            face: row.face.0,
            person: row.person.0,
            added_version: row.added_version,
            template: template.expose(),
        };
        if let Err(error) = gallery.add(row) {
            tracing::error!(%error, "A stored template cannot be used; it is left out");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects::SystemRandomness;
    use crate::ledger::Ledger;
    use likeness_base::Timestamp;
    use likeness_gallery::{CalibrationParts, Logistic, Visible};
    use likeness_store::keys::InstallationKey;
    use likeness_store::{Actor, Command, ContainerKind, ContainerName, NewFace, SqliteStore, Write};
    use uuid::Uuid;

    const ACCOUNT: AccountId = AccountId(Uuid::from_u128(1));

    struct Fixture {
        store: Arc<dyn Store>,
        galleries: Arc<Galleries>,
        ledger: Ledger,
        _folder: tempfile::TempDir,
    }

    fn name() -> ContainerName {
        ContainerName { kind: ContainerKind::FaceList, id: "list".to_owned() }
    }

    impl Fixture {
        async fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let key = Arc::new(InstallationKey::generate(&SystemRandomness));
            let store = SqliteStore::open(
                &folder.path().join("db"),
                key,
                &folder.path().join("keys"),
                Arc::new(SystemRandomness),
            )
            .await;
            let store: Arc<dyn Store> = Arc::new(store.expect("a new database opens"));
            let calibration = Calibration::new(CalibrationParts {
                space: "here".to_owned(),
                verify: Logistic { half_at_distance: 0.4, slope: 15.0 },
                face_check: vec![[0.2, 1.0], [0.6, 0.0]],
                note: String::new(),
                impostor_pairs: 0,
                people: 0,
            });
            let space = Space::new(2, &[]).expect("a space");
            let calibration = Arc::new(calibration.expect("a calibration"));
            let galleries = Arc::new(Galleries::new(store.clone(), space, "here".to_owned(), calibration));
            let ledger = Ledger::new(store.clone(), galleries.clone());
            let fixture = Self { store, galleries, ledger, _folder: folder };
            fixture.write(Write::CreateAccount(likeness_store::NewAccount::default())).await;
            fixture.create().await;
            fixture
        }

        async fn write(&self, write: Write) {
            let at = Timestamp::from_millis(1);
            let command = Command {
                account: ACCOUNT,
                actor: Actor::System,
                at,
                request_id: Uuid::nil(),
                key: Uuid::from_bytes(likeness_base::random_bytes(&SystemRandomness)),
                write,
            };
            self.ledger.apply(command).await.expect("the write is accepted");
        }

        async fn create(&self) {
            let (container, model) = (name(), "m".to_owned());
            let name = Secret::new("n".to_owned());
            self.write(Write::CreateContainer { container, name, user_data: None, model, limit: None }).await;
        }

        async fn add(&self, id: u128, space: &str) {
            let template = templates::encode(&[1.0, 0.0]);
            let face = NewFace { id: Uuid::from_u128(id), template, space: space.to_owned(), user_data: None };
            self.write(Write::AddFace { container: name(), person: None, face, limit: None }).await;
        }

        async fn delete(&self, id: u128) {
            self.write(Write::DeleteFace { container: name(), person: None, face: Uuid::from_u128(id) }).await;
        }

        /// How many faces a search finds.
        async fn found(&self) -> usize {
            let container =
                self.store.container(ACCOUNT, &name()).await.expect("the store answers").expect("it exists");
            let question = |snapshot: &Snapshot, space: &Space, _: &Calibration| {
                snapshot.nearest(&space.probe(&[1.0, 0.0]), 100, Visible::All).len()
            };
            self.galleries.search(ACCOUNT, &container, question).await.expect("the gallery answers")
        }
    }

    #[tokio::test]
    async fn a_search_sees_every_write_before_it() {
        let house = Fixture::new().await;
        assert_eq!(house.found().await, 0);
        house.add(1, "here").await;
        house.add(2, "here").await;
        assert_eq!(house.found().await, 2);
        house.delete(1).await;
        assert_eq!(house.galleries.size(), (1, 1), "an open gallery follows before the write returns");
        assert_eq!(house.found().await, 1);
    }

    #[tokio::test]
    async fn what_other_nodes_write_is_followed_without_a_search() {
        let house = Fixture::new().await;
        house.add(1, "here").await;
        assert_eq!(house.found().await, 1);
        // Another node has galleries and a ledger of its own; here only the store knows of its writes.
        let apply = async |write| {
            let (at, key) = (Timestamp::from_millis(1), crate::effects::random_id(&SystemRandomness));
            let command = Command { account: ACCOUNT, actor: Actor::System, at, request_id: Uuid::nil(), key, write };
            house.store.apply(command).await.expect("the write is accepted");
        };
        apply(Write::DeleteFace { container: name(), person: None, face: Uuid::from_u128(1) }).await;
        assert_eq!(house.galleries.size(), (1, 1));
        house.galleries.follow_all().await;
        assert_eq!(house.galleries.size(), (1, 0));
        apply(Write::DeleteContainer { container: name() }).await;
        house.galleries.follow_all().await;
        assert_eq!(house.galleries.size(), (0, 0));
    }

    #[tokio::test]
    async fn what_a_load_that_was_cut_off_left_behind_is_no_ghost() {
        let house = Fixture::new().await;
        house.add(1, "here").await;
        let number = house.store.container(ACCOUNT, &name()).await.expect("an answer").expect("a container").number;
        let half_loaded = house.galleries.entry(ACCOUNT, number);
        let ghost = Row { face: 99, person: 0, added_version: 1, template: &[1.0, 0.0] };
        let gallery = Arc::new(Gallery::new(house.galleries.space().clone()));
        gallery.add(ghost).expect("a template");
        half_loaded.shelf.store(Arc::new(Shelf::from([(None, gallery)])));
        assert_eq!(house.found().await, 1);
    }

    #[tokio::test]
    async fn a_deleted_container_closes_its_gallery_and_a_new_one_is_empty() {
        let house = Fixture::new().await;
        house.add(1, "here").await;
        assert_eq!(house.found().await, 1);
        house.write(Write::DeleteContainer { container: name() }).await;
        assert_eq!(house.galleries.size(), (0, 0));
        house.create().await;
        assert_eq!(house.found().await, 0);
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_leaves_no_gallery_behind() {
        let house = Fixture::new().await;
        house.add(1, "here").await;
        assert_eq!(house.found().await, 1);
        let write = house.write(Write::DeleteContainer { container: name() });
        assert!(tokio::time::timeout(std::time::Duration::ZERO, write).await.is_err(), "dropped under way");
        for _ in 0..200 {
            if house.galleries.size() == (0, 0) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the templates of a deleted container stay in memory");
    }

    #[tokio::test]
    async fn faces_of_the_directory_are_found_under_their_model_alone() {
        let house = Fixture::new().await;
        let (container, name) = (ContainerName::directory(), Secret::new("p".to_owned()));
        let person = Uuid::from_u128(9);
        let (limit, account_limit, user_data) = (None, None, None);
        house.write(Write::CreatePerson { container, person, name, user_data, limit, account_limit }).await;
        let add = |id, model: &str| {
            let template = templates::encode(&[1.0, 0.0]);
            let face = NewFace { id: Uuid::from_u128(id), template, space: "here".to_owned(), user_data: None };
            Write::AddDirectoryFace { person, model: model.to_owned(), face, limit: None }
        };
        let found = async |model| {
            let directory = house.store.container(ACCOUNT, &ContainerName::directory()).await;
            let directory = directory.expect("an answer").expect("a directory");
            let question = |snapshot: &Snapshot, _: &Space, _: &Calibration| snapshot.len();
            house.galleries.search_model(ACCOUNT, &directory, model, question).await.expect("the gallery answers")
        };
        house.write(add(1, "a")).await;
        assert_eq!((found(Some("a")).await, found(Some("b")).await, found(None).await), (1, 0, 0), "loaded");
        house.write(add(2, "b")).await;
        house.write(add(3, "b")).await;
        assert_eq!((found(Some("a")).await, found(Some("b")).await), (1, 2), "followed");
        let face = Uuid::from_u128(2);
        house.write(Write::DeleteFace { container: ContainerName::directory(), person: Some(person), face }).await;
        assert_eq!((found(Some("a")).await, found(Some("b")).await), (1, 1));
        house.write(Write::DeletePerson { container: ContainerName::directory(), person }).await;
        assert_eq!((found(Some("a")).await, found(Some("b")).await), (0, 0));
    }

    #[tokio::test]
    async fn templates_of_another_space_are_left_out() {
        let house = Fixture::new().await;
        house.add(1, "elsewhere").await;
        house.add(2, "here").await;
        assert_eq!(house.found().await, 1);
    }
}

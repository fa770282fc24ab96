//! Galleries in memory, for each container that was searched, built and kept only by following change rows.
//!
//! Start at [`Galleries::search`]. A container has one gallery for each recogniser that made its templates, which is one
//! unless nodes with different ones added to it, and in the person directory, whose faces have models of their own, for
//! each model. A gallery is loaded when first asked, follows the container's feed from then on, and never answers from an
//! older version than the one the caller read from the store. It knows templates and the store's internal numbers; names
//! and wire ids stay in the store, which is asked again before anybody is named.

mod reading;

use self::reading::{PAGE, read_all};
use crate::clock::instant;
use crate::recognisers::{Recogniser, Recognisers, pack_of};
use crate::templates;
use arc_swap::ArcSwap;
use likeness_base::Secret;
use likeness_gallery::{Gallery, GalleryView, Row};
use likeness_store::keys::KeyProblem;
use likeness_store::{AccountId, ChangeOp, Container, FaceNumber, Feed, GalleryRow, Store, StoreError};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Mutex as TurnMutex;

/// The model of a face, where faces have models of their own.
type Model = Option<Arc<str>>;

/// What is known of one container's faces.
#[derive(Clone, Default)]
struct Shelf {
    /// By model and by the number of the recogniser.
    galleries: HashMap<(Model, usize), Arc<Gallery>>,
    /// Faces whose recogniser is not installed, with their model and space.
    foreign: HashMap<i64, (Model, Arc<str>)>,
}

/// Why a search gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The store failed, or the container is gone.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Templates of the container were made with a recogniser that is not installed. To answer without them could miss
    /// the very person who is searched for.
    #[error("templates were made with the model pack {pack}, which is not installed")]
    MissingPack {
        /// Its pack.
        pack: String,
    },
}

/// Above this many templates a search leaves the async threads, because it would hold one for over 0.1 ms.
const SMALL: usize = 10_000;

/// How long a gallery of at most [`SMALL`] templates stays open without a search; it is loaded again in some milliseconds.
const SMALL_STAYS: Duration = Duration::from_secs(600);
/// How long a larger one does.
const LARGE_STAYS: Duration = Duration::from_secs(6 * 3_600);

/// The open galleries.
pub struct Galleries {
    store: Arc<dyn Store>,
    recognisers: Arc<Recognisers>,
    open: Mutex<HashMap<(AccountId, i64), Arc<Followed>>>,
}

/// The galleries of one container and how far they have followed.
struct Followed {
    /// Replaced as a whole by a load, so that nobody searches half of one.
    shelf: ArcSwap<Shelf>,
    /// The version up to which changes are applied; `None` until loaded. Whoever holds the lock may move it.
    through: TurnMutex<Option<u64>>,
    /// When it was searched last.
    searched: Mutex<Instant>,
}

impl Followed {
    /// Whether nobody has searched it for so long that it is not worth its memory and the questions it asks of the store.
    fn is_forgotten(&self) -> bool {
        let shelf = self.shelf.load();
        let size: usize = shelf.galleries.values().map(|gallery| gallery.len()).sum();
        let patience = if size <= SMALL { SMALL_STAYS } else { LARGE_STAYS };
        let searched = *self.searched.lock().unwrap_or_else(PoisonError::into_inner);
        instant().duration_since(searched) >= patience
    }
}

impl Galleries {
    /// No gallery is open yet.
    pub fn new(store: Arc<dyn Store>, recognisers: Arc<Recognisers>) -> Self {
        Self { store, recognisers, open: Mutex::new(HashMap::new()) }
    }

    /// Asks a question of each gallery of a container as it stands at `container.version` or later. A container without
    /// faces has none.
    ///
    /// # Errors
    /// What the store says while the galleries catch up; a recogniser that is not installed.
    pub async fn search<R: Send + 'static>(
        &self,
        account: AccountId,
        container: &Container,
        question: impl FnMut(&Recogniser, &GalleryView) -> R + Send + 'static,
    ) -> Result<Vec<R>, SearchError> {
        self.search_model(account, container, None, question).await
    }

    /// The same of the faces of one model in a container whose faces have models of their own.
    ///
    /// # Errors
    /// As [`Galleries::search`].
    pub async fn search_model<R: Send + 'static>(
        &self,
        account: AccountId,
        container: &Container,
        model: Option<&str>,
        mut question: impl FnMut(&Recogniser, &GalleryView) -> R + Send + 'static,
    ) -> Result<Vec<R>, SearchError> {
        let followed = self.entry(account, container.number);
        *followed.searched.lock().unwrap_or_else(PoisonError::into_inner) = instant();
        if let Err(error) = self.catch_up(account, container.number, &followed, container.version).await {
            // Deleted meanwhile, or unreadable: nothing of it stays in memory.
            if !matches!(error, StoreError::Busy | StoreError::Unreachable) {
                self.lock().remove(&(account, container.number));
            }
            return Err(error.into());
        }
        let shelf = followed.shelf.load();
        if let Some((_, space)) = shelf.foreign.values().find(|(own, _)| own.as_deref() == model) {
            return Err(SearchError::MissingPack { pack: pack_of(space).to_owned() });
        }
        let mut views: Vec<(Arc<Recogniser>, Arc<GalleryView>)> = shelf
            .galleries
            .iter()
            .filter(|((own, _), gallery)| own.as_deref() == model && !gallery.is_empty())
            .map(|((_, number), gallery)| (self.recognisers.numbered(*number).clone(), gallery.view()))
            .collect();
        drop(shelf);
        views.sort_by_key(|(recogniser, _)| recogniser.number);
        let begun = std::time::Instant::now();
        let size: usize = views.iter().map(|(_, view)| view.len()).sum();
        let mut ask = move || views.iter().map(|(recogniser, view)| question(recogniser, view)).collect();
        let answers = if size <= SMALL {
            ask()
        } else {
            tokio::task::spawn_blocking(ask).await.map_err(|error| StoreError::Backend(Box::new(error)))?
        };
        metrics::histogram!("likeness_search_seconds").record(begun.elapsed().as_secs_f64());
        Ok(answers)
    }

    /// Brings an open gallery up to date after a write. A container that is gone closes its gallery.
    pub async fn follow(&self, account: AccountId, number: i64) {
        let known = self.lock().get(&(account, number)).cloned();
        let Some(followed) = known else { return };
        let outcome = match self.store.version_of(account, number).await {
            Ok(Some(version)) => self.catch_up(account, number, &followed, version).await,
            Ok(None) => Err(StoreError::ContainerNotFound),
            Err(error) => Err(error),
        };
        self.close_unless(account, number, outcome);
    }

    /// Brings all open galleries up to date with what other nodes wrote, and closes those that nobody searches any more.
    pub async fn follow_all(&self) {
        self.lock().retain(|_, followed| !followed.is_forgotten());
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

    /// Closes the galleries of accounts whose keys cannot be used any more: what was unsealed with them goes.
    pub async fn close_locked(&self) {
        let accounts: HashSet<AccountId> = self.lock().keys().map(|(account, _)| *account).collect();
        for account in accounts {
            match self.store.unlock(account, false).await {
                Err(StoreError::KeyUnavailable(KeyProblem::Asking)) => {}
                Err(StoreError::KeyUnavailable(_) | StoreError::AccountNotFound) => {
                    self.lock().retain(|(of, _), _| *of != account);
                }
                _ => {}
            }
        }
    }

    /// How many galleries are open and how many templates they hold.
    pub fn size(&self) -> (usize, usize) {
        let open = self.lock();
        let templates = |followed: &Arc<Followed>| {
            followed.shelf.load().galleries.values().map(|gallery| gallery.len()).sum::<usize>()
        };
        (open.len(), open.values().map(templates).sum())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(AccountId, i64), Arc<Followed>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, account: AccountId, number: i64) -> Arc<Followed> {
        let new = || {
            let searched = Mutex::new(instant());
            Arc::new(Followed { shelf: ArcSwap::default(), through: TurnMutex::new(None), searched })
        };
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
                    let added: Vec<FaceNumber> =
                        rows.iter().filter(|row| row.op == ChangeOp::Added).map(|row| row.face).collect();
                    let mut shelf = Shelf::clone(&followed.shelf.load());
                    let known = (shelf.galleries.len(), shelf.foreign.len());
                    self.add(&mut shelf, &self.store.rows(account, number, &added).await?);
                    for row in rows.iter().filter(|row| row.op == ChangeOp::Removed) {
                        shelf.foreign.remove(&row.face.0);
                        for gallery in shelf.galleries.values() {
                            gallery.remove(row.face.0);
                        }
                    }
                    if (shelf.galleries.len(), shelf.foreign.len()) != known {
                        followed.shelf.store(Arc::new(shelf));
                    }
                    *through = Some(now);
                }
            }
        }
        followed.shelf.load().galleries.values().for_each(|gallery| gallery.compact_if_worthwhile());
        Ok(())
    }

    /// Loads all rows and returns a version from which following the feed makes the gallery complete.
    async fn load(&self, account: AccountId, number: i64, followed: &Followed) -> Result<u64, StoreError> {
        let mut shelf = Shelf::default();
        let version = self.store.version_of(account, number).await?.ok_or(StoreError::ContainerNotFound)?;
        let mut pages = read_all(&self.store, account, number).await?;
        while let Some(page) = pages.recv().await {
            self.add(&mut shelf, &page?);
        }
        followed.shelf.store(Arc::new(shelf));
        Ok(version)
    }

    fn add(&self, shelf: &mut Shelf, rows: &[GalleryRow]) {
        type Decoded<'a> = (&'a GalleryRow, Secret<Vec<f32>>);
        let mut arrived: HashMap<(Model, usize), Vec<Decoded<'_>>> = HashMap::new();
        for row in rows {
            let Some(recogniser) = self.recognisers.by_space(&row.space) else {
                metrics::counter!("likeness_foreign_templates_total").increment(1);
                shelf.foreign.insert(row.face.0, (row.model.clone(), row.space.clone()));
                continue;
            };
            let Some(template) = templates::decode(row.template.expose(), recogniser.space.dimension) else {
                tracing::error!("A stored template does not have the shape of its model pack; it is left out");
                continue;
            };
            arrived.entry((row.model.clone(), recogniser.number)).or_default().push((row, template));
        }
        for (key, arrived) in arrived {
            let new = || Arc::new(Gallery::new(self.recognisers.numbered(key.1).space.clone()));
            let gallery = shelf.galleries.entry(key.clone()).or_insert_with(new);
            let rows: Vec<Row<'_>> = arrived.iter().map(|(row, template)| row_of(row, template.expose())).collect();
            if gallery.add_all(&rows).is_ok() {
                continue;
            }
            for row in rows {
                if let Err(error) = gallery.add(row) {
                    tracing::error!(%error, "A stored template cannot be used; it is left out");
                }
            }
        }
    }
}

fn row_of<'a>(row: &GalleryRow, template: &'a [f32]) -> Row<'a> {
    Row { face: row.face.0, person: row.person.0, added_version: row.added_version, template }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;
    use crate::randomness::SystemRandomness;
    use likeness_base::Timestamp;
    use likeness_gallery::{Basis, Calibration, CalibrationParts, Logistic, Rate, Space, Visible};
    use likeness_store::keys::InstallationKey;
    use likeness_store::{
        AccountWrite, Actor, Command, ContainerKind, ContainerName, ContainerWrite, DirectoryWrite, FaceWrite, NewFace,
        PersonWrite, SqliteStore, Write,
    };
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
                rates: [(1e-10, 0.2), (0.1, 0.6)]
                    .map(|(false_match_rate, distance)| Rate { false_match_rate, distance, basis: Basis::Measured })
                    .to_vec(),
                two_pass_rates: Vec::new(),
                note: String::new(),
                impostor_pairs: 0,
                people: 0,
            });
            let space = Space::new(2, &[]).expect("a space");
            let recognisers = Recognisers::with_only("here", space, calibration.expect("a calibration"));
            let galleries = Arc::new(Galleries::new(store.clone(), Arc::new(recognisers)));
            let ledger = Ledger::new(store.clone(), galleries.clone());
            let fixture = Self { store, galleries, ledger, _folder: folder };
            fixture.write(AccountWrite::Create(likeness_store::NewAccount::default())).await;
            fixture.create().await;
            fixture
        }

        async fn write(&self, write: impl Into<Write>) {
            let at = Timestamp::from_millis(1);
            let command = Command {
                account: ACCOUNT,
                actor: Actor::System,
                at,
                request_id: Uuid::nil(),
                idempotency_key: Uuid::from_bytes(likeness_base::random_bytes(&SystemRandomness)),
                most_stored_bytes: None,
                write: write.into(),
            };
            self.ledger.apply(command).await.expect("the write is accepted");
        }

        async fn create(&self) {
            let (container, model) = (name(), "m".to_owned());
            let name = Secret::new("n".to_owned());
            self.write(ContainerWrite::Create { container, name, user_data: None, model, limit: None }).await;
        }

        async fn add(&self, id: u128, space: &str) {
            let template = templates::encode(&[1.0, 0.0]);
            let face = NewFace { id: Uuid::from_u128(id), template, space: space.to_owned(), user_data: None };
            self.write(FaceWrite::Add { container: name(), person: None, face, limit: None }).await;
        }

        async fn delete(&self, id: u128) {
            self.write(FaceWrite::Delete { container: name(), person: None, face: Uuid::from_u128(id) }).await;
        }

        /// How many faces a search finds.
        async fn found(&self) -> usize {
            let container =
                self.store.container(ACCOUNT, &name()).await.expect("the store answers").expect("it exists");
            let question = |recogniser: &Recogniser, view: &GalleryView| {
                view.nearest(&recogniser.space.probe(&[1.0, 0.0]), 100, Visible::All).len()
            };
            self.galleries.search(ACCOUNT, &container, question).await.expect("the gallery answers").iter().sum()
        }
    }

    #[tokio::test]
    async fn a_search_sees_every_write_before_it() {
        let fixture = Fixture::new().await;
        assert_eq!(fixture.found().await, 0);
        fixture.add(1, "here").await;
        fixture.add(2, "here").await;
        assert_eq!(fixture.found().await, 2);
        fixture.delete(1).await;
        assert_eq!(fixture.galleries.size(), (1, 1), "an open gallery follows before the write returns");
        assert_eq!(fixture.found().await, 1);
    }

    #[tokio::test]
    async fn what_other_nodes_write_is_followed_without_a_search() {
        let fixture = Fixture::new().await;
        fixture.add(1, "here").await;
        assert_eq!(fixture.found().await, 1);
        // Another node has galleries and a ledger of its own; here only the store knows of its writes.
        let apply = async |write: Write| {
            let (at, idempotency_key) = (Timestamp::from_millis(1), crate::randomness::random_id(&SystemRandomness));
            let command = Command {
                account: ACCOUNT,
                actor: Actor::System,
                at,
                request_id: Uuid::nil(),
                idempotency_key,
                most_stored_bytes: None,
                write,
            };
            fixture.store.apply(command).await.expect("the write is accepted");
        };
        apply(FaceWrite::Delete { container: name(), person: None, face: Uuid::from_u128(1) }.into()).await;
        assert_eq!(fixture.galleries.size(), (1, 1));
        fixture.galleries.follow_all().await;
        assert_eq!(fixture.galleries.size(), (1, 0));
        apply(ContainerWrite::Delete { container: name() }.into()).await;
        fixture.galleries.follow_all().await;
        assert_eq!(fixture.galleries.size(), (0, 0));
    }

    #[tokio::test]
    async fn what_a_load_that_was_cut_off_left_behind_is_no_ghost() {
        let fixture = Fixture::new().await;
        fixture.add(1, "here").await;
        let number = fixture.store.container(ACCOUNT, &name()).await.expect("an answer").expect("a container").number;
        let half_loaded = fixture.galleries.entry(ACCOUNT, number);
        let ghost = Row { face: 99, person: 0, added_version: 1, template: &[1.0, 0.0] };
        let gallery = Arc::new(Gallery::new(fixture.galleries.recognisers.default_recogniser().space.clone()));
        gallery.add(ghost).expect("a template");
        let galleries = HashMap::from([((None, 0), gallery)]);
        half_loaded.shelf.store(Arc::new(Shelf { galleries, foreign: HashMap::new() }));
        assert_eq!(fixture.found().await, 1);
    }

    #[tokio::test]
    async fn a_deleted_container_closes_its_gallery_and_a_new_one_is_empty() {
        let fixture = Fixture::new().await;
        fixture.add(1, "here").await;
        assert_eq!(fixture.found().await, 1);
        fixture.write(ContainerWrite::Delete { container: name() }).await;
        assert_eq!(fixture.galleries.size(), (0, 0));
        fixture.create().await;
        assert_eq!(fixture.found().await, 0);
    }

    #[tokio::test]
    async fn a_gallery_that_nobody_searches_closes_and_opens_again() {
        let fixture = Fixture::new().await;
        fixture.add(1, "here").await;
        assert_eq!(fixture.found().await, 1);
        fixture.galleries.follow_all().await;
        assert_eq!(fixture.galleries.size(), (1, 1));
        for followed in fixture.galleries.lock().values() {
            *followed.searched.lock().expect("no panic") -= SMALL_STAYS;
        }
        fixture.galleries.follow_all().await;
        assert_eq!(fixture.galleries.size(), (0, 0));
        assert_eq!(fixture.found().await, 1);
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_leaves_no_gallery_behind() {
        let fixture = Fixture::new().await;
        fixture.add(1, "here").await;
        assert_eq!(fixture.found().await, 1);
        let write = fixture.write(ContainerWrite::Delete { container: name() });
        assert!(tokio::time::timeout(std::time::Duration::ZERO, write).await.is_err(), "dropped under way");
        for _ in 0..200 {
            if fixture.galleries.size() == (0, 0) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the templates of a deleted container stay in memory");
    }

    #[tokio::test]
    async fn faces_of_the_directory_are_found_under_their_model_alone() {
        let fixture = Fixture::new().await;
        let (container, name) = (ContainerName::directory(), Secret::new("p".to_owned()));
        let person = Uuid::from_u128(9);
        let (limit, account_limit, user_data) = (None, None, None);
        fixture.write(PersonWrite::Create { container, person, name, user_data, limit, account_limit }).await;
        let add = |id, model: &str| {
            let template = templates::encode(&[1.0, 0.0]);
            let face = NewFace { id: Uuid::from_u128(id), template, space: "here".to_owned(), user_data: None };
            DirectoryWrite::AddFace { person, model: model.to_owned(), face, limit: None }
        };
        let found = async |model| {
            let directory = fixture.store.container(ACCOUNT, &ContainerName::directory()).await;
            let directory = directory.expect("an answer").expect("a directory");
            let question = |_: &Recogniser, view: &GalleryView| view.len();
            let found = fixture.galleries.search_model(ACCOUNT, &directory, model, question).await;
            found.expect("the gallery answers").iter().sum::<usize>()
        };
        fixture.write(add(1, "a")).await;
        assert_eq!((found(Some("a")).await, found(Some("b")).await, found(None).await), (1, 0, 0), "loaded");
        fixture.write(add(2, "b")).await;
        fixture.write(add(3, "b")).await;
        assert_eq!((found(Some("a")).await, found(Some("b")).await), (1, 2), "followed");
        let face = Uuid::from_u128(2);
        fixture.write(FaceWrite::Delete { container: ContainerName::directory(), person: Some(person), face }).await;
        assert_eq!((found(Some("a")).await, found(Some("b")).await), (1, 1));
        fixture.write(PersonWrite::Delete { container: ContainerName::directory(), person }).await;
        assert_eq!((found(Some("a")).await, found(Some("b")).await), (0, 0));
    }

    /// No search answers "unknown" while the templates of the person who is searched for cannot be read.
    #[tokio::test]
    async fn templates_whose_recogniser_is_not_installed_are_told_of() {
        let fixture = Fixture::new().await;
        fixture.add(1, "elsewhere-3/abc/dlibresnet").await;
        fixture.add(2, "here").await;
        let search = async || {
            let container = fixture.store.container(ACCOUNT, &name()).await.expect("an answer").expect("a container");
            fixture.galleries.search(ACCOUNT, &container, |_, view| view.len()).await
        };
        let error = search().await.expect_err("a pack is missing");
        assert!(matches!(&error, SearchError::MissingPack { pack } if pack == "elsewhere-3"), "{error}");
        fixture.delete(1).await;
        assert_eq!(search().await.expect("nothing foreign is left"), [1]);
    }
}

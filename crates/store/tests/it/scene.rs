//! A store with an account in it, and short words for what tests do all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use likeness_base::{Randomness, Secret, Timestamp};
use likeness_store::keys::Keyholder;
use likeness_store::{
    AccountId, AccountWrite, Actor, Applied, AuditEntry, Chain, ChainBroken, Command, Container, ContainerKind,
    ContainerName, ContainerWrite, DetectedFace, DirectoryWrite, FaceId, FaceWrite, NewAccount, NewFace, PageStart,
    PersonWrite, SnapshotWrite, Store, StoreError, Write,
};
use uuid::Uuid;

/// Some data that a store can be opened on, again and again.
#[async_trait]
pub(crate) trait Backend: Send + Sync {
    /// Opens the data. The former store on it must have been closed or dropped.
    async fn open(&self) -> Arc<dyn Store>;

    /// Opens it with somebody who holds the installation key.
    async fn open_held(&self, holder: Keyholder) -> Result<Arc<dyn Store>, StoreError>;

    /// What somebody does who gets at the data past the store; `X'…'` stands for bytes.
    async fn tamper(&self, statement: &str);

    /// Lets so much time pass by the clock that all nodes share, if they share one.
    async fn pass(&self, length: Duration) -> bool;

    /// Keeps everybody from writing to an account that is there, as if the program stood still, for some seconds at most.
    async fn freeze(&self) -> Box<dyn Frozen>;
}

/// A database to which nobody writes.
#[async_trait]
pub(crate) trait Frozen: Send {
    /// What a statement counts, past the store.
    async fn count(&mut self, statement: &'static str) -> i64;

    /// Lets everybody go on.
    async fn release(self: Box<Self>);
}

/// Random bytes that are the same in every run (SplitMix64), and never the same twice within one.
pub(crate) struct Dice(AtomicU64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        // Mixed first: the streams of neighbouring seeds would otherwise be one stream, shifted.
        Self(AtomicU64::new(mixed(seed ^ 0x6c69_6b65_6e65_7373)))
    }

    pub(crate) fn next(&self) -> u64 {
        mixed(self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed))
    }
}

fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Randomness for Dice {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Checks the rows of an account from the first to the last.
pub(crate) fn chain(store: &dyn Store, rows: &[AuditEntry]) -> Result<Chain, ChainBroken> {
    let mut check = store.chain_check();
    check.add(rows)?;
    check.finish()
}

/// The moment at which scenes begin: 2026-01-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

pub(crate) const HOUR_MILLIS: i64 = 3_600_000;

/// One account in a store, with a clock that only moves when told to.
pub(crate) struct Scene {
    pub store: Arc<dyn Store>,
    pub account: AccountId,
    pub actor: Actor,
    now: AtomicI64,
    dice: Dice,
}

impl Scene {
    /// Opens the backend and makes an account in it.
    pub(crate) async fn new(backend: &dyn Backend) -> Self {
        Self::in_store(backend.open().await, 1).await
    }

    /// Another account in the same store.
    pub(crate) async fn neighbour(&self, seed: u64) -> Self {
        Self::in_store(Arc::clone(&self.store), seed).await
    }

    pub(crate) async fn in_store(store: Arc<dyn Store>, seed: u64) -> Self {
        let scene = Self::visit(store, seed);
        scene.write(AccountWrite::Create(NewAccount::default())).await.unwrap();
        scene
    }

    /// The same account as another scene of that seed, which has made it already.
    pub(crate) fn visit(store: Arc<dyn Store>, seed: u64) -> Self {
        let dice = Dice::new(seed);
        let account = AccountId(Uuid::from_u64_pair(seed, dice.next()));
        Self { store, account, actor: Actor::Key1, now: AtomicI64::new(START.as_millis()), dice }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::Relaxed))
    }

    pub(crate) fn wait_millis(&self, millis: i64) {
        self.now.fetch_add(millis, Ordering::Relaxed);
    }

    pub(crate) async fn write(&self, write: impl Into<Write>) -> Result<Applied, StoreError> {
        self.store.apply(self.command(write)).await
    }

    pub(crate) fn command(&self, write: impl Into<Write>) -> Command {
        Command {
            account: self.account,
            actor: self.actor.clone(),
            at: self.now(),
            request_id: self.id(),
            idempotency_key: fresh_key(),
            most_stored_bytes: None,
            write: write.into(),
        }
    }

    /// A random id for a person or face.
    pub(crate) fn id(&self) -> Uuid {
        uuid::Builder::from_random_bytes(likeness_base::random_bytes(&self.dice)).into_uuid()
    }

    /// A face with a random template of 512 bytes.
    pub(crate) fn face(&self) -> NewFace {
        NewFace { id: self.id(), template: self.template(), space: "space a".into(), user_data: None }
    }

    pub(crate) fn template(&self) -> Secret<Vec<u8>> {
        likeness_base::random_bytes::<512>(&self.dice).to_vec().into()
    }

    /// A detected face that expires after some milliseconds.
    pub(crate) fn detected(&self, life_millis: i64) -> DetectedFace {
        let expires_at = Timestamp::from_millis(self.now().as_millis() + life_millis);
        DetectedFace {
            id: FaceId::new(expires_at, likeness_base::random_bytes(&self.dice)),
            template: self.template(),
            space: "space a".into(),
            model: "recognition_04".into(),
            expires_at,
        }
    }

    pub(crate) async fn create(&self, container: &ContainerName) -> Applied {
        self.write(create(container)).await.unwrap()
    }

    pub(crate) async fn create_person(&self, container: &ContainerName) -> Uuid {
        let person = self.id();
        self.write(create_person(container, person)).await.unwrap();
        person
    }

    /// Adds a random face and gives its id.
    pub(crate) async fn add_face(&self, container: &ContainerName, person: Option<Uuid>) -> Uuid {
        let face = self.face();
        let id = face.id;
        self.write(add_face(container, person, face)).await.unwrap();
        id
    }

    /// Adds a person to the directory.
    pub(crate) async fn enrol(&self) -> Uuid {
        self.create_person(&ContainerName::directory()).await
    }

    /// Adds a random face of a model to a person of the directory and gives its id.
    pub(crate) async fn add_directory_face(&self, person: Uuid, model: &str) -> Uuid {
        let face = self.face();
        let id = face.id;
        self.write(add_directory_face(person, model, face)).await.unwrap();
        id
    }

    /// Everybody in a dynamic group.
    pub(crate) async fn members(&self, group: &str) -> Vec<Uuid> {
        let page = PageStart { after: String::new(), top: 1_000 };
        let members = self.store.members(self.account, group, &page).await.unwrap();
        members.iter().map(|member| member.person).collect()
    }

    /// Copies a container for these accounts and gives the id of the snapshot, which lives for two hours.
    pub(crate) async fn take(&self, source: &ContainerName, scope: &[AccountId]) -> Uuid {
        let snapshot = self.id();
        self.write(self.take_as(snapshot, source, scope)).await.unwrap();
        snapshot
    }

    pub(crate) fn take_as(&self, snapshot: Uuid, source: &ContainerName, scope: &[AccountId]) -> Write {
        SnapshotWrite::Take {
            limit: None,
            offers: None,
            snapshot,
            source: source.clone(),
            scope: scope.to_vec(),
            user_data: Some(text("a remark on a snapshot")),
            expires_at: Timestamp::from_millis(self.now().as_millis() + 2 * HOUR_MILLIS),
        }
        .into()
    }

    pub(crate) async fn container(&self, container: &ContainerName) -> Container {
        self.store.container(self.account, container).await.unwrap().unwrap()
    }
}

/// A key for a command, unlike the other draws not the same in every run: scenes are visited again, and a command
/// with a key that was seen is not done.
pub(crate) fn fresh_key() -> Uuid {
    use std::hash::{BuildHasher, RandomState};
    Uuid::from_u64_pair(RandomState::new().hash_one(0), RandomState::new().hash_one(1))
}

pub(crate) fn name(kind: ContainerKind, id: &str) -> ContainerName {
    ContainerName { kind, id: id.into() }
}

pub(crate) fn list(id: &str) -> ContainerName {
    name(ContainerKind::LargeFaceList, id)
}

pub(crate) fn group(id: &str) -> ContainerName {
    name(ContainerKind::LargePersonGroup, id)
}

pub(crate) fn text(text: &str) -> Secret<String> {
    text.to_owned().into()
}

pub(crate) fn create(container: &ContainerName) -> Write {
    ContainerWrite::Create {
        container: container.clone(),
        name: text("the name of a container"),
        user_data: None,
        model: "recognition_04".into(),
        limit: None,
    }
    .into()
}

pub(crate) fn create_person(container: &ContainerName, person: Uuid) -> Write {
    PersonWrite::Create {
        container: container.clone(),
        person,
        name: text("the name of a person"),
        user_data: None,
        limit: None,
        account_limit: None,
    }
    .into()
}

pub(crate) fn add_face(container: &ContainerName, person: Option<Uuid>, face: NewFace) -> Write {
    FaceWrite::Add { container: container.clone(), person, face, limit: None }.into()
}

pub(crate) fn add_directory_face(person: Uuid, model: &str, face: NewFace) -> Write {
    DirectoryWrite::AddFace { person, model: model.into(), face, limit: None }.into()
}

pub(crate) fn create_group(id: &str, add: &[Uuid]) -> Write {
    DirectoryWrite::CreateGroup { id: id.into(), name: text("the name of a group"), user_data: None, add: add.to_vec() }
        .into()
}

pub(crate) fn change_group(id: &str, add: &[Uuid], remove: &[Uuid]) -> Write {
    let (add, remove) = (add.to_vec(), remove.to_vec());
    DirectoryWrite::UpdateGroup { id: id.into(), name: None, user_data: None, add, remove }.into()
}

pub(crate) fn apply(snapshot: Uuid, taken_by: AccountId, container: &ContainerName) -> Write {
    let container = container.clone();
    SnapshotWrite::Apply { snapshot, taken_by, container, limit: None, account_limit: None }.into()
}

pub(crate) fn delete_face(container: &ContainerName, person: Option<Uuid>, face: Uuid) -> Write {
    FaceWrite::Delete { container: container.clone(), person, face }.into()
}

pub(crate) fn delete_person(container: &ContainerName, person: Uuid) -> Write {
    PersonWrite::Delete { container: container.clone(), person }.into()
}

pub(crate) fn delete(container: &ContainerName) -> Write {
    ContainerWrite::Delete { container: container.clone() }.into()
}

/// Asserts that a result is the refusal of that shape, and shows what it was otherwise.
#[macro_export]
macro_rules! assert_refused {
    ($result:expr, $pattern:pat) => {
        $crate::assert_refused!($result, $pattern, "")
    };
    ($result:expr, $pattern:pat, $note:expr) => {{
        let result = $result;
        assert!(matches!(result, Err($pattern)), "{} {result:?}", $note);
    }};
}

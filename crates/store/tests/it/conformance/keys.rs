//! Who holds the keys above the data: what happens where they are moved, rotated, disabled, kept back or lied about.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use likeness_store::keys::provider::bounded::Bounded;
use likeness_store::keys::provider::{KeyBytes, KeyDescription, KeyProvider, ProviderError, ProviderKind, Providers};
use likeness_store::keys::{InstallationKey, KeyProblem, Keyholder, Stage};
use likeness_store::{
    AccountId, AccountWrite, ContainerName, ExpireDue, FaceNumber, KeySlot, KeyWrite, NewAccount, NewRecord, PageStart,
    RecordKind, RecordWrite, ResealAt, StoreError,
};

use crate::assert_refused;
use crate::scene::{Backend, Dice, Scene, chain, group, list};

/// A provider whose moods are the test's. What it wraps is a number; the key stays with it.
#[derive(Default)]
pub(crate) struct Vault {
    kept: Mutex<BTreeMap<u32, (Vec<u8>, KeyBytes)>>,
    version: AtomicU32,
    pub(crate) is_disabled: AtomicBool,
    hangs: AtomicBool,
    lies: AtomicBool,
    asked: AtomicU32,
}

impl Vault {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { version: AtomicU32::new(1), ..Self::default() })
    }

    fn wrapped(&self, context: &[u8], key: &KeyBytes) -> Vec<u8> {
        let mut kept = self.kept.lock().unwrap();
        let number = u32::try_from(kept.len()).unwrap() + 1;
        kept.insert(number, (context.to_vec(), key.clone()));
        [self.version.load(Ordering::Relaxed).to_be_bytes(), number.to_be_bytes()].concat()
    }

    async fn mood(&self) -> Result<(), ProviderError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if self.is_disabled.load(Ordering::Relaxed) { Err(ProviderError::Disabled) } else { Ok(()) }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

#[async_trait]
impl KeyProvider for Vault {
    async fn describe(&self) -> Result<KeyDescription, ProviderError> {
        self.mood().await?;
        let version = self.version.load(Ordering::Relaxed);
        Ok(KeyDescription { kind: ProviderKind::Pkcs11, name: "vault".into(), version })
    }

    async fn wrap(&self, context: &[u8], key: &KeyBytes) -> Result<Vec<u8>, ProviderError> {
        self.mood().await?;
        Ok(self.wrapped(context, key))
    }

    async fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<KeyBytes, ProviderError> {
        self.mood().await?;
        let number = wrapped.last_chunk().map(|number| u32::from_be_bytes(*number));
        let kept = self.kept.lock().unwrap();
        let (known, key) = number.and_then(|number| kept.get(&number)).ok_or(ProviderError::DoesNotOpen)?;
        if self.lies.load(Ordering::Relaxed) {
            let (_, other) = kept.values().find(|(other, _)| other != known).unwrap();
            return Ok(other.clone());
        }
        if known == context { Ok(key.clone()) } else { Err(ProviderError::DoesNotOpen) }
    }

    async fn rewrap(&self, context: &[u8], wrapped: &[u8]) -> Result<Option<Vec<u8>>, ProviderError> {
        let key = self.unwrap(context, wrapped).await?;
        let is_newest = self.version(wrapped) == Some(self.version.load(Ordering::Relaxed));
        Ok((!is_newest).then(|| self.wrapped(context, &key)))
    }

    async fn rotate(&self) -> Result<u32, ProviderError> {
        self.mood().await?;
        Ok(self.version.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn version(&self, wrapped: &[u8]) -> Option<u32> {
        Some(u32::from_be_bytes(*wrapped.first_chunk()?))
    }
}

/// The installation's provider, and one that accounts may choose.
struct Two {
    house: Arc<Vault>,
    own: Arc<Vault>,
}

impl Two {
    fn new() -> Self {
        Self { house: Vault::new(), own: Vault::new() }
    }

    fn holder(&self) -> Keyholder {
        let mut providers = Providers::default();
        providers.add("house", Arc::new(Bounded::new(Arc::clone(&self.house))));
        providers.add("own", Arc::new(Bounded::new(Arc::clone(&self.own))));
        // The key with which the suite opens every store when a case is over.
        let key = Arc::new(InstallationKey::generate(&Dice::new(1)));
        Keyholder::new(providers, "house").with_copied(key).trusting_for(Duration::from_millis(200))
    }

    async fn scene(&self, backend: &dyn Backend) -> Scene {
        Scene::in_store(backend.open_held(self.holder()).await.unwrap(), 1).await
    }
}

/// Two accounts of an installation, each with a list.
async fn neighbours(backend: &dyn Backend) -> (Two, Scene, Scene) {
    let two = Two::new();
    let scene = two.scene(backend).await;
    let neighbour = scene.neighbour(2).await;
    scene.create(&list("faces")).await;
    neighbour.create(&list("faces")).await;
    (two, scene, neighbour)
}

/// The same, with keys that are held by the provider that accounts may choose.
async fn neighbours_by_own(backend: &dyn Backend) -> (Two, Scene, Scene) {
    let (two, scene, neighbour) = neighbours(backend).await;
    move_to(&scene, Some("own")).await.unwrap();
    move_to(&neighbour, Some("own")).await.unwrap();
    (two, scene, neighbour)
}

async fn move_to(scene: &Scene, provider: Option<&str>) -> Result<usize, StoreError> {
    let keys = scene.store.rewrapped_keys(scene.account, provider).await?;
    let number = keys.len();
    scene.write(KeyWrite::Rewrap { keys }).await?;
    scene.store.evict_keys(scene.account).await;
    Ok(number)
}

/// Asks again until what was trusted is trusted no more.
async fn until_refused(scene: &Scene) -> KeyProblem {
    let begun = Instant::now();
    loop {
        match scene.store.container(scene.account, &list("faces")).await {
            Err(StoreError::KeyUnavailable(KeyProblem::Asking)) | Ok(_) => {}
            Err(StoreError::KeyUnavailable(problem)) => return problem,
            Err(other) => panic!("{other:?}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "a disabled key is not obeyed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn until_open(scene: &Scene) {
    let begun = Instant::now();
    while scene.store.container(scene.account, &list("faces")).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60), "a key that is enabled again is not used");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) async fn installation_key_is_wrapped_and_found_again(backend: &dyn Backend) {
    let two = Two::new();
    let scene = two.scene(backend).await;
    scene.create(&list("faces")).await;
    let key = Arc::clone(scene.store.trusted_keys().installation());
    scene.store.close().await;
    let scene = Scene::visit(backend.open_held(two.holder()).await.unwrap(), 1);
    assert!(scene.store.trusted_keys().installation().is(&key));
    scene.container(&list("faces")).await;
    scene.store.close().await;
    two.house.is_disabled.store(true, Ordering::Relaxed);
    let refused = StoreError::KeyUnavailable(KeyProblem::Installation(ProviderError::Disabled));
    assert_eq!(backend.open_held(two.holder()).await.err().unwrap().to_string(), refused.to_string());
    two.house.is_disabled.store(false, Ordering::Relaxed);
    // Nobody of that name, and a key that is not the one.
    let nobody = Keyholder::new(Providers::default(), "house");
    assert_refused!(
        backend.open_held(nobody).await.map(drop),
        StoreError::KeyUnavailable(KeyProblem::Installation(ProviderError::Unknown))
    );
    let another = Arc::new(InstallationKey::generate(&Dice::new(77)));
    assert_refused!(backend.open_held(another.into()).await.map(drop), StoreError::WrongKey);
}

pub(crate) async fn data_of_before_providers_gets_a_provider(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    scene.create(&list("faces")).await;
    let subscription = scene.store.trusted_keys().installation().subscription();
    scene.store.close().await;
    let two = Two::new();
    assert_refused!(
        backend.open_held(two.holder()).await.map(drop),
        StoreError::KeyUnavailable(KeyProblem::Installation(ProviderError::Disabled))
    );
    let wrong = InstallationKey::generate(&Dice::new(2));
    assert_refused!(backend.open_held(two.holder().with_former(Some(wrong))).await.map(drop), StoreError::WrongKey);
    let former = InstallationKey::generate(&Dice::new(1));
    backend.open_held(two.holder().with_former(Some(former))).await.unwrap().close().await;
    // From here on the provider has it.
    let scene = Scene::visit(backend.open_held(two.holder()).await.unwrap(), 1);
    scene.container(&list("faces")).await;
    assert_eq!(scene.store.trusted_keys().installation().subscription(), subscription);
}

pub(crate) async fn account_moves_to_a_provider_and_back(backend: &dyn Backend) {
    let two = Two::new();
    let scene = two.scene(backend).await;
    let neighbour = scene.neighbour(2).await;
    scene.create(&list("faces")).await;
    assert_eq!(scene.store.key_status(scene.account).await.unwrap().provider, None);
    assert_eq!(move_to(&scene, Some("own")).await.unwrap(), 1);
    let status = scene.store.key_status(scene.account).await.unwrap();
    assert_eq!((status.provider.as_deref(), status.version), (Some("own"), Some(1)));
    assert_eq!(scene.store.accounts_of_provider("own").await.unwrap(), [scene.account]);
    scene.container(&list("faces")).await;
    scene.add_face(&list("faces"), None).await;
    // It is found there by a process that starts.
    scene.store.close().await;
    let scene = Scene::visit(backend.open_held(two.holder()).await.unwrap(), 1);
    let neighbour = Scene::visit(scene.store.clone(), neighbour.account.0.as_u64_pair().0);
    scene.container(&list("faces")).await;
    assert_refused!(
        scene.store.rewrapped_keys(scene.account, Some("nobody")).await,
        StoreError::KeyUnavailable(KeyProblem::Account(ProviderError::Unknown))
    );
    let before = two.own.asked.load(Ordering::Relaxed);
    neighbour.create(&list("faces")).await;
    assert_eq!(two.own.asked.load(Ordering::Relaxed), before, "others have nothing to do with it");
    assert_eq!(move_to(&scene, None).await.unwrap(), 1);
    two.own.is_disabled.store(true, Ordering::Relaxed);
    scene.container(&list("faces")).await;
    assert_eq!(scene.store.accounts_of_provider("own").await.unwrap(), []);
    // What was read before somebody else wrapped it anew is not kept.
    two.own.is_disabled.store(false, Ordering::Relaxed);
    let keys = scene.store.rewrapped_keys(scene.account, Some("own")).await.unwrap();
    move_to(&scene, Some("own")).await.unwrap();
    assert_refused!(scene.write(KeyWrite::Rewrap { keys }).await, StoreError::RecordChanged);
    scene.container(&list("faces")).await;
}

pub(crate) async fn key_that_is_disabled_is_obeyed_in_time_and_nobody_else_notices(backend: &dyn Backend) {
    let (two, scene, neighbour) = neighbours(backend).await;
    move_to(&scene, Some("own")).await.unwrap();
    until_open(&scene).await;
    two.own.is_disabled.store(true, Ordering::Relaxed);
    assert_eq!(until_refused(&scene).await, KeyProblem::Account(ProviderError::Disabled));
    let face = scene.face();
    let add = crate::scene::add_face(&list("faces"), None, face);
    assert_refused!(scene.write(add).await, StoreError::KeyUnavailable(_));
    let status = scene.store.key_status(scene.account).await.unwrap();
    assert_eq!(status.problem, Some(KeyProblem::Account(ProviderError::Disabled)));
    neighbour.container(&list("faces")).await;
    neighbour.add_face(&list("faces"), None).await;
    let uses = scene.store.trusted_keys().take_uses(false);
    let (_, told) = uses.iter().find(|(account, _)| *account == scene.account.0).unwrap();
    assert!(told.given > 0 && told.refused > 0 && told.is_news, "{told:?}");
    two.own.is_disabled.store(false, Ordering::Relaxed);
    until_open(&scene).await;
    // The same with the key above all accounts.
    two.house.is_disabled.store(true, Ordering::Relaxed);
    assert_eq!(until_refused(&neighbour).await, KeyProblem::Installation(ProviderError::Disabled));
    assert_eq!(until_refused(&scene).await, KeyProblem::Installation(ProviderError::Disabled));
    two.house.is_disabled.store(false, Ordering::Relaxed);
    until_open(&neighbour).await;
    until_open(&scene).await;
}

pub(crate) async fn provider_that_hangs_costs_its_account_a_bounded_time(backend: &dyn Backend) {
    let (two, scene, neighbour) = neighbours(backend).await;
    move_to(&scene, Some("own")).await.unwrap();
    two.own.hangs.store(true, Ordering::Relaxed);
    scene.store.evict_keys(scene.account).await;
    assert_refused!(scene.store.unlock(scene.account, false).await, StoreError::KeyUnavailable(KeyProblem::Asking));
    // As many as like wait for one answer, and the neighbour for none.
    let faces = list("faces");
    let waiting = futures_util::future::join_all((0..50).map(|_| scene.store.container(scene.account, &faces)));
    let beside = async {
        for _ in 0..20 {
            neighbour.add_face(&list("faces"), None).await;
        }
    };
    let (answers, ()) = tokio::join!(waiting, beside);
    for answer in answers {
        assert_refused!(answer, StoreError::KeyUnavailable(KeyProblem::Account(ProviderError::TimedOut)));
    }
    assert!(two.own.asked.load(Ordering::Relaxed) < 10, "one question for all who wait");
}

pub(crate) async fn provider_that_lies_is_not_believed(backend: &dyn Backend) {
    let (two, scene, _neighbour) = neighbours_by_own(backend).await;
    // It gives the key of another account.
    two.own.lies.store(true, Ordering::Relaxed);
    assert_eq!(until_refused(&scene).await, KeyProblem::Account(ProviderError::Lies));
    two.own.lies.store(false, Ordering::Relaxed);
    until_open(&scene).await;
    // Nor does it get to wrap what it would not give back.
    let third = scene.neighbour(3).await;
    two.own.lies.store(true, Ordering::Relaxed);
    assert_refused!(
        move_to(&third, Some("own")).await,
        StoreError::KeyUnavailable(KeyProblem::Account(ProviderError::Lies))
    );
    assert_eq!(third.store.key_status(third.account).await.unwrap().provider, None);
}

pub(crate) async fn rotation_wraps_what_is_behind_and_goes_on_after_a_stop(backend: &dyn Backend) {
    let (two, scene, neighbour) = neighbours_by_own(backend).await;
    assert_eq!(move_to(&scene, Some("own")).await.unwrap(), 0, "it is by the newest");
    assert_eq!(two.own.rotate().await.unwrap(), 2);
    assert_eq!(move_to(&scene, Some("own")).await.unwrap(), 1);
    // Stopped here.
    let behind = async |scene: &Scene| scene.store.key_status(scene.account).await.unwrap().version;
    assert_eq!((behind(&scene).await, behind(&neighbour).await), (Some(2), Some(1)));
    for account in scene.store.accounts_of_provider("own").await.unwrap() {
        let keys = scene.store.rewrapped_keys(account, Some("own")).await.unwrap();
        let command = likeness_store::Command { account, ..scene.command(KeyWrite::Rewrap { keys }) };
        scene.store.apply(command).await.unwrap();
    }
    assert_eq!((behind(&scene).await, behind(&neighbour).await), (Some(2), Some(2)));
    until_open(&scene).await;
    // The installation's own.
    let mut installation = Scene::visit(scene.store.clone(), 9);
    installation.account = AccountId::INSTALLATION;
    installation.write(AccountWrite::Create(NewAccount::default())).await.unwrap();
    assert_eq!(behind(&installation).await, Some(1));
    two.house.rotate().await.unwrap();
    assert_eq!(move_to(&installation, Some("house")).await.unwrap(), 1);
    assert_eq!(behind(&installation).await, Some(2));
    assert_eq!(move_to(&installation, Some("own")).await.unwrap(), 1);
    scene.store.close().await;
    two.house.is_disabled.store(true, Ordering::Relaxed);
    let scene = Scene::visit(backend.open_held(two.holder()).await.unwrap(), 1);
    scene.container(&list("faces")).await;
}

pub(crate) async fn key_is_disabled_by_order(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let neighbour = scene.neighbour(2).await;
    scene.create(&list("faces")).await;
    neighbour.create(&list("faces")).await;
    scene.write(KeyWrite::Disable).await.unwrap();
    scene.store.evict_keys(scene.account).await;
    assert_refused!(
        scene.store.container(scene.account, &list("faces")).await,
        StoreError::KeyUnavailable(KeyProblem::Ordered)
    );
    let status = scene.store.key_status(scene.account).await.unwrap();
    assert_eq!((status.disabled_at, status.problem), (Some(scene.now()), Some(KeyProblem::Ordered)));
    neighbour.container(&list("faces")).await;
    scene.write(KeyWrite::Enable).await.unwrap();
    scene.store.evict_keys(scene.account).await;
    scene.container(&list("faces")).await;
    assert_eq!(scene.store.key_status(scene.account).await.unwrap().disabled_at, None);
}

pub(crate) async fn wrapped_key_opens_in_no_other_row(backend: &dyn Backend) {
    let (two, scene, neighbour) = neighbours_by_own(backend).await;
    scene.store.close().await;
    // Somebody gives one account the wrapped key and the check value of another.
    let [to, from] = [&scene, &neighbour].map(|scene| format!("X'{}'", scene.account.0.simple()));
    for column in ["wrapped", "check_value"] {
        let other = format!("(SELECT {column} FROM data_key WHERE account_id = {from})");
        backend.tamper(&format!("UPDATE data_key SET {column} = {other} WHERE account_id = {to}")).await;
    }
    let scene = Scene::visit(backend.open_held(two.holder()).await.unwrap(), 1);
    assert_eq!(until_refused(&scene).await, KeyProblem::Account(ProviderError::DoesNotOpen));
    let neighbour = Scene::visit(scene.store.clone(), 2);
    neighbour.container(&list("faces")).await;
}

pub(crate) async fn locked_account_can_still_end(backend: &dyn Backend) {
    let two = Two::new();
    let scene = two.scene(backend).await;
    scene.create(&group("family")).await;
    move_to(&scene, Some("own")).await.unwrap();
    two.own.is_disabled.store(true, Ordering::Relaxed);
    scene.store.evict_keys(scene.account).await;
    scene.write(ExpireDue { limit: 10, ..ExpireDue::default() }).await.unwrap();
    scene.write(AccountWrite::Close { ends_at: scene.now() }).await.unwrap();
    while scene.write(AccountWrite::Destroy { limit: 10 }).await.unwrap().more {}
    assert_eq!(scene.store.account(scene.account).await.unwrap(), None);
}

pub(crate) async fn everything_is_sealed_anew_with_a_new_data_key(backend: &dyn Backend) {
    let two = Two::new();
    let scene = two.scene(backend).await;
    scene.create(&list("faces")).await;
    scene.create(&group("family")).await;
    let person = scene.create_person(&group("family")).await;
    scene.add_face(&group("family"), Some(person)).await;
    let enrolled = scene.enrol().await;
    scene.add_directory_face(enrolled, "recognition_04").await;
    for _ in 0..600 {
        scene.add_face(&list("faces"), None).await;
    }
    let snapshot = scene.take(&group("family"), &[scene.account]).await;
    let secret = NewRecord::new(RecordKind::SigningKey, "signs", b"what signs".to_vec().into());
    scene.write(RecordWrite::Put(secret)).await.unwrap();
    let key = (KeySlot::Key1, crate::scene::text("a key"), [7; 32]);
    scene.write(AccountWrite::SetKey { slot: key.0, value: key.1, lookup: key.2 }).await.unwrap();
    move_to(&scene, Some("own")).await.unwrap();
    let keys = vec![scene.store.new_data_key(scene.account).await.unwrap()];
    scene.write(KeyWrite::Rewrap { keys: keys.clone() }).await.unwrap();
    assert_refused!(scene.write(KeyWrite::Rewrap { keys }).await, StoreError::RecordChanged);
    scene.store.evict_keys(scene.account).await;
    let status = scene.store.key_status(scene.account).await.unwrap();
    assert_eq!((status.provider.as_deref(), status.data_keys), (Some("own"), 2));
    let (mut after, mut rows) = (ResealAt::default(), 0);
    loop {
        let applied = scene.write(KeyWrite::Reseal { after }).await.unwrap();
        rows += applied.removed;
        if !applied.more {
            break;
        }
        // Stopped here and there, it goes on; done twice, nothing is lost.
        after = ResealAt::reached(&applied);
    }
    assert!(rows > 605, "{rows}");
    assert!(scene.store.is_access_as_audited(scene.account).await.unwrap());
    // Nothing that lasts needs the old key any more.
    scene.store.close().await;
    let account = scene.account.0.simple();
    backend.tamper(&format!("DELETE FROM data_key WHERE account_id = X'{account}' AND key_id = 1")).await;
    let scene = Scene::visit(backend.open_held(two.holder()).await.unwrap(), 1);
    let page = PageStart { after: String::new(), top: 1_000 };
    assert_eq!(scene.store.faces(scene.account, &list("faces"), &page).await.unwrap().len(), 600);
    let number = scene.container(&list("faces")).await.number;
    assert_eq!(scene.store.rows_after(scene.account, number, FaceNumber(0), 1_000).await.unwrap().len(), 600);
    for container in [group("family"), ContainerName::directory()] {
        let persons = scene.store.persons(scene.account, &container, &page).await.unwrap();
        assert_eq!((persons.len(), persons[0].name.expose().as_str()), (1, "the name of a person"));
        let templates = scene.store.templates_of_person(scene.account, &container, persons[0].id).await.unwrap();
        assert_eq!(templates.len(), 1);
    }
    assert_eq!(scene.store.keys(scene.account).await.unwrap()[0].value.expose(), "a key");
    let record = scene.store.record(scene.account, RecordKind::SigningKey, "signs", scene.now()).await.unwrap();
    assert_eq!(record.unwrap().value.expose(), b"what signs");
    // What expires was left to expire.
    assert_refused!(scene.store.snapshot(scene.account, snapshot, scene.now()).await, StoreError::Damaged { .. });
}

pub(crate) async fn digests_of_account_keys_are_renewed_once(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let value = crate::scene::text("a key of the account");
    scene.write(AccountWrite::SetKey { slot: KeySlot::Key1, value: value.clone(), lookup: [7; 32] }).await.unwrap();
    let key = Arc::clone(scene.store.trusted_keys().installation());
    scene.store.close().await;
    // As the seventh schema left it.
    let stage = hex::encode(key.stage_check(&Dice::new(99), Stage::LogsSealed));
    backend.tamper(&format!("UPDATE installation SET sealed_check = X'{stage}'")).await;
    for _ in 0..2 {
        let scene = Scene::visit(backend.open().await, 1);
        let changes = scene.store.access_since(u64::MAX).await.unwrap().unwrap();
        let found = changes.changed.iter().find(|one| one.account.id == scene.account).unwrap();
        assert_eq!(found.keys, [(KeySlot::Key1, key.lookup_digest(&value))]);
        assert_eq!(scene.store.keys(scene.account).await.unwrap()[0].value.expose(), value.expose());
        assert!(scene.store.is_access_as_audited(scene.account).await.unwrap());
        let rows = scene.store.audit(scene.account, 0, 100).await.unwrap();
        assert_eq!(rows.iter().filter(|row| row.action == "renew_key_lookups").count(), 1);
        chain(&*scene.store, &rows).unwrap();
        scene.store.close().await;
    }
}

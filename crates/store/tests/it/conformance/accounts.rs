//! Accounts are made once, found by the lookup digests of their keys, and count what they hold.

use likeness_store::{
    AccountId, AccountWrite, ContainerKind, ExpireDue, KeySlot, NewAccount, StoreError, Totals, Write,
};

use crate::assert_refused;
use crate::scene::{Backend, START, Scene, delete, delete_face, delete_person, group, list, text};

fn set_key(slot: KeySlot, value: &str, lookup: u8) -> Write {
    AccountWrite::SetKey { slot, value: text(value), lookup: [lookup; 32] }.into()
}

/// The account and slot whose key has this digest, as those who let callers in learn it.
async fn owner(scene: &Scene, lookup: u8) -> Option<(AccountId, KeySlot)> {
    let known = scene.store.access_since(u64::MAX).await.unwrap().unwrap();
    let of_all = known.changed.iter().flat_map(|one| one.keys.iter().map(|key| (one.account.id, key)));
    of_all.filter(|(_, (_, digest))| *digest == [lookup; 32]).map(|(account, (slot, _))| (account, *slot)).next()
}

async fn listed(scene: &Scene) -> Vec<(KeySlot, String)> {
    let keys = scene.store.keys(scene.account).await.unwrap();
    keys.iter().map(|key| (key.slot, key.value.expose().clone())).collect()
}

pub(crate) async fn account_is_made_once_and_listed(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let bob = ada.neighbour(2).await;
    let accounts = ada.store.accounts().await.unwrap();
    let mut ids: Vec<_> = accounts.iter().map(|account| account.id).collect();
    assert_eq!(accounts.len(), 2);
    assert!(accounts.iter().all(|account| account.created_at == START));
    ids.sort_unstable();
    let mut expected = vec![ada.account, bob.account];
    expected.sort_unstable();
    assert_eq!(ids, expected);
    assert_eq!(ada.store.account(ada.account).await.unwrap().unwrap().id, ada.account);
    assert_refused!(ada.write(AccountWrite::Create(NewAccount::default())).await, StoreError::AccountExists);
}

pub(crate) async fn keys_are_found_by_digest_and_listed_unsealed(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    assert!(listed(&scene).await.is_empty());
    scene.write(set_key(KeySlot::Key2, "second key", 2)).await.unwrap();
    scene.write(set_key(KeySlot::Key1, "first key", 1)).await.unwrap();
    assert_eq!(
        listed(&scene).await,
        [(KeySlot::Key1, "first key".to_owned()), (KeySlot::Key2, "second key".to_owned())]
    );
    for (lookup, slot) in [(1, Some(KeySlot::Key1)), (2, Some(KeySlot::Key2)), (3, None)] {
        let found = owner(&scene, lookup).await;
        assert_eq!(found, slot.map(|slot| (scene.account, slot)), "digest {lookup}");
    }
}

pub(crate) async fn replaced_key_is_dead_at_once(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    scene.write(set_key(KeySlot::Key1, "old key", 1)).await.unwrap();
    scene.wait_millis(5);
    scene.write(set_key(KeySlot::Key1, "new key", 2)).await.unwrap();
    assert_eq!(owner(&scene, 1).await, None);
    assert_eq!(owner(&scene, 2).await, Some((scene.account, KeySlot::Key1)));
    assert_eq!(listed(&scene).await, [(KeySlot::Key1, "new key".to_owned())]);
    assert_eq!(scene.store.keys(scene.account).await.unwrap()[0].set_at, scene.now());
}

pub(crate) async fn key_value_belongs_to_one_slot_only(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let bob = ada.neighbour(2).await;
    ada.write(set_key(KeySlot::Key1, "a key", 1)).await.unwrap();
    assert_refused!(ada.write(set_key(KeySlot::Key2, "a key", 1)).await, StoreError::KeyInUse);
    assert_refused!(bob.write(set_key(KeySlot::Key1, "a key", 1)).await, StoreError::KeyInUse);
    assert_eq!(owner(&ada, 1).await, Some((ada.account, KeySlot::Key1)));
    ada.write(set_key(KeySlot::Key1, "a key", 1)).await.unwrap();
}

pub(crate) async fn unknown_account_has_nothing(backend: &dyn Backend) {
    let known = Scene::new(backend).await;
    let stranger = Scene::visit(known.store.clone(), 99);
    assert_ne!(known.account, stranger.account);
    assert_eq!(known.store.account(stranger.account).await.unwrap(), None);
    assert_refused!(known.store.keys(AccountId(uuid::Uuid::nil())).await, StoreError::AccountNotFound);
    assert_refused!(stranger.write(crate::scene::create(&list("a"))).await, StoreError::AccountNotFound);
    assert_refused!(stranger.write(ExpireDue { limit: 10, ..ExpireDue::default() }).await, StoreError::AccountNotFound);
    assert!(known.store.audit(stranger.account, 0, 10).await.unwrap().is_empty());
    // The very first command of an account's life may follow a refusal.
    stranger.write(AccountWrite::Create(NewAccount::default())).await.unwrap();
    stranger.create(&list("a")).await;
}

pub(crate) async fn totals_follow_what_comes_and_goes(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let (first, second, faces) = (group("first"), group("second"), list("faces"));
    for container in [&first, &second, &faces] {
        scene.create(container).await;
    }
    let ada = scene.create_person(&first).await;
    let bob = scene.create_person(&second).await;
    let eve = scene.create_person(&second).await;
    for _ in 0..3 {
        scene.add_face(&first, Some(ada)).await;
        scene.add_face(&second, Some(bob)).await;
    }
    let listed = scene.add_face(&faces, None).await;
    assert_eq!(
        held(&scene).await,
        [(ContainerKind::LargeFaceList, 1, 0, 1), (ContainerKind::LargePersonGroup, 2, 3, 6)]
    );
    assert_eq!((scene.container(&second).await.persons, scene.container(&second).await.faces), (2, 3));

    scene.write(delete_face(&faces, None, listed)).await.unwrap();
    scene.write(delete_person(&second, bob)).await.unwrap();
    assert_eq!(
        held(&scene).await,
        [(ContainerKind::LargeFaceList, 1, 0, 0), (ContainerKind::LargePersonGroup, 2, 2, 3)]
    );
    scene.write(delete_person(&second, eve)).await.unwrap();
    scene.write(delete(&first)).await.unwrap();
    assert_eq!(
        held(&scene).await,
        [(ContainerKind::LargeFaceList, 1, 0, 0), (ContainerKind::LargePersonGroup, 1, 0, 0)]
    );
}

/// The totals of kinds the account holds something of.
async fn held(scene: &Scene) -> Vec<(ContainerKind, u64, u64, u64)> {
    let totals = scene.store.totals(scene.account).await.unwrap();
    assert_eq!(totals.iter().map(|total| total.kind).collect::<Vec<_>>(), ContainerKind::ALL);
    let flat = |t: &Totals| (t.kind, t.containers, t.persons, t.faces);
    totals.iter().map(flat).filter(|&(_, containers, ..)| containers > 0).collect()
}

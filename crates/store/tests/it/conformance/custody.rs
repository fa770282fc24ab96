//! What the account service relies on: settings, expiry of records, changes of access, the end of an account, audit
//! events and counters.

use likeness_base::Timestamp;
use likeness_store::{
    AccountId, AccountNames, AccountWrite, Actor, AuditEvent, AuditOutcome, AuditTarget, AuditWrite, ContainerKind,
    ExpireDue, FaceIdWrite, KeySlot, NewAccount, NewRecord, PageStart, RecordKind, RecordWrite, SearchEvent,
    StoreError, Usage, UsageWrite, Write,
};

use uuid::Uuid;

use crate::assert_refused;
use crate::scene::{Backend, HOUR_MILLIS, Scene, create_person, group, list, text};

fn names(resource: &str, subdomain: &str) -> AccountNames {
    AccountNames { resource: Some(resource.into()), subdomain: Some(subdomain.into()) }
}

fn settings(names: AccountNames, value: &str, expected: u64) -> Write {
    AccountWrite::Set { names, settings: value.as_bytes().to_vec().into(), expected }.into()
}

fn revoked(id: &str, value: &str, expires_at: Option<Timestamp>) -> Write {
    let record = NewRecord::new(RecordKind::RevokedToken, id, value.as_bytes().to_vec().into());
    RecordWrite::Put(record.until(expires_at)).into()
}

fn unrevoke(id: &str) -> Write {
    RecordWrite::Delete { kind: RecordKind::RevokedToken, id: id.into() }.into()
}

async fn read(scene: &Scene, kind: RecordKind, id: &str) -> Option<(String, u64)> {
    let record = scene.store.record(scene.account, kind, id, scene.now()).await.unwrap()?;
    Some((String::from_utf8(record.value.expose().clone()).unwrap(), record.version))
}

pub(crate) async fn account_is_made_whole(backend: &dyn Backend) {
    let stranger = Scene::visit(backend.open().await, 1);
    let account = NewAccount {
        names: names("/a", "a"),
        settings: Some(b"first".to_vec().into()),
        keys: vec![(KeySlot::Key1, text("key one"), [1; 32]), (KeySlot::Key2, text("key two"), [2; 32])],
    };
    stranger.write(AccountWrite::Create(account)).await.unwrap();
    let made = stranger.store.account(stranger.account).await.unwrap().unwrap();
    assert_eq!((made.names, made.closed_at, made.ends_at), (names("/a", "a"), None, None));
    assert_eq!(stranger.store.keys(stranger.account).await.unwrap().len(), 2);
    assert_eq!(read(&stranger, RecordKind::Settings, "settings").await, Some(("first".into(), 1)));
    // A second one of the same name is refused with everything that belongs to it.
    let second = Scene::visit(stranger.store.clone(), 2);
    let account = NewAccount { names: names("/b", "a"), ..NewAccount::default() };
    assert_refused!(second.write(AccountWrite::Create(account)).await, StoreError::NameInUse);
    assert_eq!(second.store.account(second.account).await.unwrap(), None);
}

pub(crate) async fn settings_change_only_from_the_version_that_was_read(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let bob = ada.neighbour(2).await;
    assert_eq!(read(&ada, RecordKind::Settings, "settings").await, None);
    ada.write(settings(names("/a", "a"), "one", 0)).await.unwrap();
    assert_refused!(ada.write(settings(names("/z", "z"), "two", 0)).await, StoreError::RecordChanged);
    assert_refused!(bob.write(settings(names("/a", "b"), "his", 0)).await, StoreError::NameInUse);
    assert_eq!(ada.write(settings(names("/a", "a2"), "two", 1)).await.unwrap().version, 2);
    assert_eq!(read(&ada, RecordKind::Settings, "settings").await, Some(("two".into(), 2)));
    assert_eq!(ada.store.account(ada.account).await.unwrap().unwrap().names, names("/a", "a2"));
    assert_eq!(read(&bob, RecordKind::Settings, "settings").await, None);
    // The name that was given up is free.
    bob.write(settings(names("/b", "a"), "his", 0)).await.unwrap();
}

pub(crate) async fn record_ends_at_the_very_instant_and_is_swept(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let ends = Timestamp::from_millis(scene.now().as_millis() + 5_000);
    scene.write(revoked("short", "a", Some(ends))).await.unwrap();
    scene.write(revoked("long", "b", None)).await.unwrap();
    scene.write(revoked("long", "c", None)).await.unwrap();
    let page = PageStart { after: String::new(), top: 10 };
    let listed = async || {
        let records = scene.store.records(scene.account, RecordKind::RevokedToken, &page, scene.now()).await;
        records.unwrap().into_iter().map(|record| record.id).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, ["long", "short"]);
    assert_eq!(read(&scene, RecordKind::RevokedToken, "long").await, Some(("c".into(), 2)));
    scene.wait_millis(4_999);
    assert!(read(&scene, RecordKind::RevokedToken, "short").await.is_some());
    scene.wait_millis(1);
    assert_eq!(read(&scene, RecordKind::RevokedToken, "short").await, None);
    assert_eq!(listed().await, ["long"]);
    assert_eq!(scene.write(ExpireDue { limit: 10, ..ExpireDue::default() }).await.unwrap().removed, 1);
    let delete = unrevoke("long");
    assert_eq!(scene.write(delete.clone()).await.unwrap().removed, 1);
    assert_eq!(scene.write(delete).await.unwrap().removed, 0);
    assert!(listed().await.is_empty());
}

pub(crate) async fn nodes_learn_what_changed_about_access(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let bob = ada.neighbour(2).await;
    let store = &ada.store;
    let first = store.access_since(0).await.unwrap().unwrap();
    assert_eq!(first.changed.len(), 2);
    assert_eq!(store.access_since(first.version).await.unwrap(), None);
    // Work on records changes nothing about access.
    ada.create(&list("a")).await;
    assert_eq!(store.access_since(first.version).await.unwrap(), None);

    let steps: [(&str, Write); 6] = [
        ("key", AccountWrite::SetKey { slot: KeySlot::Key1, value: text("a key"), lookup: [7; 32] }.into()),
        ("settings", settings(names("/a", "a"), "one", 0)),
        ("revoked", revoked("a token", "", None)),
        ("unrevoked", unrevoke("a token")),
        ("closed", AccountWrite::Close { ends_at: Timestamp::from_millis(ada.now().as_millis() + HOUR_MILLIS) }.into()),
        ("reopened", AccountWrite::Reopen.into()),
    ];
    let mut known = first.version;
    for (case, write) in steps {
        ada.write(write).await.unwrap();
        let changes = store.access_since(known).await.unwrap().expect(case);
        let changed: Vec<_> = changes.changed.iter().map(|changed| changed.account.id).collect();
        assert_eq!(changed, [ada.account], "{case}");
        assert_eq!(changes.changed[0].keys, [(KeySlot::Key1, [7; 32])], "{case}");
        assert_eq!(changes.changed[0].account.closed_at.is_some(), case == "closed", "{case}");
        known = changes.version;
    }
    assert_eq!(store.access_since(first.version).await.unwrap().unwrap().changed.len(), 1);
    // A node that comes from a later history starts over.
    assert_eq!(store.access_since(known + 10).await.unwrap().unwrap().changed.len(), 2);
    assert!(store.access_since(0).await.unwrap().unwrap().accounts.contains(&bob.account));
}

pub(crate) async fn closed_account_is_destroyed_when_its_time_has_come(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let bob = ada.neighbour(2).await;
    let family = group("family");
    for scene in [&ada, &bob] {
        scene.create(&family).await;
        for _ in 0..3 {
            let person = scene.id();
            scene.write(create_person(&family, person)).await.unwrap();
            scene.add_face(&family, Some(person)).await;
        }
        let enrolled = scene.enrol().await;
        scene.write(crate::scene::create_group("staff", &[enrolled])).await.unwrap();
        scene.write(FaceIdWrite::Keep { faces: vec![scene.detected(HOUR_MILLIS)] }).await.unwrap();
        scene.write(revoked("a token", "", None)).await.unwrap();
    }
    ada.write(settings(names("/a", "a"), "one", 0)).await.unwrap();
    let mine = ada.take(&family, &[bob.account]).await;
    bob.take(&family, &[ada.account]).await;

    let destroy = || AccountWrite::Destroy { limit: 4 };
    assert_refused!(ada.write(destroy()).await, StoreError::AccountState);
    let ends_at = Timestamp::from_millis(ada.now().as_millis() + HOUR_MILLIS);
    ada.write(AccountWrite::Close { ends_at }).await.unwrap();
    assert_refused!(ada.write(destroy()).await, StoreError::AccountState);
    ada.wait_millis(HOUR_MILLIS);
    let begun = ada.write(destroy()).await.unwrap();
    assert!(begun.more && begun.removed == 1, "{begun:?}");
    ada.store.evict_keys(ada.account).await;
    // The key is gone: nothing opens, nothing is written, nothing brings it back.
    assert_refused!(ada.write(AccountWrite::Reopen).await, StoreError::AccountNotFound);
    assert_refused!(ada.write(create_person(&family, ada.id())).await, StoreError::AccountNotFound);
    let mut rounds = 0;
    while ada.write(destroy()).await.unwrap().more {
        rounds += 1;
        assert!(rounds < 100);
    }
    assert!(rounds > 3, "in parts");
    assert_eq!(ada.store.account(ada.account).await.unwrap(), None);
    assert_refused!(ada.write(destroy()).await, StoreError::AccountNotFound);
    assert!(ada.store.snapshot(bob.account, mine, bob.now()).await.unwrap().is_none());
    assert!(ada.store.totals(ada.account).await.unwrap().iter().all(|total| total.containers == 0));

    // The audit log is whole and stays; so does everything of the neighbour.
    let log = ada.store.audit(ada.account, 0, 1_000).await.unwrap();
    assert_eq!(log.last().unwrap().action, "destroy_account");
    crate::scene::chain(&*ada.store, &log).unwrap();
    assert_eq!(bob.container(&family).await.faces, 3);
    assert_eq!(bob.members("staff").await.len(), 1);
    // The names are free for others.
    bob.write(settings(names("/a", "a"), "his", 0)).await.unwrap();
}

pub(crate) async fn installation_is_no_account(backend: &dyn Backend) {
    let ada = Scene::new(backend).await;
    let mut operator = Scene::visit(ada.store.clone(), 9);
    operator.account = AccountId::INSTALLATION;
    operator.write(AccountWrite::Create(NewAccount::default())).await.unwrap();
    operator.write(revoked("a token", "x", None)).await.unwrap();
    assert_eq!(read(&operator, RecordKind::RevokedToken, "a token").await, Some(("x".into(), 1)));
    let accounts = ada.store.accounts().await.unwrap();
    assert!(accounts.iter().all(|account| account.id != AccountId::INSTALLATION), "{accounts:?}");
    let changes = ada.store.access_since(0).await.unwrap().unwrap();
    assert!(changes.accounts.contains(&AccountId::INSTALLATION));
}

pub(crate) async fn events_and_counters_stand_beside_the_records(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let event = |outcome, detail: Option<&str>| {
        AuditWrite::Event(AuditEvent { action: "use_token".into(), outcome, detail: detail.map(str::to_owned) })
    };
    scene.write(event(AuditOutcome::Applied, Some(r#"{"token":"t"}"#))).await.unwrap();
    scene.write(event(AuditOutcome::Refused, None)).await.unwrap();
    let rows = scene.store.audit(scene.account, 1, 10).await.unwrap();
    let said: Vec<_> = rows.iter().map(|row| (row.action.as_str(), row.outcome, row.detail.as_deref())).collect();
    assert_eq!(
        said,
        [("use_token", AuditOutcome::Applied, Some(r#"{"token":"t"}"#)), ("use_token", AuditOutcome::Refused, None)]
    );
    let all = scene.store.audit(scene.account, 0, 10).await.unwrap();
    crate::scene::chain(&*scene.store, &all).unwrap();
    let mut forged = all.clone();
    forged[1].detail = Some("{}".into());
    assert!(crate::scene::chain(&*scene.store, &forged).is_err());
    forged[1].detail = None;
    assert!(crate::scene::chain(&*scene.store, &forged).is_err());

    let count = |day, operation: &str, calls, billed| Usage { day, operation: operation.into(), calls, billed };
    let counts = vec![count(1, "Detect", 2, 1), count(2, "Detect", 1, 1), count(1, "Verify", 5, 5)];
    scene.write(UsageWrite::Count { counts }).await.unwrap();
    scene.write(UsageWrite::Count { counts: vec![count(1, "Detect", 1, 1)] }).await.unwrap();
    let read = scene.store.usage(scene.account, 1, 1).await.unwrap();
    assert_eq!(read, [count(1, "Detect", 3, 2), count(1, "Verify", 5, 5)]);
    assert_eq!(scene.store.usage(scene.account, 2, 9).await.unwrap().len(), 1);
    assert_eq!(scene.store.audit(scene.account, 0, 10).await.unwrap().len(), all.len(), "counting leaves no row");

    // Search events: a row each, in order, with their own times, actors and requests, in the same chain.
    let target = Some(AuditTarget { kind: ContainerKind::LargePersonGroup, number: 7 });
    let search = |number: u8, target| SearchEvent {
        at: Timestamp::from_millis(i64::from(number)),
        actor: Actor::Principal("ada".into()),
        request_id: Uuid::from_u128(u128::from(number)),
        action: "identify".into(),
        target,
        records: u64::from(number),
    };
    let searches = vec![search(1, target), search(2, None)];
    scene.write(AuditWrite::Searches { searches }).await.unwrap();
    scene.write(AuditWrite::Searches { searches: Vec::new() }).await.unwrap();
    let log = scene.store.audit(scene.account, 0, 100).await.unwrap();
    crate::scene::chain(&*scene.store, &log).unwrap();
    let said: Vec<_> = log[all.len()..]
        .iter()
        .map(|row| (row.at.as_millis(), row.actor.as_str(), row.target, row.request_id, row.records))
        .collect();
    let expected = [1_u8, 2].map(|number| {
        let target = target.filter(|_| number == 1);
        (i64::from(number), "principal ada", target, Uuid::from_u128(u128::from(number)), u64::from(number))
    });
    assert_eq!(said, expected);
}

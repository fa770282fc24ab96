//! Each applied command leaves one row in the audit log, a refused one leaves none, and the chain of rows holds.

use likeness_base::Timestamp;
use likeness_store::{
    AccountId, AccountWrite, Actor, AuditEntry, AuditEvent, AuditOutcome, AuditWrite, ChainBroken, ContainerKind,
    ContainerWrite, ExpireDue, FaceIdWrite, FaceWrite, GENESIS, KeySlot, NewRecord, PersonWrite, RecordKind,
    RecordWrite, StoreError, TrainingOutcome, TrainingWrite, Write,
};

use crate::assert_refused;
use crate::scene::{
    Backend, HOUR_MILLIS, Scene, add_face, chain, create, create_person, delete, delete_face, delete_person, group,
    text,
};

async fn history(scene: &Scene) -> Vec<AuditEntry> {
    let rows = scene.store.audit(scene.account, 0, 1_000).await.unwrap();
    chain(&*scene.store, &rows).unwrap();
    rows
}

pub(crate) async fn every_command_leaves_one_row_of_a_chain(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let container = group("family");
    let person = scene.id();
    let face = scene.face();
    let face_id = face.id;
    let both = || container.clone();
    let commands: [(Write, u64); _] = [
        (AccountWrite::SetKey { slot: KeySlot::Key1, value: text("a key"), lookup: [1; 32] }.into(), 1),
        (create(&container), 1),
        (ContainerWrite::Update { container: both(), name: Some(text("other")), user_data: None }.into(), 1),
        (create_person(&container, person), 1),
        (PersonWrite::Update { container: both(), person, name: None, user_data: Some(text("note")) }.into(), 1),
        (add_face(&container, Some(person), face), 1),
        (FaceWrite::Update { container: both(), person: Some(person), face: face_id, user_data: None }.into(), 1),
        (TrainingWrite::Start { container: both() }.into(), 1),
        (TrainingWrite::Progress { container: both(), training: 1 }.into(), 1),
        (TrainingWrite::Finish { container: both(), training: 1, outcome: TrainingOutcome::Succeeded }.into(), 1),
        (
            FaceIdWrite::Keep { faces: vec![scene.detected(0), scene.detected(0), scene.detected(HOUR_MILLIS)] }.into(),
            3,
        ),
        (ExpireDue { limit: 100, ..ExpireDue::default() }.into(), 2),
        (delete_face(&container, Some(person), face_id), 1),
        (add_face(&container, Some(person), scene.face()), 1),
        (delete_person(&container, person), 2),
        (create_person(&container, scene.id()), 1),
        (delete(&container), 2),
    ];
    for (write, records) in commands {
        let action = write.action();
        let before = history(&scene).await.len();
        scene.wait_millis(1);
        scene.write(write).await.unwrap();
        let rows = history(&scene).await;
        let last = rows.last().unwrap();
        assert_eq!(rows.len(), before + 1, "{action}");
        assert_eq!((last.action.as_str(), last.records, last.at), (action, records, scene.now()));
    }
    // The chain holds page by page too.
    let rows = history(&scene).await;
    let first_page = scene.store.audit(scene.account, 0, 5).await.unwrap();
    let second_page = scene.store.audit(scene.account, 5, 1_000).await.unwrap();
    let mut check = scene.store.chain_check();
    check.add(&first_page).unwrap();
    check.add(&second_page).unwrap();
    let whole = check.finish().unwrap();
    let last = rows.last().unwrap();
    assert_eq!((whole.first, whole.last, whole.link), (1, last.sequence, last.link));
}

pub(crate) async fn refused_command_leaves_no_row(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    scene.create(&group("family")).await;
    let before = history(&scene).await;
    assert_refused!(scene.write(create(&group("family"))).await, StoreError::ContainerExists);
    assert_refused!(scene.write(delete(&group("other"))).await, StoreError::ContainerNotFound);
    assert_eq!(history(&scene).await, before);
}

pub(crate) async fn chain_goes_on_after_reopening(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    scene.create(&group("one")).await;
    let before = history(&scene).await;
    scene.store.close().await;
    let scene = Scene::visit(backend.open().await, 1);
    scene.create(&group("two")).await;
    let after = history(&scene).await;
    assert_eq!(after[..before.len()], before);
    assert_eq!(after.len(), before.len() + 1);
}

pub(crate) async fn rows_tell_who_what_and_where_and_nothing_else(backend: &dyn Backend) {
    let mut scene = Scene::new(backend).await;
    scene.actor = Actor::Operator;
    let number = scene
        .write(ContainerWrite::Create {
            container: group("wire-id"),
            name: text("Secret Name"),
            user_data: Some(text("Secret Data")),
            model: "recognition_04".into(),
            limit: None,
        })
        .await
        .unwrap()
        .container
        .unwrap();
    let rows = history(&scene).await;
    let row = rows.last().unwrap();
    assert_eq!((row.account, row.actor.as_str(), row.sequence), (scene.account, "operator", 2));
    let target = row.target.unwrap();
    assert_eq!((target.kind, target.number), (ContainerKind::LargePersonGroup, number));
    assert!(rows[0].target.is_none(), "an account is not a container");
    assert_eq!(rows[0].previous, GENESIS);
    let everything = format!("{rows:?}");
    for secret in ["Secret Name", "Secret Data", "wire-id"] {
        assert!(!everything.contains(secret), "{secret}");
    }
    assert_ne!(scene.account, AccountId(row.request_id));
}

pub(crate) async fn old_rows_are_removed_and_the_rest_can_be_checked(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    scene.write(AccountWrite::SetKey { slot: KeySlot::Key1, value: text("a key"), lookup: [1; 32] }).await.unwrap();
    for name in ["one", "two", "three"] {
        scene.wait_millis(HOUR_MILLIS);
        scene.create(&group(name)).await;
    }
    let all = history(&scene).await;
    assert_eq!(scene.write(prune(&scene, HOUR_MILLIS * 9, 100)).await.unwrap().removed, 0, "nothing is so old");
    assert_eq!(history(&scene).await, all, "and no row says so");
    // Two rows are older than that: the account and its key.
    let pruned = scene.write(prune(&scene, HOUR_MILLIS * 2 + 1, 100)).await.unwrap();
    assert_eq!((pruned.removed, pruned.more), (2, false));
    let rows = scene.store.audit(scene.account, 0, 100).await.unwrap();
    assert_eq!((rows[0].sequence, rows.last().unwrap().action.as_str()), (3, "prune_audit_log"));
    let whole = chain(&*scene.store, &rows).unwrap();
    assert_eq!((whole.first, whole.last), (3, 6));
    assert!(scene.store.is_access_as_audited(scene.account).await.unwrap(), "it is told by the new row");
    // Whoever removes rows by themselves is found, at the front and in between.
    assert_eq!(chain(&*scene.store, &rows[1..]), Err(ChainBroken { sequence: 3 }));
    assert_eq!(chain(&*scene.store, &all[1..]), Err(ChainBroken { sequence: 1 }));
    // All but the newest go, in parts, and what tells of former removals goes with them.
    scene.wait_millis(HOUR_MILLIS * 100);
    let mut parts = 0;
    while scene.write(prune(&scene, HOUR_MILLIS, 2)).await.unwrap().more {
        parts += 1;
        assert!(parts < 10);
    }
    let rows = scene.store.audit(scene.account, 0, 100).await.unwrap();
    assert!(rows.len() <= 3, "{rows:?}");
    chain(&*scene.store, &rows).unwrap();
    assert!(scene.store.is_access_as_audited(scene.account).await.unwrap());
    scene.create(&group("four")).await;
    chain(&*scene.store, &scene.store.audit(scene.account, 0, 100).await.unwrap()).unwrap();
}

fn prune(scene: &Scene, age_millis: i64, limit: u32) -> AuditWrite {
    AuditWrite::Prune { before: Timestamp::from_millis(scene.now().as_millis() - age_millis), limit }
}

pub(crate) async fn who_left_becomes_a_pseudonym_and_the_chain_holds(backend: &dyn Backend) {
    let mut scene = Scene::new(backend).await;
    let ada = Actor::Principal("ada@example".into());
    for (actor, name) in [(ada.clone(), "one"), (Actor::Operator, "two"), (ada.clone(), "three")] {
        scene.actor = actor;
        scene.create(&group(name)).await;
    }
    scene.actor = Actor::Operator;
    let told = AuditEvent::done("change_settings", Some(r#"{"subject":"ada@example"}"#));
    scene.write(AuditWrite::Event(told)).await.unwrap();
    let before = history(&scene).await;
    let (mut after, mut changed) = (0, 0);
    loop {
        let write = AuditWrite::Pseudonymise { actor: ada.clone(), after, limit: 2 };
        let applied = scene.write(write).await.unwrap();
        changed += applied.removed;
        if !applied.more {
            break;
        }
        after = applied.version.try_into().unwrap();
    }
    assert_eq!(changed, 3);
    let rows = history(&scene).await;
    assert!(!format!("{rows:?}").contains("ada@example"));
    let pseudonyms: Vec<&str> = [1, 3].map(|row: usize| rows[row].actor.as_str()).to_vec();
    assert_eq!(pseudonyms[0], pseudonyms[1], "their rows still belong together");
    assert!(pseudonyms[0].starts_with("pseudonym:"), "{pseudonyms:?}");
    for (row, was) in rows.iter().zip(&before) {
        assert_eq!((row.sequence, row.link), (was.sequence, was.link));
    }
    assert_eq!(rows[2].actor, "operator");
    // Whose id is a word of other details takes nothing from these, least of all from the row about removed rows.
    scene.wait_millis(HOUR_MILLIS);
    scene.write(prune(&scene, 1, 2)).await.unwrap();
    let pruned = scene.store.audit(scene.account, 0, 1_000).await.unwrap();
    for word in ["link", "through", "subject", "ada"] {
        let actor = Actor::Principal(word.into());
        assert_eq!(scene.write(AuditWrite::Pseudonymise { actor, after: 0, limit: 1_000 }).await.unwrap().removed, 0);
    }
    let after = scene.store.audit(scene.account, 0, 1_000).await.unwrap();
    assert_eq!((after.len(), chain(&*scene.store, &after).is_ok()), (pruned.len(), true));
    // Keys, the operator and the program are nobody.
    let nobody = AuditWrite::Pseudonymise { actor: Actor::Key1, after: 0, limit: 10 };
    assert_refused!(scene.write(nobody).await, StoreError::Inconsistent(_));
}

pub(crate) async fn meddling_is_found_where_it_happened(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    scene.create(&group("one")).await;
    scene.create(&group("two")).await;
    scene.write(AuditWrite::Event(AuditEvent::done("note", Some("{}")))).await.unwrap();
    let rows = history(&scene).await;
    type Meddle = fn(&mut Vec<AuditEntry>);
    let cases: [(&str, Meddle, i64); 17] = [
        ("time", |rows| rows[1].at = Timestamp::from_millis(5), 2),
        ("actor", |rows| rows[1].actor = "key2".into(), 2),
        ("a pseudonym made up", |rows| rows[1].actor = format!("pseudonym:{}", "00".repeat(32)), 2),
        ("letters moved", |rows| (rows[1].actor, rows[1].action) = ("key1c".into(), "reate_container".into()), 2),
        ("action", |rows| rows[1].action = "delete_face".into(), 2),
        ("target dropped", |rows| rows[1].target = None, 2),
        ("target", |rows| rows[1].target.as_mut().unwrap().number += 1, 2),
        ("records", |rows| rows[1].records = 0, 2),
        ("outcome", |rows| rows[1].outcome = AuditOutcome::Refused, 2),
        ("request", |rows| rows[1].request_id = uuid::Uuid::nil(), 2),
        ("detail", |rows| rows[3].detail = None, 4),
        ("access", |rows| rows[0].access_digest = None, 1),
        ("access put in", |rows| rows[1].access_digest = Some([7; 32]), 2),
        ("account", |rows| rows[1].account = AccountId(uuid::Uuid::nil()), 2),
        ("link", |rows| rows[1].link[0] ^= 1, 2),
        ("dropped", |rows| drop(rows.remove(1)), 2),
        ("swapped", |rows| rows.swap(1, 2), 2),
    ];
    for (name, meddle, sequence) in cases {
        let mut rows = rows.clone();
        meddle(&mut rows);
        assert_eq!(chain(&*scene.store, &rows), Err(ChainBroken { sequence }), "{name}");
    }
    assert_eq!(chain(&*scene.store, &rows[..3]).unwrap().last, 3, "only who keeps a link sees that the end is cut off");
}

pub(crate) async fn every_change_of_access_is_told(backend: &dyn Backend) {
    let scene = Scene::new(backend).await;
    let account = scene.account;
    let holds = async || assert!(scene.store.is_access_as_audited(account).await.unwrap());
    holds().await;
    let put = |kind, id: &str, life: Option<i64>| {
        let expires_at = life.map(|life| Timestamp::from_millis(scene.now().as_millis() + life));
        RecordWrite::Put(NewRecord { expires_at, ..NewRecord::new(kind, id, b"a value".to_vec().into()) })
    };
    let mut digests = std::collections::HashSet::new();
    for write in [
        Write::from(AccountWrite::SetKey { slot: KeySlot::Key1, value: text("a key"), lookup: [1; 32] }),
        AccountWrite::SetKey { slot: KeySlot::Key1, value: text("another"), lookup: [2; 32] }.into(),
        put(RecordKind::SigningKey, "signs", None).into(),
        put(RecordKind::RevokedToken, "a token", Some(HOUR_MILLIS)).into(),
        put(RecordKind::RevokedToken, "a token", Some(HOUR_MILLIS)).into(),
        RecordWrite::Delete { kind: RecordKind::SigningKey, id: "signs".into() }.into(),
        AccountWrite::Close { ends_at: Timestamp::from_millis(scene.now().as_millis() + 9 * HOUR_MILLIS) }.into(),
    ] {
        scene.wait_millis(1);
        let action = write.action();
        scene.write(write).await.unwrap();
        holds().await;
        assert!(digests.insert(history(&scene).await.last().unwrap().access_digest.unwrap()), "{action}");
    }
    scene.write(AccountWrite::Reopen).await.unwrap();
    holds().await;
    scene.create(&group("one")).await;
    assert_eq!(history(&scene).await.last().unwrap().access_digest, None);
    // What expires is told by the sweep that removes it.
    scene.wait_millis(2 * HOUR_MILLIS);
    holds().await;
    scene.write(ExpireDue { limit: 100, ..ExpireDue::default() }).await.unwrap();
    holds().await;
    assert!(history(&scene).await.last().unwrap().access_digest.is_some());
    scene.write(AuditWrite::AcceptAccess).await.unwrap();
    holds().await;
}

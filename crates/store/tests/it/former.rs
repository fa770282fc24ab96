//! Data that programs of former versions wrote, byte for byte.

use std::path::Path;
use std::sync::Arc;

use likeness_base::Timestamp;
use likeness_store::{AccountNames, Expected, NewRecord, RecordKind, RecordWrite, Store, StoreError};

use crate::assert_refused;
use crate::scene::{HOUR_MILLIS, START, Scene};

/// Takes back what the seventh and the eighth schema added, in words that both engines understand.
pub(crate) const BACK_TO_THE_SIXTH: [&str; 17] = [
    "DROP INDEX data_key_provider",
    "ALTER TABLE installation DROP COLUMN provider",
    "ALTER TABLE installation DROP COLUMN provider_version",
    "ALTER TABLE installation DROP COLUMN wrapped",
    "ALTER TABLE installation DROP COLUMN backed_up_at",
    "ALTER TABLE data_key DROP COLUMN provider",
    "ALTER TABLE data_key DROP COLUMN provider_version",
    "ALTER TABLE data_key DROP COLUMN check_value",
    "ALTER TABLE account DROP COLUMN key_disabled_at",
    "ALTER TABLE account DROP COLUMN key_used_at",
    "ALTER TABLE account DROP COLUMN backed_up_at",
    "DROP INDEX audit_access",
    "ALTER TABLE account DROP COLUMN stored_bytes",
    "ALTER TABLE audit DROP COLUMN access_digest",
    "ALTER TABLE audit RENAME COLUMN link TO hash",
    "ALTER TABLE audit RENAME COLUMN previous TO prev_hash",
    "ALTER TABLE installation DROP COLUMN sealed_check",
];

/// The table of documents as the fifth schema has it, in words that both engines understand, and in it what the program of
/// that time wrote for the account of seed 1 under the installation key of seed 1. `X'…'` stands for bytes.
pub(crate) const DOCUMENTS: [&str; 6] = [
    "INSERT INTO account (account_id, created_at, resource, subdomain)
     VALUES (X'0000000000000001773f413ee33c31f4', 1767225600000, '/former', 'former')",
    "INSERT INTO data_key (account_id, key_id, created_at, wrapped) VALUES
     (X'0000000000000001773f413ee33c31f4', 1, 1767225600000,
      X'0100000000429b47c345868b669041d5534acb96acaf3020abfc30b3bac94879e081623d228d22382ccae0f7412185a878fbb8360af1424430f0d411098ba4265a')",
    "INSERT INTO document (account_id, kind, name, version, written_at, expires_at, sealed) VALUES
     (X'0000000000000001773f413ee33c31f4', 1, 'settings', 2, 1767225600000, NULL,
      X'0100000001a1d4de2628e011366d8460da22f1387f0069d3a8b65acbf02be94a2c01ab180de853653a9fc5')",
    "INSERT INTO document (account_id, kind, name, version, written_at, expires_at, sealed) VALUES
     (X'0000000000000001773f413ee33c31f4', 2, 'a signing key', 1, 1767225600000, NULL,
      X'0100000001afcc01633f4a901b75866e3e9c3c1ea46c46ed04e000deb1372d68c2cd51848c3ca619216666')",
    "INSERT INTO document (account_id, kind, name, version, written_at, expires_at, sealed) VALUES
     (X'0000000000000001773f413ee33c31f4', 2, 'an old signing key', 1, 1767225600000, 1767229200005,
      X'01000000014c60d2fe928a527b7fca1bbebc715dbee90bfdf4c2f4511c15cb993a7ca3b68ce1cc05016ea808')",
    "INSERT INTO document (account_id, kind, name, version, written_at, expires_at, sealed) VALUES
     (X'0000000000000001773f413ee33c31f4', 3, 'a token', 1, 1767225600000, 1767229200005,
      X'010000000143554f2bb2336f11b0f3f0fef3dc9c7a5cc682dd22b23bc1504521bc')",
];

/// The key of the hour in which two of them end, as its file holds it.
const HOUR_KEY: (&str, &str) = (
    "490897.hour-key",
    "010000000047e1bf1a2f4311fa68df91b633f962fd60319c39206f8b0a540ea3492e2b4523b12e4d0f540f1473728db41fe954bbf7e1780b512acba098fa09f377",
);

/// Puts the key of the hour where it was.
pub(crate) fn keep_hour_key(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(HOUR_KEY.0), hex::decode(HOUR_KEY.1).unwrap()).unwrap();
}

/// Nothing was lost on the way to records, and everything can be written on.
pub(crate) async fn documents_are_records(store: Arc<dyn Store>) {
    let scene = Scene::visit(store, 1);
    let names = AccountNames { resource: Some("/former".into()), subdomain: Some("former".into()) };
    assert_eq!(scene.store.account(scene.account).await.unwrap().unwrap().names, names);
    let ends = Some(Timestamp::from_millis(START.as_millis() + HOUR_MILLIS + 5));
    let read = async |kind, id: &str| {
        let record = scene.store.record(scene.account, kind, id, scene.now()).await.unwrap();
        record.map(|found| {
            assert_eq!((found.created_at, found.updated_at), (START, START));
            (String::from_utf8(found.value.expose().clone()).unwrap(), found.version, found.expires_at)
        })
    };
    assert_eq!(read(RecordKind::Settings, "settings").await, Some(("settings 2".into(), 2, None)));
    assert_eq!(read(RecordKind::SigningKey, "a signing key").await, Some(("what signs".into(), 1, None)));
    assert_eq!(read(RecordKind::SigningKey, "an old signing key").await, Some(("what signed".into(), 1, ends)));
    assert_eq!(read(RecordKind::RevokedToken, "a token").await, Some((String::new(), 1, ends)));
    // They change from the version that they had.
    let next = |expected| {
        let record = NewRecord::new(RecordKind::SigningKey, "a signing key", b"ends".to_vec().into());
        RecordWrite::Put(record.until(ends).expecting(Expected::Version(expected)))
    };
    assert_refused!(scene.write(next(2)).await, StoreError::RecordChanged);
    assert_eq!(scene.write(next(1)).await.unwrap().version, 2);
    scene.wait_millis(HOUR_MILLIS + 5);
    assert_eq!(
        scene
            .write(likeness_store::ExpireDue { limit: 10, ..likeness_store::ExpireDue::default() })
            .await
            .unwrap()
            .removed,
        3
    );
    assert!(read(RecordKind::Settings, "settings").await.is_some());
}

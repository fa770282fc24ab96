//! What only the PostgreSQL backend has: a server that others use too.

use std::sync::Arc;

use async_trait::async_trait;
use likeness_store::keys::InstallationKey;
use likeness_store::{PostgresStore, PostgresTarget, Store, StoreError};

use crate::scene::{Backend, Dice, fresh_key};

/// A database of its own in the cluster that all tests share.
pub(crate) struct PostgresBackend {
    pub(crate) url: String,
}

/// A backend with nothing in it.
pub(crate) fn fresh() -> PostgresBackend {
    let name = format!("t{}", fresh_key().simple());
    let status = std::process::Command::new("psql").args(["-h", "/tmp/lkdev/s", "-U", "postgres", "-qc", &format!("create database {name}"), "postgres"]).status().unwrap();
    assert!(status.success());
    PostgresBackend { url: format!("postgres://postgres@localhost/{name}?host=/tmp/lkdev/s") }
}

#[async_trait]
impl Backend for PostgresBackend {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(open_with(&self.url, 1).await.unwrap())
    }
}

/// Opens with the installation key of that seed.
pub(crate) async fn open_with(url: &str, key_seed: u64) -> Result<PostgresStore, StoreError> {
    let key = InstallationKey::generate(&Dice::new(key_seed));
    let target = PostgresTarget::new(&url.to_owned().into())?.with_connections(4);
    // Nonces must differ between openings of the same data.
    let seed = fresh_key().as_u64_pair().0;
    PostgresStore::open(&target, Arc::new(key), Arc::new(Dice::new(seed))).await
}

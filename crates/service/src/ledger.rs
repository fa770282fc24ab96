//! The one way to write.
//!
//! Every durable write of the program goes through [`Ledger::apply`]: the store commits it, then the galleries that
//! are open follow the change feed up to that version before the call returns. So a caller who got an answer finds
//! their own write, and no handler ever touches a gallery.

use crate::galleries::Galleries;
use likeness_store::{Applied, Command, Store, StoreError};
use std::sync::Arc;

/// The only way to write.
pub struct Ledger {
    store: Arc<dyn Store>,
    galleries: Option<Arc<Galleries>>,
}

impl Ledger {
    /// A ledger over a store and the galleries that follow it.
    pub fn new(store: Arc<dyn Store>, galleries: Arc<Galleries>) -> Self {
        Self { store, galleries: Some(galleries) }
    }

    /// A ledger where nothing is searched: that of the command line.
    pub fn without_galleries(store: Arc<dyn Store>) -> Self {
        Self { store, galleries: None }
    }

    /// Writes, and brings open galleries up to date.
    ///
    /// # Errors
    /// What the store says; then nothing was written. A gallery that cannot follow is closed and read anew when
    /// it is next asked: the write is acknowledged all the same, because it is durable.
    pub async fn apply(&self, command: Command) -> Result<Applied, StoreError> {
        let (store, galleries) = (self.store.clone(), self.galleries.clone());
        // A task of its own: a caller that goes away after the commit must not keep the galleries from following.
        let work = async move {
            let account = command.account;
            let operation = command.write.action();
            let begun = std::time::Instant::now();
            let applied = store.apply(command).await?;
            metrics::histogram!("likeness_store_write_seconds", "write" => operation)
                .record(begun.elapsed().as_secs_f64());
            if let (Some(galleries), Some(number)) = (galleries, applied.container) {
                galleries.follow(account, number).await;
            }
            Ok(applied)
        };
        tokio::spawn(work).await.map_err(|error| StoreError::Backend(Box::new(error)))?
    }
}

//! A provider that is asked for a bounded time.
//!
//! One that hangs costs whoever asks it two seconds, and after the third time in a row nothing for a while: then it is left
//! alone. Nobody else waits for it.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::{KeyBytes, KeyDescription, KeyProvider, ProviderError, Signer, SigningKey};

/// How long a provider may take over one call.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// Failures in a row after which it is left alone.
const MOST_FAILURES: u32 = 3;
/// For how long.
pub const LEFT_ALONE: Duration = Duration::from_secs(10);
/// Calls under way at once.
const MOST_CALLS: usize = 16;

/// A provider with a deadline for each call and a breaker.
pub struct Bounded<P: ?Sized> {
    provider: Arc<P>,
    calls: Semaphore,
    failures: Mutex<Failures>,
}

#[derive(Default)]
struct Failures {
    in_a_row: u32,
    left_alone_until: Option<Instant>,
}

impl<P: ?Sized> Bounded<P> {
    /// Bounds a provider.
    pub fn new(provider: Arc<P>) -> Self {
        Self { provider, calls: Semaphore::new(MOST_CALLS), failures: Mutex::default() }
    }

    /// Asks, unless the provider is left alone.
    async fn ask<T>(&self, question: impl Future<Output = Result<T, ProviderError>>) -> Result<T, ProviderError> {
        if self.is_left_alone() {
            return Err(ProviderError::TimedOut);
        }
        let asked = timeout(PATIENCE, async {
            let _call = self.calls.acquire().await.map_err(|_| ProviderError::Unreachable)?;
            question.await
        });
        let answer = asked.await.unwrap_or(Err(ProviderError::TimedOut));
        self.note(matches!(answer, Err(ProviderError::TimedOut | ProviderError::Unreachable)));
        answer
    }

    fn is_left_alone(&self) -> bool {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.left_alone_until.is_some_and(|until| Instant::now() < until)
    }

    fn note(&self, failed: bool) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if !failed {
            *failures = Failures::default();
            return;
        }
        failures.in_a_row += 1;
        // After the pause one call finds out whether it answers again.
        if failures.in_a_row >= MOST_FAILURES {
            failures.left_alone_until = Some(Instant::now() + LEFT_ALONE);
        }
    }
}

#[async_trait]
impl<P: KeyProvider + ?Sized> KeyProvider for Bounded<P> {
    async fn describe(&self) -> Result<KeyDescription, ProviderError> {
        self.ask(self.provider.describe()).await
    }

    async fn wrap(&self, context: &[u8], key: &KeyBytes) -> Result<Vec<u8>, ProviderError> {
        self.ask(self.provider.wrap(context, key)).await
    }

    async fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<KeyBytes, ProviderError> {
        self.ask(self.provider.unwrap(context, wrapped)).await
    }

    async fn rewrap(&self, context: &[u8], wrapped: &[u8]) -> Result<Option<Vec<u8>>, ProviderError> {
        self.ask(self.provider.rewrap(context, wrapped)).await
    }

    async fn rotate(&self) -> Result<u32, ProviderError> {
        self.ask(self.provider.rotate()).await
    }

    fn version(&self, wrapped: &[u8]) -> Option<u32> {
        self.provider.version(wrapped)
    }
}

#[async_trait]
impl<P: Signer + ?Sized> Signer for Bounded<P> {
    async fn create(&self, name: &str) -> Result<SigningKey, ProviderError> {
        self.ask(self.provider.create(name)).await
    }

    async fn sign(&self, handle: &[u8], message: &[u8]) -> Result<[u8; 64], ProviderError> {
        self.ask(self.provider.sign(handle, message)).await
    }

    async fn retire(&self, handle: &[u8]) -> Result<(), ProviderError> {
        self.ask(self.provider.retire(handle)).await
    }
}

impl<P: fmt::Debug + ?Sized> fmt::Debug for Bounded<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bounded({:?})", self.provider)
    }
}

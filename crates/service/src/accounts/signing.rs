//! The keys that sign tokens: made at the first start, replaced in time, published until the last token they signed is
//! over.

use super::{AccountError, AccountService, Attribution};
use likeness_base::random_bytes;
use likeness_rules::SigningKey;
use likeness_store::{AccountId, NewRecord, RecordKind, RecordWrite};
use std::time::Duration;

/// How long a key signs before another takes its place.
const SIGNS_FOR: Duration = Duration::from_secs(90 * 86_400);
/// How long a replaced key is published: a token lives a day at most.
const PUBLISHED_FOR: Duration = Duration::from_secs(2 * 86_400);

/// What becomes of the keys that signed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormerKeys {
    /// They count until the last token they signed has ended.
    UseUp,
    /// They, and all tokens they signed, count no longer: one has leaked.
    End,
}

impl AccountService {
    /// Makes the first key, or a new one when the newest has signed for long enough.
    ///
    /// # Errors
    /// What the store says.
    pub async fn rotate_due_signing_keys(&self) -> Result<(), AccountError> {
        let newest = self.cache.last_known().signing().next().map(|key| key.created_at());
        let now = self.clock.now().as_seconds();
        let lasts = i64::try_from(SIGNS_FOR.as_secs()).unwrap_or(i64::MAX);
        if newest.is_some_and(|made| now.saturating_sub(made) < lasts) && !self.is_signed_elsewhere().await? {
            return Ok(());
        }
        self.rotate_signing_key(&Attribution::of_operator(), FormerKeys::UseUp).await.map(drop)
    }

    /// Whether the key that signs is with somebody else than the provider of the installation's key.
    async fn is_signed_elsewhere(&self) -> Result<bool, AccountError> {
        let Some(newest) = self.cache.last_known().signing().next().cloned() else { return Ok(false) };
        let provider = self.store.key_status(AccountId::INSTALLATION).await?.provider;
        Ok(newest.holder().map(|(name, _)| name) != provider.as_deref())
    }

    /// Makes a new key, which signs from now on, and lets the former ones end. Gives the new key's id.
    ///
    /// # Errors
    /// What the store says.
    pub async fn rotate_signing_key(
        &self,
        attribution: &Attribution,
        fate: FormerKeys,
    ) -> Result<String, AccountError> {
        let former: Vec<_> = self.cache.last_known().signing().cloned().collect();
        let now = self.clock.now();
        // The newest signs, so this one is newer than the former ones, also within a second or with a clock that went back.
        let after = former.iter().map(|key| key.created_at().saturating_add(1)).max().unwrap_or(i64::MIN);
        let made = now.as_seconds().max(after);
        let key = match self.store.key_status(AccountId::INSTALLATION).await?.provider {
            Some(provider) => {
                let name = format!("likeness-token-{}", hex::encode(random_bytes::<8>(&*self.randomness)));
                let key = self.holders.make_signing_key(&provider, &name, made).await;
                key.map_err(|error| AccountError::Store(error.into()))?
            }
            None => SigningKey::generate(&*self.randomness, made),
        };
        let put = |key: &SigningKey, expires_at| {
            let record = NewRecord::new(RecordKind::SigningKey, key.key_id(), key.to_bytes());
            RecordWrite::Put(record.until(expires_at))
        };
        self.write_access(AccountId::INSTALLATION, attribution, put(&key, None)).await?;
        for old in former {
            let known = self.store.record(AccountId::INSTALLATION, RecordKind::SigningKey, old.key_id(), now).await?;
            let Some(known) = known else { continue };
            let ends = match fate {
                FormerKeys::UseUp if known.expires_at.is_some() => continue,
                FormerKeys::UseUp => now.plus(PUBLISHED_FOR),
                FormerKeys::End => now,
            };
            self.write_access(AccountId::INSTALLATION, attribution, put(&old, Some(ends))).await?;
            if fate == FormerKeys::End {
                self.holders.retire(&old).await;
            }
        }
        Ok(key.key_id().to_owned())
    }
}

//! Quick links: a liveness token handed to a browser once, by an address that can be sent (`face-api.md` section 5.5).
//!
//! A link is a bearer secret: the store has its digest alone, under the installation, because the link does not say whose it is.

use super::{Change, Companion, Found, LivenessSessions, NotChanged};
use crate::access::AccountState;
use crate::accounts::Attribution;
use likeness_base::{Secret, random_bytes};
use likeness_rules::RetentionPolicy;
use likeness_store::{AccountId, Expected, NewRecord, RecordKind, RecordWrite, StoreError, Write};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const KIND: RecordKind = RecordKind::QuickLink;
/// Links of one session. Whoever needs another one asks for another session.
pub const MOST_LINKS: usize = 100;

/// A link that leads somewhere.
pub struct FoundLink {
    /// The account of its session.
    pub account: AccountId,
    /// The session.
    pub session: Uuid,
    /// Whether a browser has used it.
    pub is_used: bool,
    version: u64,
}

/// Why no link was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoLink {
    /// The session's token has ended.
    TokenExpired,
    /// There are [`MOST_LINKS`].
    TooMany,
}

/// Why a link was not used.
#[derive(Debug, thiserror::Error)]
pub enum NotUsed {
    /// It leads nowhere, or not any more.
    #[error("the link leads nowhere")]
    Gone,
    /// Another browser used it.
    #[error("the link was used")]
    Used,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn digest(link: Uuid) -> String {
    hex::encode(Sha256::digest(link.as_bytes()))
}

impl LivenessSessions {
    /// Makes a link to a session, which ends with the session's token.
    ///
    /// # Errors
    /// [`NotChanged::Gone`], and what the store says.
    pub async fn create_link(
        &self,
        account: AccountId,
        attribution: &Attribution,
        session: Uuid,
        policy: &RetentionPolicy,
    ) -> Result<Uuid, NotChanged<NoLink>> {
        let link = uuid::Builder::from_random_bytes(random_bytes(&*self.randomness)).into_uuid();
        let id = digest(link);
        // The session knows its links first: one that was cut off before the second write leads nowhere.
        let ends = self
            .change(account, attribution, session, policy, |stored, now| {
                if !stored.session.token_holds(now) {
                    return Err(NoLink::TokenExpired);
                }
                let links = stored.companions.iter().filter(|companion| matches!(companion, Companion::Link(_)));
                if links.count() >= MOST_LINKS {
                    return Err(NoLink::TooMany);
                }
                stored.companions.push(Companion::Link(id.clone()));
                Ok(Change::of(stored.session.token_expires_at))
            })
            .await?;
        let value = [account.0.as_bytes().as_slice(), session.as_bytes(), &[0]].concat();
        let record = NewRecord::new(KIND, id, Secret::new(value)).until(ends).expecting(Expected::Absent);
        self.apply(AccountId::INSTALLATION, attribution, None, RecordWrite::Put(record).into()).await?;
        Ok(link)
    }

    /// Where a link leads; nothing is used up by it.
    ///
    /// # Errors
    /// [`NotUsed`].
    pub async fn link(&self, link: Uuid) -> Result<FoundLink, NotUsed> {
        let now = self.clock.now();
        let record = self.store.record(AccountId::INSTALLATION, KIND, &digest(link), now).await?;
        let record = record.ok_or(NotUsed::Gone)?;
        let damaged = || StoreError::Damaged { what: "a quick link".to_owned() };
        let bytes: &[u8; 33] = record.value.expose().as_slice().try_into().map_err(|_| damaged())?;
        let id = |from: usize| Uuid::from_slice(&bytes[from..from + 16]).map_err(|_| damaged());
        Ok(FoundLink { account: AccountId(id(0)?), session: id(16)?, is_used: bytes[32] != 0, version: record.version })
    }

    /// Uses a link, which was found, of an account that is open: of several browsers one gets the session.
    ///
    /// # Errors
    /// [`NotUsed`].
    pub async fn use_link(
        &self,
        attribution: &Attribution,
        link: Uuid,
        found: &FoundLink,
        state: &AccountState,
    ) -> Result<Found, NotUsed> {
        let session = self.read(found.account, found.session, &state.settings.retention).await?;
        let session = session.filter(|session| session.stored.session.token_holds(self.clock.now()));
        let session = session.ok_or(NotUsed::Gone)?;
        if found.is_used {
            return Err(NotUsed::Used);
        }
        let value = [found.account.0.as_bytes().as_slice(), found.session.as_bytes(), &[1]].concat();
        let record = NewRecord::new(KIND, digest(link), Secret::new(value))
            .until(session.stored.session.token_expires_at)
            .expecting(Expected::Version(found.version));
        let write: Write = RecordWrite::Put(record).into();
        match self.apply(AccountId::INSTALLATION, attribution, None, write).await {
            Ok(()) => Ok(session),
            Err(StoreError::RecordChanged) => Err(NotUsed::Used),
            Err(error) => Err(error.into()),
        }
    }
}

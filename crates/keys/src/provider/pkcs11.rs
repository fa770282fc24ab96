//! A token behind PKCS#11: a hardware security module, a smart card, or SoftHSM.
//!
//! Start at [`Token`]. Keys are made inside and cannot leave: AES-256 keys wrap with GCM, P-256 keys sign. A library of a token may
//! block for as long as it likes, so a thread of its own talks to it; whoever asks waits no longer than they wish.

mod session;

use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use async_trait::async_trait;
use likeness_base::{Randomness, Secret, random_bytes};
use tokio::sync::oneshot;

use super::{KeyBytes, KeyDescription, KeyProvider, ProviderError, ProviderKind, Signer, SigningKey};
use crate::seal::key_of;
use session::{NONCE_BYTES, Talk};

/// The layout of a wrapped key: this byte, the version, the nonce, then what GCM gives.
const FORMAT: u8 = 0x50;
const HEADER_BYTES: usize = 1 + 4;
/// Questions that wait for the token at once.
const MOST_WAITING: usize = 64;

/// Where a token is, and the name of a key on it.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// The library that talks to the token, such as `libsofthsm2.so`.
    pub module: PathBuf,
    /// The label of the token.
    pub token: String,
    /// The label of the key, of which each version has its number as its id.
    pub key: String,
}

type Job = Box<dyn FnOnce(&mut Talk) + Send>;

/// A key on a token.
pub struct Token {
    settings: TokenSettings,
    pin: Secret<String>,
    randomness: Arc<dyn Randomness>,
    /// To the thread that talks to the token, once there is one.
    jobs: Mutex<Option<SyncSender<Job>>>,
}

impl Token {
    /// A key on a token. Nothing is loaded before the first question.
    pub fn new(settings: TokenSettings, pin: Secret<String>, randomness: Arc<dyn Randomness>) -> Self {
        Self { settings, pin, randomness, jobs: Mutex::default() }
    }

    /// Does something with the token.
    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Talk) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let (answer, answered) = oneshot::channel();
        self.send(Box::new(move |talk| {
            // Whoever asked may have given up.
            let _ = answer.send(job(talk));
        }))?;
        answered.await.map_err(|_| ProviderError::Unreachable)?
    }

    fn send(&self, job: Job) -> Result<(), ProviderError> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = match jobs.as_ref() {
            Some(sender) => sender,
            None => jobs.insert(self.start_thread()?),
        };
        match sender.try_send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(ProviderError::TimedOut),
            Err(TrySendError::Disconnected(_)) => {
                // The next question starts another.
                jobs.take();
                Err(ProviderError::Unreachable)
            }
        }
    }

    /// The thread ends with the sender.
    fn start_thread(&self) -> Result<SyncSender<Job>, ProviderError> {
        let (sender, jobs) = sync_channel::<Job>(MOST_WAITING);
        let mut talk = Talk::new(self.settings.clone(), self.pin.clone());
        let thread = thread::Builder::new().name("pkcs11".to_owned());
        let started = thread.spawn(move || {
            for job in jobs {
                job(&mut talk);
            }
        });
        started.map_err(|_| ProviderError::Unreachable)?;
        Ok(sender)
    }

    fn parts(wrapped: &[u8]) -> Option<(u32, [u8; NONCE_BYTES], Vec<u8>)> {
        let (header, rest) = wrapped.split_first_chunk::<HEADER_BYTES>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let [format, version @ ..] = *header;
        (format == FORMAT).then(|| (u32::from_be_bytes(version), *nonce, sealed.to_vec()))
    }

    async fn wrap_with_newest(&self, context: &[u8], key: KeyBytes) -> Result<Vec<u8>, ProviderError> {
        let (context, nonce) = (context.to_vec(), random_bytes::<NONCE_BYTES>(&*self.randomness));
        self.ask(move |talk| {
            let (version, sealed) = talk.encrypt(&nonce, &context, key.expose())?;
            let mut wrapped = vec![FORMAT];
            wrapped.extend_from_slice(&version.to_be_bytes());
            wrapped.extend_from_slice(&nonce);
            wrapped.extend_from_slice(&sealed);
            Ok(wrapped)
        })
        .await
    }
}

#[async_trait]
impl KeyProvider for Token {
    async fn describe(&self) -> Result<KeyDescription, ProviderError> {
        let name = format!("{}/{}", self.settings.token, self.settings.key);
        let version = self.ask(Talk::newest_version).await?;
        Ok(KeyDescription { kind: ProviderKind::Pkcs11, name, version })
    }

    async fn wrap(&self, context: &[u8], key: &KeyBytes) -> Result<Vec<u8>, ProviderError> {
        self.wrap_with_newest(context, key.clone()).await
    }

    async fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<KeyBytes, ProviderError> {
        let (version, nonce, sealed) = Self::parts(wrapped).ok_or(ProviderError::DoesNotOpen)?;
        let context = context.to_vec();
        let plain = self.ask(move |talk| talk.decrypt(version, &nonce, &context, &sealed)).await?;
        key_of(plain.expose()).ok_or(ProviderError::DoesNotOpen)
    }

    async fn rewrap(&self, context: &[u8], wrapped: &[u8]) -> Result<Option<Vec<u8>>, ProviderError> {
        let key = self.unwrap(context, wrapped).await?;
        if self.version(wrapped) == Some(self.describe().await?.version) {
            return Ok(None);
        }
        self.wrap_with_newest(context, key).await.map(Some)
    }

    async fn rotate(&self) -> Result<u32, ProviderError> {
        self.ask(Talk::make_version).await
    }

    fn version(&self, wrapped: &[u8]) -> Option<u32> {
        Self::parts(wrapped).map(|(version, ..)| version)
    }
}

#[async_trait]
impl Signer for Token {
    async fn create(&self, name: &str) -> Result<SigningKey, ProviderError> {
        let label = format!("{}-{name}", self.settings.key);
        let handle = label.clone().into_bytes();
        let public_key = self.ask(move |talk| talk.make_signing_key(&label)).await?;
        Ok(SigningKey { handle, public_key })
    }

    async fn sign(&self, handle: &[u8], message: &[u8]) -> Result<[u8; 64], ProviderError> {
        let (handle, message) = (handle.to_vec(), message.to_vec());
        self.ask(move |talk| talk.sign(&handle, &message)).await
    }

    async fn retire(&self, handle: &[u8]) -> Result<(), ProviderError> {
        let handle = handle.to_vec();
        self.ask(move |talk| talk.destroy(&handle)).await
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({} on {})", self.settings.key, self.settings.token)
    }
}

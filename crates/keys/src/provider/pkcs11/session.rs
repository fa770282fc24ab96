//! What is said to a token, in the thread that may say it. A session that was lost is opened again, once for each question.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use likeness_base::Secret;
use sha2::{Digest, Sha256};

use super::TokenSettings;
use crate::provider::ProviderError;

pub(super) const NONCE_BYTES: usize = 12;
const TAG_BITS: u64 = 128;
/// P-256 as a token wants it named: the object identifier 1.2.840.10045.3.1.7 in DER.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// The point of a public key is an octet string of 65 bytes in DER.
const POINT_HEADER: [u8; 2] = [0x04, 65];

/// A process initialises a library once, whoever uses it.
static MODULES: LazyLock<Mutex<HashMap<PathBuf, Pkcs11>>> = LazyLock::new(Mutex::default);

/// The conversation with a token.
pub(super) struct Talk {
    settings: TokenSettings,
    pin: AuthPin,
    session: Option<Session>,
}

impl Talk {
    pub(super) fn new(settings: TokenSettings, pin: Secret<String>) -> Self {
        Self { settings, pin: AuthPin::new(pin.expose().clone().into()), session: None }
    }

    /// Does something in a session, and does it again in a new one where the session was lost.
    fn with<T>(&mut self, work: impl Fn(&Session) -> Result<T, Error>) -> Result<T, ProviderError> {
        for is_last in [false, true] {
            let session = match self.session.take() {
                Some(session) => session,
                None => self.open()?,
            };
            match work(&session) {
                Ok(done) => {
                    self.session = Some(session);
                    return Ok(done);
                }
                Err(error) if is_lost(&error) && !is_last => {}
                Err(error) => {
                    if !is_lost(&error) {
                        self.session = Some(session);
                    }
                    return Err(meaning(&error));
                }
            }
        }
        Err(ProviderError::Unreachable)
    }

    fn open(&self) -> Result<Session, ProviderError> {
        let module = module(&self.settings.module).map_err(|error| meaning(&error))?;
        let opened = || {
            for slot in module.get_slots_with_initialized_token()? {
                if module.get_token_info(slot)?.label().trim_end() != self.settings.token {
                    continue;
                }
                let session = module.open_rw_session(slot)?;
                match session.login(UserType::User, Some(&self.pin)) {
                    // Another session of this process has logged in to the same token.
                    Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => return Ok(session),
                    Err(error) => return Err(error),
                }
            }
            Err(Error::Pkcs11(RvError::TokenNotPresent, cryptoki::context::Function::GetSlotList))
        };
        opened().map_err(|error| meaning(&error))
    }

    /// The versions of the key, by their numbers.
    fn versions(session: &Session, label: &str) -> Result<Vec<(u32, ObjectHandle)>, Error> {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Label(label.as_bytes().to_vec()),
        ];
        let mut versions = Vec::new();
        for object in session.find_objects(&template)? {
            for attribute in session.get_attributes(object, &[AttributeType::Id])? {
                if let Attribute::Id(id) = attribute
                    && let Ok(id) = <[u8; 4]>::try_from(id.as_slice())
                {
                    versions.push((u32::from_be_bytes(id), object));
                }
            }
        }
        versions.sort_unstable_by_key(|(version, _)| *version);
        Ok(versions)
    }

    pub(super) fn newest_version(&mut self) -> Result<u32, ProviderError> {
        let label = self.settings.key.clone();
        let versions = self.with(|session| Self::versions(session, &label))?;
        versions.last().map(|(version, _)| *version).ok_or(ProviderError::Disabled)
    }

    pub(super) fn make_version(&mut self) -> Result<u32, ProviderError> {
        let label = self.settings.key.clone();
        self.with(|session| {
            let version = Self::versions(session, &label)?.last().map_or(0, |(version, _)| *version) + 1;
            let template = [
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Encrypt(true),
                Attribute::Decrypt(true),
                Attribute::ValueLen(32.into()),
                Attribute::Label(label.as_bytes().to_vec()),
                Attribute::Id(version.to_be_bytes().to_vec()),
            ];
            session.generate_key(&Mechanism::AesKeyGen, &template)?;
            Ok(version)
        })
    }

    /// With the newest version, whose number is given too.
    pub(super) fn encrypt(
        &mut self,
        nonce: &[u8; NONCE_BYTES],
        context: &[u8],
        plain: &[u8],
    ) -> Result<(u32, Vec<u8>), ProviderError> {
        let label = self.settings.key.clone();
        let wrapped = self.with(|session| {
            let Some((version, key)) = Self::versions(session, &label)?.pop() else { return Ok(None) };
            let mut nonce = *nonce;
            let mechanism = Mechanism::AesGcm(GcmParams::new(&mut nonce, context, TAG_BITS.into())?);
            Ok(Some((version, session.encrypt(&mechanism, key, plain)?)))
        })?;
        wrapped.ok_or(ProviderError::Disabled)
    }

    pub(super) fn decrypt(
        &mut self,
        version: u32,
        nonce: &[u8; NONCE_BYTES],
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Secret<Vec<u8>>, ProviderError> {
        let label = self.settings.key.clone();
        let plain = self.with(|session| {
            let versions = Self::versions(session, &label)?;
            let Some((_, key)) = versions.iter().find(|(known, _)| *known == version) else { return Ok(None) };
            let mut nonce = *nonce;
            let mechanism = Mechanism::AesGcm(GcmParams::new(&mut nonce, context, TAG_BITS.into())?);
            session.decrypt(&mechanism, *key, sealed).map(|plain| Some(Secret::new(plain)))
        })?;
        plain.ok_or(ProviderError::Disabled)
    }

    /// The point of the new key, uncompressed.
    pub(super) fn make_signing_key(&mut self, label: &str) -> Result<[u8; 65], ProviderError> {
        let point = self.with(|session| {
            let public = [
                Attribute::Token(true),
                Attribute::Private(false),
                Attribute::Verify(true),
                Attribute::EcParams(P256.to_vec()),
                Attribute::Label(label.as_bytes().to_vec()),
            ];
            let private = [
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Sign(true),
                Attribute::Label(label.as_bytes().to_vec()),
            ];
            let (public, _) = session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)?;
            let attributes = session.get_attributes(public, &[AttributeType::EcPoint])?;
            Ok(attributes.into_iter().find_map(|attribute| match attribute {
                Attribute::EcPoint(point) => Some(point),
                _ => None,
            }))
        })?;
        let point = point.ok_or(ProviderError::Malformed)?;
        // Some tokens leave out the header that the standard asks for.
        let point = point.strip_prefix(POINT_HEADER.as_slice()).unwrap_or(&point);
        point.try_into().map_err(|_| ProviderError::Malformed)
    }

    fn labelled(session: &Session, label: &[u8], class: Option<ObjectClass>) -> Result<Vec<ObjectHandle>, Error> {
        let mut template = vec![Attribute::Label(label.to_vec()), Attribute::KeyType(KeyType::EC)];
        template.extend(class.map(Attribute::Class));
        session.find_objects(&template)
    }

    pub(super) fn sign(&mut self, label: &[u8], message: &[u8]) -> Result<[u8; 64], ProviderError> {
        let digest = Sha256::digest(message);
        let signature = self.with(|session| {
            let keys = Self::labelled(session, label, Some(ObjectClass::PRIVATE_KEY))?;
            let [key] = keys[..] else { return Ok(None) };
            session.sign(&Mechanism::Ecdsa, key, &digest).map(Some)
        })?;
        let signature = signature.ok_or(ProviderError::Disabled)?;
        signature.try_into().map_err(|_| ProviderError::Malformed)
    }

    pub(super) fn destroy(&mut self, label: &[u8]) -> Result<(), ProviderError> {
        self.with(|session| {
            for object in Self::labelled(session, label, None)? {
                session.destroy_object(object)?;
            }
            Ok(())
        })
    }
}

fn module(path: &std::path::Path) -> Result<Pkcs11, Error> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = modules.get(path) {
        return Ok(module.clone());
    }
    let module = Pkcs11::new(path)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(error),
    }
    modules.insert(path.to_owned(), module.clone());
    Ok(module)
}

/// Whether a session is of no use any more: the token was taken out and put in again, or the module was started anew.
fn is_lost(error: &Error) -> bool {
    let Error::Pkcs11(value, _) = error else { return false };
    matches!(
        value,
        RvError::SessionClosed
            | RvError::SessionHandleInvalid
            | RvError::DeviceRemoved
            | RvError::TokenNotPresent
            | RvError::UserNotLoggedIn
            | RvError::DeviceError
            | RvError::KeyHandleInvalid
            | RvError::ObjectHandleInvalid
    )
}

/// What an error means to whoever asked.
fn meaning(error: &Error) -> ProviderError {
    let Error::Pkcs11(value, _) = error else { return ProviderError::Unreachable };
    match value {
        RvError::EncryptedDataInvalid
        | RvError::EncryptedDataLenRange
        | RvError::GeneralError
        | RvError::FunctionFailed => ProviderError::DoesNotOpen,
        RvError::PinIncorrect | RvError::PinLocked | RvError::PinExpired | RvError::KeyFunctionNotPermitted => {
            ProviderError::Disabled
        }
        RvError::MechanismInvalid => ProviderError::Unsupported("the token knows no AES-GCM or no ECDSA"),
        _ => ProviderError::Unreachable,
    }
}

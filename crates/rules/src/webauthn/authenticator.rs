//! Authenticator data: what the authenticator says and signs (section 6.1 of the standard), and the new key in it.

use super::{KeyProblem, LONGEST_AUTHENTICATOR_DATA, LONGEST_KEY_ID};
use p256::ecdsa::VerifyingKey;

/// Somebody touched it.
const PRESENT: u8 = 0x01;
/// It verified its user: by a PIN, a fingerprint, a face.
const VERIFIED: u8 = 0x04;
/// The key may be backed up, or shared between devices.
const BACKUP_ELIGIBLE: u8 = 0x08;
/// It is backed up now.
const BACKED_UP: u8 = 0x10;
/// A new key follows.
const ATTESTED: u8 = 0x40;
/// Extensions follow.
const EXTENDED: u8 = 0x80;

/// The digest of the host, the flags, and the counter.
const HEAD_BYTES: usize = 37;
/// Which model of authenticator it is.
const MODEL_BYTES: usize = 16;

/// A public key of ES256 as `COSE_Key`: a map of five members in the one order that the standard allows: kind of key 2, algorithm
/// -7, curve 1, x, y. Authenticators write canonical CBOR and nothing optional (section 6.5.1.1), so these bytes are all that can
/// stand there, and no reader of CBOR is needed.
const KEY_BEFORE_X: &[u8] = &[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
const KEY_BEFORE_Y: &[u8] = &[0x22, 0x58, 0x20];

/// What an authenticator says.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticatorData<'a> {
    /// SHA-256 of the host that the key is for.
    pub host_digest: [u8; 32],
    /// Whether somebody touched it.
    pub is_present: bool,
    /// Whether it verified its user.
    pub is_verified: bool,
    /// Whether the key may be backed up, so that it may be on other devices.
    pub can_be_backed_up: bool,
    /// How many signatures it has made; 0 where it does not count.
    pub counter: u32,
    /// A new key.
    pub attested: Option<Attested<'a>>,
}

/// A new key.
#[derive(Clone, PartialEq, Eq)]
pub struct Attested<'a> {
    /// Its id.
    pub id: &'a [u8],
    /// Its point, uncompressed as SEC 1 has it.
    pub public_key: [u8; 65],
}

/// A key's id links its sessions.
impl std::fmt::Debug for AuthenticatorData<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthenticatorData(..)")
    }
}

impl std::fmt::Debug for Attested<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Attested(..)")
    }
}

impl<'a> AuthenticatorData<'a> {
    /// Reads authenticator data, to its last byte but for extensions.
    ///
    /// # Errors
    /// [`KeyProblem::AuthenticatorData`] for what is none; [`KeyProblem::KeyId`] and [`KeyProblem::Algorithm`] for a new key
    /// that is not taken.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, KeyProblem> {
        const NONE: KeyProblem = KeyProblem::AuthenticatorData;
        if bytes.len() > LONGEST_AUTHENTICATOR_DATA {
            return Err(NONE);
        }
        let (head, mut rest) = bytes.split_first_chunk::<HEAD_BYTES>().ok_or(NONE)?;
        let [host_digest @ .., flags, c0, c1, c2, c3] = *head;
        let has = |flag: u8| flags & flag != 0;
        if has(BACKED_UP) && !has(BACKUP_ELIGIBLE) {
            return Err(NONE);
        }
        let mut attested = None;
        if has(ATTESTED) {
            let (key, behind) = Attested::parse(rest)?;
            (attested, rest) = (Some(key), behind);
        }
        // Extensions are none of ours. The signature is over them, so they are what the authenticator wrote.
        if rest.is_empty() == has(EXTENDED) {
            return Err(NONE);
        }
        Ok(Self {
            host_digest,
            is_present: has(PRESENT),
            is_verified: has(VERIFIED),
            can_be_backed_up: has(BACKUP_ELIGIBLE),
            counter: u32::from_be_bytes([c0, c1, c2, c3]),
            attested,
        })
    }
}

impl<'a> Attested<'a> {
    /// Reads a new key, and gives what follows it.
    fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), KeyProblem> {
        const NONE: KeyProblem = KeyProblem::AuthenticatorData;
        let (_, rest) = bytes.split_at_checked(MODEL_BYTES).ok_or(NONE)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(NONE)?;
        let length = usize::from(u16::from_be_bytes(*length));
        if !(1..=LONGEST_KEY_ID).contains(&length) {
            return Err(KeyProblem::KeyId);
        }
        let (id, rest) = rest.split_at_checked(length).ok_or(NONE)?;
        let rest = rest.strip_prefix(KEY_BEFORE_X).ok_or(KeyProblem::Algorithm)?;
        let (x, rest) = rest.split_first_chunk::<32>().ok_or(NONE)?;
        let rest = rest.strip_prefix(KEY_BEFORE_Y).ok_or(KeyProblem::Algorithm)?;
        let (y, rest) = rest.split_first_chunk::<32>().ok_or(NONE)?;
        let mut public_key = [4; 65];
        public_key[1..33].copy_from_slice(x);
        public_key[33..].copy_from_slice(y);
        VerifyingKey::from_sec1_bytes(&public_key).map_err(|_| KeyProblem::Algorithm)?;
        Ok((Self { id, public_key }, rest))
    }
}

//! The layout of a sealed value, and what it is bound to.
//!
//! Start at [`AssociatedData`]. This file derives no keys. Stored data depends on every byte that it computes.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce, Tag};
use likeness_base::Secret;
use uuid::Uuid;

/// Version of the layout below and of the associated data. A later layout takes another byte.
const FORMAT: u8 = 1;
const HEADER_BYTES: usize = 1 + 4;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// What a sealed value is. Each purpose has sub-keys of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Purpose {
    /// One of the keys by which an account is called.
    AccountKey,
    /// The name of a container.
    ContainerName,
    /// The user data of a container.
    ContainerUserData,
    /// The name of a person.
    PersonName,
    /// The user data of a person.
    PersonUserData,
    /// The template of an enrolled face.
    FaceTemplate,
    /// The user data of a face.
    FaceUserData,
    /// The template behind a faceId.
    FaceIdTemplate,
    /// The user data of a snapshot.
    SnapshotUserData,
    /// A record of before schema 7.
    Document,
    /// A record.
    Record,
    /// By what a record is found.
    RecordTag,
    /// A delivery of the outbox.
    Delivery,
    /// The account's data key under the installation key.
    DataKey,
    /// The key of an hour of expiry under the installation key.
    HourKey,
    /// The value that tells whether the installation key belongs to the data.
    Check,
    /// The links of audit rows, under the installation key.
    AuditLink,
    /// The digests by which account keys are found, under the installation key.
    KeyLookup,
    /// By what this process remembers tokens, under the installation key.
    TokenTag,
    /// Backups, under the installation key.
    Backup,
    /// The links of the deletion journal, under the installation key.
    Journal,
}

impl Purpose {
    /// Goes into key derivation and associated data: never change one.
    pub fn label(self) -> &'static str {
        match self {
            Self::AccountKey => "account key",
            Self::ContainerName => "container name",
            Self::ContainerUserData => "container user data",
            Self::PersonName => "person name",
            Self::PersonUserData => "person user data",
            Self::FaceTemplate => "face template",
            Self::FaceUserData => "face user data",
            Self::FaceIdTemplate => "face id template",
            Self::SnapshotUserData => "snapshot user data",
            Self::Document => "document",
            Self::Record => "record",
            Self::RecordTag => "record tag",
            Self::Delivery => "delivery",
            Self::DataKey => "data key",
            Self::HourKey => "hour key",
            Self::Check => "check",
            Self::AuditLink => "audit link",
            Self::KeyLookup => "key lookup",
            Self::TokenTag => "token tag",
            Self::Backup => "backup",
            Self::Journal => "deletion journal",
        }
    }
}

/// What a sealed value is bound to. It opens with exactly this.
pub(crate) struct AssociatedData<'a> {
    pub key_id: u32,
    pub account: Uuid,
    /// The container's number; 0 outside containers.
    pub container: i64,
    pub purpose: Purpose,
    pub context: &'a RowContext,
}

impl AssociatedData<'_> {
    /// Every field with its length in front, so that no two give the same bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(256);
        put(&mut data, &[FORMAT]);
        put(&mut data, &self.key_id.to_be_bytes());
        put(&mut data, self.account.as_bytes());
        put(&mut data, &self.container.to_be_bytes());
        put(&mut data, self.purpose.label().as_bytes());
        put(&mut data, &self.context.0);
        data
    }
}

fn put(data: &mut Vec<u8>, field: &[u8]) {
    data.extend_from_slice(&(field.len() as u64).to_be_bytes());
    data.extend_from_slice(field);
}

/// Which row a value belongs to, of all that one sealer seals: everything that must still be the same when it is
/// opened. Never change what goes in, or in which order.
pub struct RowContext(Vec<u8>);

impl RowContext {
    /// Every part with its length in front.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut data = Vec::with_capacity(128);
        for part in parts {
            put(&mut data, part);
        }
        Self(data)
    }

    /// Name or user data of a container.
    pub fn container(kind: u8, wire_id: &str) -> Self {
        Self::of(&[&[kind], wire_id.as_bytes()])
    }

    /// Name or user data of a person.
    pub fn person(number: i64, id: &[u8]) -> Self {
        Self::of(&[&number.to_be_bytes(), id])
    }

    /// User data of a face.
    pub fn face(number: i64, id: &[u8]) -> Self {
        Self::of(&[&number.to_be_bytes(), id])
    }

    /// Template of a face. The person is part of it: a face cannot be made somebody else's in the database. So is
    /// the model where the face has one of its own.
    pub fn template(number: i64, id: &[u8], person: Option<i64>, space: &str, model: Option<&str>) -> Self {
        let mut context = Self::of(&[&number.to_be_bytes(), id, &person.unwrap_or(0).to_be_bytes(), space.as_bytes()]);
        if let Some(model) = model {
            put(&mut context.0, model.as_bytes());
        }
        context
    }

    /// User data of a snapshot. The expiry is part of it, as with faceIds.
    pub fn snapshot(id: &[u8], expires_at_millis: i64) -> Self {
        Self::of(&[id, &expires_at_millis.to_be_bytes()])
    }

    /// Template behind a faceId. The expiry is part of it: its life cannot be prolonged in the database.
    pub fn face_id(id: &[u8], expires_at_millis: i64, model: &str, space: &str) -> Self {
        Self::of(&[id, &expires_at_millis.to_be_bytes(), model.as_bytes(), space.as_bytes()])
    }

    /// A record as it was bound before schema 7 if it was one of the kinds that were there before records were.
    pub fn document(kind: u8, name: &str, expires_at_millis: Option<i64>) -> Self {
        let expires_at = expires_at_millis.map(i64::to_be_bytes);
        Self::of(&[&[kind], name.as_bytes(), expires_at.as_ref().map_or(&[], |bytes| bytes.as_slice())])
    }

    /// A record. What it was before it was last written does not open any more, nor does it open as somebody else's.
    pub fn record(
        kind: u8,
        id: &str,
        version: u64,
        expires_at_millis: Option<i64>,
        person: Option<(i64, i64)>,
    ) -> Self {
        let expires_at = expires_at_millis.map(i64::to_be_bytes);
        let (container, person) = person.unwrap_or((0, 0));
        Self::of(&[
            &[kind],
            id.as_bytes(),
            &version.to_be_bytes(),
            expires_at.as_ref().map_or(&[], |bytes| bytes.as_slice()),
            &container.to_be_bytes(),
            &person.to_be_bytes(),
        ])
    }

    /// A delivery. Its number, its queue and its end are part of it.
    pub fn delivery(number: i64, queue: &str, gives_up_at_millis: i64) -> Self {
        Self::of(&[&number.to_be_bytes(), queue.as_bytes(), &gives_up_at_millis.to_be_bytes()])
    }

    /// One of an account's keys. When it was set is part of it: one that was replaced does not open any more.
    pub fn account_key(slot: u8, lookup: &[u8], set_at_millis: i64) -> Self {
        Self::of(&[&[slot], lookup, &set_at_millis.to_be_bytes()])
    }

    /// The same as it was bound before schema 7.
    pub fn account_key_before(slot: u8, lookup: &[u8]) -> Self {
        Self::of(&[&[slot], lookup])
    }
}

/// The front of a sealed value, readable without a key.
pub(crate) struct SealedHeader {
    pub key_id: u32,
}

impl SealedHeader {
    /// `None` when the bytes are not a sealed value of a layout we know.
    pub(crate) fn read(sealed: &[u8]) -> Option<Self> {
        let (header, rest) = sealed.split_first_chunk::<HEADER_BYTES>()?;
        let [format, key_id @ ..] = *header;
        (format == FORMAT && rest.len() >= NONCE_BYTES + TAG_BYTES)
            .then_some(Self { key_id: u32::from_be_bytes(key_id) })
    }
}

/// The number of the data key that sealed a value; `None`: it is none.
pub fn key_id_of(sealed: &[u8]) -> Option<u32> {
    SealedHeader::read(sealed).map(|header| header.key_id)
}

/// A key from its bytes; `None` where there are more or fewer.
pub(crate) fn key_of(bytes: &[u8]) -> Option<Secret<[u8; 32]>> {
    let mut key = Secret::new([0; 32]);
    if bytes.len() != key.expose().len() {
        return None;
    }
    key.expose_mut().copy_from_slice(bytes);
    Some(key)
}

/// A cipher with its key schedule, wiped when dropped.
pub(crate) fn cipher(key: &Secret<[u8; 32]>) -> Aes256Gcm {
    Aes256Gcm::new(<&Key<Aes256Gcm>>::from(key.expose()))
}

/// Header, nonce, ciphertext, tag.
pub(crate) fn seal(
    cipher: &Aes256Gcm,
    bound_to: &AssociatedData<'_>,
    nonce: [u8; NONCE_BYTES],
    plain: &[u8],
) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(HEADER_BYTES + NONCE_BYTES + plain.len() + TAG_BYTES);
    sealed.push(FORMAT);
    sealed.extend_from_slice(&bound_to.key_id.to_be_bytes());
    sealed.extend_from_slice(&nonce);
    let body = sealed.len();
    sealed.extend_from_slice(plain);
    let tag: Tag = cipher
        .encrypt_inout_detached(&Nonce::from(nonce), &bound_to.to_bytes(), (&mut sealed[body..]).into())
        .expect("values are far shorter than the 64 GiB that AES-GCM can seal");
    sealed.extend_from_slice(&tag);
    sealed
}

/// The plain value, or `None` when it was not sealed with this key and bound to this.
pub(crate) fn open(cipher: &Aes256Gcm, bound_to: &AssociatedData<'_>, sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
    if SealedHeader::read(sealed)?.key_id != bound_to.key_id {
        return None;
    }
    let (nonce, rest) = sealed[HEADER_BYTES..].split_first_chunk::<NONCE_BYTES>()?;
    let (body, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
    let mut plain = Secret::new(body.to_vec());
    cipher
        .decrypt_inout_detached(
            &Nonce::from(*nonce),
            &bound_to.to_bytes(),
            plain.expose_mut().as_mut_slice().into(),
            &Tag::from(*tag),
        )
        .ok()?;
    Some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: &[u8] = b"what nobody may read";

    fn key(byte: u8) -> Aes256Gcm {
        cipher(&Secret::new([byte; 32]))
    }

    fn home(context: &RowContext) -> AssociatedData<'_> {
        AssociatedData {
            key_id: 1,
            account: Uuid::from_bytes([1; 16]),
            container: 7,
            purpose: Purpose::FaceTemplate,
            context,
        }
    }

    #[test]
    fn a_value_opens_only_where_it_was_sealed() {
        let context = RowContext::of(&[b"row", b"uuid", b"model a"]);
        let sealed = seal(&key(1), &home(&context), [9; 12], PLAIN);
        assert_eq!(open(&key(1), &home(&context), &sealed).map(|p| p.expose().clone()), Some(PLAIN.to_vec()));

        let other_row = RowContext::of(&[b"rox", b"uuid", b"model a"]);
        let shifted_row = RowContext::of(&[b"rowu", b"uid", b"model a"]);
        let other_space = RowContext::of(&[b"row", b"uuid", b"model b"]);
        let cases = [
            ("another key", key(2), home(&context)),
            ("another key id", key(1), AssociatedData { key_id: 2, ..home(&context) }),
            ("another account", key(1), AssociatedData { account: Uuid::from_bytes([2; 16]), ..home(&context) }),
            ("another container", key(1), AssociatedData { container: 8, ..home(&context) }),
            ("another purpose", key(1), AssociatedData { purpose: Purpose::FaceUserData, ..home(&context) }),
            ("another row", key(1), home(&other_row)),
            ("the same letters cut elsewhere", key(1), home(&shifted_row)),
            ("another space", key(1), home(&other_space)),
        ];
        for (name, cipher, bound_to) in cases {
            assert!(open(&cipher, &bound_to, &sealed).is_none(), "{name}");
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let context = RowContext::of(&[b"row"]);
        let sealed = seal(&key(1), &home(&context), [9; 12], PLAIN);
        for bit in 0..sealed.len() * 8 {
            let mut bad = sealed.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&key(1), &home(&context), &bad).is_none(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(open(&key(1), &home(&context), &sealed[..length]).is_none(), "cut to {length}");
        }
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(plain: Vec<u8>, nonce: [u8; 12], row: Vec<u8>) {
            let context = RowContext::of(&[&row]);
            let sealed = seal(&key(3), &home(&context), nonce, &plain);
            prop_assert_eq!(open(&key(3), &home(&context), &sealed).map(|p| p.expose().clone()), Some(plain));
        }

        #[test]
        fn strange_bytes_are_refused_without_panic(bytes: Vec<u8>) {
            let context = RowContext::of(&[]);
            prop_assert!(open(&key(3), &home(&context), &bytes).is_none());
        }
    }
}

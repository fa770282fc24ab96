//! Ids of accounts and detected faces, and the store's own numbers of faces and people.

use std::fmt;

use likeness_base::Timestamp;
pub use likeness_keys::hour_of;
use uuid::Uuid;

/// Milliseconds in the hour by which faceIds are bucketed.
const HOUR_MILLIS: i64 = 3_600_000;

/// Whose records these are. It leads every key of every table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AccountId(pub Uuid);

impl AccountId {
    /// The installation itself: its own keys are the operator's, its audit log tells what operators did. It is never
    /// among [`Store::accounts`](crate::Store::accounts).
    pub const INSTALLATION: Self = Self(Uuid::nil());
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The store's own number of a face inside its container: counted up from 1, never used again,
/// not even when the face is deleted. Galleries speak in it; it never goes on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FaceNumber(pub i64);

/// The store's own number of a person inside their container: counted up from 1, never used again.
/// [`PersonNumber::NONE`] stands for the faces of a list, which belong to nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PersonNumber(pub i64);

impl PersonNumber {
    /// No person: the face lies in a list.
    pub const NONE: Self = Self(0);
}

/// The id of a detected face, good until it expires.
///
/// A UUID of version 8: the first 32 bits say when it expires (16 the hours since the Unix epoch, the low 16 bits of
/// them, and 16 the part of that hour, in 65,536ths), the others are random. So a reader knows from the id alone which
/// hour's records to look in, what expires together lies together in the index by id, and a sweep writes few pages; the
/// id tells a stranger nothing but when it ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FaceId(Uuid);

impl FaceId {
    /// An id for a face that expires at the given instant. 90 of the 96 random bits survive; version and variant take
    /// the other six.
    pub fn new(expires_at: Timestamp, random: [u8; 12]) -> Self {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&front_of(expires_at));
        bytes[4..].copy_from_slice(&random);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The hour of expiry, modulo 65,536 (about seven and a half years).
    pub fn bucket(self) -> u16 {
        let bytes = self.0.as_bytes();
        u16::from_be_bytes([bytes[0], bytes[1]])
    }

    /// Whether this id was made for that expiry.
    pub fn belongs_to(self, expires_at: Timestamp) -> bool {
        self.0.as_bytes()[..4] == front_of(expires_at)
    }

    /// The id as it goes on the wire.
    pub fn as_uuid(self) -> Uuid {
        self.0
    }

    /// Reads an id from the wire; `None` if it cannot be one of ours, for only version 8 is.
    pub fn from_uuid(uuid: Uuid) -> Option<Self> {
        (uuid.get_version_num() == 8).then_some(Self(uuid))
    }
}

impl fmt::Display for FaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The bytes in front of an id that expires then.
fn front_of(expires_at: Timestamp) -> [u8; 4] {
    // The low 16 bits of the hour are the point: a wrap every 65,536 hours is far longer than any faceId lives.
    let in_hour = expires_at.as_millis().rem_euclid(HOUR_MILLIS);
    let front = (hour_of(expires_at).rem_euclid(1 << 16) << 16) + (in_hour << 16) / HOUR_MILLIS;
    u32::try_from(front).expect("two numbers below 65,536 fit 32 bits").to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_id_carries_its_hour_of_expiry() {
        let cases = [
            ("epoch", 0, 0),
            ("last millisecond of the first hour", 3_599_999, 0),
            ("second hour", 3_600_000, 1),
            ("last hour before the wrap", 65_535 * 3_600_000, 65_535),
            ("wrapped", 65_536 * 3_600_000, 0),
            ("before the epoch", -1, 65_535),
        ];
        for (name, millis, bucket) in cases {
            let expiry = Timestamp::from_millis(millis);
            let id = FaceId::new(expiry, [0xff; 12]);
            assert_eq!(id.bucket(), bucket, "{name}");
            assert!(id.belongs_to(expiry), "{name}");
            assert!(!id.belongs_to(Timestamp::from_millis(millis + 3_600_000)), "{name}");
            assert_eq!(FaceId::from_uuid(id.as_uuid()), Some(id), "{name}");
        }
    }

    #[test]
    fn ids_are_in_the_order_of_their_expiry() {
        let steps = [0, 54, 55, 1_000, 3_599_999, 3_600_000, 3_600_055, 90_000_000];
        let ids = steps.map(|millis| FaceId::new(Timestamp::from_millis(millis), [0; 12]));
        assert!(ids.is_sorted(), "{ids:?}");
        assert!(!ids[0].belongs_to(Timestamp::from_millis(55)), "another part of the same hour");
    }

    #[test]
    fn ids_of_other_versions_are_not_ours() {
        let version_4 = uuid::Builder::from_random_bytes([7; 16]).into_uuid();
        assert_eq!(FaceId::from_uuid(version_4), None);
        assert_eq!(FaceId::from_uuid(Uuid::nil()), None);
    }
}

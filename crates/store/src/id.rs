use std::fmt;

use likeness_base::Timestamp;
use uuid::Uuid;

/// Milliseconds in the hour by which faceIds are bucketed.
const HOUR_MILLIS: i64 = 3_600_000;

/// Whose records these are. It leads every key of every table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AccountId(pub Uuid);

impl AccountId {
    /// The installation itself: its own keys are the operator's, its audit trail tells what operators did. It is never
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
pub struct FaceKey(pub i64);

/// The store's own number of a person inside their container: counted up from 1, never used again.
/// [`PersonKey::NONE`] stands for the faces of a list, which belong to nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PersonKey(pub i64);

impl PersonKey {
    /// No person: the face lies in a list.
    pub const NONE: Self = Self(0);
}

/// The id of a detected face, good until it expires.
///
/// A UUID of version 8: the first 16 bits are the hour of expiry (hours since the Unix epoch, the low 16
/// bits of it), the others are random. So a reader knows from the id alone which hour's records to look in,
/// and the id tells a stranger nothing but roughly when it ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FaceId(Uuid);

impl FaceId {
    /// An id for a face that expires at the given instant. 106 of the 112 random bits survive; version and
    /// variant take the other six.
    pub fn new(expires_at: Timestamp, random: [u8; 14]) -> Self {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&bucket_of(expires_at).to_be_bytes());
        bytes[2..].copy_from_slice(&random);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The hour of expiry, modulo 65,536 (about seven and a half years).
    pub fn bucket(self) -> u16 {
        let bytes = self.0.as_bytes();
        u16::from_be_bytes([bytes[0], bytes[1]])
    }

    /// Whether this id was made for that expiry.
    pub fn belongs_to(self, expires_at: Timestamp) -> bool {
        self.bucket() == bucket_of(expires_at)
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

/// Hours since the Unix epoch at which a moment lies, rounded down.
pub(crate) fn hour_of(moment: Timestamp) -> i64 {
    moment.as_millis().div_euclid(HOUR_MILLIS)
}

fn bucket_of(expires_at: Timestamp) -> u16 {
    // The low 16 bits are the point: a wrap every 65,536 hours is far longer than any faceId lives.
    u16::try_from(hour_of(expires_at).rem_euclid(1 << 16)).expect("a remainder of 65,536 fits 16 bits")
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
            let id = FaceId::new(expiry, [0xff; 14]);
            assert_eq!(id.bucket(), bucket, "{name}");
            assert!(id.belongs_to(expiry), "{name}");
            assert!(!id.belongs_to(Timestamp::from_millis(millis + 3_600_000)), "{name}");
            assert_eq!(FaceId::from_uuid(id.as_uuid()), Some(id), "{name}");
        }
    }

    #[test]
    fn ids_of_other_versions_are_not_ours() {
        let version_4 = uuid::Builder::from_random_bytes([7; 16]).into_uuid();
        assert_eq!(FaceId::from_uuid(version_4), None);
        assert_eq!(FaceId::from_uuid(Uuid::nil()), None);
    }
}

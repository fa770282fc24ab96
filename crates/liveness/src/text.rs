//! How values are written: texts that no log may show, bytes as base64url, moments as milliseconds.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use likeness_base::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;

/// A text that is stored and sent, but never printed: a token, a correlation id, a client's address. Wiped when dropped.
#[derive(Clone)]
pub struct SecretText(Secret<String>);

impl SecretText {
    /// Takes the text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Secret::new(text.into()))
    }

    /// Shows the text. The caller must not let it reach a log or an error.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

/// For records and tests. Tokens are checked by their signature, never by this.
impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for SecretText {}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// 1 to `MOST` bytes of a stranger, as base64url, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Octets<const MOST: usize>(Vec<u8>);

impl<const MOST: usize> Octets<MOST> {
    /// Takes bytes in, unless there are none, or too many.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (1..=MOST).contains(&bytes.len()).then(|| Self(bytes.to_vec()))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<const MOST: usize> fmt::Debug for Octets<MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Octets(..)")
    }
}

impl<const MOST: usize> Serialize for Octets<MOST> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl<'de, const MOST: usize> Deserialize<'de> for Octets<MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let unpadded = text.trim_end_matches('=');
        // Longer texts are not even decoded.
        let is_short = unpadded.len() <= MOST.div_ceil(3) * 4;
        let bytes = is_short.then(|| URL_SAFE_NO_PAD.decode(unpadded).ok()).flatten();
        let octets = bytes.and_then(|bytes| Self::new(&bytes));
        octets.ok_or_else(|| de::Error::custom(format_args!("expected 1 to {MOST} bytes in base64url")))
    }
}

/// A fixed number of bytes as base64url. Padding is not written; it is read, because browsers' own encoders write it.
pub(crate) mod base64url {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde::{Deserialize, Deserializer, Serializer, de};
    use std::borrow::Cow;

    pub(crate) fn serialize<const N: usize, S: Serializer>(bytes: &[u8; N], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, const N: usize, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; N], D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        read(&text).ok_or_else(|| de::Error::custom(format_args!("expected {N} bytes in base64url")))
    }

    fn read<const N: usize>(text: &str) -> Option<[u8; N]> {
        // Longer texts are not even decoded.
        let unpadded = text.trim_end_matches('=');
        if unpadded.len() > N.div_ceil(3) * 4 {
            return None;
        }
        URL_SAFE_NO_PAD.decode(unpadded).ok()?.try_into().ok()
    }

    /// The same where nothing may stand.
    pub(crate) mod optional {
        use super::{Cow, Deserialize, Deserializer, Serializer, de, read};

        pub(crate) fn serialize<const N: usize, S: Serializer>(
            bytes: &Option<[u8; N]>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match bytes {
                Some(bytes) => super::serialize(bytes, serializer),
                None => serializer.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, const N: usize, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<[u8; N]>, D::Error> {
            let text = Option::<Cow<'de, str>>::deserialize(deserializer)?;
            text.map(|text| {
                read(&text).ok_or_else(|| de::Error::custom(format_args!("expected {N} bytes in base64url")))
            })
            .transpose()
        }
    }
}

/// A [`likeness_base::Timestamp`] as milliseconds since 1970.
pub(crate) mod moment {
    use likeness_base::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(moment.as_millis())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(Timestamp::from_millis)
    }

    /// The same where nothing may stand.
    pub(crate) mod optional {
        use super::{Deserialize, Deserializer, Serializer, Timestamp};

        pub(crate) fn serialize<S: Serializer>(moment: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
            match moment {
                Some(moment) => super::serialize(moment, serializer),
                None => serializer.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
            Option::<i64>::deserialize(deserializer).map(|millis| millis.map(Timestamp::from_millis))
        }
    }
}

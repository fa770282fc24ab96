//! Points in time: milliseconds since 1970, read and written as RFC 3339. There is no clock here.

use std::fmt;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
///
/// Written in RFC 3339 with three decimals and `Z`, the form that Face clients parse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, as tokens count them.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This moment and a while.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// So much earlier.
    pub fn minus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// Reads RFC 3339, with any number of decimals or none and in any zone, and a date alone as its midnight in UTC.
    /// `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let is_date = text.len() == "2024-02-29".len();
        // What a date alone leaves out; RFC 3339 allows a space, and small letters, where its grammar has `T` and `Z`.
        let whole = if is_date { format!("{text}T00:00:00Z") } else { text.replacen(' ', "T", 1).to_ascii_uppercase() };
        let moment = OffsetDateTime::parse(&whole, &Rfc3339).ok()?;
        // A leap second is none that a clock here shows.
        let is_leap = whole.get(17..19).is_some_and(|seconds| seconds == "60");
        let millis = moment.unix_timestamp().checked_mul(1_000)?.checked_add(i64::from(moment.millisecond()))?;
        (!is_leap).then_some(Self(millis))
    }

    /// How long after `earlier` this moment lies; zero if it does not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Beyond the years of four digits there is no form of RFC 3339; nothing here lives that long.
        let millis = self.0.clamp(FIRST, LAST);
        let moment = OffsetDateTime::from_unix_timestamp(millis.div_euclid(1_000)).map_err(|_| fmt::Error)?;
        let (year, month, day) = moment.to_calendar_date();
        let (hour, minute, second) = moment.to_hms();
        let (month, millis) = (u8::from(month), millis.rem_euclid(1_000));
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

/// The first and the last moment of the years 0 to 9999, in milliseconds.
const FIRST: i64 = -62_167_219_200_000;
const LAST: i64 = 253_402_300_799_999;

/// Where the time comes from. There is one clock in the program, and the server owns it.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_as_face_clients_read_it() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_709_636_878_371, "2024-03-05T11:07:58.371Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ];
        for (millis, text) in cases {
            assert_eq!(Timestamp::from_millis(millis).to_string(), text);
            assert_eq!(Timestamp::parse(text), Some(Timestamp::from_millis(millis)));
        }
    }

    #[test]
    fn dates_and_times_are_read_and_nonsense_is_not() {
        let cases = [
            ("2024-02-29", Some(1_709_164_800_000)),
            ("2024-02-29T00:00:00Z", Some(1_709_164_800_000)),
            ("2024-02-29t00:00:00.5z", Some(1_709_164_800_500)),
            ("2024-02-29 00:00:01.123456+00:00", Some(1_709_164_801_123)),
            ("2023-02-29", None),
            ("2024-13-01", None),
            ("2024-02-29T24:00:00Z", None),
            ("2024-02-29T00:00:00", None),
            ("2024-02-29T00:00:00.Z", None),
            ("2024-02-29T01:00:00+01:00", Some(1_709_164_800_000)),
            ("2024-02-28T18:29:59.25-05:30", Some(1_709_164_799_250)),
            ("2024-02-29T00:00:00+24:00", None),
            ("2024-02-29T00:00:00+1:00", None),
            ("2024-02-29T00:00:00+0100", None),
            ("2024-02-29T00:00:00+", None),
            ("2024-02-29T+01:00", None),
            ("now", None),
            ("", None),
            ("2024-2-9", None),
        ];
        for (text, millis) in cases {
            assert_eq!(Timestamp::parse(text), millis.map(Timestamp::from_millis), "{text}");
        }
    }
}

use std::fmt;
use std::time::Duration;

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

    /// Reads RFC 3339, with any number of decimals or none and in any zone, and a date alone as its midnight in UTC.
    /// `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = match text.split_once(['T', 't', ' ']) {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let number = |text: &str, digits: usize| {
            (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| text.parse::<i64>().ok())?
        };
        let mut parts = date.split('-');
        let (year, month, day) = (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
        if parts.next().is_some() || !(1..=12).contains(&month) {
            return None;
        }
        let days = days_from_civil(year, month, day);
        // A day that its month does not have comes back as another.
        if civil_from_days(days) != (year, month, day) {
            return None;
        }
        let Some(time) = time else { return Some(Self(days * 86_400_000)) };
        let (time, ahead) = match time.strip_suffix(['Z', 'z']) {
            Some(time) => (time, 0),
            None => {
                let place = time.rfind(['+', '-'])?;
                let (hours, minutes) = time[place + 1..].split_once(':')?;
                let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
                let minutes = (hours <= 23 && minutes <= 59).then_some(hours * 60 + minutes)?;
                (&time[..place], if time[place..].starts_with('+') { minutes } else { -minutes })
            }
        };
        let (clock, decimals) = time.split_once('.').unwrap_or((time, "0"));
        let mut parts = clock.split(':');
        let (hours, minutes, seconds) =
            (number(parts.next()?, 2)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
        if parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 59 || decimals.is_empty() {
            return None;
        }
        let millis: String = decimals.chars().chain("00".chars()).take(3).collect();
        let millis = number(&millis, 3).filter(|_| decimals.bytes().all(|byte| byte.is_ascii_digit()))?;
        Some(Self(days * 86_400_000 + (hours * 3_600 + (minutes - ahead) * 60 + seconds) * 1_000 + millis))
    }

    /// How long after `earlier` this moment lies; zero if it does not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.div_euclid(86_400_000);
        let in_day = self.0.rem_euclid(86_400_000);
        let (year, month, day) = civil_from_days(days);
        let (seconds, millis) = (in_day / 1000, in_day % 1000);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{millis:03}Z",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )
    }
}

/// Days since 1970-01-01 to a date of the proleptic Gregorian calendar, counting years from March
/// so that the leap day is the last of a year (400 years have 146,097 days).
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let from_march_0000 = days + 719_468;
    let era = from_march_0000.div_euclid(146_097);
    let day_of_era = from_march_0000.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil_from_days`], for the same calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let (year_from_march, month_from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = year_from_march.div_euclid(400);
    let year_of_era = year_from_march.rem_euclid(400);
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

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

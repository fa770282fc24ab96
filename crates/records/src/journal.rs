//! What a restore must not undo: an entry for every deletion, revocation, replaced key and closed account.
//!
//! Start at [`Journal`]. Entries say numbers, ids and digests, never a name. They are on the disk before the transaction that
//! does what they say, so that nothing acknowledged is missing; of one that was not done after all a later entry says so.

use std::fmt;

use uuid::Uuid;

/// Where entries are kept, apart from the database.
pub trait Journal: fmt::Debug + Send + Sync {
    /// Adds entries; they are on the disk when this returns.
    ///
    /// # Errors
    /// What the file system says. Then what they tell of must not be done.
    fn append(&self, entries: &[Entry]) -> std::io::Result<()>;

    /// Says that the last so many entries were not done.
    ///
    /// # Errors
    /// What the file system says.
    fn void(&self, entries: usize) -> std::io::Result<()>;
}

/// What was done, when, to whose data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The account; nil for the installation.
    pub account: Uuid,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
    /// The number of the account's audit row that tells of it; 0 where none does.
    pub audit: i64,
    /// What.
    pub act: Act,
}

/// What was done. Numbers are the store's own, which are never used again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// A face was deleted.
    Face {
        /// Of this container.
        container: i64,
        /// With this number.
        face: i64,
    },
    /// A person was deleted, with their faces.
    Person {
        /// Of this container.
        container: i64,
        /// With this number.
        person: i64,
    },
    /// A container was deleted with all that was in it.
    Container {
        /// Its number.
        container: i64,
    },
    /// A record was deleted.
    Record {
        /// The number of its kind.
        kind: u8,
        /// Its id.
        id: String,
    },
    /// One of the account's keys was replaced.
    Key {
        /// The number of its slot.
        slot: u8,
        /// The look-up digest of the one that holds now.
        lookup: [u8; 32],
    },
    /// A token was revoked.
    Revoked {
        /// Its id.
        token: Uuid,
        /// When it would have ended anyhow.
        until: Option<i64>,
    },
    /// A key that signs tokens was replaced.
    SigningKey {
        /// Its id.
        id: String,
    },
    /// The settings were changed.
    Settings {
        /// The version that they have since.
        version: u64,
    },
    /// The account's data keys are wrapped by another provider.
    Moved {
        /// Its name; none: the installation.
        provider: Option<String>,
    },
    /// The account's key was disabled.
    Disabled,
    /// It was enabled again.
    Enabled,
    /// The account was closed.
    Closed {
        /// When it is to be destroyed.
        ends_at: i64,
    },
    /// It was taken up again.
    Reopened,
    /// It was destroyed.
    Destroyed,
    /// The last so many entries before this one were not done.
    Void {
        /// How many.
        entries: usize,
    },
}

/// Longest text in an entry, in bytes.
const LONGEST_TEXT: usize = 400;

impl Entry {
    /// As a line, without its end.
    pub fn to_line(&self) -> String {
        let none = || "-".to_owned();
        let act = match &self.act {
            Act::Face { container, face } => format!("face {container} {face}"),
            Act::Person { container, person } => format!("person {container} {person}"),
            Act::Container { container } => format!("container {container}"),
            Act::Record { kind, id } => format!("record {kind} {}", hex::encode(id)),
            Act::Key { slot, lookup } => format!("key {slot} {}", hex::encode(lookup)),
            Act::Revoked { token, until } => {
                format!("revoked {token} {}", until.map_or_else(none, |until| until.to_string()))
            }
            Act::SigningKey { id } => format!("signing-key {}", hex::encode(id)),
            Act::Settings { version } => format!("settings {version}"),
            Act::Moved { provider } => format!("moved {}", provider.as_ref().map_or_else(none, hex::encode)),
            Act::Disabled => "disabled".to_owned(),
            Act::Enabled => "enabled".to_owned(),
            Act::Closed { ends_at } => format!("closed {ends_at}"),
            Act::Reopened => "reopened".to_owned(),
            Act::Destroyed => "destroyed".to_owned(),
            Act::Void { entries } => format!("void {entries}"),
        };
        format!("{} {} {} {act}", self.at, self.account, self.audit)
    }

    /// From a line; `None` where it is not one.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let at = words.next()?.parse().ok()?;
        let account = Uuid::try_parse(words.next()?).ok()?;
        let audit = words.next()?.parse().ok()?;
        let kind = words.next()?;
        let words: Vec<&str> = words.collect();
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
        let text = |digits: &str| {
            let bytes = hex::decode(digits).ok().filter(|bytes| bytes.len() <= LONGEST_TEXT)?;
            String::from_utf8(bytes).ok()
        };
        let act = match (kind, words.as_slice()) {
            ("face", [container, face]) => Act::Face { container: number(container)?, face: number(face)? },
            ("person", [container, person]) => Act::Person { container: number(container)?, person: number(person)? },
            ("container", [container]) => Act::Container { container: number(container)? },
            ("record", [kind, id]) => Act::Record { kind: kind.parse().ok()?, id: text(id)? },
            ("key", [slot, lookup]) => {
                let lookup = hex::decode(lookup).ok()?.try_into().ok()?;
                Act::Key { slot: slot.parse().ok()?, lookup }
            }
            ("revoked", [token, "-"]) => Act::Revoked { token: Uuid::try_parse(token).ok()?, until: None },
            ("revoked", [token, until]) => {
                Act::Revoked { token: Uuid::try_parse(token).ok()?, until: Some(until.parse().ok()?) }
            }
            ("signing-key", [id]) => Act::SigningKey { id: text(id)? },
            ("settings", [version]) => Act::Settings { version: version.parse().ok()? },
            ("moved", ["-"]) => Act::Moved { provider: None },
            ("moved", [provider]) => Act::Moved { provider: Some(text(provider)?) },
            ("disabled", []) => Act::Disabled,
            ("enabled", []) => Act::Enabled,
            ("closed", [ends_at]) => Act::Closed { ends_at: ends_at.parse().ok()? },
            ("reopened", []) => Act::Reopened,
            ("destroyed", []) => Act::Destroyed,
            ("void", [entries]) => Act::Void { entries: entries.parse().ok()? },
            _ => return None,
        };
        Some(Self { account, at, audit, act })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read() {
        let acts = [
            Act::Face { container: 1, face: 2 },
            Act::Person { container: 3, person: 4 },
            Act::Container { container: 5 },
            Act::Record { kind: 3, id: "an id with a space\n".into() },
            Act::Key { slot: 1, lookup: [9; 32] },
            Act::Revoked { token: Uuid::from_u128(7), until: None },
            Act::Revoked { token: Uuid::from_u128(7), until: Some(-5) },
            Act::SigningKey { id: "key".into() },
            Act::Settings { version: u64::MAX },
            Act::Moved { provider: None },
            Act::Moved { provider: Some("acme".into()) },
            Act::Disabled,
            Act::Enabled,
            Act::Closed { ends_at: 8 },
            Act::Reopened,
            Act::Destroyed,
            Act::Void { entries: 2 },
        ];
        for act in acts {
            let entry = Entry { account: Uuid::from_u128(1), at: 1_767_225_600_000, audit: 12, act };
            let line = entry.to_line();
            assert!(!line.contains('\n'), "{line}");
            assert_eq!(Entry::parse(&line), Some(entry), "{line}");
        }
    }

    proptest! {
        #[test]
        fn strange_lines_are_refused_without_panic(line: String) {
            let read = Entry::parse(&line);
            prop_assert!(read.is_none_or(|entry| Entry::parse(&entry.to_line()) == Some(entry)));
        }
    }
}

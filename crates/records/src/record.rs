//! The registry of records: one row for each kind, with everything the store has to know of it.
//!
//! Start at [`RecordKind`]. A record is opaque bytes under an id, sealed for its row. What a kind is for is the
//! business of whoever writes it; how long it may live, with whom it goes and by what it is found stands in its row
//! here, and nowhere else. A new kind is a new row, the type of its bytes where they are written, and a case of the
//! conformance suite.

/// What a record is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum RecordKind {
    /// What an account is and who may do what in it. Written with the names of the account, by nothing else.
    Settings,
    /// A key of the installation that signs tokens, by its key id.
    SigningKey,
    /// A token that must not be taken any more, by its id.
    RevokedToken,
    /// A liveness session with its attempts, by its id.
    LivenessSession,
    /// The picture of a liveness session, where one was wanted.
    SessionImage,
    /// A link by which a browser takes a liveness session up, once; by a digest of what it says.
    QuickLink,
    /// What is counted of a correlation id, and whether it is closed; found by a digest of the id, which is kept nowhere.
    Correlation,
    /// The template of a liveness session whose account watches for abuse.
    MonitoredTemplate,
    /// A key of a device that was enrolled for a person; found by digests of the person's correlation id and of its own id.
    EnrolledKey,
    /// The digest of a frame of a liveness attempt, by which it is known again; in no relation to the attempt.
    FrameDigest,
    /// Of the conformance suite, which tries every rule on it; no program writes it. It must expire and is found by tags.
    Specimen,
    /// The same for what is about a person and goes with them.
    SpecimenOfPerson,
    /// The same for what an audit log rests on.
    SpecimenOfTrail,
}

/// What the store knows of a kind.
#[derive(Debug)]
pub struct KindRow {
    /// Its number in the database and in associated data: never change one, never use one again.
    pub number: u8,
    /// What people who look after the data call it.
    pub word: &'static str,
    /// The names of its writes in the audit log: never change one.
    pub actions: Actions,
    /// Whether it expires.
    pub life: Life,
    /// What it goes with.
    pub erasure: Erasure,
    /// Whether a backup holds it. What expires is in none: the keys of hours are not, so nobody could open it.
    /// A move to another engine takes everything.
    pub in_backup: bool,
    /// Whether it decides who may call: then every node learns of a change at once. All others wake nobody.
    pub is_about_access: bool,
    /// By what it is found besides its id. The place in the list is the tag's number in the database: add at the end.
    pub tags: &'static [TagRow],
}

/// The stable names under which audit rows tell what was done to a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Actions {
    /// It was written.
    pub put: &'static str,
    /// It was deleted.
    pub delete: &'static str,
    /// It was used up.
    pub take: &'static str,
}

/// Whether a record expires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    /// It stays until it is deleted.
    Lasting,
    /// Each says whether it does.
    MayExpire,
    /// Each says when.
    MustExpire,
}

/// What a record goes with. All go with their account, whose key seals them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Erasure {
    /// With its account, and before that by a command.
    WithAccount,
    /// Each is about a person of a container and goes with them too, whatever takes them.
    WithPerson,
    /// No command takes it before it expires: an audit log rests on it. It says nothing in the clear of whom it is
    /// about.
    KeptForAudit,
}

/// Something by which records of a kind are found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TagRow {
    /// Its name in commands and queries.
    pub name: &'static str,
    /// What stands in the database.
    pub form: TagForm,
    /// Whether only one record that is alive may have a value.
    pub is_unique: bool,
}

/// What stands in the database for a tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TagForm {
    /// A digest under a key of the account: whoever has the database alone cannot even test a guess.
    Digest,
    /// The word itself: a small one that says nothing of anybody, such as a state.
    Word,
}

/// The words of a kind whose actions are to put, to delete and to take.
macro_rules! actions {
    ($word:literal) => {
        Actions { put: concat!("put_", $word), delete: concat!("delete_", $word), take: concat!("take_", $word) }
    };
}

impl RecordKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Settings,
        Self::SigningKey,
        Self::RevokedToken,
        Self::LivenessSession,
        Self::SessionImage,
        Self::QuickLink,
        Self::Correlation,
        Self::MonitoredTemplate,
        Self::EnrolledKey,
        Self::FrameDigest,
        Self::Specimen,
        Self::SpecimenOfPerson,
        Self::SpecimenOfTrail,
    ];

    /// What the store knows of it.
    pub const fn row(self) -> &'static KindRow {
        match self {
            Self::Settings => &KindRow {
                number: 1,
                word: "settings",
                actions: actions!("settings"),
                life: Life::Lasting,
                erasure: Erasure::WithAccount,
                in_backup: true,
                is_about_access: true,
                tags: &[],
            },
            Self::SigningKey => &KindRow {
                number: 2,
                word: "signing key",
                actions: actions!("signing_key"),
                life: Life::MayExpire,
                erasure: Erasure::WithAccount,
                in_backup: true,
                is_about_access: true,
                tags: &[],
            },
            Self::RevokedToken => &KindRow {
                number: 3,
                word: "revoked token",
                actions: Actions { put: "revoke_token", delete: "forget_revoked_token", take: "take_revoked_token" },
                life: Life::MayExpire,
                erasure: Erasure::WithAccount,
                in_backup: true,
                is_about_access: true,
                tags: &[],
            },
            Self::LivenessSession => &KindRow {
                number: 4,
                word: "liveness session",
                actions: actions!("liveness_session"),
                life: Life::MustExpire,
                erasure: Erasure::WithAccount,
                in_backup: false,
                is_about_access: false,
                tags: &[TagRow { name: "form", form: TagForm::Word, is_unique: false }],
            },
            Self::SessionImage => &KindRow {
                number: 5,
                word: "session image",
                actions: actions!("session_image"),
                life: Life::MustExpire,
                erasure: Erasure::WithAccount,
                in_backup: false,
                is_about_access: false,
                tags: &[],
            },
            Self::QuickLink => &KindRow {
                number: 6,
                word: "quick link",
                actions: actions!("quick_link"),
                life: Life::MustExpire,
                erasure: Erasure::WithAccount,
                in_backup: false,
                is_about_access: false,
                tags: &[],
            },
            Self::Correlation => &KindRow {
                number: 7,
                word: "correlation id",
                actions: actions!("correlation"),
                life: Life::MustExpire,
                erasure: Erasure::WithAccount,
                in_backup: false,
                is_about_access: false,
                tags: &[
                    TagRow { name: "id", form: TagForm::Digest, is_unique: true },
                    TagRow { name: "state", form: TagForm::Word, is_unique: false },
                ],
            },
            Self::MonitoredTemplate => &KindRow {
                number: 8,
                word: "template of a liveness session",
                actions: actions!("monitored_template"),
                life: Life::MustExpire,
                erasure: Erasure::WithAccount,
                in_backup: false,
                is_about_access: false,
                tags: &[TagRow { name: "space", form: TagForm::Digest, is_unique: false }],
            },
            Self::EnrolledKey => &KindRow {
                number: 9,
                word: "enrolled key",
                actions: actions!("enrolled_key"),
                life: Life::MustExpire,
                erasure: Erasure::WithAccount,
                in_backup: false,
                is_about_access: false,
                tags: &[
                    TagRow { name: "holder", form: TagForm::Digest, is_unique: false },
                    // One of the few places that each person has, so that no race makes more.
                    TagRow { name: "place", form: TagForm::Digest, is_unique: true },
                    TagRow { name: "key", form: TagForm::Digest, is_unique: true },
                ],
            },
            Self::FrameDigest => &KindRow {
                number: 10,
                word: "digest of a frame",
                actions: actions!("frame_digest"),
                life: Life::MustExpire,
                erasure: Erasure::WithAccount,
                in_backup: false,
                is_about_access: false,
                tags: &[TagRow { name: "frame", form: TagForm::Digest, is_unique: false }],
            },
            Self::Specimen => &KindRow {
                number: 250,
                word: "specimen",
                actions: actions!("specimen"),
                life: Life::MustExpire,
                erasure: Erasure::WithAccount,
                in_backup: false,
                is_about_access: false,
                tags: &[
                    TagRow { name: "state", form: TagForm::Word, is_unique: false },
                    TagRow { name: "handle", form: TagForm::Digest, is_unique: true },
                ],
            },
            Self::SpecimenOfPerson => &KindRow {
                number: 251,
                word: "specimen of a person",
                actions: actions!("specimen_of_person"),
                life: Life::Lasting,
                erasure: Erasure::WithPerson,
                in_backup: true,
                is_about_access: false,
                tags: &[TagRow { name: "subject", form: TagForm::Digest, is_unique: false }],
            },
            Self::SpecimenOfTrail => &KindRow {
                number: 252,
                word: "specimen of a trail",
                actions: actions!("specimen_of_trail"),
                life: Life::MayExpire,
                erasure: Erasure::KeptForAudit,
                in_backup: true,
                is_about_access: false,
                tags: &[],
            },
        }
    }

    /// Whether the kind with this number decides who may call.
    pub fn decides_access(number: i64) -> bool {
        Self::ALL.into_iter().any(|kind| i64::from(kind.number()) == number && kind.row().is_about_access)
    }

    /// Its number in the database.
    pub const fn number(self) -> u8 {
        self.row().number
    }

    /// The number of a tag and what it is; `None`: the kind has none of that name.
    pub fn tag(self, name: &str) -> Option<(i64, TagRow)> {
        let found = (0..).zip(self.row().tags).find(|(_, row)| row.name == name);
        found.map(|(number, row)| (number, *row))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_kinds_share_a_number_a_word_or_an_action() {
        let (mut numbers, mut words) = (HashSet::new(), HashSet::new());
        for row in RecordKind::ALL.map(RecordKind::row) {
            assert!(numbers.insert(row.number), "{}", row.word);
            for word in [row.word, row.actions.put, row.actions.delete, row.actions.take] {
                assert!(words.insert(word), "{word}");
            }
            let tags: HashSet<_> = row.tags.iter().map(|tag| tag.name).collect();
            assert_eq!(tags.len(), row.tags.len(), "{}", row.word);
        }
    }

    #[test]
    fn rows_do_not_contradict_themselves() {
        for row in RecordKind::ALL.map(RecordKind::row) {
            assert!(!(row.in_backup && row.life == Life::MustExpire), "{}: nobody could open it", row.word);
            assert!(!(row.is_about_access && row.erasure == Erasure::WithPerson), "{}", row.word);
        }
    }
}

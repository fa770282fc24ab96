//! The one list of the schema: every table, in an order in which every row finds what it refers to.
//!
//! Moving an installation, deleting an account and backups all go by this list; a test holds it against the
//! catalogue of both databases, so that a new table cannot be forgotten by one of them.

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A number of 64 bits.
    Integer,
    /// Bytes.
    Bytes,
    /// Text.
    Text,
}

/// What becomes of a table's rows when their account is destroyed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AtTheEnd {
    /// They go.
    Deleted,
    /// They go, and so do those of others that name the account in this column.
    DeletedWith(&'static str),
    /// They stay: they hold nothing of anybody.
    Kept,
    /// They belong to no account.
    OfNobody,
}

/// Which rows of a table a backup holds. What expires is in none: the keys of hours are not, so nobody could open it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InBackup {
    /// None.
    None,
    /// All.
    All,
    /// Those for which this holds, in SQL.
    Some(&'static str),
}

/// What tells kinds of rows of a table apart where what is held is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kinds {
    /// All rows are of one kind.
    One,
    /// The number in this column.
    Column(&'static str),
    /// The kind of the container whose number is in this column.
    OfContainer(&'static str),
}

/// When a row ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ends {
    /// When somebody deletes it, or with another row.
    Never,
    /// At this moment, in SQL. Until the row is gone, whoever has the keys can read it.
    At(&'static str),
    /// At this moment, in SQL, and with the key of its hour, without which nobody can read it.
    WithItsHour(&'static str),
}

/// That a row of a table lies in a container which is no copy that expires, and is not being removed.
macro_rules! lasts {
    ($table:literal, $column:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM container c WHERE c.account_id = ",
            $table,
            ".account_id AND c.number = ",
            $table,
            ".",
            $column,
            " AND c.kind NOT IN (7, 8))"
        )
    };
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// How many of the columns are its key; they stand first.
    pub key: usize,
    /// Its columns, but for those that stay behind.
    pub columns: &'static [(&'static str, Kind)],
    /// Columns that mean something only where they are.
    pub stays_behind: &'static [&'static str],
    /// Whether its rows are of use elsewhere.
    pub moves: bool,
    /// Which of its rows a backup holds.
    pub in_backup: InBackup,
    /// What becomes of its rows with their account.
    pub at_the_end: AtTheEnd,
    /// Whether one process on a file needs it too.
    pub in_a_file: bool,
    /// Which kinds of rows it has.
    pub kinds: Kinds,
    /// The column that holds when a row was made, if one does.
    pub made_at: Option<&'static str>,
    /// When its rows end.
    pub ends: Ends,
}

impl Table {
    /// The columns of its key, in their order.
    pub fn key_columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns[..self.key].iter().map(|(name, _)| *name)
    }
}

/// A table whose rows go with their account, and move.
const OF_AN_ACCOUNT: Table = Table {
    name: "",
    key: 0,
    columns: &[],
    stays_behind: &[],
    moves: true,
    in_backup: InBackup::All,
    at_the_end: AtTheEnd::Deleted,
    in_a_file: true,
    kinds: Kinds::One,
    made_at: None,
    ends: Ends::Never,
};

use Kind::{Bytes, Integer, Text};

/// Every table of ours.
pub const TABLES: &[Table] = &[
    Table {
        name: "installation",
        key: 1,
        columns: &[
            ("only_row", Integer),
            ("check_value", Bytes),
            ("access_version", Integer),
            ("sealed_check", Bytes),
            ("provider", Text),
            ("provider_version", Integer),
            ("wrapped", Bytes),
            ("backed_up_at", Integer),
        ],
        moves: false,
        at_the_end: AtTheEnd::OfNobody,
        in_backup: InBackup::None,
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "account",
        key: 1,
        columns: &[
            ("account_id", Bytes),
            ("created_at", Integer),
            ("next_container", Integer),
            ("next_label", Integer),
            ("next_delivery", Integer),
            ("resource", Text),
            ("subdomain", Text),
            ("closed_at", Integer),
            ("ends_at", Integer),
            ("stored_bytes", Integer),
            ("key_disabled_at", Integer),
            ("key_used_at", Integer),
            ("backed_up_at", Integer),
        ],
        stays_behind: &["access_version"],
        made_at: Some("created_at"),
        // A closed account ends with its data keys; its rows go afterwards, in parts.
        ends: Ends::At(
            "CASE WHEN EXISTS (SELECT 1 FROM data_key k WHERE k.account_id = account.account_id) THEN ends_at END",
        ),
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "data_key",
        key: 2,
        columns: &[
            ("account_id", Bytes),
            ("key_id", Integer),
            ("created_at", Integer),
            ("wrapped", Bytes),
            ("provider", Text),
            ("provider_version", Integer),
            ("check_value", Bytes),
        ],
        made_at: Some("created_at"),
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "account_key",
        key: 2,
        columns: &[("account_id", Bytes), ("slot", Integer), ("lookup", Bytes), ("sealed", Bytes), ("set_at", Integer)],
        made_at: Some("set_at"),
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "label",
        key: 2,
        columns: &[("account_id", Bytes), ("number", Integer), ("word", Text)],
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "tally",
        key: 2,
        columns: &[("account_id", Bytes), ("kind", Integer), ("containers", Integer), ("persons", Integer)],
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "container",
        key: 2,
        columns: &[
            ("account_id", Bytes),
            ("number", Integer),
            ("kind", Integer),
            ("wire_id", Text),
            ("model", Integer),
            ("created_at", Integer),
            ("version", Integer),
            ("next_person", Integer),
            ("next_face", Integer),
            ("persons", Integer),
            ("faces", Integer),
            ("trimmed_version", Integer),
            ("trim_due", Integer),
            ("training", Integer),
            ("training_state", Integer),
            ("training_created_at", Integer),
            ("training_action_at", Integer),
            ("training_success_at", Integer),
            ("training_message", Text),
            ("training_covers", Integer),
            ("trained_version", Integer),
        ],
        in_backup: InBackup::Some("kind NOT IN (7, 8)"),
        kinds: Kinds::Column("kind"),
        made_at: Some("created_at"),
        // What is hidden is being removed, or is a copy that is not whole.
        ends: Ends::At("CASE WHEN kind = 8 THEN coalesce(trim_due, 0) END"),
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "container_text",
        key: 2,
        columns: &[("account_id", Bytes), ("number", Integer), ("sealed_name", Bytes), ("sealed_user_data", Bytes)],
        in_backup: InBackup::Some(lasts!("container_text", "number")),
        kinds: Kinds::OfContainer("number"),
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "person",
        key: 3,
        columns: &[
            ("account_id", Bytes),
            ("container", Integer),
            ("seq", Integer),
            ("person_id", Bytes),
            ("sealed_name", Bytes),
            ("sealed_user_data", Bytes),
        ],
        in_backup: InBackup::Some(lasts!("person", "container")),
        kinds: Kinds::OfContainer("container"),
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "face",
        key: 3,
        columns: &[
            ("account_id", Bytes),
            ("container", Integer),
            ("seq", Integer),
            ("face_id", Bytes),
            ("person", Integer),
            ("added_version", Integer),
            ("space", Integer),
            ("sealed_template", Bytes),
            ("sealed_user_data", Bytes),
            ("model", Integer),
        ],
        in_backup: InBackup::Some(lasts!("face", "container")),
        kinds: Kinds::OfContainer("container"),
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "change",
        key: 4,
        columns: &[
            ("account_id", Bytes),
            ("container", Integer),
            ("version", Integer),
            ("face", Integer),
            ("op", Integer),
            ("at", Integer),
        ],
        in_backup: InBackup::Some(lasts!("change", "container")),
        kinds: Kinds::OfContainer("container"),
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "face_id",
        key: 2,
        columns: &[
            ("account_id", Bytes),
            ("face_id", Bytes),
            ("expires_at", Integer),
            ("space", Integer),
            ("model", Integer),
            ("sealed_template", Bytes),
        ],
        in_backup: InBackup::None,
        ends: Ends::WithItsHour("expires_at"),
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "audit",
        key: 2,
        columns: &[
            ("account_id", Bytes),
            ("seq", Integer),
            ("at", Integer),
            ("actor", Text),
            ("action", Text),
            ("target_kind", Integer),
            ("target_number", Integer),
            ("records", Integer),
            ("outcome", Integer),
            ("request_id", Bytes),
            ("previous", Bytes),
            ("link", Bytes),
            ("detail", Text),
            ("access_digest", Bytes),
        ],
        at_the_end: AtTheEnd::Kept,
        made_at: Some("at"),
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "membership",
        key: 3,
        columns: &[
            ("account_id", Bytes),
            ("dynamic_group", Integer),
            ("person_id", Bytes),
            ("directory", Integer),
            ("person", Integer),
        ],
        in_backup: InBackup::Some(lasts!("membership", "dynamic_group")),
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "operation",
        key: 2,
        columns: &[
            ("account_id", Bytes),
            ("operation_id", Bytes),
            ("expires_at", Integer),
            ("about", Integer),
            ("created_at", Integer),
            ("finished_at", Integer),
            ("resource", Text),
        ],
        in_backup: InBackup::None,
        made_at: Some("created_at"),
        ends: Ends::At("expires_at"),
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "snapshot",
        key: 2,
        columns: &[
            ("account_id", Bytes),
            ("snapshot_id", Bytes),
            ("expires_at", Integer),
            ("container", Integer),
            ("source_kind", Integer),
            ("created_at", Integer),
            ("updated_at", Integer),
            ("sealed_user_data", Bytes),
        ],
        in_backup: InBackup::None,
        made_at: Some("created_at"),
        ends: Ends::WithItsHour("expires_at"),
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "snapshot_scope",
        key: 3,
        columns: &[("account_id", Bytes), ("snapshot_id", Bytes), ("offered_to", Bytes)],
        at_the_end: AtTheEnd::DeletedWith("offered_to"),
        in_backup: InBackup::None,
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "snapshot_offer",
        key: 2,
        columns: &[("account_id", Bytes), ("snapshot_id", Bytes), ("taken_by", Bytes)],
        at_the_end: AtTheEnd::DeletedWith("taken_by"),
        in_backup: InBackup::None,
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "record",
        key: 3,
        columns: &[
            ("account_id", Bytes),
            ("kind", Integer),
            ("id", Text),
            ("version", Integer),
            ("created_at", Integer),
            ("updated_at", Integer),
            ("expires_at", Integer),
            ("container", Integer),
            ("person", Integer),
            ("sealed", Bytes),
        ],
        in_backup: InBackup::Some(concat!(
            "(expires_at IS NULL OR kind = 3) AND (container IS NULL OR ",
            lasts!("record", "container"),
            ")"
        )),
        kinds: Kinds::Column("kind"),
        made_at: Some("created_at"),
        ends: Ends::WithItsHour("expires_at"),
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "record_tag",
        key: 5,
        columns: &[
            ("account_id", Bytes),
            ("kind", Integer),
            ("tag", Integer),
            ("value", Bytes),
            ("id", Text),
            ("is_unique", Integer),
        ],
        in_backup: InBackup::Some(
            "EXISTS (SELECT 1 FROM record r WHERE r.account_id = record_tag.account_id AND r.kind = record_tag.kind AND r.id = record_tag.id AND r.expires_at IS NULL)",
        ),
        kinds: Kinds::Column("kind"),
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "usage",
        key: 3,
        columns: &[
            ("account_id", Bytes),
            ("day", Integer),
            ("operation", Text),
            ("calls", Integer),
            ("billed", Integer),
        ],
        at_the_end: AtTheEnd::Kept,
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "outbox",
        key: 2,
        columns: &[
            ("account_id", Bytes),
            ("seq", Integer),
            ("queue", Text),
            ("created_at", Integer),
            ("due_at", Integer),
            ("gives_up_at", Integer),
            ("attempts", Integer),
            ("holder", Bytes),
            ("lease_until", Integer),
            ("sealed", Bytes),
        ],
        in_backup: InBackup::None,
        made_at: Some("created_at"),
        ends: Ends::WithItsHour("gives_up_at"),
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "command_note",
        key: 2,
        columns: &[
            ("account_id", Bytes),
            ("command_id", Bytes),
            ("at", Integer),
            ("container", Integer),
            ("version", Integer),
            ("person", Integer),
            ("face", Integer),
            ("training", Integer),
            ("removed", Integer),
            ("more", Integer),
        ],
        moves: false,
        in_backup: InBackup::None,
        ..OF_AN_ACCOUNT
    },
    Table {
        name: "lease",
        key: 2,
        columns: &[("account_id", Bytes), ("job", Text), ("holder", Bytes)],
        stays_behind: &["lease_until", "attempts"],
        in_backup: InBackup::None,
        moves: false,
        at_the_end: AtTheEnd::Kept,
        in_a_file: false,
        ..OF_AN_ACCOUNT
    },
];

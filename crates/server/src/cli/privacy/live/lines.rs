//! What an account holds, by the rows of the retention table; whatever belongs to none of them stands below under its table, so
//! that nothing that is stored is left out.

use likeness_base::Timestamp;
use likeness_rules::{RetentionClass, RetentionPolicy, RetentionRow, rows};
use likeness_service::kinds::kind_name;
use likeness_store::{ContainerKind, Holding, RecordKind};
use serde::Serialize;
use std::time::Duration;

/// How long a row may be past its end until the sweep has removed it: what docs/privacy.md promises of faceIds.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Rows of an audit log may be so much older than their life, because they are removed once a day.
const AUDIT_ROOM: Duration = Duration::from_secs(24 * 60 * 60);

/// One kind of data of an account.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    /// The key of its row in the retention table; none for what has no row there.
    pub(super) data: Option<&'static str>,
    /// The table that holds it; none for what is not stored, or not by itself.
    pub(super) table: Option<&'static str>,
    /// Which of the table's rows, where it has several kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    /// How many rows; none for what is not stored, or not by itself.
    pub(super) rows: Option<u64>,
    /// When the oldest was made, in UTC, where that is stored.
    pub(super) oldest: Option<String>,
    /// For how many seconds at most the account keeps it; none: no end, or nothing is kept.
    pub(super) kept_seconds: Option<u32>,
    /// Rows that are past their end and not removed yet. No caller can read them.
    pub(super) ended: u64,
    /// Rows that are past their end for more than a minute and can still be opened. Must be 0.
    pub(super) overdue: u64,
    /// Whether some are older than the account keeps them since it shortened their life. No caller can read those.
    pub(super) is_older_than_kept: bool,
}

/// Where the data of a row of the retention table is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// In tables.
    Tables,
    /// In no table.
    Nowhere,
    /// In the record of the liveness session, without a row of its own.
    InTheSession,
}

/// Where the data of a row is; `None` for a row that nobody has thought of yet.
pub(super) fn place_of(key: &str) -> Option<Place> {
    Some(match key {
        "input" | "detection" | "answer" | "deviceReference" | "frames" => Place::Nowhere,
        "sessionReference" | "deviceCorrelation" | "authToken" => Place::InTheSession,
        "faceId" | "listFace" | "groupPerson" | "directoryPerson" | "dynamicGroup" | "session" | "correlationCount"
        | "enrolledKey" | "frameDigest" | "monitoredTemplate" | "quickLink" | "sessionImage" | "operation"
        | "snapshot" | "auditLog" => Place::Tables,
        _ => return None,
    })
}

/// The row of the retention table to which rows of a table belong, if they belong to one.
fn row_of(table: &str, kind: Option<i64>) -> Option<&'static str> {
    match table {
        "face_id" => Some("faceId"),
        "operation" => Some("operation"),
        "snapshot" | "snapshot_scope" | "snapshot_offer" => Some("snapshot"),
        "audit" => Some("auditLog"),
        "membership" => Some("dynamicGroup"),
        "record" | "record_tag" => row_of_record(kind?),
        "container" | "container_text" | "person" | "face" | "change" => row_of_container(kind?),
        _ => None,
    }
}

fn row_of_container(kind: i64) -> Option<&'static str> {
    Some(match ContainerKind::from_number(kind)? {
        ContainerKind::FaceList | ContainerKind::LargeFaceList => "listFace",
        ContainerKind::PersonGroup | ContainerKind::LargePersonGroup => "groupPerson",
        ContainerKind::PersonDirectory => "directoryPerson",
        ContainerKind::DynamicPersonGroup => "dynamicGroup",
        ContainerKind::Snapshot => "snapshot",
    })
}

fn record_kind(number: i64) -> Option<RecordKind> {
    RecordKind::ALL.into_iter().find(|kind| i64::from(kind.number()) == number)
}

fn row_of_record(number: i64) -> Option<&'static str> {
    match record_kind(number)? {
        RecordKind::LivenessSession => Some("session"),
        RecordKind::SessionImage => Some("sessionImage"),
        RecordKind::QuickLink => Some("quickLink"),
        RecordKind::Correlation => Some("correlationCount"),
        RecordKind::MonitoredTemplate => Some("monitoredTemplate"),
        RecordKind::EnrolledKey => Some("enrolledKey"),
        RecordKind::FrameDigest => Some("frameDigest"),
        _ => None,
    }
}

/// What the rows of a table are that have a number for their kind.
fn kind_word(table: &str, kind: i64) -> String {
    if table.starts_with("record") {
        return record_kind(kind).map_or_else(|| format!("kind {kind}"), |kind| kind.row().word.to_owned());
    }
    // What is hidden has none of the kinds: it is being removed, or is a copy that is not whole.
    ContainerKind::from_number(kind).map_or_else(|| "hidden".to_owned(), kind_name)
}

/// Every row of the retention table, with what is held of it, and then whatever else is held.
pub(super) fn lines(holdings: &[Holding], policy: &RetentionPolicy, now: Timestamp) -> Vec<Line> {
    let mut lines = Vec::new();
    for row in rows() {
        let own: Vec<&Holding> = holdings.iter().filter(|one| row_of(one.table, one.kind) == Some(row.key)).collect();
        if own.is_empty() {
            lines.push(nothing(row, policy));
        }
        lines.extend(own.into_iter().map(|holding| line(holding, Some(row), policy, now)));
    }
    let others = holdings.iter().filter(|one| row_of(one.table, one.kind).is_none() && one.rows > 0);
    lines.extend(others.map(|holding| line(holding, None, policy, now)));
    lines
}

fn kept_seconds(row: &RetentionRow, policy: &RetentionPolicy) -> Option<u32> {
    match row.class? {
        RetentionClass::AuditLog => policy.get(RetentionClass::AuditLog),
        class => Some(policy.seconds(class)),
    }
}

fn nothing(row: &RetentionRow, policy: &RetentionPolicy) -> Line {
    Line {
        data: Some(row.key),
        table: None,
        kind: None,
        rows: (place_of(row.key) == Some(Place::Tables)).then_some(0),
        oldest: None,
        kept_seconds: kept_seconds(row, policy),
        ended: 0,
        overdue: 0,
        is_older_than_kept: false,
    }
}

fn line(holding: &Holding, row: Option<&RetentionRow>, policy: &RetentionPolicy, now: Timestamp) -> Line {
    let class = row.and_then(|row| row.class);
    let shortened = class.and_then(|class| policy.get(class));
    let is_older = |room: Duration| {
        let life = shortened.map(|seconds| Duration::from_secs(seconds.into()));
        holding.oldest.zip(life).is_some_and(|(oldest, life)| oldest.plus(life).plus(room).plus(PATIENCE) <= now)
    };
    // These the sweep removes by their age, too; sessions and their pictures are hidden by it.
    let is_overdue = match class {
        Some(RetentionClass::AuditLog) => is_older(AUDIT_ROOM),
        Some(RetentionClass::Operation | RetentionClass::Snapshot) if holding.table == row_table(class) => {
            is_older(Duration::ZERO)
        }
        _ => false,
    };
    let is_hidden = matches!(class, Some(RetentionClass::Session | RetentionClass::SessionImage));
    Line {
        data: row.map(|row| row.key),
        table: Some(holding.table),
        kind: holding.kind.map(|kind| kind_word(holding.table, kind)),
        rows: Some(holding.rows),
        oldest: holding.oldest.map(|oldest| oldest.to_string()),
        kept_seconds: row.and_then(|row| kept_seconds(row, policy)),
        ended: holding.ended,
        overdue: holding.overdue.max(u64::from(is_overdue)),
        is_older_than_kept: is_hidden && is_older(Duration::ZERO),
    }
}

/// The table whose rows have the age by which the sweep goes: a copy keeps that of its source.
const fn row_table(class: Option<RetentionClass>) -> &'static str {
    match class {
        Some(RetentionClass::Operation) => "operation",
        _ => "snapshot",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use likeness_store::schema::{Kinds, TABLES};

    fn holding(table: &'static str, kind: Option<i64>, oldest: Option<i64>) -> Holding {
        Holding { table, kind, rows: 3, oldest: oldest.map(Timestamp::from_millis), ended: 0, overdue: 0 }
    }

    #[test]
    fn every_row_of_the_retention_table_has_its_place() {
        for row in rows() {
            let place = place_of(row.key).unwrap_or_else(|| panic!("where is {} kept?", row.key));
            let kinds = (0..=255).map(Some).chain([None]);
            let is_in_a_table = kinds
                .flat_map(|kind| TABLES.iter().map(move |table| (table, kind)))
                .any(|(table, kind)| row_of(table.name, kind) == Some(row.key));
            assert_eq!(is_in_a_table, place == Place::Tables, "{}", row.key);
        }
    }

    #[test]
    fn records_of_every_kind_have_a_row_or_are_named() {
        for kind in RecordKind::ALL {
            let number = Some(i64::from(kind.number()));
            let listed =
                lines(&[holding("record", number, None)], &RetentionPolicy::default(), Timestamp::from_millis(0));
            let line = listed.iter().find(|line| line.table == Some("record")).expect("a line");
            assert_eq!(line.kind.as_deref(), Some(kind.row().word));
            let ends = kind.row().life == likeness_store::Life::MustExpire && kind.number() < 250;
            assert!(!ends || line.data.is_some(), "{} ends and has no row in the retention table", kind.row().word);
        }
    }

    #[test]
    fn what_belongs_to_no_row_is_listed_all_the_same() {
        for table in TABLES {
            let kind = (table.kinds != Kinds::One).then_some(8);
            let listed =
                lines(&[holding(table.name, kind, None)], &RetentionPolicy::default(), Timestamp::from_millis(0));
            assert!(listed.iter().any(|line| line.table == Some(table.name) && line.rows == Some(3)), "{}", table.name);
        }
    }

    #[test]
    fn a_shortened_life_is_held_against_the_oldest() {
        let mut policy = RetentionPolicy::default();
        for class in [RetentionClass::Operation, RetentionClass::Session] {
            policy.set(class, Some(60)).expect("a minute is allowed");
        }
        let seen = |table, kind, age_seconds: i64| {
            let now = Timestamp::from_millis(1_000_000_000);
            let made = now.as_millis() - age_seconds * 1_000;
            let listed = lines(&[holding(table, kind, Some(made))], &policy, now);
            let line = listed.into_iter().find(|line| line.table == Some(table)).expect("a line");
            (line.overdue, line.is_older_than_kept)
        };
        assert_eq!(seen("operation", None, 119), (0, false));
        assert_eq!(seen("operation", None, 120), (1, false));
        assert_eq!(seen("record", Some(4), 119), (0, false));
        assert_eq!(seen("record", Some(4), 120), (0, true));
        // Without a setting nothing is held against its age: its end is stored with it.
        assert_eq!(seen("snapshot", None, 400_000), (0, false));
        assert_eq!(seen("audit", None, 400_000), (0, false));
    }
}

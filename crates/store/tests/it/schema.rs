//! The list of the schema is what the databases have.

use std::collections::BTreeSet;

use likeness_store::schema::{AtTheEnd, Ends, Kinds, TABLES, Table};

/// What a database says of a table.
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) columns: BTreeSet<String>,
    pub(crate) key: BTreeSet<String>,
    /// Tables to which it refers.
    pub(crate) refers_to: BTreeSet<String>,
}

/// Tables that keep the schema itself, and no data of anybody.
const NOT_OURS: [&str; 2] = ["_sqlx_migrations", "migration_lock"];

/// Every table is listed, with all its columns, behind all that it refers to.
pub(crate) fn is_listed(found: Vec<Found>, is_file: bool) {
    let listed: Vec<&Table> = TABLES.iter().filter(|table| table.in_a_file || !is_file).collect();
    let names: BTreeSet<&str> = listed.iter().map(|table| table.name).collect();
    let found: Vec<Found> = found.into_iter().filter(|table| !NOT_OURS.contains(&table.name.as_str())).collect();
    assert_eq!(found.iter().map(|table| table.name.as_str()).collect::<BTreeSet<_>>(), names);
    for table in &found {
        let place = listed.iter().position(|listed| listed.name == table.name).unwrap();
        let row = listed[place];
        let columns = row.columns.iter().map(|(name, _)| *name).chain(row.stays_behind.iter().copied());
        assert_eq!(columns.map(str::to_owned).collect::<BTreeSet<_>>(), table.columns, "{}", table.name);
        assert_eq!(row.key_columns().map(str::to_owned).collect::<BTreeSet<_>>(), table.key, "{}", table.name);
        for other in &table.refers_to {
            let before = listed.iter().position(|listed| listed.name == other).unwrap();
            assert!(before < place, "{} stands before {other}, to which it refers", table.name);
            // Else a row would be in the way of deleting the account.
            let goes = |table: &Table| matches!(table.at_the_end, AtTheEnd::Deleted | AtTheEnd::DeletedWith(_));
            assert!(goes(row) || !goes(listed[before]), "{} stays and {other} goes", table.name);
        }
        let owned = table.columns.contains("account_id");
        assert_eq!(owned, row.at_the_end != AtTheEnd::OfNobody, "{}", table.name);
        // A report on what is held must not miss that something of a new table ends, or how old it is.
        let has = |names: &[&str]| names.iter().any(|name| table.columns.contains(*name));
        let ends = has(&["expires_at", "gives_up_at", "ends_at"]);
        assert!(!ends || row.ends != Ends::Never, "{}: nobody counts what is past its end", table.name);
        let is_dated = has(&["created_at", "set_at"]) && owned;
        assert!(!is_dated || row.made_at.is_some(), "{}: nobody asks for the oldest row", table.name);
        let of_kinds = match row.kinds {
            Kinds::One => None,
            Kinds::Column(column) | Kinds::OfContainer(column) => Some(column),
        };
        for column in row.made_at.into_iter().chain(of_kinds) {
            assert!(table.columns.contains(column), "{}: {column}", table.name);
        }
        if let AtTheEnd::DeletedWith(column) = row.at_the_end {
            assert!(table.columns.contains(column), "{}", table.name);
        }
    }
}

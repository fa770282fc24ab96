//! Stores for tests: a file, or a database of PostgreSQL. Tests of promises about data run on both.

use crate::nodes::{Site, site};
use crate::server::{TestServer, likeness, run};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The data under a server, which outlives it.
pub(crate) enum TestStore {
    /// In a folder.
    File(TempDir),
    /// In a database, with the keys in a folder.
    Database(Site),
}

impl TestStore {
    pub(crate) fn file() -> Self {
        Self::File(tempfile::tempdir().expect("a folder"))
    }

    /// `None`, with a message, without PostgreSQL.
    pub(crate) fn database(test: &str) -> Option<Self> {
        site(test).map(Self::Database)
    }

    /// A server on it.
    pub(crate) fn server(&self, settings: &[(&str, &str)]) -> TestServer {
        match self {
            Self::File(_) => TestServer::over(&self.data(), settings),
            Self::Database(site) => {
                TestServer::over(&self.data(), &[&[("LIKENESS_STORE", site.store.as_str())], settings].concat())
            }
        }
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        match self {
            Self::File(folder) => folder.path().join("data"),
            Self::Database(site) => site.data(),
        }
    }

    /// One value that SQL finds: bytes in hexadecimal, numbers as text. The statement says `hex(...)` for bytes on both.
    pub(crate) fn sql(&self, statement: &str) -> Vec<String> {
        let said = match self {
            Self::File(_) => {
                let database = self.data().join("likeness.db");
                let output = Command::new("python3").args(["-c", READ]).arg(&database).arg(statement).output();
                let output = output.expect("python3 is installed; `scripts/need test` names the way");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                String::from_utf8(output.stdout).expect("text")
            }
            Self::Database(site) => {
                let postgres = likeness_test_postgres::shared().expect("the server runs");
                let statement = statement.replace("hex(", "upper_hex(");
                let function = "CREATE OR REPLACE FUNCTION upper_hex(b bytea) RETURNS text LANGUAGE sql AS
                    $$ SELECT upper(encode(b, 'hex')) $$";
                postgres.sql(&site.name(), function).expect("a function");
                postgres.sql(&site.name(), &statement).expect("a statement")
            }
        };
        said.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// What an operator does once when the program is replaced: nothing for a file, `likeness migrate` for a database.
    pub(crate) fn upgrade(&self) {
        if let Self::Database(site) = self {
            let mut command = likeness();
            command.arg("migrate").env("LIKENESS_DATA", site.data()).env("LIKENESS_STORE", &site.store);
            let output = run(&mut command);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// Changes something past the server.
    pub(crate) fn tamper(&self, statement: &str) {
        match self {
            Self::File(_) => {
                let database = self.data().join("likeness.db");
                let output = Command::new("python3").args(["-c", WRITE]).arg(&database).arg(statement).output();
                let output = output.expect("python3 is installed");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
            Self::Database(site) => {
                let postgres = likeness_test_postgres::shared().expect("the server runs");
                postgres.sql(&site.name(), statement).expect("a statement");
            }
        }
    }

    /// The bytes of one table as the server leaves them: of PostgreSQL that table's file, of SQLite all files.
    pub(crate) fn bytes_of(&self, table: &str) -> Vec<u8> {
        match self {
            Self::File(_) => all_bytes(&self.data()),
            Self::Database(site) => {
                let postgres = likeness_test_postgres::shared().expect("the server runs");
                let name = site.name();
                postgres.sql(&name, "CHECKPOINT").expect("it can be written out");
                let path = postgres.sql(&name, &format!("SELECT pg_relation_filepath('{table}')")).expect("a path");
                std::fs::read(postgres.data_folder().join(path.trim())).expect("the table's file")
            }
        }
    }

    /// All bytes in which records lie: of SQLite every file of the data folder, the log included; of PostgreSQL the
    /// files of the tables and indexes of this database. Its log and its backups hold sealed bytes for longer, which
    /// `docs/privacy.md` says.
    pub(crate) fn raw_bytes(&self) -> Vec<u8> {
        match self {
            Self::File(_) => all_bytes(&self.data()),
            Self::Database(site) => {
                let postgres = likeness_test_postgres::shared().expect("the server runs");
                let name = site.name();
                // What an hour does by itself, and more: tables are written anew without what was deleted.
                postgres.sql(&name, "VACUUM FULL").expect("it can be tidied");
                postgres.sql(&name, "CHECKPOINT").expect("it can be written out");
                let oid = postgres.sql(&name, "SELECT oid FROM pg_database WHERE datname = current_database()");
                all_bytes(&postgres.data_folder().join("base").join(oid.expect("a number").trim()))
            }
        }
    }
}

/// Writes to a database file past the server.
const WRITE: &str = "import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=10) as database: database.execute(sys.argv[2])";

/// Reads a database file past the server.
const READ: &str = "import sqlite3, sys
for row in sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True).execute(sys.argv[2]): print(*row, sep='|')";

/// Of all files of a folder. A file that whoever owns the folder removes meanwhile holds nothing any more.
fn all_bytes(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            bytes.extend(all_bytes(&path));
            continue;
        }
        match std::fs::read(&path) {
            Ok(read) => bytes.extend(read),
            Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => {}
            Err(other) => panic!("{}: {other}", path.display()),
        }
    }
    bytes
}

/// Makes two tests of a function that takes a [`TestStore`]: one on a file and one on PostgreSQL.
macro_rules! on_both_stores {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            #[test]
            fn on_a_file() {
                super::$name(&crate::stores::TestStore::file());
            }

            #[test]
            fn on_postgres() {
                let test = concat!(module_path!(), "::on_postgres");
                let Some(store) = crate::stores::TestStore::database(test) else { return };
                super::$name(&store);
            }
        })+
    };
}
pub(crate) use on_both_stores;

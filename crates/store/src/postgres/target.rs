//! Where a PostgreSQL database is and how to log in. The address may hold a password, so nothing here shows it.

use std::fmt;
use std::str::FromStr;

use likeness_base::Secret;
use sqlx::postgres::PgConnectOptions;

use crate::error::StoreError;

/// Connections of one node, unless told otherwise. PostgreSQL allows 100 in all by default.
const CONNECTIONS: u32 = 16;

/// Where the database is and how to log in.
///
/// The address has the usual form, `postgres://user:password@host:5432/database?sslmode=verify-full`, or
/// `postgres:///database?host=/run/postgresql` for a socket; what it leaves out comes from the usual `PG…` variables
/// and the password file.
#[derive(Clone)]
pub struct PostgresTarget {
    pub(super) options: PgConnectOptions,
    pub(super) connections: u32,
}

impl PostgresTarget {
    /// Reads an address.
    ///
    /// # Errors
    /// [`StoreError::Address`]; the text does not repeat the address, which may hold a password.
    pub fn new(address: &Secret<String>) -> Result<Self, StoreError> {
        let is_ours = ["postgres://", "postgresql://"].iter().any(|scheme| address.expose().starts_with(scheme));
        let options =
            PgConnectOptions::from_str(address.expose()).ok().filter(|_| is_ours).ok_or(StoreError::Address)?;
        Ok(Self { options: options.application_name("likeness"), connections: CONNECTIONS })
    }

    /// The same with at most this many connections, two at least: one to write and one to read.
    #[must_use]
    pub fn with_connections(mut self, connections: u32) -> Self {
        self.connections = connections.max(2);
        self
    }

    /// Host and database, for people: no user, no password.
    pub fn name(&self) -> String {
        let host = match self.options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", self.options.get_host(), self.options.get_port()),
        };
        format!("{} on {host}", self.options.get_database().unwrap_or("the user's database"))
    }
}

impl fmt::Debug for PostgresTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresTarget(..)")
    }
}

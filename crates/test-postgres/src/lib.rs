//! A private PostgreSQL server for tests and measurements, as long-lived as its handle.
//!
//! Start at [`TestPostgres::start`], or [`shared`] where all tests of a process use one. The server lives in a temporary
//! folder and listens on a Unix socket there and nowhere else; it is not a system cluster, and none is used or changed.
//! It ends with the process that started it, however that ends.
//!
//! It does not know what is in its databases, and it is no part of serving.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// What the server promises about a machine that stops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// Nothing: for tests, which end processes and not machines.
    Relaxed,
    /// What a server in service promises: a commit is on the disk.
    Full,
}

/// How to stop the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// In order: connections are ended, everything is written.
    Fast,
    /// As a crash would: the next start recovers from the log.
    Immediate,
}

/// Why there is no server.
#[derive(Debug)]
pub enum PostgresError {
    /// PostgreSQL is not there.
    NotInstalled,
    /// One of its tools failed.
    Failed {
        /// Which tool.
        tool: String,
        /// Its error output.
        output: String,
    },
    /// The operating system refused.
    Io(io::Error),
}

impl fmt::Display for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled => f.write_str(
                "PostgreSQL is not installed: run `apt-get install postgresql`, or name the folder of initdb with LIKENESS_POSTGRES_BIN",
            ),
            Self::Failed { tool, output } => write!(f, "{tool} failed: {output}"),
            Self::Io(error) => write!(f, "a private PostgreSQL server cannot be started: {error}"),
        }
    }
}

impl std::error::Error for PostgresError {}

impl From<io::Error> for PostgresError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A running server.
#[derive(Debug)]
pub struct TestPostgres {
    tools: PathBuf,
    folder: PathBuf,
    durability: Durability,
    /// Ends the server and removes the folder when its input closes.
    watch: Option<Child>,
    databases: AtomicU32,
}

/// The one relaxed server of this process.
///
/// # Errors
/// As [`TestPostgres::start`], the same each time.
pub fn shared() -> Result<&'static TestPostgres, &'static PostgresError> {
    static SHARED: OnceLock<Result<TestPostgres, PostgresError>> = OnceLock::new();
    SHARED.get_or_init(|| TestPostgres::start(Durability::Relaxed)).as_ref()
}

impl TestPostgres {
    /// Makes a server in a new temporary folder and starts it; takes about two seconds.
    ///
    /// # Errors
    /// [`PostgresError`]; its text says what to do where something can be done.
    pub fn start(durability: Durability) -> Result<Self, PostgresError> {
        let tools = tools().ok_or(PostgresError::NotInstalled)?;
        // Short, because the path of a socket has room for about a hundred bytes.
        let folder = tempfile::Builder::new().prefix("lk-").tempdir_in("/tmp")?.keep();
        let mut postgres = Self { tools, folder, durability, watch: None, databases: AtomicU32::new(0) };
        if let Some((user, group)) = server_user()? {
            std::os::unix::fs::chown(&postgres.folder, Some(user), Some(group))?;
        }
        postgres.watch = Some(postgres.start_watch()?);
        let data = postgres.data_folder();
        let mut command = postgres.tool("initdb");
        command.arg("-D").arg(data).args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C"]);
        if durability == Durability::Relaxed {
            command.arg("--no-sync");
        }
        run(command)?;
        postgres.resume()?;
        Ok(postgres)
    }

    /// Starts the server again after [`TestPostgres::stop`], on the same socket.
    ///
    /// # Errors
    /// What the server says.
    pub fn resume(&self) -> Result<(), PostgresError> {
        let fsync = if self.durability == Durability::Full { "on" } else { "off" };
        let settings = format!(
            "-c listen_addresses='' -c unix_socket_directories={} -c fsync={fsync} -c max_connections=400 -c wal_recycle=off",
            self.folder.display()
        );
        let mut command = self.tool("pg_ctl");
        command.arg("-D").arg(self.data_folder()).arg("-l").arg(self.folder.join("log"));
        command.args(["-w", "-o", &settings, "start"]);
        run(command)
    }

    /// Stops the server; its data stays.
    ///
    /// # Errors
    /// What the server says.
    pub fn stop(&self, how: Stop) -> Result<(), PostgresError> {
        let mode = match how {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        };
        let mut command = self.tool("pg_ctl");
        command.arg("-D").arg(self.data_folder()).args(["-w", "-m", mode, "stop"]);
        run(command)
    }

    /// Makes an empty database and gives its address, with the password-less superuser in it.
    ///
    /// # Errors
    /// What the server says.
    pub fn database(&self) -> Result<String, PostgresError> {
        let name = format!("d{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(self.address(&name))
    }

    /// The address of a database.
    pub fn address(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.folder.display())
    }

    /// Runs a statement past everybody and gives what it prints.
    ///
    /// # Errors
    /// What the server says.
    pub fn sql(&self, database: &str, statement: &str) -> Result<String, PostgresError> {
        let mut command = self.tool("psql");
        command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", statement, "-h"]);
        command.arg(&self.folder);
        output(command)
    }

    /// Runs a script of the database's own client, its commands included, and gives what that prints.
    ///
    /// # Errors
    /// What the client says.
    pub fn script(&self, database: &str, script: &str) -> Result<String, PostgresError> {
        let file = self.folder.join(format!("script-{}.sql", self.databases.fetch_add(1, Ordering::Relaxed)));
        std::fs::write(&file, script)?;
        let mut command = self.tool("psql");
        command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-f"]).arg(&file);
        command.arg("-h").arg(&self.folder);
        let output = output(command);
        std::fs::remove_file(&file)?;
        output
    }

    /// The client of the database.
    pub fn psql(&self) -> PathBuf {
        self.tools.join("psql")
    }

    /// The socket on which the server listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// The server's files.
    pub fn data_folder(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A shell that waits for the end of this process, however it comes, and then ends the server.
    fn start_watch(&self) -> io::Result<Child> {
        let mut command = self.command(Path::new("sh"));
        let script = "cat; \"$1/pg_ctl\" -D \"$2\" -m immediate stop; cd /; rm -rf \"$3\"";
        command.args(["-c", script, "sh"]).arg(&self.tools).arg(self.data_folder()).arg(&self.folder);
        // Its own group: who interrupts us at the terminal must not interrupt it.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    }

    fn tool(&self, name: &str) -> Command {
        self.command(&self.tools.join(name))
    }

    /// A command run as the server's user, without our environment variables.
    fn command(&self, program: &Path) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir(&self.folder);
        if let Ok(Some((user, group))) = server_user() {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        let Some(mut watch) = self.watch.take() else { return };
        drop(watch.stdin.take());
        // It removes the folder too; a failure cannot be reported from here.
        drop(watch.wait());
    }
}

fn run(mut command: Command) -> Result<(), PostgresError> {
    // Not a pipe: the server would keep it open.
    command.stdout(Stdio::null());
    output(command).map(drop)
}

fn output(mut command: Command) -> Result<String, PostgresError> {
    let tool = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let output = if tool == "pg_ctl" {
        let status = command.stdin(Stdio::null()).stderr(Stdio::null()).status()?;
        std::process::Output { status, stdout: Vec::new(), stderr: b"see the log in its folder".to_vec() }
    } else {
        command.stdin(Stdio::null()).output()?
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(PostgresError::Failed { tool, output: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}

/// The folder of the tools: what the variable says, else the newest of Debian's versions, else whatever is on the path.
fn tools() -> Option<PathBuf> {
    let has = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("pg_ctl").exists();
    if let Some(chosen) = std::env::var_os("LIKENESS_POSTGRES_BIN").filter(|chosen| !chosen.is_empty()) {
        return Some(PathBuf::from(chosen)).filter(has);
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let newest =
        versions.map(|entry| entry.path()).filter(|path| has(&path.join("bin"))).max_by_key(|path| number(path));
    let path = std::env::var_os("PATH").unwrap_or_default();
    newest.map(|path| path.join("bin")).or_else(|| std::env::split_paths(&path).find(has))
}

/// Who runs the server when we are root, which PostgreSQL refuses to be; `None`: we ourselves.
fn server_user() -> io::Result<Option<(u32, u32)>> {
    use std::os::unix::fs::MetadataExt;
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let line = line.ok_or_else(|| io::Error::other("root may not run PostgreSQL, and there is no user `postgres`"))?;
    let number = |field| line.split(':').nth(field).and_then(|text| text.parse().ok());
    Ok(number(2).zip(number(3)))
}

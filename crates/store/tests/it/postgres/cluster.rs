//! A private PostgreSQL server for these tests: in a temporary folder, on a Unix socket alone. No other server of the
//! machine is asked or touched.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// Where the socket is, and how to run the server's tools.
pub(crate) struct Cluster {
    tools: PathBuf,
    folder: PathBuf,
}

/// The one cluster of this process; the error says why there is none.
pub(crate) fn shared() -> Result<&'static Cluster, &'static str> {
    static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
    SHARED.get_or_init(Cluster::start).as_ref().map_err(String::as_str)
}

/// The newest of Debian's versions, or wherever the variable says.
fn tools() -> Option<PathBuf> {
    let has = |folder: &Path| folder.join("initdb").exists() && folder.join("pg_ctl").exists();
    if let Some(chosen) = std::env::var_os("LIKENESS_POSTGRES_BIN") {
        return Some(PathBuf::from(chosen)).filter(|folder| has(folder));
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).filter(|folder| has(folder)).collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.pop().or_else(|| std::env::split_paths(&path).find(|folder| has(folder)))
}

impl Cluster {
    fn start() -> Result<Self, String> {
        let tools = tools().ok_or("PostgreSQL is not installed (Debian: apt-get install postgresql)")?;
        let folder =
            tempfile::Builder::new().prefix("lk-").tempdir_in("/tmp").map_err(|error| error.to_string())?.keep();
        let cluster = Self { tools, folder };
        cluster.prepare().map_err(|error| format!("a private PostgreSQL cluster cannot be started: {error}"))?;
        Ok(cluster)
    }

    fn prepare(&self) -> io::Result<()> {
        if let Some((user, group)) = server_user()? {
            std::os::unix::fs::chown(&self.folder, Some(user), Some(group))?;
        }
        let data = self.folder.join("data");
        self.run("initdb", |command| {
            command.arg("-D").arg(&data).args([
                "-A",
                "trust",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ])
        })?;
        let settings = format!(
            "-c listen_addresses='' -c unix_socket_directories={} -c fsync=off -c max_connections=400",
            self.folder.display()
        );
        self.run("pg_ctl", |command| {
            command.arg("-D").arg(&data).arg("-l").arg(self.folder.join("log")).args(["-w", "-o", &settings, "start"])
        })?;
        self.watch(&data)
    }

    /// A shell that waits for the end of this process, however it comes, and then ends the server.
    fn watch(&self, data: &Path) -> io::Result<()> {
        let mut command = self.command("sh");
        let script = "cat; \"$1/pg_ctl\" -D \"$2\" -m immediate stop; rm -rf \"$3\"";
        command.args(["-c", script, "sh"]).arg(&self.tools).arg(data).arg(&self.folder);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        // Its other end closes with this process and not before.
        std::mem::forget(child);
        Ok(())
    }

    fn command(&self, program: &str) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir(&self.folder);
        if let Ok(Some((user, group))) = server_user() {
            command.uid(user).gid(group);
        }
        command
    }

    fn run<'c>(&self, tool: &str, arguments: impl FnOnce(&'c mut Command) -> &'c mut Command) -> io::Result<()>
    where
        Self: 'c,
    {
        let command = Box::leak(Box::new(self.command(&self.tools.join(tool).display().to_string())));
        let output: Output = arguments(command).stdin(Stdio::null()).stdout(Stdio::null()).output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("{tool}: {}", String::from_utf8_lossy(&output.stderr))))
    }

    /// Makes an empty database and gives its address.
    pub(crate) fn database(&self, name: &str) -> String {
        let socket = self.folder.display();
        let statement = format!("CREATE DATABASE {name}");
        let made = self.run("psql", |command| {
            command.args(["-Xq", "-U", "postgres", "-d", "postgres", "-c", &statement, "-h"]).arg(&self.folder)
        });
        made.expect("a database can be made");
        format!("postgres://postgres@localhost/{name}?host={socket}")
    }
}

/// Who runs the server when we are root, which PostgreSQL refuses to be; `None`: we ourselves.
fn server_user() -> io::Result<Option<(u32, u32)>> {
    use std::os::unix::fs::MetadataExt;
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find(|line| line.starts_with("postgres:")).ok_or(io::ErrorKind::NotFound)?;
    let number = |field| line.split(':').nth(field).and_then(|text| text.parse().ok());
    Ok(number(2).zip(number(3)))
}

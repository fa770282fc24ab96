//! The server that the bench asks: this program, with a data folder of its own, on a port of its own.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// A server of its own, ended on drop.
pub(super) struct Server {
    child: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// Milliseconds from starting the program to its word that it is ready.
    pub(super) ready_ms: f64,
}

/// The first key of its account.
pub(super) const KEY: &str = "key-of-the-benchmark-account";

impl Server {
    /// Starts it with a data folder of its own.
    ///
    /// # Errors
    /// When it does not get ready.
    pub(super) fn start(cache: &Path, data: &Path) -> Result<Self> {
        Self::start_on(cache, data, "")
    }

    /// The same with settings by the environment.
    ///
    /// # Errors
    /// When it does not get ready.
    pub(super) fn start_with(cache: &Path, data: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        Self::launch(cache, data, "", settings)
    }

    /// The same over a database; an empty address means a file in the data folder.
    ///
    /// # Errors
    /// When it does not get ready.
    pub(super) fn start_on(cache: &Path, data: &Path, store: &str) -> Result<Self> {
        Self::launch(cache, data, store, &[])
    }

    fn launch(cache: &Path, data: &Path, store: &str, settings: &[(&str, &str)]) -> Result<Self> {
        let begun = Instant::now();
        let mut command = Command::new(std::env::current_exe().context("this program does not know where it lies")?);
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("LIKENESS_DATA", data)
            .env("LIKENESS_STORE", store)
            .env("LIKENESS_CACHE", cache)
            .env("LIKENESS_KEY1", KEY)
            .env("LIKENESS_KEY2", "second-key-of-the-benchmark-account")
            .env("LIKENESS_LOG", "warn")
            .env("LIKENESS_DEV_TLS", "0")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().context("the server cannot be started")?;
        let mut lines = BufReader::new(child.stdout.take().context("the server has no standard output")?).lines();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { child, address: nowhere, ready_ms: 0.0 };
        while let Some(Ok(line)) = lines.next() {
            if let Some((_, address)) = line.split_once("listens on http://") {
                server.address = address.trim().parse().context("the server printed no address")?;
            }
            if line == "Ready." {
                server.ready_ms = begun.elapsed().as_secs_f64() * 1e3;
                // Keep reading, so that the server never blocks on a full pipe.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(server);
            }
        }
        bail!("the server did not start; `likeness serve` says why")
    }

    /// Resident memory in MB, as the kernel counts it.
    pub(super) fn memory(&self) -> Option<f64> {
        memory_of(self.child.id(), "VmRSS")
    }

    /// CPU seconds that it has used, as the kernel counts them: in hundredths.
    pub(super) fn cpu_seconds(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The name in brackets may hold anything; fields are counted behind it, user and system time being 14th and 15th.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let ticks = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
        Some(ticks / 100.0)
    }
}

/// An amount of memory in MB that the kernel counts for a process, by its name in `/proc`.
pub(super) fn memory_of(process: u32, name: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let amount = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    amount.split_whitespace().next()?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

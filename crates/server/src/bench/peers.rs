//! The peers: other people's programs, in a process of their own that answers one question a line.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The process that runs the peers; ended when dropped.
pub(crate) struct Peers {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Which versions of what.
    pub versions: Value,
}

impl Peers {
    /// Starts the peers that `benches/peers/install` put into the cache folder.
    ///
    /// # Errors
    /// When they are not installed or do not start; the text says what to do.
    pub(crate) fn start(cache: &Path) -> Result<Self> {
        let folder = cache.join("peers");
        let python = folder.join("python/bin/python");
        if !python.exists() {
            bail!("no peers in {}; run benches/peers/install first", folder.display());
        }
        let mut child = Command::new(&python)
            .arg(folder.join("peer.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{} cannot be started", python.display()))?;
        let questions = child.stdin.take().context("the peers have no standard input")?;
        let answers = BufReader::new(child.stdout.take().context("the peers have no standard output")?);
        let mut peers = Self { child, questions, answers, versions: Value::Null };
        peers.versions = peers.ask(&json!({ "do": "hello" }))?["versions"].take();
        Ok(peers)
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// What the peer says went wrong, or that it is gone.
    pub(crate) fn ask(&mut self, question: &Value) -> Result<Value> {
        writeln!(self.questions, "{question}").context("the peers are gone")?;
        let mut line = String::new();
        self.answers.read_line(&mut line).context("the peers are gone")?;
        let answer: Value = serde_json::from_str(&line).context("the peers are gone")?;
        if let Some(error) = answer["error"].as_str() {
            bail!("a peer could not answer: {error}");
        }
        Ok(answer)
    }

    /// The milliseconds in an answer, `cpu` or `wall`.
    ///
    /// # Errors
    /// As [`Peers::ask`].
    pub(crate) fn times(&mut self, question: &Value, clock: &str) -> Result<Vec<f64>> {
        let answer = self.ask(question)?;
        let times = answer[clock].as_array().context("the peer's answer holds no times")?;
        Ok(times.iter().filter_map(Value::as_f64).collect())
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

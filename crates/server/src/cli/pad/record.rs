//! `likeness pad record`: one recording of somebody who agreed, made with the capture page of a running server.

use crate::bench::client::Client;
use crate::cli::output::{self, Bar};
use crate::config::Config;
use crate::start;
use anyhow::{Context, Result, bail, ensure};
use axum::body::Bytes;
use clap::Args;
use likeness_base::Secret;
use likeness_liveness::RecordingLabel;
use likeness_service::clock::pause;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const SESSIONS: &str = "/face/v1.2/detectLiveness-sessions";
/// How long somebody has to open the link and to go through the check.
const PATIENCE_SECONDS: u64 = 900;
/// The exit code where nothing was recorded.
const NOTHING_RECORDED: u8 = 3;

#[derive(Args)]
pub(in crate::cli) struct Record {
    /// Who, by a name that tells nobody who it is, such as p07. Groups of people are told by it.
    #[arg(long)]
    subject: String,
    /// What is before the camera: live for a person; for an attack its species, such as print, screen or mask.
    #[arg(long, default_value = "live")]
    presentation: String,
    /// The light, such as office, evening or window.
    #[arg(long)]
    light: Option<String>,
    /// Key of the account in which the session is made; - reads it from standard input.
    #[arg(long, env = "LIKENESS_KEY1", hide_env_values = true)]
    key: String,
    /// Where devices reach the server. A camera needs https, or a page on this machine.
    #[arg(long, value_name = "URL")]
    page: Option<String>,
    /// Where the server listens on this machine, if not where the configuration says.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<SocketAddr>,
}

impl Record {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        let label = RecordingLabel {
            presentation: self.presentation.clone(),
            subject: self.subject.clone(),
            light: self.light.clone(),
            simulated: false,
        };
        if let Err(name) = label.check() {
            bail!("--{name} must be a word of 1 to 40 letters, digits, '-', '_' and '.'");
        }
        let Some(folder) = config.liveness.recordings() else {
            bail!(
                "no folder for recordings is configured; start the server, and this command, with LIKENESS_PAD_RECORDINGS=FOLDER"
            );
        };
        let address = self.address.unwrap_or(config.listen);
        let page = self.page.clone().unwrap_or_else(|| format!("http://localhost:{}", address.port()));
        let key = if self.key == "-" { read_key()? } else { Secret::new(self.key.clone()) };
        start::block_on(self.record(address, &page, &key, &label, &folder))?
    }

    async fn record(
        &self,
        address: SocketAddr,
        page: &str,
        key: &Secret<String>,
        label: &RecordingLabel,
        folder: &Path,
    ) -> Result<ExitCode> {
        let mut client = Client::connect(address, key.expose()).await?;
        let mut words = json!({ "presentation": label.presentation, "subject": label.subject });
        if let Some(light) = &label.light {
            words["light"] = json!(light);
        }
        let asked = json!({
            "livenessOperationMode": "PassiveActive",
            "deviceCorrelationId": format!("recordings-of-{}", label.subject),
            "numberOfClientAttemptsAllowed": 1,
            "likeness": { "record": words },
        });
        let session = call(&mut client, "POST", SESSIONS, &asked).await?;
        let (id, token) = (text(&session, "sessionId")?, text(&session, "authToken")?);
        client.bearer = Some(Secret::new(token));
        let link = call(&mut client, "POST", "/api/quicklink", &Value::Null).await?;
        client.bearer = None;
        let link = format!("{}{}", page.trim_end_matches('/'), text(&link, "url")?);
        output::line(&picture_of(&link)?);
        output::line(&format!("Open {link} on the device with the camera, and agree to the recording there."));
        let attempt = wait(&mut client, &id).await?;
        let Some(attempt) = attempt else { bail!("nobody went through the check; make another link") };
        match kept(folder, &id).await {
            Some(kept) => {
                output::line(&format!("Kept in {}. The attempt: {attempt}.", kept.display()));
                Ok(ExitCode::SUCCESS)
            }
            None => {
                output::line(&format!(
                    "Nothing was recorded: the person did not agree, or gave up. The attempt: {attempt}."
                ));
                Ok(ExitCode::from(NOTHING_RECORDED))
            }
        }
    }
}

fn read_key() -> Result<Secret<String>> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("standard input cannot be read")?;
    ensure!(!line.trim().is_empty(), "there is no key on standard input");
    Ok(Secret::new(line.trim().to_owned()))
}

async fn call(client: &mut Client, method: &str, path: &str, body: &Value) -> Result<Value> {
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let (status, _, bytes) = client.ask(method, path, "application/json", body).await?;
    let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let why = answer["error"]["message"].as_str().unwrap_or_default();
    ensure!((200..300).contains(&status), "the server answered {status}: {why}");
    Ok(answer)
}

fn text(answer: &Value, name: &str) -> Result<String> {
    answer[name].as_str().map(str::to_owned).with_context(|| format!("the server's answer has no {name}"))
}

/// A link as a QR code in letters, dark on light whatever the terminal's colours are.
fn picture_of(link: &str) -> Result<String> {
    let code = QrCode::new(link.as_bytes()).context("the link is too long for a QR code")?;
    Ok(code.render::<Dense1x2>().dark_color(Dense1x2::Dark).light_color(Dense1x2::Light).build())
}

/// Waits for the end of the attempt; how it ended, or none: nobody came.
async fn wait(client: &mut Client, session: &str) -> Result<Option<String>> {
    let bar = Bar::new("Waiting for the check", "seconds");
    for passed in 0..PATIENCE_SECONDS {
        let read = call(client, "GET", &format!("{SESSIONS}/{session}"), &Value::Null).await?;
        let attempt = &read["results"]["attempts"][0];
        match attempt["attemptStatus"].as_str() {
            Some("Running") | None => {}
            Some(status) => return Ok(Some(status.to_lowercase())),
        }
        bar.show(passed, PATIENCE_SECONDS);
        pause(Duration::from_secs(1)).await;
    }
    Ok(None)
}

/// The recording of a session's attempt, which gets its name a moment after the end.
async fn kept(folder: &Path, session: &str) -> Option<PathBuf> {
    for _ in 0..20 {
        let mut entries = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
        let ending = format!("{session}-1");
        let found = entries.find(|path| labelled(path, &ending));
        if found.is_some() {
            return found;
        }
        pause(Duration::from_millis(100)).await;
    }
    None
}

fn labelled(path: &Path, ending: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with('.') && name.ends_with(ending)
}

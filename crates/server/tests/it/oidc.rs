//! A real identity provider for tests of bearer tokens: `tests/clients/oidc`, started on a port of its own and ended on
//! drop, and servers that trust such providers.

use crate::clock::Clock;
use crate::server::{Answer, TestServer, cache, client, skip};
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// What tokens for this service are meant for, as the public service has it.
pub(crate) const AUDIENCE: &str = "https://cognitiveservices.azure.com";

/// A running provider.
pub(crate) struct Provider {
    child: Child,
    pub(crate) issuer: String,
    client: Client,
}

impl Provider {
    /// Starts one that signs with RSA, or says that the test is skipped. `people`: by the id of each, what is said of them
    /// (`claims`) and for how many seconds (`seconds`).
    pub(crate) fn start(test: &str, people: &Value) -> Option<Self> {
        Self::signing(test, people, "RS256")
    }

    /// The same with an algorithm.
    pub(crate) fn signing(test: &str, people: &Value, algorithm: &str) -> Option<Self> {
        let modules = cache().join("clients/oidc");
        let script = repository().join("tests/clients/oidc");
        let read = |file: PathBuf| std::fs::read(file).ok();
        if read(modules.join("installed.json")) != read(script.join("package-lock.json")) {
            skip(test, "the identity provider is not installed; run `scripts/clients oidc-setup`");
            return None;
        }
        let mut node = Command::new("node");
        node.arg(script.join("provider.mjs")).arg(&modules).args([&people.to_string(), algorithm]);
        node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let Ok(child) = node.spawn() else {
            skip(test, "node is not here");
            return None;
        };
        let mut provider = Self { child, issuer: String::new(), client: client() };
        let said = provider.child.stdout.take().expect("standard output is piped");
        let mut errors = provider.child.stderr.take().expect("standard error is piped");
        BufReader::new(said).read_line(&mut provider.issuer).expect("it says something");
        provider.issuer.truncate(provider.issuer.trim_end().len());
        if provider.issuer.is_empty() {
            let mut cause = String::new();
            errors.read_to_string(&mut cause).expect("it says why");
            panic!("the identity provider did not start: {cause}");
        }
        // Keep reading, so that the provider never blocks on a full pipe.
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
        Some(provider)
    }

    /// A token of an identity for this service.
    pub(crate) fn token(&self, who: &str) -> String {
        self.token_for(who, AUDIENCE)
    }

    /// A token of an identity for an audience.
    pub(crate) fn token_for(&self, who: &str, audience: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id={who}&client_secret=secret&resource={}",
            audience.replace(':', "%3A").replace('/', "%2F")
        );
        let request = self.client.post(format!("{}/token", self.issuer)).body(form);
        let answer = Answer::of(request.header("Content-Type", "application/x-www-form-urlencoded"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.id("access_token")
    }

    /// A new key signs from now on; the old ones are still published.
    pub(crate) fn rotate(&self) {
        self.cli("POST", "rotate");
    }

    /// Keys that sign no more are published no more.
    pub(crate) fn forget(&self) {
        self.cli("POST", "forget");
    }

    /// Its clock is so many seconds ahead of the true one.
    pub(crate) fn ahead(&self, seconds: i64) {
        self.cli("POST", &format!("ahead/{seconds}"));
    }

    /// The public key of what is signed now.
    pub(crate) fn pem(&self) -> String {
        self.cli("GET", "pem")
    }

    /// How often its discovery document and its keys were asked for.
    pub(crate) fn asked(&self) -> (u64, u64) {
        let asked: Value = serde_json::from_str(&self.cli("GET", "asked")).expect("JSON");
        (asked["discovery"].as_u64().expect("a number"), asked["keys"].as_u64().expect("a number"))
    }

    /// Its keys, as it publishes them.
    pub(crate) fn published(&self) -> Value {
        Answer::of(self.client.get(format!("{}/jwks", self.issuer))).body
    }

    fn cli(&self, method: &str, what: &str) -> String {
        let method = method.parse().expect("a method");
        let answer = self.client.request(method, format!("{}/test/{what}", self.issuer)).send();
        answer.expect("it answers").text().expect("text")
    }

    /// The settings by which a server trusts it.
    pub(crate) fn trusted(&self, leeway_seconds: u64) -> String {
        format!(
            "[[access.oidc]]\nissuer = '{}'\naudiences = ['{AUDIENCE}', 'api://likeness']\nleeway_seconds = {leeway_seconds}\n",
            self.issuer
        )
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A settings file, which lies in the folder.
pub(crate) fn settings_file(settings: &str) -> (String, TempDir) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("likeness.toml");
    std::fs::write(&file, settings).expect("the settings can be written");
    (file.to_str().expect("a path of text").to_owned(), folder)
}

/// A server with these settings.
pub(crate) fn server_with(settings: &str) -> (TestServer, TempDir) {
    started(settings, &[])
}

/// The same with a clock that is moved.
pub(crate) fn server_by(clock: &Clock, settings: &str) -> (TestServer, TempDir) {
    started(settings, &[clock.setting()])
}

fn started(settings: &str, beside: &[(&str, &str)]) -> (TestServer, TempDir) {
    let (file, folder) = settings_file(settings);
    (TestServer::with(&[&[("LIKENESS_CONFIG", &*file)], beside].concat()), folder)
}

/// Accounts as their addresses name them; the default one is `first`.
pub(crate) fn name_first(server: &TestServer) {
    server.cli(&["accounts", "set", "default", "--subdomain", "first"]);
}

/// A call with a bearer token.
pub(crate) fn by(server: &TestServer, token: &str, method: &str, path: &str) -> RequestBuilder {
    server.bare(method, path).header("Authorization", format!("Bearer {token}"))
}

/// The same, sent without a body.
pub(crate) fn call(server: &TestServer, token: &str, method: &str, path: &str) -> Answer {
    Answer::of(by(server, token, method, path))
}

/// Status and code, once it is clear that body and header say the same code.
pub(crate) fn outcome(answer: &Answer) -> (u16, &str) {
    assert_eq!(answer.header("x-ms-error-code").unwrap_or(""), answer.code(), "{answer:?}");
    (answer.status, answer.code())
}

/// The body that assigns a role.
pub(crate) fn role(provider: &Provider, principal: &Value, role: &str) -> Value {
    json!({ "issuer": provider.issuer, "principal": principal, "role": role })
}

/// Assigns a role in an account; returns the path under which it is removed.
pub(crate) fn assign(server: &TestServer, account: &str, provider: &Provider, principal: &Value, name: &str) -> String {
    let path = if account.is_empty() { "roles".to_owned() } else { format!("accounts/{account}/roles") };
    let answer = server.manage("POST", &path, &role(provider, principal, name));
    assert_eq!(answer.status, 201, "{answer:?}");
    format!("{path}/{}", answer.id("id"))
}

/// Somebody by the claim `sub` or `oid`.
pub(crate) fn subject(id: &str) -> Value {
    json!({ "subject": id })
}

//! The reverse proxies of the documentation, word for word: nginx and Caddy with the configurations that stand there, and whole captures through
//! them.

use crate::liveness::{PLAIN, created};
use crate::pad::{capture, person};
use crate::server::{TestServer, cache, skip};
use crate::tls::{Pair, trusting};
use likeness_device::{Address, Client, Honest, Way};
use likeness_liveness::message::AttemptStatus;
use serde_json::json;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Where the documentation has its proxies.
const DEVICES_ALONE: &str = include_str!("../../../../docs/liveness.md");
const ALL_NODES: &str = include_str!("../../../../docs/operations.md");

/// The program of a proxy: installed, or unpacked by `scripts/proxies`.
fn program(test: &str, name: &str) -> Option<PathBuf> {
    let unpacked = cache().join("proxies/usr");
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&folders).chain([unpacked.join("sbin"), unpacked.join("bin")]);
    let found = places.map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        skip(test, &format!("{name} is not here; `scripts/proxies` fetches it where Debian's packages are"));
    }
    found
}

/// The one block of a language on a page.
fn block<'a>(page: &'a str, language: &str) -> &'a str {
    let fence = format!("```{language}\n");
    let mut blocks = page.split(&fence).skip(1);
    let block = blocks.next().expect("a block").split("```").next().expect("its end");
    assert!(blocks.next().is_none(), "two blocks of {language} on a page");
    block
}

/// The text with every pair's first part replaced; each must be there.
fn with(text: &str, pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(text.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old} is not in the documentation");
        text.replace(old, new)
    })
}

/// A proxy that runs, and ends with this.
struct Proxy {
    child: Child,
    port: u16,
    pair: Pair,
    _folder: tempfile::TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Proxy {
    /// Starts one: `configure` gives its configuration and the program that reads it, by the port and the folder with `server.pem` and
    /// `server.key`.
    fn start(configure: impl Fn(u16, &Path) -> Command) -> Self {
        let pair = Pair::new();
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("server.pem"), &pair.certificate).expect("a file");
        std::fs::write(folder.path().join("server.key"), &pair.key).expect("a file");
        // These programs cannot say which port they got.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
        let mut command = configure(free.port(), folder.path());
        let child = command.env("HOME", folder.path()).spawn().expect("the proxy starts");
        let mut proxy = Self { child, port: free.port(), pair, _folder: folder };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", proxy.port)).is_err() {
            assert!(proxy.child.try_wait().expect("it can be asked").is_none(), "the proxy ended");
            assert!(begun.elapsed() < Duration::from_secs(60), "the proxy does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        proxy
    }

    fn nginx(program: &Path, block: &str, nodes: &[&str], server: &TestServer) -> Self {
        Self::start(|port, folder| {
            let folder_text = folder.to_str().expect("text");
            let listen = format!(
                "listen 127.0.0.1:{port} ssl; ssl_certificate {folder_text}/server.pem; ssl_certificate_key {folder_text}/server.key;"
            );
            let node = server.address().trim_start_matches("http://");
            let mut pairs = vec![("listen 443 ssl;", listen.as_str())];
            pairs.extend(nodes.iter().map(|documented| (*documented, node)));
            let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
            let folders: String =
                kinds.iter().map(|kind| format!("  {kind}_temp_path {folder_text}/{kind};\n")).collect();
            let whole = format!(
                "daemon off;\nmaster_process off;\npid {folder_text}/pid;\nerror_log stderr warn;\nevents {{}}\nhttp {{\n  access_log off;\n{folders}{}}}\n",
                with(block, &pairs)
            );
            let file = folder.join("nginx.conf");
            std::fs::write(&file, whole).expect("a file");
            let mut command = Command::new(program);
            command.args(["-p", folder_text, "-e", "stderr", "-c"]).arg(file);
            command
        })
    }

    fn caddy(program: &Path, block: &str, server: &TestServer) -> Self {
        Self::start(|port, folder| {
            let folder_text = folder.to_str().expect("text");
            let site = format!(
                "https://localhost:{port} {{\n\ttls {folder_text}/server.pem {folder_text}/server.key\n\tbind 127.0.0.1\n"
            );
            let node = server.address().trim_start_matches("http://");
            let block = with(block, &[("capture.example.org {\n", &site), ("10.0.0.1:8080", node)]);
            let file = folder.join("Caddyfile");
            let global = "{\n\tadmin off\n\tauto_https disable_redirects\n\tlog {\n\t\tlevel ERROR\n\t}\n}\n";
            std::fs::write(&file, format!("{global}{block}")).expect("a file");
            let mut command = Command::new(program);
            command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
            command
        })
    }

    fn address(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// A browser or an app that trusts this proxy alone.
    fn client(&self) -> reqwest::blocking::Client {
        drop(rustls::crypto::ring::default_provider().install_default());
        let trusted = reqwest::Certificate::from_pem(self.pair.certificate.as_bytes()).expect("a certificate");
        reqwest::blocking::Client::builder().tls_certs_only([trusted]).no_proxy().build().expect("a client")
    }

    /// A person captures through it, by a socket and by requests. A machine that has no time for their frames says so, and the attempt is
    /// made again.
    fn is_captured_through(&self, server: &TestServer) {
        let tls = trusting(self.pair.der());
        for way in [Way::Socket, Way::Requests] {
            let mut seen = Vec::new();
            let is_done = (0..4).any(|seed| {
                let (_, token) = created(
                    server,
                    PLAIN,
                    &json!({
                        "livenessOperationMode": "PassiveActive",
                        "deviceCorrelationId": format!("{way:?}{seed}"),
                        "expectedClientIpAddress": "127.0.0.1",
                    }),
                );
                let client = Client::new(Address::parse(&self.address()).expect("an address"), &token)
                    .with_tls(tls.clone())
                    .by(way);
                let outcome = capture(&client, &mut person(seed), &mut Honest);
                let is_done = outcome.as_ref().is_ok_and(|outcome| outcome.status == AttemptStatus::Succeeded);
                seen.push(outcome);
                is_done
            });
            assert!(is_done, "{way:?}: {seen:?}");
        }
    }

    /// What a proxy that passes devices alone keeps inside, and that it says where a request came from.
    fn passes_devices_alone(&self, server: &TestServer) {
        let client = self.client();
        let at = |path: &str| format!("{}{path}", self.address());
        for path in [
            "/",
            "/admin",
            "/healthz",
            "/face/v1.2/detect",
            PLAIN,
            "/face/v1.2/session/startle",
            "/admin//face/v1.2/session/start",
        ] {
            assert_eq!(client.get(at(path)).send().expect("an answer").status().as_u16(), 404, "{path}");
        }
        // Whoever says to come from elsewhere does not: the session is for another address, and the proxy tells the true one.
        let elsewhere = json!({
            "livenessOperationMode": "Passive", "deviceCorrelationId": "d", "expectedClientIpAddress": "192.0.2.7",
        });
        let (_, token) = created(server, PLAIN, &elsewhere);
        let begun = client
            .post(at("/face/v1.2/session/start"))
            .bearer_auth(token)
            .header("x-forwarded-for", "192.0.2.7")
            .header("content-type", "application/json")
            .body("{}")
            .send()
            .expect("an answer");
        assert_eq!(begun.status().as_u16(), 403, "{:?}", begun.text());
        self.is_captured_through(server);
    }
}

fn behind_a_proxy() -> TestServer {
    TestServer::with(&[("LIKENESS_TRUSTED_PROXIES", "127.0.0.1"), ("LIKENESS_CAPTURES", "32")])
}

#[test]
fn nginx_as_documented_passes_devices_alone() {
    let Some(nginx) = program("nginx_as_documented_passes_devices_alone", "nginx") else { return };
    let server = behind_a_proxy();
    Proxy::nginx(&nginx, block(DEVICES_ALONE, "nginx"), &["10.0.0.1:8080"], &server).passes_devices_alone(&server);
}

#[test]
fn caddy_as_documented_passes_devices_alone() {
    let Some(caddy) = program("caddy_as_documented_passes_devices_alone", "caddy") else { return };
    let server = behind_a_proxy();
    Proxy::caddy(&caddy, block(DEVICES_ALONE, "caddy"), &server).passes_devices_alone(&server);
}

#[test]
fn nginx_as_documented_serves_all_nodes() {
    let Some(nginx) = program("nginx_as_documented_serves_all_nodes", "nginx") else { return };
    let server = behind_a_proxy();
    let proxy = Proxy::nginx(&nginx, block(ALL_NODES, "nginx"), &["10.0.0.1:8080", "10.0.0.2:8080"], &server);
    let sent = proxy
        .client()
        .post(format!("{}/face/v1.0/detect?returnFaceId=false", proxy.address()))
        .header("Ocp-Apim-Subscription-Key", crate::server::KEY1)
        .header("Content-Type", "application/octet-stream")
        .body(crate::server::demo(1))
        .send()
        .expect("an answer");
    assert_eq!(sent.status().as_u16(), 200, "{:?}", sent.text());
    proxy.is_captured_through(&server);
}

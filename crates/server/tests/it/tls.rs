//! HTTPS with a certificate from files: served, replaced while the server runs, and refused at the start when it is wrong.

use crate::clock::Clock;
use crate::server::{TestServer, likeness, run};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A certificate for this machine that answers for itself, and its key.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self { certificate, key: key.serialize_pem() }
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("a certificate")
    }
}

/// Where a server finds its certificate.
struct Files {
    folder: tempfile::TempDir,
    clock: Clock,
}

impl Files {
    fn of(pair: &Pair) -> Self {
        let files = Self { folder: tempfile::tempdir().expect("a folder"), clock: Clock::new() };
        files.write(pair);
        files
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("server.key")
    }

    fn write(&self, pair: &Pair) {
        std::fs::write(self.certificate(), &pair.certificate).expect("a file");
        std::fs::write(self.key(), &pair.key).expect("a file");
    }

    fn serve(&self) -> (TestServer, String) {
        let [certificate, key] = [self.certificate(), self.key()].map(|path| path.to_str().expect("text").to_owned());
        let server = TestServer::with(&[
            ("LIKENESS_TLS_CERTIFICATE", &certificate),
            ("LIKENESS_TLS_KEY", &key),
            ("LIKENESS_TLS_LISTEN", "127.0.0.1:0"),
            self.clock.setting(),
        ]);
        let line = server.said.iter().find_map(|line| line.split("https://localhost:").nth(1)).expect("it is told");
        let port = line.split_whitespace().next().expect("a port").to_owned();
        (server, port)
    }
}

/// The settings of a client that trusts this certificate alone.
pub(crate) fn trusting(certificate: CertificateDer<'static>) -> Arc<ClientConfig> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a certificate that can be trusted");
    Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

/// A connection that stays open.
struct Line(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Line {
    /// Connects as a client that trusts this certificate alone.
    fn open(port: &str, trusted: &Pair) -> std::io::Result<Self> {
        let name = ServerName::try_from("localhost").expect("a name");
        let mut connection = ClientConnection::new(trusting(trusted.der()), name).expect("a client");
        let mut socket = TcpStream::connect(format!("127.0.0.1:{port}"))?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok(Self(BufReader::new(StreamOwned::new(connection, socket))))
    }

    /// The status of an answer.
    fn ask(&mut self) -> u16 {
        self.0.get_mut().write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it can be asked");
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("a line");
            let line = line.trim().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().expect("a status");
            } else if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().expect("a length");
            } else if line.is_empty() {
                break;
            }
        }
        self.0.read_exact(&mut vec![0; length]).expect("the body");
        status
    }
}

fn serves(port: &str, pair: &Pair) -> bool {
    Line::open(port, pair).is_ok_and(|mut line| line.ask() == 200)
}

impl Files {
    /// Whether a new connection gets this certificate once it is time to look. The one from before is used all the while:
    /// nobody's are kept open who say nothing.
    fn come_to_be(&self, port: &str, pair: &Pair, old: &mut Line) -> bool {
        let begun = Instant::now();
        self.clock.forward(RELOAD_EVERY);
        while begun.elapsed() < Duration::from_secs(60) {
            assert_eq!(old.ask(), 200, "a connection from before goes on");
            if serves(port, pair) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }

    /// Gives the server the time to look, twice: a busy machine may be late for the first.
    fn are_looked_at(&self, old: &mut Line) {
        for _ in 0..2 {
            self.clock.forward(RELOAD_EVERY);
            std::thread::sleep(Duration::from_millis(300));
        }
        assert_eq!(old.ask(), 200, "a connection from before goes on");
    }
}

/// Longer than the server leaves files alone.
const RELOAD_EVERY: Duration = Duration::from_secs(6);

#[test]
fn a_certificate_is_replaced_without_a_restart() {
    let [first, second, third] = [Pair::new(), Pair::new(), Pair::new()];
    let files = Files::of(&first);
    let (_server, port) = files.serve();
    let mut old = Line::open(&port, &first).expect("the certificate is trusted");
    assert_eq!(old.ask(), 200);
    assert!(!serves(&port, &second), "nobody has it yet");

    files.write(&second);
    assert!(files.come_to_be(&port, &second, &mut old), "the new certificate was not taken up");
    assert!(!serves(&port, &first), "new connections get the new one");

    // What does not fit leaves the one in force: half a file, a key of another, a file that is gone.
    let half = |text: &str| text[..text.len() / 2].to_owned();
    std::fs::write(files.certificate(), half(&third.certificate)).expect("a file");
    files.are_looked_at(&mut old);
    assert!(serves(&port, &second), "half a certificate was taken up");
    std::fs::write(files.certificate(), &third.certificate).expect("a file");
    files.are_looked_at(&mut old);
    assert!(serves(&port, &second) && !serves(&port, &third), "a certificate without its key was taken up");
    std::fs::write(files.key(), half(&third.key)).expect("a file");
    files.are_looked_at(&mut old);
    assert!(serves(&port, &second), "half a key was taken up");
    std::fs::remove_file(files.key()).expect("it was there");
    files.are_looked_at(&mut old);
    assert!(serves(&port, &second), "the server stopped when a file was gone");
    // Whole again, by renaming, as careful programs do it.
    let beside = files.folder.path().join("new");
    std::fs::write(&beside, &third.key).expect("a file");
    std::fs::rename(&beside, files.key()).expect("a file");
    assert!(files.come_to_be(&port, &third, &mut old), "the whole pair was not taken up");
    assert_eq!(old.ask(), 200);
}

#[test]
fn a_chain_is_served_and_plain_http_goes_on_beside() {
    let pair = Pair::new();
    let files = Files::of(&pair);
    // A chain: the second certificate is sent along.
    let chain = format!("{}{}", pair.certificate, Pair::new().certificate);
    std::fs::write(files.certificate(), chain).expect("a file");
    let (server, port) = files.serve();
    drop(rustls::crypto::ring::default_provider().install_default());
    let trusted = reqwest::Certificate::from_pem(pair.certificate.as_bytes()).expect("a certificate");
    let client = reqwest::blocking::Client::builder().tls_certs_only([trusted]).no_proxy().build().expect("a client");
    let answer = client.get(format!("https://localhost:{port}/healthz")).send().expect("the certificate is trusted");
    assert_eq!(answer.status().as_u16(), 200);
    let line = Line::open(&port, &pair).expect("the certificate is trusted");
    assert_eq!(line.0.get_ref().conn.peer_certificates().map(<[_]>::len), Some(2));
    assert_eq!(server.call("GET", "/healthz").status, 200);
    assert!(!server.data.join("tls").exists(), "a development authority was made");
}

#[test]
fn wrong_files_are_refused_at_the_start() {
    let (pair, other) = (Pair::new(), Pair::new());
    let files = Files::of(&pair);
    let folder = files.folder.path();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let none = PathBuf::new();
    let (certificate, key) = (files.certificate(), files.key());
    let gone = folder.join("gone.pem");
    let text = write("text.pem", "this is no certificate\n");
    let cut = write("cut.pem", &pair.certificate[..pair.certificate.len() / 2]);
    let noise = write("noise.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let others = write("other.key", &other.key);
    let noise_key = write("noise.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let name = |path: &Path| path.file_name().expect("a name").to_str().expect("text").to_owned();
    let rows: [(&str, &Path, &Path, Vec<String>); 11] = [
        ("no key", &certificate, &none, vec!["LIKENESS_TLS_KEY".to_owned()]),
        ("no certificate", &none, &key, vec!["LIKENESS_TLS_CERTIFICATE".to_owned()]),
        ("a certificate that is not there", &gone, &key, vec![name(&gone)]),
        ("a key that is not there", &certificate, &gone, vec![name(&gone)]),
        ("text for a certificate", &text, &key, vec![name(&text), "PEM".to_owned()]),
        ("half a certificate", &cut, &key, vec![name(&cut), "PEM".to_owned()]),
        ("noise in a certificate", &noise, &key, vec![name(&noise)]),
        ("a key for a certificate", &key, &key, vec![name(&key), "certificate".to_owned()]),
        ("text for a key", &certificate, &text, vec![name(&text), "private key".to_owned()]),
        ("noise in a key", &certificate, &noise_key, vec![name(&noise_key)]),
        ("the key of another", &certificate, &others, vec![name(&others), "belong together".to_owned()]),
    ];
    let mut wrong = Vec::new();
    for (what, certificate, key, words) in rows {
        let output: Output = run(likeness()
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("LIKENESS_DATA", folder.join("data"))
            // Files that were taken after all end in another refusal, not in a server that runs.
            .env("LIKENESS_CACHE", folder.join("no packs"))
            .env("LIKENESS_TLS_LISTEN", "127.0.0.1:0")
            .env("LIKENESS_TLS_CERTIFICATE", certificate)
            .env("LIKENESS_TLS_KEY", key));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let shows_key = pair.key.lines().chain(other.key.lines()).any(|line| line.len() > 40 && said.contains(line));
        if output.status.success() || shows_key || !words.iter().all(|word| said.contains(word)) {
            wrong.push(format!("{what}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

//! The one test server: the real executable with a data folder of its own, on a port of its own, ended on drop.

use reqwest::blocking::{Client, RequestBuilder, Response};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const KEY1: &str = "first-key-of-the-test-account";
pub(crate) const KEY2: &str = "second-key-of-the-test-account";
pub(crate) const OPERATOR: &str = "the-key-of-the-test-operator";

/// The folder with installed packs. Without it nothing here can run, and that is a failure, not a skip.
pub(crate) fn cache() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = || variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    let cache = variable("LIKENESS_CACHE").or_else(|| base().map(|base| base.join("likeness"))).expect("a home folder");
    assert!(
        cache.join("packs/likeness-default-2/pack.json").exists(),
        "the model pack is not installed; run `make setup` first"
    );
    cache
}

/// The executable under test with a clean environment.
pub(crate) fn likeness() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_likeness"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LIKENESS_") {
            command.env_remove(name);
        }
    }
    command.env("LIKENESS_CACHE", cache());
    command
}

/// A client of a server.
pub(crate) fn client() -> Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder().no_proxy().timeout(Duration::from_secs(300)).build().expect("a client")
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Output {
    command.output().expect("the executable starts")
}

/// A photo of the pinned face-api package, 1 to 6.
pub(crate) fn demo(number: usize) -> Vec<u8> {
    std::fs::read(demo_file(number)).expect("the pack brings its demo photos")
}

pub(crate) fn demo_file(number: usize) -> PathBuf {
    cache().join(format!("demo/sample{number}.jpg"))
}

/// The sample photos beside the repository, or a skip that is counted and printed.
pub(crate) fn shared_faces(test: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/faces");
    if folder.join("labels.csv").exists() {
        return Some(folder);
    }
    skip(test, "the sample photos (../shared/faces) are not beside the repository");
    None
}

/// Whether an optional pack is installed; else the skip is counted and printed.
pub(crate) fn has_pack(test: &str, pack: &str) -> bool {
    let is_installed = cache().join("packs").join(pack).join("pack.json").exists();
    if !is_installed {
        skip(test, &format!("the optional pack {pack} is not installed"));
    }
    is_installed
}

/// Says that a test was skipped, where `make test` collects it.
#[expect(clippy::print_stdout, reason = "a skip is shown to the person who runs the tests")]
pub(crate) fn skip(test: &str, why: &str) {
    let line = format!("{test}: {why}");
    println!("SKIPPED {line}");
    if let Some(file) = std::env::var_os("LIKENESS_SKIPPED") {
        let mut file =
            std::fs::OpenOptions::new().append(true).create(true).open(file).expect("the list of skips can be written");
        writeln!(file, "{line}").expect("the list of skips can be written");
    }
}

/// Method, path, body, and the status and code of the refusal.
pub(crate) type Refused = (&'static str, String, Value, u16, &'static str);

/// A running server.
pub(crate) struct TestServer {
    child: Child,
    pub(crate) address: String,
    pub(crate) said: Vec<String>,
    pub(crate) data: PathBuf,
    client: Client,
    settings: Vec<(String, String)>,
    _folder: Option<TempDir>,
}

impl TestServer {
    /// A server with a new data folder.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// The same with more settings.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut server = Self::over(&folder.path().join("data"), settings);
        server._folder = Some(folder);
        server
    }

    /// A server over a data folder that outlives it.
    pub(crate) fn over(data: &Path, settings: &[(&str, &str)]) -> Self {
        Self::started(data, settings, Stdio::inherit())
    }

    /// The same with its log in a file.
    pub(crate) fn logging(data: &Path, log: &Path, settings: &[(&str, &str)]) -> Self {
        Self::started(data, settings, std::fs::File::create(log).expect("the log can be written").into())
    }

    fn started(data: &Path, settings: &[(&str, &str)], log: Stdio) -> Self {
        let mut command = likeness();
        command
            .arg("serve")
            .env("LIKENESS_LISTEN", "127.0.0.1:0")
            .env("LIKENESS_DATA", data)
            .env("LIKENESS_KEY1", KEY1)
            .env("LIKENESS_KEY2", KEY2)
            .env("LIKENESS_OPERATOR_KEY", OPERATOR)
            .env("LIKENESS_LOG", "warn")
            // What answers say is tested to five decimals; what new accounts say in `findings.rs`.
            .env("LIKENESS_CONFIDENCE", "exact")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let client = client();
        let mut child = command.spawn().expect("the executable starts");
        let mut lines = BufReader::new(child.stdout.take().expect("standard output is piped")).lines();
        // From here on the child ends with the server, whatever goes wrong.
        let mut server = Self {
            child,
            address: String::new(),
            said: Vec::new(),
            data: data.to_owned(),
            client,
            settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            _folder: None,
        };
        while let Some(Ok(line)) = lines.next() {
            let is_last = line == "Ready.";
            server.said.push(line);
            if is_last {
                break;
            }
        }
        let address = server.said.iter().find_map(|line| line.split("listens on ").nth(1)).map(str::to_owned);
        server.address = address.unwrap_or_else(|| panic!("the server did not start: {:?}", server.said));
        // Keep reading, so that the server never blocks on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        server
    }

    /// Where it listens, with the scheme.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Process id, for signals.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the server without warning.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server ends");
    }

    /// Ends the server politely and gives its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let status = Command::new("kill").arg(self.pid().to_string()).status().expect("kill runs");
        assert!(status.success());
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait().expect("the server can be waited for") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server did not stop within 20 s");
    }

    /// A request with the first key.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.bare(method, path).header("Ocp-Apim-Subscription-Key", KEY1)
    }

    /// A request without a key; a path that does not begin with a slash lies below version 1.0.
    pub(crate) fn bare(&self, method: &str, path: &str) -> RequestBuilder {
        let method = method.parse().expect("a method");
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/face/v1.0/{path}") };
        self.client.request(method, format!("{}{path}", self.address))
    }

    /// Sends JSON and reads the answer.
    pub(crate) fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        Answer::to_json(self.request(method, path), body)
    }

    /// Sends no body and reads the answer.
    pub(crate) fn call(&self, method: &str, path: &str) -> Answer {
        Answer::of(self.request(method, path))
    }

    /// Sends a picture and reads the answer.
    pub(crate) fn picture(&self, path: &str, bytes: &[u8]) -> Answer {
        Answer::to_picture(self.request("POST", path), bytes)
    }

    /// Sends each row of a table of refusals, a body of `null` as none, and returns those that are answered otherwise.
    pub(crate) fn not_refused(&self, rows: &[Refused]) -> Vec<String> {
        let mut wrong = Vec::new();
        for (method, path, body, status, code) in rows {
            let answer = if body.is_null() { self.call(method, path) } else { self.json(method, path, body) };
            let has_operation = answer.header("operation-location").is_some();
            if (answer.status, answer.code(), answer.header("x-ms-error-code")) != (*status, code, Some(code))
                || has_operation
            {
                let sent: String = body.to_string().chars().take(120).collect();
                wrong.push(format!("{method} {path} {sent}: {} {}", answer.status, answer.body));
            }
        }
        wrong
    }

    /// Detects with face ids of recognition model 4.
    pub(crate) fn detect(&self, bytes: &[u8]) -> Vec<Value> {
        let answer = self.picture("detect?recognitionModel=recognition_04&returnFaceId=true", bytes);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body.as_array().expect("detect answers an array").clone()
    }

    /// Trains a container and waits for the end; gives the last status.
    pub(crate) fn train(&self, container: &str) -> Value {
        // How long the training of somebody else, or this one, takes depends on the machine.
        let mut is_begun = false;
        for _ in 0..60_000 {
            if !is_begun {
                let begun = self.call("POST", &format!("{container}/train"));
                assert!([202, 409].contains(&begun.status), "{begun:?}");
                is_begun = begun.status == 202;
            }
            let status = self.call("GET", &format!("{container}/training"));
            assert_eq!(status.status, 200, "{status:?}");
            if is_begun && matches!(status.body["status"].as_str(), Some("succeeded" | "failed")) {
                return status.body;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the training of {container} did not end");
    }
}

/// Another account of a server, made from the command line while the server runs.
pub(crate) struct OtherAccount<'a> {
    server: &'a TestServer,
    pub(crate) id: String,
    pub(crate) resource: String,
    pub(crate) keys: [String; 2],
}

impl TestServer {
    /// Runs the command line on the data of this server and gives what it printed.
    pub(crate) fn cli(&self, words: &[&str]) -> String {
        let output = self.try_cli(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// The same, whatever comes of it.
    pub(crate) fn try_cli(&self, words: &[&str]) -> Output {
        run(likeness().args(words).env("LIKENESS_DATA", &self.data).envs(self.settings()))
    }

    /// What this server was given beyond the usual settings.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Makes another account that may do everything.
    pub(crate) fn other_account(&self) -> OtherAccount<'_> {
        self.another(&["--approve", "everything"])
    }

    /// Makes another account with these options.
    pub(crate) fn another(&self, options: &[&str]) -> OtherAccount<'_> {
        let said = self.cli(&[&["accounts", "add"], options].concat());
        let value = |name: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(name)).expect("it prints id and keys");
            line.trim().to_owned()
        };
        let keys = [value("key1"), value("key2")];
        OtherAccount { server: self, id: value("account"), resource: value("resource"), keys }
    }

    /// The resource id of the default account.
    pub(crate) fn resource(&self) -> String {
        let said = self.cli(&["accounts", "show", "default"]);
        let line = said.lines().find(|line| line.contains("/subscriptions/")).expect("it prints the resource id");
        line.split_whitespace().last().expect("a value").to_owned()
    }

    /// The id of the account that the first start made.
    pub(crate) fn account(&self) -> String {
        let said = self.cli(&["accounts", "list"]);
        let first = said.lines().nth(2).and_then(|line| line.split_whitespace().next());
        first.expect("a table with a head").to_owned()
    }
}

impl OtherAccount<'_> {
    /// A request with its first key.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.server.bare(method, path).header("Ocp-Apim-Subscription-Key", &self.keys[0])
    }

    /// Sends JSON and reads the answer.
    pub(crate) fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        Answer::to_json(self.request(method, path), body)
    }

    /// Sends no body and reads the answer.
    pub(crate) fn call(&self, method: &str, path: &str) -> Answer {
        Answer::of(self.request(method, path))
    }

    /// Sends a picture and reads the answer.
    pub(crate) fn picture(&self, path: &str, bytes: &[u8]) -> Answer {
        Answer::to_picture(self.request("POST", path), bytes)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: Vec<(String, String)>,
}

impl Answer {
    /// Sends the request; a refusal for business is waited out, as every client library does.
    pub(crate) fn of(request: RequestBuilder) -> Self {
        // How long a full server stays full depends on the machine.
        for _ in 0..600 {
            let answer = Self::read(
                request.try_clone().expect("the body can be sent again").send().expect("the server answers"),
            );
            if answer.status != 429 {
                record(&request, &answer);
                return answer;
            }
            let seconds: u64 =
                answer.header("retry-after").and_then(|text| text.parse().ok()).expect("429 says when to come back");
            std::thread::sleep(Duration::from_secs(seconds));
        }
        panic!("the server stayed busy for ten minutes");
    }

    pub(crate) fn to_json(request: RequestBuilder, body: &Value) -> Self {
        Self::of(request.header("Content-Type", "application/json").body(body.to_string()))
    }

    pub(crate) fn to_picture(request: RequestBuilder, bytes: &[u8]) -> Self {
        Self::of(request.header("Content-Type", "application/octet-stream").body(bytes.to_vec()))
    }

    /// Reads a response whatever its status.
    pub(crate) fn read(response: Response) -> Self {
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let text = response.text().expect("the body arrives");
        let body =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        Self { status, body, headers }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// An id in the body.
    pub(crate) fn id(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name} is missing: {self:?}")).to_owned()
    }

    /// The operation in the header, below an address of the server.
    pub(crate) fn operation(&self, below: &str) -> String {
        assert_eq!((self.status, self.header("operation-location").is_some()), (202, true), "{self:?}");
        let location = self.header("operation-location").and_then(|location| location.strip_prefix(below));
        location.unwrap_or_else(|| panic!("not below {below}: {self:?}")).to_owned()
    }

    /// The error code in the envelope.
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or("")
    }
}

/// Writes what was asked and answered, without any of it, where `make test` collects it for the checklist.
fn record(request: &RequestBuilder, answer: &Answer) {
    write_record(|| line_of(request, answer));
}

/// Records a call whose body cannot be looked at again: a form.
pub(crate) fn record_form(path: &str, answer: &Answer) {
    write_record(|| format!("POST\t{path}\tmultipart/form-data\t\t{}\t{}\n", answer.status, answer.code()));
}

fn write_record(line: impl FnOnce() -> String) {
    let Some(file) = std::env::var_os("LIKENESS_TRAFFIC") else { return };
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).expect("the record can be written");
    file.write_all(line().as_bytes()).expect("the record can be written");
}

fn line_of(request: &RequestBuilder, answer: &Answer) -> String {
    let request = request.try_clone().and_then(|request| request.build().ok()).expect("it was just sent");
    let media = request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("");
    let body = request.body().and_then(|body| body.as_bytes()).unwrap_or_default();
    let names = match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => object.keys().cloned().collect::<Vec<_>>().join(","),
        _ => String::new(),
    };
    let (method, mut path) = (request.method(), request.url().path());
    // The capture page, not the studio.
    if path == "/" && request.url().query().is_some_and(|query| query.starts_with("s=")) {
        path = "/?s";
    }
    format!("{method}\t{path}\t{media}\t{names}\t{}\t{}\n", answer.status, answer.code())
}

/// `left,top,width,height` of a detected face.
pub(crate) fn target(face: &Value) -> String {
    let rect = &face["faceRectangle"];
    format!("{},{},{},{}", rect["left"], rect["top"], rect["width"], rect["height"])
}

/// Intersection over union of two `faceRectangle`s.
pub(crate) fn overlap(a: &Value, b: &Value) -> f64 {
    let side = |face: &Value, name: &str| face["faceRectangle"][name].as_f64().expect("a number");
    let (al, at, aw, ah) = (side(a, "left"), side(a, "top"), side(a, "width"), side(a, "height"));
    let (bl, bt, bw, bh) = (side(b, "left"), side(b, "top"), side(b, "width"), side(b, "height"));
    let across = ((al + aw).min(bl + bw) - al.max(bl)).max(0.0);
    let down = ((at + ah).min(bt + bh) - at.max(bt)).max(0.0);
    across * down / (aw * ah + bw * bh - across * down)
}

/// A JPEG with nothing but one face of a picture and a little around it, the face `side` pixels wide.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels of a picture")]
pub(crate) fn cut(bytes: &[u8], face: &Value, side: u32) -> Vec<u8> {
    let picture = image::load_from_memory(bytes).expect("a picture");
    let rect = |name: &str| face["faceRectangle"][name].as_f64().expect("a number");
    let (width, height) = (rect("width") * 1.8, rect("height") * 1.8);
    let (left, top) = (rect("left") - rect("width") * 0.4, rect("top") - rect("height") * 0.4);
    let cut = picture.crop_imm(left.max(0.0) as u32, top.max(0.0) as u32, width as u32, height as u32);
    let scaled = cut.resize(side * 9 / 5, side * 9 / 5, image::imageops::FilterType::Triangle).to_rgb8();
    let mut jpeg = std::io::Cursor::new(Vec::new());
    scaled.write_to(&mut jpeg, image::ImageFormat::Jpeg).expect("a JPEG");
    jpeg.into_inner()
}

/// One face, so that it can be added without a target.
pub(crate) fn demo_face() -> Vec<u8> {
    // A server for it once in a process: many tests want the same face.
    static FACE: OnceLock<Vec<u8>> = OnceLock::new();
    let made = FACE.get_or_init(|| {
        let photo = demo(1);
        let server = TestServer::new();
        let face = server.detect(&photo).remove(0);
        cut(&photo, &face, 120)
    });
    made.clone()
}

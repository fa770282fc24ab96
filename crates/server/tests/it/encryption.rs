//! Whose key seals an account's data: providers of its own, moved to, rotated, disabled, destroyed; on both engines.

use crate::server::{Answer, KEY1, TestServer, demo_face, likeness, run, skip};
use crate::stores::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

on_both_stores!(
    an_account_moves_to_a_key_of_its_own_and_obeys_its_holder,
    a_key_that_is_destroyed_takes_the_data_with_it,
    keys_are_rotated_while_the_server_serves,
);

/// Settings with a key file that an account may choose, and what they name.
struct Holder {
    folder: TempDir,
}

impl Holder {
    fn new() -> Self {
        let holder = Self { folder: tempfile::tempdir().expect("a folder") };
        let made = run(likeness().args(["keys", "create-file"]).arg(holder.key()));
        assert!(made.status.success(), "{made:?}");
        holder.write_settings("");
        holder
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("acme.key")
    }

    fn write_settings(&self, more: &str) {
        let text = format!(
            "[keys]\ntrusted_seconds = 0.6\n[[keys.providers]]\nname = \"acme\"\nkind = \"file\"\npath = {:?}\n{more}",
            self.key()
        );
        std::fs::write(self.settings(), text).expect("it can be written");
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("likeness.toml")
    }

    fn server(&self, store: &TestStore) -> TestServer {
        store.server(&[("LIKENESS_CONFIG", self.settings().to_str().expect("text"))])
    }
}

fn set(server: &TestServer, account: &str, provider: &str) -> Answer {
    server.manage("PUT", &format!("accounts/{account}/encryption"), &json!({ "provider": provider }))
}

fn look(server: &TestServer, account: &str) -> Value {
    server.manage("GET", &format!("accounts/{account}/encryption"), &Value::Null).body
}

fn a_list(server: &TestServer) {
    let body = json!({ "name": "people of the house", "recognitionModel": "recognition_04" });
    assert_eq!(server.json("PUT", "largefacelists/l", &body).status, 200);
    let added = server.picture("largefacelists/l/persistedfaces", &demo_face());
    assert_eq!(added.status, 200, "{added:?}");
}

/// Asks until the answer has this status. A key is trusted for a while.
fn until(server: &TestServer, status: u16) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = server.call("GET", "largefacelists/l");
        if answer.status == status {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{answer:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn an_account_moves_to_a_key_of_its_own_and_obeys_its_holder(store: &TestStore) {
    let holder = Holder::new();
    let server = holder.server(store);
    a_list(&server);
    let neighbour = server.other_account();
    let before = look(&server, "default");
    assert_eq!((&before["provider"], &before["state"]), (&json!("installation"), &json!("enabled")), "{before}");
    assert_eq!(before["offered"], json!([{ "name": "acme", "kind": "file" }]));
    // The tier decides, and the settings.
    for tier in ["F0", "S0"] {
        server.cli(&["accounts", "set", "default", "--tier", tier]);
        let refused = set(&server, "default", "acme");
        assert_eq!((refused.status, refused.code()), (403, "Refused"), "{refused:?}");
        assert!(
            refused.body["error"]["message"].as_str().is_some_and(|text| text.contains("E0") && text.contains(tier))
        );
    }
    server.cli(&["accounts", "set", "default", "--tier", "E0"]);
    for nobody in ["nobody", "file"] {
        assert_eq!(set(&server, "default", nobody).status, 404);
    }
    let moved = set(&server, "default", "acme");
    assert_eq!((moved.status, &moved.body["provider"], &moved.body["version"]), (200, &json!("acme"), &json!(1)));
    until(&server, 200);

    // Without the key its account is without data; nobody else notices.
    let away = holder.folder.path().join("away.key");
    std::fs::rename(holder.key(), &away).expect("it can be moved");
    let refused = until(&server, 403);
    assert_eq!(refused.code(), "EncryptionKeyUnavailable", "{refused:?}");
    let detect = server.picture("detect?recognitionModel=recognition_04", &demo_face());
    assert_eq!((detect.status, detect.code()), (403, "EncryptionKeyUnavailable"));
    assert_eq!(neighbour.call("GET", "largefacelists").status, 200);
    let locked = look(&server, "default");
    assert_eq!(locked["state"], "unavailable", "{locked}");
    // Nor does a server that starts anew have it, but the operator sees the account.
    assert_eq!(server.stop(), Some(0));
    let server = holder.server(store);
    assert_eq!(server.call("GET", "largefacelists/l").code(), "EncryptionKeyUnavailable");
    assert_eq!(look(&server, "default")["state"], "unavailable");
    assert!(server.cli(&["keys", "status"]).contains("unavailable"));
    std::fs::rename(&away, holder.key()).expect("it can be moved");
    until(&server, 200);

    // By order, which outlives a start.
    let disabled = server.manage("POST", "accounts/default/encryption/disable", &Value::Null);
    assert_eq!((disabled.status, &disabled.body["state"]), (200, &json!("disabled")), "{disabled:?}");
    assert_eq!(server.call("GET", "largefacelists/l").code(), "EncryptionKeyUnavailable");
    assert_eq!(server.stop(), Some(0));
    let server = holder.server(store);
    assert_eq!(server.call("GET", "largefacelists/l").code(), "EncryptionKeyUnavailable");
    let enabled = server.manage("POST", "accounts/default/encryption/enable", &Value::Null);
    assert_eq!((enabled.status, &enabled.body["state"]), (200, &json!("enabled")), "{enabled:?}");
    assert_eq!(server.call("GET", "largefacelists/l").status, 200);

    // Back to the installation, and everything stands in the audit log.
    assert_eq!(set(&server, "default", "installation").status, 200);
    std::fs::remove_file(holder.key()).expect("it can be removed");
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(server.call("GET", "largefacelists/l").status, 200);
    for action in ["wrap_key", "use_key", "disable_key", "enable_key"] {
        assert!(server.cli(&["audit", "list", "default", "--action", action]).contains(action), "{action}");
    }
    assert!(server.cli(&["audit", "verify"]).contains("default"));
}

fn a_key_that_is_destroyed_takes_the_data_with_it(store: &TestStore) {
    let holder = Holder::new();
    let server = holder.server(store);
    a_list(&server);
    let wrapped_before = store.sql("SELECT hex(wrapped) FROM data_key WHERE key_id = 1");
    assert_eq!(set(&server, "default", "acme").status, 200);
    until(&server, 200);
    assert_eq!(server.stop(), Some(0));
    // What the installation key wrapped is in no file any more: it would open everything again.
    let raw = store.raw_bytes();
    let still_there: Vec<_> = wrapped_before
        .iter()
        .filter(|wrapped| store.sql("SELECT hex(wrapped) FROM data_key").iter().all(|now| now != *wrapped))
        .filter(|wrapped| {
            let bytes = hex::decode(wrapped).expect("hexadecimal digits");
            raw.windows(bytes.len()).any(|window| window == bytes)
        })
        .collect();
    assert!(still_there.is_empty(), "{still_there:?}");
    assert!(wrapped_before.len() > store.sql("SELECT hex(wrapped) FROM data_key WHERE provider IS NULL").len());
    // With the key, the data is gone; the account can still be closed and destroyed.
    std::fs::remove_file(holder.key()).expect("it can be removed");
    let made = run(likeness().args(["keys", "create-file"]).arg(holder.key()));
    assert!(made.status.success());
    let server = holder.server(store);
    let refused = server.call("GET", "largefacelists/l");
    assert_eq!((refused.status, refused.code()), (403, "EncryptionKeyUnavailable"), "another key opens nothing");
    server.cli(&["accounts", "close", "default", "--grace-days", "0", "--yes"]);
    assert_eq!(server.call("GET", "largefacelists/l").status, 401);
}

fn keys_are_rotated_while_the_server_serves(store: &TestStore) {
    let holder = Holder::new();
    let server = holder.server(store);
    a_list(&server);
    let others: Vec<_> = (0..3).map(|_| server.other_account().id).collect();
    for account in others.iter().map(String::as_str).chain(["default"]) {
        assert_eq!(set(&server, account, "acme").status, 200);
    }
    let rotate = |body: &Value| server.manage("POST", "encryption/rotate", body);
    let rotated = rotate(&json!({ "provider": "acme" }));
    assert_eq!((rotated.status, &rotated.body), (200, &json!({ "version": 2, "wrapped": 4 })), "{rotated:?}");
    assert_eq!(rotate(&json!({ "provider": "acme", "onlyBehind": true })).body["wrapped"], 0);
    assert_eq!(rotate(&json!({ "provider": "nobody" })).status, 404);
    until(&server, 200);
    assert!(server.cli(&["keys", "rotate", "acme"]).contains("Wrapped 4 keys with version 3"));
    // A new data key, with which everything is sealed anew.
    assert!(server.cli(&["keys", "reseal", "default"]).contains("anew"));
    assert_eq!(look(&server, "default")["dataKeys"], 2);
    until(&server, 200);
    // The installation's own key, which wraps the installation key and nothing else.
    assert!(server.cli(&["keys", "rotate", "file"]).contains("Wrapped 1 key with version 2"));
    let everywhere = server.manage("GET", "encryption", &Value::Null).body;
    assert_eq!(everywhere["installation"]["version"], 2, "{everywhere}");
    assert_eq!(everywhere["accounts"].as_array().map(Vec::len), Some(4));
    assert!(everywhere["accounts"].as_array().into_iter().flatten().all(|one| one["version"] == 3), "{everywhere}");
    // It moves, too; then the key file is of no more use.
    let moved = server.manage("PUT", "encryption", &json!({ "provider": "acme" }));
    assert_eq!((moved.status, &moved.body["provider"]), (200, &json!("acme")), "{moved:?}");
    let data = server.data.clone();
    assert_eq!(server.stop(), Some(0));
    std::fs::remove_file(data.join("installation.key")).expect("the key file is there");
    let server = holder.server(store);
    assert_eq!(server.call("GET", "largefacelists/l").status, 200);
    // Tokens are signed there, too.
    let issued = Answer::of(server.bare("POST", "/sts/v1.0/issueToken").header("Ocp-Apim-Subscription-Key", KEY1));
    assert_eq!(issued.status, 200, "{issued:?}");
}

/// Where Debian puts SoftHSM.
const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

#[test]
fn a_token_holds_the_key_of_an_account() {
    if !Path::new(SOFTHSM).exists() {
        return skip(
            "encryption::a_token_holds_the_key_of_an_account",
            "SoftHSM is not installed: apt-get install softhsm2",
        );
    }
    let (holder, store) = (Holder::new(), TestStore::file());
    let folder = holder.folder.path();
    std::fs::create_dir(folder.join("tokens")).expect("a folder");
    let place = folder.join("softhsm2.conf");
    let text = format!("directories.tokendir = {}\nlog.level = ERROR\n", folder.join("tokens").display());
    std::fs::write(&place, text).expect("it can be written");
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "acme", "--pin", "123456", "--so-pin", "654321"])
        .env("SOFTHSM2_CONF", &place)
        .output()
        .expect("it comes with SoftHSM");
    assert!(made.status.success(), "{made:?}");
    std::fs::write(folder.join("pin"), "123456\n").expect("it can be written");
    holder.write_settings(&format!(
        "[[keys.providers]]\nname = \"hsm\"\nkind = \"pkcs11\"\nmodule = {SOFTHSM:?}\ntoken = \"acme\"\nkey = \"likeness\"\npin_file = {:?}\n",
        folder.join("pin")
    ));
    let settings = holder.settings();
    let settings =
        [("LIKENESS_CONFIG", settings.to_str().expect("text")), ("SOFTHSM2_CONF", place.to_str().expect("text"))];
    let server = store.server(&settings);
    a_list(&server);
    // There is no key on the token before the first is made.
    let refused = set(&server, "default", "hsm");
    assert_eq!((refused.status, refused.code()), (403, "EncryptionKeyUnavailable"), "{refused:?}");
    assert_eq!(server.manage("POST", "encryption/rotate", &json!({ "provider": "hsm" })).body["version"], 1);
    let moved = set(&server, "default", "hsm");
    assert_eq!((moved.status, &moved.body["kind"]), (200, &json!("pkcs11")), "{moved:?}");
    until(&server, 200);
    assert_eq!(server.manage("POST", "encryption/rotate", &json!({ "provider": "hsm" })).body["wrapped"], 1);
    until(&server, 200);
    // The token is taken away.
    std::fs::rename(folder.join("tokens"), folder.join("away")).expect("it can be moved");
    let refused = until(&server, 403);
    assert_eq!(refused.code(), "EncryptionKeyUnavailable");
}

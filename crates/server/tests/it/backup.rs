//! Backups: made while the server serves, checked, put back elsewhere; what was deleted, revoked, replaced and closed since
//! stays so. On both engines.

use crate::server::{KEY1, KEY2, TestServer, demo, demo_face, likeness, run};
use crate::stores::{TestStore, on_both_stores};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

on_both_stores!(
    a_restored_installation_answers_as_it_did,
    the_dead_stay_dead,
    what_cannot_be_put_back_whole_is_not_put_back,
    an_account_moves_to_another_installation,
);

/// Another store of the same kind, with nothing in it.
fn another(store: &TestStore) -> TestStore {
    match store {
        TestStore::File(_) => TestStore::file(),
        TestStore::Database(_) => TestStore::database("backup").expect("the first was there"),
    }
}

/// The command line on a store, with the key file of another.
fn command(store: &TestStore, key: &Path, words: &[&str]) -> Command {
    let mut command = likeness();
    command.args(words).env("LIKENESS_DATA", store.data()).env("LIKENESS_KEY_FILE", key);
    if let TestStore::Database(site) = store {
        command.env("LIKENESS_STORE", &site.store);
    }
    command
}

fn key_file(store: &TestStore) -> PathBuf {
    store.data().join("installation.key")
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// A server on a restored store.
fn restored_server(store: &TestStore, key: &Path) -> TestServer {
    store.server(&[("LIKENESS_KEY_FILE", key.to_str().expect("text"))])
}

fn a_group(server: &TestServer, group: &str, people: &[&str]) -> Vec<String> {
    let body = json!({ "name": "Familie Österreicher", "userData": "a remark", "recognitionModel": "recognition_04" });
    assert_eq!(server.json("PUT", &format!("largepersongroups/{group}"), &body).status, 200);
    let add = |name: &&str| {
        let made = server.json("POST", &format!("largepersongroups/{group}/persons"), &json!({ "name": name }));
        let person = made.body["personId"].as_str().expect("an id").to_owned();
        let faces = format!("largepersongroups/{group}/persons/{person}/persistedfaces");
        assert_eq!(server.picture(&faces, &demo_face()).status, 200);
        person
    };
    let people = people.iter().map(add).collect();
    server.train(&format!("largepersongroups/{group}"));
    people
}

/// What the server says to the questions whose answers last.
fn answers(server: &TestServer, group: &str) -> Vec<Value> {
    let face = server.detect(&demo(1))[0]["faceId"].clone();
    let identify = json!({ "faceIds": [face], "largePersonGroupId": group, "maxNumOfCandidatesReturned": 10 });
    let mut identified = server.json("POST", "identify", &identify).body;
    identified[0]["faceId"] = Value::Null;
    let read = |path: &str| server.call("GET", path).body;
    vec![
        read("largepersongroups"),
        read(&format!("largepersongroups/{group}?returnRecognitionModel=true")),
        read(&format!("largepersongroups/{group}/persons")),
        read(&format!("largepersongroups/{group}/training")),
        read("facelists"),
        read("largefacelists"),
        identified,
    ]
}

fn a_restored_installation_answers_as_it_did(store: &TestStore) {
    let server = store.server(&[]);
    a_group(&server, "family", &["Ada", "Bob"]);
    assert_eq!(
        server.json("PUT", "facelists/l", &json!({ "name": "l", "recognitionModel": "recognition_04" })).status,
        200
    );
    assert_eq!(server.picture("facelists/l/persistedfaces", &demo_face()).status, 200);
    // What expires is in no backup.
    let snapshot = json!({ "type": "LargePersonGroup", "objectId": "family", "applyScope": [server.account()] });
    assert_eq!(server.json("POST", "snapshots", &snapshot).status, 202);
    let before = answers(&server, "family");
    let other = server.other_account();
    let other_key = other.keys[0].clone();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("likeness.backup");
    let path = file.to_str().expect("text");
    let made = server.try_cli(&["backup", "create", path]);
    assert!(made.status.success() && said(&made).contains("2 people, 3 faces"), "{}", said(&made));
    assert!(!server.try_cli(&["backup", "create", path]).status.success(), "a backup replaces no file");
    let bytes = std::fs::read(&file).expect("a backup");
    for secret in ["Familie", "Ada", "a remark", KEY1, "recognition_04"] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} can be read");
    }
    // As a stream, out and in.
    let streamed = server.try_cli(&["backup", "create", "-"]);
    assert!(streamed.status.success(), "{}", said(&streamed));
    let mut child = command(store, &key_file(store), &["backup", "verify", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), &streamed.stdout).expect("it takes it");
    let verified = child.wait_with_output().expect("it ends");
    assert!(verified.status.success() && said(&verified).contains("Every frame opened"), "{}", said(&verified));
    assert_eq!(server.stop(), Some(0));

    let target = another(store);
    let key = folder.path().join("key");
    std::fs::copy(key_file(store), &key).expect("a copy of the key");
    let journal = store.data().join("journal");
    let words = ["backup", "restore", path, "--journal", journal.to_str().expect("text")];
    let restored = run(&mut command(&target, &key, &words));
    assert!(restored.status.success() && said(&restored).contains("2 people, 3 faces"), "{}", said(&restored));
    let server = restored_server(&target, &key);
    assert_eq!(answers(&server, "family"), before);
    let elsewhere = server.bare("GET", "facelists").header("Ocp-Apim-Subscription-Key", other_key);
    assert_eq!(elsewhere.send().expect("an answer").status(), 200);
    assert_eq!(server.call("GET", "snapshots").body, json!([]));
    assert!(server.cli(&["audit", "list", "default", "--action", "restore"]).contains("restore"));
    assert!(server.try_cli(&["audit", "verify"]).status.success());
    assert!(server.try_cli(&["doctor"]).status.success(), "{}", said(&server.try_cli(&["doctor"])));
    // It lives on: what is new comes beside what was there, and can be backed up again.
    a_group(&server, "friends", &["Cyd"]);
    assert!(server.try_cli(&["backup", "create", &format!("{path}.2")]).status.success());
}

fn the_dead_stay_dead(store: &TestStore) {
    let server = store.server(&[]);
    let people = a_group(&server, "family", &["Ada", "Bob", "Cyd"]);
    a_group(&server, "gone", &["Eve"]);
    let closed = server.other_account();
    let (closed_id, closed_key) = (closed.id.clone(), closed.keys[0].clone());
    let disabled = server.other_account();
    let (disabled_id, disabled_key) = (disabled.id.clone(), disabled.keys[0].clone());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("likeness.backup");
    let path = file.to_str().expect("text");
    assert!(server.try_cli(&["backup", "create", path]).status.success());
    // A person, a face, a whole group; a key, an account, a key above an account's data; and one who is deleted and comes anew.
    assert_eq!(server.call("DELETE", &format!("largepersongroups/family/persons/{}", people[0])).status, 200);
    let bob = format!("largepersongroups/family/persons/{}", people[1]);
    let face = server.call("GET", &bob).body["persistedFaceIds"][0].as_str().expect("a face").to_owned();
    assert_eq!(server.call("DELETE", &format!("{bob}/persistedfaces/{face}")).status, 200);
    assert_eq!(server.call("DELETE", "largepersongroups/gone").status, 200);
    a_group(&server, "gone", &["Fay"]);
    let regenerated = server.manage("POST", "accounts/default/regenerateKey", &json!({ "keyName": "Key2" }));
    assert_eq!(regenerated.status, 200);
    server.cli(&["accounts", "close", &closed_id, "--grace-days", "3"]);
    server.cli(&["keys", "disable", &disabled_id]);
    server.cli(&["accounts", "set", "default", "--tier", "E0"]);
    let rows_before = server.cli(&["audit", "list", "default"]).lines().count();
    assert!(rows_before > 5);
    assert_eq!(server.stop(), Some(0));

    let target = another(store);
    let (key, journal) = (key_file(store), store.data().join("journal"));
    // Without its journal nothing is put back, unless somebody says so.
    let nowhere = folder.path().join("nowhere");
    let words = ["backup", "restore", path, "--journal", nowhere.to_str().expect("text")];
    let refused = run(&mut command(&target, &key, &words));
    assert!(!refused.status.success() && said(&refused).contains("journal of deletions"), "{}", said(&refused));
    let words = ["backup", "restore", path, "--journal", journal.to_str().expect("text")];
    let restored = run(&mut command(&target, &key, &words));
    let told = said(&restored);
    assert!(restored.status.success(), "{told}");
    for part in ["deleted again", "that were replaced", "settings are those of the backup", "is disabled", "was closed"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    let server = restored_server(&target, &key);
    let listed = server.call("GET", "largepersongroups/family/persons").body;
    let mut names: Vec<&str> = listed.as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Bob", "Cyd"], "{listed}");
    assert_eq!(server.call("GET", &bob).body["persistedFaceIds"], json!([]));
    assert_eq!(server.call("GET", "largepersongroups/gone").status, 404);
    let by =
        |key: &str| server.bare("GET", "facelists").header("Ocp-Apim-Subscription-Key", key).send().expect("an answer");
    assert_eq!((by(KEY1).status().as_u16(), by(KEY2).status().as_u16()), (200, 401));
    assert_eq!((by(&closed_key).status().as_u16(), by(&disabled_key).status().as_u16()), (401, 403));
    assert!(server.try_cli(&["audit", "verify"]).status.success(), "{}", said(&server.try_cli(&["audit", "verify"])));
    // Numbers of the audit log go on above those that were given since.
    let numbers = |server: &TestServer| -> Vec<i64> {
        let rows = server.manage("GET", "accounts/default/audit?top=1000", &Value::Null).body;
        rows.as_array().into_iter().flatten().filter_map(|row| row["sequence"].as_i64()).collect()
    };
    let numbers = numbers(&server);
    assert!(numbers.windows(2).any(|pair| pair[1] > pair[0] + 1), "{numbers:?}");
    // Whoever restores without the journal is told what that means, and so is whoever reads the audit log.
    let third = another(store);
    let restored = run(&mut command(&third, &key, &["backup", "restore", path, "--without-journal"]));
    assert!(restored.status.success(), "{}", said(&restored));
    let server = restored_server(&third, &key);
    assert_eq!(server.call("GET", "largepersongroups/gone").status, 200);
    let rows = server.manage("GET", "accounts/default/audit?top=1000&action=restore", &Value::Null).body;
    assert!(rows.to_string().contains(r#"none"#), "{rows}");
}

fn what_cannot_be_put_back_whole_is_not_put_back(store: &TestStore) {
    let server = store.server(&[]);
    a_group(&server, "family", &["Ada"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("likeness.backup");
    let path = file.to_str().expect("text");
    assert!(server.try_cli(&["backup", "create", path]).status.success());
    let key = key_file(store);
    let journal = store.data().join("journal");
    let restore = |target: &TestStore, key: &Path, file: &Path| {
        let words = ["backup", "restore", file.to_str().expect("text"), "--journal", journal.to_str().expect("text")];
        run(&mut command(target, key, &words))
    };
    // Onto data that is there.
    let refused = restore(store, &key, &file);
    assert!(!refused.status.success() && said(&refused).contains("holds data already"), "{}", said(&refused));
    assert_eq!(server.call("GET", "largepersongroups/family").status, 200);
    let good = std::fs::read(&file).expect("a backup");
    let bad = folder.path().join("bad.backup");
    let mut altered = good.clone();
    let middle = good.len() / 2;
    altered[middle] ^= 1;
    let newer = String::from_utf8_lossy(&good[..400]).replace("\"schema\":8", "\"schema\":9");
    for (name, bytes, part) in [
        ("cut off", good[..good.len() - 10].to_vec(), "cut off"),
        ("altered", altered, "does not open"),
        ("newer", newer.into_bytes(), "newer version"),
        ("something else", b"something else altogether".to_vec(), "no backup"),
    ] {
        std::fs::write(&bad, bytes).expect("it can be written");
        let verified = run(&mut command(store, &key, &["backup", "verify", bad.to_str().expect("text")]));
        assert!(!verified.status.success() && said(&verified).contains(part), "{name}: {}", said(&verified));
        // A database that was begun is of no use, and says so; a file is gone.
        let target = another(store);
        let refused = restore(&target, &key, &bad);
        assert!(!refused.status.success() && said(&refused).contains(part), "{name}: {}", said(&refused));
        assert!(!target.data().join("likeness.db").exists());
        assert!(!run(&mut command(&target, &key, &["accounts", "list"])).status.success(), "{name}");
    }
    // With another key, and with none.
    let target = another(store);
    let other = folder.path().join("other.key");
    assert!(run(likeness().args(["keys", "create-file"]).arg(&other)).status.success());
    let refused = restore(&target, &other, &file);
    assert!(!refused.status.success() && said(&refused).contains("does not open"), "{}", said(&refused));
    let refused = restore(&target, &folder.path().join("no.key"), &file);
    assert!(!refused.status.success() && said(&refused).contains("is missing"), "{}", said(&refused));
    // A disk that is full in the middle of a backup leaves nothing of it: here by a limit on the length of files.
    let short = folder.path().join("short");
    std::fs::create_dir(&short).expect("a folder");
    let made = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_likeness"))
        .args(["backup", "create"])
        .arg(short.join("likeness.backup"))
        .env("LIKENESS_DATA", store.data())
        .envs(server.settings())
        .output()
        .expect("it starts");
    assert!(!made.status.success() && said(&made).contains("no backup was made"), "{}", said(&made));
    assert_eq!(std::fs::read_dir(&short).expect("the folder").count(), 0);
    assert!(restore(&target, &key, &file).status.success());
}

fn an_account_moves_to_another_installation(store: &TestStore) {
    let server = store.server(&[]);
    a_group(&server, "family", &["Ada", "Bob"]);
    let before = answers(&server, "family");
    let resource = server.resource();
    let folder = tempfile::tempdir().expect("a folder");
    let (file, key) = (folder.path().join("account.backup"), folder.path().join("transfer.key"));
    let [path, key] = [&file, &key].map(|path| path.to_str().expect("text"));
    assert!(run(likeness().args(["keys", "create-file", key])).status.success());
    let exported = server.try_cli(&["backup", "export", "default", path, "--key", key]);
    assert!(exported.status.success() && said(&exported).contains("2 people"), "{}", said(&exported));
    let bytes = std::fs::read(&file).expect("an export");
    assert!(!bytes.windows(3).any(|window| window == b"Ada"));
    let id = server.account();
    // Here it is already.
    let refused = server.try_cli(&["backup", "import", path, "--key", key]);
    assert!(!refused.status.success() && said(&refused).contains("exists already"), "{}", said(&refused));
    assert_eq!(server.stop(), Some(0));

    let target = another(store);
    let settings =
        [("LIKENESS_KEY1", "first-key-of-the-other-place"), ("LIKENESS_KEY2", "second-key-of-the-other-place")];
    let server = target.server(&settings);
    let other_key = folder.path().join("other.key");
    let other_key = other_key.to_str().expect("text");
    assert!(run(likeness().args(["keys", "create-file", other_key])).status.success());
    let refused = server.try_cli(&["backup", "import", path, "--key", other_key]);
    assert!(!refused.status.success() && said(&refused).contains("does not open"), "{}", said(&refused));
    let refused = server.try_cli(&["backup", "restore", path]);
    assert!(!refused.status.success(), "an export is no backup");
    // Both have an account that is called the same.
    let refused = server.try_cli(&["backup", "import", path, "--key", key]);
    assert!(!refused.status.success() && said(&refused).contains("--subdomain"), "{}", said(&refused));
    server.cli(&["accounts", "set", "default", "--subdomain", "the-other-one"]);
    // Cut off in the middle, it can be used by nobody.
    let cut = folder.path().join("cut.backup");
    std::fs::write(&cut, &bytes[..bytes.len() - 20]).expect("it can be written");
    let refused = server.try_cli(&["backup", "import", cut.to_str().expect("text"), "--key", key]);
    assert!(!refused.status.success() && said(&refused).contains("cut off"), "{}", said(&refused));
    let shown = server.cli(&["accounts", "show", &id]);
    assert!(shown.contains("closed, destroyed at"), "{shown}");
    assert_eq!(server.call("GET", "largepersongroups").status, 401);
    server.cli(&["accounts", "close", &id, "--yes"]);
    let imported = server.try_cli(&["backup", "import", path, "--key", key]);
    assert!(imported.status.success() && said(&imported).contains("Took in"), "{}", said(&imported));
    // The running server learns of it; keys, names and answers are what they were.
    let begun = std::time::Instant::now();
    while server.call("GET", "largepersongroups").status != 200 {
        assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", server.call("GET", "largepersongroups"));
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(answers(&server, "family"), before);
    assert!(server.cli(&["accounts", "show", &id]).contains(&resource));
    assert!(server.cli(&["audit", "list", &id]).contains("import"));
    assert!(server.try_cli(&["audit", "verify"]).status.success(), "{}", said(&server.try_cli(&["audit", "verify"])));
}

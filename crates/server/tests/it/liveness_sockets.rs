//! The socket of the device protocol, played by the device's side of it: what breaks the protocol ends the attempt alone.

use crate::liveness::{PLAIN, asked, created, portrait};
use crate::server::TestServer;
use likeness_device::{Address, Attack, Client, ClientError, Comes, Folder, Outcome, RealTime};
use likeness_liveness::message::AttemptStatus;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Captures at the same time, fewer than there are places for.
const AT_ONCE: usize = 3;

/// Plays a folder of one picture as a device that misbehaves.
fn play(address: &str, token: &str, pictures: &Path, attack: Attack) -> Result<Outcome, ClientError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut folder = Folder::open(pictures, true).expect("a folder of pictures");
        let client = Client::new(Address::parse(address).expect("an address"), token);
        client.capture(&mut folder, &mut attack.attacker(), &RealTime::new()).await
    })
}

fn picture() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.jpg"), portrait()).expect("a picture");
    folder
}

/// The attempt of a session as the app server reads it, once it is over.
fn attempt(server: &TestServer, session: &str) -> Value {
    let mut read = Value::Null;
    for _ in 0..600 {
        read = server.call("GET", &format!("{PLAIN}/{session}")).body["results"]["attempts"][0].clone();
        if read["attemptStatus"] != "Running" {
            return read;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the attempt never ends: {read}");
}

#[test]
fn whoever_hangs_up_leaves_the_server_to_others() {
    let (server, pictures) = (TestServer::with(&[("LIKENESS_CAPTURES", "32")]), picture());
    let sessions: Vec<(String, String)> = (0..8).map(|_| created(&server, PLAIN, &asked())).collect();
    for some in sessions.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            for (_, token) in some {
                scope.spawn(|| play(server.address(), token, pictures.path(), Attack::HangUp));
            }
        });
    }
    // A thread that asked a closed socket for ever would be missing here: there are fewer of them than people who left.
    for (session, _) in &sessions {
        assert_eq!(attempt(&server, session)["error"]["code"], "Canceled");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn what_breaks_the_protocol_ends_the_attempt() {
    // Those that strike within the first frames, whatever a picture answers.
    let attacks = [
        Attack::Reordered,
        Attack::Repeated,
        Attack::Lost,
        Attack::Foreign,
        Attack::Replaced,
        Attack::WrongTail,
        Attack::OtherNonce,
        Attack::BackwardsClock,
        Attack::FutureStep,
        Attack::Oversized,
        Attack::TooWide,
        Attack::VastJpeg,
        Attack::VastPng,
        Attack::NoPicture,
        Attack::NoFrame,
        Attack::HugeMessage,
        Attack::SecondHello,
        Attack::UnknownType,
        Attack::LongMessage,
    ];
    let (server, pictures) = (TestServer::with(&[("LIKENESS_CAPTURES", "32")]), picture());
    for some in attacks.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            for &attack in some {
                let (server, pictures) = (&server, pictures.path());
                scope.spawn(move || {
                    let Comes::Fails(code) = attack.comes() else { panic!("{attack:?} does not fail") };
                    // A door of its own: one that fails so often would be closed.
                    let mut wanted = asked();
                    wanted["deviceCorrelationId"] = json!(format!("{attack:?}"));
                    let (session, token) = created(server, PLAIN, &wanted);
                    // A message that is too long may cost the device its connection before it learns why.
                    if let Ok(told) = play(server.address(), &token, pictures, attack) {
                        assert_eq!((told.status, told.code), (AttemptStatus::Failed, Some(code)), "{attack:?}");
                    }
                    let read = attempt(server, &session);
                    assert_eq!(read["error"]["code"], code.as_text(), "{attack:?}: {read}");
                });
            }
        });
    }
}

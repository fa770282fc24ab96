//! The socket of the device protocol, played by the device's side of it: what breaks the protocol ends the attempt alone.

use crate::liveness::{PLAIN, asked, created, portrait};
use crate::pad::{capture, person};
use crate::server::TestServer;
use crate::tls::trusting;
use likeness_device::{Address, Attack, Client, ClientError, Comes, Folder, Honest, Outcome, Source};
use likeness_liveness::message::AttemptStatus;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Captures at the same time, fewer than there are places for.
const AT_ONCE: usize = 3;

/// Plays pictures as a device that misbehaves.
fn play(server: &TestServer, token: &str, mut pictures: impl Source, attack: Attack) -> Result<Outcome, ClientError> {
    let client = Client::new(Address::parse(server.address()).expect("an address"), token);
    capture(&client, &mut pictures, &mut attack.attacker())
}

fn picture() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.jpg"), portrait()).expect("a picture");
    folder
}

/// The same picture for as long as it is asked for.
fn still(pictures: &Path) -> Folder {
    Folder::open(pictures, true).expect("a folder of pictures")
}

/// A session at a door of its own: one that fails so often would be closed.
fn session(server: &TestServer, door: &str) -> (String, String) {
    let mut wanted = asked();
    wanted["deviceCorrelationId"] = json!(door);
    created(server, PLAIN, &wanted)
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
                scope.spawn(|| play(&server, token, still(pictures.path()), Attack::HangUp));
            }
        });
    }
    // A thread that asked a closed socket for ever would be missing here: there are fewer of them than people who left.
    for (session, _) in &sessions {
        assert_eq!(attempt(&server, session)["error"]["code"], "Canceled");
    }
    assert_eq!(server.stop(), Some(0));
}

/// Those of the list that a picture can play, before it is asked for more than a picture can do. `HangUp` has a test of its own.
const WITH_A_PICTURE: [Attack; 35] = [
    Attack::Reordered,
    Attack::Repeated,
    Attack::Lost,
    Attack::Foreign,
    Attack::Replaced,
    Attack::WrongTail,
    Attack::OtherNonce,
    Attack::FastClock,
    Attack::SlowClock,
    Attack::BackwardsClock,
    Attack::Late,
    Attack::Stalled,
    Attack::Silent,
    Attack::EarlyShown,
    Attack::FutureShown,
    Attack::ShownTwice,
    Attack::NeverShown,
    Attack::FutureStep,
    Attack::TooFast,
    Attack::TooManyBytes,
    Attack::Oversized,
    Attack::TooWide,
    Attack::Undecodable,
    Attack::VastJpeg,
    Attack::VastPng,
    Attack::TwoSizes,
    Attack::NoPicture,
    Attack::NoFrame,
    Attack::HugeMessage,
    Attack::SecondHello,
    Attack::UnknownType,
    Attack::LongMessage,
    Attack::LongHello,
    Attack::SlowSender,
    Attack::Cancel,
];

/// Those that come when a person has answered, or while one goes on answering.
const WITH_A_PERSON: [Attack; 4] = [Attack::SecondSocket, Attack::NoEnd, Attack::WrongCount, Attack::WrongEnd];

#[test]
fn every_attack_of_the_list_is_played_here() {
    for attack in Attack::ALL {
        let times = WITH_A_PICTURE.iter().chain(&WITH_A_PERSON).chain(&[Attack::HangUp]);
        assert_eq!(times.filter(|played| **played == attack).count(), 1, "{attack:?}");
    }
}

#[test]
fn what_breaks_the_protocol_ends_the_attempt() {
    let (server, pictures) = (TestServer::with(&[("LIKENESS_CAPTURES", "32")]), picture());
    for some in WITH_A_PICTURE.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            for &attack in some {
                let (server, pictures) = (&server, pictures.path());
                scope.spawn(move || {
                    let (session, token) = session(server, &format!("{attack:?}"));
                    let told = play(server, &token, still(pictures), attack);
                    let Comes::Fails(code) = attack.comes() else {
                        assert!(
                            matches!(told, Err(ClientError::Closed | ClientError::Refused(_))),
                            "{attack:?}: {told:?}"
                        );
                        return;
                    };
                    // A message that is too long may cost the device its connection before it learns why.
                    if let Ok(told) = told {
                        assert_eq!((told.status, told.code), (AttemptStatus::Failed, Some(code)), "{attack:?}");
                    }
                    let read = attempt(server, &session);
                    assert_eq!(read["error"]["code"], code.as_text(), "{attack:?}: {read}");
                });
            }
        });
    }
}

/// A machine that has no time for a person's frames says so, and the attempt is made again.
#[test]
fn what_a_person_can_break_ends_the_attempt_too() {
    let server = TestServer::with(&[("LIKENESS_CAPTURES", "32")]);
    for attack in WITH_A_PERSON {
        let mut seen = Vec::new();
        let is_as_documented = (0..4).any(|seed| {
            let (session, token) = session(&server, &format!("{attack:?}{seed}"));
            let told = play(&server, &token, person(seed), attack).expect("the protocol is kept but for the attack");
            let read = attempt(&server, &session);
            let is_it = match attack.comes() {
                Comes::Fails(code) => told.code == Some(code) && read["error"]["code"] == code.as_text(),
                // Only the first socket counts, and it goes on to its end.
                _ => told.status == AttemptStatus::Succeeded && read["attemptStatus"] == "Succeeded",
            };
            seen.push((told, read));
            is_it
        });
        assert!(is_as_documented, "{attack:?}: {seen:?}");
    }
}

#[test]
fn a_capture_goes_over_tls_to_whoever_trusts_the_certificate() {
    let server = TestServer::with(&[("LIKENESS_DEV_TLS", "1"), ("LIKENESS_TLS_LISTEN", "127.0.0.1:0")]);
    let line = server.said.iter().find(|line| line.contains("https://")).expect("the address is told");
    let address = line.split_whitespace().find(|word| word.starts_with("https://")).expect("an address");
    let authority = std::fs::read(server.data.join("tls/development-ca.pem")).expect("the authority is written");

    let tls = trusting(CertificateDer::from_pem_slice(&authority).expect("a certificate"));
    let wanted = json!({ "livenessOperationMode": "PassiveActive", "deviceCorrelationId": "d" });
    let mut seen = Vec::new();
    for seed in 0..4 {
        let (session, token) = created(&server, PLAIN, &wanted);
        let client = Client::new(Address::parse(address).expect("an address"), &token);
        // Whoever does not trust it sends no token.
        assert!(capture(&client, &mut person(seed), &mut Honest).is_err());
        assert_eq!(server.call("GET", &format!("{PLAIN}/{session}")).body["status"], "NotStarted");

        let client = client.with_tls(tls.clone());
        let outcome = capture(&client, &mut person(seed), &mut Honest);
        let outcome = outcome.expect("the protocol is kept");
        if outcome.status == AttemptStatus::Succeeded {
            return;
        }
        seen.push((outcome, attempt(&server, &session)));
    }
    panic!("{seen:?}");
}

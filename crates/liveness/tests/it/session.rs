//! A session through its stages, and its state in the words of both shapes.

use likeness_base::Timestamp;
use likeness_liveness::message::{Camera, CancelReason, DeviceWords};
use likeness_liveness::{
    Assurance, AttemptCode, AttemptOutcome, AttemptResult, AttemptStart, Checks, Correlation, Decision, KeyRefusal,
    KeyStage, Mode, ModelVersion, Origin, PassiveNet, Quality, Rectangle, ReferenceSource, SecretText, Session,
    SessionProblem, SessionRefusal, SessionRequest, SessionStatus, SessionStatusOld, Shape, Verdict, VerifyRequest,
    VerifyResult,
};
use std::time::Duration;
use uuid::Uuid;

const NODE: Uuid = Uuid::from_u128(7);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000)
}

fn session(attempts: u8) -> Session {
    let request = SessionRequest { attempts_allowed: attempts, ..SessionRequest::new(Shape::New, Mode::Passive) };
    Session::new(Uuid::from_u128(1), request, at(0), Duration::from_secs(48 * 3600))
}

fn start() -> AttemptStart {
    AttemptStart {
        node: NODE,
        nonce: [9; 16],
        origin: Origin::of(Uuid::from_u128(3)),
        device_correlation_id: None,
        user_correlation_id: None,
        needs_notice: false,
        offers_keys: false,
    }
}

fn decided(decision: Decision) -> AttemptOutcome {
    AttemptOutcome::Succeeded(Box::new(AttemptResult {
        verdict: Verdict {
            decision,
            assurance: Assurance::L0,
            reason: None,
            passive_net: PassiveNet::None,
            policy_version: "1".to_owned(),
        },
        checks: Checks { nose_evidence: Some(2.5), ..Checks::default() },
        face_rectangle: Rectangle { top: 1, left: 2, width: 3, height: 4 },
        time_offset_ms: 5_000,
        digest: "AB".repeat(32),
        verify: Some(VerifyResult {
            match_confidence: 0.875,
            is_identical: true,
            reference_rectangle: None,
            reference_quality: None,
        }),
        verify_image_hash: None,
        flagged: None,
        session_image_id: None,
    }))
}

#[test]
fn a_key_is_brought_once_after_a_decision() {
    let with = |enrols_key: bool, holder: Option<&str>, set_in_client: bool| {
        let user_correlation = Correlation { set_in_client, id: holder.map(SecretText::new) };
        let request = SessionRequest { enrols_key, user_correlation, ..SessionRequest::new(Shape::New, Mode::Passive) };
        Session::new(Uuid::from_u128(1), request, at(0), Duration::from_secs(48 * 3600))
    };
    let asked = || with(true, Some("ada"), false);
    let after = |mut session: Session, outcome: AttemptOutcome| {
        session.begin_attempt(start(), at(1)).unwrap();
        session.finish_attempt(1, outcome, at(2)).unwrap();
        session
    };
    // Only for whom the app server named: what a client says of itself counts for nothing.
    for session in [with(false, Some("ada"), false), with(true, None, false), with(true, Some("ada"), true)] {
        let mut session = after(session, decided(Decision::Realface));
        assert_eq!(session.bring_key(1, at(3)), Err(KeyRefusal::NotAsked));
    }
    assert_eq!(with(true, None, false).request.check(), Err(SessionProblem::OutOfBounds("likeness.enrolKey")));
    assert_eq!(asked().request.check(), Ok(()));
    // Only after a decision, of this attempt, while the token holds.
    assert_eq!(asked().bring_key(1, at(3)), Err(KeyRefusal::NoDecision));
    let mut failed = after(asked(), AttemptOutcome::Failed(AttemptCode::TimedOut));
    assert_eq!(failed.bring_key(1, at(3)), Err(KeyRefusal::NoDecision));
    let mut done = after(asked(), decided(Decision::Realface));
    assert_eq!(done.bring_key(2, at(3)), Err(KeyRefusal::NoDecision));
    assert_eq!(done.bring_key(1, at(600)), Err(KeyRefusal::TokenExpired));
    assert_eq!(done.tail_for_key(1, at(3)), Ok([0xab; 32]));
    // Once, and it is kept that it was.
    assert_eq!((done.key(), done.bring_key(1, at(3)), done.key()), (KeyStage::None, Ok(true), KeyStage::Enrolled));
    let mut back = Session::from_bytes(done.to_bytes().unwrap().expose()).unwrap();
    assert_eq!(back, done);
    assert_eq!(back.bring_key(1, at(3)), Err(KeyRefusal::Brought));
    back = after(asked(), decided(Decision::Realface));
    assert_eq!(back.key(), KeyStage::None);
    // Nor is it for a live person who is another one than the reference.
    let AttemptOutcome::Succeeded(mut result) = decided(Decision::Realface) else { unreachable!() };
    result.verify.as_mut().unwrap().is_identical = false;
    let mut other = after(asked(), AttemptOutcome::Succeeded(result));
    assert_eq!((other.bring_key(1, at(3)), other.key()), (Ok(false), KeyStage::Dropped));
    // Without a live person none is enrolled, and the device learns nothing of it.
    for decision in [Decision::Uncertain, Decision::Spoofface] {
        let mut session = after(asked(), decided(decision));
        assert_eq!((session.bring_key(1, at(3)), session.key()), (Ok(false), KeyStage::Dropped), "{decision:?}");
        assert_eq!(session.bring_key(1, at(3)), Err(KeyRefusal::Brought));
    }
}

#[test]
fn who_confirms_with_a_key_has_more_time() {
    for (offers_keys, seconds) in [(false, 60), (true, 90)] {
        let mut session = session(1);
        session.begin_attempt(AttemptStart { offers_keys, ..start() }, at(0)).unwrap();
        assert!(session.running(at(seconds)).is_some() && session.running(at(seconds + 1)).is_none(), "{offers_keys}");
    }
}

/// What happens to a session, in a word.
#[derive(Clone, Copy, Debug)]
enum Act {
    Begin,
    Real,
    Spoof,
    Fail(AttemptCode),
    Cancel,
}

fn play(session: &mut Session, acts: &[(Act, i64)]) {
    let mut number = 0;
    for (act, second) in acts {
        let outcome = match act {
            Act::Begin => {
                number = session.begin_attempt(start(), at(*second)).unwrap();
                continue;
            }
            Act::Real => decided(Decision::Realface),
            Act::Spoof => decided(Decision::Spoofface),
            Act::Fail(code) => AttemptOutcome::Failed(*code),
            Act::Cancel => AttemptOutcome::Canceled(CancelReason::Person),
        };
        session.finish_attempt(number, outcome, at(*second)).unwrap();
    }
}

#[test]
fn the_state_follows_from_the_attempts_and_the_token() {
    use Act::{Begin, Cancel, Fail, Real, Spoof};
    use SessionStatus as New;
    use SessionStatusOld as Old;
    let timed_out = Fail(AttemptCode::TimedOut);
    let fault = Fail(AttemptCode::UnexpectedServerError);
    type Case<'a> = (&'a str, u8, &'a [(Act, i64)], i64, New, Old, u8);
    let cases: &[Case<'_>] = &[
        ("nobody came", 1, &[], 10, New::NotStarted, Old::NotStarted, 1),
        ("nobody came in time", 1, &[], 600, New::Canceled, Old::NotStarted, 1),
        ("one is running", 1, &[(Begin, 1)], 10, New::Running, Old::Started, 0),
        ("one runs beyond the token", 1, &[(Begin, 599)], 620, New::Running, Old::Started, 0),
        ("one runs longer than any can", 1, &[(Begin, 1)], 100, New::Failed, Old::ResultAvailable, 0),
        ("a real face", 1, &[(Begin, 1), (Real, 12)], 700, New::Succeeded, Old::ResultAvailable, 0),
        ("a spoof", 3, &[(Begin, 1), (Spoof, 12)], 20, New::Succeeded, Old::ResultAvailable, 0),
        ("failed, used up", 1, &[(Begin, 1), (timed_out, 12)], 20, New::Failed, Old::ResultAvailable, 0),
        ("failed, one more", 2, &[(Begin, 1), (timed_out, 12)], 20, New::Running, Old::ResultAvailable, 1),
        ("failed, too late for more", 2, &[(Begin, 1), (timed_out, 12)], 600, New::Failed, Old::ResultAvailable, 1),
        ("failed, then running", 2, &[(Begin, 1), (timed_out, 2), (Begin, 3)], 4, New::Running, Old::Started, 0),
        (
            "failed, then real",
            2,
            &[(Begin, 1), (timed_out, 2), (Begin, 3), (Real, 9)],
            9,
            New::Succeeded,
            Old::ResultAvailable,
            0,
        ),
        ("our fault does not count", 1, &[(Begin, 1), (fault, 2)], 3, New::Running, Old::ResultAvailable, 1),
        ("given up, used up", 1, &[(Begin, 1), (Cancel, 2)], 3, New::Canceled, Old::Started, 0),
        (
            "given up and failed",
            2,
            &[(Begin, 1), (Cancel, 2), (Begin, 3), (timed_out, 4)],
            5,
            New::Failed,
            Old::ResultAvailable,
            0,
        ),
    ];
    for (name, allowed, acts, second, new, old, remaining) in cases {
        let mut session = session(*allowed);
        play(&mut session, acts);
        assert_eq!(session.status(at(*second)), *new, "{name}");
        assert_eq!(session.status_old(at(*second)), *old, "{name}");
        assert_eq!(session.remaining_attempts(), *remaining, "{name}");
        let bytes = session.to_bytes().unwrap();
        assert_eq!(Session::from_bytes(bytes.expose()), Ok(session), "{name}");
    }
}

#[test]
fn an_attempt_begins_only_when_nothing_stands_against_it() {
    use Act::{Begin, Fail, Real};
    use SessionRefusal as No;
    let notice = AttemptStart { needs_notice: true, ..start() };
    type Case<'a> = (&'a str, &'a [(Act, i64)], AttemptStart, i64, Result<u8, No>);
    let cases: &[Case<'_>] = &[
        ("the first", &[], start(), 1, Ok(1)),
        ("at the last moment", &[], start(), 599, Ok(1)),
        ("too late for the token", &[], start(), 600, Err(No::TokenExpired)),
        ("too late for the session", &[], start(), 48 * 3600, Err(No::SessionExpired)),
        ("without the notice", &[], notice, 1, Err(No::NoticeNotAccepted)),
        ("while one is running", &[(Begin, 1)], start(), 30, Err(No::AttemptInProgress)),
        ("after one that nobody ended", &[(Begin, 1)], start(), 62, Ok(2)),
        ("after a failed one", &[(Begin, 1), (Fail(AttemptCode::TimedOut), 2)], start(), 3, Ok(2)),
        (
            "after two failed ones",
            &[(Begin, 1), (Fail(AttemptCode::TimedOut), 2), (Begin, 3), (Fail(AttemptCode::ProtocolBroken), 4)],
            start(),
            5,
            Err(No::NoAttemptsLeft),
        ),
        ("after a decision", &[(Begin, 1), (Real, 2)], start(), 3, Err(No::NoAttemptsLeft)),
    ];
    for (name, acts, start, second, expected) in cases {
        let mut session = session(2);
        play(&mut session, acts);
        assert_eq!(session.begin_attempt(start.clone(), at(*second)), *expected, "{name}");
    }
}

#[test]
fn faults_of_the_server_do_not_count_but_have_an_end() {
    // Each text as long as it may be, of characters that are written with six.
    let long = |length: usize| SecretText::new("\u{1}".repeat(length));
    let mut start = start();
    start.origin.client_request_id = Some(long(9_999));
    start.origin.user_agent = Some(long(9_999));
    start.origin.client_address = Some(long(9_999));
    start.origin.device.camera = Some(Camera {
        width: 640,
        height: 480,
        label: Some(long(200)),
        facing_mode: Some("\u{1}".repeat(64)),
        frame_rate: Some(30.0),
    });
    let mut session = session(1);
    let mut begun = 0;
    while let Ok(number) = session.begin_attempt(start.clone(), at(begun)) {
        let failed = AttemptOutcome::Failed(AttemptCode::UnexpectedServerError);
        session.finish_attempt(number, failed, at(begun)).unwrap();
        begun += 1;
    }
    assert_eq!(begun, 12);
    assert!(session.to_bytes().is_ok(), "it can be stored all the same");
}

#[test]
fn an_attempt_is_ended_once_and_by_its_own_node() {
    let mut session = session(3);
    assert_eq!(session.finish_attempt(1, decided(Decision::Realface), at(1)), Err(SessionRefusal::NotThisAttempt));
    let first = session.begin_attempt(start(), at(1)).unwrap();
    assert!(session.running(at(2)).is_some_and(|attempt| attempt.running_on() == Some(NODE)));
    assert!(!session.abandon_attempt(Uuid::from_u128(8), at(2)), "another node died");
    assert!(session.abandon_attempt(NODE, at(2)));
    assert_eq!(session.remaining_attempts(), 3, "a dead node's attempt does not count");
    assert_eq!(
        session.finish_attempt(first, decided(Decision::Realface), at(3)),
        Err(SessionRefusal::NotThisAttempt),
        "a node that was taken for dead writes no result"
    );
    let second = session.begin_attempt(start(), at(4)).unwrap();
    assert_eq!(
        (second, session.finish_attempt(first, decided(Decision::Realface), at(5))),
        (2, Err(SessionRefusal::NotThisAttempt))
    );
    assert!(!session.end_overdue(at(64)));
    assert!(session.end_overdue(at(65)));
    assert_eq!(session.remaining_attempts(), 2);
}

#[test]
fn a_slow_attempt_may_run_twice_as_long() {
    let mut session = session(1);
    let mut slow = start();
    slow.origin.device = DeviceWords { slow: true, ..DeviceWords::default() };
    session.begin_attempt(slow, at(0)).unwrap();
    assert_eq!(session.status(at(105)), SessionStatus::Running);
    assert_eq!(session.status(at(106)), SessionStatus::Failed);
}

#[test]
fn the_notice_is_accepted_by_the_person_or_beforehand() {
    let mut asked = session(1);
    let needs = AttemptStart { needs_notice: true, ..start() };
    assert_eq!(asked.accept_notice(at(600)), Err(SessionRefusal::TokenExpired));
    asked.accept_notice(at(5)).unwrap();
    asked.accept_notice(at(9)).unwrap();
    assert_eq!(asked.notice_accepted_at(), Some(at(5)));
    assert_eq!(asked.begin_attempt(needs.clone(), at(10)), Ok(1));

    let request = SessionRequest { notice_accepted: true, ..SessionRequest::new(Shape::New, Mode::Passive) };
    let mut before = Session::new(Uuid::nil(), request, at(0), Duration::from_secs(60));
    assert_eq!(before.begin_attempt(needs, at(10)), Ok(1));
    assert_eq!(before.token_expires_at, at(60), "no token outlives its session");
}

#[test]
fn a_correlation_id_is_taken_from_the_first_client_that_may_set_it() {
    let says = |id: &str| AttemptStart { device_correlation_id: Some(SecretText::new(id)), ..start() };
    let id = |session: &Session| session.request.device_correlation.id.as_ref().map(|id| id.expose().to_owned());

    let mut fixed = session(3);
    fixed.request.device_correlation.id = Some(SecretText::new("given"));
    fixed.begin_attempt(says("other"), at(1)).unwrap();
    assert_eq!(id(&fixed).as_deref(), Some("given"));

    let mut open = session(3);
    open.request.device_correlation.set_in_client = true;
    for (said, second, known) in [("", 1, None), ("first", 2, Some("first")), ("second", 3, Some("first"))] {
        let number = open.begin_attempt(says(said), at(second)).unwrap();
        open.finish_attempt(number, AttemptOutcome::Failed(AttemptCode::UnexpectedServerError), at(second)).unwrap();
        assert_eq!(id(&open).as_deref(), known);
    }
}

fn everything() -> Session {
    let mut session = session(3);
    session.request.model_version = ModelVersion::Preview06;
    session.request.verify = Some(VerifyRequest {
        threshold: 0.5,
        returns_image_hash: true,
        image_hash: Some(SecretText::new("c0ffee".repeat(11)[..64].to_owned())),
        reference: ReferenceSource::Picture { face_rectangle: Rectangle::default(), quality: Quality::High },
    });
    session.request.device_correlation =
        Correlation { set_in_client: false, id: Some(SecretText::new("correlated-device")) };
    session.request.expected_address = Some(SecretText::new("203.0.113.0/24"));
    let mut first = start();
    first.origin.client_address = Some(SecretText::new("203.0.113.7"));
    first.origin.user_agent = Some(SecretText::new("Agent ".repeat(100)));
    let number = session.begin_attempt(first, at(1)).unwrap();
    session.finish_attempt(number, decided(Decision::Uncertain), at(20)).unwrap();
    session
}

#[test]
fn a_session_is_written_and_read_again() {
    let session = everything();
    let bytes = session.to_bytes().unwrap();
    assert_eq!(Session::from_bytes(bytes.expose()), Ok(session.clone()));
    assert!(!session.request.expects_reference());
    let printed = format!("{session:?}");
    for secret in ["203.0", "correlated", "Agent", "c0ffee", "0.875"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
    let agent = session.attempts()[0].origin.user_agent.as_ref().unwrap();
    assert_eq!(agent.expose().len(), 256, "what is too long is cut");
}

#[test]
fn what_is_no_session_is_refused() {
    let bytes = everything().to_bytes().unwrap();
    let text = String::from_utf8(bytes.expose().clone()).unwrap();
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        Session::from_bytes(text.replacen(from, to, 1).as_bytes())
    };
    assert_eq!(changed("\"format\":1", "\"format\":2"), Err(SessionProblem::Newer(2)));
    assert_eq!(changed("\"format\":1", "\"format\":\"1\""), Err(SessionProblem::Damaged));
    assert_eq!(
        changed("\"threshold\":0.5", "\"threshold\":1.5"),
        Err(SessionProblem::OutOfBounds("verifyConfidenceThreshold"))
    );
    assert_eq!(
        changed("\"attemptsAllowed\":3", "\"attemptsAllowed\":4"),
        Err(SessionProblem::OutOfBounds("numberOfClientAttemptsAllowed"))
    );
    assert_eq!(changed("\"id\":1,", "\"id\":2,"), Err(SessionProblem::Damaged));
    assert_eq!(changed("\"format\":1", "\"format\":1,\"later\":true").map(|_| ()), Ok(()));
    assert_eq!(Session::from_bytes(&vec![b' '; 140_000]), Err(SessionProblem::TooLong));
    for end in 0..text.len() {
        assert!(Session::from_bytes(&text.as_bytes()[..end]).is_err(), "cut at {end}");
    }
}

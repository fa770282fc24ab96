//! The device protocol's messages, exactly as its page writes them.

use likeness_liveness::message::{
    Assertion, AttemptEnd, AttemptStatus, Attestation, Camera, CancelReason, ColourFor, DeviceWords, Direction, End,
    ErrorMessage, FrameMetadata, FromDevice, FromServer, Hello, Hint, MessageProblem, Metadata, NewKey, Oval, Prompt,
    Ready, RequestedOutcome, ResultMessage, Screen, Shown, StepMessage,
};
use likeness_liveness::{AttemptCode, FrameHead, Mode, Octets, SecretText};
use uuid::Uuid;

fn hello() -> Hello {
    Hello {
        token: SecretText::new("ey.token"),
        device: DeviceWords {
            camera: Some(Camera {
                width: 640,
                height: 480,
                label: Some(SecretText::new("Ada's camera")),
                facing_mode: Some("user".to_owned()),
                frame_rate: Some(29.97),
            }),
            screen: Some(Screen { width: 390, height: 844 }),
            without_light: true,
            slow: false,
            recording: false,
        },
        reference: false,
        device_correlation_id: Some(SecretText::new("device-7")),
        user_correlation_id: None,
        attestation: Some(Attestation { kind: "device".to_owned(), id: "door-1".to_owned() }),
    }
}

fn assertion() -> Assertion {
    Assertion {
        id: Octets::new(&[1, 2, 3]).unwrap(),
        client_data: Octets::new(b"{}").unwrap(),
        authenticator_data: Octets::new(&[0, 0]).unwrap(),
        signature: Octets::new(&[0xff]).unwrap(),
    }
}

#[test]
fn messages_of_a_device_are_written_and_read_as_the_page_says() {
    let cases = [
        (
            FromDevice::Hello(Box::new(hello())),
            r#"{"type":"hello","token":"ey.token","camera":{"width":640,"height":480,"label":"Ada's camera","facingMode":"user","frameRate":29.97},"screen":{"width":390,"height":844},"withoutLight":true,"slow":false,"recording":false,"reference":false,"deviceCorrelationId":"device-7","attestation":{"type":"device","id":"door-1"}}"#,
        ),
        (FromDevice::Shown(Shown { step: 3, t: 1234.5 }), r#"{"type":"shown","step":3,"t":1234.5}"#),
        (
            FromDevice::End(End { count: 93, tail: [0xff; 32], signature: None, assertion: None, evidence: None }),
            r#"{"type":"end","count":93,"tail":"__________________________________________8"}"#,
        ),
        (
            FromDevice::End(End {
                count: 1,
                tail: [0; 32],
                signature: None,
                assertion: Some(Box::new(assertion())),
                evidence: None,
            }),
            r#"{"type":"end","count":1,"tail":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","assertion":{"id":"AQID","clientData":"e30","authenticatorData":"AAA","signature":"_w"}}"#,
        ),
        (
            FromDevice::End(End { count: 0, tail: [0; 32], signature: Some([1; 64]), assertion: None, evidence: None }),
            r#"{"type":"end","count":0,"tail":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","signature":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ"}"#,
        ),
        (FromDevice::Cancel { reason: CancelReason::OtherWay }, r#"{"type":"cancel","reason":"otherWay"}"#),
    ];
    for (message, json) in cases {
        assert_eq!(message.to_json(), json);
        assert_eq!(FromDevice::parse(json), Ok(message), "{json}");
    }
}

#[test]
fn messages_of_the_server_are_written_and_read_as_the_page_says() {
    let session_id = Uuid::parse_str("0f8fad5b-d9cb-469f-a165-70867728950e").unwrap();
    let oval = Oval { x: 0.25, y: 0.125, width: 0.5, height: 0.75 };
    let step = |step, prompt| FromServer::Step(StepMessage { step, prompt });
    let white = ColourFor { colour: "#ffffff".to_owned(), milliseconds: 500 };
    let cases = [
        (
            FromServer::Ready(Box::new(Ready {
                session_id,
                attempt_id: 1,
                remaining_attempts: 2,
                mode: Mode::Passive,
                nonce: [0; 16],
                frames_per_second: 10,
                width: 640,
                height: 480,
                jpeg_quality: 0.85,
                most_frame_bytes: 262_144,
                most_frames: 450,
                seconds: 45,
                reference: false,
                keys: Vec::new(),
            })),
            r#"{"type":"ready","sessionId":"0f8fad5b-d9cb-469f-a165-70867728950e","attemptId":1,"remainingAttempts":2,"mode":"Passive","nonce":"AAAAAAAAAAAAAAAAAAAAAA","framesPerSecond":10,"width":640,"height":480,"jpegQuality":0.85,"mostFrameBytes":262144,"mostFrames":450,"seconds":45,"reference":false}"#,
        ),
        (
            step(1, Prompt::Settle { oval, colours: Some(vec![white]) }),
            r##"{"type":"step","step":1,"kind":"settle","oval":{"x":0.25,"y":0.125,"width":0.5,"height":0.75},"colours":[{"colour":"#ffffff","milliseconds":500}]}"##,
        ),
        (
            step(1, Prompt::Settle { oval, colours: None }),
            r#"{"type":"step","step":1,"kind":"settle","oval":{"x":0.25,"y":0.125,"width":0.5,"height":0.75}}"#,
        ),
        (
            step(2, Prompt::Light { colour: "#ff5a5a".to_owned(), milliseconds: 640 }),
            r##"{"type":"step","step":2,"kind":"light","colour":"#ff5a5a","milliseconds":640}"##,
        ),
        (
            step(3, Prompt::Near { oval }),
            r#"{"type":"step","step":3,"kind":"near","oval":{"x":0.25,"y":0.125,"width":0.5,"height":0.75}}"#,
        ),
        (
            step(4, Prompt::Turn { direction: Direction::Left }),
            r#"{"type":"step","step":4,"kind":"turn","direction":"left"}"#,
        ),
        (
            step(5, Prompt::Hold { milliseconds: 1_000 }),
            r#"{"type":"step","step":5,"kind":"hold","milliseconds":1000}"#,
        ),
        (FromServer::Hint { hint: Hint::IntoOval }, r#"{"type":"hint","hint":"intoOval"}"#),
        (FromServer::Finish, r#"{"type":"finish"}"#),
        (
            FromServer::Result(ResultMessage {
                status: AttemptStatus::Succeeded,
                digest: "AB".repeat(32),
                code: None,
                remaining_attempts: 0,
                response: None,
            }),
            r#"{"type":"result","status":"Succeeded","digest":"ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB","remainingAttempts":0}"#,
        ),
        (
            FromServer::Error(ErrorMessage {
                code: AttemptCode::TimedOut.as_text().to_owned(),
                message: AttemptCode::TimedOut.message().to_owned(),
                may_retry: true,
                retry_after_seconds: None,
            }),
            r#"{"type":"error","code":"TimedOut","message":"The time was over. Try again.","mayRetry":true}"#,
        ),
        (
            FromServer::Error(ErrorMessage {
                code: "ServiceUnavailable".to_owned(),
                message: "busy".to_owned(),
                may_retry: true,
                retry_after_seconds: Some(5),
            }),
            r#"{"type":"error","code":"ServiceUnavailable","message":"busy","mayRetry":true,"retryAfterSeconds":5}"#,
        ),
    ];
    for (message, json) in cases {
        assert_eq!(message.to_json(), json);
        assert_eq!(FromServer::parse(json), Ok(message), "{json}");
    }
}

#[test]
fn strangers_texts_are_bounded() {
    let long =
        |member: &str, length: usize| format!(r#"{{"type":"hello","token":"t","{member}":"{}"}}"#, "x".repeat(length));
    let camera = |members: &str| format!(r#"{{"type":"hello","token":"t","camera":{{{members}}}}}"#);
    let out = |member| Err(MessageProblem::OutOfBounds(member));
    let umlauts = "ä".repeat(200);
    let cases = [
        (r#"{"type":"hello","token":"t"}"#.to_owned(), Ok(())),
        (r#"{"type":"hello","token":"t","novel":{"deep":[1]},"camera":null}"#.to_owned(), Ok(())),
        (long("deviceCorrelationId", 64), Ok(())),
        (long("deviceCorrelationId", 65), out("deviceCorrelationId")),
        (long("userCorrelationId", 65), out("userCorrelationId")),
        (long("other", 8_200), Err(MessageProblem::TooLong)),
        (long("other", 8_000), Ok(())),
        (camera(&format!(r#""width":640,"height":480,"label":"{umlauts}""#)), Ok(())),
        (camera(&format!(r#""width":640,"height":480,"label":"{umlauts}x""#)), out("camera.label")),
        (camera(r#""width":0,"height":480"#), out("camera")),
        (camera(r#""width":640,"height":480,"frameRate":-1"#), out("camera.frameRate")),
        (camera(r#""width":640,"height":480,"frameRate":1e400"#), Err(MessageProblem::Malformed)),
        (camera(r#""width":-1,"height":480"#), Err(MessageProblem::Malformed)),
        (r#"{"type":"shown","step":1,"t":-1}"#.to_owned(), out("t")),
        (r#"{"type":"shown","step":65536,"t":1}"#.to_owned(), Err(MessageProblem::Malformed)),
        (format!(r#"{{"type":"shown","step":1,"t":1,"x":"{}"}}"#, "x".repeat(2_100)), Err(MessageProblem::TooLong)),
        (r#"{"type":"end","count":1,"tail":"AAAA"}"#.to_owned(), Err(MessageProblem::Malformed)),
        (r#"{"type":"end","count":1}"#.to_owned(), Err(MessageProblem::Malformed)),
        (r#"{"type":"end","count":1,"tail":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}"#.to_owned(), Ok(())),
        (r#"{"type":"cancel","reason":"bored"}"#.to_owned(), Err(MessageProblem::Malformed)),
        (r#"{"type":"novel"}"#.to_owned(), Err(MessageProblem::Malformed)),
        (r#"{"step":1}"#.to_owned(), Err(MessageProblem::Malformed)),
        ("[".repeat(8_000), Err(MessageProblem::Malformed)),
        (String::new(), Err(MessageProblem::Malformed)),
    ];
    for (json, expected) in cases {
        assert_eq!(FromDevice::parse(&json).map(|_| ()), expected, "{json:.120}");
    }
}

#[test]
fn nothing_personal_is_printed() {
    let printed = format!("{:?} {:?}", hello(), assertion());
    for secret in ["ey.token", "Ada", "device-7", "1, 2, 3", "255"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn the_request_way_says_the_same() {
    let metadata = br#"{"frames":[{"seq":1,"captureMs":1234.5,"step":0,"tail":"AAAAAAAAAAAAAAAAAAAAAA"}],
        "shown":[{"step":1,"t":5.5}],"novel":1}"#;
    let metadata = Metadata::parse(metadata).unwrap();
    let frame = FrameMetadata { seq: 1, capture_ms: 1234.5, step: 0, tail: [0; 16] };
    assert_eq!(metadata, Metadata { frames: vec![frame], shown: vec![Shown { step: 1, t: 5.5 }] });
    let joined = frame.join(b"jpeg").unwrap();
    let (head, jpeg) = FrameHead::parse(&joined).unwrap();
    assert_eq!((head.seq, head.capture_ms, jpeg), (1, 1234.5, &b"jpeg"[..]));

    let eleven = format!(r#"{{"shown":[{}]}}"#, [r#"{"step":1,"t":1}"#; 11].join(","));
    assert_eq!(Metadata::parse(eleven.as_bytes()), Err(MessageProblem::OutOfBounds("shown")));
    assert_eq!(Metadata::parse(br#"{"shown":[{"step":1,"t":-1}]}"#), Err(MessageProblem::OutOfBounds("t")));
    assert_eq!(Metadata::parse(&[b' '; 9_000]), Err(MessageProblem::TooLong));
    assert_eq!(Metadata::parse(b"{}"), Ok(Metadata::default()));

    let start = Hello::parse_start(br#"{"token":"smuggled","slow":true}"#).unwrap();
    assert_eq!((start.token.expose(), start.device.slow, start.device.camera), ("", true, None));

    let end = AttemptEnd::parse(br#"{"attemptId":2,"outcome":"canceled","errorCode":"camera"}"#).unwrap();
    assert_eq!((end.attempt_id, end.outcome, end.reason()), (2, RequestedOutcome::Canceled, CancelReason::Camera));
    let end = AttemptEnd::parse(br#"{"attemptId":2,"outcome":"completed","errorCode":"?"}"#).unwrap();
    assert_eq!((end.count, end.tail, end.reason()), (None, None, CancelReason::Person));
}

#[test]
fn what_a_key_says_has_bounds() {
    let end = |id: usize, more: usize| {
        let (id, more) = ("A".repeat(id), "x".repeat(more));
        let tail = "A".repeat(43);
        format!(
            r#"{{"type":"end","count":1,"tail":"{tail}","x":"{more}","assertion":{{"id":"{id}","clientData":"e30","authenticatorData":"AAA","signature":"_w"}}}}"#
        )
    };
    let parsed = |text: String| FromDevice::parse(&text).map(|_| ());
    // 512 bytes of an id, 4 KB in all; without a key an end has 2 KB.
    assert_eq!(parsed(end(683, 0)), Ok(()));
    assert_eq!(parsed(end(687, 0)), Err(MessageProblem::Malformed));
    assert_eq!(parsed(end(0, 0)), Err(MessageProblem::Malformed));
    assert_eq!(parsed(end(4, 3_000)), Ok(()));
    assert_eq!(parsed(end(4, 4_000)), Err(MessageProblem::TooLong));
    let key = |data: usize| {
        let data = "A".repeat(data);
        NewKey::parse(format!(r#"{{"attemptId":1,"clientData":"e30=","authenticatorData":"{data}"}}"#).as_bytes())
    };
    assert_eq!(key(1_366).map(|key| key.authenticator_data.bytes().len()), Ok(1_024));
    assert_eq!(key(1_370), Err(MessageProblem::Malformed));
    assert_eq!(key(4_096), Err(MessageProblem::TooLong));
}

#[test]
fn a_time_in_decimals_is_read_to_its_last_bit_because_the_chain_hashes_it() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let capture_ms = random.f64() * 1e8;
        let frame = FrameMetadata { seq: 1, capture_ms, step: 0, tail: [0; 16] };
        let read: FrameMetadata = serde_json::from_str(&serde_json::to_string(&frame).unwrap()).unwrap();
        assert_eq!(read.capture_ms.to_bits(), capture_ms.to_bits());
    }
}

//! Every attack on the protocol, and every bound of its page, as an event that ends the attempt.

use crate::device::{Device, Forge, NONCE, SESSION, Sent, Setup, Tamper, jpeg};
use likeness_liveness::message::{CancelReason, FromServer, KeyId, PromptKind};
use likeness_liveness::{
    AttemptCode, Chain, Event, FrameHead, FrameSize, Judge, Observation, Outcome, Policy, Reaction, Reason, Rules,
};
use uuid::Uuid;

/// How an attack ends: with the first words of what is logged.
fn check(name: &str, device: Device, code: AttemptCode, what: &str) {
    let (outcome, run) = device.run();
    assert_eq!(outcome, Outcome::Failed(code), "{name}: {:?}", run.breach);
    let breach = run.breach.unwrap();
    assert!(breach.what.starts_with(what), "{name}: {}", breach.what);
    assert_eq!(breach.code, code);
}

/// At the frame with this number.
fn at(seq: u32, mut change: impl FnMut(&mut Vec<Sent>) + 'static) -> Tamper {
    Box::new(move |out| {
        if matches!(out.first(), Some(Sent::Frame(head, _)) if head.seq == seq) {
            change(out);
        }
    })
}

fn frames(out: &[Sent]) -> Vec<Sent> {
    out.iter().filter(|sent| matches!(sent, Sent::Frame(..))).cloned().collect()
}

#[test]
fn what_happens_to_frames_on_the_way_is_noticed() {
    let other_session = || {
        let mut chain = Chain::begin(Uuid::from_u128(99), &NONCE);
        let mut head = FrameHead { seq: 30, capture_ms: 7_930.0, step: 1, tail: [0; 16] };
        chain.extend(&mut head, b"foreign");
        Sent::Frame(head, jpeg(640, 480, b"foreign"))
    };
    let mut kept: Vec<Sent> = Vec::new();
    let cases: Vec<(&str, Tamper, &str)> = vec![
        ("lost", at(30, Vec::clear), "frames are out of order"),
        ("repeated", at(30, |out| out.extend(frames(out))), "frames are out of order"),
        (
            "two in the wrong order",
            Box::new(move |out| match out.first() {
                Some(Sent::Frame(head, _)) if head.seq == 30 => kept.append(out),
                Some(Sent::Frame(head, _)) if head.seq == 31 => out.append(&mut kept),
                _ => {}
            }),
            "frames are out of order",
        ),
        ("of another session", at(30, move |out| *out = vec![other_session()]), "a frame"),
        (
            "another picture",
            at(30, |out| {
                if let Some(Sent::Frame(_, picture)) = out.first_mut() {
                    *picture = jpeg(640, 480, b"other");
                }
            }),
            "a frame does not continue the chain",
        ),
        (
            "one bit of the tail",
            at(30, |out| {
                if let Some(Sent::Frame(head, _)) = out.first_mut() {
                    head.tail[15] ^= 1;
                }
            }),
            "a frame does not continue the chain",
        ),
        (
            "another time",
            at(30, |out| {
                if let Some(Sent::Frame(head, _)) = out.first_mut() {
                    head.capture_ms += 1.0;
                }
            }),
            "a frame does not continue the chain",
        ),
    ];
    for (name, tamper, what) in cases {
        let mut device = Device::new(&Setup::default());
        device.tamper = tamper;
        check(name, device, AttemptCode::ProtocolBroken, what);
    }
}

#[test]
fn the_owner_of_a_device_is_held_to_order_time_and_bounds() {
    let cases: Vec<(&str, Forge, &str)> = vec![
        ("a number twice", Box::new(|head, _| head.seq -= u32::from(head.seq == 20)), "frames are out of order"),
        ("a time twice", Box::new(|head, _| head.capture_ms -= if head.seq == 20 { 100.0 } else { 0.0 }), "captureMs"),
        (
            "a step that was not sent",
            Box::new(|head, _| head.step += u16::from(head.seq == 20)),
            "a frame names a step",
        ),
        ("a step long gone", Box::new(|head, _| head.step = head.step.min(1)), "a frame names a step"),
        (
            "back to the step before",
            Box::new({
                let mut latest = 0;
                move |head, _| {
                    if head.step == 3 && latest == 3 {
                        head.step = 2;
                    }
                    latest = head.step;
                }
            }),
            "a frame names a step",
        ),
        (
            "too many bytes",
            Box::new(|head, jpeg| jpeg.resize(if head.seq == 20 { 262_145 } else { 100 }, 0)),
            "a frame has too many bytes",
        ),
        (
            "too many pixels",
            Box::new(|head, picture| {
                if head.seq == 20 {
                    *picture = jpeg(1281, 720, b"")
                }
            }),
            "a frame has too many pixels",
        ),
        (
            "no JPEG",
            Box::new(|head, picture| {
                if head.seq == 20 {
                    *picture = b"\x89PNG\r\n\x1a\n".to_vec()
                }
            }),
            "a frame is no JPEG",
        ),
        (
            "no time",
            Box::new(|head, _| {
                if head.seq == 20 {
                    head.capture_ms = f64::NAN
                }
            }),
            "a binary message is no frame",
        ),
        (
            "a leap ahead",
            Box::new(|head, _| {
                if head.seq >= 40 {
                    head.capture_ms += 800.0
                }
            }),
            "the device's clock",
        ),
        (
            "a long way back",
            Box::new(|head, _| head.capture_ms -= if head.seq == 40 { 4_000.0 } else { 0.0 }),
            "captureMs",
        ),
        ("24 MB", Box::new(|_, jpeg| jpeg.resize(262_000, 0)), "too many bytes"),
    ];
    for (name, forge, what) in cases {
        let mut device = Device::new(&Setup::default());
        device.forge = forge;
        if name == "24 MB" {
            device.person = Box::new(|seen, _, _| seen.faces = 2);
        }
        check(name, device, AttemptCode::ProtocolBroken, what);
    }
}

#[test]
fn a_clock_that_runs_too_fast_or_too_slow_is_noticed_and_a_real_one_is_not() {
    for (rate, is_broken) in
        [(1.1, true), (0.9, true), (1.05, true), (0.94, true), (1.01, false), (0.99, false), (1.0005, false)]
    {
        for latency in [10, 60, 400] {
            let mut device = Device::new(&Setup::default());
            (device.rate, device.latency) = (rate, latency);
            // The person takes time, so that there is some to measure by.
            device.person = Box::new(|seen, prompt, since| {
                if seen.seq < 210 {
                    seen.faces = 2;
                }
                crate::device::willing(seen, prompt, since);
            });
            let (outcome, run) = device.run();
            let what = run.breach.map(|breach| breach.what);
            assert_eq!(
                what == Some("the device's clock does not run as the server's does"),
                is_broken,
                "{rate} {latency}: {what:?}"
            );
            assert_eq!(matches!(outcome, Outcome::Evidence(_)), !is_broken, "{rate} {latency}: {what:?}");
        }
    }
}

#[test]
fn frames_come_ten_a_second_and_450_in_all() {
    let mut fast = Device::new(&Setup::default());
    fast.frame_gap = 50;
    check("twice as many", fast, AttemptCode::ProtocolBroken, "too many frames a second");

    let mut slow = Device::new(&Setup { slow: true, ..Setup::default() });
    slow.frame_gap = 100;
    check("five a second are enough for a slow one", slow, AttemptCode::ProtocolBroken, "too many frames a second");

    // Just within the rate, beyond the number.
    let mut many = Device::new(&Setup { slow: true, ..Setup::default() });
    many.frame_gap = 170;
    many.person = Box::new(|seen, _, _| seen.faces = 2);
    let mut policy = Policy::default();
    policy.settle.patience_ms = 45_000;
    many.capture = crate::device::capture(&Setup { slow: true, policy, ..Setup::default() });
    check("451", many, AttemptCode::ProtocolBroken, "too many frames");
}

#[test]
fn a_step_is_shown_when_it_was_sent_and_once() {
    let shown = |change: fn(&mut u16, &mut f64)| -> Tamper {
        Box::new(move |out| {
            for sent in out {
                if let Sent::Shown { step: step @ 3, t } = sent {
                    change(step, t);
                }
            }
        })
    };
    let twice: Tamper = Box::new(|out| {
        if let Some(shown @ Sent::Shown { step: 3, .. }) = out.first().cloned() {
            out.push(shown);
        }
    });
    let broken = AttemptCode::ProtocolBroken;
    let cases: Vec<(&str, Tamper, AttemptCode, &str)> = vec![
        ("the next, before it was sent", shown(|step, _| *step = 4), broken, "a step is shown that was not sent"),
        ("the one before, again", shown(|step, _| *step = 2), broken, "a step is shown that was not sent"),
        ("none", shown(|step, _| *step = 0), broken, "a step is shown that was not sent"),
        ("twice", twice, broken, "a step is shown that was not sent"),
        ("half a second before it was sent", shown(|_, t| *t -= 500.0), broken, "a step was shown before it was sent"),
        ("before the step before", shown(|_, t| *t = 1.0), broken, "a step was shown before it was sent"),
        ("in the future", shown(|_, t| *t += 2_000.0), broken, "a step was shown before it was sent"),
        ("at no time", shown(|_, t| *t = f64::NAN), broken, "the time of a step is none"),
        (
            "never",
            Box::new(|out| out.retain(|sent| !matches!(sent, Sent::Shown { step: 3, .. }))),
            broken,
            "a frame names a step",
        ),
    ];
    for (name, tamper, code, what) in cases {
        let mut device = Device::new(&Setup::default());
        device.tamper = tamper;
        check(name, device, code, what);
    }
    let mut device = Device::new(&Setup::default());
    device.tamper = Box::new(|out| out.retain(|sent| !matches!(sent, Sent::Shown { step: 3, .. })));
    device.forge = Box::new(|head, _| head.step = head.step.min(2));
    check("not within five seconds", device, AttemptCode::TimedOut, "a step is not shown");
}

#[test]
fn a_frame_of_a_step_was_taken_after_the_step_was_shown() {
    // The device claims the new step for a picture that it took before.
    let mut device = Device::new(&Setup::default());
    device.tamper = Box::new(|out| {
        for sent in out {
            if let Sent::Shown { step: 4, t } = sent {
                *t += 450.0;
            }
        }
    });
    check("stored pictures", device, AttemptCode::ProtocolBroken, "a frame names a step");
}

#[test]
fn the_step_before_is_named_for_a_second_at_most() {
    for (frames, is_broken) in [(5, false), (13, true)] {
        let mut device = Device::new(&Setup { without_light: true, ..Setup::default() });
        let mut late = 0;
        device.forge = Box::new(move |head, _| {
            if head.step == 2 && late < frames {
                (late, head.step) = (late + 1, 1);
            }
        });
        let (_, run) = device.run();
        let what = run.breach.map(|breach| breach.what);
        assert_eq!(what == Some("a frame names a step that was not on the screen"), is_broken, "{frames}: {what:?}");
    }
}

#[test]
fn the_end_names_all_frames_and_their_hash() {
    let end = |change: fn(&mut u32, &mut [u8; 32])| -> Tamper {
        Box::new(move |out| {
            for sent in out {
                if let Sent::End { count, tail } = sent {
                    change(count, tail);
                }
            }
        })
    };
    let what = "the end is not that of the frames";
    let cases: Vec<(&str, Tamper, AttemptCode, &str)> = vec![
        ("one frame less", end(|count, _| *count -= 1), AttemptCode::ProtocolBroken, what),
        ("a wrong hash", end(|_, tail| tail[31] ^= 1), AttemptCode::ProtocolBroken, what),
        (
            "the beginning's hash",
            end(|_, tail| *tail = *Chain::begin(SESSION, &NONCE).tail()),
            AttemptCode::ProtocolBroken,
            what,
        ),
        (
            "no end",
            Box::new(|out| out.retain(|sent| !matches!(sent, Sent::End { .. }))),
            AttemptCode::TimedOut,
            "the end does not come",
        ),
    ];
    for (name, tamper, code, what) in cases {
        let mut device = Device::new(&Setup::default());
        device.tamper = tamper;
        check(name, device, code, what);
    }
}

/// People who confirm with a finger, a face or a PIN need more than the five seconds of a program; the time of the attempt
/// itself is not theirs.
#[test]
fn who_confirms_with_a_key_has_half_a_minute() {
    for (keys, seconds) in [(0, 5), (2, 30)] {
        let mut device = Device::new(&Setup::default());
        let keys: Vec<KeyId> = (0..keys).map(|id| KeyId::new(&[id]).unwrap()).collect();
        device.capture = device.capture.offering_keys(keys.clone());
        device.tamper = Box::new(|out| out.retain(|sent| !matches!(sent, Sent::End { .. })));
        let (outcome, run) = device.run();
        assert_eq!(outcome, Outcome::Failed(AttemptCode::TimedOut));
        let FromServer::Ready(ready) = &run.heard[0].1 else { panic!("the first message is ready") };
        assert_eq!(ready.keys, keys);
        let finish = run.heard.iter().find(|(_, message)| *message == FromServer::Finish).unwrap().0;
        assert_eq!((run.took - finish) / 1_000, seconds);
    }
}

#[test]
fn time_has_an_end() {
    let mut silent = Device::new(&Setup::default());
    silent.tamper = Box::new(|out| out.retain(|sent| !matches!(sent, Sent::Frame(head, _) if head.seq > 20)));
    check("no frames for five seconds", silent, AttemptCode::TimedOut, "no frame comes");

    let mut never = Device::new(&Setup::default());
    never.tamper = Box::new(Vec::clear);
    check("no frames at all", never, AttemptCode::TimedOut, "no frame comes");

    let mut device = Device::new(&Setup { expects_reference: true, ..Setup::default() });
    device.tamper = Box::new(Vec::clear);
    check("no reference picture", device, AttemptCode::TimedOut, "the attempt takes too long");

    for (slow, longest) in [(false, 45_000), (true, 90_000)] {
        let mut policy = Policy::default();
        policy.settle.patience_ms = 60_000;
        let setup = Setup { slow, policy, ..Setup::default() };
        let mut device = Device::new(&setup);
        device.frame_gap *= 2;
        device.person = Box::new(|seen, _, _| seen.faces = 0);
        let (outcome, run) = device.run();
        assert_eq!((outcome, run.took), (Outcome::Failed(AttemptCode::TimedOut), longest));
    }
}

/// A device that does nothing by itself.
fn still() -> Device {
    let mut device = Device::new(&Setup::default());
    device.now = 1_000;
    device
}

fn first_frame() -> Vec<u8> {
    let mut chain = Chain::begin(SESSION, &NONCE);
    let mut head = FrameHead { seq: 1, capture_ms: 1.0, step: 0, tail: [0; 16] };
    let picture = jpeg(640, 480, b"first");
    chain.extend(&mut head, &picture);
    [head.to_bytes().as_slice(), &picture].concat()
}

#[test]
fn what_does_not_belong_where_it_comes_breaks_the_protocol() {
    let frame = first_frame();
    let picture = jpeg(640, 480, b"picture");
    let tail = *Chain::begin(SESSION, &NONCE).tail();
    let expects = || {
        let mut device = Device::new(&Setup { expects_reference: true, ..Setup::default() });
        device.now = 1_000;
        device
    };
    use AttemptCode::{NoFaceDetected, ProtocolBroken, ReferenceRefused, TimedOut};
    type Events<'a> = Vec<Event<'a>>;
    let cases: Vec<(&str, Device, Events<'_>, AttemptCode)> = vec![
        ("a reference that nobody expects", still(), vec![Event::Reference { bytes: 5 }], ProtocolBroken),
        ("a frame before the reference", expects(), vec![Event::Frame { bytes: &frame }], ProtocolBroken),
        ("a step before the reference", expects(), vec![Event::Shown { step: 1, t: 1.0 }], ProtocolBroken),
        ("too large a reference", expects(), vec![Event::Reference { bytes: 6 * 1024 * 1024 + 1 }], ProtocolBroken),
        (
            "a second reference",
            expects(),
            vec![Event::Reference { bytes: 5 }, Event::Reference { bytes: 5 }],
            ProtocolBroken,
        ),
        (
            "a refused reference",
            expects(),
            vec![Event::Reference { bytes: 5 }, Event::ReferenceRefused],
            ReferenceRefused,
        ),
        ("no frame", still(), vec![Event::Frame { bytes: b"short" }], ProtocolBroken),
        (
            "a frame that cannot be decoded",
            still(),
            vec![Event::Frame { bytes: &frame }, Event::Undecodable { seq: 1 }],
            ProtocolBroken,
        ),
        (
            "a chained frame after a picture",
            still(),
            vec![Event::Picture { jpeg: &picture }, Event::Frame { bytes: &frame }],
            ProtocolBroken,
        ),
        (
            "a picture after a chained frame",
            still(),
            vec![Event::Frame { bytes: &frame }, Event::Picture { jpeg: &picture }],
            ProtocolBroken,
        ),
        (
            "a step among pictures",
            still(),
            vec![Event::Picture { jpeg: &picture }, Event::Shown { step: 1, t: 1.0 }],
            ProtocolBroken,
        ),
        (
            "a hash for pictures",
            still(),
            vec![Event::Picture { jpeg: &picture }, Event::End { count: 1, tail }],
            ProtocolBroken,
        ),
        (
            "an end of pictures for frames",
            still(),
            vec![Event::Frame { bytes: &frame }, Event::EndOfPictures],
            ProtocolBroken,
        ),
        ("an end without anything", still(), vec![Event::EndOfPictures], NoFaceDetected),
        ("an end before the steps", still(), vec![Event::End { count: 0, tail }], TimedOut),
    ];
    for (name, mut device, events, code) in cases {
        for event in events {
            device.handle(event);
        }
        assert_eq!(device.breach.map(|breach| breach.code), Some(code), "{name}: {:?}", device.breach);
        assert_eq!(device.capture.into_outcome(), Outcome::Failed(code), "{name}");
    }
}

#[test]
fn no_device_gets_an_attempt_for_nothing() {
    // A fault of the server does not count, so a device must not be able to make it look like one.
    let mut early = still();
    let frame = first_frame();
    assert!(matches!(early.handle(Event::Frame { bytes: &frame }), Some(Reaction::Analyse { .. })));
    let mut chain = Chain::begin(SESSION, &NONCE);
    let (head, picture) = FrameHead::parse(&frame).unwrap();
    chain.push(&head, picture).unwrap();
    early.handle(Event::End { count: 1, tail: *chain.tail() });
    assert_eq!(early.breach.map(|breach| breach.code), Some(AttemptCode::TimedOut), "it left before anything was seen");

    // Nothing while the person keeps still: frames of those steps are never sent.
    let mut gaps = Device::new(&Setup { without_light: true, ..Setup::default() });
    gaps.skips = |prompt| prompt.kind() == PromptKind::Hold;
    check("no frames of a hold", gaps, AttemptCode::TimedOut, "nothing was seen");
}

#[test]
fn giving_up_is_no_breach_and_nothing_comes_after_it() {
    let mut device = still();
    assert_eq!(device.handle(Event::Cancel { reason: CancelReason::OtherWay }), Some(Reaction::Nothing));
    assert!(device.capture.is_over() && device.capture.wake_at().is_none());
    assert_eq!(device.handle(Event::Frame { bytes: b"late" }), Some(Reaction::Nothing));
    assert!(device.capture.poll_message().is_none());
    assert_eq!(device.capture.into_outcome(), Outcome::Canceled(CancelReason::OtherWay));
    assert_eq!(still().capture.into_outcome(), Outcome::Failed(AttemptCode::TimedOut), "the device is gone");
}

#[test]
fn an_early_end_tells_what_was_missing() {
    let mut device = Device::new(&Setup { without_light: true, ..Setup::default() });
    device.person = Box::new(|_, _, _| {});
    while !device
        .heard
        .iter()
        .any(|(_, message)| matches!(message, FromServer::Step(step) if step.prompt.kind() == PromptKind::Turn))
    {
        device.tick();
    }
    let (count, tail) = device.deliver();
    device.handle(Event::End { count, tail });
    assert_eq!(device.breach.map(|breach| breach.code), Some(AttemptCode::ActionNotCompleted));
}

#[test]
fn observations_that_nobody_asked_for_are_dropped() {
    let mut device = still();
    let frame = first_frame();
    assert!(matches!(device.handle(Event::Frame { bytes: &frame }), Some(Reaction::Analyse { seq: 1, step: 0, .. })));
    let seen = |seq, size| Observation { seq, capture_ms: 0.0, step: 7, size, faces: 0, face: None };
    let size = FrameSize { width: 640, height: 480 };
    for seq in [0, 2, 77, u32::MAX] {
        assert_eq!(
            device.handle(Event::Observed(seen(seq, FrameSize { width: 9_999, height: 1 }))),
            Some(Reaction::Nothing)
        );
    }
    assert_eq!(device.handle(Event::Observed(seen(1, size))), Some(Reaction::Nothing));
    assert_eq!(
        device.handle(Event::Observed(seen(1, FrameSize { width: 9_999, height: 1 }))),
        Some(Reaction::Nothing),
        "twice"
    );
    assert!(device.breach.is_none());
}

#[test]
fn pictures_without_a_chain_are_judged_and_never_found_live() {
    let mut device = still();
    for second in 0..3 {
        device.now = 1_000 + second * 1_000;
        for number in 0..10_u8 {
            let picture = jpeg(640, 480, &[second as u8, number]);
            let Some(Reaction::Analyse { seq, .. }) = device.handle(Event::Picture { jpeg: &picture }) else {
                continue;
            };
            let face = crate::device::face(None);
            let size = FrameSize { width: 640, height: 480 };
            device.handle(Event::Observed(Observation {
                seq,
                capture_ms: 0.0,
                step: 0,
                size,
                faces: 1,
                face: Some(face),
            }));
        }
    }
    device.now = 20_000;
    assert!(device.capture.wake_at().unwrap() > device.now, "no step is waited for");
    device.handle(Event::EndOfPictures);
    assert!(device.breach.is_none(), "{:?}", device.breach);
    let Outcome::Evidence(evidence) = device.capture.into_outcome() else { panic!("no evidence") };
    assert_eq!((evidence.frames.len(), evidence.is_chained), (30, false));
    assert!((10..=20).contains(&evidence.observations.len()), "{}", evidence.observations.len());
    assert!(!evidence.chosen.is_empty() && evidence.answered_turns().is_empty());
    let verdict = Rules.judge(&evidence, &Policy::default()).verdict;
    assert_eq!(verdict.reason, Some(Reason::NoChain));
}

//! Random events and random people: nothing panics, and everything comes to an end. Each run is the same.

use crate::device::{Device, Setup, jpeg};
use likeness_liveness::message::Prompt;
use likeness_liveness::{AttemptCode, Event, FrameSize, Observation, Outcome, Reaction};

#[test]
fn random_events_never_panic_and_always_come_to_an_end() {
    for seed in 0..400 {
        let mut random = fastrand::Rng::with_seed(seed);
        let setup = Setup {
            seed: random.u8(..),
            slow: random.bool(),
            without_light: random.bool(),
            expects_reference: random.u8(..4) == 0,
            ..Setup::default()
        };
        // Half of them begin as an honest device does.
        let mut device = Device::new(&setup);
        if random.bool() && !setup.expects_reference {
            for _ in 0..random.u32(..1_500) {
                device.tick();
            }
        }
        let mut asked = 1;
        while !device.capture.is_over() {
            device.now = device.capture.wake_at().unwrap().min(device.now + random.u64(..700)).max(device.now);
            let picture = jpeg(random.u16(..1_400), random.u16(..1_400), &[random.u8(..)]);
            let junk: Vec<u8> = (0..random.usize(..60)).map(|_| random.u8(..)).collect();
            let size = FrameSize { width: random.u32(..1_300), height: random.u32(..1_300) };
            let mut face = crate::device::face(None);
            (face.yaw, face.blur) = ([f32::NAN, 1e30, -40.0, 0.0][random.usize(..4)], random.f32());
            face.rectangle.left = random.i32(..);
            face.rectangle.height = random.i32(..);
            let seen =
                Observation { seq: asked, capture_ms: 0.0, step: 0, size, faces: random.u8(..3), face: Some(face) };
            let event = match random.u8(..40) {
                0 => Event::Reference { bytes: random.usize(..7_000_000) },
                1 => Event::Shown { step: random.u16(..4), t: random.f64() * 20_000.0 },
                2 => Event::Frame { bytes: &junk },
                3 => Event::Picture { jpeg: &picture },
                4 => Event::AnalysisSkipped { seq: random.u32(..9) },
                5 => Event::EndOfPictures,
                6..=20 => Event::Observed(seen),
                _ => {
                    if device.capture.handle_timeout(device.now).is_err() {
                        break;
                    }
                    continue;
                }
            };
            if let Some(Reaction::Analyse { seq, .. }) = device.handle(event) {
                asked = seq;
            }
            while device.capture.poll_message().is_some() {}
            assert!(device.now < 100_000, "it ends");
        }
        assert!(device.capture.is_over());
        assert!(device.capture.wake_at().is_none());
    }
}

#[test]
fn an_honest_device_with_a_person_who_does_anything_comes_to_an_end() {
    let mut ended = [0; 2];
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut device = Device::new(&Setup { seed: random.u8(..), without_light: random.bool(), ..Setup::default() });
        device.latency = random.u64(5..300);
        device.analysis = Some(random.u64(20..900));
        let mood = random.u8(..3);
        device.person = Box::new(move |seen, prompt: Option<&Prompt>, since| {
            crate::device::willing(seen, prompt, since);
            let Some(face) = &mut seen.face else { return };
            face.yaw += random.f32() * 4.0 - 2.0;
            face.pitch += random.f32() * 4.0 - 2.0;
            face.blur = random.f32() * 0.4;
            match (mood, random.u8(..20)) {
                (1, 0) => face.brightness = 20.0,
                (2, 0) => (seen.faces, seen.face) = (0, None),
                _ => {}
            }
        });
        let (outcome, run) = device.run();
        ended[usize::from(matches!(outcome, Outcome::Evidence(_)))] += 1;
        assert_ne!(run.breach.map(|breach| breach.code), Some(AttemptCode::ProtocolBroken), "{seed}: {:?}", run.breach);
    }
    assert!(ended[1] >= 55, "{ended:?}: people whose hands shake are through, too");
}

//! What devices and app servers bring for a liveness session: forms, frames, messages; and the records of sessions.

use crate::{Target, text};
use likeness_api::fuzz_targets;
use likeness_liveness::message::{AttemptEnd, FromDevice, Hello, Metadata, NewKey};
use likeness_liveness::{CorrelationRecord, FrameHead, Session, jpeg_size};

pub(crate) const TARGETS: &[Target] = &[
    Target::of("form", fuzz_targets::form),
    Target::of("new_session", fuzz_targets::new_session),
    Target::with("frame", frame, frames),
    Target::of("device_message", |input| FromDevice::parse(&text(input)).is_ok()),
    Target::of("device_start", |input| Hello::parse_start(input).is_ok()),
    Target::of("frame_metadata", |input| Metadata::parse(input).is_ok()),
    Target::of("attempt_end", |input| AttemptEnd::parse(input).is_ok()),
    Target::of("new_device_key", |input| NewKey::parse(input).is_ok()),
    Target::of("session_record", |input| Session::from_bytes(input).is_ok()),
    Target::of("correlation_record", |input| CorrelationRecord::from_bytes(input).is_ok()),
];

/// A frame: its head, and the size that its JPEG says it has.
fn frame(input: &[u8]) -> bool {
    FrameHead::parse(input).is_ok_and(|(_, jpeg)| jpeg_size(jpeg).is_some())
}

fn frames() -> Vec<Vec<u8>> {
    let picture = image::RgbImage::from_pixel(16, 16, image::Rgb([120, 90, 60]));
    let mut jpeg = std::io::Cursor::new(Vec::new());
    let written = image::DynamicImage::ImageRgb8(picture).write_to(&mut jpeg, image::ImageFormat::Jpeg);
    written.expect("a vector takes all that is written");
    let head = FrameHead { seq: 1, capture_ms: 12.5, step: 1, tail: [7; 16] };
    vec![[head.to_bytes().as_slice(), jpeg.get_ref()].concat()]
}

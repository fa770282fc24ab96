//! Frames as a browser sends them: JPEG with colour at half the resolution.

use crate::error::RenderError;
use crate::truth::RgbFrame;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// The quality that the device protocol asks for, 0.85.
pub const QUALITY: u8 = 85;

/// The frame as a JPEG with 4:2:0 sampling; quality 1 to 100.
pub fn jpeg(frame: &RgbFrame, quality: u8) -> Result<Vec<u8>, RenderError> {
    let failed = |error: &dyn std::fmt::Display| RenderError::Jpeg(error.to_string());
    let width = u16::try_from(frame.width).map_err(|error| failed(&error))?;
    let height = u16::try_from(frame.height).map_err(|error| failed(&error))?;
    let mut bytes = Vec::with_capacity(64 * 1024);
    let mut encoder = Encoder::new(&mut bytes, quality.clamp(1, 100));
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(&frame.pixels, width, height, ColorType::Rgb).map_err(|error| failed(&error))?;
    Ok(bytes)
}

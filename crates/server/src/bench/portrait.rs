//! The photo that the bench analyses: one face in 1280 x 960 pixels, cut out of an installed demo photo.

use anyhow::{Context, Result};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{ExtendedColorType, RgbImage};
use likeness_base::Secret;
use likeness_vision::{Limits, Picture, Search, Vision};
use std::path::Path;

/// Size of the portrait in pixels.
pub(crate) const SIZE: (u32, u32) = (1280, 960);

/// Size of a frame of a capture: what browsers send unless their camera says otherwise.
pub(crate) const FRAME_SIZE: (u32, u32) = (640, 480);

/// Height of the frame over the height of the face: head and shoulders.
const FRAME_OVER_FACE: f32 = 2.2;

/// As cameras save.
const JPEG_QUALITY: u8 = 90;

/// A photo as a file has it.
pub(crate) struct Portrait {
    /// The JPEG.
    pub bytes: Secret<Vec<u8>>,
    /// For people.
    pub text: String,
}

impl Portrait {
    /// Reads a photo of the operator's.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let bytes = Secret::new(std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?);
        Self::of(bytes, format!("your photo {}", file.display()))
    }

    /// Cuts the largest face out of a demo photo, with head and shoulders, and enlarges it to [`SIZE`].
    ///
    /// # Errors
    /// When the demo photos are not installed.
    pub(crate) fn make(vision: &mut Vision, demo: &Path) -> Result<Self> {
        Self::cut(vision, demo, SIZE)
    }

    /// The same as a camera delivers it to a capture: in [`FRAME_SIZE`].
    ///
    /// # Errors
    /// When the demo photos are not installed.
    pub(crate) fn frame(vision: &mut Vision, demo: &Path) -> Result<Self> {
        Self::cut(vision, demo, FRAME_SIZE)
    }

    fn cut(vision: &mut Vision, demo: &Path, size: (u32, u32)) -> Result<Self> {
        let bytes = std::fs::read(demo)
            .with_context(|| format!("{} is missing; run `likeness models install`", demo.display()))?;
        let whole = Picture::decode(&bytes, &Limits::default())?;
        let faces = vision.detect(&whole, Search::default())?;
        let face = faces.first().context("no face is found in the demo photo")?.reported(&whole);
        let pixels = RgbImage::from_raw(whole.width(), whole.height(), whole.pixels().to_vec())
            .context("a decoded picture is whole")?;
        let height = frame_height(face.height, whole.width(), whole.height());
        let width = height * SIZE.0 / SIZE.1;
        let start = |from: i32, length: i32, frame: u32, whole: u32| {
            let middle = i64::from(from) + i64::from(length) / 2;
            let latest = i64::from(whole - frame);
            u32::try_from((middle - i64::from(frame) / 2).clamp(0, latest)).unwrap_or(0)
        };
        let (left, top) =
            (start(face.left, face.width, width, whole.width()), start(face.top, face.height, height, whole.height()));
        let cut = imageops::crop_imm(&pixels, left, top, width, height).to_image();
        let portrait = imageops::resize(&cut, size.0, size.1, FilterType::CatmullRom);
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY).encode(
            &portrait,
            size.0,
            size.1,
            ExtendedColorType::Rgb8,
        )?;
        Self::of(Secret::new(jpeg), "a portrait cut out of a demo photo".to_owned())
    }

    fn of(bytes: Secret<Vec<u8>>, text: String) -> Result<Self> {
        let picture = Picture::decode(bytes.expose(), &Limits::default())?;
        let text = format!("{text}, {} x {}, {} KB", picture.width(), picture.height(), bytes.expose().len() / 1024);
        Ok(Self { bytes, text })
    }
}

/// Height of the frame around a face, no larger than the picture allows at the proportions of [`SIZE`].
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels")]
fn frame_height(face: i32, width: u32, height: u32) -> u32 {
    let wanted = (face as f32 * FRAME_OVER_FACE) as u32;
    wanted.min(height).min(width * SIZE.1 / SIZE.0).max(3)
}

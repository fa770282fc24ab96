//! Strangers' bytes to pixels, in bounded memory.
//!
//! The format is recognised by content, never by name. Sizes are read from the header and refused before any pixel is
//! allocated. JPEG has a folder of its own; the other three formats go through `image`. What is larger than
//! [`MOST_KEPT`] is shrunk while it is decoded, where its format allows that.

mod alpha;
mod exif;
mod jpeg;
mod png;

use std::io::Cursor;

use image::codecs::{bmp::BmpDecoder, gif::GifDecoder, png::PngDecoder};
use image::metadata::Orientation;
use image::{ImageDecoder, ImageFormat};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::orientation::turn_upright;
use crate::picture::Picture;

/// What a stranger's picture may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of the encoded file in bytes. Default 6 MiB, the largest file that the Face contract allows.
    pub max_bytes: usize,
    /// Width times height. Default 200 million: the largest sensor of a phone. At most [`MOST_KEPT`] of them stay in memory.
    pub max_pixels: u64,
    /// The longer side in pixels. Default 16,384.
    pub max_side: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 6 * 1024 * 1024, max_pixels: 200_000_000, max_side: 16_384 }
    }
}

/// Pixels of one picture that stay in memory: the 48 million of a usual phone and a little more. What has more is shrunk to a half
/// or a quarter while it is decoded (JPEG, and PNG that is not interlaced), or refused.
///
/// While decoding, at most about `11 * MOST_KEPT` bytes are in memory (a progressive JPEG keeps two bytes and a bit for each
/// coefficient of its three or four components), afterwards `3 * MOST_KEPT`.
pub const MOST_KEPT: u64 = 50_000_000;

/// By how much a picture can be shrunk; an eighth would be coarse, and nothing within the default limits needs it.
const SHRINKS: [u32; 3] = [1, 2, 4];

/// Why bytes did not become a picture.
///
/// The texts hold sizes and format names, never bytes of the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Not JPEG, PNG, GIF or BMP by content.
    #[error("the file is not a JPEG, PNG, GIF or BMP picture")]
    Unsupported,
    /// A sound picture of a kind that is not read.
    #[error("this variant of {format} is not read ({variant})")]
    Variant {
        /// `JPEG`, `PNG`, `GIF` or `BMP`.
        format: &'static str,
        /// What is unusual about it.
        variant: &'static str,
    },
    /// The right format by its first bytes, but damaged or incomplete.
    #[error("the {format} picture is damaged or incomplete")]
    Broken {
        /// `JPEG`, `PNG`, `GIF` or `BMP`.
        format: &'static str,
    },
    /// The encoded file is larger than [`Limits::max_bytes`].
    #[error("the file has {bytes} bytes, more than the {limit} allowed")]
    TooManyBytes {
        /// Length of the file.
        bytes: usize,
        /// The limit it exceeds.
        limit: usize,
    },
    /// The header promises more pixels than [`Limits`] allows, or than [`MOST_KEPT`] where the picture cannot be shrunk while it
    /// is decoded; nothing was allocated for them.
    #[error("the picture has {width} x {height} pixels, more than allowed")]
    TooManyPixels {
        /// Width by the header.
        width: u32,
        /// Height by the header.
        height: u32,
    },
}

/// A picture as it was stored, not yet upright.
struct Decoded {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
    orientation: Option<Orientation>,
    /// Width and height by the header.
    size: (u32, u32),
    /// How many of these go into one pixel, in each direction.
    shrunk: u32,
}

impl Picture {
    /// Decodes JPEG, PNG, GIF (first frame) or BMP, and turns the result upright by its EXIF orientation.
    ///
    /// Transparent pixels are laid on white, greys become RGB, 16-bit channels are cut to 8. A picture with more than
    /// [`MOST_KEPT`] pixels is shrunk, see [`Picture::shrunk`].
    /// A picture that lacks its end mark is read; one that lacks a part of itself is refused, because that part would be an
    /// invention.
    ///
    /// # Errors
    /// See [`DecodeError`]. Any bytes give a picture or an error.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, DecodeError> {
        if bytes.len() > limits.max_bytes {
            return Err(DecodeError::TooManyBytes { bytes: bytes.len(), limit: limits.max_bytes });
        }
        match image::guess_format(bytes) {
            Ok(ImageFormat::Jpeg) => upright("JPEG", jpeg::decode(bytes, limits)?),
            Ok(ImageFormat::Png) => upright("PNG", decode_png(bytes, limits)?),
            Ok(ImageFormat::Gif) => {
                upright("GIF", decode_with("GIF", limits, |_| GifDecoder::new(Cursor::new(bytes)))?)
            }
            Ok(ImageFormat::Bmp) => {
                upright("BMP", decode_with("BMP", limits, |_| BmpDecoder::new(Cursor::new(bytes)))?)
            }
            _ => Err(DecodeError::Unsupported),
        }
    }
}

fn check_size(width: u32, height: u32, limits: &Limits) -> Result<(), DecodeError> {
    if width.max(height) > limits.max_side || u64::from(width) * u64::from(height) > limits.max_pixels {
        return Err(DecodeError::TooManyPixels { width, height });
    }
    Ok(())
}

/// The least of [`SHRINKS`] by which no more than [`MOST_KEPT`] pixels remain.
fn shrink_for(width: u32, height: u32) -> Result<u32, DecodeError> {
    let kept = |by: &u32| u64::from(width.div_ceil(*by)) * u64::from(height.div_ceil(*by));
    SHRINKS.into_iter().find(|by| kept(by) <= MOST_KEPT).ok_or(DecodeError::TooManyPixels { width, height })
}

fn decode_png(bytes: &[u8], limits: &Limits) -> Result<Decoded, DecodeError> {
    let chunks = png::Chunks::of(bytes);
    let orientation = chunks.exif.as_deref().and_then(exif::orientation);
    if let Some(size) = chunks.size.filter(|_| !chunks.is_interlaced) {
        check_size(size.0, size.1, limits)?;
        let shrunk = shrink_for(size.0, size.1)?;
        if shrunk > 1 {
            let (width, height, pixels) = png::decode_shrunk(&chunks, shrunk)?;
            return Ok(Decoded { width, height, pixels, orientation, size, shrunk });
        }
    }
    let open = |budget| PngDecoder::with_limits(Cursor::new(chunks.file()), budget);
    Ok(Decoded { orientation, ..decode_with("PNG", limits, open)? })
}

fn decode_with<D: ImageDecoder>(
    format: &'static str,
    limits: &Limits,
    open: impl FnOnce(image::Limits) -> image::ImageResult<D>,
) -> Result<Decoded, DecodeError> {
    let failed = |error: image::ImageError| match error {
        image::ImageError::Unsupported(_) => {
            DecodeError::Variant { format, variant: "its compression, colours or depth" }
        }
        _ => DecodeError::Broken { format },
    };
    // Raw pixels take up to four bytes each; sixteen-bit RGBA takes eight, so that form may have half the pixels.
    let most_bytes = limits.max_pixels.min(MOST_KEPT).saturating_mul(4);
    let mut budget = image::Limits::default();
    budget.max_alloc = Some(most_bytes.saturating_mul(2));
    let mut decoder = open(budget.clone()).map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, limits)?;
    if u64::from(width) * u64::from(height) > MOST_KEPT || decoder.total_bytes() > most_bytes {
        return Err(DecodeError::TooManyPixels { width, height });
    }
    decoder.set_limits(budget).map_err(failed)?;
    let colour = decoder.color_type();
    let mut raw = Zeroizing::new(vec![0; decoder.total_bytes() as usize]);
    decoder.read_image(&mut raw).map_err(failed)?;
    let pixels = alpha::rgb_from(&raw, colour).ok_or(DecodeError::Variant { format, variant: "its colours" })?;
    let (size, shrunk, orientation) = ((width, height), 1, None);
    Ok(Decoded { width: width as usize, height: height as usize, pixels, orientation, size, shrunk })
}

fn upright(format: &'static str, decoded: Decoded) -> Result<Picture, DecodeError> {
    let Decoded { width, height, mut pixels, orientation, size, shrunk } = decoded;
    let stored = (width, height);
    let orientation = orientation.unwrap_or(Orientation::NoTransforms);
    let (width, height) = turn_upright(&mut pixels, width, height, orientation);
    let is_on_its_side = matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    );
    debug_assert!((width, height) == if is_on_its_side { (stored.1, stored.0) } else { stored }, "turned as it says");
    let original = if is_on_its_side { (size.1, size.0) } else { size };
    let sides = u32::try_from(width).ok().zip(u32::try_from(height).ok());
    let picture = sides.and_then(|(width, height)| Picture::from_rgb(width, height, pixels));
    picture.map(|picture| picture.shrunk_from(original, shrunk)).ok_or(DecodeError::Broken { format })
}

//! Strangers' bytes to pixels, in bounded memory.
//!
//! The format is told by content, never by name. Sizes are read from the header and refused before any pixel is
//! allocated. JPEG goes straight to `zune-jpeg`, because only there can one ask for RGB in one pass; the other three
//! formats go through `image`.

use std::io::Cursor;

use image::codecs::{bmp::BmpDecoder, gif::GifDecoder, png::PngDecoder};
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageFormat};
use thiserror::Error;
use zeroize::Zeroizing;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use crate::orientation::turn_upright;
use crate::picture::Picture;

/// What a stranger's picture may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of the encoded file in bytes. Default 6 MiB, the largest file that the Face contract allows.
    pub max_bytes: usize,
    /// Width times height. Default 50 million: the main camera of a phone (48 million) and a little more.
    /// While decoding, at most about `10 * max_pixels` bytes are held (a progressive JPEG keeps two bytes for each of
    /// three coefficients beside the pixels), afterwards `3 * max_pixels`.
    pub max_pixels: u64,
    /// The longer side in pixels. Default 16,384.
    pub max_side: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 6 * 1024 * 1024, max_pixels: 50_000_000, max_side: 16_384 }
    }
}

/// Why bytes did not become a picture.
///
/// The texts hold sizes and format names, never bytes of the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Not JPEG, PNG, GIF or BMP by content, or a variant of them that is not read.
    #[error("the file is not a JPEG, PNG, GIF or BMP picture")]
    Unsupported,
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
    /// The header promises more pixels than [`Limits`] allows; nothing was allocated for them.
    #[error("the picture has {width} x {height} pixels, more than allowed")]
    TooManyPixels {
        /// Width by the header.
        width: u32,
        /// Height by the header.
        height: u32,
    },
}

impl Picture {
    /// Decodes JPEG, PNG, GIF (first frame) or BMP, and turns the result upright by its EXIF orientation.
    ///
    /// Transparent pixels are laid on white, greys become RGB, 16-bit channels are cut to 8.
    /// A JPEG that ends before its end marker is refused, because its lower part would be an invention.
    ///
    /// # Errors
    /// See [`DecodeError`]. Any bytes give a picture or an error.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, DecodeError> {
        if bytes.len() > limits.max_bytes {
            return Err(DecodeError::TooManyBytes { bytes: bytes.len(), limit: limits.max_bytes });
        }
        match image::guess_format(bytes) {
            Ok(ImageFormat::Jpeg) => decode_jpeg(bytes, limits),
            Ok(ImageFormat::Png) => {
                decode_with("PNG", limits, |budget| PngDecoder::with_limits(Cursor::new(bytes), budget))
            }
            Ok(ImageFormat::Gif) => decode_with("GIF", limits, |_| GifDecoder::new(Cursor::new(bytes))),
            Ok(ImageFormat::Bmp) => decode_with("BMP", limits, |_| BmpDecoder::new(Cursor::new(bytes))),
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

fn decode_jpeg(bytes: &[u8], limits: &Limits) -> Result<Picture, DecodeError> {
    let broken = DecodeError::Broken { format: "JPEG" };
    if !jpeg_is_complete(bytes) {
        return Err(broken);
    }
    // Not strict: cameras write harmless oddities between segments. Our own limits replace the decoder's.
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|_| broken.clone())?;
    let (width, height) = decoder.dimensions().ok_or_else(|| broken.clone())?;
    // A JPEG side has 16 bits, so these conversions keep the value.
    check_size(width as u32, height as u32, limits)?;
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    let mut pixels = vec![0; width * height * 3];
    if decoder.output_buffer_size() != Some(pixels.len()) || decoder.decode_into(&mut pixels).is_err() {
        return Err(broken);
    }
    upright(pixels, width, height, orientation.unwrap_or(Orientation::NoTransforms)).ok_or(broken)
}

/// Whether an end-of-image marker follows the first start of scan. Within entropy-coded data the byte FF is always
/// followed by 00 or a restart number (ITU T.81, B.1.1.5), so FF D9 cannot occur there by chance; a thumbnail's own
/// marker lies in an earlier segment, which is skipped by its length.
fn jpeg_is_complete(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[marker, kind]) = bytes.get(at..at + 2) {
        if marker != 0xFF || kind == 0xFF {
            at += 1; // fill bytes, which readers step over
            continue;
        }
        if kind == 0xDA {
            return bytes[at..].windows(2).any(|pair| pair == [0xFF, 0xD9]);
        }
        at += match bytes.get(at + 2..at + 4) {
            Some(&[high, low]) => 2 + usize::from(u16::from_be_bytes([high, low])),
            _ => return false,
        };
    }
    false
}

fn decode_with<D: ImageDecoder>(
    format: &'static str,
    limits: &Limits,
    open: impl FnOnce(image::Limits) -> image::ImageResult<D>,
) -> Result<Picture, DecodeError> {
    let failed = |error: image::ImageError| match error {
        image::ImageError::Unsupported(_) => DecodeError::Unsupported,
        _ => DecodeError::Broken { format },
    };
    // Raw pixels take up to four bytes each; sixteen-bit RGBA takes eight, so that form may have half the pixels.
    let most_bytes = limits.max_pixels.saturating_mul(4);
    let mut budget = image::Limits::default();
    budget.max_alloc = Some(most_bytes.saturating_mul(2));
    let mut decoder = open(budget.clone()).map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, limits)?;
    if decoder.total_bytes() > most_bytes {
        return Err(DecodeError::TooManyPixels { width, height });
    }
    decoder.set_limits(budget).map_err(failed)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let colour = decoder.color_type();
    let mut raw = Zeroizing::new(vec![0; decoder.total_bytes() as usize]);
    decoder.read_image(&mut raw).map_err(failed)?;
    let pixels = rgb_from(&raw, colour).ok_or(DecodeError::Unsupported)?;
    upright(pixels, width as usize, height as usize, orientation).ok_or(DecodeError::Broken { format })
}

fn upright(mut pixels: Vec<u8>, width: usize, height: usize, orientation: Orientation) -> Option<Picture> {
    let (width, height) = turn_upright(&mut pixels, width, height, orientation);
    Picture::from_rgb(u32::try_from(width).ok()?, u32::try_from(height).ok()?, pixels)
}

/// Raw samples of any colour type of the three formats to RGB; 16-bit samples are native-endian.
fn rgb_from(raw: &[u8], colour: ColorType) -> Option<Vec<u8>> {
    let high = |sample: &[u8]| (u16::from_ne_bytes([sample[0], sample[1]]) >> 8) as u8;
    let on_white = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    Some(match colour {
        ColorType::Rgb8 => raw.to_vec(),
        ColorType::L8 => raw.iter().flat_map(|&v| [v; 3]).collect(),
        ColorType::La8 => raw.chunks_exact(2).flat_map(|p| [on_white(p[0], p[1]); 3]).collect(),
        ColorType::Rgba8 => raw.chunks_exact(4).flat_map(|p| [0, 1, 2].map(|i| on_white(p[i], p[3]))).collect(),
        ColorType::L16 => raw.chunks_exact(2).flat_map(|p| [high(p); 3]).collect(),
        ColorType::La16 => raw.chunks_exact(4).flat_map(|p| [on_white(high(p), high(&p[2..])); 3]).collect(),
        ColorType::Rgb16 => raw.chunks_exact(2).map(high).collect(),
        ColorType::Rgba16 => {
            raw.chunks_exact(8).flat_map(|p| [0, 2, 4].map(|i| on_white(high(&p[i..]), high(&p[6..])))).collect()
        }
        _ => return None,
    })
}

//! Raw samples to RGB, transparency laid on white.

use image::ColorType;

/// A sample of this opacity in front of white.
#[inline]
pub(super) fn on_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// Raw samples of any colour type of the formats to RGB; 16-bit samples are native-endian.
///
/// An alpha plane of nothing but zeros is no transparency: writers that know none leave it so, above all in BMP.
pub(super) fn rgb_from(raw: &[u8], colour: ColorType) -> Option<Vec<u8>> {
    let high = |sample: &[u8]| (u16::from_ne_bytes([sample[0], sample[1]]) >> 8) as u8;
    let alpha_bytes =
        if colour.has_alpha() { usize::from(colour.bytes_per_pixel() / colour.channel_count()) } else { 0 };
    let bytes = usize::from(colour.bytes_per_pixel());
    let is_empty = |pixel: &[u8]| pixel[bytes - alpha_bytes..].iter().all(|byte| *byte == 0);
    let is_void = alpha_bytes > 0 && raw.chunks_exact(bytes).all(is_empty);
    let lay = |value: u8, alpha: u8| if is_void { value } else { on_white(value, alpha) };
    Some(match colour {
        ColorType::Rgb8 => raw.to_vec(),
        ColorType::L8 => raw.iter().flat_map(|&v| [v; 3]).collect(),
        ColorType::La8 => raw.chunks_exact(2).flat_map(|p| [lay(p[0], p[1]); 3]).collect(),
        ColorType::Rgba8 => raw.chunks_exact(4).flat_map(|p| [0, 1, 2].map(|i| lay(p[i], p[3]))).collect(),
        ColorType::L16 => raw.chunks_exact(2).flat_map(|p| [high(p); 3]).collect(),
        ColorType::La16 => raw.chunks_exact(4).flat_map(|p| [lay(high(p), high(&p[2..])); 3]).collect(),
        ColorType::Rgb16 => raw.chunks_exact(2).map(high).collect(),
        ColorType::Rgba16 => {
            raw.chunks_exact(8).flat_map(|p| [0, 2, 4].map(|i| lay(high(&p[i..]), high(&p[6..])))).collect()
        }
        _ => return None,
    })
}

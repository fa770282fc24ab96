//! A decoded picture: RGB, upright, wiped when dropped.

use std::fmt;

use zeroize::Zeroize;

use crate::geometry::RectF;

/// Pixels of one picture: RGB, 8 bits a channel, row by row from the top left, already turned upright.
///
/// The bytes are overwritten with zeros when the picture is dropped, and `Debug` shows the size alone.
#[derive(Clone)]
pub struct Picture {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
    /// Width and height before it was shrunk.
    original: (u32, u32),
    shrunk: u32,
}

impl Picture {
    /// Takes pixels that are already RGB and upright. `None` unless there are exactly
    /// `width * height * 3` bytes and at least one pixel.
    pub fn from_rgb(width: u32, height: u32, pixels: Vec<u8>) -> Option<Self> {
        let bytes = u64::from(width) * u64::from(height) * 3;
        let is_whole = bytes > 0 && u64::try_from(pixels.len()) == Ok(bytes);
        is_whole.then_some(Self { width, height, pixels, original: (width, height), shrunk: 1 })
    }

    /// The same, with the scale it was made at: `by` pixels a side of the original became one.
    pub(crate) fn shrunk_from(mut self, original: (u32, u32), by: u32) -> Self {
        (self.original, self.shrunk) = (original, by);
        self
    }

    /// How many pixels a side of the photo became one of this picture: 1, and 2 or 4 for a photo larger than
    /// [`MOST_KEPT`](crate::MOST_KEPT). Faces are reported in pixels of the photo; a detection is in pixels of the picture.
    pub fn shrunk(&self) -> u32 {
        self.shrunk
    }

    /// Columns of the upright photo.
    pub fn original_width(&self) -> u32 {
        self.original.0
    }

    /// Rows of the upright photo.
    pub fn original_height(&self) -> u32 {
        self.original.1
    }

    /// A rectangle of this picture in pixels of the photo.
    pub fn in_photo(&self, rect: RectF) -> RectF {
        let by = self.shrunk as f32;
        RectF { left: rect.left * by, top: rect.top * by, width: rect.width * by, height: rect.height * by }
    }

    /// Columns.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The bytes, three a pixel.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    pub(crate) fn raster(&self) -> Raster<'_> {
        Raster { width: self.width as usize, height: self.height as usize, pixels: &self.pixels }
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        self.pixels.zeroize();
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({} x {})", self.width, self.height)
    }
}

/// A borrowed RGB raster. At least one pixel; `pixels` holds `width * height * 3` bytes.
#[derive(Clone, Copy)]
pub(crate) struct Raster<'a> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: &'a [u8],
}

impl<'a> Raster<'a> {
    /// Columns `left..right` of one row.
    pub(crate) fn row(&self, y: usize, left: usize, right: usize) -> &'a [u8] {
        let start = y * self.width * 3;
        &self.pixels[start + left * 3..start + right * 3]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_as_many_bytes_as_pixels_make_a_picture() {
        let cases = [
            ("right", 2, 3, 18, true),
            ("short", 2, 3, 17, false),
            ("long", 2, 3, 19, false),
            ("empty", 0, 3, 0, false),
        ];
        for (name, width, height, bytes, accepted) in cases {
            assert_eq!(Picture::from_rgb(width, height, vec![7; bytes]).is_some(), accepted, "{name}");
        }
    }

    #[test]
    fn debug_shows_the_size_alone() {
        let picture = Picture::from_rgb(2, 1, vec![201; 6]).unwrap();
        assert_eq!(format!("{picture:?}"), "Picture(2 x 1)");
    }
}

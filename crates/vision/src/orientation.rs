//! Turning a picture upright, as its EXIF orientation says.

use image::metadata::Orientation;
use zeroize::Zeroize;

/// Side of the blocks in which rows become columns: 64 x 64 pixels of source and target fit the first-level cache together.
const BLOCK: usize = 64;

/// Applies the orientation to RGB pixels and returns the new size.
pub(crate) fn turn_upright(
    pixels: &mut Vec<u8>,
    width: usize,
    height: usize,
    orientation: Orientation,
) -> (usize, usize) {
    // The two flags say where the picture's first row and column go once rows have become columns.
    let (last_row_first, last_column_first) = match orientation {
        Orientation::NoTransforms => return (width, height),
        Orientation::FlipHorizontal => {
            pixels.chunks_exact_mut(width * 3).for_each(reverse_pixels);
            return (width, height);
        }
        Orientation::Rotate180 => {
            reverse_pixels(pixels);
            return (width, height);
        }
        Orientation::FlipVertical => {
            reverse_pixels(pixels);
            pixels.chunks_exact_mut(width * 3).for_each(reverse_pixels);
            return (width, height);
        }
        Orientation::Rotate90FlipH => (false, false),
        Orientation::Rotate90 => (true, false),
        Orientation::Rotate270 => (false, true),
        Orientation::Rotate270FlipH => (true, true),
    };
    let mut turned = vec![0; pixels.len()];
    for top in (0..width).step_by(BLOCK) {
        for left in (0..height).step_by(BLOCK) {
            for y in top..(top + BLOCK).min(width) {
                let column = if last_column_first { width - 1 - y } else { y };
                let right = (left + BLOCK).min(height);
                let target = &mut turned[(y * height + left) * 3..(y * height + right) * 3];
                for (x, pixel) in (left..right).zip(target.chunks_exact_mut(3)) {
                    let row = if last_row_first { height - 1 - x } else { x };
                    let source = (row * width + column) * 3;
                    pixel.copy_from_slice(&pixels[source..source + 3]);
                }
            }
        }
    }
    pixels.zeroize();
    *pixels = turned;
    (height, width)
}

fn reverse_pixels(pixels: &mut [u8]) {
    pixels.reverse();
    for pixel in pixels.chunks_exact_mut(3) {
        pixel.swap(0, 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orientations_of_a_two_by_three_picture() {
        // Letters stand for pixels; the stored picture is ab/cd/ef (2 wide, 3 high).
        // Expected values follow the EXIF 2.3 definition of where row 0 and column 0 lie.
        let cases = [
            (1, (2, 3), "abcdef"),
            (2, (2, 3), "badcfe"),
            (3, (2, 3), "fedcba"),
            (4, (2, 3), "efcdab"),
            (5, (3, 2), "acebdf"),
            (6, (3, 2), "ecafdb"),
            (7, (3, 2), "fdbeca"),
            (8, (3, 2), "bdface"),
        ];
        for (exif, size, expected) in cases {
            let spell = |text: &str| text.bytes().flat_map(|b| [b, b + 100, 0]).collect::<Vec<_>>();
            let mut pixels = spell("abcdef");
            let orientation = Orientation::from_exif(exif).unwrap();
            assert_eq!(turn_upright(&mut pixels, 2, 3, orientation), size, "orientation {exif}");
            assert_eq!(pixels, spell(expected), "orientation {exif}");
        }
    }

    #[test]
    fn blocks_cover_every_pixel() {
        let (width, height) = (BLOCK * 2 + 7, BLOCK + 5);
        let original: Vec<u8> = (0..width * height * 3).map(|i| (i % 251) as u8).collect();
        let mut pixels = original.clone();
        let (w, h) = turn_upright(&mut pixels, width, height, Orientation::Rotate90);
        let (w, h) = turn_upright(&mut pixels, w, h, Orientation::Rotate270);
        assert_eq!((w, h), (width, height));
        assert!(pixels == original);
    }
}

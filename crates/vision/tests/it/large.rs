//! Photos larger than what stays in memory: shrunk while they are decoded, or refused.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use likeness_specimens::exif::{self, Stored};
use likeness_specimens::jpeg::{self, Jpeg, Process};
use likeness_specimens::png::Png;
use likeness_vision::{DecodeError, Limits, MOST_KEPT, Picture};

/// A light square on grey ground: left, top, right, bottom.
const SQUARE: [u32; 4] = [6_000, 4_800, 6_160, 4_960];

fn square(x: u32, y: u32) -> bool {
    let [left, top, right, bottom] = SQUARE;
    (left..right).contains(&x) && (top..bottom).contains(&y)
}

fn photo(width: u16, height: u16, process: Process, sampling: &[(u8, u8)]) -> Vec<u8> {
    let mut file = Jpeg::new(width, height, sampling);
    (file.process, file.detail) = (process, Some(SQUARE));
    file.encode(|channel, x, y| if channel == 0 && square(x, y) { 220 } else { 128 })
}

/// Whether the square is where it was.
fn shows_the_square(picture: &Picture) -> bool {
    let [left, top, right, bottom] = SQUARE.map(|at| at / picture.shrunk());
    let is_light = |x: u32, y: u32| picture.pixels()[3 * (y * picture.width() + x) as usize] > 174;
    let (across, down) = ((left + right) / 2, (top + bottom) / 2);
    is_light(left + 1, down)
        && !is_light(left - 2, down)
        && is_light(right - 2, down)
        && !is_light(right + 1, down)
        && is_light(across, top + 1)
        && !is_light(across, top - 2)
        && is_light(across, bottom - 2)
        && !is_light(across, bottom + 1)
}

#[test]
fn photos_of_large_sensors_are_shrunk_while_they_are_decoded() {
    let four_two_zero: &[(u8, u8)] = &[(2, 2), (1, 1), (1, 1)];
    let cases = [
        ("64 megapixels", photo(9_248, 7_616, Process::Baseline, four_two_zero), (9_248, 7_616)),
        ("100 megapixels, progressive", photo(12_000, 9_000, Process::Progressive, four_two_zero), (12_000, 9_000)),
        ("200 megapixels, grey", photo(16_320, 12_240, Process::Baseline, &[(1, 1)]), (16_320, 12_240)),
    ];
    for (name, file, (width, height)) in cases {
        assert!(file.len() < Limits::default().max_bytes, "{name} has {} bytes", file.len());
        let picture = Picture::decode(&file, &Limits::default()).unwrap();
        assert_eq!((picture.original_width(), picture.original_height()), (width, height), "{name}");
        assert_eq!((picture.shrunk(), picture.width(), picture.height()), (2, width / 2, height / 2), "{name}");
        assert!(shows_the_square(&picture), "{name}");
    }
}

#[test]
fn a_shrunk_photo_is_turned_too() {
    let block = [b"Exif\0\0".as_slice(), &exif::orientation(6, Stored::Short, true)].concat();
    let file = jpeg::with_segment(&photo(9_600, 7_601, Process::Baseline, &[(1, 1)]), 0xE1, &block);
    let picture = Picture::decode(&file, &Limits::default()).unwrap();
    assert_eq!((picture.original_width(), picture.original_height()), (7_601, 9_600));
    assert_eq!((picture.width(), picture.height()), (3_801, 4_800));
}

fn encoded(picture: GrayImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn a_large_png_is_shrunk_row_by_row() {
    let mut picture = GrayImage::from_pixel(7_201, 7_001, Luma([128]));
    let [left, top, right, bottom] = SQUARE;
    (left..right)
        .flat_map(|x| (top..bottom).map(move |y| (x, y)))
        .for_each(|(x, y)| picture.put_pixel(x, y, Luma([220])));
    let picture = Picture::decode(&encoded(picture, ImageFormat::Png), &Limits::default()).unwrap();
    assert_eq!((picture.shrunk(), picture.width(), picture.height()), (2, 3_601, 3_501));
    assert!(shows_the_square(&picture));
    // The last column and row have no neighbour to be mixed with.
    assert_eq!(picture.pixels().last(), Some(&128));
}

#[test]
fn what_cannot_be_shrunk_is_refused_by_its_header() {
    let (width, height) = (8_000, 6_251);
    assert!(u64::from(width) * u64::from(height) > MOST_KEPT);
    let interlaced = Png { width, height, colour: 0, depth: 1, interlaced: true }.without_end(|_, _, _| 0);
    let mut gif = b"GIF89a".to_vec();
    gif.extend([width as u16, height as u16].map(u16::to_le_bytes).concat());
    gif.extend([0, 0, 0, 0x2C, 0, 0, 0, 0]);
    gif.extend([width as u16, height as u16].map(u16::to_le_bytes).concat());
    gif.extend([0, 2, 0, 0x3B]);
    for (name, file) in [("interlaced PNG", interlaced), ("GIF", gif)] {
        let limits = Limits { max_bytes: 10_000_000, ..Limits::default() };
        let error = Picture::decode(&file, &limits).unwrap_err();
        assert_eq!(error, DecodeError::TooManyPixels { width, height }, "{name}");
    }
}

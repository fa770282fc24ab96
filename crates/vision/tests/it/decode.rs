//! Strangers' bytes: eight orientations, four formats, limits, damage.

use std::io::Cursor;

use image::{DynamicImage, GenericImageView, ImageFormat, Rgb, RgbImage};
use likeness_specimens::exif::{self, Stored};
use likeness_specimens::{jpeg as specimens_jpeg, png as specimens_png};
use likeness_vision::{DecodeError, Limits, Picture};
use proptest::prelude::*;

/// Smooth, so that JPEG keeps it, and different in every corner, so that a wrong turn shows.
fn scene(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (across, down) = (x * 255 / width, y * 255 / height);
        Rgb([across as u8, down as u8, ((across + 2 * down) / 3) as u8])
    })
}

fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The same JPEG with an EXIF segment that holds an orientation and nothing else.
fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    let length = u16::try_from(exif.len() + 2).unwrap();
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend([0xFF, 0xE1]);
    bytes.extend(length.to_be_bytes());
    bytes.extend(exif);
    bytes.extend(&jpeg[2..]);
    bytes
}

fn mean_difference(picture: &Picture, expected: &RgbImage) -> f64 {
    assert_eq!((picture.width(), picture.height()), expected.dimensions());
    let pairs = picture.pixels().iter().zip(expected.as_raw());
    pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / expected.as_raw().len() as f64
}

#[test]
fn eight_orientations_give_the_same_upright_picture() {
    let upright = scene(120, 72);
    let turn = |picture: &RgbImage| DynamicImage::ImageRgb8(picture.clone());
    // How a camera that notes the orientation has stored the scene (EXIF 2.3, tag 0x0112).
    let stored = [
        (1, turn(&upright)),
        (2, turn(&upright).fliph()),
        (3, turn(&upright).rotate180()),
        (4, turn(&upright).flipv()),
        (5, turn(&upright).fliph().rotate270()),
        (6, turn(&upright).rotate270()),
        (7, turn(&upright).fliph().rotate90()),
        (8, turn(&upright).rotate90()),
    ];
    for (orientation, picture) in stored {
        let bytes = with_orientation(&encode(&picture, ImageFormat::Jpeg), orientation);
        let decoded = Picture::decode(&bytes, &Limits::default()).unwrap();
        let difference = mean_difference(&decoded, &upright);
        assert!(difference < 3.0, "orientation {orientation} differs by {difference}");
    }
    let wrong = with_orientation(&encode(&turn(&upright), ImageFormat::Jpeg), 3);
    let decoded = Picture::decode(&wrong, &Limits::default()).unwrap();
    assert!(mean_difference(&decoded, &upright) > 30.0, "a wrong turn would have been seen");
}

#[test]
fn an_orientation_counts_however_and_wherever_it_is_stored() {
    let upright = DynamicImage::ImageRgb8(scene(40, 24));
    // How a camera stores it that notes orientation 6.
    let stored = upright.rotate270();
    let jpeg = encode(&stored, ImageFormat::Jpeg);
    let png = encode(&stored, ImageFormat::Png);
    let header_end = 8 + 25;
    for kind in [Stored::Byte, Stored::Short, Stored::Long] {
        for big_endian in [false, true] {
            let block = exif::orientation(6, kind, big_endian);
            let in_png = |at: usize, content: &[u8]| {
                let mut file = png[..at].to_vec();
                specimens_png::chunk(&mut file, b"eXIf", content);
                file.extend(&png[at..]);
                file
            };
            let headed = [b"Exif\0\0".as_slice(), &block].concat();
            let cases = [
                ("JPEG", specimens_jpeg::with_segment(&jpeg, 0xE1, &headed)),
                (
                    "JPEG, behind XMP",
                    specimens_jpeg::with_segment(
                        &specimens_jpeg::with_segment(&jpeg, 0xE1, &headed),
                        0xE1,
                        b"http://ns.adobe.com/xap/1.0/\0<x/>",
                    ),
                ),
                ("PNG, before the picture data", in_png(header_end, &block)),
                ("PNG, behind the picture data", in_png(png.len() - 12, &block)),
                ("PNG, behind it, with JPEG's head", in_png(png.len() - 12, &headed)),
            ];
            for (name, file) in cases {
                let decoded = Picture::decode(&file, &Limits::default()).unwrap();
                let difference = mean_difference(&decoded, &upright.to_rgb8());
                assert!(difference < 3.0, "{name}, {kind:?}, big-endian {big_endian}: differs by {difference}");
            }
        }
    }
}

#[test]
fn four_formats_and_their_colour_types() {
    let scene = scene(50, 30);
    let rgb = DynamicImage::ImageRgb8(scene.clone());
    let grey = DynamicImage::ImageLuma8(rgb.to_luma8());
    let as_rgb = |picture: &DynamicImage| picture.to_rgb8();
    let cases = [
        ("JPEG", encode(&rgb, ImageFormat::Jpeg), as_rgb(&rgb), 3.0),
        ("grey JPEG", encode(&grey, ImageFormat::Jpeg), as_rgb(&grey), 3.0),
        ("PNG", encode(&rgb, ImageFormat::Png), as_rgb(&rgb), 0.0),
        ("PNG with alpha", encode(&DynamicImage::ImageRgba8(rgb.to_rgba8()), ImageFormat::Png), as_rgb(&rgb), 0.0),
        ("grey PNG", encode(&grey, ImageFormat::Png), as_rgb(&grey), 0.0),
        (
            "grey PNG, 16 bit",
            encode(&DynamicImage::ImageLuma16(grey.to_luma16()), ImageFormat::Png),
            as_rgb(&grey),
            0.0,
        ),
        ("PNG, 16 bit", encode(&DynamicImage::ImageRgb16(rgb.to_rgb16()), ImageFormat::Png), as_rgb(&rgb), 0.0),
        (
            "PNG with alpha, 16 bit",
            encode(&DynamicImage::ImageRgba16(rgb.to_rgba16()), ImageFormat::Png),
            as_rgb(&rgb),
            0.0,
        ),
        (
            "grey PNG with alpha",
            encode(&DynamicImage::ImageLumaA8(grey.to_luma_alpha8()), ImageFormat::Png),
            as_rgb(&grey),
            0.0,
        ),
        ("GIF", encode(&rgb, ImageFormat::Gif), as_rgb(&rgb), 8.0), // 256 colours
        ("BMP", encode(&rgb, ImageFormat::Bmp), as_rgb(&rgb), 0.0),
    ];
    for (name, bytes, expected, tolerance) in cases {
        let decoded = Picture::decode(&bytes, &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let difference = mean_difference(&decoded, &expected);
        assert!(difference <= tolerance, "{name} differs by {difference}");
    }
}

#[test]
fn transparency_lies_on_white() {
    let mut picture = DynamicImage::ImageRgb8(scene(4, 4)).to_rgba8();
    picture.get_pixel_mut(0, 0).0 = [10, 20, 30, 0];
    picture.get_pixel_mut(1, 0).0 = [0, 0, 0, 128];
    let decoded = Picture::decode(&encode(&picture.into(), ImageFormat::Png), &Limits::default()).unwrap();
    assert_eq!(&decoded.pixels()[..6], &[255, 255, 255, 127, 127, 127]);
}

#[test]
fn an_alpha_plane_of_nothing_but_zeros_is_no_transparency() {
    let rgb = DynamicImage::ImageRgb8(scene(20, 10));
    let with_alpha: [(&str, DynamicImage); 4] = [
        ("RGBA", rgb.to_rgba8().into()),
        ("RGBA, 16 bit", rgb.to_rgba16().into()),
        ("grey", rgb.to_luma_alpha8().into()),
        ("grey, 16 bit", rgb.to_luma_alpha16().into()),
    ];
    for (name, mut picture) in with_alpha {
        let expected = picture.to_rgb8();
        match &mut picture {
            DynamicImage::ImageRgba8(pixels) => pixels.pixels_mut().for_each(|pixel| pixel.0[3] = 0),
            DynamicImage::ImageRgba16(pixels) => pixels.pixels_mut().for_each(|pixel| pixel.0[3] = 0),
            DynamicImage::ImageLumaA8(pixels) => pixels.pixels_mut().for_each(|pixel| pixel.0[1] = 0),
            DynamicImage::ImageLumaA16(pixels) => pixels.pixels_mut().for_each(|pixel| pixel.0[1] = 0),
            _ => unreachable!("all have alpha"),
        }
        let decoded = Picture::decode(&encode(&picture, ImageFormat::Png), &Limits::default()).unwrap();
        assert!(mean_difference(&decoded, &expected) < 0.5, "{name}");
    }
}

#[test]
fn a_gif_without_its_trailer_is_read_and_one_without_all_its_data_is_not() {
    let picture = DynamicImage::ImageRgb8(scene(30, 20));
    let bytes = encode(&picture, ImageFormat::Gif);
    let whole = Picture::decode(&bytes, &Limits::default()).unwrap();
    assert_eq!(bytes.last(), Some(&0x3B));
    let without = Picture::decode(&bytes[..bytes.len() - 1], &Limits::default()).unwrap();
    assert!(whole.pixels() == without.pixels());
    for length in (20..bytes.len() - 8).step_by(5) {
        let error = Picture::decode(&bytes[..length], &Limits::default()).unwrap_err();
        assert_eq!(error, DecodeError::Broken { format: "GIF" }, "cut to {length} of {}", bytes.len());
    }
}

#[test]
fn a_gif_gives_its_first_frame() {
    let frames = [[200, 30, 30], [30, 30, 200]].map(|colour| {
        let frame = RgbImage::from_pixel(20, 10, Rgb(colour));
        image::Frame::new(DynamicImage::ImageRgb8(frame).to_rgba8())
    });
    let mut bytes = Vec::new();
    image::codecs::gif::GifEncoder::new(&mut bytes).encode_frames(frames).unwrap();
    let decoded = Picture::decode(&bytes, &Limits::default()).unwrap();
    assert_eq!((decoded.width(), decoded.height()), (20, 10));
    assert!(decoded.pixels()[0] > 150 && decoded.pixels()[2] < 80);
}

#[test]
fn what_is_not_a_picture_is_unsupported() {
    let cases: [(&str, &[u8]); 5] = [
        ("nothing", b""),
        ("text", b"hello, this is no picture at all"),
        ("WebP", b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0"),
        ("TIFF", b"II*\0\x08\0\0\0\0\0\0\0"),
        ("PDF", b"%PDF-1.7\n"),
    ];
    for (name, bytes) in cases {
        assert_eq!(Picture::decode(bytes, &Limits::default()).unwrap_err(), DecodeError::Unsupported, "{name}");
    }
}

#[test]
fn sizes_beyond_the_limits_are_refused() {
    let bytes = encode(&DynamicImage::ImageRgb8(scene(60, 40)), ImageFormat::Png);
    let limits = Limits { max_bytes: 1 << 20, max_pixels: 2400, max_side: 60 };
    assert!(Picture::decode(&bytes, &limits).is_ok(), "exactly at the limits");
    let too_large = DecodeError::TooManyPixels { width: 60, height: 40 };
    let cases = [
        ("pixels", Limits { max_pixels: 2399, ..limits }, too_large.clone()),
        ("side", Limits { max_side: 59, ..limits }, too_large),
        (
            "bytes",
            Limits { max_bytes: bytes.len() - 1, ..limits },
            DecodeError::TooManyBytes { bytes: bytes.len(), limit: bytes.len() - 1 },
        ),
    ];
    for (name, limits, expected) in cases {
        assert_eq!(Picture::decode(&bytes, &limits).unwrap_err(), expected, "{name}");
    }
}

/// CRC-32 as PNG defines it.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 })
    })
}

#[test]
fn headers_that_promise_gigapixels_are_refused_by_the_header() {
    let small = DynamicImage::ImageRgb8(scene(8, 8));

    let mut png = encode(&small, ImageFormat::Png);
    png[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
    let sum = crc(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&sum);

    let mut bmp = encode(&small, ImageFormat::Bmp);
    bmp[18..26].copy_from_slice(&[0x60, 0xEA, 0, 0, 0x60, 0xEA, 0, 0]);

    let mut gif = encode(&small, ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0x60, 0xEA, 0x60, 0xEA]);

    let mut jpeg = encode(&small, ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xEA, 0x60, 0xEA, 0x60]);

    for (name, bytes) in [("PNG", png), ("BMP", bmp), ("GIF", gif), ("JPEG", jpeg)] {
        let error = Picture::decode(&bytes, &Limits::default()).unwrap_err();
        assert_eq!(error, DecodeError::TooManyPixels { width: 60_000, height: 60_000 }, "{name}");
    }
}

#[test]
fn a_cut_off_jpeg_or_png_is_broken_wherever_its_data_ends() {
    let scene = DynamicImage::ImageRgb8(scene(64, 48));
    for (format, name) in [(ImageFormat::Jpeg, "JPEG"), (ImageFormat::Png, "PNG")] {
        let bytes = encode(&scene, format);
        // What ends a file holds nothing of the picture.
        let whole = bytes.len() - if name == "PNG" { 12 } else { 2 };
        for length in 8..whole {
            let result = Picture::decode(&bytes[..length], &Limits::default());
            assert!(matches!(result, Err(DecodeError::Broken { .. })), "{name} cut to {length} of {}", bytes.len());
        }
        let expected = Picture::decode(&bytes, &Limits::default()).unwrap();
        for length in whole..bytes.len() {
            let picture = Picture::decode(&bytes[..length], &Limits::default()).unwrap();
            let pairs = picture.pixels().iter().zip(expected.pixels());
            let largest = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(largest <= 4, "{name} cut to {length} of {} differs by {largest}", bytes.len());
        }
    }
}

#[test]
fn rubbish_after_the_end_is_harmless() {
    let scene = DynamicImage::ImageRgb8(scene(64, 48));
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::Bmp] {
        let mut bytes = encode(&scene, format);
        let clean = Picture::decode(&bytes, &Limits::default()).unwrap();
        bytes.extend([0xAB; 300]);
        let decoded = Picture::decode(&bytes, &Limits::default()).unwrap();
        assert!(clean.pixels() == decoded.pixels(), "{format:?}");
    }
}

const MAGIC: [&[u8]; 5] = [b"", b"\xFF\xD8\xFF\xE0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM"];

/// Small, so that a damaged header cannot make a test slow.
const SMALL: Limits = Limits { max_bytes: 1 << 20, max_pixels: 1 << 20, max_side: 4096 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_give_a_picture_or_an_error(magic in 0..MAGIC.len(), rest in proptest::collection::vec(any::<u8>(), 0..600)) {
        let bytes = [MAGIC[magic], &rest].concat();
        if let Ok(picture) = Picture::decode(&bytes, &SMALL) {
            prop_assert!(u64::from(picture.width()) * u64::from(picture.height()) <= SMALL.max_pixels);
        }
    }

    #[test]
    fn damage_gives_a_picture_or_an_error(
        format in 0usize..4,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let format = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::Bmp][format];
        let mut bytes = encode(&DynamicImage::ImageRgb8(scene(37, 23)), format);
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        if let Ok(picture) = Picture::decode(&bytes, &SMALL) {
            let expected = picture.width() as usize * picture.height() as usize * 3;
            prop_assert_eq!(picture.pixels().len(), expected);
        }
    }
}

#[test]
fn errors_and_debug_show_no_pixels() {
    let picture = DynamicImage::ImageRgb8(scene(9, 7));
    let decoded = Picture::decode(&encode(&picture, ImageFormat::Png), &Limits::default()).unwrap();
    assert_eq!(format!("{decoded:?}"), "Picture(9 x 7)");
    assert_eq!(picture.dimensions(), (9, 7));
}

//! Pictures of every format that is read. They are made, not kept: small ones of each kind.

use crate::Target;
use image::{DynamicImage, ImageFormat, RgbImage};
use likeness_specimens::exif::{self, Stored};
use likeness_specimens::jpeg::{self, End, Jpeg, Process};
use likeness_specimens::png::{self, Png};
use likeness_vision::{Limits, Picture};
use std::io::Cursor;

pub(crate) const TARGETS: &[Target] = &[
    Target::with("picture", decode, usual),
    Target::with("jpeg", decode, jpegs),
    Target::with("png", decode, pngs),
    Target::with("exif", turned, blocks),
];

/// Small limits, so that a header that lies is refused and not obeyed.
fn decode(input: &[u8]) -> bool {
    let limits = Limits { max_pixels: 250_000, ..Limits::default() };
    Picture::decode(input, &limits).is_ok()
}

/// What a common tool writes.
fn usual() -> Vec<Vec<u8>> {
    let rgb = DynamicImage::from(RgbImage::from_fn(37, 23, |x, y| {
        image::Rgb([(x * 7) as u8, (y * 11) as u8, (x + y) as u8])
    }));
    let kinds =
        [rgb.clone(), rgb.to_luma8().into(), rgb.to_rgba8().into(), rgb.to_rgb16().into(), rgb.to_luma16().into()];
    let mut pictures = Vec::new();
    for picture in &kinds {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::Bmp] {
            let mut bytes = Cursor::new(Vec::new());
            // Not every format holds every kind.
            if picture.write_to(&mut bytes, format).is_ok() {
                pictures.push(bytes.into_inner());
            }
        }
    }
    pictures
}

fn draw(channel: usize, x: u32, y: u32) -> u8 {
    (x * 5 + y * 3 + 60 * channel as u32) as u8
}

/// What unusual JPEG files are made of: markers, scans in any groups, restarts, and no end.
fn jpegs() -> Vec<Vec<u8>> {
    let samplings: [&[(u8, u8)]; 6] = [
        &[(1, 1)],
        &[(2, 2), (1, 1), (1, 1)],
        &[(1, 1), (2, 2), (2, 1)],
        &[(3, 1), (2, 1), (1, 4)],
        &[(4, 1), (1, 1), (1, 1)],
        &[(1, 1), (1, 1), (1, 1), (1, 1)],
    ];
    let mut files = Vec::new();
    for sampling in samplings {
        for process in [Process::Baseline, Process::Extended, Process::Progressive] {
            let mut file = Jpeg::new(37, 23, sampling);
            file.process = process;
            files.push(file.encode(draw));
            (file.restart, file.end) = (2, End::Instead(Vec::new()));
            file.scans = (0..sampling.len()).map(|component| vec![component]).collect();
            let exif = [b"Exif\0\0".as_slice(), &exif::orientation(6, Stored::Long, false)].concat();
            files.push(jpeg::with_segment(&file.encode(draw), 0xE1, &exif));
        }
    }
    let plain = files[0].clone();
    files.extend([jpeg::named_as(&plain, 0xC3), jpeg::with_precision(&plain, 12), jpeg::with_late_height(&plain)]);
    files
}

/// Chunks in any order, cut anywhere, with an orientation in one of them.
fn pngs() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for (colour, depth) in [(0, 1), (0, 16), (2, 8), (3, 4), (4, 8), (6, 16)] {
        for interlaced in [false, true] {
            let file = Png { width: 21, height: 13, colour, depth, interlaced };
            let mut bytes = file.without_end(draw);
            files.push(bytes.clone());
            png::chunk(&mut bytes, b"eXIf", &exif::orientation(8, Stored::Byte, true));
            png::end(&mut bytes);
            files.push(bytes);
        }
    }
    files
}

/// EXIF blocks: of both byte orders, and with every way to store a number.
fn blocks() -> Vec<Vec<u8>> {
    let stored = [Stored::Byte, Stored::Short, Stored::Long];
    stored
        .into_iter()
        .flat_map(|stored| [true, false].map(|big_endian| exif::orientation(6, stored, big_endian)))
        .collect()
}

/// An EXIF block in a picture of each format that has one. Both must be read, whatever the block says, and in the same way.
fn turned(block: &[u8]) -> bool {
    let (width, height) = (5, 3);
    let mut png = Png { width, height, colour: 0, depth: 8, interlaced: false }.without_end(draw);
    png::chunk(&mut png, b"eXIf", block);
    png::end(&mut png);
    let jpeg = Jpeg::new(5, 3, &[(1, 1)]).encode(draw);
    let sizes = [Some(png), in_segment(&jpeg, block)].into_iter().flatten().map(|file| {
        let picture = Picture::decode(&file, &Limits::default()).expect("a picture is read whatever its EXIF says");
        (picture.width(), picture.height())
    });
    let sizes: Vec<(u32, u32)> = sizes.collect();
    assert!(sizes.windows(2).all(|pair| pair[0] == pair[1]), "the two formats are turned differently");
    sizes[0] != (width, height)
}

/// The JPEG with this EXIF block, if it fits into a segment.
fn in_segment(jpeg: &[u8], block: &[u8]) -> Option<Vec<u8>> {
    let content = [b"Exif\0\0", block].concat();
    (content.len() < usize::from(u16::MAX) - 2).then(|| jpeg::with_segment(jpeg, 0xE1, &content))
}

//! Draws what was found onto the photo: boxes, numbers, landmarks.

use anyhow::{Context, Result};
use image::{Rgb, RgbImage};
use likeness_vision::{Face, Picture, Rect};
use std::path::{Path, PathBuf};

const BOX: Rgb<u8> = Rgb([255, 193, 7]);
const BEST: Rgb<u8> = Rgb([46, 204, 64]);
const DOT: Rgb<u8> = Rgb([0, 229, 255]);
const INK: Rgb<u8> = Rgb([0, 0, 0]);

/// Digits as 3 x 5 dots, a row of three bits each: enough to number faces, without a font.
const DIGITS: [[u8; 5]; 10] = [
    [7, 5, 5, 5, 7],
    [2, 6, 2, 2, 7],
    [7, 1, 7, 4, 7],
    [7, 1, 7, 1, 7],
    [5, 5, 7, 1, 1],
    [7, 4, 7, 1, 7],
    [7, 4, 7, 5, 7],
    [7, 1, 1, 1, 1],
    [7, 5, 7, 5, 7],
    [7, 5, 7, 1, 7],
];

/// Where the annotated picture of a photo goes.
///
/// # Errors
/// When the folder cannot be made.
pub(super) fn place(asked: &Path, photo: &Path, photos: usize) -> Result<PathBuf> {
    if photos == 1 {
        return Ok(asked.to_owned());
    }
    std::fs::create_dir_all(asked).with_context(|| format!("the folder {} cannot be made", asked.display()))?;
    let stem = photo.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(asked.join(format!("{stem}.png")))
}

/// Draws every face in one colour.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(picture: &Picture, faces: &[Face], file: &Path) -> Result<()> {
    write_marked(picture, faces, None, file)
}

/// Draws every face, one of them marked.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write_marked(picture: &Picture, faces: &[Face], marked: Option<usize>, file: &Path) -> Result<()> {
    let mut canvas = RgbImage::from_raw(picture.width(), picture.height(), picture.pixels().to_vec())
        .context("the picture does not have the size it says")?;
    let pen = i32::try_from(picture.width().max(picture.height()) / 400).unwrap_or(1).max(1);
    // Faces are in pixels of the photo, which may be larger than what was kept of it.
    let shrunk = i32::try_from(picture.shrunk()).unwrap_or(1);
    for (number, face) in faces.iter().enumerate() {
        let colour = if marked == Some(number) { BEST } else { BOX };
        let rect = Rect {
            left: face.rect.left / shrunk,
            top: face.rect.top / shrunk,
            width: face.rect.width / shrunk,
            height: face.rect.height / shrunk,
        };
        let (right, bottom) = (rect.left + rect.width, rect.top + rect.height);
        fill(&mut canvas, rect.left, rect.top, rect.width, pen, colour);
        fill(&mut canvas, rect.left, bottom - pen, rect.width, pen, colour);
        fill(&mut canvas, rect.left, rect.top, pen, rect.height, colour);
        fill(&mut canvas, right - pen, rect.top, pen, rect.height, colour);
        label(&mut canvas, rect.left, rect.top, pen * 2, number + 1, colour);
        for (_, point) in face.landmarks.iter().flat_map(|landmarks| landmarks.named()) {
            #[expect(clippy::cast_possible_truncation, reason = "a pixel position fits i32")]
            let (x, y) = (point.x.round() as i32 / shrunk, point.y.round() as i32 / shrunk);
            fill(&mut canvas, x - pen / 2, y - pen / 2, pen, pen, DOT);
        }
    }
    canvas
        .save_with_format(file, image::ImageFormat::Png)
        .with_context(|| format!("{} cannot be written", file.display()))
}

fn label(canvas: &mut RgbImage, left: i32, top: i32, dot: i32, number: usize, colour: Rgb<u8>) {
    let text = number.to_string();
    let width = i32::try_from(text.len()).unwrap_or(1) * 4 * dot + dot;
    let top = top - 7 * dot;
    fill(canvas, left, top, width, 7 * dot, colour);
    for (place, digit) in text.bytes().enumerate() {
        let x = left + dot + i32::try_from(place).unwrap_or(0) * 4 * dot;
        for (row, bits) in (0_i32..).zip(DIGITS[usize::from(digit - b'0')]) {
            for column in (0..3).filter(|column| bits & (4 >> column) != 0) {
                fill(canvas, x + column * dot, top + dot + row * dot, dot, dot, INK);
            }
        }
    }
}

/// A filled rectangle, clipped to the canvas.
fn fill(canvas: &mut RgbImage, left: i32, top: i32, width: i32, height: i32, colour: Rgb<u8>) {
    for y in top..top + height {
        for x in left..left + width {
            if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y))
                && x < canvas.width()
                && y < canvas.height()
            {
                canvas.put_pixel(x, y, colour);
            }
        }
    }
}

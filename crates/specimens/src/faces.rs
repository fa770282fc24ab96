//! Faces in trouble.

use fastrand::Rng;
use image::imageops::{FilterType, crop_imm, overlay, resize};
use image::{Rgb, RgbImage};

/// A square around a face, in pixels; it may reach out of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Square {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Width and height.
    pub side: f32,
}

impl Square {
    /// The middle.
    pub fn centre(&self) -> (f32, f32) {
        (self.left + self.side / 2.0, self.top + self.side / 2.0)
    }

    /// Intersection over union with a rectangle of left, top, width and height.
    pub fn overlap(&self, [left, top, width, height]: [f32; 4]) -> f32 {
        let across = (self.left + self.side).min(left + width) - self.left.max(left);
        let down = (self.top + self.side).min(top + height) - self.top.max(top);
        let shared = across.max(0.0) * down.max(0.0);
        shared / (self.side * self.side + width * height - shared)
    }

    fn scaled(self, by: f32) -> Self {
        Self { left: self.left * by, top: self.top * by, side: self.side * by }
    }

    fn moved(self, x: f32, y: f32) -> Self {
        Self { left: self.left + x, top: self.top + y, ..self }
    }
}

/// A picture of one person, upright.
#[derive(Clone)]
pub struct Portrait {
    /// The picture.
    pub picture: RgbImage,
    /// Where the face is, as the product reports it.
    pub face: Square,
}

/// A picture with one face in it.
pub struct Specimen {
    /// The picture.
    pub picture: RgbImage,
    /// Where the face is.
    pub face: Square,
    /// By how many degrees it is turned clockwise.
    pub turn: f32,
}

/// What lies behind a face that is pasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// One grey.
    Plain,
    /// Soft blots of colour, as an unsharp scene has.
    Blots,
}

impl Ground {
    /// A picture of it alone.
    pub fn paint(self, width: u32, height: u32, random: &mut Rng) -> RgbImage {
        match self {
            Self::Plain => {
                let grey = random.u8(40..220);
                RgbImage::from_pixel(width, height, Rgb([grey; 3]))
            }
            Self::Blots => {
                let pitch = random.u32(30..90);
                let coarse = RgbImage::from_fn(width / pitch + 2, height / pitch + 2, |_, _| {
                    Rgb([random.u8(..), random.u8(..), random.u8(..)])
                });
                stretched(&coarse, width, height)
            }
        }
    }
}

/// A face of this many pixels somewhere in a frame.
pub fn small_face(portrait: &Portrait, pixels: f32, frame: (u32, u32), ground: Ground, random: &mut Rng) -> Specimen {
    let scale = pixels / portrait.face.side;
    let small = scaled(&portrait.picture, scale);
    let mut picture = ground.paint(frame.0, frame.1, random);
    let left = random.u32(0..=frame.0.saturating_sub(small.width()));
    let top = random.u32(0..=frame.1.saturating_sub(small.height()));
    overlay(&mut picture, &small, i64::from(left), i64::from(top));
    Specimen { picture, face: portrait.face.scaled(scale).moved(left as f32, top as f32), turn: 0.0 }
}

/// As many people side by side as are wanted and fit, each turned by some degrees and cut out with half a face around the
/// face; in turn those whom the portraits show. Gives the picture, and where the faces are.
pub fn crowd(
    portraits: &[Portrait],
    many: usize,
    pixels: f32,
    frame: (u32, u32),
    degrees: f32,
    random: &mut Rng,
) -> (RgbImage, Vec<Square>) {
    let mut picture = Ground::Plain.paint(frame.0, frame.1, random);
    let cell = (pixels * 2.0) as u32;
    let mut places: Vec<(u32, u32)> = (0..frame.1 / cell)
        .flat_map(|row| (0..frame.0 / cell).map(move |column| (column * cell, row * cell)))
        .collect();
    random.shuffle(&mut places);
    places.truncate(many);
    let faces = places.into_iter().zip(portraits.iter().cycle()).map(|((left, top), portrait)| {
        let Specimen { picture: cut, face, .. } = tight_crop(portrait, 0.5, pixels / portrait.face.side);
        let turned = turned(&Portrait { picture: cut, face }, degrees);
        overlay(&mut picture, &turned.picture, i64::from(left), i64::from(top));
        turned.face.moved(left as f32, top as f32)
    });
    let faces = faces.collect();
    (picture, faces)
}

/// The face cut out with this margin around it, as a share of its side, and enlarged.
pub fn tight_crop(portrait: &Portrait, margin: f32, scale: f32) -> Specimen {
    let Square { left, top, side } = portrait.face;
    let (width, height) = (portrait.picture.width() as f32, portrait.picture.height() as f32);
    let from = |start: f32| (start - margin * side).max(0.0).round();
    let to = |start: f32, end: f32| (start + (1.0 + margin) * side).min(end).round();
    let (x, y) = (from(left), from(top));
    let (across, down) = ((to(left, width) - x).max(1.0), (to(top, height) - y).max(1.0));
    let cut = crop_imm(&portrait.picture, x as u32, y as u32, across as u32, down as u32).to_image();
    Specimen { picture: scaled(&cut, scale), face: portrait.face.moved(-x, -y).scaled(scale), turn: 0.0 }
}

/// The portrait, larger or smaller.
pub fn enlarged(portrait: &Portrait, scale: f32) -> Specimen {
    Specimen { picture: scaled(&portrait.picture, scale), face: portrait.face.scaled(scale), turn: 0.0 }
}

/// The portrait turned clockwise by some degrees, on grey, nothing cut off.
pub fn turned(portrait: &Portrait, degrees: f32) -> Specimen {
    let (width, height) = (portrait.picture.width() as f32, portrait.picture.height() as f32);
    let (sin, cos) = degrees.to_radians().sin_cos();
    let across = (width * cos.abs() + height * sin.abs()).round().max(1.0);
    let down = (width * sin.abs() + height * cos.abs()).round().max(1.0);
    let picture = RgbImage::from_fn(across as u32, down as u32, |x, y| {
        let (x, y) = (x as f32 + 0.5 - across / 2.0, y as f32 + 0.5 - down / 2.0);
        bilinear(&portrait.picture, x * cos + y * sin + width / 2.0 - 0.5, y * cos - x * sin + height / 2.0 - 0.5)
    });
    let (x, y) = portrait.face.centre();
    let (x, y) = (x - width / 2.0, y - height / 2.0);
    let (x, y) = (x * cos - y * sin + across / 2.0, x * sin + y * cos + down / 2.0);
    let side = portrait.face.side;
    Specimen { picture, face: Square { left: x - side / 2.0, top: y - side / 2.0, side }, turn: degrees }
}

fn scaled(picture: &RgbImage, by: f32) -> RgbImage {
    let side = |length: u32| ((length as f32 * by).round() as u32).max(1);
    let (width, height) = (side(picture.width()), side(picture.height()));
    if by < 1.0 { resize(picture, width, height, FilterType::Triangle) } else { stretched(picture, width, height) }
}

/// Enlarged by straight lines between pixels. Tests make thousands of pictures, and smoother curves cost several times this.
fn stretched(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    // Of each new column or row: the two old ones around its middle, and how near it is to the second, in 256ths.
    let places = |from: u32, to: u32| -> Vec<(u32, u32, i32)> {
        let of = |at: u32| {
            let middle = ((at as f32 + 0.5) * from as f32 / to as f32 - 0.5).clamp(0.0, from as f32 - 1.0);
            (middle as u32, (middle as u32 + 1).min(from - 1), (middle.fract() * 256.0) as i32)
        };
        (0..to).map(of).collect()
    };
    let between = |a: i32, b: i32, share: i32| a * 256 + (b - a) * share;
    let (columns, rows) = (places(picture.width(), width), places(picture.height(), height));
    let mut large = RgbImage::new(width, height);
    for (line, &(above, below, down)) in large.rows_mut().zip(&rows) {
        for (pixel, &(left, right, across)) in line.zip(&columns) {
            let at = |x: u32, y: u32| picture.get_pixel(x, y).0.map(i32::from);
            let (a, b, c, d) = (at(left, above), at(right, above), at(left, below), at(right, below));
            pixel.0 = [0, 1, 2].map(|i| {
                let (upper, lower) = (between(a[i], b[i], across), between(c[i], d[i], across));
                (between(upper, lower, down) >> 16) as u8
            });
        }
    }
    large
}

/// The colour at a place given in pixel centres; grey outside.
fn bilinear(picture: &RgbImage, x: f32, y: f32) -> Rgb<u8> {
    let (left, top) = (x.floor(), y.floor());
    let (across, down) = (x - left, y - top);
    let at = |x: f32, y: f32| {
        let inside = x >= 0.0 && y >= 0.0 && x < picture.width() as f32 && y < picture.height() as f32;
        if inside { picture.get_pixel(x as u32, y as u32).0.map(f32::from) } else { [90.0; 3] }
    };
    let (a, b, c, d) = (at(left, top), at(left + 1.0, top), at(left, top + 1.0), at(left + 1.0, top + 1.0));
    Rgb([0, 1, 2].map(|i| {
        let upper = a[i] + (b[i] - a[i]) * across;
        let lower = c[i] + (d[i] - c[i]) * across;
        (upper + (lower - upper) * down).round() as u8
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A red square on black stands for the face.
    fn portrait() -> Portrait {
        let face = Square { left: 40.0, top: 20.0, side: 30.0 };
        let picture = RgbImage::from_fn(120, 90, |x, y| {
            let inside = (40..70).contains(&x) && (20..50).contains(&y);
            Rgb([if inside { 255 } else { 0 }, 0, 0])
        });
        Portrait { picture, face }
    }

    /// The bounding square of what is red, more than by half: resampling blurs the edge.
    fn red(picture: &RgbImage) -> [f32; 4] {
        let (mut low, mut high) = ((u32::MAX, u32::MAX), (0, 0));
        for (x, y, _) in picture.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[0].saturating_sub(pixel.0[1]) > 127)
        {
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x + 1), high.1.max(y + 1));
        }
        [low.0 as f32, low.1 as f32, (high.0 - low.0) as f32, (high.1 - low.1) as f32]
    }

    #[test]
    fn the_face_is_where_the_specimen_says() {
        let mut random = Rng::with_seed(1);
        let portrait = portrait();
        let mut specimens = vec![
            ("half as large", enlarged(&portrait, 0.5)),
            ("larger", enlarged(&portrait, 2.5)),
            ("cut out", tight_crop(&portrait, 0.2, 2.0)),
            ("cut out to the edge", tight_crop(&portrait, 0.0, 1.0)),
            ("pasted", small_face(&portrait, 36.0, (640, 480), Ground::Plain, &mut random)),
        ];
        for turn in [90.0, 180.0, 270.0] {
            specimens.push(("turned", turned(&portrait, turn)));
        }
        for (name, specimen) in specimens {
            let overlap = specimen.face.overlap(red(&specimen.picture));
            assert!(overlap > 0.85, "{name}: {overlap}");
        }
    }
}

//! Things to wear, drawn onto photos: masks, glasses, hats, hands, and bad light and focus. Every drawing takes its
//! colours, sizes and cuts from a seed, so that no two are alike and every run draws the same.

use fastrand::Rng;
use image::{Rgb, RgbImage};

/// What can be put on a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Costume {
    /// A mask over nose and mouth.
    Mask,
    /// A mask worn under the nose.
    LowMask,
    /// Glasses with dark lenses.
    DarkGlasses,
    /// A frame with clear lenses.
    ClearGlasses,
    /// A cap, a knitted cap or a hat with a brim.
    Hat,
    /// Fingers of the face's own colour over the mouth.
    HandOnMouth,
    /// Fingers over the eyes.
    HandOnEyes,
    /// Fingers over the forehead.
    HandOnForehead,
}

/// A place in a photo, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

/// Where a face is, for whoever draws on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Marks {
    /// The pupils, the image's left one first.
    pub eyes: [Point; 2],
    /// The corners of the mouth, the image's left one first.
    pub mouth: [Point; 2],
}

/// Coordinates of a face: `u` along the eyes, `v` down the face; the eyes are at (-0.5, 0) and (0.5, 0), the mouth at
/// (0, 1). A turned head squeezes `u`, which is what it does to glasses too.
struct Frame {
    origin: Point,
    across: Point,
    down: Point,
}

impl Frame {
    fn of(face: &Marks) -> Self {
        let [left_eye, right_eye] = face.eyes;
        let [left_corner, right_corner] = face.mouth;
        let midway = |a: Point, b: Point| Point { x: (a.x + b.x) / 2.0, y: (a.y + b.y) / 2.0 };
        let (origin, mouth) = (midway(left_eye, right_eye), midway(left_corner, right_corner));
        Self {
            origin,
            across: Point { x: right_eye.x - left_eye.x, y: right_eye.y - left_eye.y },
            down: Point { x: mouth.x - origin.x, y: mouth.y - origin.y },
        }
    }

    fn place(&self, u: f32, v: f32) -> (f32, f32) {
        (self.origin.x + u * self.across.x + v * self.down.x, self.origin.y + u * self.across.y + v * self.down.y)
    }

    fn back(&self, x: f32, y: f32) -> (f32, f32) {
        let (x, y) = (x - self.origin.x, y - self.origin.y);
        let det = self.across.x * self.down.y - self.across.y * self.down.x;
        ((x * self.down.y - y * self.down.x) / det, (y * self.across.x - x * self.across.y) / det)
    }
}

type Colour = [f32; 3];

/// Paints where `ink` answers a colour and how much it covers; four samples a pixel.
fn paint(photo: &mut RgbImage, frame: &Frame, ink: impl Fn(f32, f32) -> Option<(Colour, f32)>) {
    let corners = [(-2.5, -3.0), (2.5, -3.0), (-2.5, 2.6), (2.5, 2.6)].map(|(u, v)| frame.place(u, v));
    let span = |values: [f32; 4], length: u32| {
        let low = values.into_iter().fold(f32::INFINITY, f32::min).max(0.0) as u32;
        let high = values.into_iter().fold(0.0, f32::max).min(length as f32) as u32;
        low.min(length)..high
    };
    for y in span(corners.map(|c| c.1), photo.height()) {
        for x in span(corners.map(|c| c.0), photo.width()) {
            let old = photo.get_pixel(x, y).0.map(f32::from);
            let mut new = [0.0; 3];
            for (dx, dy) in [(-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25)] {
                let (u, v) = frame.back(x as f32 + dx, y as f32 + dy);
                let (colour, cover) = ink(u, v).unwrap_or((old, 0.0));
                (0..3).for_each(|i| new[i] += (old[i] + (colour[i] - old[i]) * cover) / 4.0);
            }
            photo.put_pixel(x, y, Rgb(new.map(|value| value.round().clamp(0.0, 255.0) as u8)));
        }
    }
}

fn times(colour: Colour, factor: f32) -> Colour {
    colour.map(|value| value * factor)
}

fn between(random: &mut Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * random.f32()
}

fn one_of<T: Copy>(random: &mut Rng, choices: &[T]) -> T {
    choices[random.usize(..choices.len())]
}

/// Mean colour and brightness of the middle of the face, which lights what is drawn on it.
fn cheeks(photo: &RgbImage, frame: &Frame) -> Colour {
    let mut sum = [0.0; 3];
    let mut count = 0.0;
    for (u, v) in [(-0.5, 0.5), (0.5, 0.5), (-0.4, 0.6), (0.4, 0.6), (0.0, 0.45)] {
        let (x, y) = frame.place(u, v);
        if x >= 0.0 && y >= 0.0 && (x as u32) < photo.width() && (y as u32) < photo.height() {
            let pixel = photo.get_pixel(x as u32, y as u32).0;
            (0..3).for_each(|i| sum[i] += f32::from(pixel[i]));
            count += 1.0;
        }
    }
    sum.map(|value| value / f32::max(count, 1.0))
}

/// Draws a costume on a face.
pub fn wear(photo: &mut RgbImage, face: &Marks, costume: Costume, seed: u64) {
    let frame = Frame::of(face);
    let random = &mut Rng::with_seed(seed);
    let skin = cheeks(photo, &frame);
    // Cloth and frames are as bright as the light on the face lets them be.
    let light = (skin.iter().sum::<f32>() / 3.0 / 150.0).clamp(0.35, 1.3);
    match costume {
        Costume::Mask => {
            let top = between(random, 0.28, 0.5);
            mask(photo, &frame, random, light, top);
        }
        Costume::LowMask => mask(photo, &frame, random, light, 0.8),
        Costume::DarkGlasses => glasses(photo, &frame, random, light, true),
        Costume::ClearGlasses => glasses(photo, &frame, random, light, false),
        Costume::Hat => hat(photo, &frame, random, light),
        Costume::HandOnMouth => hand(photo, &frame, random, skin, 0.58, 1.5),
        Costume::HandOnEyes => hand(photo, &frame, random, skin, -0.34, 0.32),
        Costume::HandOnForehead => hand(photo, &frame, random, skin, -1.15, -0.42),
    }
}

fn mask(photo: &mut RgbImage, frame: &Frame, random: &mut Rng, light: f32, top: f32) {
    let colours: [Colour; 9] = [
        [120., 180., 215.],
        [160., 205., 230.],
        [235., 235., 235.],
        [30., 30., 34.],
        [110., 180., 150.],
        [225., 160., 180.],
        [60., 70., 110.],
        [150., 40., 45.],
        [205., 190., 165.],
    ];
    let base = times(one_of(random, &colours), light);
    let second = times(one_of(random, &colours), light);
    let (pattern, pleats) = (random.u8(..5), random.bool());
    let (wide, bottom) = (between(random, 0.85, 1.02), between(random, 1.7, 1.95));
    paint(photo, frame, |u, v| {
        let loop_at = ((u.abs() - 0.95) / 0.22, (0.45 + (top - 0.4) - v) / 0.4);
        if (0.0..1.0).contains(&loop_at.0) && (loop_at.0 - loop_at.1).abs() < 0.08 {
            return Some((times([230.; 3], light), 0.9));
        }
        let edge = wide - 0.22 * ((v - top) / (bottom - top)).clamp(0.0, 1.0).powi(2);
        let upper = top + 0.14 * (u / wide).powi(2) * if top < 0.6 { 1.0 } else { -0.5 };
        if u.abs() > edge || v < upper || v > bottom - 0.4 * (u / wide).powi(2) {
            return None;
        }
        let mut colour = match pattern {
            0 if (v * 9.0).sin() > 0.3 => second,
            1 if (u * 11.0).sin() * (v * 11.0).sin() > 0.45 => second,
            _ => base,
        };
        let shade = 0.72 + 0.28 * (1.0 - (u / 1.1).powi(2)).max(0.0).sqrt();
        let fold = pleats && [0.25, 0.5, 0.72].iter().any(|at| (v - top - at * (bottom - top)).abs() < 0.018);
        colour = times(colour, shade * if fold { 0.82 } else { 1.0 });
        Some((colour, 1.0))
    });
}

fn glasses(photo: &mut RgbImage, frame: &Frame, random: &mut Rng, light: f32, dark: bool) {
    let (a, b) = (between(random, 0.34, 0.45), between(random, 0.22, 0.34));
    let power = one_of(random, &[2.0f32, 2.6, 4.0]);
    let drop = between(random, 0.0, 0.1);
    let thick = if dark { between(random, 0.03, 0.09) } else { between(random, 0.035, 0.1) };
    let rims: [Colour; 6] =
        [[15., 15., 18.], [70., 45., 25.], [130., 30., 35.], [120., 122., 128.], [30., 40., 90.], [175., 150., 90.]];
    let rim = times(one_of(random, &rims), light.max(0.6));
    let tints: [Colour; 5] = [[12., 12., 14.], [38., 26., 18.], [18., 30., 24.], [16., 20., 40.], [45., 40., 42.]];
    let tint = times(one_of(random, &tints), light.max(0.5));
    let opacity = between(random, 0.82, 0.99);
    let glint = random.bool();
    paint(photo, frame, |u, v| {
        let (x, y) = (u.abs() - 0.5, v - drop);
        let inside = |grow: f32| (x / (a + grow)).abs().powf(power) + (y / (b + grow)).abs().powf(power) <= 1.0;
        if inside(0.0) {
            let streak = glint && (x - 0.6 * y + 0.12).abs() < 0.05;
            return match (dark, streak) {
                (true, true) => Some((times([200.; 3], light), 0.5)),
                (true, false) => Some((times(tint, 1.0 + 0.8 * (y / b).max(0.0)), opacity)),
                (false, true) => Some(([245.; 3], 0.18)),
                (false, false) => Some(([235.; 3], 0.04)),
            };
        }
        let bridge = u.abs() < 0.52 - a && (y + 0.08).abs() < thick * 0.8;
        let arm = x > a - 0.02 && x < 0.68 && (y + 0.1).abs() < thick * 0.7;
        (inside(thick) || bridge || arm).then_some((rim, 1.0))
    });
}

fn hat(photo: &mut RgbImage, frame: &Frame, random: &mut Rng, light: f32) {
    let colours: [Colour; 8] = [
        [25., 25., 30.],
        [190., 40., 45.],
        [40., 60., 130.],
        [60., 110., 70.],
        [215., 195., 140.],
        [230., 230., 230.],
        [110., 80., 55.],
        [220., 170., 50.],
    ];
    let base = times(one_of(random, &colours), light);
    let band = times(one_of(random, &colours), light);
    let (style, low) = (random.u8(..3), between(random, -0.8, -0.58));
    let wide = between(random, 1.2, 1.4);
    paint(photo, frame, |u, v| {
        let sag = low + if style == 1 { 0.1 } else { -0.06 } * u * u;
        let brim = match style {
            0 => u.abs() < wide && v > sag - 0.28 && v < sag,
            1 => u.abs() < 1.15 && v > sag - 0.24 && v < sag + 0.05,
            _ => u.abs() < wide + 0.7 && v > sag - 0.22 && v < sag,
        };
        let shade = 0.65 + 0.35 * (1.0 - (u / 2.2).powi(2)).max(0.0).sqrt();
        if brim {
            let texture = if style == 0 { 0.85 + 0.15 * (u * 38.0).sin() } else { 0.92 + 0.04 * (u * 60.0).sin() };
            return Some((times(if style == 2 { base } else { times(base, 0.8) }, shade * texture), 1.0));
        }
        if style != 0 && v >= sag && v < sag + 0.16 && u.abs() < 1.0 {
            return Some(([0.0; 3], 0.3 * (1.0 - (v - sag) / 0.16)));
        }
        let height = (sag - v) / 1.5;
        let crown = v < sag && height < 1.0 && u.abs() < wide * (1.0 - height * height).sqrt();
        crown.then(|| {
            let ribs = if style == 0 { 0.88 + 0.12 * (u * 38.0).sin() } else { 1.0 };
            let colour = if style == 2 && height < 0.35 { band } else { base };
            (times(colour, shade * ribs), 1.0)
        })
    });
}

/// Four fingers side by side from the top to the bottom of a region, or a flat thing of any colour.
fn hand(photo: &mut RgbImage, frame: &Frame, random: &mut Rng, skin: Colour, top: f32, bottom: f32) {
    let factor = between(random, 0.72, 1.12);
    let warm = between(random, 0.94, 1.06);
    let own = [skin[0] * factor * warm, skin[1] * factor, skin[2] * factor / warm];
    let is_thing = random.u8(..4) == 0;
    let things: [Colour; 4] = [[20., 20., 22.], [230., 230., 228.], [190., 50., 40.], [50., 90., 160.]];
    let thing = one_of(random, &things);
    let (side, slope) = (if random.bool() { 1.0 } else { -1.0 }, between(random, -0.12, 0.12));
    let fingers = random.usize(3..=4) as f32;
    let reach = between(random, 0.75, 1.0);
    paint(photo, frame, |u, v| {
        let (u, v) = (u * side, v - slope * u * side);
        let share = (v - top) / (bottom - top);
        if !(0.0..1.0).contains(&share) || u > 1.45 || u < -reach {
            return None;
        }
        if is_thing {
            return Some((times(thing, 0.9 + 0.1 * (1.0 - share)), 1.0));
        }
        let within = (share * fingers).fract() * 2.0 - 1.0;
        // Finger tips are round, and no two are equally long.
        let tip = -reach + 0.1 * (share * fingers).floor() % 0.3 + 0.12 * within * within;
        let nail = u < tip + 0.16 && u > tip + 0.03 && within.abs() < 0.55;
        (u > tip).then(|| {
            let shade = 0.6 + 0.4 * (1.0 - within * within).max(0.0).sqrt();
            (times(own, shade * if nail { 1.1 } else { 1.0 }), 1.0)
        })
    });
}

/// Softens a photo by a Gaussian.
pub fn soften(photo: &RgbImage, sigma: f32) -> RgbImage {
    image::imageops::blur(photo, sigma)
}

/// Adds Gaussian noise of this standard deviation, in 8-bit steps, to each channel.
pub fn grain(photo: &RgbImage, sigma: f32, seed: u64) -> RgbImage {
    let mut random = Rng::with_seed(seed);
    let mut noisy = photo.clone();
    for value in noisy.iter_mut() {
        // Twelve uniform numbers less their mean: a normal law for all that a photo can show.
        let normal = (0..12).map(|_| random.f32()).sum::<f32>() - 6.0;
        *value = (f32::from(*value) + sigma * normal).round().clamp(0.0, 255.0) as u8;
    }
    noisy
}

/// Gamma: above 1 darkens, below 1 brightens.
pub fn gamma(photo: &RgbImage, gamma: f32) -> RgbImage {
    let mut changed = photo.clone();
    changed.iter_mut().for_each(|value| {
        *value = ((f32::from(*value) / 255.0).powf(gamma) * 255.0).round() as u8;
    });
    changed
}

/// Turns a photo clockwise about its middle; black where nothing was.
pub fn turn(photo: &RgbImage, degrees: f32) -> RgbImage {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (cx, cy) = (photo.width() as f32 / 2.0, photo.height() as f32 / 2.0);
    RgbImage::from_fn(photo.width(), photo.height(), |x, y| {
        let (dx, dy) = (x as f32 - cx, y as f32 - cy);
        let (sx, sy) = (cx + dx * cos + dy * sin, cy - dx * sin + dy * cos);
        image::imageops::interpolate_bilinear(photo, sx, sy).unwrap_or(Rgb([0; 3]))
    })
}

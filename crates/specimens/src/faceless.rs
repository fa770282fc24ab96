//! Pictures without people, drawn: what detectors take for faces when they are careless.

use fastrand::Rng;
use image::RgbImage;

use crate::Ground;

/// Kinds of pictures without people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Soft blots of colour.
    Blots,
    /// Grain.
    Noise,
    /// Stripes, checks and rings.
    Pattern,
    /// Discs and boxes on top of each other, as toys, fruit and furniture are.
    Shapes,
    /// Two dark spots above a bar on something round: sockets, headlights, knobs of a cupboard.
    TwoSpots,
    /// A smiling disc, as children draw it.
    Smiley,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Blots, Self::Noise, Self::Pattern, Self::Shapes, Self::TwoSpots, Self::Smiley];

    /// One picture of this kind.
    pub fn draw(self, random: &mut Rng) -> RgbImage {
        let (width, height) = (random.u32(240..1300), random.u32(240..1000));
        let mut canvas = Canvas { picture: Ground::Plain.paint(width, height, random) };
        match self {
            Self::Blots => canvas.picture = Ground::Blots.paint(width, height, random),
            Self::Noise => canvas.grain(255.0, random),
            Self::Pattern => canvas.pattern(random),
            Self::Shapes => {
                for _ in 0..random.usize(5..60) {
                    canvas.shape(random);
                }
            }
            Self::TwoSpots | Self::Smiley => {
                canvas.picture = Ground::Blots.paint(width, height, random);
                for _ in 0..random.usize(1..5) {
                    canvas.spots(self == Self::Smiley, random);
                }
            }
        }
        if self != Self::Noise && random.bool() {
            canvas.grain(24.0, random);
        }
        canvas.picture
    }
}

struct Canvas {
    picture: RgbImage,
}

type Colour = [f32; 3];

fn colour(random: &mut Rng) -> Colour {
    [random.f32() * 255.0, random.f32() * 255.0, random.f32() * 255.0]
}

impl Canvas {
    fn size(&self) -> (f32, f32) {
        (self.picture.width() as f32, self.picture.height() as f32)
    }

    fn grain(&mut self, strength: f32, random: &mut Rng) {
        for pixel in self.picture.pixels_mut() {
            let shift = (random.f32() - 0.5) * strength;
            pixel.0 = pixel.0.map(|value| (f32::from(value) + shift).clamp(0.0, 255.0) as u8);
        }
    }

    fn pattern(&mut self, random: &mut Rng) {
        let (a, b) = (colour(random), colour(random));
        let pitch = 4.0 + random.f32() * 60.0;
        let (sin, cos) = (random.f32() * 3.0).sin_cos();
        let kind = random.u8(0..3);
        let (width, height) = self.size();
        for (x, y, pixel) in self.picture.enumerate_pixels_mut() {
            let (x, y) = (x as f32 - width / 2.0, y as f32 - height / 2.0);
            let (u, v) = ((x * cos + y * sin) / pitch, (y * cos - x * sin) / pitch);
            let wave = match kind {
                0 => u.sin(),
                1 => u.sin() * v.sin(),
                _ => u.hypot(v).sin(),
            };
            let share = 0.5 + 0.5 * wave;
            pixel.0 = [0, 1, 2].map(|i| (a[i] + (b[i] - a[i]) * share) as u8);
        }
    }

    /// An ellipse or a box with soft shading.
    fn shape(&mut self, random: &mut Rng) {
        let (width, height) = self.size();
        let centre = (random.f32() * width, random.f32() * height);
        let radii = (8.0 + random.f32() * width / 5.0, 8.0 + random.f32() * height / 5.0);
        let paint = colour(random);
        if random.bool() {
            self.ellipse(centre, radii, paint, random.f32() * 0.6);
        } else {
            self.each(centre, radii, |_, _| Some((paint, 1.0)));
        }
    }

    /// Something round with two spots and a bar or an arc.
    fn spots(&mut self, smiles: bool, random: &mut Rng) {
        let (width, height) = self.size();
        let side = width.min(height) * (0.08 + random.f32() * 0.3);
        let (x, y) = (side + random.f32() * (width - 2.0 * side), side + random.f32() * (height - 2.0 * side));
        let skin = if smiles { [250.0, 215.0, 60.0] } else { colour(random) };
        self.ellipse((x, y), (side, side * (0.9 + random.f32() * 0.3)), skin, if smiles { 0.0 } else { 0.5 });
        let dark = [20.0 + random.f32() * 60.0; 3];
        for eye in [-1.0, 1.0] {
            self.ellipse((x + eye * side * 0.4, y - side * 0.25), (side * 0.12, side * 0.12), dark, 0.0);
        }
        let (reach, thick) = (side * 0.45, side * 0.06);
        self.each((x, y + side * 0.35), (reach, reach * 0.6), |u, v| {
            let line = if smiles { 0.8 - 1.6 * u * u } else { 0.0 };
            ((v - line).abs() < thick / reach * 2.0).then_some((dark, 1.0))
        });
    }

    fn ellipse(&mut self, centre: (f32, f32), radii: (f32, f32), paint: Colour, shade: f32) {
        self.each(centre, radii, |u, v| {
            let out = u * u + v * v;
            let light = 1.0 - shade * (0.5 + 0.35 * u + 0.35 * v);
            (out <= 1.0).then_some((paint.map(|value| value * light), ((1.0 - out) * 20.0).min(1.0)))
        });
    }

    /// Paints where `f` of the place, in radii from the centre, gives a colour and how much it covers.
    fn each(&mut self, (x, y): (f32, f32), radii: (f32, f32), f: impl Fn(f32, f32) -> Option<(Colour, f32)>) {
        let (width, height) = self.size();
        let from = |middle: f32, radius: f32| (middle - radius).max(0.0) as u32;
        let to = |middle: f32, radius: f32, end: f32| (middle + radius).clamp(0.0, end) as u32;
        for row in from(y, radii.1)..to(y, radii.1, height) {
            for column in from(x, radii.0)..to(x, radii.0, width) {
                let place = ((column as f32 - x) / radii.0, (row as f32 - y) / radii.1);
                if let Some((paint, share)) = f(place.0, place.1) {
                    let pixel = self.picture.get_pixel_mut(column, row);
                    pixel.0 = [0, 1, 2].map(|i| {
                        let below = f32::from(pixel.0[i]);
                        (below + (paint[i] - below) * share).clamp(0.0, 255.0) as u8
                    });
                }
            }
        }
    }
}

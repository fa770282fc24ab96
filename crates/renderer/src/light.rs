//! What lights the scene: the room, and the page on the screen; and how an automatic exposure follows.
//!
//! Values of pictures are powers of light: the camera's curve has gamma 2.2, without a straight part. So a light that is
//! twice as strong multiplies every value of a picture by the same number.

use crate::geometry::{Rotation, Vector, difference, dot, rotated, unit};
use crate::prompt::{Colour, Prompt, Shown};

/// The camera's curve.
pub(crate) const GAMMA: f32 = 2.2;

/// Below this much light the exposure reaches no further, and pictures get dark.
pub(crate) const DARKEST_LUX: f32 = 12.0;

/// A screen below the camera, that faces the person.
#[derive(Clone, Copy)]
pub(crate) struct PageScreen {
    /// Luminance of white times area, in candela.
    pub(crate) candela: f32,
    /// Its middle, seen from the camera.
    pub(crate) middle_mm: Vector,
}

impl PageScreen {
    /// Lux of a white page on a surface.
    pub(crate) fn lux(&self, point: Vector, normal: Vector) -> f32 {
        let towards = difference(self.middle_mm, point);
        let square_mm = dot(towards, towards);
        let cosine = dot(normal, towards) / square_mm.sqrt();
        self.candela / (square_mm * 1e-6) * cosine.max(0.0)
    }

    /// Lux of a white page on a surface that faces it at this distance.
    pub(crate) fn lux_at(&self, distance_mm: f32) -> f32 {
        self.candela / (distance_mm * distance_mm * 1e-6)
    }
}

/// Where most of the room's light comes from: above, in front, a little to the left of the picture.
const ROOM_LIGHT: Vector = [-0.25, -0.80, -0.55];
/// Share of the room's light that depends on the direction.
const DIRECTED: f32 = 0.25;

/// How the room's light on a surface changes when it turns. The light at rest is already in the photo.
pub(crate) fn turned_room_light(normal: Vector, turned: Vector) -> f32 {
    let towards = unit(ROOM_LIGHT);
    let amount = |normal: Vector| 1.0 + DIRECTED * dot(normal, towards);
    amount(turned) / amount(normal)
}

/// The light of one moment, as the camera exposes it.
#[derive(Clone, Copy)]
pub(crate) struct Light {
    pub(crate) ambient_lux: f32,
    /// The page's colour: the share of white in each channel.
    pub(crate) page: [f32; 3],
    pub(crate) screen: PageScreen,
    /// One over the lux that give a picture its own brightness, for each channel.
    pub(crate) exposure: [f32; 3],
    /// What automatic exposure and white balance have changed of it.
    pub(crate) drift: [f32; 3],
}

impl Light {
    /// What a picture's values are multiplied by where so much of both lights arrives.
    pub(crate) fn factor(&self, room_share: f32, screen_lux: f32) -> [f32; 3] {
        std::array::from_fn(|channel| {
            let lux = self.ambient_lux * room_share + screen_lux * self.page[channel];
            (lux * self.exposure[channel]).max(0.0).powf(1.0 / GAMMA)
        })
    }

    /// The same for a surface that turned.
    pub(crate) fn on_surface(&self, point: Vector, normal: Vector, rotation: &Rotation) -> [f32; 3] {
        let turned = rotated(rotation, normal);
        self.factor(turned_room_light(normal, turned), self.screen.lux(point, turned))
    }
}

/// The colours that were on the page, and since when.
pub(crate) fn page_colours(shown: &[Shown]) -> Vec<(f64, Colour)> {
    let mut colours: Vec<(f64, Colour)> = Vec::new();
    for Shown { prompt, at_ms } in shown {
        // What an earlier prompt would have shown later is never seen.
        colours.retain(|(since, _)| since < at_ms);
        match prompt {
            Prompt::Settle { colours: list, .. } if !list.is_empty() => {
                let mut since = *at_ms;
                for (colour, milliseconds) in list {
                    colours.push((since, *colour));
                    since += milliseconds;
                }
            }
            Prompt::Light { colour } => colours.push((*at_ms, *colour)),
            _ => colours.push((*at_ms, Colour::PAGE)),
        }
    }
    colours
}

/// The colour at a time.
pub(crate) fn colour_at(colours: &[(f64, Colour)], at_ms: f64) -> Colour {
    colours.iter().rev().find(|(since, _)| *since <= at_ms).map_or(Colour::PAGE, |(_, colour)| *colour)
}

/// The page's light as an automatic exposure remembers it at a time: recent light counts most, by a time constant.
pub(crate) fn remembered(colours: &[(f64, Colour)], at_ms: f64, constant_ms: f64) -> [f32; 3] {
    let mut memory = Colour::PAGE.linear();
    let mut now = Colour::PAGE.linear();
    let mut since = f64::MIN;
    let follow = |memory: [f32; 3], now: [f32; 3], milliseconds: f64| -> [f32; 3] {
        let kept = (-milliseconds / constant_ms).exp() as f32;
        std::array::from_fn(|i| now[i] + (memory[i] - now[i]) * kept)
    };
    for (start, colour) in colours {
        if *start > at_ms {
            break;
        }
        if since > f64::MIN {
            memory = follow(memory, now, start - since);
        }
        (since, now) = (*start, colour.linear());
    }
    if since > f64::MIN { follow(memory, now, at_ms - since) } else { memory }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lux_of_known_screens() {
        // 500 cd/m2 on 93 cm2 at 35 cm, and 300 cd/m2 on 540 cm2 at 60 cm.
        let screen = |candela: f32| PageScreen { candela, middle_mm: [0.0; 3] };
        assert!((screen(500.0 * 0.0093).lux_at(350.0) - 38.0).abs() < 0.5);
        assert!((screen(300.0 * 0.0540).lux_at(600.0) - 45.0).abs() < 0.5);
        let turned = screen(10.0).lux([0.0, 0.0, 500.0], [0.0, 0.0, 1.0]);
        assert_eq!(turned, 0.0, "a surface that faces away gets nothing");
    }

    #[test]
    fn the_page_keeps_a_colour_until_the_next_prompt() {
        let (red, blue) = (Colour::new(255, 90, 90), Colour::new(0, 0, 255));
        let shown = [
            Shown { prompt: Prompt::Light { colour: red }, at_ms: 100.0 },
            Shown { prompt: Prompt::Light { colour: blue }, at_ms: 600.0 },
            Shown { prompt: Prompt::Hold, at_ms: 1_200.0 },
        ];
        let colours = page_colours(&shown);
        for (at_ms, expected) in
            [(0.0, Colour::PAGE), (100.0, red), (599.0, red), (600.0, blue), (1_199.0, blue), (1_200.0, Colour::PAGE)]
        {
            assert_eq!(colour_at(&colours, at_ms), expected, "{at_ms}");
        }
    }

    #[test]
    fn memory_follows_the_page() {
        let colours = [(0.0, Colour::BLACK)];
        let at = |at_ms: f64| remembered(&colours, at_ms, 500.0)[0];
        assert!(at(-1.0) > 0.8 && at(500.0) < at(100.0) && at(5_000.0) < 1e-3);
    }
}

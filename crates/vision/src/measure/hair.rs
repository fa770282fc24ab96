//! Hair on face and head. Rough: nothing of it was measured against a ground truth.

use std::fmt;

use super::covering::closed_debug;
use super::signals::{self, HairEvidence};
use super::view::View;

/// Hair on the face, each 0 (none) to 0.9 in the service's own steps.
#[derive(Clone, Copy, PartialEq)]
pub struct FacialHair {
    /// On the upper lip.
    pub moustache: f32,
    /// On the chin.
    pub beard: f32,
    /// Before the ears.
    pub sideburns: f32,
}

/// Colours that the API names; it also has one for an unknown colour, which is no colour here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum HairColour {
    /// White.
    White,
    /// Grey.
    Gray,
    /// Blond.
    Blond,
    /// Brown.
    Brown,
    /// Red.
    Red,
    /// Black.
    Black,
    /// None of these: dyed, or not hair.
    Other,
}

/// Hair on the head.
#[derive(Clone, PartialEq)]
pub struct Hair {
    /// 0 to 1.
    pub bald: f32,
    /// Under a hat, or outside the picture. Then there are no colours.
    pub invisible: bool,
    /// Each colour with its confidence, 0 to 1, descending.
    pub colours: Vec<(HairColour, f32)>,
}

closed_debug!(FacialHair, HairColour, Hair);

/// The service's own steps.
const STEPS: [f32; 5] = [0.0, 0.1, 0.4, 0.6, 0.9];

/// The evidence in shares of what counts as full hair, at which each step begins.
const STEP_FROM: [f32; 4] = [0.45, 0.6, 0.8, 1.0];

fn step(evidence: f32) -> f32 {
    STEPS[STEP_FROM.iter().filter(|&&from| evidence >= from).count()]
}

/// Hair is darker than the cheek, less red, or both (white hair is the latter alone); and rough. Each part is a share of
/// what the one full dark beard among the sample photos shows (light -0.7) and of what the white moustache shows
/// (red -0.2).
fn evidence(spot: &HairEvidence) -> f32 {
    let (dark, pale) = ((-spot.light / 0.7).clamp(0.0, 1.2), (-spot.red / 0.2).clamp(0.0, 1.2));
    // A shadow darkens without taking the red away, and make-up adds red.
    let rough = (spot.rough / 0.1).clamp(-0.5, 0.5);
    (0.75 * dark + 0.35 * pale + 0.2 * rough).max(0.0)
}

pub(crate) fn facial_hair(view: &View) -> FacialHair {
    let [lip, chin, side] = signals::facial_hair(view).map(|spot| spot.map_or(0.0, |spot| step(evidence(&spot))));
    // Hair before the ears, alone, is mostly hair of the head: long hair showed 0.9 on the sample photos.
    FacialHair { moustache: lip, beard: chin, sideburns: side.min(lip.max(chin)) }
}

/// Typical hair of each colour: 8-bit luma, logarithm of red over green, logarithm of blue over green. By eye, on photos of
/// ordinary daylight; coloured light moves them.
const TYPICAL: [(HairColour, f32, f32, f32); 6] = [
    (HairColour::Black, 35.0, 0.10, -0.08),
    (HairColour::Brown, 85.0, 0.28, -0.28),
    (HairColour::Red, 105.0, 0.55, -0.50),
    (HairColour::Blond, 165.0, 0.22, -0.35),
    (HairColour::Gray, 125.0, 0.04, -0.03),
    (HairColour::White, 200.0, 0.06, -0.05),
];

/// How far hair of one colour strays: in the logarithm of light, and in colour.
const STRAY: (f32, f32) = (0.4, 0.15);

/// At this distance, in strays, a colour is as likely as none of them.
const FAR: f32 = 2.5;

pub(crate) fn hair(view: &View, wears_hat: bool) -> Hair {
    let Some(crown) = signals::crown(view).filter(|_| !wears_hat) else {
        return Hair { bald: 0.0, invisible: true, colours: Vec::new() };
    };
    let likeness = |distance: f32| (-distance * distance / 2.0).exp();
    let mut colours: Vec<(HairColour, f32)> = TYPICAL
        .iter()
        .map(|&(colour, luma, red, blue)| {
            let light = (crown.hair.light - super::view::light(luma)) / STRAY.0;
            let tint = (crown.hair.red - red).hypot(crown.hair.blue - blue) / STRAY.1;
            (colour, likeness(light.hypot(tint)))
        })
        .collect();
    colours.push((HairColour::Other, likeness(FAR)));
    let sum: f32 = colours.iter().map(|(_, share)| share).sum();
    colours.iter_mut().for_each(|(_, share)| *share /= sum);
    colours.sort_by(|a, b| b.1.total_cmp(&a.1));
    // Bald: what is above the forehead looks like the forehead and is as smooth.
    let light = (crown.hair.light - crown.forehead.light) / 0.15;
    let tint = crown.hair.colour_to(&crown.forehead) / 0.08;
    let rough = (crown.hair.rough - 0.05).max(0.0) / 0.08;
    Hair { bald: likeness(light.hypot(tint).hypot(rough)), invisible: false, colours }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{face, view_of};
    use super::*;

    const SKIN: [f32; 3] = [200.0, 150.0, 130.0];

    fn first(colour: [f32; 3]) -> HairColour {
        let view =
            view_of(|u, v| if v < -1.1 { colour.map(|value| value * (1.0 + 0.2 * (40.0 * u).sin())) } else { SKIN });
        let hair = hair(&view, false);
        assert!(!hair.invisible && hair.bald < 0.1);
        hair.colours[0].0
    }

    #[test]
    fn plain_colours_are_named() {
        let cases = [
            ([25.0, 22.0, 20.0], HairColour::Black),
            ([110.0, 80.0, 58.0], HairColour::Brown),
            ([200.0, 160.0, 110.0], HairColour::Blond),
            ([205.0, 202.0, 198.0], HairColour::White),
            ([40.0, 190.0, 60.0], HairColour::Other),
        ];
        for (colour, expected) in cases {
            assert!(first(colour) == expected, "{colour:?}");
        }
    }

    #[test]
    fn a_head_like_its_forehead_is_bald_and_one_under_a_hat_invisible() {
        let bare = hair(&view_of(|_, _| SKIN), false);
        assert!(bare.bald > 0.9);
        let under = hair(&view_of(|_, _| SKIN), true);
        assert!(under.invisible && under.colours.is_empty() && under.bald == 0.0);
        let (mesh, picture) = face(|_, _| SKIN, 0.05);
        assert!(hair(&View::new(&picture.raster(), &mesh).unwrap(), false).invisible, "outside the picture");
    }

    #[test]
    fn facial_hair_comes_in_the_services_steps() {
        let bare = facial_hair(&view_of(|_, _| SKIN));
        assert!(bare == FacialHair { moustache: 0.0, beard: 0.0, sideburns: 0.0 });
        let bearded = facial_hair(&view_of(|_, v| if v > 1.2 { [45.0, 42.0, 40.0] } else { SKIN }));
        assert!(bearded.beard == 0.9 && bearded.moustache == 0.0, "{}", bearded.beard);
        let long_hair = |u: f32, _: f32| if u.abs() > 0.9 { [45.0, 42.0, 40.0] } else { SKIN };
        assert!(facial_hair(&view_of(long_hair)).sideburns == 0.0);
        for evidence in [-1.0, 0.0, 0.5, 0.7, 0.9, 2.0] {
            assert!(STEPS.contains(&step(evidence)));
        }
    }
}

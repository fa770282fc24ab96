//! Numbers that tell a bare region of a face from a covered one: always one region of a face against another, so that no
//! colour of skin is assumed. Mesh points follow the published FaceMesh topology; where they lie was checked by eye.

use super::view::{EYE_ROW, EYES, Tone, View};
use crate::geometry::Point;
use crate::mesh::index;

/// Mesh points of one side of the face, the image's left; [`RIGHT`] has their mirrors.
struct Side {
    under_eye: [usize; 3],
    cheek: [usize; 3],
    lower_cheek: [usize; 3],
    forehead: [usize; 2],
    brow: [usize; 3],
}

const LEFT: Side = Side {
    under_eye: [118, 117, 101],
    cheek: [50, 205, 36],
    lower_cheek: [207, 214, 216],
    forehead: [69, 104],
    brow: [105, 66, 63],
};
const RIGHT: Side = Side {
    under_eye: [347, 346, 330],
    cheek: [280, 425, 266],
    lower_cheek: [427, 434, 436],
    forehead: [299, 333],
    brow: [334, 296, 293],
};

/// Radius of the discs in which regions are measured, in pixels of the wide chip: a tenth of the distance of the eyes.
const DISC: f32 = EYES / 10.0;

/// The lower half of the face, in this order:
///
/// 0 to 1, lower cheek against under the eye, on the side where they differ less (the other may lie in another light):
/// colour, light. 2 to 3, chin against the upper face: colour, light. 4, upper lip against the upper face: colour. 5, how
/// much redder the lips are than what is around them. 6, the strongest line across the mouth. 7, how dark the nostrils
/// are. 8, roughness of the lower cheek, the smoother side. 9, the strongest edge down the cheeks, the weaker side. 10,
/// tip of the nose against the upper face: colour. 11, spread of light in and around the mouth. 12 to 13, the mouth
/// against the upper face: colour, light. 14 to 15, tip of the nose against its bridge: light, colour. 16, the strongest
/// edge down the nose. 17, as 0 on the side where they differ more.
pub(crate) fn lower(view: &View) -> Option<[f32; 18]> {
    let sides = [LEFT, RIGHT].map(|side| {
        let upper = view.tone_around(&side.under_eye, DISC)?;
        let lower = view.tone_around(&side.lower_cheek, DISC)?;
        Some([lower.colour_to(&upper), (lower.light - upper.light).abs(), lower.rough])
    });
    let sides: Vec<[f32; 3]> = sides.into_iter().flatten().collect();
    if sides.is_empty() {
        return None;
    }
    let least = |which: usize| sides.iter().map(|side| side[which]).fold(f32::INFINITY, f32::min);
    let upper = view.tone_around(&[118, 347, 9, 8, 6], DISC)?;
    let chin = view.tone_around(&[199, 200], DISC)?;
    let lip_skin = view.tone_around(&[164, 165, 391], DISC / 2.0)?;
    let nose = view.tone_around(&[4, 5], DISC)?;
    let middle = |a: usize, b: usize| view.at(a).midway(view.at(b));
    let lips = [(0, 13), (37, 82), (267, 312), (17, 14), (84, 87), (314, 317)].map(|(a, b)| middle(a, b));
    let lips = view.tone(&lips, 0.4 * DISC)?;
    let ring = view.tone_around(&[165, 391, 186, 410, 18, 83, 313, 57, 287], DISC / 2.0)?;
    let mouth = middle(13, 14);
    let (top, bottom) = (view.at(164).y, view.at(18).y.max(mouth.y + 8.0));
    let mouth_line = view.line(mouth.x - 7.0, mouth.x + 7.0, top - 2.0, bottom + 2.0);
    let over_mouth = [-0.2, 0.0, 0.2].map(|across| Point { x: mouth.x + across * EYES, y: mouth.y });
    let over_mouth = view.tone(&over_mouth, 0.15 * EYES)?;
    let bridge = view.tone_around(&[6, 197], DISC / 2.0)?;
    let (tip, bridge_at) = (view.at(4), view.at(6));
    let nostrils = view.tone_around(&[98, 327, 97, 326], 0.4 * DISC)?;
    let down_cheek = |across: f32| {
        let x = mouth.x + across * EYES;
        view.edge(x - 6.0, x + 6.0, EYE_ROW + 0.3 * EYES, EYE_ROW + 0.9 * EYES)
    };
    Some([
        least(0),
        least(1),
        chin.colour_to(&upper),
        (chin.light - upper.light).abs(),
        lip_skin.colour_to(&upper),
        lips.red - ring.red,
        mouth_line,
        nostrils.light - nose.light,
        least(2),
        down_cheek(-0.55).min(down_cheek(0.55)),
        nose.colour_to(&upper),
        view.spread(mouth, 0.35 * EYES, 0.22 * EYES),
        over_mouth.colour_to(&upper),
        over_mouth.light - upper.light,
        nose.light - bridge.light,
        nose.colour_to(&bridge),
        view.edge(tip.x - 3.0, tip.x + 3.0, bridge_at.y, tip.y + 1.0),
        sides.iter().map(|side| side[0]).fold(0.0, f32::max),
    ])
}

/// The eyes, the first nine as the mean of both:
///
/// 0 to 1, a disc around the eye against the cheek: light, colour. 2, spread of light in the opening of the lids. 3, under
/// the eye against the cheek: light. 4, the brow against the cheek: light. 5, roughness around the eye. 6, the strongest
/// line under the eye, all the way across: a rim. 7, the same beside the eye: an arm. 8, as 3: colour. 9 to 10, the
/// strongest line and edge across the bridge of the nose. 11, as 6 at the eye where it is weaker.
pub(crate) fn eyes(view: &View) -> Option<[f32; 12]> {
    let left = eye(view, [index::EYE_LEFT_OUTER, index::EYE_LEFT_INNER, 159, 145], &LEFT)?;
    let right = eye(view, [index::EYE_RIGHT_OUTER, index::EYE_RIGHT_INNER, 386, 374], &RIGHT)?;
    let mut signals = [0.0; 12];
    for (at, (a, b)) in left.iter().zip(right).enumerate() {
        signals[at] = (a + b) / 2.0;
    }
    let bridge = view.at(index::EYE_LEFT_INNER).midway(view.at(index::EYE_RIGHT_INNER));
    let (near, far) = (bridge.x - 3.0, bridge.x + 3.0);
    let (top, bottom) = (bridge.y - 0.3 * EYES, bridge.y + 0.4 * EYES);
    signals[9] = view.line(near, far, top, bottom);
    signals[10] = view.edge(near, far, top, bottom);
    signals[11] = left[6].min(right[6]);
    Some(signals)
}

/// The first nine numbers of [`eyes`] for one eye, given its corners (outer, inner) and lids (upper, lower).
fn eye(view: &View, [outer, inner, upper, lower]: [usize; 4], side: &Side) -> Option<[f32; 9]> {
    let (outer, inner) = (view.at(outer), view.at(inner));
    let centre = outer.midway(inner);
    let opening = view.at(upper).distance(view.at(lower));
    let cheek = view.tone_around(&side.cheek, DISC)?;
    let around = view.tone(&[centre], 0.27 * EYES)?;
    let under = view.tone(&[Point { x: centre.x, y: centre.y + 0.25 * EYES }], DISC)?;
    let brow = view.tone_around(&side.brow, DISC / 2.0)?;
    let rim = view.line_across(centre.x - 7.0, centre.x + 7.0, centre.y + 5.0, centre.y + 0.6 * EYES);
    let (near, far) = if outer.x < inner.x { (outer.x - 13.0, outer.x - 3.0) } else { (outer.x + 3.0, outer.x + 13.0) };
    let arm = view.line_across(near, far, centre.y - 0.3 * EYES, centre.y + 0.25 * EYES);
    Some([
        around.light - cheek.light,
        around.colour_to(&cheek),
        // Shut lids leave nothing to look into, so at least three pixels up and down.
        view.spread(centre, outer.distance(inner) / 2.0, (opening / 2.0).max(3.0)),
        under.light - cheek.light,
        brow.light - cheek.light,
        around.rough,
        rim,
        arm,
        under.colour_to(&cheek),
    ])
}

/// The forehead and what is above it:
///
/// 0 to 2, side of the forehead against the cheek below it, the lesser side of each: colour, light, roughness. 3 to 4, its
/// middle against nose and cheeks: colour, light. 5 to 6, its top: colour, light. 7, roughness of top or middle, the
/// rougher. 8, the strongest edge down the forehead. 9 to 10, the crown against nose and cheeks: colour, light. 11, how
/// much the light differs from place to place of the crown.
pub(crate) fn forehead(view: &View) -> Option<[f32; 12]> {
    let sides = [LEFT, RIGHT].map(|side| {
        let cheek = view.tone_around(&side.cheek, DISC)?;
        let above = view.tone_around(&side.forehead, DISC)?;
        Some([above.colour_to(&cheek), above.light - cheek.light, above.rough])
    });
    let sides: Vec<[f32; 3]> = sides.into_iter().flatten().collect();
    let least = |which: usize| {
        let values = sides.iter().map(|side| side[which]);
        values.min_by(|a, b| a.abs().total_cmp(&b.abs()))
    };
    let skin = view.tone_around(&[50, 280, 5, 195], DISC)?;
    let middle = view.tone_around(&[151], DISC)?;
    let between = |a: usize, b: usize| view.at(a).midway(view.at(b));
    let top = view.tone(&[between(index::FOREHEAD, 151), between(109, 108), between(338, 337)], DISC)?;
    let Point { x, y } = view.at(index::FOREHEAD);
    let edge = view.edge(x - 16.0, x + 16.0, y - 6.0, view.at(9).y - 4.0);
    let arch = [-0.7f32, -0.35, 0.0, 0.35, 0.7]
        .map(|across| Point { x: x + across * EYES, y: y - (0.3 - 0.15 * across * across) * EYES });
    let crown = view.tone(&arch, DISC).unwrap_or(top);
    let lights: Vec<f32> = arch.iter().filter_map(|&spot| view.tone(&[spot], DISC)).map(|tone| tone.light).collect();
    let (low, high) = lights.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    Some([
        least(0)?,
        least(1)?,
        least(2)?,
        middle.colour_to(&skin),
        middle.light - skin.light,
        top.colour_to(&skin),
        top.light - skin.light,
        top.rough.max(middle.rough),
        edge,
        crown.colour_to(&skin),
        crown.light - skin.light,
        if lights.is_empty() { 0.0 } else { high - low },
    ])
}

/// A region where hair may grow, against the cheeks.
pub(crate) struct HairEvidence {
    /// Logarithm of the ratio of light; hair is mostly darker.
    pub(crate) light: f32,
    /// Difference in red over green; hair is less red than skin.
    pub(crate) red: f32,
    /// Difference in roughness.
    pub(crate) rough: f32,
}

/// Upper lip, chin, and before the ears (the side that shows less, for the other may be hair of the head or background).
pub(crate) fn facial_hair(view: &View) -> [Option<HairEvidence>; 3] {
    let spot = |indices: &[usize], cheek: &[usize], radius: f32| {
        let (spot, cheek) = (view.tone_around(indices, radius)?, view.tone_around(cheek, DISC)?);
        Some(HairEvidence {
            light: spot.light - cheek.light,
            red: spot.red - cheek.red,
            rough: spot.rough - cheek.rough,
        })
    };
    let both = [50, 280, 205, 425];
    let lip = spot(&[165, 391, 167, 393, 92, 322], &both, DISC / 2.0);
    let chin = spot(&[199, 200, 208, 428], &both, DISC * 0.7);
    let left = spot(&[227, 137], &[50, 205], DISC * 0.6);
    let right = spot(&[447, 366], &[280, 425], DISC * 0.6);
    let side = match (left, right) {
        (Some(left), Some(right)) => Some(if left.light > right.light { left } else { right }),
        (left, right) => left.or(right),
    };
    [lip, chin, side]
}

/// What is above the forehead, and the forehead.
pub(crate) struct CrownEvidence {
    pub(crate) hair: Tone,
    pub(crate) forehead: Tone,
}

/// Fifteen discs in an arch a fifth to a half of the distance of the eyes above the mesh.
pub(crate) fn crown(view: &View) -> Option<CrownEvidence> {
    let Point { x, y } = view.at(index::FOREHEAD);
    let arch = |rise: f32| {
        [-0.6f32, -0.3, 0.0, 0.3, 0.6]
            .map(|across| Point { x: x + across * EYES, y: y - (rise - 0.3 * across * across) * EYES })
    };
    let hair = view.tone(&[arch(0.2), arch(0.35), arch(0.5)].concat(), 3.0)?;
    let forehead = view.tone(&[view.at(index::FOREHEAD).midway(view.at(151)), view.at(151)], DISC)?;
    Some(CrownEvidence { hair, forehead })
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{face, view_of};
    use super::*;

    #[test]
    fn a_bare_face_of_one_colour_shows_no_difference_however_dark() {
        for skin in [[225.0, 180.0, 160.0], [90.0, 60.0, 45.0]] {
            let view = view_of(|_, _| skin);
            let lower = lower(&view).unwrap();
            assert!(lower.iter().all(|value| value.abs() < 1e-3), "{lower:?}");
            assert!(eyes(&view).unwrap().iter().all(|value| value.abs() < 1e-3));
            assert!(forehead(&view).unwrap().iter().all(|value| value.abs() < 1e-3));
        }
    }

    #[test]
    fn cloth_over_the_mouth_changes_its_colour_and_hides_the_lips() {
        let skin = |u: f32, v: f32| {
            if u.abs() < 0.4 && (v - 1.0).abs() < 0.1 { [150.0, 60.0, 60.0] } else { [200.0, 150.0, 130.0] }
        };
        let bare = lower(&view_of(skin)).unwrap();
        let masked = lower(&view_of(|u, v| if v > 0.4 { [120.0, 180.0, 215.0] } else { skin(u, v) })).unwrap();
        assert!(bare[5] > 0.2 && masked[5].abs() < 0.01, "lips: {} and {}", bare[5], masked[5]);
        assert!(masked[12] > 0.5 && bare[12] < masked[12], "colour: {} and {}", bare[12], masked[12]);
    }

    #[test]
    fn a_rim_is_a_line_under_the_eye_and_across_the_nose() {
        let skin = [200.0, 150.0, 130.0];
        let bare = eyes(&view_of(|_, _| skin)).unwrap();
        let framed = eyes(&view_of(|u, v| {
            let ring = ((u.abs() - 0.5) / 0.4).hypot(v / 0.3);
            let bridge = u.abs() < 0.12 && (v + 0.08).abs() < 0.04;
            if (0.9..1.15).contains(&ring) || bridge { [20.0; 3] } else { skin }
        }))
        .unwrap();
        assert!(framed[6] > bare[6] + 0.2 && framed[9] > bare[9] + 0.2, "{framed:?}");
    }

    #[test]
    fn hair_on_the_chin_is_dark_against_the_cheek() {
        let view = view_of(|_, v| if v > 1.2 { [40.0, 35.0, 30.0] } else { [200.0, 150.0, 130.0] });
        let [lip, chin, _] = facial_hair(&view);
        assert!(chin.unwrap().light < -1.0 && lip.unwrap().light.abs() < 0.05);
    }

    #[test]
    fn what_lies_outside_the_picture_gives_no_signal() {
        let (mesh, picture) = face(|_, _| [200.0, 150.0, 130.0], 0.05);
        let view = View::new(&picture.raster(), &mesh).unwrap();
        assert!(forehead(&view).is_none() && crown(&view).is_none());
    }
}

//! Sheets of paper and screens: rectangles with a picture, flat or bent round an upright cylinder.
//!
//! A bent sheet stays developable: along the bend, distances on the sheet are kept.

use crate::camera::project;
use crate::geometry::{Pose, Vector, rotated, sum};
use crate::light::{GAMMA, Light};
use crate::person::Body;
use crate::raster::{Corner, STEPS};
use crate::scene::BendAxis;
use crate::texture::{Level, Texture};

/// Texels of a sheet to a millimetre.
pub(crate) const TEXELS_PER_MM: f32 = 2.0;

/// A sheet of A4, upright.
pub(crate) const PAPER_MM: [f32; 2] = [210.0, 297.0];
/// A tablet: the lit part.
pub(crate) const DISPLAY_MM: [f32; 2] = [160.0, 213.0];
/// The dark frame around it.
pub(crate) const BEZEL_MM: f32 = 9.0;
/// A print's white margin.
const MARGIN_MM: f32 = 6.0;
/// A photo on a display is shown at this share of the face's own size.
pub(crate) const DISPLAY_SCALE: f32 = 0.8;

/// A rectangle and the grid it is drawn with.
pub(crate) struct Sheet {
    size_mm: [f32; 2],
    places: Vec<[f32; 2]>,
    pub(crate) triangles: Vec<[u32; 3]>,
}

impl Sheet {
    pub(crate) fn new(size_mm: [f32; 2]) -> Self {
        let (columns, rows) = (42, 24);
        let line = |at: usize, of: usize, size: f32| size * (at as f32 / of as f32 - 0.5);
        let places = (0..=rows)
            .flat_map(|row| (0..=columns).map(move |column| (column, row)))
            .map(|(column, row)| [line(column, columns, size_mm[0]), line(row, rows, size_mm[1])])
            .collect();
        let triangles =
            (0..rows).flat_map(|row| (0..columns).map(move |column| row * (columns + 1) + column)).flat_map(|corner| {
                let [a, b, c, d] = [corner, corner + 1, corner + columns + 1, corner + columns + 2].map(|i| i as u32);
                [[a, b, c], [b, d, c]]
            });
        Self { size_mm, places, triangles: triangles.collect() }
    }

    /// The corners for a pose, a bend and a light.
    pub(crate) fn corners(&self, pose: &Pose, bow: Bow, light: &Light) -> Vec<Corner> {
        let rotation = pose.rotation();
        let bend = Bend::new(self.size_mm, bow);
        self.places
            .iter()
            .map(|place| {
                let (point, normal) = bend.place(*place);
                let point = sum(pose.position(), rotated(&rotation, point));
                Corner {
                    pixel: project(point),
                    distance_mm: point[2],
                    texel: self.texel(*place),
                    light: light.on_surface(point, normal, &rotation),
                }
            })
            .collect()
    }

    /// Where a place of the sheet stands, and which way it faces.
    pub(crate) fn place(&self, place: [f32; 2], pose: &Pose, bow: Bow) -> (Vector, Vector) {
        let rotation = pose.rotation();
        let (point, normal) = Bend::new(self.size_mm, bow).place(place);
        (sum(pose.position(), rotated(&rotation, point)), rotated(&rotation, normal))
    }

    fn texel(&self, place: [f32; 2]) -> [f32; 2] {
        std::array::from_fn(|axis| (place[axis] + self.size_mm[axis] / 2.0) * TEXELS_PER_MM)
    }
}

/// How a sheet is bent.
#[derive(Clone, Copy)]
pub(crate) struct Bow {
    /// How far the middle rises over the edges.
    pub(crate) sagitta_mm: f32,
    pub(crate) axis: BendAxis,
}

impl Bow {
    pub(crate) const NONE: Self = Self { sagitta_mm: 0.0, axis: BendAxis::Upright };
}

/// A cylinder behind the sheet: its middle is nearest to the camera.
struct Bend {
    /// None for a flat sheet.
    radius_mm: Option<f32>,
    axis: BendAxis,
}

impl Bend {
    /// The cylinder on which a sheet of this size rises by the sagitta over its chord.
    fn new(size_mm: [f32; 2], Bow { sagitta_mm, axis }: Bow) -> Self {
        if sagitta_mm < 0.05 {
            return Self { radius_mm: None, axis };
        }
        let arc_mm = match axis {
            BendAxis::Upright => size_mm[0],
            BendAxis::Level => size_mm[1],
        };
        // The sagitta in half arcs is (1 - cos a) / a for half the angle, which rises up to a = 2.33.
        let wanted = (sagitta_mm / (arc_mm / 2.0)).min(0.72);
        let (mut low, mut high) = (1e-4f32, 2.33f32);
        for _ in 0..40 {
            let middle = (low + high) / 2.0;
            if (1.0 - middle.cos()) / middle < wanted { low = middle } else { high = middle }
        }
        Self { radius_mm: Some(arc_mm / 2.0 / low), axis }
    }

    /// A place of the sheet in space, and the direction it faces.
    fn place(&self, [x, y]: [f32; 2]) -> (Vector, Vector) {
        match (self.radius_mm, self.axis) {
            (None, _) => ([x, y, 0.0], [0.0, 0.0, -1.0]),
            (Some(radius), BendAxis::Upright) => {
                let (sin, cos) = (x / radius).sin_cos();
                ([radius * sin, y, radius * (1.0 - cos)], [sin, 0.0, -cos])
            }
            (Some(radius), BendAxis::Level) => {
                let (sin, cos) = (y / radius).sin_cos();
                ([x, radius * sin, radius * (1.0 - cos)], [0.0, sin, -cos])
            }
        }
    }
}

/// How a photo lies on a sheet: the face in the middle.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    middle_px: [f32; 2],
    mm_per_px: f32,
}

impl Layout {
    /// The face at this share of its own size.
    pub(crate) fn new(body: &Body, scale: f32) -> Self {
        let middle = body.shape.point(0.0, body.shape.face_middle_mm());
        Self { middle_px: body.fit.place(middle), mm_per_px: scale / body.fit.px_per_mm }
    }

    /// Where on the sheet a pixel of the photo is.
    pub(crate) fn place(&self, pixel: [f32; 2]) -> [f32; 2] {
        std::array::from_fn(|axis| (pixel[axis] - self.middle_px[axis]) * self.mm_per_px)
    }

    fn pixel(&self, place: [f32; 2]) -> [f32; 2] {
        std::array::from_fn(|axis| self.middle_px[axis] + place[axis] / self.mm_per_px)
    }

    /// The photo on a sheet with an edge of one colour. Where the photo ends, the sheet is of that colour, too.
    pub(crate) fn picture(&self, photo: &Level, size_mm: [f32; 2], edge_mm: f32, edge: u8) -> Level {
        let [width, height] = size_mm.map(|size| (size * TEXELS_PER_MM) as usize);
        Level::from_fn(width, height, |column, row| {
            let place = [
                (column as f32 + 0.5) / TEXELS_PER_MM - size_mm[0] / 2.0,
                (row as f32 + 0.5) / TEXELS_PER_MM - size_mm[1] / 2.0,
            ];
            let [u, v] = self.pixel(place);
            let outside = (0..2).any(|axis| place[axis].abs() > size_mm[axis] / 2.0 - edge_mm)
                || !(0.0..photo.width as f32).contains(&u)
                || !(0.0..photo.height as f32).contains(&v);
            if outside {
                return [edge, edge, edge, 255];
            }
            let [red, green, blue, _] = photo.sample(u, v);
            [red as u8, green as u8, blue as u8, 255]
        })
    }
}

/// A photo printed on paper: whites and blacks are those of paper and ink.
pub(crate) fn printed(body: &Body) -> Texture {
    let mut level = Layout::new(body, 1.0).picture(&body.photo, PAPER_MM, MARGIN_MM, 250);
    for texel in &mut level.texels {
        (0..3).for_each(|part| texel[part] = (f32::from(texel[part]) * 0.86 + 20.0) as u8);
    }
    Texture::new(level)
}

/// The same with a hole before each eye.
pub(crate) fn cut_out(body: &Body) -> Texture {
    /// Half of a hole's width and height, and how wide its edge is, in millimetres.
    const HOLE: [f32; 2] = [17.0, 10.0];
    const EDGE: f32 = 1.0;
    let (mut level, layout) = (printed(body).full().clone(), Layout::new(body, 1.0));
    let [left, right, ..] = body.shape.five;
    let holes = [left, right].map(|[x, y]| layout.place(body.fit.place(body.shape.point(x, y))));
    let width = level.width;
    for (at, texel) in level.texels.iter_mut().enumerate() {
        let place = [at % width, at / width];
        let place: [f32; 2] =
            std::array::from_fn(|axis| (place[axis] as f32 + 0.5) / TEXELS_PER_MM - PAPER_MM[axis] / 2.0);
        let outside = holes.iter().map(|hole| {
            let [u, v] = [0, 1].map(|axis| (place[axis] - hole[axis]) / HOLE[axis]);
            (u.hypot(v) - 1.0) * HOLE[1] / EDGE
        });
        texel[3] = (outside.fold(1.0, f32::min).clamp(0.0, 1.0) * 255.0) as u8;
    }
    Texture::new(level)
}

/// Size of a display with its frame.
pub(crate) fn display_size() -> [f32; 2] {
    DISPLAY_MM.map(|size| size + 2.0 * BEZEL_MM)
}

/// A photo on a display.
pub(crate) fn displayed(body: &Body) -> Texture {
    Texture::new(Layout::new(body, DISPLAY_SCALE).picture(&body.photo, display_size(), BEZEL_MM, 6))
}

/// What a display sends to the camera for each value of its picture: its own light, which nothing around it changes, and
/// a veil of what its glass reflects.
pub(crate) fn display_curve(light: &Light, distance_mm: f32) -> [[u16; 256]; 3] {
    /// Light of the display's white over what gives a picture its own brightness.
    const BRIGHTNESS: f32 = 0.92;
    /// Shares that the glass throws back.
    const OF_ROOM: f32 = 0.015;
    const OF_PAGE: f32 = 0.02;
    std::array::from_fn(|channel| {
        // A hand that holds a display close tilts it so that the page is not mirrored in it.
        let page = light.screen.lux_at(distance_mm.max(300.0)) * light.page[channel] * light.exposure[channel];
        let veil = OF_ROOM * light.ambient_lux * light.exposure[channel] + OF_PAGE * page;
        std::array::from_fn(|value| {
            let own = (value as f32 / 255.0).powf(GAMMA) * BRIGHTNESS * light.drift[channel];
            (255.0 * STEPS * (own + veil).powf(1.0 / GAMMA)) as u16
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bending_keeps_lengths() {
        for sagitta_mm in [5.0, 20.0, 45.0, 70.0] {
            for axis in [BendAxis::Upright, BendAxis::Level] {
                let along = usize::from(axis == BendAxis::Level);
                let bend = Bend::new([210.0; 2], Bow { sagitta_mm, axis });
                let place = |step: i32| {
                    let mut place = [0.0; 2];
                    place[along] = step as f32 / 10.0 - 105.0;
                    bend.place(place).0
                };
                let points: Vec<_> = (0..=2_100).map(place).collect();
                let length: f32 = points
                    .windows(2)
                    .map(|pair| (pair[1][along] - pair[0][along]).hypot(pair[1][2] - pair[0][2]))
                    .sum();
                assert!((length - 210.0).abs() < 0.1, "{length}");
                assert!((points[0][2] - sagitta_mm).abs() < 0.05, "{}", points[0][2]);
                assert!(points[1_050][2].abs() < 1e-4, "the middle is nearest");
            }
        }
    }
}

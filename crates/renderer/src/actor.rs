//! What stands before the camera and moves: a head, a print, a display.

use crate::camera::{FOCAL_PX, HEIGHT, Lens, WIDTH, project};
use crate::geometry::{Pose, Vector, dot, rotated};
use crate::head::Stance;
use crate::light::Light;
use crate::motion::{Manner, Motion, eased};
use crate::performer::Performer;
use crate::person::{Body, Person};
use crate::raster::{Canvas, Corner, lit};
use crate::scene::USUAL_DISTANCE_MM;
use crate::sheet::{
    self, BEZEL_MM, Bow, DISPLAY_MM, DISPLAY_SCALE, Layout, PAPER_MM, Sheet, TEXELS_PER_MM, display_size,
};
use crate::texture::{Level, Texture};
use crate::{atlas, truth::RgbFrame};
use std::ops::Range;

/// Something that moves, while it is there.
pub(crate) struct Actor {
    pub(crate) person: usize,
    pub(crate) motion: Motion,
    prop: Prop,
    /// When it is seen.
    pub(crate) seen_ms: Range<f64>,
    /// Whether it comes into view from below, in this time from the start of `seen_ms`.
    pub(crate) enters_in_ms: Option<f64>,
    /// When its face is hidden behind something else.
    pub(crate) hidden_from_ms: f64,
}

enum Prop {
    Head { body: Person, skin: Texture },
    Print { body: Person, sheet: Sheet, paper: Texture, layout: Layout, bow: Bow },
    Display { body: Person, sheet: Sheet, picture: Texture, layout: Layout },
    Clip { sheet: Sheet, performer: Box<Performer> },
}

/// Pixels of a recording in a millimetre of the display that plays it: a part of its middle fills the display.
const CLIP_PX_PER_MM: f32 = TEXELS_PER_MM;

/// When a recorded person has settled, and is as large as most of the time.
const RECORDED_SETTLED_MS: f64 = 2_000.0;

/// An ordinary person's manner.
pub(crate) fn person_manner(body: &Body) -> Manner {
    Manner {
        turn_degrees: 15.0..22.0,
        nod_degrees: 12.0..17.0,
        turns: true,
        places: true,
        sway: 1.0,
        sway_rate: 1.0,
        scale: 1.0,
        face_height_mm: body.shape.face_height_mm(),
        face_middle_mm: body.shape.face_middle_mm(),
        aside_mm: 0.0,
        farther: 1.0,
    }
}

/// How a hand moves what it holds: farther, because a flat thing has to be, and less calmly.
fn hand_manner(body: &Body, scale: f32) -> Manner {
    Manner {
        turn_degrees: 18.0..27.0,
        nod_degrees: 14.0..22.0,
        sway: 1.3,
        sway_rate: 1.6,
        scale,
        face_middle_mm: 0.0,
        ..person_manner(body)
    }
}

impl Actor {
    fn new(person: usize, prop: Prop, manner: Manner, seed: u64) -> Self {
        Self {
            person,
            motion: Motion::new(manner, seed),
            prop,
            seen_ms: f64::MIN..f64::MAX,
            enters_in_ms: None,
            hidden_from_ms: f64::MAX,
        }
    }

    /// A head, with its own surface or a painted one.
    pub(crate) fn head(person: usize, body: &Person, skin: Option<Texture>, manner: Manner, seed: u64) -> Self {
        let skin = skin.unwrap_or_else(|| body.body.skin.clone());
        Self::new(person, Prop::Head { body: body.clone(), skin }, manner, seed)
    }

    /// A print, `farther` away than a head would be for the same oval.
    pub(crate) fn print(body: &Person, bow: Bow, farther: f32, seed: u64) -> Self {
        let manner = Manner { farther, ..hand_manner(&body.body, 1.0) };
        Self::sheet(body, sheet::printed(&body.body), bow, manner, seed)
    }

    /// A print with holes for the eyes, worn `farther` away than a head would be: it moves as whoever wears it.
    pub(crate) fn mask(body: &Person, wearer: &Manner, farther: f32, seed: u64) -> Self {
        let manner = Manner { farther, face_middle_mm: 0.0, ..wearer.clone() };
        Self::sheet(body, sheet::cut_out(&body.body), Bow::NONE, manner, seed)
    }

    fn sheet(body: &Person, paper: Texture, bow: Bow, manner: Manner, seed: u64) -> Self {
        let (sheet, layout) = (Sheet::new(PAPER_MM), Layout::new(&body.body, 1.0));
        Self::new(0, Prop::Print { sheet, paper, layout, bow, body: body.clone() }, manner, seed)
    }

    /// A photo on a display.
    pub(crate) fn display(body: &Person, seed: u64) -> Self {
        let prop = Prop::Display {
            sheet: Sheet::new(display_size()),
            picture: sheet::displayed(&body.body),
            layout: Layout::new(&body.body, DISPLAY_SCALE),
            body: body.clone(),
        };
        Self::new(0, prop, hand_manner(&body.body, DISPLAY_SCALE), seed)
    }

    /// A recording on a display, which is held into ovals but not turned.
    pub(crate) fn clip(body: &Person, performer: Performer, seed: u64) -> Self {
        let recorded_mm = performer.pose(RECORDED_SETTLED_MS).map_or(USUAL_DISTANCE_MM, |pose| pose.distance_mm);
        let scale = FOCAL_PX / recorded_mm / CLIP_PX_PER_MM;
        let manner = Manner { turns: false, ..hand_manner(&body.body, scale) };
        let prop = Prop::Clip { sheet: Sheet::new(display_size()), performer: Box::new(performer) };
        Self::new(0, prop, manner, seed)
    }

    /// Where it is at a time.
    pub(crate) fn pose(&self, at_ms: f64) -> Pose {
        let mut pose = self.motion.pose(at_ms);
        if let Some(takes_ms) = self.enters_in_ms {
            let missing = 1.0 - eased((at_ms - self.seen_ms.start) / takes_ms);
            pose.y_mm += 0.95 * pose.distance_mm * missing;
        }
        pose
    }

    /// Draws it as a shutter sees it.
    pub(crate) fn draw(&mut self, canvas: &mut Canvas, shutter: &Shutter) {
        let Moment { at_ms, light } = &shutter.first;
        let (pose, last) = (self.pose(*at_ms), shutter.last.as_ref().map(|last| (self.pose(last.at_ms), last)));
        let px_per_mm = FOCAL_PX / pose.distance_mm.max(1.0);
        let seen = |corners: &dyn Fn(&Pose, &Moment) -> Vec<Corner>| {
            let last = last.as_ref().map(|(pose, moment)| corners(pose, moment));
            shutter.seen(corners(&pose, &shutter.first), last)
        };
        match &mut self.prop {
            Prop::Head { body, skin } => {
                let level = skin.level(atlas::TEXELS_PER_MM / px_per_mm);
                let mesh = &body.body.mesh;
                let corners = seen(&|pose, moment| mesh.corners(pose, &moment.light));
                canvas.draw(&corners, &mesh.triangles, level, lit);
            }
            Prop::Print { sheet, paper, bow, .. } => {
                let corners = seen(&|pose, moment| sheet.corners(pose, flexed(*bow, moment.at_ms), &moment.light));
                canvas.draw(&corners, &sheet.triangles, paper.level(TEXELS_PER_MM / px_per_mm), lit);
            }
            Prop::Display { sheet, picture, .. } => {
                let curve = sheet::display_curve(light, pose.distance_mm);
                let shine = |value: [u32; 3], _| shone(&curve, value);
                let corners = seen(&|pose, moment| sheet.corners(pose, Bow::NONE, &moment.light));
                canvas.draw(&corners, &sheet.triangles, picture.level(TEXELS_PER_MM / px_per_mm), shine);
            }
            Prop::Clip { sheet, performer } => {
                let curve = sheet::display_curve(light, pose.distance_mm);
                let shine = |value: [u32; 3], _| shone(&curve, value);
                let level = screened(&performer.frame(*at_ms).picture);
                let corners = seen(&|pose, moment| sheet.corners(pose, Bow::NONE, &moment.light));
                canvas.draw(&corners, &sheet.triangles, (&level, 1.0), shine);
            }
        }
    }

    /// Where places of the face appear, and whether they face the camera.
    pub(crate) fn located(&self, at_ms: f64, places: &[[f32; 2]]) -> Vec<([f32; 2], bool)> {
        let pose = self.pose(at_ms);
        let seen = |(point, normal): (Vector, Vector)| (project(point), dot(point, normal) < 0.0);
        let on_sheet = |sheet: &Sheet, body: &Body, layout: &Layout, bow: Bow| {
            let place = |[x, y]: &[f32; 2]| {
                let on_sheet = layout.place(body.fit.place(body.shape.point(*x, *y)));
                seen(sheet.place(on_sheet, &pose, bow))
            };
            places.iter().map(place).collect()
        };
        match &self.prop {
            Prop::Head { body, .. } => {
                let stance = Stance::new(&pose);
                let shape = &body.body.shape;
                let place = |[x, y]: &[f32; 2]| {
                    let normal = rotated(&stance.head, shape.normal(*x, *y));
                    seen((stance.place(shape.point(*x, *y), shape.follows(*y)), normal))
                };
                places.iter().map(place).collect()
            }
            Prop::Print { body, sheet, layout, bow, .. } => on_sheet(sheet, &body.body, layout, flexed(*bow, at_ms)),
            Prop::Display { body, sheet, layout, .. } => on_sheet(sheet, &body.body, layout, Bow::NONE),
            Prop::Clip { sheet, performer } => {
                let recorded = performer.located(at_ms, places).into_iter();
                let shown = recorded.map(|([x, y], faces_camera)| {
                    let place = [(x - WIDTH as f32 / 2.0) / CLIP_PX_PER_MM, (y - HEIGHT as f32 / 2.0) / CLIP_PX_PER_MM];
                    let (pixel, towards) = seen(sheet.place(place, &pose, Bow::NONE));
                    (pixel, towards && faces_camera)
                });
                shown.collect()
            }
        }
    }
}

/// The bend at a time: a hand does not hold it still.
fn flexed(bow: Bow, at_ms: f64) -> Bow {
    let flex = 1.0 + 0.15 * (at_ms / 1_700.0 * std::f64::consts::TAU).sin() as f32;
    Bow { sagitta_mm: bow.sagitta_mm * flex, ..bow }
}

/// A moment, and the light there is then.
pub(crate) struct Moment {
    pub(crate) at_ms: f64,
    pub(crate) light: Light,
}

/// When a frame is read, and through which lens.
pub(crate) struct Shutter {
    /// When the first row is read.
    pub(crate) first: Moment,
    /// When the last one is, if that is later.
    pub(crate) last: Option<Moment>,
    pub(crate) lens: Lens,
}

impl Shutter {
    /// Corners as the rows see them that they fall on: between the two moments they move evenly.
    fn seen(&self, mut first: Vec<Corner>, last: Option<Vec<Corner>>) -> Vec<Corner> {
        for (corner, last) in first.iter_mut().zip(last.iter().flatten()) {
            let share = (corner.pixel[1] / HEIGHT as f32).clamp(0.0, 1.0);
            let between = |from: f32, to: f32| from + share * (to - from);
            corner.pixel = std::array::from_fn(|axis| between(corner.pixel[axis], last.pixel[axis]));
            corner.distance_mm = between(corner.distance_mm, last.distance_mm);
            corner.light = std::array::from_fn(|channel| between(corner.light[channel], last.light[channel]));
        }
        for corner in &mut first {
            corner.pixel = self.lens.throws(corner.pixel);
        }
        first
    }
}

#[inline(always)]
fn shone(curve: &[[u16; 256]; 3], value: [u32; 3]) -> [u32; 3] {
    std::array::from_fn(|channel| u32::from(curve[channel][((value[channel] + 128) >> 8) as usize & 255]))
}

/// The middle of a recording on a display with its dark frame.
fn screened(picture: &RgbFrame) -> Level {
    let [width, height] = display_size().map(|size| (size * TEXELS_PER_MM) as usize);
    let bezel = (BEZEL_MM * TEXELS_PER_MM) as usize;
    let [lit_width, lit_height] = DISPLAY_MM.map(|size| (size * TEXELS_PER_MM) as usize);
    let (left, top) = ((picture.width - lit_width) / 2, (picture.height - lit_height) / 2);
    let mut level = Level { width, height, texels: vec![[6, 6, 6, 255]; width * height] };
    for row in 0..lit_height {
        let from = ((row + top) * picture.width + left) * 3;
        let to = (row + bezel) * width + bezel;
        let pixels = picture.pixels[from..from + lit_width * 3].chunks_exact(3);
        for (texel, pixel) in level.texels[to..to + lit_width].iter_mut().zip(pixels) {
            *texel = [pixel[0], pixel[1], pixel[2], 255];
        }
    }
    level
}

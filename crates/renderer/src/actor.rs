//! What stands before the camera and moves: a head, a print, a display.

use crate::camera::{FOCAL_PX, HEIGHT, WIDTH, project};
use crate::geometry::{Pose, Vector, dot, rotated};
use crate::head::Stance;
use crate::light::Light;
use crate::motion::{Manner, Motion, eased};
use crate::performer::Performer;
use crate::person::{Body, Person};
use crate::raster::{Canvas, lit};
use crate::scene::USUAL_DISTANCE_MM;
use crate::sheet::{self, BEZEL_MM, DISPLAY_MM, DISPLAY_SCALE, Layout, PAPER_MM, Sheet, TEXELS_PER_MM, display_size};
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
    Print { body: Person, sheet: Sheet, paper: Texture, layout: Layout, sagitta_mm: f32 },
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
    pub(crate) fn print(body: &Person, sagitta_mm: f32, farther: f32, seed: u64) -> Self {
        let prop = Prop::Print {
            sheet: Sheet::new(PAPER_MM),
            paper: sheet::printed(&body.body),
            layout: Layout::new(&body.body, 1.0),
            sagitta_mm,
            body: body.clone(),
        };
        Self::new(0, prop, Manner { farther, ..hand_manner(&body.body, 1.0) }, seed)
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

    /// Draws it as it is at a time.
    pub(crate) fn draw(&mut self, canvas: &mut Canvas, at_ms: f64, light: &Light) {
        let pose = self.pose(at_ms);
        let px_per_mm = FOCAL_PX / pose.distance_mm.max(1.0);
        match &mut self.prop {
            Prop::Head { body, skin } => {
                let level = skin.level(atlas::TEXELS_PER_MM / px_per_mm);
                let mesh = &body.body.mesh;
                canvas.draw(&mesh.corners(&pose, light), &mesh.triangles, level, lit);
            }
            Prop::Print { sheet, paper, sagitta_mm, .. } => {
                let corners = sheet.corners(&pose, flexed(*sagitta_mm, at_ms), light);
                canvas.draw(&corners, &sheet.triangles, paper.level(TEXELS_PER_MM / px_per_mm), lit);
            }
            Prop::Display { sheet, picture, .. } => {
                let curve = sheet::display_curve(light, pose.distance_mm);
                let shine = |value: [u32; 3], _| shone(&curve, value);
                let corners = sheet.corners(&pose, 0.0, light);
                canvas.draw(&corners, &sheet.triangles, picture.level(TEXELS_PER_MM / px_per_mm), shine);
            }
            Prop::Clip { sheet, performer } => {
                let curve = sheet::display_curve(light, pose.distance_mm);
                let shine = |value: [u32; 3], _| shone(&curve, value);
                let level = screened(&performer.frame(at_ms).picture);
                canvas.draw(&sheet.corners(&pose, 0.0, light), &sheet.triangles, (&level, 1.0), shine);
            }
        }
    }

    /// Where places of the face appear, and whether they face the camera.
    pub(crate) fn located(&self, at_ms: f64, places: &[[f32; 2]]) -> Vec<([f32; 2], bool)> {
        let pose = self.pose(at_ms);
        let seen = |(point, normal): (Vector, Vector)| (project(point), dot(point, normal) < 0.0);
        let on_sheet = |sheet: &Sheet, body: &Body, layout: &Layout, sagitta_mm: f32| {
            let place = |[x, y]: &[f32; 2]| {
                let on_sheet = layout.place(body.fit.place(body.shape.point(*x, *y)));
                seen(sheet.place(on_sheet, &pose, sagitta_mm))
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
            Prop::Print { body, sheet, layout, sagitta_mm, .. } => {
                on_sheet(sheet, &body.body, layout, flexed(*sagitta_mm, at_ms))
            }
            Prop::Display { body, sheet, layout, .. } => on_sheet(sheet, &body.body, layout, 0.0),
            Prop::Clip { sheet, performer } => {
                let recorded = performer.located(at_ms, places).into_iter();
                let shown = recorded.map(|([x, y], faces_camera)| {
                    let place = [(x - WIDTH as f32 / 2.0) / CLIP_PX_PER_MM, (y - HEIGHT as f32 / 2.0) / CLIP_PX_PER_MM];
                    let (pixel, towards) = seen(sheet.place(place, &pose, 0.0));
                    (pixel, towards && faces_camera)
                });
                shown.collect()
            }
        }
    }
}

/// The bend at a time: a hand does not hold it still.
fn flexed(sagitta_mm: f32, at_ms: f64) -> f32 {
    sagitta_mm * (1.0 + 0.15 * (at_ms / 1_700.0 * std::f64::consts::TAU).sin() as f32)
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

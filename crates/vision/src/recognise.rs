//! From an aligned face to a template.

use likeness_base::Secret;

use crate::detect::KeyPoints;
use crate::engine::Engine;
use crate::error::VisionError;
use crate::geometry::Point;
use crate::mesh::{Mesh, index};
use crate::network::{Channels, InputFormat, LoadedNetwork};
use crate::parts::{AlignedBy, RecogniserKind, RecogniserPart};
use crate::picture::Raster;
use crate::similarity::Similarity;
use crate::trace::{Stage, Tracer};
use crate::warp::warp;

/// Side of dlib's chip in pixels (150, padding 0.25), the unit of [`DLIB_TEMPLATE`].
pub(crate) const DLIB_SIDE: f32 = 150.0;

/// Where mesh points lie in dlib's chip: medians over 61 photos aligned by dlib itself (vision spec 5).
const DLIB_TEMPLATE: [(usize, Point); 8] = [
    (index::EYE_LEFT_OUTER, Point { x: 35.91, y: 46.13 }),
    (index::EYE_LEFT_INNER, Point { x: 59.29, y: 47.76 }),
    (index::EYE_RIGHT_INNER, Point { x: 88.86, y: 47.81 }),
    (index::EYE_RIGHT_OUTER, Point { x: 112.71, y: 46.00 }),
    (index::NOSE_BASE, Point { x: 74.00, y: 85.69 }),
    (index::MOUTH_LEFT, Point { x: 51.19, y: 100.44 }),
    (index::MOUTH_RIGHT, Point { x: 98.86, y: 99.93 }),
    (index::NOSE_TIP, Point { x: 73.58, y: 81.25 }),
];

/// Side of ArcFace's chip in pixels, the unit of [`ARCFACE_TEMPLATE`].
const ARCFACE_SIDE: f32 = 112.0;

/// The published ArcFace alignment (InsightFace): eyes, nose tip, mouth corners in a 112 x 112 chip.
const ARCFACE_TEMPLATE: [Point; 5] = [
    Point { x: 38.2946, y: 51.6963 },
    Point { x: 73.5318, y: 51.5014 },
    Point { x: 56.0252, y: 71.7366 },
    Point { x: 41.5493, y: 92.3655 },
    Point { x: 70.7299, y: 92.2041 },
];

/// The map from dlib's chip, scaled to `side` pixels, into the picture. Also the frame of the quality measures.
pub(crate) fn dlib_chip(mesh: &Mesh, side: f32) -> Result<Similarity, VisionError> {
    let scale = side / DLIB_SIDE;
    let template = DLIB_TEMPLATE.map(|(_, p)| Point { x: p.x * scale, y: p.y * scale });
    chip(&DLIB_TEMPLATE.map(|(index, _)| mesh.points[index]), &template)
}

fn arcface_chip(points: &[Point; 5], side: f32) -> Result<Similarity, VisionError> {
    let scale = side / ARCFACE_SIDE;
    chip(points, &ARCFACE_TEMPLATE.map(|p| Point { x: p.x * scale, y: p.y * scale }))
}

/// Fitted from the picture to the template, so that residuals are weighed in the chip, then turned round.
fn chip(points: &[Point], template: &[Point]) -> Result<Similarity, VisionError> {
    Similarity::fit(points, template).map(|fitted| fitted.inverse()).ok_or(VisionError::Unalignable)
}

pub(crate) struct Recogniser {
    kind: RecogniserKind,
    aligned_by: AlignedBy,
    network: LoadedNetwork,
    dimension: usize,
    mirror: bool,
    unit: bool,
}

impl Recogniser {
    pub(crate) fn load(engine: &dyn Engine, part: &RecogniserPart<'_>) -> Result<Self, VisionError> {
        if part.input[2] != part.input[3] || part.dimension == 0 || !part.normalisation.is_usable() {
            let reason = "the input must be square, the template not empty and the normalisation finite".into();
            return Err(VisionError::Model { network: "recogniser", reason });
        }
        let format = InputFormat { channels: Channels::Rgb, normalisation: part.normalisation };
        Ok(Self {
            kind: part.kind,
            aligned_by: part.aligned_by,
            network: LoadedNetwork::load(engine, "recogniser", part.onnx, part.input, format)?,
            dimension: part.dimension,
            mirror: part.mirror,
            unit: part.unit,
        })
    }

    /// Whether a template of this face needs the mesh, or the detector's points suffice.
    pub(crate) fn needs_mesh(&self, points: &KeyPoints) -> bool {
        self.own_five(points).is_none()
    }

    /// The detector's five points, where they are to align the face.
    fn own_five<'a>(&self, points: &'a KeyPoints) -> Option<&'a [Point; 5]> {
        match (self.kind, self.aligned_by, points) {
            (RecogniserKind::Arcface, AlignedBy::Detector, KeyPoints::Five(points)) => Some(points),
            _ => None,
        }
    }

    /// Aligns and embeds. `mesh` may be absent only where [`Self::needs_mesh`] says so.
    pub(crate) fn template(
        &mut self,
        raster: &Raster<'_>,
        points: &KeyPoints,
        mesh: Option<&Mesh>,
        trace: &mut Tracer,
    ) -> Result<Secret<Vec<f32>>, VisionError> {
        trace.enter(Stage::Align);
        let side = self.network.rows();
        let to_source = match (self.kind, self.own_five(points), mesh) {
            (RecogniserKind::Arcface, Some(points), _) => arcface_chip(points, side as f32)?,
            (RecogniserKind::Arcface, None, Some(mesh)) => arcface_chip(&five_of(mesh), side as f32)?,
            (RecogniserKind::DlibResnet, _, Some(mesh)) => dlib_chip(mesh, side as f32)?,
            (_, _, None) => return Err(VisionError::Unalignable),
        };
        self.network.put(&warp(raster, &to_source, side, side));
        let mut template = Secret::new(self.embed(trace)?);
        if self.mirror {
            self.network.mirror();
            let mirrored = Secret::new(self.embed(trace)?);
            let both = template.expose_mut().iter_mut().zip(mirrored.expose());
            both.for_each(|(a, b)| *a = (*a + b) / 2.0);
        }
        self.network.wipe();
        if self.unit {
            let length = template.expose().iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
            if length < 1e-6 {
                let reason = "the embedding is zero and has no direction".into();
                return Err(VisionError::Model { network: "recogniser", reason });
            }
            template.expose_mut().iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
        }
        Ok(template)
    }

    fn embed(&mut self, trace: &mut Tracer) -> Result<Vec<f32>, VisionError> {
        trace.enter(Stage::EmbedNetwork);
        let outputs = self.network.run()?;
        trace.enter(Stage::Align);
        let values = outputs.first(self.dimension)?;
        if values.iter().any(|v| !v.is_finite()) {
            let reason = "the embedding is not made of numbers".into();
            return Err(VisionError::Model { network: "recogniser", reason });
        }
        Ok(values.to_vec())
    }
}

/// ArcFace's five points from the mesh: eyes as the middle of their corners, nose tip, mouth corners.
fn five_of(mesh: &Mesh) -> [Point; 5] {
    let [left, right] = mesh.eye_centres();
    let p = &mesh.points;
    [left, right, p[index::NOSE_TIP], p[index::MOUTH_LEFT], p[index::MOUTH_RIGHT]]
}

//! A head with shoulders as a surface of triangles, and how it stands before the camera.

use crate::atlas;
use crate::camera::project;
use crate::geometry::{Pose, Rotation, Vector, difference, rotated, sum};
use crate::light::Light;
use crate::raster::Corner;
use crate::shape::{BOTTOM_MM, HALF_WIDTH_MM, Shape, TOP_MM};

/// The joint of head and neck that turns go around: behind the mouth, between the ears.
const JOINT: Vector = [0.0, 35.0, 92.0];

/// Triangles over the view from the front.
pub(crate) struct HeadMesh {
    places: Vec<[f32; 2]>,
    points: Vec<Vector>,
    normals: Vec<Vector>,
    follows: Vec<f32>,
    pub(crate) triangles: Vec<[u32; 3]>,
}

impl HeadMesh {
    pub(crate) fn new(shape: &Shape) -> Self {
        let columns = lines(-HALF_WIDTH_MM, HALF_WIDTH_MM, |x| match x.abs() {
            ..45.0 => 3.0,
            ..96.0 => 4.5,
            _ => 12.0,
        });
        let rows = lines(TOP_MM, BOTTOM_MM, |y| if (-142.0..150.0).contains(&y) { 3.5 } else { 9.0 });
        let places: Vec<[f32; 2]> = rows.iter().flat_map(|y| columns.iter().map(|x| [*x, *y])).collect();
        let across = columns.len();
        let visible = |corner: usize| shape.within(places[corner][0], places[corner][1]) > -12.0;
        let mut triangles = Vec::new();
        for row in 0..rows.len() - 1 {
            for column in 0..across - 1 {
                let corner = row * across + column;
                if [corner, corner + 1, corner + across, corner + across + 1].into_iter().any(visible) {
                    let [a, b, c, d] = [corner, corner + 1, corner + across, corner + across + 1].map(|i| i as u32);
                    triangles.extend([[a, b, c], [b, d, c]]);
                }
            }
        }
        // Corners that no triangle needs are left out.
        let mut numbers = vec![None; places.len()];
        let mut kept = Vec::new();
        for corner in triangles.iter_mut().flatten() {
            let number = *numbers[*corner as usize].get_or_insert_with(|| {
                kept.push(places[*corner as usize]);
                kept.len() as u32 - 1
            });
            *corner = number;
        }
        Self {
            points: kept.iter().map(|[x, y]| shape.point(*x, *y)).collect(),
            normals: kept.iter().map(|[x, y]| shape.normal(*x, *y)).collect(),
            follows: kept.iter().map(|[_, y]| shape.follows(*y)).collect(),
            places: kept,
            triangles,
        }
    }

    /// The corners for a pose and a light.
    pub(crate) fn corners(&self, pose: &Pose, light: &Light) -> Vec<Corner> {
        let stance = Stance::new(pose);
        (0..self.points.len())
            .map(|i| {
                let point = stance.place(self.points[i], self.follows[i]);
                Corner {
                    pixel: project(point),
                    distance_mm: point[2],
                    texel: atlas::texel(self.places[i]),
                    light: light.on_surface(point, self.normals[i], &stance.head),
                }
            })
            .collect()
    }
}

/// A pose, ready to be applied to many points.
pub(crate) struct Stance {
    pub(crate) head: Rotation,
    joint: Vector,
}

impl Stance {
    pub(crate) fn new(pose: &Pose) -> Self {
        Self { head: pose.rotation(), joint: sum(pose.position(), JOINT) }
    }

    /// Where a point of the surface stands, that takes so much part in turns of the head.
    pub(crate) fn place(&self, point: Vector, follows: f32) -> Vector {
        let from_joint = difference(point, JOINT);
        let turned = rotated(&self.head, from_joint);
        std::array::from_fn(|i| self.joint[i] + follows * turned[i] + (1.0 - follows) * from_joint[i])
    }
}

/// Lines of a grid, as far apart as the spacing says where they are.
fn lines(from: f32, to: f32, spacing: impl Fn(f32) -> f32) -> Vec<f32> {
    let mut lines = vec![from];
    let mut last = from;
    while last < to {
        last = (last + spacing(last)).min(to);
        lines.push(last);
    }
    lines
}

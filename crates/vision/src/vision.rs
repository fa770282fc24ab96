//! [`Vision`]: the loaded networks, finding faces and describing them.

use bitflags::bitflags;
use likeness_base::Secret;

use crate::detect::{Detection, Detector, Search};
use crate::engine::Engine;
use crate::error::VisionError;
use crate::find::{FaceNetworks, Found, find};
use crate::geometry::{Point, Rect};
use crate::iris::IrisNetwork;
use crate::landmarks::Landmarks;
use crate::measure::{
    Accessories, CHIP_SIDE, CaptureView, Covering, Evidence, FacialHair, Flaws, Glasses, Hair, HeadPose, Mask,
    Occlusion, Quality, View, blur, capture_view, exposure, facial_hair, hair, head_pose, noise, quality, smile,
};
use crate::mesh::{Mesh, MeshNetwork};
use crate::parts::{Parts, RecogniserPart};
use crate::picture::{Picture, Raster};
use crate::portrait::{AgeNetwork, SmileNetwork};
use crate::recognise::{Recogniser, dlib_chip};
use crate::trace::{Stage, Trace, Tracer};
use crate::warp::warp;

bitflags! {
    /// Which attributes of a face are wanted.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
    pub struct AttributeSet: u32 {
        /// [`Face::head_pose`].
        const HEAD_POSE = 1;
        /// [`Face::blur`].
        const BLUR = 1 << 1;
        /// [`Face::exposure`].
        const EXPOSURE = 1 << 2;
        /// [`Face::noise`].
        const NOISE = 1 << 3;
        /// [`Face::quality`].
        const QUALITY = 1 << 4;
        /// [`Face::glasses`].
        const GLASSES = 1 << 5;
        /// [`Face::occlusion`].
        const OCCLUSION = 1 << 6;
        /// [`Face::accessories`].
        const ACCESSORIES = 1 << 7;
        /// [`Face::mask`].
        const MASK = 1 << 8;
        /// [`Face::age`]; costs a network, which a pack may lack.
        const AGE = 1 << 9;
        /// [`Face::smile`]; costs a network, which a pack may lack.
        const SMILE = 1 << 10;
        /// [`Face::facial_hair`].
        const FACIAL_HAIR = 1 << 11;
        /// [`Face::hair`].
        const HAIR = 1 << 12;
        /// Attributes that say more about a person than about a photo: not to be computed without an approval.
        const LIMITED = Self::AGE.bits() | Self::SMILE.bits() | Self::FACIAL_HAIR.bits() | Self::HAIR.bits();
    }
}

/// What to measure of a face. Nothing else is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct DescribeOptions {
    /// The 27 landmarks; costs the mesh (shared with the rest) and two iris runs.
    pub landmarks: bool,
    /// Which attributes; cost the mesh and little more, but for age and smile with a network each.
    pub attributes: AttributeSet,
    /// What a liveness capture compares between frames; costs the mesh and two chips.
    pub capture: bool,
    /// Of which recognisers templates; each costs one or two runs of its network.
    pub templates: RecogniserSet,
}

/// What is known about one face; only what was wanted is filled.
#[derive(Clone, Debug)]
pub struct Face {
    /// The face rectangle in whole pixels of the photo, within it; see [`Detection::reported`].
    pub rect: Rect,
    /// The 27 landmarks.
    pub landmarks: Option<Landmarks>,
    /// Rotation of the head in degrees.
    pub head_pose: Option<HeadPose>,
    /// 0 (sharp) to 1 (blurred); Azure's levels part at 0.25 and 0.75.
    pub blur: Option<f32>,
    /// 0 (dark) to 1 (burnt out); good from 0.25 to 0.75.
    pub exposure: Option<f32>,
    /// 0 (clean) to 1 (grainy); Azure's levels part at 0.3 and 0.7.
    pub noise: Option<f32>,
    /// Whether the face is fit for recognition.
    pub quality: Option<Quality>,
    /// What keeps [`Face::quality`] from being high; comes with it.
    pub flaws: Option<Flaws>,
    /// What is worn on the eyes.
    pub glasses: Option<Glasses>,
    /// Which parts of the face are covered.
    pub occlusion: Option<Occlusion>,
    /// What is worn.
    pub accessories: Option<Accessories>,
    /// What is over the mouth.
    pub mask: Option<Mask>,
    /// Years, 0 to 100. Also absent where the pack has no network for it.
    pub age: Option<Secret<f32>>,
    /// 0 (none) to 1. Also absent where the pack has no network for it.
    pub smile: Option<Secret<f32>>,
    /// Moustache, beard, sideburns.
    pub facial_hair: Option<FacialHair>,
    /// Hair of the head.
    pub hair: Option<Hair>,
    /// What a liveness capture compares between frames.
    pub capture: Option<CaptureView>,
    /// The templates, each with the number of its recogniser and as long as that one's dimension.
    pub templates: Vec<(usize, Secret<Vec<f32>>)>,
}

impl Face {
    /// The template of the recogniser of this number, if it was wanted.
    pub fn template(&self, recogniser: usize) -> Option<&Secret<Vec<f32>>> {
        self.templates.iter().find(|(number, _)| *number == recogniser).map(|(_, template)| template)
    }
}

/// Some of the recognisers that a [`Vision`] knows, by their numbers; [`Vision::load`] loads number 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub struct RecogniserSet(u32);

impl RecogniserSet {
    /// Most recognisers side by side.
    pub const MOST: usize = 32;
    /// None of them.
    pub const NONE: Self = Self(0);
    /// The one that [`Vision::load`] loads.
    pub const FIRST: Self = Self(1);

    /// The same and this one.
    ///
    /// # Panics
    /// When the number is not below [`RecogniserSet::MOST`].
    #[must_use]
    pub const fn with(self, number: usize) -> Self {
        assert!(number < Self::MOST, "recognisers are numbered from 0 to 31");
        Self(self.0 | 1 << number)
    }

    /// Their numbers, rising.
    pub fn numbers(self) -> impl Iterator<Item = usize> {
        (0..Self::MOST).filter(move |number| self.0 >> number & 1 == 1)
    }
}

/// The loaded networks and their buffers. Owned by one worker thread at a time.
pub struct Vision {
    detector: Detector,
    second_detector: Option<Detector>,
    mesh: MeshNetwork,
    iris: IrisNetwork,
    /// By their numbers; `None` for one that was not needed yet.
    recognisers: Vec<Option<Recogniser>>,
    age: Option<AgeNetwork>,
    smile: Option<SmileNetwork>,
    /// Meshes of the doubtful faces of the last picture, so that describing need not find them again.
    /// A box alone does not say which picture it came from, so what was not asked for is dropped with the next picture.
    meshes: Vec<(Detection, Mesh)>,
    trace: Tracer,
}

impl Vision {
    /// Loads all networks that there are.
    ///
    /// # Errors
    /// [`VisionError::Engine`] if the engine refuses a file, [`VisionError::Model`] if an input shape does not fit its kind.
    pub fn load(engine: &dyn Engine, parts: &Parts<'_>) -> Result<Self, VisionError> {
        Ok(Self {
            detector: Detector::blazeface(engine, &parts.detector)?,
            second_detector: parts.second_detector.as_ref().map(|part| Detector::load(engine, part)).transpose()?,
            mesh: MeshNetwork::load(engine, parts.mesh)?,
            iris: IrisNetwork::load(engine, parts.iris)?,
            recognisers: vec![Some(Recogniser::load(engine, &parts.recogniser)?)],
            age: parts.age.as_ref().map(|part| AgeNetwork::load(engine, part)).transpose()?,
            smile: parts.smile.as_ref().map(|part| SmileNetwork::load(engine, part)).transpose()?,
            meshes: Vec::new(),
            trace: Tracer::default(),
        })
    }

    /// Tells `trace` about every change of stage from now on; `None` ends that.
    pub fn set_trace(&mut self, trace: Option<Box<dyn Trace>>) {
        self.trace = Tracer(trace);
    }

    /// Finds the faces of a picture: largest first (area of the reported rectangle), ties by top, then left; at most 100.
    /// Faces smaller than [`smallest_face_px`](crate::smallest_face_px) are left out unless `search` says otherwise.
    ///
    /// # Errors
    /// Those of [`VisionError`]; a picture without faces gives an empty list.
    pub fn detect(&mut self, picture: &Picture, search: Search) -> Result<Vec<Detection>, VisionError> {
        let networks =
            FaceNetworks { detector: &mut self.detector, second: self.second_detector.as_mut(), mesh: &mut self.mesh };
        let Found { faces, meshes } = find(networks, picture, search, &mut self.trace)?;
        self.meshes = meshes;
        self.trace.enter(Stage::Idle);
        Ok(faces)
    }

    /// Finds out what is wanted about one face. The detection must come from the same picture.
    ///
    /// # Errors
    /// [`VisionError::Unalignable`] if the points of the face make no sense; else the engine's failures.
    pub fn describe(
        &mut self,
        picture: &Picture,
        detection: &Detection,
        options: DescribeOptions,
    ) -> Result<Face, VisionError> {
        let mut face = Face {
            rect: detection.reported(picture),
            landmarks: None,
            head_pose: None,
            blur: None,
            exposure: None,
            noise: None,
            quality: None,
            flaws: None,
            glasses: None,
            occlusion: None,
            accessories: None,
            mask: None,
            age: None,
            smile: None,
            facial_hair: None,
            hair: None,
            capture: None,
            templates: Vec::new(),
        };
        let raster = picture.raster();
        let measures_mesh = options.attributes.intersects(AttributeSet::all() - AttributeSet::NOISE);
        let mut recognisers = options.templates.numbers().map(|number| self.recogniser(number));
        let embeds_mesh = recognisers.try_fold(false, |needs, recogniser| {
            recogniser.map(|recogniser| needs | recogniser.needs_mesh(&detection.points))
        })?;
        let mesh = if options.landmarks || measures_mesh || embeds_mesh || options.capture {
            Some(match self.known_mesh(detection) {
                Some(mesh) => mesh,
                None => self.mesh.find(&raster, detection, &mut self.trace)?.1,
            })
        } else {
            None
        };
        if let (true, Some(mesh)) = (options.landmarks, &mesh) {
            let pupils = self.iris.pupils(&raster, mesh, &mut self.trace)?;
            face.landmarks = Some(Landmarks::from_mesh(mesh, pupils).enlarged(picture.shrunk() as f32));
        }
        self.trace.enter(Stage::Measure);
        if options.attributes.contains(AttributeSet::NOISE) {
            face.noise = Some(noise(&raster, &detection.rect));
        }
        if let (true, Some(mesh)) = (measures_mesh, &mesh) {
            measure(picture, mesh, options.attributes, &mut face)?;
            self.guess(&raster, detection, mesh, options.attributes, &mut face)?;
        }
        if let (true, Some(mesh)) = (options.capture, &mesh) {
            face.capture = Some(capture_view(&raster, mesh)?);
        }
        for number in options.templates.numbers() {
            let recogniser = self.recognisers.get_mut(number).and_then(Option::as_mut).ok_or_else(not_loaded)?;
            let template = recogniser.template(&raster, &detection.points, mesh.as_ref(), &mut self.trace)?;
            face.templates.push((number, template));
        }
        self.trace.enter(Stage::Idle);
        Ok(face)
    }
}

impl Vision {
    /// Whether the recogniser of this number is loaded.
    pub fn has_recogniser(&self, number: usize) -> bool {
        self.recogniser(number).is_ok()
    }

    /// Loads one more recogniser, under a number below [`RecogniserSet::MOST`].
    ///
    /// # Errors
    /// As [`Vision::load`].
    pub fn add_recogniser(
        &mut self,
        number: usize,
        engine: &dyn Engine,
        part: &RecogniserPart<'_>,
    ) -> Result<(), VisionError> {
        let recogniser = Recogniser::load(engine, part)?;
        if self.recognisers.len() <= number {
            self.recognisers.resize_with(number + 1, || None);
        }
        self.recognisers[number] = Some(recogniser);
        Ok(())
    }

    fn recogniser(&self, number: usize) -> Result<&Recogniser, VisionError> {
        self.recognisers.get(number).and_then(Option::as_ref).ok_or_else(not_loaded)
    }
}

fn not_loaded() -> VisionError {
    VisionError::Model { network: "recogniser", reason: "it is needed and was not loaded".to_owned() }
}

impl Vision {
    /// Age and smile, by their networks where the pack has them.
    fn guess(
        &mut self,
        raster: &Raster<'_>,
        detection: &Detection,
        mesh: &Mesh,
        attributes: AttributeSet,
        face: &mut Face,
    ) -> Result<(), VisionError> {
        if let (true, Some(network)) = (attributes.contains(AttributeSet::AGE), &mut self.age) {
            face.age = Some(Secret::new(network.years(raster, detection, mesh)?));
        }
        if let (true, Some(network)) = (attributes.contains(AttributeSet::SMILE), &mut self.smile) {
            let happiness = network.happiness(raster, detection, mesh)?;
            face.smile = Some(Secret::new(smile(happiness, mesh)));
        }
        Ok(())
    }

    /// The mesh of this face, if it has been found. It is moved out: no face is described twice.
    fn known_mesh(&mut self, detection: &Detection) -> Option<Mesh> {
        let at = self.meshes.iter().position(|(known, _)| known == detection)?;
        Some(self.meshes.swap_remove(at).1)
    }
}

/// Width of the reported face rectangle over the distance of the eyes (see [`Detection::reported`]); the distance is taken
/// in space, so a turned head is not called small.
const WIDTH_OVER_EYES: f32 = 2.16;

/// Attributes that are read off the 112-pixel chip, and off the wide one.
const FROM_CHIP: AttributeSet = AttributeSet::BLUR.union(AttributeSet::EXPOSURE).union(AttributeSet::QUALITY);
const FROM_COVERING: AttributeSet = AttributeSet::GLASSES
    .union(AttributeSet::OCCLUSION)
    .union(AttributeSet::ACCESSORIES)
    .union(AttributeSet::MASK)
    .union(AttributeSet::HAIR)
    .union(AttributeSet::QUALITY);
const FROM_VIEW: AttributeSet = FROM_COVERING.union(AttributeSet::FACIAL_HAIR);

fn measure(picture: &Picture, mesh: &Mesh, attributes: AttributeSet, face: &mut Face) -> Result<(), VisionError> {
    let (pose, width_px) = (head_pose(mesh), WIDTH_OVER_EYES * eye_distance(mesh));
    face.head_pose = attributes.contains(AttributeSet::HEAD_POSE).then_some(pose);
    let mut is_covered = false;
    if attributes.intersects(FROM_VIEW) {
        let view = View::new(&picture.raster(), mesh)?;
        if attributes.contains(AttributeSet::FACIAL_HAIR) {
            face.facial_hair = Some(facial_hair(&view));
        }
        if attributes.intersects(FROM_COVERING) {
            let covering = Covering::of(&view, pose, width_px);
            is_covered = cover(&view, &covering, attributes, face);
        }
    }
    if attributes.intersects(FROM_CHIP) {
        let to_source = dlib_chip(mesh, CHIP_SIDE as f32)?;
        let chip = warp(&picture.raster(), &to_source, CHIP_SIDE, CHIP_SIDE);
        let (blur, exposure) = (blur(&chip), exposure(&chip));
        face.blur = attributes.contains(AttributeSet::BLUR).then_some(blur);
        face.exposure = attributes.contains(AttributeSet::EXPOSURE).then_some(exposure);
        if attributes.contains(AttributeSet::QUALITY) {
            let outside = outside(mesh, picture);
            let (quality, flaws) = quality(&Evidence { width_px, pose, blur, exposure, is_covered, outside });
            (face.quality, face.flaws) = (Some(quality), Some(flaws));
        }
    }
    Ok(())
}

/// Fills in what covers the face; says whether that hides so much of it that recognition suffers.
fn cover(view: &View, covering: &Covering, attributes: AttributeSet, face: &mut Face) -> bool {
    face.glasses = attributes.contains(AttributeSet::GLASSES).then(|| covering.glasses());
    face.occlusion = attributes.contains(AttributeSet::OCCLUSION).then(|| covering.occlusion());
    face.accessories = attributes.contains(AttributeSet::ACCESSORIES).then(|| covering.accessories());
    face.mask = attributes.contains(AttributeSet::MASK).then(|| covering.mask());
    face.hair = attributes.contains(AttributeSet::HAIR).then(|| hair(view, covering.wears_hat()));
    covering.hides_the_face()
}

/// Share of the face's outline that lies outside the picture.
fn outside(mesh: &Mesh, picture: &Picture) -> f32 {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let is_outside = |point: &Point| !(0.0..width).contains(&point.x) || !(0.0..height).contains(&point.y);
    let outline = crate::mesh::index::OUTLINE;
    outline.iter().filter(|&&at| is_outside(&mesh.points[at])).count() as f32 / outline.len() as f32
}

/// Distance of the eye centres in space, so that turning the head does not shrink it.
fn eye_distance(mesh: &Mesh) -> f32 {
    use crate::mesh::index::{EYE_LEFT_INNER, EYE_LEFT_OUTER, EYE_RIGHT_INNER, EYE_RIGHT_OUTER};
    let [left, right]: [Point; 2] = mesh.eye_centres();
    let depth = |a: usize, b: usize| (mesh.depths[a] + mesh.depths[b]) / 2.0;
    let away = depth(EYE_RIGHT_INNER, EYE_RIGHT_OUTER) - depth(EYE_LEFT_OUTER, EYE_LEFT_INNER);
    left.distance(right).hypot(away)
}

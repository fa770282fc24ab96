//! From installed packs to loaded networks: picks the packs, names the template space, reads the calibration.

use crate::config::Config;
use anyhow::{Context, Result, bail};
use likeness_gallery::{Calibration, CalibrationParts, Logistic, Space};
use likeness_models::{Cache, InstalledPack, Trust};
use likeness_vision::engine::Engine;
use likeness_vision::{AttributeSet, DetectorPart, NetworkPart, Parts, RecogniserPart, Vision, VisionError};
use std::sync::Arc;

/// A network that a pack may lack, or that nothing asks for, with its input's shape.
type OptionalNetwork = Option<(Vec<u8>, [usize; 4])>;

/// The networks in memory, ready to be loaded by every worker.
pub(crate) struct Networks {
    detector: likeness_models::DetectorSpec,
    detector_onnx: Vec<u8>,
    mesh: Vec<u8>,
    mesh_input: [usize; 4],
    iris: Vec<u8>,
    iris_input: [usize; 4],
    recogniser: likeness_models::RecogniserSpec,
    recogniser_onnx: Vec<u8>,
    age: OptionalNetwork,
    smile: OptionalNetwork,
    /// Names the templates that may be compared with each other.
    pub space_id: String,
    /// The space itself.
    pub space: Space,
    /// Distances to confidences.
    pub calibration: Arc<Calibration>,
    /// The packs in use, for `doctor`.
    pub packs: Vec<String>,
}

impl Networks {
    /// Reads the packs that the configuration names, with the networks of all attributes: any account may be approved
    /// for any of them at any time.
    ///
    /// # Errors
    /// When a pack is missing, incomplete or not trusted; the text says what to do.
    pub(crate) fn read(config: &Config) -> Result<Self> {
        Self::read_for(config, crate::face::permit::limited_attributes())
    }

    /// The same with the networks for these limited attributes: nobody shall wait for a network that no call may use.
    ///
    /// # Errors
    /// As [`Networks::read`].
    pub(crate) fn read_for(config: &Config, limited: AttributeSet) -> Result<Self> {
        let cache = Cache::at(config.cache());
        let default = open(&cache, likeness_models::DEFAULT_PACK, config)?;
        let other = |id: &str| if id.is_empty() { Ok(None) } else { open(&cache, id, config).map(Some) };
        let detector_pack = other(&config.inference.detector_pack)?;
        let recogniser_pack = other(&config.inference.recogniser_pack)?;
        let detector_pack = detector_pack.as_ref().unwrap_or(&default);
        let recogniser_pack = recogniser_pack.as_ref().unwrap_or(&default);

        let detector = detector_pack
            .pack
            .detector
            .clone()
            .with_context(|| format!("the pack {} has no detector", detector_pack.pack.id))?;
        let recogniser = recogniser_pack
            .pack
            .recogniser
            .clone()
            .with_context(|| format!("the pack {} has no recogniser", recogniser_pack.pack.id))?;
        let mesh = default.pack.mesh.as_ref().context("the default pack has no mesh network")?;
        let iris = default.pack.iris.as_ref().context("the default pack has no iris network")?;
        let hash =
            recogniser_pack.pack.files.iter().find(|file| file.path == recogniser.file).map(|file| file.sha256.clone());
        let hash =
            hash.with_context(|| format!("the pack {} does not list its recogniser", recogniser_pack.pack.id))?;
        // Where the detector's own five points align the face, the detector is part of the name.
        let aligned = match (recogniser.kind, detector.kind) {
            (_, likeness_models::DetectorKind::BlazefaceBack) | (likeness_models::RecogniserKind::DlibResnet, _) => {
                String::new()
            }
            (likeness_models::RecogniserKind::Arcface, kind) => format!("/{kind:?}"),
        };
        let space_id = format!(
            "{}/{}/{:?}{}{}{aligned}",
            recogniser_pack.pack.id,
            hash.get(..16).unwrap_or(&hash),
            recogniser.kind,
            if recogniser.unit { "/unit" } else { "" },
            if recogniser.mirror { "/mirror" } else { "" },
        )
        .to_ascii_lowercase();
        let space = Space::new(recogniser.dimension, &recogniser.center)?;
        let calibration = calibration(config, &recogniser, &space_id)?;
        let mut packs = vec![default.pack.id.clone()];
        for pack in [detector_pack, recogniser_pack] {
            if !packs.contains(&pack.pack.id) {
                packs.push(pack.pack.id.clone());
            }
        }
        let optional = |spec: &Option<likeness_models::NetworkSpec>, attribute| {
            let wanted = spec.as_ref().filter(|_| limited.contains(attribute));
            wanted.map(|spec| Ok::<_, anyhow::Error>((default.read(&spec.file)?, spec.input))).transpose()
        };
        Ok(Self {
            age: optional(&default.pack.age, AttributeSet::AGE)?,
            smile: optional(&default.pack.smile, AttributeSet::SMILE)?,
            detector_onnx: detector_pack.read(&detector.file)?,
            mesh: default.read(&mesh.file)?,
            mesh_input: mesh.input,
            iris: default.read(&iris.file)?,
            iris_input: iris.input,
            recogniser_onnx: recogniser_pack.read(&recogniser.file)?,
            detector,
            recogniser,
            space_id,
            space,
            calibration: Arc::new(calibration),
            packs,
        })
    }

    /// Each network on its own, with its input's shape; for measuring.
    pub(crate) fn each(&self) -> [(&'static str, &[u8], [usize; 4]); 4] {
        [
            ("detector", &self.detector_onnx, self.detector.input),
            ("mesh", &self.mesh, self.mesh_input),
            ("iris", &self.iris, self.iris_input),
            ("recogniser", &self.recogniser_onnx, self.recogniser.input),
        ]
    }

    /// Which attributes can be computed: all whose networks there are, of those that were read.
    pub(crate) fn attributes(&self) -> AttributeSet {
        let mut offered = AttributeSet::all();
        offered.set(AttributeSet::AGE, self.age.is_some());
        offered.set(AttributeSet::SMILE, self.smile.is_some());
        offered
    }

    /// Whether templates have length one.
    pub(crate) const fn unit(&self) -> bool {
        self.recogniser.unit
    }

    /// Loads one set of networks; each worker has its own.
    ///
    /// # Errors
    /// When the engine refuses a network.
    pub(crate) fn load(&self, engine: &dyn Engine) -> Result<Vision, VisionError> {
        let detector = DetectorPart {
            kind: match self.detector.kind {
                likeness_models::DetectorKind::BlazefaceBack => likeness_vision::DetectorKind::BlazefaceBack,
                likeness_models::DetectorKind::Yunet => likeness_vision::DetectorKind::Yunet,
                likeness_models::DetectorKind::Scrfd => likeness_vision::DetectorKind::Scrfd,
            },
            onnx: &self.detector_onnx,
            input: self.detector.input,
            score_threshold: self.detector.score_threshold,
            overlap_threshold: self.detector.overlap_threshold,
        };
        let recogniser = RecogniserPart {
            kind: match self.recogniser.kind {
                likeness_models::RecogniserKind::DlibResnet => likeness_vision::RecogniserKind::DlibResnet,
                likeness_models::RecogniserKind::Arcface => likeness_vision::RecogniserKind::Arcface,
            },
            onnx: &self.recogniser_onnx,
            input: self.recogniser.input,
            dimension: self.recogniser.dimension,
            mirror: self.recogniser.mirror,
            unit: self.recogniser.unit,
        };
        Vision::load(
            engine,
            &Parts {
                detector,
                mesh: &self.mesh,
                iris: &self.iris,
                recogniser,
                age: part(&self.age),
                smile: part(&self.smile),
            },
        )
    }
}

fn part(network: &OptionalNetwork) -> Option<NetworkPart<'_>> {
    network.as_ref().map(|(onnx, input)| NetworkPart { onnx, input: *input })
}

fn open(cache: &Cache, id: &str, config: &Config) -> Result<InstalledPack> {
    let folder = cache.pack_folder(id);
    if !folder.exists() {
        let what = if id == likeness_models::DEFAULT_PACK { String::new() } else { format!(" {id}") };
        bail!(
            "the model pack {id} is not installed in {}; run `likeness models install{what}`",
            cache.root().display()
        );
    }
    let trust = if config.inference.allow_unknown_models { Trust::AllowUnknown } else { Trust::KnownOnly };
    Ok(likeness_models::open(&folder, trust)?)
}

/// The pack's calibration, or the operator's own if it was made for the same templates.
fn calibration(config: &Config, recogniser: &likeness_models::RecogniserSpec, space_id: &str) -> Result<Calibration> {
    let file = &config.inference.calibration;
    if file.as_os_str().is_empty() {
        let likeness_models::Calibration { verify, face_check, note, impostor_pairs, people } =
            recogniser.calibration.clone();
        return Ok(Calibration::new(CalibrationParts {
            space: space_id.to_owned(),
            verify: Logistic { half_at_distance: verify.half_at_distance, slope: verify.slope },
            face_check,
            note,
            impostor_pairs,
            people,
        })?);
    }
    let text =
        std::fs::read_to_string(file).with_context(|| format!("the calibration {} cannot be read", file.display()))?;
    let calibration: Calibration =
        serde_json::from_str(&text).with_context(|| format!("the calibration {} is not right", file.display()))?;
    if calibration.space() != space_id {
        bail!(
            "the calibration {} was made for other templates than the installed pack makes; run `likeness calibrate` again",
            file.display()
        );
    }
    Ok(calibration)
}

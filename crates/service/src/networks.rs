//! From installed packs to loaded networks: picks the packs and reads their files.

use crate::config::InferenceConfig;
use crate::interruptible::Interruptible;
use crate::recognisers::Recognisers;
use crate::worker_networks::WorkerNetworks;
use anyhow::{Context, Result, bail};
use likeness_models::{Cache, InstalledPack};
use likeness_vision::engine::Engine;
use likeness_vision::{AttributeSet, DetectorPart, NetworkPart, Parts, Vision, VisionError};
use std::sync::Arc;

/// A network that a pack may lack, or that nothing asks for, with its input's shape.
type OptionalNetwork = Option<(Vec<u8>, [usize; 4])>;

/// The larger of the two frames in which BlazeFace searches a photo of 1280 x 960 pixels.
const PORTRAIT_FRAME: [usize; 4] = [1, 3, 320, 416];

/// The networks in memory, ready to be loaded by every worker.
pub struct Networks {
    detector: (likeness_models::DetectorSpec, Vec<u8>),
    /// YuNet or its like, where the configuration names such a pack.
    second_detector: Option<(likeness_models::DetectorSpec, Vec<u8>)>,
    mesh: Vec<u8>,
    mesh_input: [usize; 4],
    iris: Vec<u8>,
    iris_input: [usize; 4],
    recogniser_onnx: Vec<u8>,
    age: OptionalNetwork,
    smile: OptionalNetwork,
    /// The recogniser of new containers, and those beside it.
    pub recognisers: Arc<Recognisers>,
    /// The packs in use, for `doctor`.
    pub packs: Vec<String>,
}

impl Networks {
    /// Reads the packs that the configuration names, with the networks of all attributes: any account may be approved
    /// for any of them at any time.
    ///
    /// # Errors
    /// When a pack is missing, incomplete or not trusted; the text says what to do.
    pub fn read(config: &InferenceConfig, cache: &Cache) -> Result<Self> {
        Self::read_for(config, cache, crate::limited_attributes::all())
    }

    /// The same with the networks for these limited attributes: nobody shall wait for a network that no call may use.
    ///
    /// # Errors
    /// As [`Networks::read`].
    pub fn read_for(config: &InferenceConfig, cache: &Cache, limited: AttributeSet) -> Result<Self> {
        let default = open(cache, likeness_models::DEFAULT_PACK, config)?;
        let other = |id: &str| if id.is_empty() { Ok(None) } else { open(cache, id, config).map(Some) };
        let detector_pack = other(&config.detector_pack)?;
        let recogniser_pack = other(&config.recogniser_pack)?;
        let detector_pack = detector_pack.as_ref().unwrap_or(&default);
        let recogniser_pack = recogniser_pack.as_ref().unwrap_or(&default);

        let chosen = detector_of(detector_pack)?;
        let kind = chosen.0.kind;
        // Closer looks need BlazeFace, so any other detector stands beside the default pack's.
        let (detector, second_detector) = match kind {
            likeness_models::DetectorKind::BlazefaceBack => (chosen, None),
            likeness_models::DetectorKind::Yunet | likeness_models::DetectorKind::Scrfd => {
                (detector_of(&default)?, Some(chosen))
            }
        };
        let mesh = default.pack.mesh.as_ref().context("the default pack has no mesh network")?;
        let iris = default.pack.iris.as_ref().context("the default pack has no iris network")?;
        let recognisers = Recognisers::find(config, cache, recogniser_pack, kind)?;
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
            mesh: default.read(&mesh.file)?,
            mesh_input: mesh.input,
            iris: default.read(&iris.file)?,
            iris_input: iris.input,
            recogniser_onnx: recognisers.default_recogniser().onnx()?,
            detector,
            second_detector,
            recognisers: Arc::new(recognisers),
            packs,
        })
    }

    /// Each network on its own, with its input's shape; for measuring.
    pub fn each(&self) -> Vec<(&'static str, &[u8], [usize; 4])> {
        let mut each: Vec<(&'static str, &[u8], [usize; 4])> = vec![
            ("detector", &self.detector.1, PORTRAIT_FRAME),
            ("mesh", &self.mesh, self.mesh_input),
            ("iris", &self.iris, self.iris_input),
            ("recogniser", &self.recogniser_onnx, self.recognisers.default_recogniser().input()),
        ];
        if let Some((spec, onnx)) = &self.second_detector {
            each.push(("second detector", onnx, spec.input));
        }
        each
    }

    /// Which attributes can be computed: all whose networks there are, of those that were read.
    pub fn attributes(&self) -> AttributeSet {
        let mut offered = AttributeSet::all();
        offered.set(AttributeSet::AGE, self.age.is_some());
        offered.set(AttributeSet::SMILE, self.smile.is_some());
        offered
    }

    /// Loads one set of networks for a worker, which may load more recognisers later.
    ///
    /// # Errors
    /// When the engine refuses a network.
    pub fn sight(&self, engine: Arc<dyn Engine>) -> Result<WorkerNetworks, VisionError> {
        let engine: Arc<dyn Engine> = Arc::new(Interruptible(engine));
        Ok(WorkerNetworks::new(self.load(&*engine)?, engine, self.recognisers.clone()))
    }

    /// Loads one set of networks, with the recogniser of new containers.
    ///
    /// # Errors
    /// When the engine refuses a network.
    pub fn load(&self, engine: &dyn Engine) -> Result<Vision, VisionError> {
        let recogniser = self.recognisers.default_recogniser().part(&self.recogniser_onnx);
        Vision::load(
            engine,
            &Parts {
                detector: detector_part(&self.detector),
                second_detector: self.second_detector.as_ref().map(detector_part),
                mesh: &self.mesh,
                iris: &self.iris,
                recogniser,
                age: part(&self.age),
                smile: part(&self.smile),
            },
        )
    }
}

fn detector_of(pack: &InstalledPack) -> Result<(likeness_models::DetectorSpec, Vec<u8>)> {
    let spec = pack.pack.detector.clone().with_context(|| format!("the pack {} has no detector", pack.pack.id))?;
    let onnx = pack.read(&spec.file)?;
    Ok((spec, onnx))
}

fn detector_part((spec, onnx): &(likeness_models::DetectorSpec, Vec<u8>)) -> DetectorPart<'_> {
    DetectorPart {
        kind: match spec.kind {
            likeness_models::DetectorKind::BlazefaceBack => likeness_vision::DetectorKind::BlazefaceBack,
            likeness_models::DetectorKind::Yunet => likeness_vision::DetectorKind::Yunet,
            likeness_models::DetectorKind::Scrfd => likeness_vision::DetectorKind::Scrfd,
        },
        onnx,
        input: spec.input,
        score_threshold: spec.score_threshold,
        overlap_threshold: spec.overlap_threshold,
    }
}

fn part(network: &OptionalNetwork) -> Option<NetworkPart<'_>> {
    network.as_ref().map(|(onnx, input)| NetworkPart { onnx, input: *input })
}

fn open(cache: &Cache, id: &str, config: &InferenceConfig) -> Result<InstalledPack> {
    let folder = cache.pack_folder(id);
    if !folder.exists() {
        let what = if id == likeness_models::DEFAULT_PACK { String::new() } else { format!(" {id}") };
        bail!(
            "the model pack {id} is not installed in {}; run `likeness models install{what}`",
            cache.root().display()
        );
    }
    Ok(likeness_models::open(&folder, config.trust())?)
}

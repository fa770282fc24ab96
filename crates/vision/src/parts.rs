//! What a pipeline is loaded from: plain data, filled by whoever owns the model files.

/// Which detector a file holds; each has its own input, outputs and anchors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetectorKind {
    /// MediaPipe BlazeFace, back-camera form, 256 x 256, two strides, six key points.
    BlazefaceBack,
    /// YuNet (libfacedetection), strides 8, 16 and 32, five key points.
    Yunet,
    /// SCRFD with key points (InsightFace), strides 8, 16 and 32, two anchors a cell, five key points.
    Scrfd,
}

/// From the bytes of a pixel to the numbers a network was trained on: `(value - subtract) / divide`, in the order red,
/// green, blue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalisation {
    /// Taken off first, 0 to 255.
    pub subtract: [f32; 3],
    /// Divided by then; not zero.
    pub divide: [f32; 3],
}

impl Normalisation {
    /// The same for all three colours.
    pub const fn grey(subtract: f32, divide: f32) -> Self {
        Self { subtract: [subtract; 3], divide: [divide; 3] }
    }

    pub(crate) fn is_usable(&self) -> bool {
        let is_usable = |divide: &f32| divide.is_finite() && *divide != 0.0;
        self.subtract.iter().all(|value| value.is_finite()) && self.divide.iter().all(is_usable)
    }
}

/// Which points of a face align it for a recogniser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlignedBy {
    /// Those of the face mesh, whatever found the face: templates do not depend on the detector.
    Mesh,
    /// The detector's own five points where it gives five, else those of the mesh; it saves the mesh, and each such
    /// detector makes templates of its own.
    Detector,
}

/// Which recogniser a file holds; it decides the alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecogniserKind {
    /// dlib's residual network: a 150 x 150 chip aligned by eight points of the face mesh, RGB.
    DlibResnet,
    /// ArcFace and its relatives (InsightFace, MobileFaceNet): a 112 x 112 chip aligned by five points, RGB.
    Arcface,
}

/// The detector and its settings.
#[derive(Clone, Copy)]
pub struct DetectorPart<'a> {
    /// Which adapter reads its outputs.
    pub kind: DetectorKind,
    /// The ONNX file.
    pub onnx: &'a [u8],
    /// Input shape: 1, 3, rows, columns.
    pub input: [usize; 4],
    /// Faces scored lower are not reported, 0 to 1.
    pub score_threshold: f32,
    /// Of two boxes that overlap more than this (intersection over union) the better one stays, 0 to 1.
    pub overlap_threshold: f32,
}

/// The recogniser and its settings.
#[derive(Clone, Copy)]
pub struct RecogniserPart<'a> {
    /// Which template of points it wants.
    pub kind: RecogniserKind,
    /// Which points of the face are laid on that template.
    pub aligned_by: AlignedBy,
    /// What its input numbers are.
    pub normalisation: Normalisation,
    /// The ONNX file; its first output is the embedding.
    pub onnx: &'a [u8],
    /// Input shape: 1, 3, rows, columns; square.
    pub input: [usize; 4],
    /// Length of a template.
    pub dimension: usize,
    /// Whether the chip and its mirror image are both embedded and averaged; twice the cost, steadier distances.
    pub mirror: bool,
    /// Whether a template is scaled to length 1.
    pub unit: bool,
}

/// A network that needs no more than its input's shape.
#[derive(Clone, Copy)]
pub struct NetworkPart<'a> {
    /// The ONNX file.
    pub onnx: &'a [u8],
    /// Input shape: 1, channels, rows, columns; square.
    pub input: [usize; 4],
}

/// Everything [`Vision::load`](crate::Vision::load) needs.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// Finds faces: BlazeFace, in frames of any size.
    pub detector: DetectorPart<'a>,
    /// Finds faces beside it: where both find one, this one's box and points are taken.
    pub second_detector: Option<DetectorPart<'a>>,
    /// FaceMesh, 468 points, input 1 x 3 x 192 x 192, outputs named as in the TensorFlow.js model.
    pub mesh: &'a [u8],
    /// The iris network, input 1 x 3 x 64 x 64.
    pub iris: &'a [u8],
    /// Makes templates.
    pub recogniser: RecogniserPart<'a>,
    /// Estimates years from RGB; its first output is the age. Without it no age is estimated.
    pub age: Option<NetworkPart<'a>>,
    /// Tells seven expressions apart on grey, of which only the fourth, a smile, is read. Without it no smile is estimated.
    pub smile: Option<NetworkPart<'a>>,
}

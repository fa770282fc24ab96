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

/// Which recogniser a file holds; it decides input numbers and alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecogniserKind {
    /// dlib's residual network: a 150 x 150 chip aligned by the face mesh, RGB, mean subtracted, divided by 255.
    DlibResnet,
    /// ArcFace and its relatives (InsightFace): a 112 x 112 chip aligned by five points, RGB, `(x - 127.5) / 127.5`.
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
    /// Which alignment and input numbers it wants.
    pub kind: RecogniserKind,
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
    /// Finds faces.
    pub detector: DetectorPart<'a>,
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

//! Stages of the work, reported to whoever measures time; this crate has no clock.

/// What the pipeline is doing. Names a bench or a metric can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Nothing: the call is about to return.
    Idle,
    /// Shrinking the picture or a window of it to the detector's frame.
    DetectResample,
    /// The detector network.
    DetectNetwork,
    /// Reading the detector's outputs, suppression, ordering.
    DetectFinish,
    /// Cutting the face for the mesh network and mapping its points back.
    MeshWarp,
    /// The mesh network.
    MeshNetwork,
    /// Cutting the eyes.
    IrisWarp,
    /// The iris network.
    IrisNetwork,
    /// Every attribute, with the networks of age and smile where they are asked for.
    Measure,
    /// Aligning the face for the recogniser, averaging, scaling.
    Align,
    /// The recogniser network.
    EmbedNetwork,
}

/// Told at every change of stage; whoever listens owns the clock. The time between two calls belongs to the stage
/// named first. [`Stage::Idle`] ends a successful call; a call that fails ends with whatever stage it failed in.
pub trait Trace: Send {
    /// The pipeline enters a stage.
    fn enter(&mut self, stage: Stage);
}

/// The listener of a [`Vision`](crate::Vision), if it has one.
#[derive(Default)]
pub(crate) struct Tracer(pub(crate) Option<Box<dyn Trace>>);

impl Tracer {
    pub(crate) fn enter(&mut self, stage: Stage) {
        if let Some(trace) = &mut self.0 {
            trace.enter(stage);
        }
    }
}

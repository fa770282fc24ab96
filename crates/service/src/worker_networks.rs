//! The networks of a worker thread: those that are loaded, and the recognisers that may still be loaded.
//!
//! Start at [`WorkerNetworks`]. The recogniser of new containers is loaded at the start, any other when the first picture needs it:
//! an installation with one recogniser pays for one.

use crate::recognisers::Recognisers;
use likeness_vision::engine::Engine;
use likeness_vision::{DescribeOptions, Detection, Face, Picture, Search, Vision, VisionError};
use std::sync::Arc;

/// The networks of one worker thread.
pub struct WorkerNetworks {
    vision: Vision,
    engine: Arc<dyn Engine>,
    recognisers: Arc<Recognisers>,
}

impl WorkerNetworks {
    /// Loaded networks, and what more there is to load.
    pub const fn new(vision: Vision, engine: Arc<dyn Engine>, recognisers: Arc<Recognisers>) -> Self {
        Self { vision, engine, recognisers }
    }

    /// The networks themselves, for whoever wants no template.
    pub const fn vision(&mut self) -> &mut Vision {
        &mut self.vision
    }

    /// See [`Vision::detect`].
    ///
    /// # Errors
    /// The engine's.
    pub fn detect(&mut self, picture: &Picture, search: Search) -> Result<Vec<Detection>, VisionError> {
        self.vision.detect(picture, search)
    }

    /// See [`Vision::describe`]; recognisers that are wanted are loaded if they are not.
    ///
    /// # Errors
    /// The engine's, and that of a recogniser whose file is damaged.
    pub fn describe(
        &mut self,
        picture: &Picture,
        found: &Detection,
        options: DescribeOptions,
    ) -> Result<Face, VisionError> {
        for number in options.templates.numbers() {
            if self.vision.has_recogniser(number) {
                continue;
            }
            let recogniser = self.recognisers.numbered(number);
            let onnx = recogniser
                .onnx()
                .map_err(|error| VisionError::Model { network: "recogniser", reason: format!("{error:#}") })?;
            self.vision.add_recogniser(number, &*self.engine, &recogniser.part(&onnx))?;
            tracing::info!(pack = %recogniser.pack.pack.id, "Loaded the recogniser of the model pack {}", recogniser.pack.pack.id);
        }
        self.vision.describe(picture, found, options)
    }
}

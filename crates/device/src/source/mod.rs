//! Where frames come from, and when a step is on the screen.

#[cfg(feature = "renderer")]
mod acted;
mod folder;
mod screen;

#[cfg(feature = "renderer")]
pub use acted::Acted;
pub use folder::Folder;
pub use screen::Screen;

use crate::SourceError;
use likeness_liveness::message::{FromServer, Shown};

/// A camera and a screen, with or without a person before them. Times are those of the device's clock.
pub trait Source: Send {
    /// The server said this.
    fn told(&mut self, message: &FromServer, now_ms: f64);

    /// The next step that has come on the screen and was not asked for before.
    fn shown(&mut self, now_ms: f64) -> Option<Shown>;

    /// When something comes on the screen, as far as is known.
    fn shows_at(&self) -> Option<f64>;

    /// The picture that the camera takes now, as a JPEG. `None`: there is no other, and the attempt is given up.
    ///
    /// # Errors
    /// [`SourceError`] when there should be one and is none.
    fn frame(&mut self, now_ms: f64) -> Result<Option<Vec<u8>>, SourceError>;
}

/// A source that remembers what the server said.
#[derive(Debug)]
pub struct Recorder<S> {
    source: S,
    /// Each message and when it came.
    pub told: Vec<(f64, FromServer)>,
}

impl<S> Recorder<S> {
    /// Records what this source is told.
    pub fn new(source: S) -> Self {
        Self { source, told: Vec::new() }
    }
}

impl<S: Source> Source for Recorder<S> {
    fn told(&mut self, message: &FromServer, now_ms: f64) {
        self.told.push((now_ms, message.clone()));
        self.source.told(message, now_ms);
    }

    fn shown(&mut self, now_ms: f64) -> Option<Shown> {
        self.source.shown(now_ms)
    }

    fn shows_at(&self) -> Option<f64> {
        self.source.shows_at()
    }

    fn frame(&mut self, now_ms: f64) -> Result<Option<Vec<u8>>, SourceError> {
        self.source.frame(now_ms)
    }
}

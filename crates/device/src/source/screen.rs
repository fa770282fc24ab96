//! A screen that shows steps as a page does.

use likeness_liveness::message::{FromServer, Hint, Prompt, Shown, StepMessage};

/// From a message to the first picture that shows it.
const PAINTING_MS: f64 = 40.0;

/// Says when a step is on the screen: shortly after it came; `settle` with colours, once the server has said `good`.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    /// What comes on the screen, and when.
    next: Option<(f64, StepMessage)>,
    /// What waits for the face to be in its place.
    waiting: Option<StepMessage>,
}

impl Screen {
    /// The server said this.
    pub fn told(&mut self, message: &FromServer, now_ms: f64) {
        let at_ms = now_ms + PAINTING_MS;
        match message {
            FromServer::Step(step) if matches!(step.prompt, Prompt::Settle { colours: Some(_), .. }) => {
                self.waiting = Some(step.clone());
            }
            FromServer::Step(step) => {
                self.waiting = None;
                self.next = Some((at_ms, step.clone()));
            }
            FromServer::Hint { hint: Hint::Good } => {
                self.next = self.waiting.take().map(|step| (at_ms, step)).or(self.next.take());
            }
            _ => {}
        }
    }

    /// The step that has come on the screen, once.
    pub fn shown(&mut self, now_ms: f64) -> Option<(StepMessage, Shown)> {
        let (_, step) = self.next.take_if(|(at_ms, _)| *at_ms <= now_ms)?;
        let shown = Shown { step: step.step, t: now_ms };
        Some((step, shown))
    }

    /// When the next one comes.
    pub fn shows_at(&self) -> Option<f64> {
        self.next.as_ref().map(|(at_ms, _)| *at_ms)
    }
}

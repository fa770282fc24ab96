//! A rendered person, or a rendered attack, who answers what the server asks for.

use super::{Screen, Source};
use crate::SourceError;
use likeness_liveness::message::{ColourFor, Direction, FromServer, Oval, Prompt, Shown};
use likeness_renderer::{Colour, Performer, QUALITY, jpeg};

/// A performer before a screen.
pub struct Acted {
    performer: Performer,
    screen: Screen,
    quality: u8,
}

impl Acted {
    /// A performer who has been shown nothing yet.
    pub fn new(performer: Performer) -> Self {
        Self { performer, screen: Screen::default(), quality: QUALITY }
    }
}

impl std::fmt::Debug for Acted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acted(..)")
    }
}

impl Source for Acted {
    fn told(&mut self, message: &FromServer, now_ms: f64) {
        match message {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of one hundred")]
            FromServer::Ready(ready) => self.quality = (ready.jpeg_quality * 100.0).round().clamp(1.0, 100.0) as u8,
            // The oval is on the page before the colours are, which wait for the face.
            FromServer::Step(step) => {
                if let Prompt::Settle { oval, colours: Some(_) } = &step.prompt {
                    self.performer.show(settle(oval, &[]), now_ms);
                }
            }
            _ => {}
        }
        self.screen.told(message, now_ms);
    }

    fn shown(&mut self, now_ms: f64) -> Option<Shown> {
        let (step, shown) = self.screen.shown(now_ms)?;
        self.performer.show(prompt(&step.prompt), shown.t);
        Some(shown)
    }

    fn shows_at(&self) -> Option<f64> {
        self.screen.shows_at()
    }

    fn frame(&mut self, now_ms: f64) -> Result<Option<Vec<u8>>, SourceError> {
        let frame = self.performer.frame(now_ms);
        jpeg(&frame.picture, self.quality).map(Some).map_err(|error| SourceError(error.to_string()))
    }
}

fn prompt(prompt: &Prompt) -> likeness_renderer::Prompt {
    match prompt {
        Prompt::Settle { oval, colours } => settle(oval, colours.as_deref().unwrap_or_default()),
        Prompt::Light { colour, .. } => likeness_renderer::Prompt::Light { colour: colour_of(colour) },
        Prompt::Near { oval } => likeness_renderer::Prompt::Near { oval: middle(oval) },
        Prompt::Turn { direction } => likeness_renderer::Prompt::Turn {
            direction: match direction {
                Direction::Left => likeness_renderer::Direction::Left,
                Direction::Right => likeness_renderer::Direction::Right,
                Direction::Up => likeness_renderer::Direction::Up,
                Direction::Down => likeness_renderer::Direction::Down,
            },
        },
        Prompt::Hold { .. } => likeness_renderer::Prompt::Hold,
    }
}

fn settle(oval: &Oval, colours: &[ColourFor]) -> likeness_renderer::Prompt {
    let colours = colours.iter().map(|one| (colour_of(&one.colour), f64::from(one.milliseconds))).collect();
    likeness_renderer::Prompt::Settle { oval: middle(oval), colours }
}

/// A colour that is written wrongly changes nothing on the page.
fn colour_of(text: &str) -> Colour {
    Colour::from_hex(text).unwrap_or(Colour::PAGE)
}

/// The protocol names the left upper corner of an oval, the renderer its middle.
fn middle(oval: &Oval) -> likeness_renderer::Oval {
    likeness_renderer::Oval {
        x: oval.x + oval.width / 2.0,
        y: oval.y + oval.height / 2.0,
        width: oval.width,
        height: oval.height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oval_is_named_by_its_middle() {
        let there = middle(&Oval { x: 0.25, y: 0.125, width: 0.5, height: 0.25 });
        assert_eq!(there, likeness_renderer::Oval { x: 0.5, y: 0.25, width: 0.5, height: 0.25 });
    }

    #[test]
    fn colours_are_passed_on() {
        let colours = [ColourFor { colour: "#ff0000".to_owned(), milliseconds: 500 }];
        let oval = Oval { x: 0.25, y: 0.125, width: 0.5, height: 0.25 };
        let likeness_renderer::Prompt::Settle { colours, .. } = settle(&oval, &colours) else { panic!("it settles") };
        assert_eq!(colours, [(Colour::new(255, 0, 0), 500.0)]);
        assert_eq!(colour_of("red"), Colour::PAGE);
    }
}

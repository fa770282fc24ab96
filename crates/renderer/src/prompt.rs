//! Prompts, as the device protocol has them, and the prompts of a recording that was made for another capture.

use fastrand::Rng;

/// A colour of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// Red, 0 to 255.
    pub red: u8,
    /// Green.
    pub green: u8,
    /// Blue.
    pub blue: u8,
}

impl Colour {
    /// White.
    pub const WHITE: Self = Self::new(255, 255, 255);
    /// Black.
    pub const BLACK: Self = Self::new(0, 0, 0);
    /// The page while no colour is asked for.
    pub const PAGE: Self = Self::new(240, 240, 240);

    /// A colour of red, green and blue.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// Reads `#rrggbb`.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
        let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        Some(Self { red: part(0)?, green: part(2)?, blue: part(4)? })
    }

    /// The share of white's light in each channel.
    pub(crate) fn linear(self) -> [f32; 3] {
        [self.red, self.green, self.blue].map(|value| (f32::from(value) / 255.0).powf(2.2))
    }
}

/// Where a face should be, in shares of the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Oval {
    /// The middle, from the left.
    pub x: f32,
    /// The middle, from the top.
    pub y: f32,
    /// Share of the frame's width.
    pub width: f32,
    /// Share of the frame's height.
    pub height: f32,
}

/// Which way a person is asked to turn, as the person sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the person's own left: the nose moves to the right side of the picture.
    Left,
    /// To the person's own right.
    Right,
    /// Up.
    Up,
    /// Down.
    Down,
}

/// What the page shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Prompt {
    /// Bring the face into the oval. The colours fill the page one after another.
    Settle {
        /// Where the face should be.
        oval: Oval,
        /// Each with its milliseconds. The last stays.
        colours: Vec<(Colour, f64)>,
    },
    /// Look at the page, which is filled with the colour until the next prompt.
    Light {
        /// What fills the page.
        colour: Colour,
    },
    /// Turn the head and come back.
    Turn {
        /// Which way.
        direction: Direction,
    },
    /// Come closer until the face fills the oval.
    Near {
        /// The larger oval.
        oval: Oval,
    },
    /// Keep still.
    Hold,
}

/// A prompt and when it was on the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// What.
    pub prompt: Prompt,
    /// Since when, in milliseconds.
    pub at_ms: f64,
}

/// Colours that a capture may ask for.
const COLOURS: [Colour; 7] = [
    Colour::new(255, 90, 90),
    Colour::new(0, 255, 0),
    Colour::new(0, 0, 255),
    Colour::new(255, 255, 0),
    Colour::new(0, 255, 255),
    Colour::new(255, 0, 255),
    Colour::WHITE,
];

/// Prompts of a capture drawn by a seed, about a minute long: what a recording answers that was made for another capture.
pub fn recorded_prompts(seed: u64) -> Vec<Shown> {
    let mut random = Rng::with_seed(seed ^ 0x5EED_0F0C_A97B);
    let oval = Oval { x: 0.5, y: 0.5, width: 0.34, height: 0.62 };
    let settle = Prompt::Settle { oval, colours: vec![(Colour::WHITE, 500.0), (Colour::BLACK, 500.0)] };
    let mut shown = vec![Shown { prompt: settle, at_ms: 0.0 }];
    let mut at_ms = 1_500.0 + random.f64() * 1_000.0;
    let (mut last_turn, mut last_colour) = (None, Colour::BLACK);
    while at_ms < 60_000.0 {
        for _ in 0..random.usize(5..8) {
            let others: Vec<_> = COLOURS.into_iter().filter(|colour| *colour != last_colour).collect();
            let colour = others[random.usize(..others.len())];
            last_colour = colour;
            shown.push(Shown { prompt: Prompt::Light { colour }, at_ms });
            at_ms += 450.0 + random.f64() * 250.0;
        }
        for _ in 0..random.usize(1..3) {
            let all = [Direction::Left, Direction::Right, Direction::Up, Direction::Down];
            let others: Vec<_> = all.into_iter().filter(|direction| Some(*direction) != last_turn).collect();
            let direction = others[random.usize(..others.len())];
            last_turn = Some(direction);
            shown.push(Shown { prompt: Prompt::Turn { direction }, at_ms });
            at_ms += 2_500.0 + random.f64() * 500.0;
        }
        shown.push(Shown { prompt: Prompt::Hold, at_ms });
        at_ms += 1_000.0;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read() {
        assert_eq!(Colour::from_hex("#ff5a00"), Some(Colour::new(255, 90, 0)));
        for wrong in ["ff5a00", "#ff5a0", "#ff5a0g", "#é5a00", ""] {
            assert_eq!(Colour::from_hex(wrong), None, "{wrong}");
        }
    }
}

//! The challenge: which prompts a person gets in one attempt, drawn at random and revealed one by one.
//!
//! Start at [`Challenge::draw`]. A direction is drawn when its turn is revealed, so that turns which are added on the way
//! never repeat the one before. Nothing of what is to come is printed.

mod draw;

use crate::message::{ColourFor, Direction, Oval, Prompt, PromptKind};
use crate::{FrameSize, Mode, Policy, SecondTurn};
use draw::Draw;
use std::collections::VecDeque;

/// Seven colours, as bits of red, green and blue. Red is lightened: saturated red is what photosensitive people bear least
/// (WCAG 2.3.1).
const COLOURS: [(&str, [bool; 3]); 7] = [
    ("#ff5a5a", [true, false, false]),
    ("#00ff00", [false, true, false]),
    ("#0000ff", [false, false, true]),
    ("#ffff00", [true, true, false]),
    ("#ff00ff", [true, false, true]),
    ("#00ffff", [false, true, true]),
    ("#ffffff", [true, true, true]),
];
/// What `settle` shows before coloured light: the floor of noise is measured by it.
const PAIR: [&str; 2] = ["#ffffff", "#000000"];
/// Each channel changes at least so often, or its echo cannot be told from other light.
const LEAST_CHANGES: usize = 2;
/// How near an oval may come to the edge of the frame, as a share of it.
const MARGIN: f32 = 0.02;

/// What a challenge is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChallengeRequest {
    /// How much the person is asked to do.
    pub mode: Mode,
    /// The person wants turns in place of light.
    pub without_light: bool,
    /// The person wants more time.
    pub slow: bool,
    /// The frames that the device said it will send; of an unknown size, those that it is asked for.
    pub frame: Option<FrameSize>,
}

/// What is to be shown in one attempt.
#[derive(Clone)]
pub struct Challenge {
    request: ChallengeRequest,
    draw: Draw,
    planned: VecDeque<Planned>,
    oval: Oval,
    growth: f32,
    hold_ms: u32,
    pair_ms: u32,
    directions: Vec<Direction>,
    last_turn: Option<Direction>,
    turns: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Planned {
    Settle,
    Light { colour: &'static str, milliseconds: u32 },
    Near,
    Turn,
    Hold,
}

/// What stands together in a challenge, and is parted from what is of another kind.
#[derive(Clone, Copy, PartialEq)]
enum Group {
    Light,
    Near,
    Turn,
}

impl std::fmt::Debug for Challenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Challenge").field("request", &self.request).finish_non_exhaustive()
    }
}

impl Challenge {
    /// Draws the prompts of an attempt from 32 bytes of the server's randomness: `settle`, then light and turns in
    /// random order, each kind followed by a `hold`. The same bytes give the same prompts.
    pub fn draw(randomness: [u8; 32], request: ChallengeRequest, policy: &Policy) -> Self {
        let mut draw = Draw::new(randomness);
        let turns = match request.mode {
            _ if request.without_light => policy.fresh_turns(),
            Mode::Passive => usize::from(policy.turn.in_passive),
            Mode::PassiveActive if policy.turn.second == SecondTurn::Always => 2,
            Mode::PassiveActive => 1,
        };
        let mut groups = vec![Group::Turn; turns];
        groups.extend((!request.without_light).then_some(Group::Light));
        groups.extend(policy.near.asked.then_some(Group::Near));
        draw.shuffle(&mut groups);

        let stretch = if request.slow { 2 } else { 1 };
        let mut planned = VecDeque::from([Planned::Settle]);
        for (at, group) in groups.iter().enumerate() {
            match group {
                Group::Turn => planned.push_back(Planned::Turn),
                Group::Near => planned.push_back(Planned::Near),
                Group::Light => {
                    let count = draw.between(policy.light.least_colours, policy.light.most_colours);
                    for (colour, _) in colours(&mut draw, count as usize) {
                        let milliseconds = stretch * draw.between(policy.light.least_ms, policy.light.most_ms);
                        planned.push_back(Planned::Light { colour, milliseconds });
                    }
                }
            }
            if groups.get(at + 1) != Some(group) {
                planned.push_back(Planned::Hold);
            }
        }
        let asked = FrameSize { width: policy.camera.width, height: policy.camera.height };
        let oval = oval(&mut draw, request.frame.unwrap_or(asked), policy);
        Self {
            request,
            planned,
            oval,
            growth: draw.within(policy.near.least_growth, policy.near.most_growth),
            hold_ms: stretch * policy.hold.ms,
            pair_ms: stretch * policy.settle.pair_ms,
            directions: policy.turn.directions.clone(),
            last_turn: None,
            turns,
            draw,
        }
    }

    /// What it was drawn for.
    pub fn request(&self) -> &ChallengeRequest {
        &self.request
    }

    /// Reveals the next prompt; `None` when there is no other.
    pub fn reveal(&mut self) -> Option<Prompt> {
        Some(match self.planned.pop_front()? {
            Planned::Settle => Prompt::Settle { oval: self.oval, colours: self.pair() },
            Planned::Light { colour, milliseconds } => Prompt::Light { colour: colour.to_owned(), milliseconds },
            Planned::Near => Prompt::Near { oval: grown(self.oval, self.growth) },
            Planned::Turn => Prompt::Turn { direction: self.direction() },
            Planned::Hold => Prompt::Hold { milliseconds: self.hold_ms },
        })
    }

    /// How many prompts of some kinds are still to come.
    pub fn left(&self, kinds: &[PromptKind]) -> usize {
        self.planned.iter().filter(|planned| kinds.contains(&planned.kind())).count()
    }

    /// How many turns a person answers in this challenge, without those that are missed.
    pub fn turns(&self) -> usize {
        self.turns
    }

    /// Asks for another turn in place of the one that was missed, next.
    pub fn retry_turn(&mut self) {
        self.planned.push_front(Planned::Turn);
    }

    /// Asks for more turns at the end until the person will have answered so many.
    pub fn want_turns(&mut self, count: usize) {
        while self.turns < count {
            self.turns += 1;
            self.planned.extend([Planned::Turn, Planned::Hold]);
        }
    }

    /// Drops the light that is still to come.
    pub fn drop_light(&mut self) {
        self.planned.retain(|planned| !matches!(planned, Planned::Light { .. }));
        // Where the light stood, two holds may now meet.
        let before = std::mem::take(&mut self.planned);
        for planned in before {
            if planned != Planned::Hold || self.planned.back() != Some(&Planned::Hold) {
                self.planned.push_back(planned);
            }
        }
    }

    fn pair(&self) -> Option<Vec<ColourFor>> {
        let pair = PAIR.map(|colour| ColourFor { colour: colour.to_owned(), milliseconds: self.pair_ms });
        (self.left(&[PromptKind::Light]) > 0).then(|| pair.to_vec())
    }

    fn direction(&mut self) -> Direction {
        let others: Vec<Direction> =
            self.directions.iter().copied().filter(|direction| Some(*direction) != self.last_turn).collect();
        let direction = others.get(self.draw.below(others.len() as u32) as usize).copied().unwrap_or(Direction::Left);
        self.last_turn = Some(direction);
        direction
    }
}

impl Planned {
    const fn kind(&self) -> PromptKind {
        match self {
            Self::Settle => PromptKind::Settle,
            Self::Light { .. } => PromptKind::Light,
            Self::Near => PromptKind::Near,
            Self::Turn => PromptKind::Turn,
            Self::Hold => PromptKind::Hold,
        }
    }
}

/// Colours, none twice running, in which every channel changes. With the fewest that a policy may set, three, a draw is
/// accepted every few dozen times.
fn colours(draw: &mut Draw, count: usize) -> Vec<(&'static str, [bool; 3])> {
    loop {
        let mut drawn: Vec<(&'static str, [bool; 3])> = Vec::with_capacity(count);
        while drawn.len() < count {
            let next = COLOURS[draw.below(COLOURS.len() as u32) as usize];
            if drawn.last() != Some(&next) {
                drawn.push(next);
            }
        }
        let changes = |channel: usize| drawn.windows(2).filter(|pair| pair[0].1[channel] != pair[1].1[channel]).count();
        if (0..3).all(|channel| changes(channel) >= LEAST_CHANGES) {
            return drawn;
        }
    }
}

/// Where the face belongs: as high as the policy says, or as high as the width of an upright frame allows.
fn oval(draw: &mut Draw, frame: FrameSize, policy: &Policy) -> Oval {
    let settle = &policy.settle;
    let (wide, high) = (frame.width.max(1) as f32, frame.height.max(1) as f32);
    let mut vary = || 1.0 + draw.within(-settle.oval_variation, settle.oval_variation);
    // In pixels. The width of an upright frame bounds the oval as the height of the usual one does.
    let height = settle.oval_height * high.min(wide / settle.oval_aspect) * vary();
    let width = height * settle.oval_aspect;
    let centre = [0.5 + (vary() - 1.0), 0.5 + (vary() - 1.0)];
    around(centre, width / wide, height / high)
}

fn grown(oval: Oval, factor: f32) -> Oval {
    let centre = [oval.x + oval.width / 2.0, oval.y + oval.height / 2.0];
    around(centre, oval.width * factor, oval.height * factor)
}

/// An oval around a point, moved and if need be made smaller, so that it lies within the frame and keeps its form.
fn around([x, y]: [f32; 2], width: f32, height: f32) -> Oval {
    let room = 1.0 - 2.0 * MARGIN;
    let shrink = (room / width).min(room / height).min(1.0);
    let (width, height) = (width * shrink, height * shrink);
    let place = |centre: f32, size: f32| (centre - size / 2.0).clamp(MARGIN, (1.0 - MARGIN - size).max(MARGIN));
    Oval { x: place(x, width), y: place(y, height), width, height }
}

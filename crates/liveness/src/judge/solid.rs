//! Whether what answered a turn is solid: the nose of a face moves as no sheet's can.

use crate::message::{Direction, Prompt};
use crate::{Evidence, FramePair, JudgePolicy, PairSeen, StepRecord};

/// Pairs of one turn that are compared, at most.
const MOST_PAIRS: usize = 8;
/// Frames of a turn that are taken for rest.
const MOST_AT_REST: usize = 4;
/// Fewest pairs that anything is said by.
const FEWEST_PAIRS: usize = 2;

/// Share of the usual range that a nod with a clear nose needs.
const SURE: f32 = 0.25;

/// What an answered turn showed. Lengths are shares of the eye distance.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    direction: Direction,
    /// The middle of what the pairs showed of the nose, in the asked direction.
    pub(super) nose: f32,
    /// The most that a pair showed of the nose, in whatever direction.
    most: f32,
    /// The middle of how much moved.
    motion: f32,
    /// How far the nose moved among eyes and mouth, in the asked direction.
    pub(super) range: f32,
}

impl Turn {
    pub(super) fn is_solid(&self, policy: &JudgePolicy) -> bool {
        let least = match self.direction {
            Direction::Left | Direction::Right => policy.nose_range,
            Direction::Up | Direction::Down if self.nose >= policy.nose_sure => policy.nose_range_nod * SURE,
            Direction::Up | Direction::Down => policy.nose_range_nod,
        };
        self.range >= least && self.motion >= policy.least_motion && self.nose >= policy.nose_solid
    }

    /// It moved as a head does, and no pair of frames showed a nose. Where pairs say different things, they say nothing of a sheet.
    pub(super) fn is_sheet(&self, policy: &JudgePolicy) -> bool {
        self.motion >= policy.least_motion && self.most <= policy.nose_flat
    }
}

/// What the answered turns showed that have pairs enough.
pub(super) fn turns(evidence: &Evidence) -> Vec<Turn> {
    let shown = evidence.answered_turns().into_iter().filter_map(|step| {
        let Prompt::Turn { direction } = step.prompt else { return None };
        let pairs: Vec<&PairSeen> = evidence.pairs_seen.iter().filter(|pair| pair.step == step.step).collect();
        if pairs.len() < FEWEST_PAIRS {
            return None;
        }
        let offsets = offsets(evidence, step, direction);
        let rest = offsets.first()?.1;
        Some(Turn {
            direction,
            // A chip's rows go down.
            nose: middle(pairs.iter().map(|pair| direction.component([pair.nose[0], -pair.nose[1]]))),
            most: pairs.iter().map(|pair| pair.nose[0].hypot(pair.nose[1])).fold(0.0, f32::max),
            motion: middle(pairs.iter().map(|pair| pair.motion)),
            range: offsets.iter().map(|(_, at)| at - rest).fold(0.0, f32::max),
        })
    });
    shown.collect()
}

/// The median; of none, 0.
fn middle(values: impl Iterator<Item = f32>) -> f32 {
    let mut values: Vec<f32> = values.collect();
    values.sort_by(f32::total_cmp);
    let upper = values.len() / 2;
    let lower = values.len().saturating_sub(1) / 2;
    values.get(lower).zip(values.get(upper)).map_or(0.0, |(lower, upper)| f32::midpoint(*lower, *upper))
}

/// How far the nose lies in a direction in each frame of a turn, in the order of frames.
fn offsets(evidence: &Evidence, step: &StepRecord, direction: Direction) -> Vec<(u32, f32)> {
    let seen = evidence.seen_in(step.step).filter(|seen| seen.faces == 1);
    seen.filter_map(|seen| Some((seen.seq, direction.component(seen.face.as_ref()?.nose_offset?)))).collect()
}

impl Evidence {
    /// Pairs of frames whose comparison shows whether what turned is solid: of every answered turn, frames at its begin, in which the
    /// head is at rest, with those in which the nose lies as far in the asked direction as patches can still be followed.
    pub fn pairs(&self, policy: &JudgePolicy) -> Vec<FramePair> {
        let mut pairs = Vec::new();
        for turn in self.answered_turns() {
            let Prompt::Turn { direction } = turn.prompt else { continue };
            let seen = offsets(self, turn, direction);
            let Some((_, rest)) = seen.first().copied() else { continue };
            let most = seen.iter().map(|(_, at)| at - rest).fold(0.0, f32::max);
            let wanted = policy.nose_pair.min(most);
            let far = |at: f32| (at - rest - wanted).abs();
            let mut out: Vec<(u32, f32)> = seen.iter().copied().filter(|(_, at)| at - rest > most * 0.4).collect();
            out.sort_by(|one, two| far(one.1).total_cmp(&far(two.1)));
            let still: Vec<u32> = seen
                .iter()
                .take_while(|(_, at)| at - rest < most * 0.2)
                .map(|(seq, _)| *seq)
                .take(MOST_AT_REST)
                .collect();
            let of_turn = out.iter().take(MOST_PAIRS).zip(still.iter().cycle());
            pairs.extend(of_turn.map(|((out, _), rest)| FramePair { step: turn.step, rest: *rest, out: *out }));
        }
        pairs
    }
}

//! The verdict: rules on what was observed.
//!
//! Start at [`Rules`]. A verdict needs two things shown, each by a measure that nothing flat and nothing recorded can meet but by
//! chance: that the face is solid, by the nose in an answered turn; and that the capture is fresh, by the echo of coloured light or,
//! where there is no light to measure by, by turns that were drawn at random. What was not shown makes a verdict `uncertain`; only
//! a sign that no honest face gives makes it `spoofface`. How bright an echo is is no such sign: by a window honest skin gives as
//! little as a screen.

mod echo;
mod solid;

use crate::message::PromptKind;
use crate::{
    Assurance, Decision, Evidence, Judge, JudgePolicy, Judged, Mode, Observation, PassiveNet, Policy, Reason,
    StepRecord, Verdict,
};
use echo::Echo;
use serde::{Deserialize, Serialize};

/// What the light of a capture shows so far, where that changes what the person is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LightQuality {
    /// The pair of `settle` moves nothing, as by day: the attempt goes on with turns in place of light.
    Unmeasurable,
    /// There is less of an echo than a verdict wants.
    Weak,
}

/// Whether there is light to measure by, once the pair of `settle` was shown. `None`: there is, or nobody measures tones.
pub(crate) fn pair_quality(steps: &[StepRecord], seen: &[Observation], policy: &JudgePolicy) -> Option<LightQuality> {
    let measures = seen.iter().any(|seen| seen.face.is_some_and(|face| face.tones.is_some()));
    let is_measurable = echo::pair(steps, seen).is_some_and(|echo| is_measurable(&echo, policy));
    (measures && !is_measurable).then_some(LightQuality::Unmeasurable)
}

/// Whether the echo of all light is enough, once it was shown.
pub(crate) fn light_quality(steps: &[StepRecord], seen: &[Observation], policy: &JudgePolicy) -> Option<LightQuality> {
    let echo = echo::light(steps, seen)?;
    (!is_fresh(&echo, policy)).then_some(LightQuality::Weak)
}

fn is_measurable(echo: &Echo, policy: &JudgePolicy) -> bool {
    echo.gain >= policy.echo_gain * echo.noise && echo.correlation >= policy.echo_pair
}

fn is_fresh(echo: &Echo, policy: &JudgePolicy) -> bool {
    echo.gain >= policy.echo_gain * echo.noise && echo.correlation >= policy.echo_fresh
}

/// Whether half the echo of the pair would stand out of what the colours showed. By day a pair looks measurable now and then, by chance or
/// because the exposure wandered, and honest skin answers nothing afterwards.
fn would_show(pair: &Echo, light: &Echo, policy: &JudgePolicy) -> bool {
    pair.gain >= policy.echo_sure && pair.gain / 2.0 >= policy.echo_gain * light.noise
}

/// The numbers behind a verdict. They stay in the attempt's sealed record, which app servers read and which ends with the session;
/// no log and no device gets them.
#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Checks {
    /// Turns that were answered.
    pub turns_answered: u32,
    /// Of the turn that showed it best: what of the nose no sheet can have done, in the asked direction, in percent of the eye distance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nose_evidence: Option<f32>,
    /// The same of the turn that showed it worst.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_nose_evidence: Option<f32>,
    /// How far the nose moved among eyes and mouth in the best turn, in eye distances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nose_range: Option<f32>,
    /// -1 to 1: how well the colours of the screen explain those of the skin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echo_correlation: Option<f32>,
    /// By how much all of the screen's light changes the logarithm of the skin's light.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echo_gain: Option<f32>,
    /// The gain over what noise alone would give.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echo_over_noise: Option<f32>,
    /// From the screen to the frame, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echo_lag_ms: Option<f32>,
    /// Frames that had come in an earlier attempt, of those that are known again.
    pub seen_before: u32,
    /// Share of frames whose bytes had come before in the same attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeated_frames: Option<f32>,
    /// Furthest jump of the face between two frames, in widths of the face.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub furthest_jump: Option<f32>,
}

/// What is measured of a face reaches no log.
impl std::fmt::Debug for Checks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Checks(..)")
    }
}

/// Judges by the rules of the policy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules;

impl Judge for Rules {
    fn judge(&self, evidence: &Evidence, policy: &Policy) -> Judged {
        let turns = solid::turns(evidence);
        let light = echo::light(&evidence.steps, &evidence.observations);
        let checks = checks(evidence, &turns, light.as_ref());
        let (passive_net, has_veto) = passive(evidence, &policy.judge);
        let signs = Signs { evidence, turns: &turns, light: light.as_ref(), checks: &checks, has_veto };
        let (decision, assurance, reason) = signs.decide(policy);
        let verdict = Verdict { decision, assurance, reason, passive_net, policy_version: policy.version.clone() };
        Judged { verdict, checks }
    }
}

fn checks(evidence: &Evidence, turns: &[solid::Turn], light: Option<&Echo>) -> Checks {
    let best = turns.iter().max_by(|one, two| one.nose.total_cmp(&two.nose));
    let worst = turns.iter().min_by(|one, two| one.nose.total_cmp(&two.nose));
    Checks {
        turns_answered: u32::try_from(evidence.answered_turns().len()).unwrap_or(u32::MAX),
        nose_evidence: best.map(|turn| 100.0 * turn.nose),
        least_nose_evidence: worst.map(|turn| 100.0 * turn.nose),
        nose_range: best.map(|turn| turn.range),
        echo_correlation: light.map(|echo| echo.correlation),
        echo_gain: light.map(|echo| echo.gain),
        echo_over_noise: light.map(|echo| echo.gain / echo.noise.max(1e-6)),
        echo_lag_ms: light.map(|echo| echo.lag_ms),
        seen_before: evidence.seen_before,
        repeated_frames: evidence.repeated_frames(),
        furthest_jump: furthest_jump(&evidence.observations),
    }
}

/// Everything that the decision looks at.
struct Signs<'a> {
    evidence: &'a Evidence,
    turns: &'a [solid::Turn],
    light: Option<&'a Echo>,
    checks: &'a Checks,
    has_veto: bool,
}

impl Signs<'_> {
    fn decide(&self, policy: &Policy) -> (Decision, Assurance, Option<Reason>) {
        let uncertain = |reason| (Decision::Uncertain, Assurance::None, Some(reason));
        if !self.evidence.is_chained {
            return uncertain(Reason::NoChain);
        }
        if let Some(reason) = self.spoof(&policy.judge) {
            return (Decision::Spoofface, Assurance::None, Some(reason));
        }
        if self.checks.furthest_jump.is_some_and(|jump| jump > policy.judge.most_jump) {
            return uncertain(Reason::NotOnePerson);
        }
        let asks_no_turn = self.evidence.mode == Mode::Passive && !policy.turn.in_passive && self.turns.is_empty();
        let is_solid = self.turns.iter().any(|turn| turn.is_solid(&policy.judge));
        let is_fresh = self.light.is_some_and(|echo| is_fresh(echo, &policy.judge)) || self.is_fresh_by_turns(policy);
        match (is_solid, is_fresh) {
            (true, true) => (Decision::Realface, Assurance::L0, None),
            (false, true) if asks_no_turn => (Decision::Realface, Assurance::None, Some(Reason::NoTurn)),
            (false, _) if self.turns.is_empty() && self.light.is_none() => uncertain(Reason::NoEvidence),
            (false, _) => uncertain(Reason::NotSolid),
            (true, false) => uncertain(Reason::NotFresh),
        }
    }

    /// A sign that no honest face gives.
    fn spoof(&self, policy: &JudgePolicy) -> Option<Reason> {
        if self.turns.iter().any(|turn| turn.is_sheet(policy)) {
            return Some(Reason::Flat);
        }
        let has_come_before = self.evidence.seen_before > policy.most_seen_before;
        if has_come_before || self.checks.repeated_frames.is_some_and(|share| share > policy.most_repeated) {
            return Some(Reason::Stored);
        }
        let pair = echo::pair(&self.evidence.steps, &self.evidence.observations);
        if let Some((pair, light)) = pair.zip(self.light)
            && is_measurable(&pair, policy)
            && light.correlation < policy.echo_recorded
            && would_show(&pair, light, policy)
        {
            return Some(Reason::NoEcho);
        }
        self.has_veto.then_some(Reason::PassiveNet)
    }

    /// Turns at random are an equal way: a recording meets them by chance alone. Whoever missed some answers as many more.
    fn is_fresh_by_turns(&self, policy: &Policy) -> bool {
        let asked = self.evidence.steps.iter().filter(|step| step.prompt.kind() == PromptKind::Turn).count();
        let answered = self.evidence.answered_turns().len();
        answered >= policy.fresh_turns().saturating_add(asked.saturating_sub(answered))
    }
}

/// What a passive network said over the frames in which the person kept still, and whether it vetoes.
fn passive(evidence: &Evidence, policy: &JudgePolicy) -> (PassiveNet, bool) {
    let mut scores: Vec<f32> = evidence
        .observations
        .iter()
        .filter(|seen| evidence.kind_of(seen.step) == Some(PromptKind::Hold))
        .filter_map(|seen| seen.face?.passive_score)
        .collect();
    if scores.len() < usize::try_from(policy.passive_frames).unwrap_or(usize::MAX) {
        return (PassiveNet::None, false);
    }
    scores.sort_by(f32::total_cmp);
    match scores[scores.len() / 2] {
        median if median < policy.passive_veto => (PassiveNet::Vetoed, true),
        median if median < 0.5 => (PassiveNet::Flagged, false),
        _ => (PassiveNet::Clear, false),
    }
}

/// Furthest that the middle of the face jumped between two analysed frames which follow within a third of a second, in widths.
fn furthest_jump(seen: &[Observation]) -> Option<f32> {
    const APART_MS: f64 = 350.0;
    let faces: Vec<(f64, [f32; 3])> = seen
        .iter()
        .filter(|seen| seen.faces == 1)
        .filter_map(|seen| {
            let at = seen.face?.rectangle;
            let middle = |start: i32, size: i32| start as f32 + size as f32 / 2.0;
            Some((seen.capture_ms, [middle(at.left, at.width), middle(at.top, at.height), at.width as f32]))
        })
        .collect();
    let jumps = faces.windows(2).filter(|pair| pair[1].0 - pair[0].0 <= APART_MS).map(|pair| {
        let ([x, y, width], [u, v, _]) = (pair[0].1, pair[1].1);
        (u - x).hypot(v - y) / width.max(1.0)
    });
    jumps.max_by(f32::total_cmp)
}

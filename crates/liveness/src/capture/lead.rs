//! How a capture goes from step to step, and what ends it.

use super::seen::{self, TurnState};
use super::{Breach, Capture, Outcome, State, timed_out};
use crate::judge::{LightQuality, light_quality, pair_quality};
use crate::message::{FromServer, Hint, Prompt, PromptKind};
use crate::{AttemptCode, Evidence, Observation, StepEnd, StepRecord};

impl Capture {
    /// Times of steps are doubled in slow attempts.
    fn stretch(&self) -> u64 {
        if self.start.challenge.request().slow { 2 } else { 1 }
    }

    /// Ends the attempt where a bound of time is over.
    pub(super) fn check_deadlines(&self) -> Result<(), Breach> {
        let over = self.deadlines().into_iter().flatten().find(|(at, _)| *at <= self.now_ms);
        over.map_or(Ok(()), |(_, breach)| Err(breach))
    }

    /// Bounds of time that end the attempt.
    fn deadlines(&self) -> [Option<(u64, Breach)>; 3] {
        let bounds = &self.intake.bounds;
        let whole = Some((bounds.attempt_ms, timed_out("the attempt takes too long")));
        match self.state {
            State::AwaitsReference => [whole, None, None],
            State::Leading if self.is_chained == Some(false) => [whole, None, None],
            State::Leading => {
                let pause = (self.intake.last_ms + bounds.pause_ms, timed_out("no frame comes"));
                let shown = self.shown_by().map(|at| (at, timed_out("a step is not shown")));
                [whole, Some(pause), shown]
            }
            State::Finishing { since_ms } if self.waits_for_key => {
                [Some((since_ms + bounds.key_ms, timed_out("the end does not come"))), None, None]
            }
            State::Finishing { since_ms } => {
                [whole, Some((since_ms + bounds.end_ms, timed_out("the end does not come"))), None]
            }
            State::Closing { .. } | State::Over(_) => [None; 3],
        }
    }

    /// Until when the latest step must be shown. `settle` with colours is shown when the device paints the first of them,
    /// which it does once it was told that all is good.
    fn shown_by(&self) -> Option<u64> {
        let step = self.steps.last().filter(|step| step.shown_ms.is_none())?;
        match &step.prompt {
            Prompt::Settle { colours: Some(_), .. } => {
                self.hints.good_since().map(|at| at + self.intake.bounds.shown_ms)
            }
            _ => Some(step.sent_ms + self.intake.bounds.shown_ms),
        }
    }

    /// When something is to be done without an event.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        let step_ends = match self.state {
            State::Over(_) => return None,
            State::Closing { until_ms } => Some(until_ms),
            State::Leading if self.is_chained != Some(false) => self.steps.last().and_then(|step| self.time_over(step)),
            _ => None,
        };
        let is_leading = matches!(self.state, State::Leading);
        let hint = self.hints.wake_at(&self.policy.hints).filter(|_| is_leading);
        let bounds = self.deadlines().into_iter().flatten().map(|(at, _)| at);
        bounds.chain(step_ends).chain(hint).min()
    }

    /// Goes on as far as it can.
    pub(super) fn lead(&mut self) -> Result<(), Breach> {
        if let State::Closing { until_ms } = self.state {
            if !self.sampler.is_waiting() || until_ms <= self.now_ms {
                self.conclude()?;
            }
            return Ok(());
        }
        while matches!(self.state, State::Leading) && self.is_chained != Some(false) {
            let Some(end) = self.step_end()? else { break };
            self.end_step(end)?;
        }
        if matches!(self.state, State::Leading)
            && let Some(hint) = self.hints.due(self.now_ms, &self.policy.hints)
        {
            self.messages.push_back(FromServer::Hint { hint });
        }
        Ok(())
    }

    /// Whether the latest step has ended, and how.
    fn step_end(&mut self) -> Result<Option<StepEnd>, Breach> {
        let Some(step) = self.steps.last() else { return Ok(None) };
        if step.prompt.kind() == PromptKind::Settle {
            return self.settle_end();
        }
        let is_over = self.time_over(step).is_some_and(|at| at <= self.now_ms);
        if let Some((code, for_ms)) = seen::lost(&self.observations)
            && for_ms >= (self.policy.capture.lost_ms * self.stretch()) as f64
        {
            return Err(Breach { code, what: "the face was lost" });
        }
        let Some(shown_t) = step.shown_t else { return Ok(None) };
        Ok(match &step.prompt {
            Prompt::Turn { direction } => {
                match seen::turn(
                    &self.seen_in(step.step),
                    *direction,
                    self.resting_pose(),
                    shown_t,
                    self.stretch(),
                    &self.policy.turn,
                ) {
                    TurnState::Answered => Some(StepEnd::Answered),
                    TurnState::Missed => Some(StepEnd::Missed),
                    TurnState::Going { .. } | TurnState::Out => is_over.then_some(StepEnd::Missed),
                }
            }
            Prompt::Near { oval } => {
                let near = &self.policy.near;
                let is_near = |seen: &&&Observation| {
                    seen.face.is_some_and(|face| seen::fill(seen, &face, oval) >= near.least_fill)
                };
                let answered = self.seen_in(step.step).iter().rev().take_while(is_near).count() >= near.frames;
                answered.then_some(StepEnd::Answered).or(is_over.then_some(StepEnd::Missed))
            }
            Prompt::Settle { .. } | Prompt::Light { .. } | Prompt::Hold { .. } => is_over.then_some(StepEnd::Done),
        })
    }

    /// `settle` ends when the face was good for some frames and, with colours, when they were shown.
    fn settle_end(&mut self) -> Result<Option<StepEnd>, Breach> {
        let Some(step) = self.steps.last() else { return Ok(None) };
        let Prompt::Settle { oval, colours } = &step.prompt else { return Ok(None) };
        let run = seen::good_run(&self.observations, oval, colours.is_some(), &self.policy);
        let is_good = run >= self.policy.settle.good_frames as usize;
        if is_good && colours.is_some() && step.shown_ms.is_none() {
            self.hints.good();
        }
        self.is_settled |= is_good;
        if self.time_over(step).is_none_or(|at| at > self.now_ms) {
            Ok(None)
        } else if self.is_settled && step.shown_ms.is_some() {
            Ok(Some(StepEnd::Done))
        } else {
            Err(self.given_up())
        }
    }

    /// When the time of a step is over, whatever is seen.
    fn time_over(&self, step: &StepRecord) -> Option<u64> {
        let stretch = self.stretch();
        let lag_ms = self.policy.analysis.lag_ms;
        match &step.prompt {
            Prompt::Settle { colours, .. } => {
                let colours_ms = colours.iter().flatten().map(|colour| u64::from(colour.milliseconds)).sum::<u64>();
                let shown = step.shown_ms.filter(|_| self.is_settled).map(|shown| shown + colours_ms);
                shown.or(Some(step.sent_ms + self.policy.settle.patience_ms * stretch))
            }
            Prompt::Light { milliseconds, .. } | Prompt::Hold { milliseconds } => {
                step.shown_ms.map(|shown| shown + u64::from(*milliseconds))
            }
            Prompt::Near { .. } => step.shown_ms.map(|shown| shown + self.policy.near.patience_ms * stretch),
            Prompt::Turn { .. } => step.shown_ms.map(|shown| shown + self.policy.turn.back_ms * stretch + lag_ms),
        }
    }

    /// Remembers how the latest step ended, and shows the next.
    fn end_step(&mut self, end: StepEnd) -> Result<(), Breach> {
        if let Some(step) = self.steps.last_mut() {
            (step.end, step.ended_ms) = (end, Some(self.now_ms));
            if step.prompt.kind() == PromptKind::Turn && end == StepEnd::Missed {
                self.missed_turns += 1;
                if self.missed_turns > self.policy.turn.retries {
                    return Err(Breach { code: AttemptCode::ActionNotCompleted, what: "a turn was not answered" });
                }
                self.start.challenge.retry_turn();
                if self.needs_turns {
                    self.want_fresh_turns();
                }
            }
        }
        self.look_at_light();
        if !self.next_step() {
            self.messages.push_back(FromServer::Finish);
            self.state = State::Finishing { since_ms: self.now_ms };
        }
        Ok(())
    }

    /// Changes what is still to come by what the light showed, when the pair of `settle` or the last colour is over.
    fn look_at_light(&mut self) {
        let Some(last) = self.steps.last() else { return };
        let is_last = self.start.challenge.left(&[PromptKind::Light]) == 0;
        let judge = &self.policy.judge;
        let quality = match &last.prompt {
            Prompt::Settle { colours: Some(_), .. } => pair_quality(&self.steps, &self.observations, judge),
            Prompt::Light { .. } if is_last => light_quality(&self.steps, &self.observations, judge),
            _ => None,
        };
        if quality == Some(LightQuality::Unmeasurable) {
            self.start.challenge.drop_light();
        }
        if quality.is_some() {
            self.needs_turns = true;
            self.want_fresh_turns();
        }
    }

    /// As many turns as show a capture to be fresh without light. Whoever misses one answers one more: else a recording would have
    /// more chances.
    fn want_fresh_turns(&mut self) {
        let missed = usize::try_from(self.missed_turns).unwrap_or(usize::MAX);
        self.start.challenge.want_turns(self.policy.fresh_turns().saturating_add(missed));
    }

    /// Says what the newest observation asks for.
    pub(super) fn hint_at_newest(&mut self) {
        let (Some(newest), Some(step)) = (self.observations.last(), self.steps.last()) else { return };
        let policy = &self.policy;
        let is_lit = matches!(step.prompt, Prompt::Light { .. });
        let anywhere = || seen::flaw(newest, None, is_lit, policy);
        let says = match &step.prompt {
            Prompt::Settle { oval, colours } => {
                seen::flaw(newest, Some(oval), colours.is_some() && newest.step > 0, policy)
            }
            // A frame of the step before says nothing of this one.
            _ if newest.step != step.step => return,
            Prompt::Near { oval } => anywhere().or_else(|| {
                let fill = newest.face.map_or(0.0, |face| seen::fill(newest, &face, oval));
                (fill < policy.near.least_fill).then_some(Hint::TooFar)
            }),
            Prompt::Light { .. } | Prompt::Hold { .. } => {
                anywhere().filter(|hint| matches!(hint, Hint::NoFace | Hint::MoreFaces | Hint::Covered))
            }
            Prompt::Turn { direction } => {
                let lost = anywhere().filter(|hint| matches!(hint, Hint::NoFace | Hint::MoreFaces));
                let state = seen::turn(
                    &self.seen_in(step.step),
                    *direction,
                    self.resting_pose(),
                    step.shown_t.unwrap_or(newest.capture_ms),
                    self.stretch(),
                    &policy.turn,
                );
                match state {
                    TurnState::Going { share, is_late: true } if share >= policy.turn.hint_share => {
                        lost.or(Some(Hint::TurnMore))
                    }
                    _ => lost,
                }
            }
        };
        self.hints.observe(says, &self.policy.hints);
    }

    /// Why an attempt ends that the device gives up, or that comes to no end.
    pub(super) fn given_up(&self) -> Breach {
        let step = self.steps.last();
        let code = match step.map(|step| &step.prompt) {
            // Not one of many frames could be analysed: that is nobody's fault but ours.
            Some(Prompt::Settle { .. }) if self.observations.is_empty() && self.is_overloaded() => {
                AttemptCode::UnexpectedServerError
            }
            Some(Prompt::Settle { oval, .. }) => {
                let all: Vec<&Observation> = self.observations.iter().collect();
                seen::explain(&all, Some(oval), &self.policy).unwrap_or(AttemptCode::TimedOut)
            }
            Some(Prompt::Turn { .. }) => AttemptCode::ActionNotCompleted,
            _ => AttemptCode::TimedOut,
        };
        Breach { code, what: "the steps did not come to their end" }
    }

    /// Makes evidence of what was seen.
    fn conclude(&mut self) -> Result<(), Breach> {
        let is_chained = self.is_chained == Some(true);
        let still: Vec<&Observation> = self
            .observations
            .iter()
            .filter(|seen| self.kind_of(seen.step) == PromptKind::Hold || !is_chained)
            .collect();
        if still.is_empty() {
            // A device that sends nothing while the person keeps still gets no attempt for nothing.
            let code = if self.is_overloaded() { AttemptCode::UnexpectedServerError } else { AttemptCode::TimedOut };
            return Err(Breach { code, what: "nothing was seen of a person who keeps still" });
        }
        let chosen = seen::chosen(still.iter().copied(), &self.policy, &self.policy.hold);
        if chosen.is_empty()
            && let Some(code) = seen::explain(&still, None, &self.policy)
        {
            return Err(Breach { code, what: "no frame is fit to be judged" });
        }
        let request = self.start.challenge.request();
        let evidence = Evidence {
            session_id: self.start.session_id,
            attempt: self.start.attempt,
            mode: request.mode,
            without_light: request.without_light,
            slow: request.slow,
            is_chained,
            pairs_seen: Vec::new(),
            seen_before: 0,
            tail: *self.intake.chain.tail(),
            chosen,
            frames: std::mem::take(&mut self.intake.frames),
            steps: std::mem::take(&mut self.steps),
            observations: std::mem::take(&mut self.observations),
        };
        self.state = State::Over(Outcome::Evidence(Box::new(evidence)));
        Ok(())
    }

    /// Whether frames were not analysed although there was time.
    fn is_overloaded(&self) -> bool {
        self.sampler.has_lost(self.now_ms, self.policy.analysis.most_age_ms)
    }

    fn seen_in(&self, step: u16) -> Vec<&Observation> {
        self.observations.iter().filter(|seen| seen.step == step).collect()
    }

    /// How the person kept the head before the latest step, while asked for nothing.
    fn resting_pose(&self) -> seen::Pose {
        let latest = self.steps.last().map_or(0, |step| step.step);
        let is_still = |seen: &&Observation| {
            seen.step < latest && !matches!(self.kind_of(seen.step), PromptKind::Turn | PromptKind::Near)
        };
        seen::resting_pose(self.observations.iter().filter(is_still))
    }
}

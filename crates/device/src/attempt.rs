//! The device's side of one attempt. It owns no socket and reads no clock.
//!
//! Start at [`Attempt`]. Whoever owns the connection sends what [`Attempt::due`] gives, passes on what the server says, and
//! comes back at [`Attempt::wake_at`].

use crate::{AppProver, ClientError, KeySigner, Outgoing, Refused, Signer, Source, SourceError, Tamper};
use likeness_liveness::message::{AppEvidence, AttemptStatus, End, FromServer, Hello, Ready, ResultMessage, Shown};
use likeness_liveness::{AttemptCode, Chain, FrameHead, capture_challenge, capture_statement};
use serde_json::Value;

/// How long the server may take to say `ready`.
const OPENING_MS: f64 = 20_000.0;
/// How long after the time of an attempt the result may come: the end, the last analyses, the verdict.
const VERDICT_MS: f64 = 30_000.0;

/// How an attempt ended that came to a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The attempt in its session, from 1; 0: none had begun.
    pub attempt: u8,
    /// Whether there is a decision; not which.
    pub status: AttemptStatus,
    /// Why there is none.
    pub code: Option<AttemptCode>,
    /// The chain after the last frame that the server took.
    pub digest: String,
    /// Whether this client computed the same after one of its frames: after the last, unless the server ended the attempt
    /// while frames were under way. It did not where frames were tampered with.
    pub is_own_digest: bool,
    /// Attempts left.
    pub remaining_attempts: u8,
    /// The contract's result, where the session sends results to clients.
    pub response: Option<Value>,
    /// Frames that were sent.
    pub frames: u32,
    /// From `ready` to the result.
    pub took_ms: f64,
    /// What the server answered to sockets that were opened beside this one.
    pub aside: Vec<String>,
}

/// The device's side of one attempt.
pub struct Attempt<'a> {
    source: &'a mut dyn Source,
    tamper: &'a mut dyn Tamper,
    reference: Option<Vec<u8>>,
    signer: Option<Signer>,
    key: Option<KeySigner>,
    app: Option<AppProver>,
    state: State,
    /// What is to be sent as soon as anything is.
    waiting: Vec<Outgoing>,
    begun: Option<Begun>,
    /// The longest that the server is waited for.
    patience_ms: f64,
    outcome: Option<Outcome>,
    aside: Vec<String>,
}

/// What follows from `ready`.
struct Begun {
    ready: Ready,
    chain: Chain,
    /// What the chain came to after each frame, and before the first.
    digests: Vec<String>,
    at_ms: f64,
    /// Steps that were on the screen, with since when.
    shown: Vec<Shown>,
    next_frame_ms: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Opening,
    Running,
    /// `end` is to be sent.
    Finishing,
    Ended,
}

impl<'a> Attempt<'a> {
    /// An attempt that has not begun. `reference`: what is sent where the session expects a reference picture. `signer`: the
    /// key of a registered device.
    pub fn new(
        hello: Hello,
        reference: Option<Vec<u8>>,
        signer: Option<Signer>,
        source: &'a mut dyn Source,
        tamper: &'a mut dyn Tamper,
        now_ms: f64,
    ) -> Self {
        Self {
            source,
            tamper,
            reference,
            signer,
            key: None,
            app: None,
            state: State::Opening,
            waiting: vec![Outgoing::Hello(Box::new(hello))],
            begun: None,
            patience_ms: now_ms + OPENING_MS,
            outcome: None,
            aside: Vec::new(),
        }
    }

    /// The same with what signs for an enrolled key.
    #[must_use]
    pub fn with_key(self, key: Option<KeySigner>) -> Self {
        Self { key, ..self }
    }

    /// The same with what proves an app.
    #[must_use]
    pub fn with_app(self, app: Option<AppProver>) -> Self {
        Self { app, ..self }
    }

    /// Takes in what the server says, as JSON.
    ///
    /// # Errors
    /// [`ClientError`] when the attempt is over by it, without a result.
    pub fn hear_json(&mut self, message: &Value, now_ms: f64) -> Result<(), ClientError> {
        if let Some(refused) = Refused::parse(message) {
            return Err(refused.into());
        }
        let message = serde_json::from_value(message.clone());
        self.hear(message.map_err(|_| ClientError::NotOfProtocol("an unknown message"))?, now_ms)
    }

    fn hear(&mut self, message: FromServer, now_ms: f64) -> Result<(), ClientError> {
        self.source.told(&message, now_ms);
        match message {
            FromServer::Ready(ready) => self.begin(*ready, now_ms)?,
            FromServer::Step(_) | FromServer::Hint { .. } => {}
            FromServer::Finish if self.state == State::Running => self.state = State::Finishing,
            FromServer::Finish => {}
            FromServer::Result(result) => self.conclude(result, now_ms),
            // Read as a refusal before, if it can be read.
            FromServer::Error(_) => return Err(ClientError::Closed),
        }
        Ok(())
    }

    fn begin(&mut self, mut ready: Ready, now_ms: f64) -> Result<(), ClientError> {
        if self.state != State::Opening {
            return Err(ClientError::NotOfProtocol("ready, twice"));
        }
        if !(1..=100).contains(&ready.frames_per_second) {
            return Err(ClientError::NotOfProtocol("a rate of frames that no camera has"));
        }
        if ready.reference {
            let picture = self.reference.take().ok_or(ClientError::NoReference)?;
            self.waiting.push(Outgoing::Reference(picture));
        }
        self.patience_ms = now_ms + f64::from(ready.seconds) * 1_000.0 + VERDICT_MS;
        self.tamper.ready(&mut ready);
        let chain = Chain::begin(ready.session_id, &ready.nonce);
        let digests = vec![chain.digest_hex()];
        self.begun = Some(Begun { ready, chain, digests, at_ms: now_ms, shown: Vec::new(), next_frame_ms: now_ms });
        self.state = State::Running;
        Ok(())
    }

    fn conclude(&mut self, result: ResultMessage, now_ms: f64) {
        self.state = State::Ended;
        let own = self.begun.iter().flat_map(|begun| &begun.digests);
        self.outcome = Some(Outcome {
            attempt: self.number().unwrap_or_default(),
            is_own_digest: own.into_iter().any(|own| own.eq_ignore_ascii_case(&result.digest)),
            status: result.status,
            code: result.code,
            digest: result.digest,
            remaining_attempts: result.remaining_attempts,
            response: result.response,
            frames: self.begun.as_ref().map_or(0, |begun| begun.chain.count()),
            took_ms: self.begun.as_ref().map_or(0.0, |begun| now_ms - begun.at_ms),
            aside: std::mem::take(&mut self.aside),
        });
    }

    /// What is to be sent now, in order. Without `may_take` no frame is taken: too many wait to be sent.
    ///
    /// # Errors
    /// [`SourceError`] when there should be a picture and is none.
    pub fn due(&mut self, now_ms: f64, may_take: bool) -> Result<Vec<Outgoing>, SourceError> {
        let mut out = std::mem::take(&mut self.waiting);
        if let (State::Running, Some(begun)) = (self.state, &mut self.begun) {
            while let Some(shown) = self.source.shown(now_ms) {
                begun.shown.push(shown);
                out.push(Outgoing::Shown(shown));
            }
            if begun.is_frame_due(now_ms) && may_take {
                match begun.frame(self.source, self.tamper, now_ms)? {
                    Some(frame) => out.push(frame),
                    None => self.state = State::Finishing,
                }
            }
        }
        if let (State::Finishing, Some(begun)) = (self.state, &self.begun) {
            self.state = State::Ended;
            let (session_id, count, tail) = (begun.ready.session_id, begun.chain.count(), *begun.chain.tail());
            let signature = self.signer.as_ref().map(|sign| sign(&capture_statement(session_id, &tail)));
            let keys = &begun.ready.keys;
            let signed = self.key.as_ref().filter(|_| !keys.is_empty());
            let assertion = signed.and_then(|sign| sign(keys, &capture_challenge(session_id, &tail))).map(Box::new);
            let proved = self.app.as_ref().map(|prove| prove(&capture_statement(session_id, &tail)));
            let evidence = proved.and_then(|evidence| AppEvidence::new(&evidence)).map(Box::new);
            out.push(Outgoing::End(End { count, tail, signature, assertion, evidence }));
        }
        self.tamper.send(&mut out, now_ms);
        Ok(out)
    }

    /// When [`Attempt::due`] is to be called, unless the server says something earlier.
    pub fn wake_at(&self) -> f64 {
        let next = match (self.state, &self.begun) {
            (State::Running, Some(begun)) => {
                self.source.shows_at().map_or(begun.next_frame_ms, |at_ms| at_ms.min(begun.next_frame_ms))
            }
            _ => f64::INFINITY,
        };
        next.min(self.patience_ms)
    }

    /// Whether the server has been waited for long enough.
    pub fn is_out_of_patience(&self, now_ms: f64) -> bool {
        now_ms >= self.patience_ms
    }

    /// The attempt in its session, once it has begun.
    pub fn number(&self) -> Option<u8> {
        self.begun.as_ref().map(|begun| begun.ready.attempt_id)
    }

    /// How it ended, once.
    pub fn take_outcome(&mut self) -> Option<Outcome> {
        self.outcome.take()
    }

    pub(crate) fn heard_aside(&mut self, answer: String) {
        self.aside.push(answer);
    }
}

impl Begun {
    fn is_frame_due(&mut self, now_ms: f64) -> bool {
        if now_ms < self.next_frame_ms {
            return false;
        }
        // What was missed is left out, not made up for.
        let period_ms = 1_000.0 / f64::from(self.ready.frames_per_second);
        self.next_frame_ms += period_ms;
        if self.next_frame_ms <= now_ms {
            self.next_frame_ms = now_ms + period_ms;
        }
        true
    }

    /// The frame of now; `None` when there is no other.
    fn frame(
        &mut self,
        source: &mut dyn Source,
        tamper: &mut dyn Tamper,
        now_ms: f64,
    ) -> Result<Option<Outgoing>, SourceError> {
        if self.chain.count() >= self.ready.most_frames {
            return Ok(None);
        }
        let Some(mut jpeg) = source.frame(now_ms)? else { return Ok(None) };
        if jpeg.len() > self.ready.most_frame_bytes {
            let (bytes, most) = (jpeg.len(), self.ready.most_frame_bytes);
            return Err(SourceError(format!("a frame has {bytes} bytes; the server takes {most}")));
        }
        let step = self.shown.iter().rev().find(|shown| shown.t <= now_ms).map_or(0, |shown| shown.step);
        let mut head = FrameHead { seq: self.chain.count() + 1, capture_ms: now_ms, step, tail: [0; 16] };
        tamper.forge(&mut head, &mut jpeg);
        self.chain.extend(&mut head, &jpeg);
        self.digests.push(self.chain.digest_hex());
        Ok(Some(Outgoing::Frame { head, jpeg }))
    }
}

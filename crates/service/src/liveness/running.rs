//! One capture that is under way: events in, messages out, frames to the workers.
//!
//! Start at [`Running::handle`]. A breach of the protocol ends a capture, and the device learns of it by the end alone.

use super::recording::Recorder;
use super::reference::{ReferencePicture, read_reference};
use crate::access::AccountState;
use crate::accounts::Attribution;
use crate::app::App;
use crate::clock::instant;
use crate::inference::InferenceError;
use crate::shares::{Owner, Share};
use crate::worker_networks::WorkerNetworks;
use likeness_base::Secret;
use likeness_liveness::message::{AppEvidence, Assertion, Attestation, End, FromServer, PromptKind};
use likeness_liveness::{AttemptCode, Capture, Event, FRAME_HEAD_BYTES, ModelVersion, Reaction, Session};
use likeness_rules::KeyOrigins;
use likeness_sight::{Unseen, observe};
use likeness_store::Actor;
use likeness_vision::GreyChip;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::watch;
use uuid::Uuid;

/// Frames of a capture that may be matched: the person keeps still for about a second.
const MOST_KEPT: usize = 12;
/// Faces of turns that are kept to be compared, of 58 kB each: as many frames as are analysed of four turns.
const MOST_CHIPS: usize = 80;
/// Frames of one capture that are analysed at the same time. More would be late anyway.
const MOST_AT_ONCE: usize = 2;

/// One capture under way.
pub struct Running {
    /// The account of its session.
    pub account: Arc<AccountState>,
    /// Its session.
    pub session: Uuid,
    /// Its attempt.
    pub attempt: u8,
    /// The model version that was asked for.
    pub model_version: ModelVersion,
    pub(super) request_id: Uuid,
    /// From which pages an enrolled key may sign.
    pub(super) key_origins: KeyOrigins,
    pub(super) live: Mutex<Live>,
    /// Counts whatever happened to it.
    pub(super) happened: watch::Sender<u64>,
}

/// What changes while it runs.
pub(super) struct Live {
    pub(super) capture: Option<Capture>,
    /// Where the person agreed to a recording.
    pub(super) recorder: Option<Recorder>,
    pub(super) kept: BTreeMap<u32, Secret<Vec<u8>>>,
    /// Faces of turns, by which frames of a turn are compared once it is over.
    pub(super) chips: BTreeMap<u32, GreyChip>,
    pub(super) reference: Option<ReferencePicture>,
    pub(super) reference_hash: Option<String>,
    pub(super) attestation: Option<Attestation>,
    pub(super) signature: Option<[u8; 64]>,
    pub(super) assertion: Option<Box<Assertion>>,
    pub(super) app_evidence: Option<Box<AppEvidence>>,
    pub(super) at_once: usize,
    pub(super) asked: usize,
    pub(super) skipped: usize,
    /// No worker was there to read the reference.
    pub(super) lacks_reference: bool,
    pub(super) ended: Option<Arc<Ended>>,
    /// Its place, until it has ended.
    pub(super) place: Option<Share>,
}

/// How a capture ended.
#[derive(Debug)]
pub struct Ended {
    /// Why there is no decision; `None`: there is one.
    pub code: Option<AttemptCode>,
    /// The chain after the last frame.
    pub digest: String,
    /// Attempts left.
    pub remaining_attempts: u8,
    /// The session as it is now, for those who may see the result.
    pub session: Option<Session>,
}

/// Milliseconds of the node's steady clock.
pub(super) fn milliseconds() -> u64 {
    static BEGUN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let begun = *BEGUN.get_or_init(instant);
    u64::try_from(instant().saturating_duration_since(begun).as_millis()).unwrap_or(u64::MAX)
}

impl Running {
    pub(super) fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self) {
        self.happened.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(super) fn attribution(&self) -> Attribution {
        Attribution { actor: Actor::Device, request_id: self.request_id }
    }

    pub(super) fn end(&self, ended: Ended) {
        let mut live = self.lock();
        live.ended = Some(Arc::new(ended));
        live.place = None;
        // Nothing of the person stays.
        live.kept.clear();
        live.chips.clear();
        live.reference = None;
        live.recorder = None;
    }

    /// Wakes whoever waits whenever something happens to the capture.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.happened.subscribe()
    }

    /// Messages for the device that wait to be sent.
    pub fn messages(&self) -> Vec<FromServer> {
        let mut live = self.lock();
        let Live { capture, recorder, .. } = &mut *live;
        let Some(capture) = capture else { return Vec::new() };
        let messages: Vec<FromServer> = std::iter::from_fn(|| capture.poll_message()).collect();
        if let Some(recorder) = recorder {
            messages.iter().for_each(|message| recorder.note_message(message, milliseconds()));
        }
        messages
    }

    /// How it ended, once it has.
    pub fn ended(&self) -> Option<Arc<Ended>> {
        self.lock().ended.clone()
    }

    /// Waits for the end, which every capture has.
    pub async fn wait_for_end(&self) -> Arc<Ended> {
        let mut happened = self.watch();
        loop {
            if let Some(ended) = self.ended() {
                return ended;
            }
            if happened.changed().await.is_err() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Whether a reference picture is expected now.
    pub fn awaits_reference(&self) -> bool {
        self.lock().capture.as_ref().is_some_and(Capture::awaits_reference)
    }

    /// Takes what a device did. A breach of the protocol ends the capture; the device learns of it by the end.
    pub fn handle(&self, event: Event<'_>) {
        let _ = self.lock().pass(event);
        self.tell();
    }

    /// Takes `end` with what was signed: by a registered device, or by an enrolled key.
    pub fn handle_end(&self, end: End) {
        let End { count, tail, signature, assertion, evidence } = end;
        {
            let mut live = self.lock();
            (live.signature, live.assertion, live.app_evidence) = (signature, assertion, evidence);
        }
        self.handle(Event::End { count, tail });
    }

    /// Takes a frame: head and JPEG, or, of a terminal that only delivers pictures, the JPEG alone.
    pub fn frame(self: &Arc<Self>, app: &Arc<App>, bytes: Secret<Vec<u8>>, has_head: bool) {
        let reaction = {
            let jpeg = bytes.expose();
            self.lock().pass(if has_head { Event::Frame { bytes: jpeg } } else { Event::Picture { jpeg } })
        };
        if let Reaction::Analyse { seq, step, kind } = reaction {
            self.analyse(app, bytes, has_head, seq, step, kind);
        }
        self.tell();
    }

    fn analyse(
        self: &Arc<Self>,
        app: &Arc<App>,
        bytes: Secret<Vec<u8>>,
        has_head: bool,
        seq: u32,
        step: u16,
        kind: PromptKind,
    ) {
        {
            let mut live = self.lock();
            live.asked += 1;
            if live.at_once >= MOST_AT_ONCE {
                live.skip(seq);
                return;
            }
            live.at_once += 1;
        }
        let (running, app) = (self.clone(), app.clone());
        tokio::spawn(async move {
            let owner = Owner::Account(running.account.id());
            let from = if has_head { FRAME_HEAD_BYTES } else { 0 };
            let seat = app.captures.analyses().take(owner, 1).await;
            let seen = match seat {
                Err(_) => Err(InferenceError::Busy),
                Ok(_seat) => {
                    let work = move |vision: &mut WorkerNetworks| {
                        let seen = observe(vision.vision(), &bytes.expose()[from..], seq, step);
                        (seen, bytes)
                    };
                    app.inference.run(owner, work).await
                }
            };
            let mut live = running.lock();
            live.at_once -= 1;
            match seen {
                Ok((Ok(glimpse), bytes)) => {
                    let observation = glimpse.observation;
                    let may_be_matched = kind == PromptKind::Hold || !has_head;
                    if may_be_matched && observation.faces == 1 && live.kept.len() < MOST_KEPT && live.capture.is_some()
                    {
                        live.kept.insert(seq, Secret::new(bytes.expose()[from..].to_vec()));
                    }
                    if kind == PromptKind::Turn && live.chips.len() < MOST_CHIPS && live.capture.is_some() {
                        live.chips.extend(glimpse.chip.map(|chip| (seq, chip)));
                    }
                    let _ = live.pass(Event::Observed(observation));
                }
                Ok((Err(Unseen::Undecodable), _)) => {
                    let _ = live.pass(Event::Undecodable { seq });
                }
                Ok((Err(Unseen::Vision(_)), _)) | Err(_) => live.skip(seq),
            }
            drop(live);
            running.tell();
        });
    }

    /// Takes the device's reference picture.
    pub fn reference(self: &Arc<Self>, app: &Arc<App>, bytes: Secret<Vec<u8>>) {
        let reaction = self.lock().pass(Event::Reference { bytes: bytes.expose().len() });
        self.tell();
        if !matches!(reaction, Reaction::KeepReference) {
            return;
        }
        let (running, app) = (self.clone(), app.clone());
        tokio::spawn(async move {
            use sha2::{Digest, Sha256};
            let hash = hex::encode_upper(Sha256::digest(bytes.expose()));
            let found = read_reference(&app, Owner::Account(running.account.id()), bytes).await;
            let mut live = running.lock();
            match found {
                Ok(Ok(reference)) if live.capture.is_some() => {
                    live.reference = Some(reference);
                    live.reference_hash = Some(hash);
                }
                Ok(Ok(_)) => {}
                Ok(Err(_)) => {
                    let _ = live.pass(Event::ReferenceRefused);
                }
                Err(_) => live.lacks_reference = true,
            }
            drop(live);
            running.tell();
        });
    }
}

impl Live {
    /// A breach ends the capture; nothing happens to one that is over.
    fn pass(&mut self, event: Event<'_>) -> Reaction {
        let Some(capture) = &mut self.capture else { return Reaction::Nothing };
        let now = milliseconds();
        if let Some(recorder) = &mut self.recorder {
            recorder.note(&event, now);
        }
        capture.handle(event, now).unwrap_or_else(|breach| {
            tracing::debug!(%breach, "A capture ended");
            Reaction::Nothing
        })
    }

    fn skip(&mut self, seq: u32) {
        self.skipped += 1;
        let _ = self.pass(Event::AnalysisSkipped { seq });
    }

    /// Whether the reference, or so many frames, found no worker that what failed is ours, not the person's.
    pub(super) fn was_starved(&self) -> bool {
        self.lacks_reference || self.skipped > self.asked / 2
    }
}

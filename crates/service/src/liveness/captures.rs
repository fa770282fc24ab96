//! Captures that are under way on this node.
//!
//! Start at [`Captures::begin`]. What a capture is and when it ends is decided by `likeness_liveness::Capture`, which has no clock and
//! no network; here it gets the time, workers for its frames, and a place, of which there are only so many. One task leads
//! each capture to its end, whoever brings the frames, and writes what came of it. What belongs to a capture is in memory
//! alone and ends with it.

use super::ending;
use super::frames::observe;
use super::reference::{ReferencePicture, read_reference};
use super::{Change, NotChanged};
use crate::access::AccountState;
use crate::accounts::Attribution;
use crate::app::App;
use crate::clock::{instant, pause};
use crate::shares::{Owner, Share};
use likeness_base::{Secret, random_bytes};
use likeness_liveness::message::{Attestation, CancelReason, FromServer, Hello, PromptKind};
use likeness_liveness::{
    AttemptCode, AttemptStart, Capture, CaptureStart, Challenge, ChallengeRequest, Event, FrameSize, Judge, Origin,
    Policy, Reaction, Session, SessionRefusal,
};
use likeness_rules::parse_network;
use likeness_shares::{Limits, Shares};
use likeness_store::{AccountId, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use uuid::Uuid;

/// Frames of a capture that may be matched: the person keeps still for about a second.
const MOST_KEPT: usize = 12;
/// Frames of one capture that are analysed at the same time. More would be late anyway.
const MOST_AT_ONCE: usize = 2;
/// How long a frame waits for a worker. One that is analysed later steers nobody.
const FRAME_WAIT: Duration = Duration::from_millis(1_000);
/// How often a capture looks whether its session is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the end of a capture can be asked for.
const KNOWN_AFTERWARDS: Duration = Duration::from_secs(30);
/// How long a device is told to wait for a place.
const COME_BACK_SECONDS: u32 = 5;

/// The captures of this node.
pub struct Captures {
    /// This node, among those that share a database.
    node: Uuid,
    /// Where devices reach this node alone, if its operator says so.
    address: Option<String>,
    policy: Arc<Policy>,
    judge: Arc<dyn Judge>,
    places: Arc<Shares<Owner>>,
    analyses: Arc<Shares<Owner>>,
    running: Mutex<HashMap<(AccountId, Uuid), Arc<Running>>>,
}

/// One capture under way.
pub struct Running {
    /// The account of its session.
    pub account: Arc<AccountState>,
    /// Its session.
    pub session: Uuid,
    /// Its attempt.
    pub attempt: u8,
    request_id: Uuid,
    live: Mutex<Live>,
    /// Counts whatever happened to it.
    happened: watch::Sender<u64>,
}

/// What changes while it runs.
pub(super) struct Live {
    pub(super) capture: Option<Capture>,
    pub(super) kept: BTreeMap<u32, Secret<Vec<u8>>>,
    pub(super) reference: Option<ReferencePicture>,
    pub(super) reference_hash: Option<String>,
    pub(super) attestation: Option<Attestation>,
    pub(super) signature: Option<[u8; 64]>,
    at_once: usize,
    asked: usize,
    skipped: usize,
    ended: Option<Arc<Ended>>,
    /// Its place, until it has ended.
    place: Option<Share>,
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

/// Why a capture does not begin.
#[derive(Debug, thiserror::Error)]
pub enum NotBegun {
    /// There is no such session.
    #[error("there is no such session")]
    SessionNotFound,
    /// Its rules say no.
    #[error(transparent)]
    Refused(#[from] SessionRefusal),
    /// A correlation id is closed.
    #[error("the correlation id is closed")]
    Closed,
    /// The session is for another address.
    #[error("the session is for another address")]
    OtherAddress,
    /// There is no place; come back after so many seconds.
    #[error("there is no place")]
    NoPlace(u32),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where a capture is that is asked for.
pub enum Whereabouts {
    /// Here.
    Here(Arc<Running>),
    /// On another node, perhaps with its address.
    Elsewhere(Option<String>),
    /// Nowhere: no attempt is under way.
    Nowhere,
}

/// Who begins a capture.
pub struct Beginning {
    /// The account of the session.
    pub account: Arc<AccountState>,
    /// The session.
    pub session: Uuid,
    /// What the device says.
    pub hello: Hello,
    /// From where, and with which request.
    pub origin: Origin,
    /// The address it comes from.
    pub client: IpAddr,
}

impl Captures {
    /// None is under way. `places`: how many may be at once.
    pub fn new(
        node: Uuid,
        address: Option<String>,
        policy: Policy,
        judge: Arc<dyn Judge>,
        places: u64,
        workers: u64,
    ) -> Self {
        let shared = |name, capacity: u64, longest_wait| {
            Shares::new(Limits {
                name,
                capacity,
                most_each: capacity,
                // One account leaves an eighth to others.
                reserve: capacity.div_ceil(8).min(capacity.saturating_sub(1)),
                waiting: 256,
                longest_wait,
                quantum: 1,
                cost_of_unit: 1,
            })
        };
        // Half of the workers, so that other calls are never behind frames alone.
        let analyses = workers.div_ceil(2).max(1);
        Self {
            node,
            address,
            policy: Arc::new(policy),
            judge,
            places: shared("captures", places.max(1), Duration::ZERO),
            analyses: shared("frames", analyses, FRAME_WAIT),
            running: Mutex::default(),
        }
    }

    /// How many are under way.
    pub fn count(&self) -> usize {
        self.lock().values().filter(|running| running.ended().is_none()).count()
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(super) fn judge(&self) -> &dyn Judge {
        &*self.judge
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(AccountId, Uuid), Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins an attempt of a session. It runs until it ends by itself, whether or not anybody brings frames.
    ///
    /// # Errors
    /// [`NotBegun`]; then no attempt was used up.
    pub async fn begin(&self, app: &Arc<App>, beginning: Beginning) -> Result<Arc<Running>, NotBegun> {
        let Beginning { account, session, hello, origin, client } = beginning;
        let refused = |problem: NotBegun| {
            metrics::counter!("likeness_captures_refused_total", "why" => problem.word()).increment(1);
            problem
        };
        let id = account.id();
        // First of all: whoever finds no place has used nothing up.
        let place = self.places.try_take(Owner::Account(id), 1);
        let place = place.map_err(|_| refused(NotBegun::NoPlace(COME_BACK_SECONDS)))?;
        let policy = &account.settings.retention;
        let found = app.liveness.read(id, session, policy).await?.ok_or_else(|| refused(NotBegun::SessionNotFound))?;
        let mut known = found.stored.session;
        check_address(&known, client).map_err(refused)?;
        // As it will be with what the device says, where it may say anything.
        for (correlation, said) in [
            (&mut known.request.device_correlation, &hello.device_correlation_id),
            (&mut known.request.user_correlation, &hello.user_correlation_id),
        ] {
            if correlation.set_in_client && correlation.id.is_none() {
                correlation.id.clone_from(said);
            }
        }
        if app.liveness.is_closed(&account, &known).await? {
            return Err(refused(NotBegun::Closed));
        }
        let nonce: [u8; 16] = random_bytes(&*app.randomness);
        let request_id = origin.request_id;
        let start = AttemptStart {
            node: self.node,
            nonce,
            origin: Origin { device: hello.device.clone(), ..origin },
            device_correlation_id: hello.device_correlation_id.clone(),
            user_correlation_id: hello.user_correlation_id.clone(),
            needs_notice: !account.settings.notices.is_empty(),
        };
        let attribution = Attribution { actor: likeness_store::Actor::Device, request_id };
        // Whoever leads a capture holds its job: a node that died loses it, and its attempt does not count.
        let job = job_of(session);
        if !app.leases.take(id, &job).await? {
            return Err(refused(NotBegun::Refused(SessionRefusal::AttemptInProgress)));
        }
        let begun = app.liveness.change(id, &attribution, session, policy, |stored, now| {
            let leader = stored.session.running(now).and_then(likeness_liveness::Attempt::running_on);
            if let Some(dead) = leader.filter(|leader| *leader != self.node) {
                stored.session.abandon_attempt(dead, now);
            }
            let attempt = stored.session.begin_attempt(start.clone(), now)?;
            stored.leader.clone_from(&self.address);
            let detail = serde_json::json!({ "attempt": attempt, "begins": true });
            let outcome = (attempt, stored.session.clone());
            Ok(Change { outcome, records: Vec::new(), detail: Some(detail) })
        });
        let begun = begun.await.map_err(|problem| {
            refused(match problem {
                NotChanged::Gone => NotBegun::SessionNotFound,
                NotChanged::Refused(refusal) => NotBegun::Refused(refusal),
                NotChanged::Store(error) => NotBegun::Store(error),
            })
        });
        let (attempt, now_known) = match begun {
            Ok(begun) => begun,
            Err(problem) => {
                let leads = self.lock().get(&(id, session)).is_some_and(|running| running.ended().is_none());
                if !leads {
                    app.leases.give_back(id, &job).await;
                }
                return Err(problem);
            }
        };
        let challenge = Challenge::draw(
            random_bytes(&*app.randomness),
            ChallengeRequest {
                mode: now_known.request.mode,
                without_light: hello.device.without_light,
                slow: hello.device.slow,
                frame: hello
                    .device
                    .camera
                    .as_ref()
                    .map(|camera| FrameSize { width: camera.width, height: camera.height }),
            },
            &self.policy,
        );
        let start = CaptureStart {
            session_id: session,
            attempt,
            remaining_attempts: now_known.remaining_attempts(),
            nonce,
            challenge,
            expects_reference: now_known.request.expects_reference(),
        };
        let live = Live {
            capture: Some(Capture::new(start, self.policy.clone(), milliseconds())),
            kept: BTreeMap::new(),
            reference: None,
            reference_hash: None,
            attestation: hello.attestation,
            signature: None,
            at_once: 0,
            asked: 0,
            skipped: 0,
            ended: None,
            place: Some(place),
        };
        let running = Arc::new(Running {
            account,
            session,
            attempt,
            request_id,
            live: Mutex::new(live),
            happened: watch::Sender::new(0),
        });
        self.lock().insert((id, session), running.clone());
        metrics::counter!("likeness_captures_total").increment(1);
        let (leading, led) = (app.clone(), running.clone());
        tokio::spawn(async move {
            let work = lead(leading.clone(), led.clone());
            // It is ours already; should it be another's after all, the first write shows it.
            let outcome = leading.leases.run_exclusively(id, &job, work).await;
            if !matches!(outcome, Ok(Some(()))) {
                lead(leading, led).await;
            }
        });
        Ok(running)
    }

    /// Where the capture of a session is.
    ///
    /// # Errors
    /// What the store says.
    pub async fn find(&self, app: &App, account: &AccountState, session: Uuid) -> Result<Whereabouts, StoreError> {
        let here = self.lock().get(&(account.id(), session)).cloned();
        if let Some(running) = &here
            && running.ended().is_none()
        {
            return Ok(Whereabouts::Here(running.clone()));
        }
        let found = app.liveness.read(account.id(), session, &account.settings.retention).await?;
        let now = app.liveness.clock.now();
        let elsewhere = found.and_then(|found| {
            let node = found.stored.session.running(now)?.running_on()?;
            (node != self.node).then_some(found.stored.leader)
        });
        Ok(match (elsewhere, here) {
            (Some(address), _) => Whereabouts::Elsewhere(address),
            // It has ended, and its device may not have heard of it.
            (None, Some(running)) => Whereabouts::Here(running),
            (None, None) => Whereabouts::Nowhere,
        })
    }
}

impl NotBegun {
    /// Why, in metrics.
    const fn word(&self) -> &'static str {
        match self {
            Self::SessionNotFound => "session",
            Self::Refused(_) => "rules",
            Self::Closed => "closed",
            Self::OtherAddress => "address",
            Self::NoPlace(_) => "place",
            Self::Store(_) => "store",
        }
    }
}

fn check_address(session: &Session, client: IpAddr) -> Result<(), NotBegun> {
    let Some(expected) = &session.request.expected_address else { return Ok(()) };
    let is_it = parse_network(expected.expose()).is_some_and(|network| likeness_rules::is_within(&network, client));
    if is_it { Ok(()) } else { Err(NotBegun::OtherAddress) }
}

/// The job of leading the capture of a session.
fn job_of(session: Uuid) -> String {
    format!("capture {session}")
}

/// Milliseconds of the node's steady clock.
fn milliseconds() -> u64 {
    static BEGUN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let begun = *BEGUN.get_or_init(instant);
    u64::try_from(instant().saturating_duration_since(begun).as_millis()).unwrap_or(u64::MAX)
}

/// Leads a capture to its end and writes what came of it.
async fn lead(app: Arc<App>, running: Arc<Running>) {
    let mut happened = running.happened.subscribe();
    let mut looked = instant();
    loop {
        happened.mark_unchanged();
        if instant().saturating_duration_since(looked) >= LOOK_EVERY {
            looked = instant();
            // A session that was deleted, or whose account was closed, has no capture.
            if is_gone(&app, &running).await {
                running.handle(Event::Cancel { reason: CancelReason::Person });
            }
        }
        let wait = {
            let mut live = running.lock();
            let now = milliseconds();
            let Some(capture) = &mut live.capture else { break };
            // What it says of the breach is in its outcome.
            if let Err(breach) = capture.handle_timeout(now) {
                tracing::debug!(%breach, "A capture ended");
            }
            if capture.is_over() {
                break;
            }
            capture.wake_at().map(|at| Duration::from_millis(at.saturating_sub(now).max(1)))
        };
        running.tell();
        tokio::select! {
            () = pause(wait.unwrap_or(LOOK_EVERY).min(LOOK_EVERY)) => {}
            _ = happened.changed() => {}
        }
    }
    ending::finish(&app, &running).await;
    running.tell();
    tokio::spawn(async move {
        // A device that comes by requests may not have heard of the end yet.
        pause(KNOWN_AFTERWARDS).await;
        let mut all = app.captures.lock();
        let key = (running.account.id(), running.session);
        if all.get(&key).is_some_and(|known| Arc::ptr_eq(known, &running)) {
            all.remove(&key);
        }
    });
}

/// Whether the session of a capture is no more.
async fn is_gone(app: &App, running: &Running) -> bool {
    let account = running.account.id();
    let table = app.access.cache.last_known();
    let is_open = table.account(account).is_some_and(|state| state.is_open());
    let found = app.liveness.read(account, running.session, &running.account.settings.retention).await;
    !is_open || matches!(found, Ok(None))
}

impl Running {
    pub(super) fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.happened.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(super) fn attribution(&self) -> Attribution {
        Attribution { actor: likeness_store::Actor::Device, request_id: self.request_id }
    }

    pub(super) fn end(&self, ended: Ended) {
        let mut live = self.lock();
        live.ended = Some(Arc::new(ended));
        live.place = None;
        // Nothing of the person stays.
        live.kept.clear();
        live.reference = None;
    }

    /// Wakes whoever waits whenever something happens to the capture.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.happened.subscribe()
    }

    /// Messages for the device that wait to be sent.
    pub fn messages(&self) -> Vec<FromServer> {
        let mut live = self.lock();
        let capture = live.capture.as_mut();
        capture.map(|capture| std::iter::from_fn(|| capture.poll_message()).collect()).unwrap_or_default()
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
        if let Some(capture) = &mut self.lock().capture
            && let Err(breach) = capture.handle(event, milliseconds())
        {
            tracing::debug!(%breach, "A capture ended");
        }
        self.tell();
    }

    /// Takes `end` with the signature of a registered device.
    pub fn handle_end(&self, count: u32, tail: [u8; 32], signature: Option<[u8; 64]>) {
        self.lock().signature = signature;
        self.handle(Event::End { count, tail });
    }

    /// Takes a frame: head and JPEG, or, of a terminal that only delivers pictures, the JPEG alone.
    pub fn frame(self: &Arc<Self>, app: &Arc<App>, bytes: Secret<Vec<u8>>, has_head: bool) {
        let reaction = {
            let mut live = self.lock();
            let Some(capture) = &mut live.capture else { return };
            let event =
                if has_head { Event::Frame { bytes: bytes.expose() } } else { Event::Picture { jpeg: bytes.expose() } };
            match capture.handle(event, milliseconds()) {
                Ok(reaction) => reaction,
                Err(breach) => {
                    tracing::debug!(%breach, "A capture ended");
                    Reaction::Nothing
                }
            }
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
            let from = if has_head { likeness_liveness::FRAME_HEAD_BYTES } else { 0 };
            let seat = app.captures.analyses.take(owner, 1).await;
            let seen = match seat {
                Err(_) => Err(crate::inference::InferenceError::Busy),
                Ok(_seat) => {
                    let work = move |vision: &mut crate::worker_networks::WorkerNetworks| {
                        let seen = observe(vision, &bytes.expose()[from..], seq, step);
                        (seen, bytes)
                    };
                    app.inference.run(owner, work).await
                }
            };
            let mut live = running.lock();
            live.at_once -= 1;
            match seen {
                Ok((Ok(observation), bytes)) => {
                    let may_be_matched = kind == PromptKind::Hold || !has_head;
                    if may_be_matched && observation.faces == 1 && live.kept.len() < MOST_KEPT && live.capture.is_some()
                    {
                        live.kept.insert(seq, Secret::new(bytes.expose()[from..].to_vec()));
                    }
                    live.pass(Event::Observed(observation));
                }
                Ok((Err(super::frames::Unseen::Undecodable), _)) => live.pass(Event::Undecodable { seq }),
                Ok((Err(super::frames::Unseen::Vision(_)), _)) | Err(_) => live.skip(seq),
            }
            drop(live);
            running.tell();
        });
    }

    /// Takes the device's reference picture.
    pub fn reference(self: &Arc<Self>, app: &Arc<App>, bytes: Secret<Vec<u8>>) {
        let keeps = {
            let mut live = self.lock();
            let Some(capture) = &mut live.capture else { return };
            let event = Event::Reference { bytes: bytes.expose().len() };
            matches!(capture.handle(event, milliseconds()), Ok(Reaction::KeepReference))
        };
        self.tell();
        if !keeps {
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
                Ok(Err(_)) => live.pass(Event::ReferenceRefused),
                // Without a worker there is no reference, and the attempt ends as a fault of ours.
                Err(_) => live.skipped = usize::MAX / 2,
            }
            drop(live);
            running.tell();
        });
    }
}

impl Live {
    fn pass(&mut self, event: Event<'_>) {
        if let Some(capture) = &mut self.capture
            && let Err(breach) = capture.handle(event, milliseconds())
        {
            tracing::debug!(%breach, "A capture ended");
        }
    }

    fn skip(&mut self, seq: u32) {
        self.skipped += 1;
        self.pass(Event::AnalysisSkipped { seq });
    }

    /// Whether so few frames found a worker that what failed is ours, not the person's.
    pub(super) fn was_starved(&self) -> bool {
        self.skipped > self.asked / 2
    }
}

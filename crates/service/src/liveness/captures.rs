//! Captures that are under way on this node.
//!
//! Start at [`Captures::begin`]. What a capture is and when it ends is decided by `likeness_liveness::Capture`, which has no clock and
//! no network; here it gets the time, workers for its frames, and a place, of which there are only so many. One task leads
//! each capture to its end, whoever brings the frames, and writes what came of it. What belongs to a capture is in memory
//! alone and ends with it.

use super::attestation::Attestations;
use super::ending;
use super::recording::{self, Recorder, Sheet};
use super::running::{Live, Running, milliseconds};
use super::{Change, NotChanged};
use crate::access::AccountState;
use crate::accounts::Attribution;
use crate::app::App;
use crate::clock::{instant, pause};
use crate::shares::Owner;
use likeness_base::{Timestamp, random_bytes};
use likeness_liveness::message::{CancelReason, Hello, KeyId};
use likeness_liveness::{
    AttemptStart, Capture, CaptureStart, ChallengeRequest, Event, FrameSize, Judge, Origin, Policy, RecordedChallenge,
    Session, SessionRefusal,
};
use likeness_rules::{KeyOrigins, parse_network};
use likeness_shares::{Limits, Shares};
use likeness_store::{AccountId, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

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
    /// Where recordings are kept, if the operator wants any.
    recordings: Option<PathBuf>,
    /// Who attests apps, if the operator has somebody for that.
    attestations: Option<Attestations>,
    places: Arc<Shares<Owner>>,
    analyses: Arc<Shares<Owner>>,
    running: Mutex<HashMap<(AccountId, Uuid), Arc<Running>>>,
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
    /// From which pages an enrolled key may sign.
    pub key_origins: KeyOrigins,
}

impl Captures {
    /// None is under way. `places`: how many may be at once.
    pub fn new(
        node: Uuid,
        address: Option<String>,
        policy: Policy,
        judge: Arc<dyn Judge>,
        recordings: Option<PathBuf>,
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
        Self {
            node,
            address,
            policy: Arc::new(policy),
            judge,
            recordings,
            attestations: None,
            places: shared("captures", places.max(1), Duration::ZERO),
            analyses: shared("frames", Self::frames_at_once(workers), FRAME_WAIT),
            running: Mutex::default(),
        }
    }

    /// The same with a program that attests apps.
    #[must_use]
    pub fn attesting_by(mut self, program: Option<PathBuf>) -> Self {
        self.attestations = program.map(Attestations::by);
        self
    }

    pub(super) const fn attestations(&self) -> Option<&Attestations> {
        self.attestations.as_ref()
    }

    /// How many frames are analysed at once: half of the workers, so that other calls are never behind frames alone.
    pub fn frames_at_once(workers: u64) -> u64 {
        workers.div_ceil(2).max(1)
    }

    /// How many are under way.
    pub fn count(&self) -> usize {
        self.lock().values().filter(|running| running.ended().is_none()).count()
    }

    /// Removes recordings that a server which was killed left half done.
    pub fn sweep_recordings(&self, now: Timestamp) {
        if let Some(folder) = &self.recordings {
            recording::sweep(folder, now);
        }
    }

    /// Whether recordings can be asked for.
    pub const fn keeps_recordings(&self) -> bool {
        self.recordings.is_some()
    }

    pub(super) fn analyses(&self) -> &Arc<Shares<Owner>> {
        &self.analyses
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
        let Beginning { account, session, hello, origin, client, key_origins } = beginning;
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
        known.request.device_correlation.adopt(hello.device_correlation_id.clone());
        known.request.user_correlation.adopt(hello.user_correlation_id.clone());
        if app.liveness.is_closed(&account, &known.request).await? {
            return Err(refused(NotBegun::Closed));
        }
        let keys = app.liveness.keys_for(&account, &known.request).await?;
        let keys: Vec<KeyId> = keys.iter().filter_map(|known| KeyId::new(known.key.id())).collect();
        let nonce: [u8; 16] = random_bytes(&*app.randomness);
        let request_id = origin.request_id;
        let start = AttemptStart {
            node: self.node,
            nonce,
            origin: Origin { device: hello.device.clone(), ..origin },
            device_correlation_id: hello.device_correlation_id.clone(),
            user_correlation_id: hello.user_correlation_id.clone(),
            needs_notice: !account.settings.notices.is_empty(),
            offers_keys: !keys.is_empty(),
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
                // With the job in hand, an attempt in progress is one of this node, whose job it is.
                if !matches!(problem, NotBegun::Refused(SessionRefusal::AttemptInProgress)) {
                    app.leases.give_back(id, &job).await;
                }
                return Err(problem);
            }
        };
        let challenge = RecordedChallenge::new(
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
        );
        let began_ms = milliseconds();
        let label = now_known.request.records.clone().filter(|_| hello.device.recording);
        let recorder = label.zip(self.recordings.as_deref()).map(|(label, folder)| {
            let sheet = Sheet {
                label,
                made_ms: app.liveness.clock.now().as_millis(),
                policy_version: self.policy.version.clone(),
                challenge: challenge.clone(),
                number: format!("{session}-{attempt}"),
            };
            Recorder::begin(folder, sheet, began_ms)
        });
        let start = CaptureStart {
            session_id: session,
            attempt,
            remaining_attempts: now_known.remaining_attempts(),
            nonce,
            challenge: challenge.draw(&self.policy),
            expects_reference: now_known.request.expects_reference(),
        };
        let live = Live {
            capture: Some(Capture::new(start, self.policy.clone(), began_ms).offering_keys(keys)),
            recorder,
            kept: BTreeMap::new(),
            chips: BTreeMap::new(),
            reference: None,
            reference_hash: None,
            attestation: hello.attestation,
            signature: None,
            assertion: None,
            app_evidence: None,
            at_once: 0,
            asked: 0,
            skipped: 0,
            lacks_reference: false,
            ended: None,
            place: Some(place),
        };
        let running = Arc::new(Running {
            account,
            session,
            attempt,
            model_version: now_known.request.model_version,
            request_id,
            key_origins,
            live: Mutex::new(live),
            happened: watch::Sender::new(0),
        });
        self.lock().insert((id, session), running.clone());
        metrics::counter!("likeness_captures_total").increment(1);
        let (leading, led) = (app.clone(), running.clone());
        tokio::spawn(async move {
            leading.leases.hold(id, &job, lead(leading.clone(), led)).await;
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

/// Leads a capture to its end and writes what came of it.
async fn lead(app: Arc<App>, running: Arc<Running>) {
    let mut happened = running.happened.subscribe();
    let mut looked = instant();
    loop {
        if instant().saturating_duration_since(looked) >= LOOK_EVERY {
            looked = instant();
            // A session that was deleted, or whose account was closed, has no capture.
            if is_gone(&app, &running).await {
                running.handle(Event::Cancel { reason: CancelReason::Person });
            }
        }
        // What it says of the breach is in its outcome.
        if let Some(capture) = &mut running.lock().capture
            && let Err(breach) = capture.handle_timeout(milliseconds())
        {
            tracing::debug!(%breach, "A capture ended");
        }
        running.tell();
        // What is told here is no news to this task, or it would never wait; what comes from here on is.
        happened.mark_unchanged();
        let wait = {
            let live = running.lock();
            let Some(capture) = live.capture.as_ref().filter(|capture| !capture.is_over()) else { break };
            capture.wake_at().map(|at| Duration::from_millis(at.saturating_sub(milliseconds()).max(1)))
        };
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
    let table = app.access.cache.last_known();
    let is_open = table.account(running.account.id()).is_some_and(|state| state.is_open());
    !is_open || matches!(app.liveness.is_gone(&running.account, running.session).await, Ok(true))
}

//! Recordings of captures in a folder of the operator, to measure how often the checks err. They are made where three agree: the operator
//! named a folder, the app server asked for a recording, the person said yes on the device.
//!
//! Start at [`Recorder::begin`]. A recording that is not finished leaves nothing. What is written here is the operator's: no store knows of
//! it, nothing expires it, and no account reads it.

use likeness_base::Timestamp;
use likeness_liveness::message::FromServer;
use likeness_liveness::{Event, FrameHead, RecordedChallenge, RecordedEvent, Recording, RecordingLabel};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, UNIX_EPOCH};

/// Frames that wait for the disk. A disk that is slower than three seconds of frames makes no recording.
const MOST_WAITING: usize = 32;

/// The end of the name of a recording that is being made.
const PART: &str = ".part";
/// Longer than any attempt.
const LEFT_AFTER: Duration = Duration::from_secs(600);

/// One recording that is being made. Dropped before its end, it leaves nothing.
pub(super) struct Recorder {
    /// None once something went wrong.
    to: Option<SyncSender<Piece>>,
    began_ms: u64,
    /// The number of the last frame that was kept.
    last: u32,
}

enum Piece {
    Event(RecordedEvent),
    Frame(RecordedEvent, u32, Vec<u8>),
    Finished,
}

/// What a recording is, but for its events.
pub(super) struct Sheet {
    pub(super) label: RecordingLabel,
    /// When, in milliseconds since 1970.
    pub(super) made_ms: i64,
    pub(super) policy_version: String,
    pub(super) challenge: RecordedChallenge,
    /// What tells it from others of the same label.
    pub(super) number: String,
}

impl Recorder {
    /// Begins a recording in a folder. `now_ms` is of the clock that tells when events happen.
    pub(super) fn begin(folder: &Path, sheet: Sheet, now_ms: u64) -> Self {
        let (to, pieces) = sync_channel(MOST_WAITING);
        let folder = folder.to_owned();
        std::thread::spawn(move || {
            if let Err(error) = keep(&folder, sheet, &pieces) {
                tracing::error!(error = %error.kind(), "A recording of a capture could not be written; nothing of it is kept");
            }
        });
        Self { to: Some(to), began_ms: now_ms, last: 0 }
    }

    /// Notes what comes from the device. Pictures without a chain are in no recording.
    pub(super) fn note(&mut self, event: &Event<'_>, now_ms: u64) {
        let at = now_ms.saturating_sub(self.began_ms);
        match event {
            Event::Shown { step, t } => self.pass(Piece::Event(RecordedEvent::Shown { at, step: *step, t: *t })),
            Event::End { .. } => self.pass(Piece::Event(RecordedEvent::End { at })),
            Event::Frame { bytes } => {
                let Ok((head, jpeg)) = FrameHead::parse(bytes) else { return };
                // The protocol's numbers go up by one. What breaks it ends the capture, and is no frame.
                if head.seq != self.last + 1 {
                    return;
                }
                self.last = head.seq;
                let event = RecordedEvent::Frame { at, seq: head.seq, capture_ms: head.capture_ms, step: head.step };
                self.pass(Piece::Frame(event, head.seq, jpeg.to_vec()));
            }
            _ => {}
        }
    }

    /// Notes what the device is asked for.
    pub(super) fn note_message(&mut self, message: &FromServer, now_ms: u64) {
        if let FromServer::Step(step) = message {
            let at = now_ms.saturating_sub(self.began_ms);
            self.pass(Piece::Event(RecordedEvent::Asked { at, step: step.clone() }));
        }
    }

    /// The capture is over, and its recording is kept.
    pub(super) fn finish(mut self) {
        self.pass(Piece::Finished);
    }

    fn pass(&mut self, piece: Piece) {
        let Some(to) = &self.to else { return };
        match to.try_send(piece) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                tracing::warn!("A recording of a capture was given up: the disk is too slow for its frames");
                self.to = None;
            }
            // Its thread has said why.
            Err(TrySendError::Disconnected(_)) => self.to = None,
        }
    }
}

/// Writes what comes until it is finished. Whatever does not come to its end is removed.
fn keep(folder: &Path, sheet: Sheet, pieces: &Receiver<Piece>) -> std::io::Result<()> {
    let Sheet { label, made_ms, policy_version, challenge, number } = sheet;
    let light = label.light.as_deref().unwrap_or("light");
    let name = format!("{}_{}_{light}_{number}", label.presentation, label.subject);
    // For the operator alone.
    let mut private = DirBuilder::new();
    private.mode(0o700).recursive(true).create(folder)?;
    let unfinished = Unfinished(folder.join(format!(".{name}{PART}")));
    private.recursive(false).create(&unfinished.0)?;
    let mut events = Vec::new();
    loop {
        match pieces.recv() {
            Ok(Piece::Event(event)) => events.push(event),
            Ok(Piece::Frame(event, seq, jpeg)) => {
                std::fs::write(unfinished.0.join(Recording::frame_name(seq)), jpeg)?;
                events.push(event);
            }
            Ok(Piece::Finished) => break,
            Err(_) => return Ok(()),
        }
    }
    let recording = Recording { label, made_ms, policy_version, challenge, events };
    std::fs::write(unfinished.0.join(Recording::FILE), recording.to_json())?;
    std::fs::rename(&unfinished.0, folder.join(name))
}

/// Removes what a server that was killed left half done. What another one is making is younger.
pub(super) fn sweep(folder: &Path, now: Timestamp) {
    let is_old = |path: &PathBuf| {
        let changed = std::fs::metadata(path).and_then(|about| about.modified()).ok();
        let changed = changed.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        changed.is_some_and(|at| now.since(Timestamp::from_millis(0)).saturating_sub(at) > LEFT_AFTER)
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_part = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(PART));
    for part in entries.filter(is_part).filter(is_old) {
        drop(std::fs::remove_dir_all(part));
    }
}

/// A folder that goes, unless it has got its name.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use likeness_liveness::{Chain, ChallengeRequest, Mode};
    use uuid::Uuid;

    fn sheet() -> Sheet {
        let request = ChallengeRequest { mode: Mode::Passive, without_light: false, slow: false, frame: None };
        Sheet {
            label: RecordingLabel {
                presentation: "print".to_owned(),
                subject: "p07".to_owned(),
                light: None,
                simulated: false,
            },
            made_ms: 5,
            policy_version: "2".to_owned(),
            challenge: RecordedChallenge::new([3; 32], request),
            number: "1".to_owned(),
        }
    }

    fn entries(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        entries.map(|name| name.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn only_what_is_finished_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut chain = Chain::begin(Uuid::nil(), &[0; 16]);
        let mut frame = |seq: u32, jpeg: &[u8]| {
            let mut head = FrameHead { seq, capture_ms: f64::from(seq), step: 1, tail: [0; 16] };
            chain.extend(&mut head, jpeg);
            [head.to_bytes().as_slice(), jpeg].concat()
        };
        for is_finished in [false, true] {
            let (to, pieces) = sync_channel(MOST_WAITING);
            let mut recorder = Recorder { to: Some(to), began_ms: 1_000, last: 0 };
            recorder.note(&Event::Frame { bytes: &frame(1, b"one") }, 1_010);
            // One that is no frame, and one that is out of turn.
            recorder.note(&Event::Frame { bytes: b"none" }, 1_015);
            recorder.note(&Event::Frame { bytes: &frame(9, b"nine") }, 1_016);
            recorder.note(&Event::Shown { step: 1, t: 3.0 }, 1_020);
            if is_finished {
                recorder.finish();
            } else {
                drop(recorder);
            }
            keep(folder.path(), sheet(), &pieces).unwrap();
            assert_eq!(entries(folder.path()), if is_finished { vec!["print_p07_light_1"] } else { Vec::new() });
        }
        let kept = folder.path().join("print_p07_light_1");
        assert_eq!(std::fs::read(kept.join("00001.jpg")).unwrap(), b"one");
        let recording = Recording::parse(&std::fs::read(kept.join(Recording::FILE)).unwrap()).unwrap();
        let [RecordedEvent::Frame { at: 10, seq: 1, .. }, RecordedEvent::Shown { at: 20, .. }] = recording.events[..]
        else {
            panic!("{:?}", recording.events)
        };
        // What was left by a server that was killed goes, unless somebody is at it.
        let left = folder.path().join(".print_p08_light_2.part");
        std::fs::create_dir(&left).unwrap();
        let made = std::fs::metadata(&left).unwrap().modified().unwrap().duration_since(UNIX_EPOCH).unwrap();
        let after = |passed: Duration| Timestamp::from_millis((made + passed).as_millis() as i64);
        sweep(folder.path(), after(LEFT_AFTER / 2));
        assert!(left.exists());
        sweep(folder.path(), after(LEFT_AFTER * 2));
        assert!(!left.exists());
        // A name that is taken is not written over, and nothing half stays.
        let (to, pieces) = sync_channel(1);
        Recorder { to: Some(to), began_ms: 0, last: 0 }.finish();
        assert!(keep(folder.path(), sheet(), &pieces).is_err());
        assert_eq!(entries(folder.path()), ["print_p07_light_1"]);
    }
}

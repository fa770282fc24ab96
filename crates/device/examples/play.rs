//! Plays captures of a rendered person, or of attacks, against a server in real time, and says how each ended.
//!
//! `play ADDRESS PHOTO POINTS` reads one capture a line from standard input: `TOKEN [words]`, and plays it. Words: `verify`,
//! `requests`, `without-light`, `slow`, `seed=7`, `ambient=150`, `phone`, `reference=FILE`, `subject=print`,
//! `attack=Reordered`. POINTS are ten numbers separated by commas, x and y in pixels of the left eye, the right eye, the
//! nose tip and the left and right corner of the mouth in the photo. With `SAVE=folder` the frames are kept, numbered.

use likeness_device::{
    Acted, Address, Attack, Client, Device, Honest, Pace as _, RealTime, Recorder, Source, SourceError, Tamper, Way,
};
use likeness_liveness::message::{FromServer, Prompt, Shown};
use likeness_renderer::{
    BendAxis, Conditions, Cover, Landmarks, Performer, Person, Photo, Scene, ScreenKind, Subject, recorded_prompts,
};
use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, people @ ..] = &arguments[..] else { return Err("give an address, a photo, and ten numbers".into()) };
    let address = Address::parse(address)?;
    let people = people.chunks_exact(2).map(|pair| person(&pair[0], &pair[1])).collect::<Result<Vec<_>, _>>()?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let Some((token, words)) = line.split_once(' ').or((!line.is_empty()).then_some((line.as_str(), ""))) else {
            continue;
        };
        writeln!(std::io::stdout(), "== {words}")?;
        play(&address, token, words, &people).await?;
    }
    Ok(())
}

fn person(photo: &str, points: &str) -> Result<Person, Box<dyn Error>> {
    let picture = image::open(photo)?.to_rgb8();
    let numbers = points.split(',').map(|number| number.trim().parse()).collect::<Result<Vec<f32>, _>>()?;
    let points: Vec<[f32; 2]> = numbers.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
    let points: [[f32; 2]; 5] = points.try_into().map_err(|_| "give five points")?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Ok(Person::new(Photo { width, height, rgb: picture.as_raw() }, &Landmarks::new(points), 1)?)
}

fn subject(name: &str) -> Result<Subject, String> {
    Ok(match name {
        "live" => Subject::Live,
        "print" => Subject::FlatPrint,
        "bowed" => Subject::BowedPrint { sagitta_mm: 40.0, axis: BendAxis::Upright },
        "screen" => Subject::Screen,
        "replay" => Subject::Replay { recorded: recorded_prompts(99) },
        "still" => Subject::StillFile,
        "recorded" => Subject::RecordedFile { recorded: recorded_prompts(99) },
        "swap" => Subject::Swap { at_ms: 9_000.0 },
        "two" => Subject::TwoFaces,
        "nobody" => Subject::NoFace,
        "mask" => Subject::Covered(Cover::Mask),
        "sunglasses" => Subject::Covered(Cover::Sunglasses),
        "dark" => Subject::Dark,
        "off_centre" => Subject::OffCentre,
        "too_far" => Subject::TooFar,
        other => return Err(format!("unknown subject {other}")),
    })
}

/// Keeps the frames of a source.
struct Saved {
    source: Acted,
    folder: Option<PathBuf>,
    count: usize,
}

impl Source for Saved {
    fn told(&mut self, message: &FromServer, now_ms: f64) {
        self.source.told(message, now_ms);
    }

    fn shown(&mut self, now_ms: f64) -> Option<Shown> {
        self.source.shown(now_ms)
    }

    fn shows_at(&self) -> Option<f64> {
        self.source.shows_at()
    }

    fn frame(&mut self, now_ms: f64) -> Result<Option<Vec<u8>>, SourceError> {
        let frame = self.source.frame(now_ms)?;
        self.count += 1;
        if let (Some(folder), Some(jpeg)) = (&self.folder, &frame) {
            let file = folder.join(format!("{:04}.jpg", self.count));
            std::fs::write(file, jpeg).map_err(|error| SourceError(error.to_string()))?;
        }
        Ok(frame)
    }
}

async fn play(address: &Address, token: &str, words: &str, people: &[Person]) -> Result<(), Box<dyn Error>> {
    let has = |wanted: &str| words.split_whitespace().any(|word| word == wanted);
    let value = |name: &str| {
        words.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
    };
    let conditions = Conditions {
        seed: value("seed").map_or(Ok(1), |seed| seed.parse())?,
        ambient_lux: value("ambient").map_or(Ok(150.0), |lux| lux.parse())?,
        screen: if has("phone") { ScreenKind::Phone } else { ScreenKind::Laptop },
        ..Conditions::default()
    };
    let subject = subject(value("subject").as_deref().unwrap_or("live"))?;
    let performer = Performer::new(Scene::new(people, subject, conditions)?);
    let folder = std::env::var_os("SAVE").map(PathBuf::from);
    let mut source = Recorder::new(Saved { source: Acted::new(performer), folder, count: 0 });
    let attack = value("attack").map(|name| {
        let known = Attack::ALL.into_iter().find(|attack| format!("{attack:?}") == name);
        known.ok_or(format!("unknown attack {name}"))
    });
    let attack = attack.transpose()?;
    let mut tamper: Box<dyn Tamper> = attack.map_or(Box::new(Honest), |attack| Box::new(attack.attacker()));
    let device = Device {
        without_light: has("without-light"),
        slow: has("slow"),
        reference: value("reference").map(std::fs::read).transpose()?,
        ..Device::default()
    };
    let way = if has("requests") { Way::Requests } else { Way::Socket };
    let client = Client::new(address.clone(), token).by(way).with_verify(has("verify")).with_device(device);
    let pace = RealTime::new();
    let outcome = client.capture(&mut source, &mut *tamper, &pace).await;
    let took = pace.now_ms();
    let mut out = std::io::stdout();
    for (at, message) in &source.told {
        let said = match message {
            FromServer::Step(step) => format!("step {} {}", step.step, told(&step.prompt)),
            FromServer::Hint { hint } => format!("hint {hint:?}"),
            FromServer::Finish => "finish".to_owned(),
            FromServer::Ready(_) | FromServer::Result(_) | FromServer::Error(_) => continue,
        };
        writeln!(out, "  {:6.2} {said}", at / 1_000.0)?;
    }
    match (&outcome, attack) {
        (Ok(outcome), None) => writeln!(
            out,
            "-> {:?} {:?} own digest {} frames {} took {:.1} s left {} {:?} aside {:?}",
            outcome.status,
            outcome.code,
            outcome.is_own_digest,
            outcome.frames,
            took / 1_000.0,
            outcome.remaining_attempts,
            outcome.response,
            outcome.aside
        )?,
        (Ok(outcome), Some(attack)) => writeln!(
            out,
            "-> {attack:?}: {:?} {:?} frames {} took {:.1} s; expected {:?} aside {:?}",
            outcome.status,
            outcome.code,
            outcome.frames,
            took / 1_000.0,
            attack.comes(),
            outcome.aside
        )?,
        (Err(error), _) => {
            writeln!(
                out,
                "-> {error} (took {:.1} s) {:?}",
                took / 1_000.0,
                attack.map(|attack| (attack, attack.comes()))
            )?;
        }
    }
    Ok(())
}

fn told(prompt: &Prompt) -> String {
    match prompt {
        Prompt::Settle { oval, colours } => format!(
            "settle {:.2},{:.2} {:.2}x{:.2} colours {}",
            oval.x,
            oval.y,
            oval.width,
            oval.height,
            colours.is_some()
        ),
        Prompt::Light { colour, milliseconds } => format!("light {colour} {milliseconds} ms"),
        Prompt::Near { .. } => "near".to_owned(),
        Prompt::Turn { direction } => format!("turn {direction:?}"),
        Prompt::Hold { milliseconds } => format!("hold {milliseconds} ms"),
    }
}

//! Renders a capture with every subject and writes a contact sheet and single frames of each as PNG, with the truth of
//! each frame in a table beside them, and says how long a frame takes.
//!
//! `contact_sheets FOLDER PHOTO POINTS [PHOTO POINTS]`: POINTS are ten numbers separated by commas, x and y in pixels of the
//! left eye, the right eye, the nose tip and the left and right corner of the mouth in the photo. The second person is for
//! subjects that show two. `ONLY=live,screen` chooses subjects, `SEED=7` another lot, `DRIFT=0.7` automatic exposure.

use image::{RgbImage, imageops};
use likeness_renderer::{
    BendAxis, Colour, Conditions, Cover, Direction, Landmarks, Oval, Performer, Person, Photo, Prompt, QUALITY,
    RgbFrame, Scene, ScreenKind, Subject, jpeg, recorded_prompts,
};
use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

const FRAMES_A_SECOND: usize = 10;
const SECONDS: usize = 18;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, rest @ ..] = &arguments[..] else {
        return Err("give a folder, and a photo with ten numbers for each person".into());
    };
    let people = rest.chunks_exact(2).map(|pair| person(&pair[0], &pair[1])).collect::<Result<Vec<_>, _>>()?;
    let only = std::env::var("ONLY").unwrap_or_default();
    let number = |name: &str, usual: f64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let conditions = Conditions {
        seed: number("SEED", 1.0) as u64,
        exposure_drift: number("DRIFT", 0.0) as f32,
        white_balance_drift: number("DRIFT", 0.0) as f32,
        screen: if number("PHONE", 0.0) > 0.0 { ScreenKind::Phone } else { ScreenKind::Laptop },
        ..Conditions::default()
    };
    for (name, subject) in subjects() {
        if !only.is_empty() && !only.split(',').any(|wanted| wanted == name) {
            continue;
        }
        let needs_two = matches!(subject, Subject::Swap { .. } | Subject::TwoFaces);
        if people.len() < 2 && needs_two {
            continue;
        }
        let start = Instant::now();
        let performer = Performer::new(Scene::new(&people, subject, conditions.clone())?);
        let preparing = start.elapsed().as_secs_f64() * 1_000.0;
        clip(Path::new(folder), name, performer, preparing)?;
    }
    Ok(())
}

fn subjects() -> Vec<(&'static str, Subject)> {
    let recorded = || recorded_prompts(99);
    vec![
        ("live", Subject::Live),
        ("print", Subject::FlatPrint),
        ("bowed", Subject::BowedPrint { sagitta_mm: 40.0, axis: BendAxis::Upright }),
        ("sheet_in", Subject::SheetIn { at_ms: 6_000.0 }),
        ("screen", Subject::Screen),
        ("replay", Subject::Replay { recorded: recorded() }),
        ("still", Subject::StillFile),
        ("recorded", Subject::RecordedFile { recorded: recorded() }),
        ("swap", Subject::Swap { at_ms: 6_000.0 }),
        ("two", Subject::TwoFaces),
        ("nobody", Subject::NoFace),
        ("mask", Subject::Covered(Cover::Mask)),
        ("sunglasses", Subject::Covered(Cover::Sunglasses)),
        ("dark", Subject::Dark),
        ("off_centre", Subject::OffCentre),
        ("too_far", Subject::TooFar),
    ]
}

fn person(photo: &str, points: &str) -> Result<Person, Box<dyn Error>> {
    let picture = image::open(photo)?.to_rgb8();
    let numbers = points.split(',').map(|number| number.trim().parse()).collect::<Result<Vec<f32>, _>>()?;
    let points: Vec<[f32; 2]> = numbers.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
    let points: [[f32; 2]; 5] = points.try_into().map_err(|_| "give five points")?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let photo = Photo { width, height, rgb: picture.as_raw() };
    let start = Instant::now();
    let person = Person::new(photo, &Landmarks::new(points), 1)?;
    writeln!(std::io::stdout(), "a head in {:.0} ms", start.elapsed().as_secs_f64() * 1_000.0)?;
    Ok(person)
}

/// What the page shows, and when.
fn prompts() -> Vec<(f64, Prompt)> {
    let oval = Oval { x: 0.5, y: 0.5, width: 0.32, height: 0.58 };
    let nearer = Oval { x: 0.5, y: 0.5, width: 0.43, height: 0.78 };
    let settle = Prompt::Settle { oval, colours: vec![(Colour::WHITE, 500.0), (Colour::BLACK, 500.0)] };
    let mut prompts = vec![(0.0, settle)];
    let colours = [[255, 90, 90], [0, 255, 0], [0, 0, 255], [255, 255, 0], [255, 0, 255]];
    for (number, [red, green, blue]) in colours.into_iter().enumerate() {
        prompts.push((1_600.0 + 500.0 * number as f64, Prompt::Light { colour: Colour::new(red, green, blue) }));
    }
    let turns = [Direction::Left, Direction::Right, Direction::Up, Direction::Down];
    for (number, direction) in turns.into_iter().enumerate() {
        prompts.push((4_200.0 + 2_500.0 * number as f64, Prompt::Turn { direction }));
    }
    prompts.extend([(14_200.0, Prompt::Near { oval: nearer }), (16_800.0, Prompt::Hold)]);
    prompts
}

fn clip(folder: &Path, name: &str, mut performer: Performer, preparing: f64) -> Result<(), Box<dyn Error>> {
    let single = folder.join(name);
    std::fs::create_dir_all(&single)?;
    let mut table = std::fs::File::create(folder.join(format!("{name}.tsv")))?;
    let mut waiting = prompts().into_iter().peekable();
    let (mut frames, mut rendering, mut encoding, mut bytes) = (Vec::new(), 0.0, 0.0, 0);
    for number in 0..SECONDS * FRAMES_A_SECOND {
        let at_ms = (number * 1_000 / FRAMES_A_SECOND) as f64;
        while let Some((shown_ms, prompt)) = waiting.next_if(|(shown_ms, _)| *shown_ms <= at_ms) {
            performer.show(prompt, shown_ms);
        }
        let start = Instant::now();
        let frame = performer.frame(at_ms);
        rendering += start.elapsed().as_secs_f64() * 1_000.0;
        let start = Instant::now();
        bytes += jpeg(&frame.picture, QUALITY)?.len();
        encoding += start.elapsed().as_secs_f64() * 1_000.0;
        for face in &frame.truth.faces {
            let (pose, place) = (face.pose, face.face_box);
            writeln!(
                table,
                "{number}\t{:.2}\t{:.2}\t{:.2}\t{:.0}\t{:.1}\t{:.1}\t{:.1}\t{:.1}",
                pose.yaw_degrees,
                pose.pitch_degrees,
                pose.roll_degrees,
                pose.distance_mm,
                place.left,
                place.top,
                place.width,
                place.height
            )?;
        }
        frames.push(frame.picture);
    }
    for (number, frame) in frames.iter().enumerate().step_by(3) {
        picture(frame)?.save(single.join(format!("{number:03}.png")))?;
    }
    sheet(&frames)?.save(folder.join(format!("{name}.png")))?;
    let count = frames.len() as f64;
    writeln!(
        std::io::stdout(),
        "{name}: {preparing:.0} ms to prepare, {:.2} ms a frame, {:.2} ms to encode, {:.0} KB a frame",
        rendering / count,
        encoding / count,
        bytes as f64 / count / 1_000.0
    )?;
    Ok(())
}

/// Every sixth frame, a third of its size.
fn sheet(frames: &[RgbFrame]) -> Result<RgbImage, Box<dyn Error>> {
    let (width, height, columns) = (256, 192, 6);
    let chosen: Vec<_> = frames.iter().step_by(6).collect();
    let rows = chosen.len().div_ceil(columns as usize) as u32;
    let mut sheet = RgbImage::new(width * columns, height * rows);
    for (number, frame) in chosen.into_iter().enumerate() {
        let small = imageops::resize(&picture(frame)?, width, height, imageops::FilterType::Triangle);
        let (column, row) = (number as u32 % columns, number as u32 / columns);
        imageops::replace(&mut sheet, &small, i64::from(column * width), i64::from(row * height));
    }
    Ok(sheet)
}

fn picture(frame: &RgbFrame) -> Result<RgbImage, Box<dyn Error>> {
    let (width, height) = (frame.width as u32, frame.height as u32);
    RgbImage::from_raw(width, height, frame.pixels.clone()).ok_or_else(|| "a frame without all its pixels".into())
}

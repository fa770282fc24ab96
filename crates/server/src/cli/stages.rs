//! Where the time of one photo goes, stage by stage: `likeness detect --times`.

use anyhow::Result;
use likeness_vision::{AttributeSet, Picture, Search, Stage, Trace, Vision, Wanted};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Runs of which the median is told; the first one warms caches and does not count.
const ROUNDS: usize = 9;

/// Median milliseconds of each stage of detecting all faces and describing the largest with a template, in order of
/// first use; the decoding of the photo comes first.
///
/// # Errors
/// When a network fails.
pub(crate) fn measure(
    vision: &mut Vision,
    bytes: &[u8],
    picture: &Picture,
    search: Search,
) -> Result<Vec<(String, f64)>> {
    let stopwatch = Arc::new(Mutex::new(Stopwatch::default()));
    let mut rounds: Vec<BTreeMap<String, f64>> = Vec::new();
    for round in 0..=ROUNDS {
        let begun = Instant::now();
        drop(Picture::decode(bytes, &likeness_vision::Limits::default())?);
        let decode = begun.elapsed();
        *lock(&stopwatch) = Stopwatch::default();
        vision.set_trace(Some(Box::new(Listener(stopwatch.clone()))));
        let detections = vision.detect(picture, search)?;
        if let Some(largest) = detections.first() {
            let wanted = Wanted { landmarks: false, attributes: AttributeSet::empty(), template: true };
            vision.describe(picture, largest, wanted)?;
        }
        vision.set_trace(None);
        if round > 0 {
            let mut spent: BTreeMap<String, f64> = BTreeMap::new();
            spent.insert("Decode".to_owned(), milliseconds(decode));
            for (stage, time) in &lock(&stopwatch).spent {
                spent.insert(stage.clone(), milliseconds(*time));
            }
            rounds.push(spent);
        }
    }
    let mut names = vec!["Decode".to_owned()];
    names.extend(lock(&stopwatch).order.iter().cloned());
    Ok(names
        .into_iter()
        .map(|name| (name.clone(), median(rounds.iter().map(|round| round.get(&name).copied().unwrap_or(0.0)))))
        .collect())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Time spent in each stage of one round.
#[derive(Default)]
struct Stopwatch {
    running: Option<(String, Instant)>,
    spent: BTreeMap<String, Duration>,
    order: Vec<String>,
}

struct Listener(Arc<Mutex<Stopwatch>>);

impl Trace for Listener {
    fn enter(&mut self, stage: Stage) {
        let now = Instant::now();
        let mut watch = lock(&self.0);
        if let Some((name, begun)) = watch.running.take() {
            *watch.spent.entry(name).or_default() += now - begun;
        }
        if stage != Stage::Idle {
            let name = format!("{stage:?}");
            if !watch.order.contains(&name) {
                watch.order.push(name.clone());
            }
            watch.running = Some((name, now));
        }
    }
}

fn lock(watch: &Mutex<Stopwatch>) -> std::sync::MutexGuard<'_, Stopwatch> {
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}

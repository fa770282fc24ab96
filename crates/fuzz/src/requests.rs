//! What a request brings: addresses, bodies, query strings; and what a download brings.

use crate::{Target, text};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use likeness_api::fuzz_targets;
use std::io::{Result, Write};

pub(crate) const TARGETS: &[Target] = &[
    Target::of("json", fuzz_targets::json),
    Target::of("target_face", |input| fuzz_targets::target_face(&text(input))),
    Target::of("query", |input| fuzz_targets::query(&text(input))),
    Target::of("report", |input| fuzz_targets::report(&text(input))),
    Target::of("path", |input| fuzz_targets::path(&text(input))),
    Target::of("place", |input| fuzz_targets::place(&text(input))),
    Target::of("limited", fuzz_targets::limited),
    Target::of("address", likeness_service::fuzz_targets::address),
    Target::with("encoding", likeness_service::fuzz_targets::encoding, compressed),
];

/// Small downloads in the encodings that we have writers of; those with brotli are files.
fn compressed() -> Vec<Vec<u8>> {
    let content = b"a picture, a picture, a picture; and then something else".repeat(3);
    let level = Compression::default();
    let packed = || -> Result<[(&str, Vec<u8>); 4]> {
        let mut gzip = GzEncoder::new(Vec::new(), level);
        gzip.write_all(&content)?;
        let gzip = gzip.finish()?;
        let mut zlib = ZlibEncoder::new(Vec::new(), level);
        zlib.write_all(&content)?;
        let mut raw = DeflateEncoder::new(Vec::new(), level);
        raw.write_all(&gzip)?;
        let twice = [gzip.clone(), gzip.clone()].concat();
        Ok([("gzip", gzip), ("deflate", zlib.finish()?), ("gzip, deflate", raw.finish()?), ("x-gzip", twice)])
    };
    let packed = packed().expect("a vector takes all that is written");
    packed.into_iter().map(|(header, bytes)| [header.as_bytes(), b"\n", &bytes].concat()).collect()
}

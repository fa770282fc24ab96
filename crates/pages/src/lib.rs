//! The web pages, built by `web/` and carried inside the executable.
//!
//! Start at [`find`]. This crate knows which files there are, how they are encoded and what they hash to; it knows
//! nothing of HTTP, of who asks, or of what the pages do. A build without the pages (`scripts/web` was not run) is a
//! build in which nothing is found; whoever serves says so.

use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;

/// What `web/` builds. Embedded in every profile, so that tests see what users get.
#[derive(RustEmbed)]
#[folder = "../../web/dist/"]
#[allow_missing = true]
struct Built;

/// One file of the pages.
#[derive(Clone, Debug)]
pub struct File {
    /// Its bytes, encoded as [`File::encoding`] says.
    pub bytes: Cow<'static, [u8]>,
    /// What it is, for `Content-Type`.
    pub media_type: &'static str,
    /// How it is compressed, for `Content-Encoding`; `None` where it is not.
    pub encoding: Option<&'static str>,
    /// Names the bytes: equal tags, equal bytes. With the quotes that `ETag` wants.
    pub tag: String,
    /// Whether the name changes with the content, so that a browser may keep it for ever.
    pub is_immutable: bool,
}

/// Encodings that the build writes beside a file, best first, with the ending of the file's name.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// Finds a file by its path below the root, such as `index.html` or `assets/studio-1a2b.js`. `accepts` says whether the
/// reader understands an encoding.
pub fn find(path: &str, accepts: impl Fn(&str) -> bool) -> Option<File> {
    let media_type = media_type(path)?;
    let is_immutable = path.starts_with("assets/");
    let file = |found: EmbeddedFile, encoding: Option<&'static str>| File {
        tag: format!("\"{}\"", hex::encode(&found.metadata.sha256_hash()[..16])),
        bytes: found.data,
        media_type,
        encoding,
        is_immutable,
    };
    for (encoding, ending) in ENCODINGS {
        if accepts(encoding)
            && let Some(found) = Built::get(&format!("{path}{ending}"))
        {
            return Some(file(found, Some(encoding)));
        }
    }
    Built::get(path).map(|found| file(found, None))
}

/// The kinds of files that the build makes; others are not served, compressed twins among them.
fn media_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "webmanifest" => "application/manifest+json",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_build_is_found() {
        for path in ["", "../Cargo.toml", "assets/../../Cargo.toml", "/etc/passwd", "index.html.br", "nothing.js"] {
            assert!(find(path, |_| true).is_none(), "{path}");
        }
    }

    #[test]
    fn a_reader_without_encodings_gets_plain_bytes() {
        // Holds in a build without pages too; what the pages are is tested in a browser.
        assert!(find("index.html", |_| false).is_none_or(|file| file.encoding.is_none()));
    }
}

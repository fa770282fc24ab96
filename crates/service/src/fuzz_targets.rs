//! The parsers of what downloads bring and of templates by themselves, for fuzzing: each says whether it took its input.
//! Nothing here is part of the program's interface.

use crate::fetch::{check, encoding, location, server_of};
use crate::templates;
use encoding::Encoding;
use likeness_base::Secret;
use likeness_gallery::Space;
use reqwest::Url;
use reqwest::header::HeaderValue;

/// Bytes that a download may unpack to.
const MOST_BYTES: usize = 64 * 1024;

/// A compressed download: `Content-Encoding` in the first line, then the bytes.
pub fn encoding(bytes: &[u8]) -> bool {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (header, packed) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    let Ok(header) = HeaderValue::from_bytes(header) else { return false };
    let Some(encodings) = Encoding::read([&header]) else { return false };
    let Ok(unpacked) = encoding::unpack(Secret::new(packed.to_vec()), &encodings, MOST_BYTES) else { return false };
    assert!(encodings.is_empty() || unpacked.expose().len() <= MOST_BYTES, "more than is allowed");
    true
}

/// The address of a picture in the first line, then a `Location` for each redirect.
pub fn address(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let Ok(mut address) = Url::parse(&first) else { return false };
    for line in lines {
        if check(&address, false).is_err() {
            return false;
        }
        let Some(location) = HeaderValue::from_bytes(line).ok().as_ref().and_then(location) else { return false };
        let Ok(next) = address.join(&location) else { return false };
        address = next;
    }
    check(&address, false).is_ok() && !server_of(&address).is_empty()
}

/// A template as it is stored, which then serves as the centre of a space and as what is looked for there.
pub fn template(bytes: &[u8]) -> bool {
    let dimension = bytes.len() / 4;
    let Some(template) = templates::decode(bytes, dimension) else { return false };
    assert_eq!(templates::encode(template.expose()).expose(), bytes, "it does not come back");
    let Ok(space) = Space::new(dimension, template.expose()) else { return false };
    drop(space.probe(template.expose()));
    Space::new(dimension, &[]).is_ok_and(|space| {
        drop(space.probe(template.expose()));
        true
    })
}

//! Content encodings: answers that servers compress although nobody asked.
//!
//! Start at [`unpack`]. Every step is bounded: no step writes more than is allowed in the end, so a bomb costs no more
//! than a large picture, and only a few encodings may lie on top of each other.

use flate2::{Decompress, FlushDecompress, Status};
use likeness_base::Secret;
use reqwest::header::HeaderValue;
use std::io::Read;

/// Encodings on top of each other. Two occur, where a proxy compresses what was compressed.
const MOST_ENCODINGS: usize = 4;
/// What `brotli` reads at once.
const PIECE_BYTES: usize = 16 * 1024;
/// How a member of a gzip stream begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// One encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Gzip,
    /// Of zlib's form as the standard has it, or without that, as some servers send it.
    Deflate,
    Brotli,
}

/// Why something cannot be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undecodable {
    TooLarge,
    Damaged,
}

impl Encoding {
    /// The encodings that the headers name, in the order in which they were applied. `None`: one that we do not read,
    /// or too many.
    pub(crate) fn read<'h>(values: impl IntoIterator<Item = &'h HeaderValue>) -> Option<Vec<Self>> {
        let mut encodings = Vec::new();
        for value in values {
            for name in value.to_str().ok()?.split(',') {
                match name.trim().to_ascii_lowercase().as_str() {
                    "" | "identity" => {}
                    "gzip" | "x-gzip" => encodings.push(Self::Gzip),
                    "deflate" => encodings.push(Self::Deflate),
                    "br" => encodings.push(Self::Brotli),
                    _ => return None,
                }
            }
        }
        (encodings.len() <= MOST_ENCODINGS).then_some(encodings)
    }
}

/// Takes the encodings off again, the last that was applied first.
///
/// # Errors
/// [`Undecodable`], see its variants.
pub(crate) fn unpack(
    bytes: Secret<Vec<u8>>,
    encodings: &[Encoding],
    most: usize,
) -> Result<Secret<Vec<u8>>, Undecodable> {
    encodings.iter().rev().try_fold(bytes, |bytes, encoding| {
        let packed = bytes.expose().as_slice();
        let mut room = Room::of(most);
        match encoding {
            Encoding::Gzip => gunzip(packed, &mut room)?,
            Encoding::Deflate => {
                // A stream without zlib's form may begin like one with it.
                if !looks_like_zlib(packed) || inflate(packed, true, &mut room) == Err(Undecodable::Damaged) {
                    room = Room::of(most);
                    inflate(packed, false, &mut room)?;
                }
            }
            Encoding::Brotli => room.fill(brotli_decompressor::Decompressor::new(packed, PIECE_BYTES))?,
        }
        room.done()
    })
}

/// What is unpacked: one buffer that never grows, since a buffer that grows leaves unwiped copies behind. It has a byte
/// more than is allowed, by which too much is seen.
struct Room {
    bytes: Secret<Vec<u8>>,
    most: usize,
}

impl Room {
    fn of(most: usize) -> Self {
        Self { bytes: Secret::new(Vec::with_capacity(most + 1)), most }
    }

    /// Reads a decoder to its end, or to the brim.
    fn fill(&mut self, decoder: impl Read) -> Result<(), Undecodable> {
        let left = self.most + 1 - self.bytes.expose().len();
        let read = decoder.take(left as u64).read_to_end(self.bytes.expose_mut());
        read.map_err(|_| Undecodable::Damaged)?;
        self.check()
    }

    fn check(&self) -> Result<(), Undecodable> {
        if self.bytes.expose().len() > self.most { Err(Undecodable::TooLarge) } else { Ok(()) }
    }

    fn done(self) -> Result<Secret<Vec<u8>>, Undecodable> {
        self.check().map(|()| self.bytes)
    }
}

/// One member after the other; what follows the last and is none is passed over, as `gzip` does.
fn gunzip(packed: &[u8], room: &mut Room) -> Result<(), Undecodable> {
    let mut rest = packed;
    loop {
        let mut decoder = flate2::bufread::GzDecoder::new(rest);
        room.fill(&mut decoder)?;
        rest = decoder.into_inner();
        if !rest.starts_with(&GZIP) {
            return Ok(());
        }
    }
}

/// By hand, because the library's reader takes a stream that is cut off for one that has ended.
fn inflate(packed: &[u8], has_zlib_form: bool, room: &mut Room) -> Result<(), Undecodable> {
    let mut decoder = Decompress::new(has_zlib_form);
    loop {
        let before = (decoder.total_in(), decoder.total_out());
        let rest = usize::try_from(before.0).ok().and_then(|read| packed.get(read..)).unwrap_or_default();
        let status = decoder.decompress_vec(rest, room.bytes.expose_mut(), FlushDecompress::None);
        room.check()?;
        match status.map_err(|_| Undecodable::Damaged)? {
            Status::StreamEnd => return Ok(()),
            Status::Ok | Status::BufError if before == (decoder.total_in(), decoder.total_out()) => {
                return Err(Undecodable::Damaged);
            }
            Status::Ok | Status::BufError => {}
        }
    }
}

/// By the two bytes in front: the method, and that they are a multiple of 31.
fn looks_like_zlib(packed: &[u8]) -> bool {
    let Some(&[method, flags]) = packed.first_chunk() else { return false };
    method & 0x0f == 8 && u16::from_be_bytes([method, flags]).is_multiple_of(31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use std::io::Write;

    /// "likeness " a hundred times, packed by the encoder that Node brings (`zlib.brotliCompressSync`).
    const BROTLI: &[u8] = &[
        0x1b, 0x83, 0x03, 0xf8, 0x1d, 0xa9, 0x53, 0x9f, 0xbb, 0x70, 0x95, 0xc6, 0x96, 0x6b, 0x6e, 0x73, 0x59, 0x06,
        0x32, 0x17, 0xbd, 0x05, 0x03, 0x6b, 0x46, 0x3e,
    ];

    fn text() -> Vec<u8> {
        b"likeness ".repeat(100)
    }

    fn packed(text: &[u8], encoding: Encoding, has_zlib_form: bool) -> Vec<u8> {
        let best = Compression::best();
        match (encoding, has_zlib_form) {
            (Encoding::Gzip, _) => {
                let mut encoder = GzEncoder::new(Vec::new(), best);
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            (_, true) => {
                let mut encoder = ZlibEncoder::new(Vec::new(), best);
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            (_, false) => {
                let mut encoder = DeflateEncoder::new(Vec::new(), best);
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    fn unpacked(bytes: &[u8], encodings: &[Encoding], most: usize) -> Result<Vec<u8>, Undecodable> {
        unpack(Secret::new(bytes.to_vec()), encodings, most).map(|bytes| bytes.expose().clone())
    }

    #[test]
    fn names_in_any_letter_case_and_in_order() {
        use Encoding::{Brotli, Deflate, Gzip};
        let cases: [(&[&'static str], Option<Vec<Encoding>>); 9] = [
            (&[], Some(vec![])),
            (&["identity"], Some(vec![])),
            (&["GZip"], Some(vec![Gzip])),
            (&["x-gzip, Identity"], Some(vec![Gzip])),
            (&["deflate , br"], Some(vec![Deflate, Brotli])),
            (&["gzip", "br"], Some(vec![Gzip, Brotli])),
            (&["zstd"], None),
            (&["gzip,gzip,gzip,gzip,gzip"], None),
            (&[",,"], Some(vec![])),
        ];
        for (names, expected) in cases {
            let values: Vec<HeaderValue> = names.iter().map(|name| HeaderValue::from_static(name)).collect();
            assert_eq!(Encoding::read(&values), expected, "{names:?}");
        }
    }

    #[test]
    fn every_encoding_alone_and_on_top_of_another() {
        let (gzip, zlib, raw) = (
            packed(&text(), Encoding::Gzip, false),
            packed(&text(), Encoding::Deflate, true),
            packed(&text(), Encoding::Deflate, false),
        );
        let two_members =
            [packed(&text()[..450], Encoding::Gzip, false), packed(&text()[450..], Encoding::Gzip, false)];
        let cases: [(&str, Vec<u8>, &[Encoding]); 7] = [
            ("gzip", gzip.clone(), &[Encoding::Gzip]),
            ("zlib", zlib, &[Encoding::Deflate]),
            ("raw", raw, &[Encoding::Deflate]),
            ("brotli", BROTLI.to_vec(), &[Encoding::Brotli]),
            ("two members", two_members.concat(), &[Encoding::Gzip]),
            ("zeros behind", [gzip.clone(), vec![0; 8]].concat(), &[Encoding::Gzip]),
            ("gzip in deflate", packed(&gzip, Encoding::Deflate, true), &[Encoding::Gzip, Encoding::Deflate]),
        ];
        for (name, bytes, encodings) in cases {
            assert_eq!(unpacked(&bytes, encodings, 900), Ok(text()), "{name}");
            assert_eq!(unpacked(&bytes, encodings, 899), Err(Undecodable::TooLarge), "{name}, a byte less");
        }
    }

    #[test]
    fn what_is_cut_off_or_changed_is_damaged() {
        let streams = [
            (packed(&text(), Encoding::Gzip, false), Encoding::Gzip),
            (packed(&text(), Encoding::Deflate, true), Encoding::Deflate),
            (packed(&text(), Encoding::Deflate, false), Encoding::Deflate),
            (BROTLI.to_vec(), Encoding::Brotli),
        ];
        for (bytes, encoding) in streams {
            for length in 0..bytes.len() {
                let cut = unpacked(&bytes[..length], &[encoding], 900);
                assert_eq!(cut, Err(Undecodable::Damaged), "{encoding:?}, {length} bytes");
            }
        }
        assert_eq!(unpacked(b"no stream at all", &[Encoding::Gzip], 900), Err(Undecodable::Damaged));
    }

    #[test]
    fn a_bomb_writes_no_more_than_is_allowed() {
        let bomb = packed(&vec![0; 50_000_000], Encoding::Gzip, false);
        assert!(bomb.len() < 100_000);
        let twice = packed(&bomb, Encoding::Gzip, false);
        for (bytes, encodings) in [(bomb, &[Encoding::Gzip][..]), (twice, &[Encoding::Gzip, Encoding::Gzip])] {
            assert_eq!(unpacked(&bytes, encodings, 1_000_000), Err(Undecodable::TooLarge));
        }
    }
}

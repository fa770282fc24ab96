//! The table of variants: files that common tools write and files that none does, each compared with a second decoder, and
//! those that are refused, by name.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use likeness_specimens::bmp::Bmp;
use likeness_specimens::jpeg::{self, End, Jpeg, Process};
use likeness_specimens::png::{self, Png};
use likeness_vision::{DecodeError, Limits, Picture};

/// How far two decoders may be apart, in levels: they round differently, and no more.
const MEAN: f64 = 2.0;
const LARGEST: u8 = 16;

/// One row of the table: its name, the file, and a file that must look the same to the second decoder.
struct Case {
    name: String,
    file: Vec<u8>,
    expected: Expected,
}

enum Expected {
    /// As the second decoder has the file itself.
    Same,
    /// As the second decoder has another file: one that is whole, say.
    Like(Vec<u8>),
    /// As this function drew it, for what the second decoder refuses: RGB of a pixel.
    Drawn(u32, u32, fn(u32, u32) -> [u8; 3]),
}

fn case(name: impl Into<String>, file: Vec<u8>) -> Case {
    Case { name: name.into(), file, expected: Expected::Same }
}

/// Smooth, with an edge, and different in every corner. In YCbCr the colours stay within what RGB can show.
fn draw(channel: usize, x: u32, y: u32) -> u8 {
    let (x, y) = (x as f32, y as f32);
    let wave = |across: f32, down: f32| ((x * across).sin() + (y * down).cos()) * 0.5;
    let value = match channel {
        0 => 128.0 + 60.0 * wave(0.35, 0.27) + if x > y { 25.0 } else { 0.0 },
        1 => 128.0 + 26.0 * wave(0.11, 0.15),
        2 => 132.0 + 24.0 * wave(0.14, 0.09),
        _ => 90.0 + 50.0 * wave(0.2, 0.2),
    };
    value as u8
}

/// So smooth that fewer samples lose little of it.
fn draw_smoothly(channel: usize, x: u32, y: u32) -> u8 {
    let level = [(60.0, 0.6, 0.9), (110.0, 0.3, 0.2), (140.0, -0.2, -0.25)][channel];
    (level.0 + level.1 * x as f32 + level.2 * y as f32).round() as u8
}

/// The same in RGB.
fn drawn_smoothly(x: u32, y: u32) -> [u8; 3] {
    let [luma, blue, red] = [0, 1, 2].map(|channel| f32::from(draw_smoothly(channel, x, y)));
    let (blue, red) = (blue - 128.0, red - 128.0);
    [luma + 1.402 * red, luma - 0.344_136 * blue - 0.714_136 * red, luma + 1.772 * blue].map(|value| value as u8)
}

/// Says that a test was skipped, where `make test` collects it.
#[expect(clippy::print_stdout, reason = "a skip is told to whoever watches the tests")]
fn skip(test: &str, why: &str) {
    let line = format!("{test}: {why}");
    println!("SKIPPED {line}");
    if let Some(file) = std::env::var_os("LIKENESS_SKIPPED") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
        writeln!(file, "{line}").unwrap();
    }
}

/// What Pillow makes of the files, in one process; `None` and a message where there is no Pillow.
fn second_decoder(test: &str, files: &[&[u8]]) -> Option<Vec<(u32, u32, Vec<u8>)>> {
    let has_pillow = |python: &&str| {
        let status = Command::new(python).args(["-c", "import PIL"]).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    // Debian's package is for Debian's Python, which need not be the first on the path.
    let Some(python) = ["python3", "/usr/bin/python3"].into_iter().find(has_pillow) else {
        skip(test, "the second decoder (Pillow, Debian's python3-pil) is not installed");
        return None;
    };
    let mut child = Command::new(python)
        .args(["-c", include_str!("second_decoder.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It reads everything before it writes anything.
    let mut input = child.stdin.take().unwrap();
    for file in files {
        input.write_all(&u32::try_from(file.len()).unwrap().to_be_bytes()).unwrap();
        input.write_all(file).unwrap();
    }
    drop(input);
    let mut output = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
    assert!(child.wait().unwrap().success(), "the second decoder failed");
    let mut rest = output.as_slice();
    let mut pictures = Vec::new();
    for _ in files {
        let (head, behind) = rest.split_at(8);
        let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap());
        let (width, height) = (number(0), number(4));
        let (pixels, behind) = behind.split_at(width as usize * height as usize * 3);
        pictures.push((width, height, pixels.to_vec()));
        rest = behind;
    }
    Some(pictures)
}

/// Compares every row and reports all that are wrong. What the second decoder refuses must be expected otherwise.
fn compare(test: &str, cases: &[Case]) {
    let files: Vec<&[u8]> = cases
        .iter()
        .map(|case| if let Expected::Like(other) = &case.expected { other.as_slice() } else { &case.file })
        .collect();
    let Some(pictures) = second_decoder(test, &files) else { return };
    let mut wrong = Vec::new();
    for (case, (width, height, pixels)) in cases.iter().zip(pictures) {
        let (width, height, expected) = match case.expected {
            Expected::Drawn(width, height, draw) => {
                let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
                (width, height, places.flat_map(|(x, y)| draw(x, y)).collect())
            }
            _ => (width, height, pixels),
        };
        let name = &case.name;
        match Picture::decode(&case.file, &Limits::default()) {
            _ if width == 0 => wrong.push(format!("{name}: the second decoder refuses it")),
            Err(error) => wrong.push(format!("{name}: {error}")),
            Ok(picture) if (picture.width(), picture.height()) != (width, height) => {
                wrong.push(format!("{name}: {picture:?} for {width} x {height}"));
            }
            Ok(picture) => {
                let apart: Vec<u8> = picture.pixels().iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).collect();
                let mean = apart.iter().map(|apart| f64::from(*apart)).sum::<f64>() / apart.len() as f64;
                let largest = apart.iter().max().copied().unwrap_or(0);
                if mean > MEAN || largest > LARGEST {
                    wrong.push(format!("{name}: {mean:.2} levels apart in the mean, {largest} at most"));
                }
            }
        }
    }
    let shown: Vec<&String> = wrong.iter().take(40).collect();
    assert!(wrong.is_empty(), "{} of {} variants: {shown:#?}", wrong.len(), cases.len());
}

/// What cameras and tools use.
const USUAL: [[(u8, u8); 3]; 8] = [
    [(1, 1), (1, 1), (1, 1)],
    [(2, 1), (1, 1), (1, 1)],
    [(2, 2), (1, 1), (1, 1)],
    [(1, 2), (1, 1), (1, 1)],
    [(4, 1), (1, 1), (1, 1)],
    [(4, 2), (1, 1), (1, 1)],
    [(2, 2), (2, 1), (2, 1)],
    [(2, 2), (2, 2), (2, 2)],
];

const PROCESSES: [Process; 3] = [Process::Baseline, Process::Extended, Process::Progressive];

#[test]
fn jpeg_of_every_width_and_height_to_64() {
    let mut cases = Vec::new();
    for sampling in USUAL {
        for process in PROCESSES {
            for width in 1..=64 {
                // Every height comes once too, beside another width in every row.
                let height = width * 37 % 64 + 1;
                let mut file = Jpeg::new(width, height, &sampling);
                file.process = process;
                if sampling[0] == (2, 2) && sampling[1] == (2, 2) {
                    file.scans = vec![vec![0], vec![1], vec![2]];
                }
                cases.push(case(format!("{process:?} {sampling:?} {width} x {height}"), file.encode(draw)));
            }
        }
    }
    compare("jpeg_of_every_width_and_height_to_64", &cases);
}

#[test]
fn jpeg_of_all_sampling_factors() {
    let factors = || (1..=4_u8).flat_map(|h| (1..=4_u8).map(move |v| (h, v)));
    let mut cases = Vec::new();
    for luma in factors() {
        for blue in factors() {
            for red in factors() {
                let sampling = [luma, blue, red];
                let number = cases.len() as u16;
                let (width, height) = (number * 7 % 64 + 1, (number * 13 + number / 64) % 64 + 1);
                let mut file = Jpeg::new(width, height, &sampling);
                // A shared scan may have ten blocks in an MCU (T.81, B.2.3).
                if sampling.iter().map(|(h, v)| h * v).sum::<u8>() > 10 {
                    file.scans = vec![vec![0], vec![1], vec![2]];
                }
                let name = format!("{sampling:?} {width} x {height}");
                let is_whole = |factor: fn(&(u8, u8)) -> u8| {
                    let most = sampling.iter().map(factor).max().unwrap();
                    sampling.iter().all(|one| most.is_multiple_of(factor(one)))
                };
                // Three samples for two of another component: other decoders refuse that.
                let is_whole = is_whole(|(h, _)| *h) && is_whole(|(_, v)| *v);
                let (file, expected) = if is_whole {
                    (file.encode(draw), Expected::Same)
                } else {
                    let expected = Expected::Drawn(width.into(), height.into(), drawn_smoothly);
                    (file.encode(draw_smoothly), expected)
                };
                cases.push(Case { name, file, expected });
            }
        }
    }
    compare("jpeg_of_all_sampling_factors", &cases);
}

#[test]
fn jpeg_in_any_scans_with_restarts_and_without_an_end() {
    let together: &[&[usize]] = &[&[0, 1, 2]];
    let groups: [&[&[usize]]; 8] = [
        together,
        &[&[0], &[1], &[2]],
        &[&[2], &[0], &[1]],
        &[&[0], &[1, 2]],
        &[&[1, 2], &[0]],
        &[&[0, 1], &[2]],
        &[&[1], &[0, 2]],
        &[&[2], &[0, 1]],
    ];
    let ends = [
        End::Mark,
        End::Instead(Vec::new()),
        End::Instead(vec![0xFF]),
        End::Instead(b"trlr\x10\x20\x01\0".to_vec()),
        End::Instead(b"\xFF\xE5\xFF\xFFcamera".to_vec()),
        End::Instead(vec![0; 40]),
    ];
    let mut cases = Vec::new();
    for sampling in USUAL {
        for group in groups {
            for (number, restart) in [0, 1, 2, 5, 7, 100].into_iter().enumerate() {
                let count = cases.len() as u16;
                let (width, height) = (count * 11 % 64 + 1, count * 29 % 64 + 1);
                let mut file = Jpeg::new(width, height, &sampling);
                let is_small =
                    group.iter().all(|scan| scan.iter().map(|at| sampling[*at].0 * sampling[*at].1).sum::<u8>() <= 10);
                file.scans = if is_small { group } else { groups[1] }.iter().map(|scan| scan.to_vec()).collect();
                file.restart = restart;
                file.process = PROCESSES[usize::from(count) % 3];
                let whole = file.encode(draw);
                file.end = ends[(number + usize::from(count / 6)) % ends.len()].clone();
                let name = format!(
                    "{:?} {sampling:?} {width} x {height}, scans {:?}, restart {restart}, {:?}",
                    file.process, file.scans, file.end
                );
                cases.push(Case { name, file: file.encode(draw), expected: Expected::Like(whole) });
            }
        }
    }
    compare("jpeg_in_any_scans_with_restarts_and_without_an_end", &cases);
}

#[test]
fn jpeg_of_all_colours() {
    let mut cases = Vec::new();
    let mut add = |name: &str, sampling: &[(u8, u8)], change: &dyn Fn(&mut Jpeg)| {
        for (number, process) in PROCESSES.into_iter().enumerate() {
            for (width, height) in [(1, 1), (7, 9), (16, 16), (33, 50), (64, 17)] {
                let mut file = Jpeg::new(width, height + number as u16, sampling);
                file.process = process;
                change(&mut file);
                cases.push(case(format!("{name}, {process:?}, {width} x {height}"), file.encode(draw)));
            }
        }
    };
    for sampling in [(1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (4, 4)] {
        add(&format!("grey sampled {sampling:?}"), &[sampling], &|_| {});
    }
    let plain = [(1, 1); 3];
    add("names without JFIF", &plain, &|file| file.jfif = false);
    add("names from 0", &plain, &|file| file.names = vec![0, 1, 2]);
    add("names at random, without JFIF", &plain, &|file| (file.names, file.jfif) = (vec![7, 200, 9], false));
    add("RGB by names", &plain, &|file| (file.names, file.jfif) = (b"RGB".to_vec(), false));
    add("RGB by names, with JFIF", &plain, &|file| file.names = b"RGB".to_vec());
    add("RGB by Adobe", &plain, &|file| (file.adobe, file.jfif) = (Some(0), false));
    add("RGB by Adobe, red finer", &[(2, 2), (1, 1), (1, 1)], &|file| (file.adobe, file.jfif) = (Some(0), false));
    add("YCbCr by Adobe", &plain, &|file| (file.adobe, file.jfif) = (Some(1), false));
    add("Adobe's RGB against JFIF", &plain, &|file| file.adobe = Some(0));
    let four = [(1, 1); 4];
    add("CMYK without Adobe", &four, &|_| {});
    add("CMYK by Adobe", &four, &|file| file.adobe = Some(0));
    add("YCCK by Adobe", &four, &|file| file.adobe = Some(2));
    let coarse = [(2, 2), (1, 1), (1, 1), (2, 2)];
    add("YCCK by Adobe, 4:2:0", &coarse, &|file| file.adobe = Some(2));
    add("CMYK in separate scans", &coarse, &|file| {
        (file.adobe, file.scans) = (Some(0), vec![vec![0], vec![1], vec![3], vec![2]]);
    });
    compare("jpeg_of_all_colours", &cases);
}

#[test]
fn jpeg_that_lacks_data_is_broken_whatever_its_kind() {
    let mut wrong = Vec::new();
    for process in PROCESSES {
        for scans in [vec![vec![0, 1, 2]], vec![vec![0], vec![1], vec![2]]] {
            for restart in [0, 3] {
                let mut file = Jpeg::new(40, 30, &USUAL[2]);
                (file.process, file.scans, file.restart) = (process, scans.clone(), restart);
                let bytes = file.encode(draw);
                let name = format!("{process:?}, scans {scans:?}, restart {restart}");
                for length in (3..bytes.len() - 2).step_by(7).chain([bytes.len() - 3]) {
                    if Picture::decode(&bytes[..length], &Limits::default()).err() != Some(broken("JPEG")) {
                        wrong.push(format!("{name}: cut to {length} of {}", bytes.len()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn broken(format: &'static str) -> DecodeError {
    DecodeError::Broken { format }
}

#[test]
fn what_is_sound_and_not_read_is_named() {
    let three = [(1, 1); 3];
    let plain = Jpeg::new(20, 10, &three).encode(draw);
    let many_scans = {
        let mut file = Jpeg::new(20, 10, &three);
        file.scans = vec![vec![0, 1, 2]; 101];
        file.encode(draw)
    };
    let components = |count| Jpeg::new(20, 10, &vec![(1, 1); count]).encode(draw);
    let cases = [
        ("12 bits", jpeg::with_precision(&plain, 12), "12 bits a sample"),
        ("12 bits, extended", jpeg::named_as(&jpeg::with_precision(&plain, 12), 0xC1), "12 bits a sample"),
        ("12 bits, progressive", jpeg::named_as(&jpeg::with_precision(&plain, 12), 0xC2), "12 bits a sample"),
        ("16 bits, lossless", jpeg::named_as(&jpeg::with_precision(&plain, 16), 0xC3), "lossless"),
        ("lossless", jpeg::named_as(&plain, 0xC3), "lossless"),
        ("JPEG-LS", jpeg::named_as(&plain, 0xF7), "JPEG-LS"),
        ("arithmetic", jpeg::named_as(&plain, 0xC9), "arithmetic coding"),
        ("arithmetic, progressive", jpeg::named_as(&plain, 0xCA), "arithmetic coding"),
        ("arithmetic, lossless", jpeg::named_as(&plain, 0xCB), "lossless with arithmetic coding"),
        ("hierarchical", jpeg::with_segment(&plain, 0xDE, &[8, 0, 10, 0, 20, 1, 1, 0x11, 0]), "hierarchical"),
        ("differential", jpeg::named_as(&plain, 0xC5), "hierarchical"),
        ("differential, arithmetic", jpeg::named_as(&plain, 0xCD), "hierarchical with arithmetic coding"),
        ("DNL", jpeg::with_late_height(&plain), "a height that stands behind the picture, DNL"),
        ("two components", components(2), "two components"),
        ("five components", components(5), "more than four components"),
        ("101 scans", many_scans, "more than 100 scans"),
    ];
    for (name, file, variant) in cases {
        let error = Picture::decode(&file, &Limits::default()).unwrap_err();
        assert_eq!(error, DecodeError::Variant { format: "JPEG", variant }, "{name}");
    }
}

#[test]
fn png_of_every_kind_with_and_without_its_end() {
    let mut cases = Vec::new();
    let kinds =
        [(0, vec![1, 2, 4, 8, 16]), (2, vec![8, 16]), (3, vec![1, 2, 4, 8]), (4, vec![8, 16]), (6, vec![8, 16])];
    for (colour, depths) in kinds {
        for depth in depths {
            for interlaced in [false, true] {
                for width in (1..=64).step_by(3) {
                    let file = Png { width, height: width * 37 % 64 + 1, colour, depth, interlaced };
                    let cut = file.without_end(draw);
                    let mut whole = cut.clone();
                    png::end(&mut whole);
                    let mut torn = whole.clone();
                    torn.truncate(cut.len() + 1 + width as usize % 11);
                    let mut trailing = cut.clone();
                    trailing.extend(b"\0\0\xFF\xFFcamera's own");
                    for (end, bytes) in
                        [("whole", whole.clone()), ("no end", cut), ("half an end", torn), ("another end", trailing)]
                    {
                        let name = format!("{file:?}, {end}");
                        cases.push(Case { name, file: bytes, expected: Expected::Like(whole.clone()) });
                    }
                }
            }
        }
    }
    compare("png_of_every_kind_with_and_without_its_end", &cases);
}

/// What is left of a pixel in so many bits a channel.
fn with_bits(pixel: [u8; 4], bits: [u32; 3]) -> [u8; 4] {
    let [red, green, blue] = [0, 1, 2].map(|channel| {
        let most = (1 << bits[channel]) - 1;
        (u32::from(pixel[channel] >> (8 - bits[channel])) * 255 / most) as u8
    });
    [red, green, blue, pixel[3]]
}

#[test]
fn bmp_of_every_header_and_width() {
    let kinds = [
        (16, None),
        (16, Some([0xF800, 0x07E0, 0x001F, 0])),
        (16, Some([0x7C00, 0x03E0, 0x001F, 0x8000])),
        (24, None),
        (32, None),
        (32, Some([0x00FF_0000, 0xFF00, 0xFF, 0xFF00_0000])),
        (32, Some([0xFF00_0000, 0x00FF_0000, 0xFF00, 0xFF])),
    ];
    let alpha = |opacity: &str, x: u32, y: u32| match opacity {
        "nothing" => 0,
        "all" => 255,
        _ if (x + y).is_multiple_of(3) => 0,
        _ => 255,
    };
    let mut cases = Vec::new();
    for header in [40, 52, 56, 108, 124] {
        for (bits, masks) in kinds {
            // Only the longer headers have a place for alpha.
            let has_alpha = header >= 56 && masks.is_some_and(|masks| masks[3] != 0);
            for opacity in ["nothing", "all", "some"] {
                for (width, top_down) in [(1, false), (2, true), (13, false), (31, true), (64, false)] {
                    let file = Bmp { width, height: width * 37 % 64 + 1, bits, header, masks, top_down };
                    let pixel = |x, y| [draw(0, x, y), draw(1, x, y), draw(2, x, y), alpha(opacity, x, y)];
                    // The second decoder knows fewer kinds. An alpha plane of nothing but zeros is none.
                    let known = Bmp { bits: 32, header: 108, masks: kinds[5].1, top_down: false, ..file };
                    let known = known.encode(|x, y| {
                        let kept = match (bits, masks) {
                            (16, Some([0xF800, ..])) => [5, 6, 5],
                            (16, _) => [5, 5, 5],
                            _ => [8, 8, 8],
                        };
                        let pixel = with_bits(pixel(x, y), kept);
                        if has_alpha && opacity != "nothing" { pixel } else { [pixel[0], pixel[1], pixel[2], 255] }
                    });
                    let name = format!("{file:?}, opaque: {opacity}");
                    cases.push(Case { name, file: file.encode(pixel), expected: Expected::Like(known) });
                }
            }
        }
    }
    compare("bmp_of_every_header_and_width", &cases);
}

//! Pictures as strangers send them: every EXIF orientation, every format, and what is no picture at all.

use crate::server::{TestServer, demo, overlap};
use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat};
use likeness_specimens::jpeg::Jpeg;
use serde_json::{Value, json};
use std::io::{Cursor, Read, Write};
use std::net::TcpListener;

fn encoded(photo: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    photo.to_rgb8().write_to(&mut bytes, format).expect("an encoder");
    bytes.into_inner()
}

/// A JPEG with an EXIF segment that says how it is to be turned.
fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let length = u16::try_from(exif.len() + 2).expect("a short segment");
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend([0xff, 0xe1]);
    bytes.extend(length.to_be_bytes());
    bytes.extend(exif);
    bytes.extend(&jpeg[2..]);
    bytes
}

#[test]
fn eight_orientations_give_the_same_faces() {
    let server = TestServer::new();
    let photo = image::load_from_memory(&demo(1)).expect("a photo");
    let expected = server.detect(&encoded(&photo, ImageFormat::Jpeg));
    // How a camera would have stored the upright picture, for each value of the tag (EXIF 2.32, tag 0x0112).
    let stored: [(u8, DynamicImage); 8] = [
        (1, photo.clone()),
        (2, photo.fliph()),
        (3, photo.rotate180()),
        (4, photo.flipv()),
        (5, photo.rotate90().fliph()),
        (6, photo.rotate270()),
        (7, photo.rotate270().fliph()),
        (8, photo.rotate90()),
    ];
    for (orientation, stored) in stored {
        let faces = server.detect(&with_orientation(&encoded(&stored, ImageFormat::Jpeg), orientation));
        assert_eq!(faces.len(), expected.len(), "orientation {orientation}");
        for (face, expected) in faces.iter().zip(&expected) {
            // Compression of a turned picture differs in single pixels, so the boxes may differ by a little.
            assert!(overlap(face, expected) > 0.9, "orientation {orientation}: {face} is not {expected}");
        }
    }
}

#[test]
fn every_format_is_read_by_content() {
    let server = TestServer::new();
    let photo = image::load_from_memory(&demo(3)).expect("a photo");
    let small = photo.resize(800, 800, FilterType::Triangle);
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::Bmp] {
        let faces = server.detect(&encoded(&small, format));
        assert_eq!(faces.len(), 3, "{format:?}");
    }
}

#[test]
fn what_is_no_picture_is_refused_and_the_server_goes_on() {
    let server = TestServer::new();
    let jpeg = demo(1);
    let png = encoded(&DynamicImage::new_rgb8(64, 64), ImageFormat::Png);
    let padded = |mut bytes: Vec<u8>| {
        bytes.resize(bytes.len().max(2048), 0);
        bytes
    };
    // A PNG that claims 60,000 x 60,000 pixels in a hundred bytes.
    let mut bomb = png.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("text", b"this is no picture ".repeat(100), 400, "InvalidImage"),
        ("zeros", vec![0; 4096], 400, "InvalidImage"),
        ("PDF", padded(b"%PDF-1.7\n".to_vec()), 400, "InvalidImage"),
        ("half a photo", jpeg[..jpeg.len() / 2].to_vec(), 0, ""),
        ("a kilobyte of a photo", jpeg[..1024].to_vec(), 400, "InvalidImage"),
        ("a header that lies about the size", padded(bomb), 400, ""),
        ("empty", Vec::new(), 400, "InvalidImageSize"),
        ("1,023 bytes", jpeg[..1023].to_vec(), 400, "InvalidImageSize"),
        ("over 6 MB", padded(vec![0xff; 6 * 1024 * 1024 + 1]), 400, "InvalidImageSize"),
    ];
    for (name, bytes, status, code) in cases {
        let answer = server.picture("detect?returnFaceId=false", &bytes);
        // Half a photo may be read as far as it goes or refused; anything else would be a fault.
        if status == 0 {
            assert!(matches!((answer.status, answer.code()), (200, _) | (400, "InvalidImage")), "{name}: {answer:?}");
            continue;
        }
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        assert!(code.is_empty() || answer.code() == code, "{name}: {answer:?}");
    }
    assert_eq!(server.detect(&jpeg).len(), 3);
    // Three networks' workers and one large photo fit easily; 60,000 x 60,000 pixels would have been 10 GB.
    let peak = peak_megabytes(server.pid());
    assert!(peak < 700, "the server took {peak} MB at its peak");
}

#[test]
fn odd_and_hostile_pictures_are_read_rightly_or_refused() {
    let server = TestServer::new();
    let photo = image::load_from_memory(&demo(1)).expect("a photo").resize(960, 960, FilterType::Triangle);
    let png = |picture: DynamicImage| {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).expect("an encoder");
        // Readers stop at the end mark, so what stands behind it only makes a tiny file large enough.
        let mut bytes = bytes.into_inner();
        bytes.resize(bytes.len().max(1024), 0);
        bytes
    };
    let rgb = photo.to_rgb8();
    // Ink is what light is not.
    let inks: Vec<u8> = rgb.pixels().flat_map(|pixel| [255 - pixel[0], 255 - pixel[1], 255 - pixel[2], 0]).collect();
    let (width, height) = (u16::try_from(rgb.width()).expect("small"), u16::try_from(rgb.height()).expect("small"));
    let mut cmyk = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut cmyk, 90);
    encoder.encode(&inks, width, height, jpeg_encoder::ColorType::Cmyk).expect("an encoder");
    let mut animated = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new_with_speed(&mut animated, 30);
        let second = image::RgbaImage::new(rgb.width(), rgb.height());
        for frame in [photo.to_rgba8(), second] {
            encoder.encode_frame(image::Frame::new(frame)).expect("a frame");
        }
    }
    // Few bytes, many pixels: the most that is read, and more.
    let wide = |side: u32| png(DynamicImage::new_luma8(side, side));
    let mut beyond = wide(64);
    beyond[16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
    let cases: Vec<(&str, Vec<u8>, u16, usize)> = vec![
        ("1 x 1", png(DynamicImage::new_rgb8(1, 1)), 200, 0),
        ("1 x 2000", png(DynamicImage::new_rgb8(1, 2000)), 200, 0),
        ("16 bits a channel", png(photo.to_rgb16().into()), 200, 3),
        ("four inks", cmyk, 200, 3),
        ("animated, the first frame counts", animated, 200, 3),
        ("named otherwise than it is", encoded(&photo, ImageFormat::Bmp), 200, 3),
        ("7,000 x 7,000 pixels in some kilobytes", wide(7_000), 200, 0),
        ("20,000 x 20,000 pixels", beyond, 400, 0),
    ];
    let mut wrong = Vec::new();
    for (name, bytes, status, faces) in cases {
        let answer = server.picture("detect?returnFaceId=false", &bytes);
        let found = answer.body.as_array().map_or(0, Vec::len);
        if (answer.status, found) != (status, faces) {
            wrong.push(format!("{name}: {found} faces, {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let peak = peak_megabytes(server.pid());
    assert!(peak < 900, "the server took {peak} MB at its peak");
}

/// A photo of a large sensor: a smaller one twice as large, somewhere on a plain background.
fn of_a_large_sensor(photo: &image::RgbImage, (left, top): (u32, u32)) -> Vec<u8> {
    let (width, height) = (2 * photo.width(), 2 * photo.height());
    let mut file = Jpeg::new(12_000, 9_000, &[(2, 2), (1, 1), (1, 1)]);
    (file.step, file.detail) = (10, Some([left, top, left + width, top + height]));
    file.encode(|channel, x, y| {
        let inside = x.checked_sub(left).zip(y.checked_sub(top)).filter(|(x, y)| *x < width && *y < height);
        let Some((x, y)) = inside else { return 128 };
        // What lies between four pixels, as an eye that sees twice as finely would see it.
        let at = |place: u32, end: u32| {
            let place = (f64::from(place) + 0.5) / 2.0 - 0.5;
            let first = place.max(0.0) as u32;
            (first, (first + 1).min(end - 1), (place - f64::from(first)).max(0.0))
        };
        let ((x0, x1, across), (y0, y1, down)) = (at(x, photo.width()), at(y, photo.height()));
        let mix = |a: f64, b: f64, share: f64| a + (b - a) * share;
        let colour = |number: usize| {
            let pixel = |x, y| f64::from(photo.get_pixel(x, y)[number]);
            mix(mix(pixel(x0, y0), pixel(x1, y0), across), mix(pixel(x0, y1), pixel(x1, y1), across), down)
        };
        let [red, green, blue] = [0, 1, 2].map(colour);
        let value = match channel {
            0 => 0.299 * red + 0.587 * green + 0.114 * blue,
            1 => 128.0 - 0.168_736 * red - 0.331_264 * green + 0.5 * blue,
            _ => 128.0 + 0.5 * red - 0.418_688 * green - 0.081_312 * blue,
        };
        value.round() as u8
    })
}

#[test]
fn a_face_in_a_hundred_megapixels_is_told_where_it_is_in_them() {
    let server = TestServer::new();
    // One face of about 173 pixels; of 12,000 x 9,000 the smallest that is searched for has 300.
    let photo = image::load_from_memory(&demo(1)).expect("a photo").crop_imm(320, 300, 400, 400);
    let expected = server.detect(&encoded(&photo, ImageFormat::Png));
    let photo = photo.to_rgb8();
    assert_eq!(expected.len(), 1);
    let (left, top) = (5_000, 3_000);
    let bytes = of_a_large_sensor(&photo, (left, top));
    let answer = server.picture("detect?returnFaceId=false&returnFaceLandmarks=true", &bytes);
    let [face] = answer.body.as_array().map_or(&[][..], Vec::as_slice) else { panic!("{answer:?}") };
    let number = |name: &str| face["faceRectangle"][name].as_f64().expect("a number");
    // The same face in the photo that was enlarged.
    let small = json!({ "faceRectangle": {
        "left": (number("left") - f64::from(left)) / 2.0, "top": (number("top") - f64::from(top)) / 2.0,
        "width": number("width") / 2.0, "height": number("height") / 2.0,
    }});
    let shared = overlap(&small, &expected[0]);
    assert!(shared > 0.8, "{face} overlaps by {shared}");
    let nose = |name: &str| face["faceLandmarks"]["noseTip"][name].as_f64().expect("a number");
    let inside = |name: &str, from: &str, length: &str| (0.0..number(length)).contains(&(nose(name) - number(from)));
    assert!(inside("x", "left", "width") && inside("y", "top", "height"), "{face}");
    // A target face is given in the same pixels.
    let known = &expected[0]["faceRectangle"];
    let part = |name: &str, from: u32| 2 * known[name].as_u64().expect("a number") + u64::from(from);
    let target = format!("{},{},{},{}", part("left", left), part("top", top), part("width", 0), part("height", 0));
    assert_eq!(server.json("PUT", "facelists/l", &json!({ "name": "l" })).status, 200);
    let added = server.picture(&format!("facelists/l/persistedfaces?targetFace={target}"), &bytes);
    assert_eq!(added.status, 200, "{added:?}");
    let peak = peak_megabytes(server.pid());
    assert!(peak < 900, "the server took {peak} MB at its peak");
}

/// The peak memory of a process, in megabytes (Linux).
fn peak_megabytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is there");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("Linux tells the peak");
    line.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok()).expect("a number") / 1024
}

#[test]
fn a_picture_without_a_face_is_no_error_for_detect_and_one_for_adding() {
    let server = TestServer::new();
    let grey = DynamicImage::ImageRgb8(image::RgbImage::from_fn(640, 480, |x, y| {
        image::Rgb([(x % 256) as u8, (y % 256) as u8, 90])
    }));
    let bytes = encoded(&grey, ImageFormat::Png);
    assert_eq!(server.detect(&bytes), Vec::<Value>::new());
    assert_eq!(server.json("PUT", "facelists/l", &json!({ "name": "l" })).status, 200);
    let none = server.picture("facelists/l/persistedfaces", &bytes);
    assert_eq!((none.status, none.code()), (400, "InvalidImage"));
    let several = server.picture("facelists/l/persistedfaces", &demo(1));
    assert_eq!((several.status, several.code()), (400, "InvalidImage"));
    let outside = server.picture("facelists/l/persistedfaces?targetFace=0,0,99999,10", &demo(1));
    assert_eq!((outside.status, outside.code()), (400, "BadArgument"));
    let elsewhere = server.picture("facelists/l/persistedfaces?targetFace=0,0,8,8", &demo(1));
    assert_eq!((elsewhere.status, elsewhere.code()), (400, "InvalidImage"));
    assert_eq!(server.call("GET", "facelists/l").body["persistedFaces"], json!([]));
}

/// Serves canned HTTP answers on a port of its own, one for each connection.
pub(crate) fn remote(answers: Vec<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for answer in answers {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let mut request = [0; 2048];
            drop(stream.read(&mut request));
            drop(stream.write_all(&answer));
        }
    });
    address
}

pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n", body.len())
            .into_bytes();
    bytes.extend(body);
    bytes
}

#[test]
fn pictures_by_address() {
    let server = TestServer::with(&[("LIKENESS_ALLOW_PRIVATE_URLS", "1")]);
    let detect = |url: &str| server.json("POST", "detect?returnFaceId=false", &json!({ "url": url }));
    let good = detect(&remote(vec![answer("200 OK", "", &demo(1))]));
    assert_eq!((good.status, good.body.as_array().map(Vec::len)), (200, Some(3)), "{good:?}");
    let target = remote(vec![answer("200 OK", "", &demo(1))]);
    let moved = detect(&remote(vec![answer("302 Found", &format!("Location: {target}/photo\r\n"), b"")]));
    assert_eq!(moved.status, 200, "{moved:?}");

    let cases = [
        ("not found", remote(vec![answer("404 Not Found", "", b"no")]), "InvalidURL"),
        ("redirect to a file", remote(vec![answer("302 Found", "Location: file:///etc/hosts\r\n", b"")]), "InvalidURL"),
        ("nobody listens", "http://127.0.0.1:1/x".to_owned(), "InvalidURL"),
        ("another scheme", "ftp://127.0.0.1/x".to_owned(), "InvalidURL"),
        ("no address", "photo.jpg".to_owned(), "InvalidURL"),
        ("too small", remote(vec![answer("200 OK", "", b"tiny")]), "InvalidImageSize"),
        ("too large", remote(vec![answer("200 OK", "", &vec![0; 6 * 1024 * 1024 + 1])]), "InvalidImageSize"),
        ("no picture", remote(vec![answer("200 OK", "", &[7; 4096])]), "InvalidImage"),
    ];
    for (name, url, code) in cases {
        let answer = detect(&url);
        assert_eq!((answer.status, answer.code()), (400, code), "{name}: {answer:?}");
    }
    let without = server.json("POST", "detect", &json!({ "uri": "x" }));
    assert_eq!((without.status, without.code()), (400, "BadArgument"));
}

#[test]
fn private_addresses_are_not_fetched_from_unless_allowed() {
    let server = TestServer::new();
    for url in [
        "http://127.0.0.1:1/x",
        "http://[::1]/x",
        "http://localhost/x",
        "http://169.254.169.254/latest",
        "http://10.0.0.1/x",
    ] {
        let answer = server.json("POST", "detect", &json!({ "url": url }));
        assert_eq!((answer.status, answer.code()), (400, "InvalidURL"), "{url}");
        // Of a name it is not said whether it exists.
        let says = if url.contains("localhost") { "cannot be reached" } else { "not allowed" };
        let message = answer.body["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(says), "{url}: {answer:?}");
    }
}

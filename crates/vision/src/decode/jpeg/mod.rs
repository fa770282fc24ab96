//! JPEG: a survey of the markers, then the decoder that the file needs.

mod colour;
mod entropy;
mod plane;
mod scans;
mod survey;
mod transform;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::{DecodeError, Decoded, Limits, check_size, exif, shrink_for};
use survey::{Colours, Survey};

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, DecodeError> {
    let survey = Survey::of(bytes)?;
    // A JPEG side has 16 bits, so these conversions keep the value.
    check_size(survey.width as u32, survey.height as u32, limits)?;
    let orientation = survey.exif.and_then(exif::orientation);
    let shrunk = shrink_for(survey.width as u32, survey.height as u32)?;
    let decoded = if shrunk == 1 && is_ordinary(&survey) { decode_ordinary(bytes, &survey) } else { None };
    let decoded = decoded.or_else(|| decode_any(&survey, 8 / shrunk as usize));
    let (width, height, pixels) = decoded.ok_or(DecodeError::Broken { format: "JPEG" })?;
    let size = (survey.width as u32, survey.height as u32);
    Ok(Decoded { width, height, pixels, orientation, size, shrunk })
}

/// Whether the crate for ordinary files reads it rightly: what cameras, phones and common tools write. The table of variants
/// in `tests/it/variants.rs` says how near it comes to other decoders.
fn is_ordinary(survey: &Survey<'_>) -> bool {
    let all = survey.components.len();
    let has_one_scan = survey.scans().all(|scan| scan.parts.len() == all);
    let sampling: Vec<_> = survey.components.iter().map(|component| (component.h, component.v)).collect();
    let is_known = matches!(sampling.as_slice(), [_] | [(1, 1) | (2, 1) | (1, 2) | (2, 2), (1, 1), (1, 1)]);
    let is_plain = matches!(survey.colours, Colours::Grey | Colours::YCbCr) && !survey.hints_at_rgb;
    survey.has_end && is_plain && is_known && (survey.is_progressive || has_one_scan)
}

fn decode_ordinary(bytes: &[u8], survey: &Survey<'_>) -> Option<(usize, usize, Vec<u8>)> {
    // Not strict: cameras write harmless oddities between segments. Our own limits replace the decoder's.
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().ok()?;
    let mut pixels = vec![0; survey.width * survey.height * 3];
    let is_as_surveyed = decoder.dimensions() == Some((survey.width, survey.height))
        && decoder.output_buffer_size() == Some(pixels.len());
    (is_as_surveyed && decoder.decode_into(&mut pixels).is_ok()).then_some((survey.width, survey.height, pixels))
}

/// Decodes whatever is sound; see [`scans::decode`] for `least`.
fn decode_any(survey: &Survey<'_>, least: usize) -> Option<(usize, usize, Vec<u8>)> {
    let planes = scans::decode(survey, least)?;
    Some(colour::rgb(survey, &planes, least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use likeness_specimens::jpeg::{Jpeg, Process};

    /// The means of `by` by `by` pixels.
    fn shrunk(width: usize, height: usize, pixels: &[u8], by: usize) -> Vec<u8> {
        let mut means = Vec::new();
        for (y, x) in (0..height).step_by(by).flat_map(|y| (0..width).step_by(by).map(move |x| (y, x))) {
            for channel in 0..3 {
                let rows = y..(y + by).min(height);
                let places = rows.flat_map(|y| (x..(x + by).min(width)).map(move |x| 3 * (y * width + x) + channel));
                let (sum, count) = places.fold((0, 0), |(sum, count), at| (sum + u32::from(pixels[at]), count + 1));
                means.push((sum / count) as u8);
            }
        }
        means
    }

    #[test]
    fn a_shrunk_picture_is_the_whole_one_made_smaller() {
        // Soft waves, for what is finer than its pixels a shrunk picture shows in its own way.
        let draw = |channel: usize, x: u32, y: u32| {
            let wave = (x as f32 * 0.05).sin() + (y as f32 * 0.04 + channel as f32).cos();
            (128.0 + [45.0, 20.0, 20.0, 30.0][channel] * wave) as u8
        };
        let samplings: [&[(u8, u8)]; 8] = [
            &[(1, 1)],
            &[(1, 1), (1, 1), (1, 1)],
            &[(2, 2), (1, 1), (1, 1)],
            &[(2, 1), (1, 1), (1, 1)],
            &[(1, 1), (2, 2), (2, 1)],
            &[(4, 1), (1, 1), (2, 1)],
            &[(3, 1), (2, 1), (1, 1)],
            &[(1, 1), (1, 1), (1, 1), (1, 1)],
        ];
        let mut wrong = Vec::new();
        for (number, sampling) in samplings.into_iter().enumerate() {
            for process in [Process::Baseline, Process::Progressive] {
                for (width, height) in [(1, 1), (33, 70), (64, 64), (131, 90)] {
                    let mut file = Jpeg::new(width, height + number as u16, sampling);
                    file.process = process;
                    let file = file.encode(draw);
                    let survey = Survey::of(&file).unwrap();
                    let (width, height, whole) = decode_any(&survey, 8).unwrap();
                    for by in [2, 4] {
                        let (columns, rows, pixels) = decode_any(&survey, 8 / by).unwrap();
                        assert_eq!((columns, rows), (width.div_ceil(by), height.div_ceil(by)));
                        let expected = shrunk(width, height, &whole, by);
                        let apart: Vec<u8> = pixels.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).collect();
                        let mean = apart.iter().map(|apart| f64::from(*apart)).sum::<f64>() / apart.len() as f64;
                        let largest = apart.iter().max().copied().unwrap_or(0);
                        if mean > 2.0 || largest > 16 {
                            wrong.push(format!(
                                "{process:?} {sampling:?} {width} x {height} by {by}: {mean:.2}, {largest}"
                            ));
                        }
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn cameras_and_tools_write_what_the_fast_decoder_reads() {
        let is_fast = |change: &dyn Fn(&mut Jpeg)| {
            let mut file = Jpeg::new(20, 20, &[(2, 2), (1, 1), (1, 1)]);
            change(&mut file);
            is_ordinary(&Survey::of(&file.encode(|_, _, _| 100)).unwrap())
        };
        assert!(is_fast(&|_| {}), "baseline");
        assert!(is_fast(&|file| file.process = Process::Progressive), "progressive");
        assert!(is_fast(&|file| (file.restart, file.adobe) = (4, Some(1))), "with restarts and Adobe's segment");
        assert!(!is_fast(&|file| file.scans = vec![vec![0], vec![1], vec![2]]), "separate scans");
        assert!(!is_fast(&|file| file.end = likeness_specimens::jpeg::End::Instead(Vec::new())), "no end");
    }
}

//! From the components of a JPEG to RGB.
//!
//! Components of half the columns or rows are enlarged by weights of 3 and 1, as the widespread decoders do (they call it
//! fancy upsampling), so that a face gives the same template whichever decoder reads it; other whole multiples are
//! repeated. Three samples for two of another component, which those decoders refuse, lie on a line between their neighbours.

use super::plane::Plane;
use super::survey::{Colours, Survey};

/// Puts the planes together; gives width, height and RGB. `least` as in [`decode`](super::scans::decode).
pub(super) fn rgb(survey: &Survey<'_>, planes: &[Plane], least: usize) -> (usize, usize, Vec<u8>) {
    let (width, height) = ((survey.width * least).div_ceil(8), (survey.height * least).div_ceil(8));
    let (most_h, most_v) = survey.most();
    let mut enlarged: Vec<Enlarged<'_>> =
        planes.iter().map(|plane| Enlarged::new(plane, most_h * least, most_v * least, width, least == 8)).collect();
    let mut pixels = vec![0; width * height * 3];
    for (y, row) in pixels.chunks_exact_mut(width * 3).enumerate() {
        enlarged.iter_mut().for_each(|component| component.look_at(y));
        let rows: Vec<&[u8]> = enlarged.iter().map(|component| component.row.as_slice()).collect();
        paint(survey.colours, &rows, row);
    }
    (width, height, pixels)
}

/// One component at the size of the picture, a row at a time.
struct Enlarged<'a> {
    plane: &'a Plane,
    /// Columns and rows of the picture over those of the component, as fractions.
    across: (usize, usize),
    down: (usize, usize),
    way: Way,
    row: Vec<u8>,
    sums: Vec<u16>,
}

/// How samples become pixels.
#[derive(Clone, Copy)]
enum Way {
    /// Twice the columns and rows, weighted.
    DoubleBoth,
    /// Twice the columns, weighted, of as many rows.
    DoubleAcross,
    /// Twice the rows, weighted, of as many columns.
    DoubleDown,
    /// The sample that lies there.
    Repeat,
    /// What lies between the samples around it.
    Between,
}

impl<'a> Enlarged<'a> {
    fn new(plane: &'a Plane, most_h: usize, most_v: usize, width: usize, is_whole: bool) -> Self {
        let across = (most_h, plane.h * plane.size);
        let down = (most_v, plane.v * plane.size);
        let times = |(most, factor): (usize, usize)| most.is_multiple_of(factor).then_some(most / factor);
        // Of two columns or fewer nothing is weighted, as in those decoders.
        let is_wide = plane.columns > 2;
        let way = match (times(across), times(down)) {
            (Some(1), Some(1)) => Way::Repeat,
            (None, _) | (_, None) => Way::Between,
            // Samples of a shrunk picture stand for many pixels, so repeating them would show.
            _ if !is_whole => Way::Between,
            (Some(2), Some(2)) if is_wide => Way::DoubleBoth,
            (Some(2), Some(1)) if is_wide => Way::DoubleAcross,
            (Some(1), Some(2)) => Way::DoubleDown,
            _ => Way::Repeat,
        };
        Self { plane, across, down, way, row: vec![0; width], sums: Vec::with_capacity(plane.columns) }
    }

    /// Makes `row` the picture's row `y`.
    fn look_at(&mut self, y: usize) {
        let Self { plane, across, down, way, row, sums } = self;
        let own = place(y, *down, plane.rows);
        let near = plane.row(own);
        // The other row that lies next to this one, where there are two for each.
        let other = if y.is_multiple_of(2) { own.saturating_sub(1) } else { (own + 1).min(plane.rows - 1) };
        let far = plane.row(other);
        let end = row.len();
        match way {
            Way::DoubleBoth => {
                sums.clear();
                sums.extend(near.iter().zip(far).map(|(near, far)| 3 * u16::from(*near) + u16::from(*far)));
                double(sums, row, (8, 7), 4);
            }
            Way::DoubleAcross => {
                sums.clear();
                sums.extend(near.iter().map(|sample| u16::from(*sample)));
                double(sums, row, (1, 2), 2);
            }
            Way::DoubleDown => {
                let round = if y.is_multiple_of(2) { 1 } else { 2 };
                for ((sample, near), far) in row.iter_mut().zip(near).zip(far) {
                    *sample = ((3 * u16::from(*near) + u16::from(*far) + round) >> 2) as u8;
                }
            }
            Way::Repeat if across.0 == across.1 => row.copy_from_slice(&near[..end]),
            Way::Repeat => {
                for (x, sample) in row.iter_mut().enumerate() {
                    *sample = near[place(x, *across, plane.columns)];
                }
            }
            Way::Between => {
                let (upper, lower, down) = between(y, *down, plane.rows);
                let (upper, lower) = (plane.row(upper), plane.row(lower));
                for (x, sample) in row.iter_mut().enumerate() {
                    let (left, right, across) = between(x, *across, plane.columns);
                    let mix = |a: f32, b: f32, share: f32| a + (b - a) * share;
                    let at = |row: &[u8]| mix(f32::from(row[left]), f32::from(row[right]), across);
                    *sample = (mix(at(upper), at(lower), down) + 0.5) as u8;
                }
            }
        }
    }
}

/// The sample in which the middle of a pixel lies.
fn place(at: usize, (most, factor): (usize, usize), end: usize) -> usize {
    ((2 * at + 1) * factor / (2 * most)).min(end - 1)
}

/// The samples between whose middles that of a pixel lies, and how far on the way to the second.
fn between(at: usize, (most, factor): (usize, usize), end: usize) -> (usize, usize, f32) {
    let place = ((2 * at + 1) * factor).saturating_sub(most);
    let first = (place / (2 * most)).min(end - 1);
    (first, (first + 1).min(end - 1), (place % (2 * most)) as f32 / (2 * most) as f32)
}

/// Two columns for one, each a quarter of the neighbour's. Even and odd columns are rounded differently, so that none of it
/// adds up; at the edges there is no neighbour but the sample itself.
fn double(sums: &[u16], row: &mut [u8], (even, odd): (u16, u16), shift: u32) {
    for (x, sample) in row.iter_mut().enumerate() {
        let own = sums[x / 2];
        let (neighbour, round) = if x.is_multiple_of(2) {
            (sums[(x / 2).saturating_sub(1)], even)
        } else {
            (sums[(x / 2 + 1).min(sums.len() - 1)], odd)
        };
        *sample = ((3 * own + neighbour + round) >> shift) as u8;
    }
}

/// One row of components to RGB.
fn paint(colours: Colours, rows: &[&[u8]], pixels: &mut [u8]) {
    let pixels = pixels.chunks_exact_mut(3).enumerate();
    match (colours, rows) {
        (Colours::YCbCr, [luma, blue, red]) => {
            for (x, pixel) in pixels {
                pixel.copy_from_slice(&rgb_of(luma[x], blue[x], red[x]));
            }
        }
        (Colours::Cmyk, [cyan, magenta, yellow, black]) => {
            for (x, pixel) in pixels {
                pixel.copy_from_slice(&light([cyan[x], magenta[x], yellow[x]], black[x]));
            }
        }
        (Colours::Ycck, [luma, blue, red, black]) => {
            for (x, pixel) in pixels {
                // The transform gives what the inks leave over.
                let inks = rgb_of(luma[x], blue[x], red[x]).map(|value| 255 - value);
                pixel.copy_from_slice(&light(inks, black[x]));
            }
        }
        (Colours::Rgb, [red, green, blue]) => {
            for (x, pixel) in pixels {
                pixel.copy_from_slice(&[red[x], green[x], blue[x]]);
            }
        }
        (_, rows) => {
            for (x, pixel) in pixels {
                pixel.fill(rows[0][x]);
            }
        }
    }
}

/// JFIF 1.02, page 3, in 16 bits behind the point.
#[inline]
fn rgb_of(luma: u8, blue: u8, red: u8) -> [u8; 3] {
    let (luma, blue, red) = (i32::from(luma) << 16 | 0x8000, i32::from(blue) - 128, i32::from(red) - 128);
    let level = |value: i32| (value >> 16).clamp(0, 255) as u8;
    [level(luma + 91_881 * red), level(luma - 22_554 * blue - 46_802 * red), level(luma + 116_130 * blue)]
}

/// What inks leave of white light, without a printer's profile. The samples tell how much of each is left out.
#[inline]
fn light(inks: [u8; 3], black: u8) -> [u8; 3] {
    inks.map(|ink| ((u32::from(ink) * u32::from(black) + 127) / 255) as u8)
}

//! Templates as bytes: what the store keeps is little-endian `f32`.
//!
//! A face behind a faceId may have a template of each of several recognisers. Then the name of their space is that of all,
//! one after the other, and each template has its length before it, so that one whose recogniser is not installed can be
//! passed over. A single template is nothing but its numbers.

use crate::recognisers::Recognisers;
use likeness_base::Secret;

/// Between the names of several spaces. No pack's id holds it.
const BETWEEN: char = '|';

/// Turns a template into the bytes that are sealed.
pub fn encode(template: &[f32]) -> Secret<Vec<u8>> {
    let mut bytes = Vec::with_capacity(template.len() * 4);
    put(&mut bytes, template);
    Secret::new(bytes)
}

/// Turns unsealed bytes back; `None` if they are not `dimension` finite numbers.
pub fn decode(bytes: &[u8], dimension: usize) -> Option<Secret<Vec<f32>>> {
    if bytes.len() != dimension * 4 {
        return None;
    }
    let values: Vec<f32> =
        bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
    values.iter().all(|value| value.is_finite()).then(|| Secret::new(values))
}

/// The templates of one face, each with the number of its recogniser, and the name of their space.
pub fn encode_all(templates: &[(usize, Secret<Vec<f32>>)], recognisers: &Recognisers) -> (Secret<Vec<u8>>, String) {
    if let [(number, template)] = templates {
        return (encode(template.expose()), recognisers.numbered(*number).space_id.to_string());
    }
    let length: usize = templates.iter().map(|(_, template)| 4 + template.expose().len() * 4).sum();
    let mut bytes = Vec::with_capacity(length);
    let mut spaces: Vec<&str> = Vec::new();
    for (number, template) in templates {
        let numbers = u32::try_from(template.expose().len()).expect("a template has at most 4,096 numbers");
        bytes.extend_from_slice(&numbers.to_le_bytes());
        put(&mut bytes, template.expose());
        spaces.push(&recognisers.numbered(*number).space_id);
    }
    (Secret::new(bytes), spaces.join(&BETWEEN.to_string()))
}

/// Turns them back. Templates of recognisers that are not installed are left out; `None` if the bytes are not what the
/// name says.
pub fn decode_all(bytes: &[u8], space: &str, recognisers: &Recognisers) -> Option<Vec<(usize, Secret<Vec<f32>>)>> {
    if !space.contains(BETWEEN) {
        let Some(recogniser) = recognisers.by_space(space) else { return Some(Vec::new()) };
        return Some(vec![(recogniser.number, decode(bytes, recogniser.space.dimension)?)]);
    }
    let (mut rest, mut templates) = (bytes, Vec::new());
    for space in space.split(BETWEEN) {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?.checked_mul(4)?;
        let (own, after) = after.split_at_checked(length)?;
        rest = after;
        if let Some(recogniser) = recognisers.by_space(space) {
            templates.push((recogniser.number, decode(own, recogniser.space.dimension)?));
        }
    }
    rest.is_empty().then_some(templates)
}

/// The spaces that a name stands for.
pub fn spaces(space: &str) -> impl Iterator<Item = &str> {
    space.split(BETWEEN)
}

fn put(bytes: &mut Vec<u8>, template: &[f32]) {
    template.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use likeness_gallery::{Basis, Calibration, CalibrationParts, Logistic, Rate, Space};

    fn recognisers() -> Recognisers {
        let rate = |false_match_rate, distance| Rate { false_match_rate, distance, basis: Basis::Measured };
        let calibration = Calibration::new(CalibrationParts {
            space: "here".to_owned(),
            verify: Logistic { half_at_distance: 0.4, slope: 15.0 },
            rates: vec![rate(1e-5, 0.2), rate(0.1, 0.6)],
            two_pass_rates: Vec::new(),
            note: String::new(),
            impostor_pairs: 0,
            people: 0,
        });
        Recognisers::with_only("here", Space::new(3, &[]).unwrap(), calibration.unwrap())
    }

    #[test]
    fn what_was_encoded_comes_back_and_nothing_else() {
        let template = [0.5, -1.25, 3.0e-5];
        let bytes = encode(&template);
        assert_eq!(decode(bytes.expose(), 3).unwrap().expose(), &template);
        assert!(decode(bytes.expose(), 2).is_none());
        assert!(decode(encode(&[f32::NAN]).expose(), 1).is_none());
    }

    #[test]
    fn one_of_several_is_found_and_the_others_passed_over() {
        let recognisers = recognisers();
        let template = Secret::new(vec![0.5, -1.25, 3.0e-5]);
        let (bytes, space) = encode_all(&[(0, template.clone())], &recognisers);
        assert_eq!((bytes.expose().len(), &*space), (12, "here"), "a single one is what it always was");
        assert_eq!(decode_all(bytes.expose(), &space, &recognisers).unwrap()[0].1.expose(), template.expose());
        assert!(decode_all(bytes.expose(), "elsewhere", &recognisers).unwrap().is_empty());

        let (twice, space) = encode_all(&[(0, template.clone()), (0, template.clone())], &recognisers);
        assert_eq!(space, "here|here");
        let found = decode_all(twice.expose(), "elsewhere|here", &recognisers).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].1.expose(), template.expose());
        for (name, bytes, space) in [
            ("cut short", &twice.expose()[..20], "here|here"),
            ("cut in a length", &twice.expose()[..2], "here|here"),
            ("one more than the name says", twice.expose().as_slice(), "here|here|here"),
            ("one less", twice.expose().as_slice(), "here"),
            ("a length beyond memory", &[255; 40], "here|here"),
        ] {
            assert!(decode_all(bytes, space, &recognisers).is_none(), "{name}");
        }
    }
}

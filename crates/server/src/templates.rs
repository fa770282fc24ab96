//! Templates as bytes: what the store keeps is little-endian `f32`, nothing else.

use likeness_base::Secret;

/// Turns a template into the bytes that are sealed.
pub(crate) fn encode(template: &[f32]) -> Secret<Vec<u8>> {
    let mut bytes = Vec::with_capacity(template.len() * 4);
    for value in template {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    Secret::new(bytes)
}

/// Turns unsealed bytes back; `None` if they are not `dimension` finite numbers.
pub(crate) fn decode(bytes: &[u8], dimension: usize) -> Option<Secret<Vec<f32>>> {
    if bytes.len() != dimension * 4 {
        return None;
    }
    let values: Vec<f32> =
        bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
    values.iter().all(|value| value.is_finite()).then(|| Secret::new(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_comes_back_and_nothing_else() {
        let template = [0.5, -1.25, 3.0e-5];
        let bytes = encode(&template);
        assert_eq!(decode(bytes.expose(), 3).unwrap().expose(), &template);
        assert!(decode(bytes.expose(), 2).is_none());
        assert!(decode(encode(&[f32::NAN]).expose(), 1).is_none());
    }
}

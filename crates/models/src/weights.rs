//! Reads tfjs weights: a manifest (JSON: names, shapes, number formats) and one run of bytes.
//!
//! The format is that of TensorFlow.js: the tensors lie one after the other, little endian, without gaps,
//! in the order of the manifest. A quantised tensor of whole numbers stands for `byte * scale + min`,
//! computed in f64 and rounded once to f32, as tfjs does.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::ModelsError;

/// Tensors by name.
pub(crate) struct Weights(BTreeMap<String, Tensor>);

/// One tensor in the layout of the file (row major).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tensor {
    /// Lengths of the axes; empty for a single number.
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Values,
}

/// The numbers of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    F32(Vec<f32>),
    I32(Vec<i32>),
}

#[derive(Deserialize)]
pub(crate) struct Group {
    weights: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    shape: Vec<usize>,
    dtype: String,
    quantization: Option<Quantization>,
}

#[derive(Deserialize)]
struct Quantization {
    dtype: String,
    #[serde(default, deserialize_with = "decimal")]
    scale: f64,
    #[serde(default, deserialize_with = "decimal")]
    min: f64,
}

impl Weights {
    /// Reads a manifest that is a file of its own.
    pub(crate) fn read(manifest: &[u8], bytes: &[u8]) -> Result<Self, ModelsError> {
        let groups: Vec<Group> =
            serde_json::from_slice(manifest).map_err(|error| refused("manifest", error.to_string()))?;
        Self::from_groups(&groups, bytes)
    }

    /// Reads the bytes that `groups` describe. They must be used up exactly: a shorter or longer file
    /// belongs to another manifest.
    pub(crate) fn from_groups(groups: &[Group], bytes: &[u8]) -> Result<Self, ModelsError> {
        let mut tensors = BTreeMap::new();
        let mut rest = bytes;
        for entry in groups.iter().flat_map(|group| &group.weights) {
            let tensor = take(entry, &mut rest).map_err(|reason| refused(&entry.name, reason))?;
            if tensors.insert(entry.name.clone(), tensor).is_some() {
                return Err(refused(&entry.name, "the name occurs twice"));
            }
        }
        if !rest.is_empty() {
            return Err(refused("manifest", format!("{} bytes are left over after the last tensor", rest.len())));
        }
        Ok(Self(tensors))
    }

    /// Takes tensors that were read by other means.
    pub(crate) fn from_tensors(tensors: BTreeMap<String, Tensor>) -> Self {
        Self(tensors)
    }

    /// The tensor of this name.
    pub(crate) fn get(&self, name: &str) -> Result<&Tensor, ModelsError> {
        self.0.get(name).ok_or_else(|| refused(name, "no tensor of this name"))
    }

    /// The floats of this name, which must have this shape.
    pub(crate) fn floats(&self, name: &str, shape: &[usize]) -> Result<&[f32], ModelsError> {
        let tensor = self.get(name)?;
        match &tensor.values {
            Values::F32(values) if tensor.shape == shape => Ok(values),
            _ => Err(refused(name, format!("expected floats of shape {shape:?}, found shape {:?}", tensor.shape))),
        }
    }
}

fn refused(tensor: &str, reason: impl Into<String>) -> ModelsError {
    ModelsError::Conversion { place: format!("weights, {tensor}"), reason: reason.into() }
}

/// Takes one tensor off the front. Memory is only claimed once the bytes are known to be there.
fn take(entry: &Entry, rest: &mut &[u8]) -> Result<Tensor, String> {
    let stored_as = entry.quantization.as_ref().map_or(entry.dtype.as_str(), |quantization| &quantization.dtype);
    let width = match stored_as {
        "uint8" => 1,
        "float16" | "uint16" => 2,
        "float32" | "int32" => 4,
        other => return Err(format!("number format `{other}` is not supported")),
    };
    let count = entry
        .shape
        .iter()
        .try_fold(1_usize, |count, &length| count.checked_mul(length))
        .filter(|&count| count > 0)
        .ok_or_else(|| format!("shape {:?} holds no sensible number of values", entry.shape))?;
    let length = count.checked_mul(width).filter(|&length| length <= rest.len());
    let (bytes, after) = rest.split_at(length.ok_or("the file ends inside this tensor")?);
    *rest = after;

    let values = match (entry.dtype.as_str(), &entry.quantization, stored_as) {
        ("int32", None, _) => Values::I32(words(bytes).map(i32::from_le_bytes).collect()),
        ("float32", None, "float32") => Values::F32(words(bytes).map(f32::from_le_bytes).collect()),
        ("float32", Some(_), "float16") => {
            Values::F32(words(bytes).map(|half| from_half(u16::from_le_bytes(half))).collect())
        }
        ("float32", Some(quantization), "uint8") => {
            Values::F32(bytes.iter().map(|&byte| quantization.value(byte.into())).collect())
        }
        ("float32", Some(quantization), "uint16") => {
            Values::F32(words(bytes).map(|word| quantization.value(u16::from_le_bytes(word))).collect())
        }
        (dtype, ..) => {
            return Err(format!("`{dtype}` stored as `{stored_as}` is not supported"));
        }
    };
    Ok(Tensor { shape: entry.shape.clone(), values })
}

/// A number as [`divided`] reads it.
fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let text = Box::<RawValue>::deserialize(deserializer)?;
    divided(text.get()).ok_or_else(|| D::Error::custom(format!("{} is not a number of at most 19 digits", text.get())))
}

/// A decimal number: its digits as a whole number, divided by a power of ten, so that the last bit may differ from the
/// nearest f64. The digests of converted networks, which name the spaces of stored templates, were taken from numbers read
/// so; a library that reads them better, as `serde_json` does once any crate asks for it, yields other networks.
fn divided(text: &str) -> Option<f64> {
    let (sign, text) = text.strip_prefix('-').map_or((1.0, text), |text| (-1.0, text));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: u64 = format!("{whole}{fraction}").parse().ok()?;
    let exponent = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let power: f64 = format!("1e{}", exponent.unsigned_abs()).parse().ok()?;
    let value = if exponent < 0 { digits as f64 / power } else { digits as f64 * power };
    value.is_finite().then_some(sign * value)
}

impl Quantization {
    fn value(&self, step: u16) -> f32 {
        (f64::from(step) * self.scale + self.min) as f32
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.chunks_exact(N).map(|chunk| chunk.try_into().expect("chunks_exact gives chunks of N bytes"))
}

/// An IEEE 754 half as f32; exact, because every half is also an f32.
fn from_half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f32::from(bits & 0x3ff);
    match exponent {
        0 => sign * fraction * 2_f32.powi(-24),
        0x1f if fraction == 0.0 => sign * f32::INFINITY,
        0x1f => f32::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * 2_f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_digits_divided_by_a_power_of_ten() {
        // The first two differ in the last bit from the nearest f64.
        let cases = [
            ("0.009089225881239947", Some(0x3f82_9d5f_3f3f_3f40)),
            ("-1.6186842441558837", Some(0xbff9_e621_7333_3332)),
            ("0.1", Some(0.1_f64.to_bits())),
            ("25e-1", Some(2.5_f64.to_bits())),
            ("2E2", Some(200_f64.to_bits())),
            ("-1", Some((-1_f64).to_bits())),
            ("12345678901234567890123", None),
            ("1e400", None),
            ("true", None),
        ];
        for (text, bits) in cases {
            assert_eq!(divided(text).map(f64::to_bits), bits, "{text}");
        }
    }

    #[test]
    fn every_number_format_is_read_as_tfjs_reads_it() {
        struct Case {
            name: &'static str,
            entry: &'static str,
            bytes: &'static [u8],
            values: Values,
        }
        let cases = [
            Case {
                name: "floats",
                entry: r#""shape": [2], "dtype": "float32""#,
                bytes: &[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0],
                values: Values::F32(vec![1.0, -2.0]),
            },
            Case {
                name: "one whole number without axes",
                entry: r#""shape": [], "dtype": "int32""#,
                bytes: &[0xfe, 0xff, 0xff, 0xff],
                values: Values::I32(vec![-2]),
            },
            Case {
                name: "bytes with scale and least value",
                entry: r#""shape": [3], "dtype": "float32", "quantization": {"dtype": "uint8", "scale": 0.1, "min": -1}"#,
                bytes: &[0, 10, 255],
                // Computed in f64 and rounded once: in f32 the last one would be 24.500002.
                values: Values::F32(vec![-1.0, 0.0, 24.5]),
            },
            Case {
                name: "two bytes with scale and least value",
                entry: r#""shape": [1], "dtype": "float32", "quantization": {"dtype": "uint16", "scale": 0.5, "min": 1}"#,
                bytes: &[0x00, 0x01],
                values: Values::F32(vec![129.0]),
            },
            Case {
                name: "halves: one, minus two, largest, least normal, least of all, zero, infinite",
                entry: r#""shape": [7], "dtype": "float32", "quantization": {"dtype": "float16"}"#,
                bytes: &[0x00, 0x3c, 0x00, 0xc0, 0xff, 0x7b, 0x00, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0xfc],
                values: Values::F32(vec![1.0, -2.0, 65504.0, 6.103_515_6e-5, 5.960_464_5e-8, 0.0, f32::NEG_INFINITY]),
            },
        ];
        for case in cases {
            let manifest = format!(r#"[{{"weights": [{{"name": "w", {}}}]}}]"#, case.entry);
            let weights = Weights::read(manifest.as_bytes(), case.bytes).expect(case.name);
            assert_eq!(weights.get("w").expect(case.name).values, case.values, "{}", case.name);
        }
    }

    #[test]
    fn tensors_lie_one_after_the_other_across_groups() {
        let manifest = br#"[
            {"paths": ["a"], "weights": [{"name": "a", "shape": [1], "dtype": "int32"}]},
            {"paths": ["b"], "weights": [{"name": "b", "shape": [1, 2], "dtype": "float32",
                "quantization": {"dtype": "uint8", "scale": 1, "min": 0}}]}
        ]"#;
        let weights = Weights::read(manifest, &[7, 0, 0, 0, 8, 9]).unwrap();
        assert_eq!(weights.get("a").unwrap().values, Values::I32(vec![7]));
        assert_eq!(weights.floats("b", &[1, 2]).unwrap(), [8.0, 9.0]);
        assert!(weights.floats("b", &[2]).is_err(), "another shape is another tensor");
        assert!(weights.floats("a", &[1]).is_err(), "whole numbers are not floats");
    }
}

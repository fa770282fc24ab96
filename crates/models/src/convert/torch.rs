//! Reads the weights out of a PyTorch checkpoint of the older kind (before version 1.6): five pickles, one after
//! the other, and then the numbers.
//!
//! The pickles are a magic number, a version, sizes of C types, the tensors' names with their places, and the
//! order of the storages. Each storage is a count (eight bytes, little endian) and its numbers.

use std::collections::BTreeMap;

use super::pickle::{self, Value};
use crate::ModelsError;
use crate::weights::{Tensor, Values, Weights};

/// How every such file begins: protocol 2 and the magic number that PyTorch chose.
const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// The tensors of floats in a checkpoint, under their names.
pub(super) fn read(bytes: &[u8]) -> Result<Weights, ModelsError> {
    read_checkpoint(bytes).map_err(|reason| ModelsError::Conversion { place: "PyTorch checkpoint".to_owned(), reason })
}

fn read_checkpoint(bytes: &[u8]) -> Result<Weights, String> {
    let mut rest = bytes.strip_prefix(MAGIC).ok_or("it does not begin as such a file does")?;
    for _version_and_sizes in 0..2 {
        pickle::read(&mut rest)?;
    }
    let Value::Pairs { pairs, .. } = pickle::read(&mut rest)? else {
        return Err("it holds no dictionary of tensors".to_owned());
    };
    let Value::Sequence(keys) = pickle::read(&mut rest)? else {
        return Err("the order of the storages is missing".to_owned());
    };
    let widths = pairs.iter().filter_map(|(_, value)| place(value).ok()).map(|place| (place.key, place.width));
    let storages = storages(&keys.values, &widths.collect(), rest)?;

    let mut tensors = BTreeMap::new();
    for (name, value) in &pairs {
        let Value::Text(name) = name else { return Err("a name that is no text".to_owned()) };
        let place = place(value).map_err(|reason| format!("{name}: {reason}"))?;
        if place.is_float {
            let tensor = tensor(&place, &storages).map_err(|reason| format!("{name}: {reason}"))?;
            if tensors.insert(name.to_string(), tensor).is_some() {
                return Err(format!("{name} occurs twice"));
            }
        }
    }
    Ok(Weights::from_tensors(tensors))
}

/// Where a tensor lies.
struct Place<'a> {
    key: &'a str,
    is_float: bool,
    /// Bytes of one number.
    width: usize,
    /// Numbers before the first of the tensor.
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

/// From `_rebuild_tensor_v2(storage, offset, size, stride, …)` with `storage` = `("storage", type, key, …)`.
fn place(value: &Value) -> Result<Place<'_>, String> {
    let Value::Tensor(arguments) = value else { return Err("is no tensor".to_owned()) };
    let [Value::Stored(storage), Value::Int(offset), Value::Sequence(shape), Value::Sequence(strides), ..] =
        &arguments.values[..]
    else {
        return Err("is a tensor of an unknown kind".to_owned());
    };
    let [Value::Text(_), Value::Global(kind), Value::Text(key), ..] = &storage.values[..] else {
        return Err("lies in a storage of an unknown kind".to_owned());
    };
    let (is_float, width) = match &**kind {
        "torch.FloatStorage" => (true, 4),
        // Counters of training steps; skipped.
        "torch.LongStorage" => (false, 8),
        other => return Err(format!("numbers of kind {other} are not supported")),
    };
    let lengths = |values: &[Value]| -> Option<Vec<usize>> {
        values
            .iter()
            .map(|value| if let Value::Int(length) = value { usize::try_from(*length).ok() } else { None })
            .collect()
    };
    match (usize::try_from(*offset), lengths(&shape.values), lengths(&strides.values)) {
        (Ok(offset), Some(shape), Some(strides)) if shape.len() == strides.len() => {
            Ok(Place { key, is_float, width, offset, shape, strides })
        }
        _ => Err("has a senseless shape".to_owned()),
    }
}

/// The bytes of every storage, in the file's order.
fn storages<'a>(
    keys: &[Value],
    widths: &BTreeMap<&str, usize>,
    mut rest: &'a [u8],
) -> Result<BTreeMap<String, &'a [u8]>, String> {
    let mut storages = BTreeMap::new();
    for key in keys {
        let Value::Text(key) = key else { return Err("the key of a storage is no text".to_owned()) };
        let width = *widths.get(&**key).ok_or_else(|| format!("no tensor lies in storage {key}"))?;
        let count = u64::from_le_bytes(pickle::take(&mut rest)?);
        let length = usize::try_from(count).ok().and_then(|count| count.checked_mul(width));
        let bytes = pickle::split(&mut rest, length.ok_or("a storage larger than memory")?)?;
        storages.insert(key.to_string(), bytes);
    }
    if rest.is_empty() { Ok(storages) } else { Err(format!("{} bytes are left over", rest.len())) }
}

/// Reads a tensor that lies row by row, as saved ones do.
fn tensor(place: &Place, storages: &BTreeMap<String, &[u8]>) -> Result<Tensor, String> {
    let mut count = 1_usize;
    for (&length, &stride) in place.shape.iter().zip(&place.strides).rev() {
        if length == 0 || (length > 1 && stride != count) {
            return Err("does not lie row by row".to_owned());
        }
        count = count.checked_mul(length).ok_or("is larger than memory")?;
    }
    let bytes = storages.get(place.key).ok_or("lies in a storage that is not there")?;
    let mut rest = *bytes;
    let before = place.offset.checked_mul(place.width).ok_or("begins outside its storage")?;
    pickle::split(&mut rest, before)?;
    let bytes = pickle::split(&mut rest, count.checked_mul(place.width).ok_or("is larger than memory")?)?;
    let values = bytes
        .chunks_exact(4)
        .map(|chunk| f32::from_le_bytes(chunk.try_into().expect("chunks_exact gives chunks of 4 bytes")));
    Ok(Tensor { shape: place.shape.clone(), values: Values::F32(values.collect()) })
}

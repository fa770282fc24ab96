//! The JSON body of a call: property names in any letter case, unknown properties ignored, `null` counts as absent.

use super::error::Refusal;
use crate::unicode;
use serde_json::{Map, Value};
use uuid::Uuid;

/// A JSON object sent by a client.
pub(crate) struct Body(Map<String, Value>);

// What a client sent or gets is personal; a debug print shows nothing of it.
impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body(..)")
    }
}

impl Body {
    /// Parses an object, in any form of Unicode.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        Self::parse_at_most(bytes, usize::MAX)
    }

    /// The same of so many bytes of UTF-8 at most.
    pub(crate) fn parse_at_most(bytes: &[u8], most: usize) -> Result<Self, Refusal> {
        let text = unicode::utf8(bytes).map_err(|problem| Refusal::bad(format!("JSON parsing error: {problem}.")))?;
        if text.bytes().len() > most {
            return Err(Self::too_large());
        }
        match serde_json::from_slice::<Value>(text.bytes()) {
            Ok(Value::Object(object)) => Ok(Self(object)),
            Ok(_) => Err(Refusal::bad("Request body is invalid. It must be a JSON object.")),
            // The parser's text names a place and a reason, never a value.
            Err(error) => {
                Err(Refusal::bad(format!("JSON parsing error at line {}, column {}.", error.line(), error.column())))
            }
        }
    }

    /// The refusal of a body that is too large.
    pub(crate) fn too_large() -> Refusal {
        Refusal::bad("Request body is invalid. It is larger than any JSON this service reads.")
    }

    /// The value of a property, unless it is absent or `null`.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let exact = self.0.get(name);
        let found = exact.or_else(|| self.0.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, v)| v));
        found.filter(|value| !value.is_null())
    }

    /// Text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal::bad(format!("'{name}' is invalid. It must be a string."))),
        }
    }

    /// A whole number within bounds.
    pub(crate) fn integer(&self, name: &str, default: i64, least: i64, most: i64) -> Result<i64, Refusal> {
        let Some(value) = self.get(name) else { return Ok(default) };
        // JSON knows one kind of number: 20.0 is a whole one.
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53 fits")]
        let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64);
        match value.as_i64().or_else(|| value.as_f64().and_then(whole)) {
            Some(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(Refusal::bad(format!("'{name}' is invalid. It must be a whole number from {least} to {most}."))),
        }
    }

    /// A number from 0 to 1.
    pub(crate) fn share(&self, name: &str) -> Result<Option<f32>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "a share needs no more than f32")]
            Some(number) if (0.0..=1.0).contains(&number) => Ok(Some(number as f32)),
            _ => Err(Refusal::bad(format!("'{name}' is invalid. It must be a number from 0 to 1."))),
        }
    }

    /// One UUID.
    pub(crate) fn uuid(&self, name: &str) -> Result<Option<Uuid>, Refusal> {
        match self.text(name)? {
            None => Ok(None),
            Some(text) => parse_uuid(text)
                .map(Some)
                .ok_or_else(|| Refusal::bad(format!("'{name}' is invalid. It must be a UUID."))),
        }
    }

    /// One UUID that must be there.
    pub(crate) fn required_uuid(&self, name: &str) -> Result<Uuid, Refusal> {
        self.uuid(name)?.ok_or_else(|| Refusal::bad(format!("'{name}' is missing.")))
    }

    /// An array of UUIDs, with as many entries as `least..=most` allows.
    pub(crate) fn uuids(&self, name: &str, least: usize, most: usize) -> Result<Option<Vec<Uuid>>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let wrong = || Refusal::bad(format!("'{name}' is invalid. It must be an array of {least} to {most} UUIDs."));
        let array = value.as_array().ok_or_else(wrong)?;
        if !(least..=most).contains(&array.len()) {
            return Err(wrong());
        }
        let ids: Option<Vec<Uuid>> = array.iter().map(|entry| entry.as_str().and_then(parse_uuid)).collect();
        ids.map(Some).ok_or_else(wrong)
    }
}

/// Reads the hyphenated form only: the other spellings a UUID library accepts are not ids of this API.
pub(crate) fn parse_uuid(text: &str) -> Option<Uuid> {
    if text.len() != 36 {
        return None;
    }
    Uuid::try_parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_letter_case_and_null_is_absent() {
        let body = Body::parse(br#"{"FaceID1": "a", "userdata": null, "extra": [1]}"#).unwrap();
        assert_eq!(body.text("faceId1").unwrap(), Some("a"));
        assert_eq!(body.text("userData").unwrap(), None);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for bytes in [&b""[..], b"[]", b"1", b"{", b"{\"a\":}", b"\xff"] {
            assert!(Body::parse(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn uuid_lists_are_bounded() {
        let id = "9c8f6a3e-6a10-4f0c-8f59-0d1b2c3d4e5f";
        let cases = [
            (format!(r#"{{"ids": ["{id}"]}}"#), true),
            (r#"{"ids": []}"#.to_owned(), false),
            (format!(r#"{{"ids": ["{id}","{id}","{id}"]}}"#), false),
            (r#"{"ids": ["x"]}"#.to_owned(), false),
            (r#"{"ids": [1]}"#.to_owned(), false),
            (format!(r#"{{"ids": ["{}"]}}"#, id.replace('-', "")), false),
        ];
        for (text, good) in cases {
            assert_eq!(Body::parse(text.as_bytes()).unwrap().uuids("ids", 1, 2).is_ok(), good, "{text}");
        }
    }
}

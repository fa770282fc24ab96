//! The JSON body of a call: property names in any letter case, unknown properties ignored, `null` counts as absent.

use crate::unicode;
use crate::value::BadValue;
use serde_json::{Map, Value};
use uuid::Uuid;

/// A JSON object sent by a client.
pub struct Body(Map<String, Value>);

// What a client sent or gets is personal; a debug print shows nothing of it.
impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body(..)")
    }
}

impl Body {
    /// An object that came in another way.
    pub const fn of(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// Parses an object, in any form of Unicode.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadValue> {
        Self::parse_at_most(bytes, usize::MAX).map(|body| body.expect("nothing is longer than that"))
    }

    /// The same of so many bytes of UTF-8 at most; `None`: it is longer.
    pub(crate) fn parse_at_most(bytes: &[u8], most: usize) -> Result<Option<Self>, BadValue> {
        let text = unicode::utf8(bytes).map_err(|problem| BadValue::new(format!("JSON parsing error: {problem}.")))?;
        if text.bytes().len() > most {
            return Ok(None);
        }
        match serde_json::from_slice::<Value>(text.bytes()) {
            Ok(Value::Object(object)) => Ok(Some(Self(object))),
            Ok(_) => Err(BadValue::new("Request body is invalid. It must be a JSON object.")),
            // The parser's text names a place and a reason, never a value.
            Err(error) => {
                Err(BadValue::new(format!("JSON parsing error at line {}, column {}.", error.line(), error.column())))
            }
        }
    }

    /// The object as bytes, for whoever reads a whole message.
    ///
    /// # Errors
    /// None is known.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&self.0)
    }

    /// The value of a property, unless it is absent or `null`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let exact = self.0.get(name);
        let found = exact.or_else(|| self.0.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, v)| v));
        found.filter(|value| !value.is_null())
    }

    /// Text.
    pub fn text(&self, name: &str) -> Result<Option<&str>, BadValue> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(BadValue::new(format!("'{name}' is invalid. It must be a string."))),
        }
    }

    /// A whole number within bounds.
    pub fn integer(&self, name: &str, default: i64, least: i64, most: i64) -> Result<i64, BadValue> {
        let Some(value) = self.get(name) else { return Ok(default) };
        // JSON knows one kind of number: 20.0 is a whole one.
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53 fits")]
        let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64);
        match value.as_i64().or_else(|| value.as_f64().and_then(whole)) {
            Some(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(BadValue::new(format!("'{name}' is invalid. It must be a whole number from {least} to {most}."))),
        }
    }

    /// A number from 0 to 1.
    pub fn share(&self, name: &str) -> Result<Option<f32>, BadValue> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "a share needs no more than f32")]
            Some(number) if (0.0..=1.0).contains(&number) => Ok(Some(number as f32)),
            _ => Err(BadValue::new(format!("'{name}' is invalid. It must be a number from 0 to 1."))),
        }
    }

    /// One UUID.
    pub fn uuid(&self, name: &str) -> Result<Option<Uuid>, BadValue> {
        match self.text(name)? {
            None => Ok(None),
            Some(text) => parse_uuid(text)
                .map(Some)
                .ok_or_else(|| BadValue::new(format!("'{name}' is invalid. It must be a UUID."))),
        }
    }

    /// One UUID that must be there.
    pub fn required_uuid(&self, name: &str) -> Result<Uuid, BadValue> {
        self.uuid(name)?.ok_or_else(|| BadValue::new(format!("'{name}' is missing.")))
    }

    /// An array of UUIDs, with as many entries as `least..=most` allows.
    pub fn uuids(&self, name: &str, least: usize, most: usize) -> Result<Option<Vec<Uuid>>, BadValue> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let wrong = || BadValue::new(format!("'{name}' is invalid. It must be an array of {least} to {most} UUIDs."));
        let array = value.as_array().ok_or_else(wrong)?;
        if !(least..=most).contains(&array.len()) {
            return Err(wrong());
        }
        let ids: Option<Vec<Uuid>> = array.iter().map(|entry| entry.as_str().and_then(parse_uuid)).collect();
        ids.map(Some).ok_or_else(wrong)
    }
}

/// Reads the hyphenated form only: the other spellings a UUID library accepts are not ids of this API.
pub fn parse_uuid(text: &str) -> Option<Uuid> {
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

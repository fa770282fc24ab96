//! What a caller gives when a session is created: JSON, a form of flat parts, or a form with JSON in a part `Parameters`, read
//! as one object. Clients of every version send either shape to either route (`face-api.md` section 8, decisions 2, 5 and 6).

use crate::azure::{LivenessRefusal, Refusal};
use likeness_base::Secret;
use likeness_http::{Body, Form, Input};
use serde_json::{Map, Value};

/// The part with the settings as JSON, of the older shape.
const PARAMETERS: &str = "parameters";
/// The part with the reference picture.
const VERIFY_IMAGE: &str = "verifyimage";
/// Longest text part: a resource id, an address.
const LONGEST_TEXT: usize = 4 * 1024;
/// Before the names of our own members, in a form.
const OURS: &str = "likeness.";

/// The members that were given, whatever the shape, and the reference picture.
pub(super) struct Given {
    members: Body,
    /// The reference picture, where one was sent.
    pub(super) picture: Option<Secret<Vec<u8>>>,
}

pub(super) fn wrong(text: impl Into<String>) -> Refusal {
    LivenessRefusal::InvalidBody(text.into()).into()
}

impl Given {
    /// Reads the body of a call.
    pub(super) fn read(input: Input) -> Result<Self, Refusal> {
        match input {
            Input::Json(members) => Ok(Self { members, picture: None }),
            Input::Form(form) => Self::of_form(&form),
            _ => Err(wrong("Request body is invalid. It must be a JSON object or a form.")),
        }
    }

    fn of_form(form: &Form) -> Result<Self, Refusal> {
        let mut members = Map::new();
        let mut ours = Map::new();
        let mut picture = None;
        for part in form.parts() {
            if part.name.eq_ignore_ascii_case(VERIFY_IMAGE) {
                picture = Some(Secret::new(part.bytes.to_vec()));
                continue;
            }
            if part.name.eq_ignore_ascii_case(PARAMETERS) {
                let Ok(Value::Object(object)) = serde_json::from_slice(part.bytes) else {
                    return Err(wrong("The part 'Parameters' is invalid. It must be a JSON object."));
                };
                members.extend(object);
                continue;
            }
            let text = std::str::from_utf8(part.bytes).ok().filter(|text| text.len() <= LONGEST_TEXT);
            let text =
                text.ok_or_else(|| wrong(format!("A part of the form is no text of at most {LONGEST_TEXT} bytes.")))?;
            // An empty part is how a form says that a field was left out.
            if text.is_empty() {
                continue;
            }
            match part.name.get(..OURS.len()).filter(|start| start.eq_ignore_ascii_case(OURS)) {
                Some(_) => ours.insert(part.name[OURS.len()..].to_owned(), Value::from(text)),
                None => members.insert(part.name.to_owned(), Value::from(text)),
            };
        }
        if !ours.is_empty() {
            members.insert("likeness".to_owned(), Value::Object(ours));
        }
        Ok(Self { members: Body::of(members), picture })
    }

    /// The members of ours, namespaced.
    pub(super) fn ours(&self) -> Result<Body, Refusal> {
        match self.members.get("likeness") {
            None => Ok(Body::of(Map::new())),
            Some(Value::Object(object)) => Ok(Body::of(object.clone())),
            Some(_) => Err(wrong("'likeness' is invalid. It must be an object.")),
        }
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        self.members.text(name).map_err(|problem| wrong(problem.0))
    }

    /// Yes or no, also as text.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        flag(&self.members, name)
    }

    /// A number, also as text.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, Refusal> {
        match self.members.get(name) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            Some(Value::String(text)) => match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Some(number)),
                _ => Err(wrong(format!("'{name}' is invalid. It must be a number."))),
            },
            Some(_) => Err(wrong(format!("'{name}' is invalid. It must be a number."))),
        }
    }

    /// A whole number within bounds, also as text.
    pub(super) fn integer(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, Refusal> {
        let Some(number) = self.number(name)? else { return Ok(None) };
        let is_whole = number.fract() == 0.0 && (least as f64..=most as f64).contains(&number);
        #[expect(clippy::cast_possible_truncation, reason = "a whole number between two small ones")]
        let whole = is_whole.then_some(number as i64);
        whole
            .map(Some)
            .ok_or_else(|| wrong(format!("'{name}' is invalid. It must be a whole number from {least} to {most}.")))
    }
}

/// Yes or no, also as text.
pub(super) fn flag(members: &Body, name: &str) -> Result<bool, Refusal> {
    match members.get(name) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("true") => Ok(true),
        Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(wrong(format!("'{name}' is invalid. It must be true or false."))),
    }
}

//! Checks that many operations share: ids, names, user data, model names, target rectangles (`face-api.md` 2.1).

use crate::azure::Refusal;
use likeness_base::Secret;
use likeness_http::Body;
use likeness_vision::Rect;

/// Longest `name` of a container or person, in characters.
pub(crate) const NAME_CHARACTERS: usize = 128;
/// Longest `userData` of a container or person, in characters.
pub(crate) const USER_DATA_CHARACTERS: usize = 16_384;
/// Longest `userData` of a face, in characters.
pub(crate) const FACE_USER_DATA_CHARACTERS: usize = 1_024;

/// The recognition models a client can name. Each is a space of its own: templates of different models are never
/// compared, although one network may stand behind several names.
pub(crate) const RECOGNITION_MODELS: [&str; 4] =
    ["recognition_01", "recognition_02", "recognition_03", "recognition_04"];

/// Those of which the person directory holds faces (`face-api.md` 2.6).
pub(crate) const DIRECTORY_MODELS: [&str; 3] = ["recognition_02", "recognition_03", "recognition_04"];

/// The detection models a client can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DetectionModel {
    /// `detection_01`, the default.
    One,
    /// `detection_02`: no landmarks, no attributes.
    Two,
    /// `detection_03`: small and rotated faces, masks.
    Three,
}

impl DetectionModel {
    /// Reads the value of `detectionModel`.
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, Refusal> {
        match text.map(str::to_ascii_lowercase).as_deref() {
            None | Some("detection_01") => Ok(Self::One),
            Some("detection_02") => Ok(Self::Two),
            Some("detection_03") => Ok(Self::Three),
            Some(_) => {
                Err(Refusal::bad("'detectionModel' is invalid. It must be detection_01, detection_02 or detection_03."))
            }
        }
    }
}

/// Reads the value of `recognitionModel`; the default is the oldest, as clients expect.
pub(crate) fn recognition_model(text: Option<&str>) -> Result<&'static str, Refusal> {
    let given = text.unwrap_or(RECOGNITION_MODELS[0]);
    RECOGNITION_MODELS.into_iter().find(|model| model.eq_ignore_ascii_case(given)).ok_or_else(|| {
        Refusal::bad("'recognitionModel' is invalid. It must be recognition_01, recognition_02, recognition_03 or recognition_04.")
    })
}

/// Reads the recognition model in a path of the person directory, which holds faces of the later three only.
pub(crate) fn directory_model(text: &str) -> Result<&'static str, Refusal> {
    DIRECTORY_MODELS.into_iter().find(|model| model.eq_ignore_ascii_case(text)).ok_or_else(|| {
        Refusal::bad(
            "'recognitionModel' is not supported here. It must be recognition_02, recognition_03 or recognition_04.",
        )
    })
}

/// Refuses what cannot be the id of a container.
pub(crate) fn container_id(property: &str, id: &str) -> Result<(), Refusal> {
    if is_container_id(id) {
        return Ok(());
    }
    Err(Refusal::bad(format!("'{property}' is invalid. It has 1 to 64 characters out of a-z, 0-9, '-' and '_'.")))
}

/// Whether a text can be the id of a container: 1 to 64 of `a-z`, `0-9`, `-`, `_`.
pub(crate) fn is_container_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_')
}

/// `name` and `userData` as they stand in a body. `None` means: leave unchanged.
#[derive(Debug)]
pub(crate) struct Fields {
    /// What the container or person is called.
    pub name: Option<Secret<String>>,
    /// The client's own text.
    pub user_data: Option<Secret<String>>,
}

impl Fields {
    /// Reads and bounds both.
    pub(crate) fn read(body: &Body) -> Result<Self, Refusal> {
        let name = body.text("name")?;
        if let Some(name) = name {
            if name.is_empty() {
                return Err(Refusal::bad("'name' is empty."));
            }
            bounded("name", name, NAME_CHARACTERS)?;
        }
        Ok(Self {
            name: name.map(|name| Secret::new(name.to_owned())),
            user_data: user_data(body, USER_DATA_CHARACTERS)?,
        })
    }

    /// The name, which must be there.
    pub(crate) fn named(self) -> Result<(Secret<String>, Option<Secret<String>>), Refusal> {
        let name = self.name.ok_or_else(|| Refusal::bad("'name' is missing."))?;
        Ok((name, self.user_data))
    }
}

/// Reads `userData` from a body.
pub(crate) fn user_data(body: &Body, most_characters: usize) -> Result<Option<Secret<String>>, Refusal> {
    let Some(text) = body.text("userData")? else { return Ok(None) };
    bounded("userData", text, most_characters)?;
    Ok(Some(Secret::new(text.to_owned())))
}

/// Refuses a text of more characters than allowed.
pub(crate) fn bounded(name: &str, text: &str, most_characters: usize) -> Result<(), Refusal> {
    if text.chars().count() > most_characters {
        return Err(Refusal::bad(format!("'{name}' is too long. It may have at most {most_characters} characters.")));
    }
    Ok(())
}

/// Digits of a side or a place of `targetFace`, leading zeros aside. No picture that is read has as many pixels.
const MOST_TARGET_DIGITS: usize = 9;

/// Reads `targetFace`: `left,top,width,height` in whole pixels. Its form stands as a pattern in the description.
pub(crate) fn target_face(text: Option<&str>) -> Result<Option<Rect>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let wrong = || Refusal::bad("'targetFace' is invalid. Its form is left,top,width,height in whole pixels.");
    let range = || Refusal::bad("'targetFace' is out of range. Left and top start at 0, width and height at 1.");
    let number = |part: &str| {
        let part = part.trim_matches(' ');
        let digits = part.strip_prefix('-').unwrap_or(part);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let digits = digits.trim_start_matches('0');
        if digits.len() > MOST_TARGET_DIGITS || part.starts_with('-') {
            return Err(range());
        }
        if digits.is_empty() { Ok(0) } else { digits.parse::<i32>().map_err(|_| range()) }
    };
    let numbers: Vec<i32> = text.split(',').map(number).collect::<Result<_, _>>()?;
    let [left, top, width, height] = numbers[..] else { return Err(wrong()) };
    if width == 0 || height == 0 {
        return Err(range());
    }
    Ok(Some(Rect { left, top, width, height }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_ids() {
        let long = "x".repeat(65);
        let cases = [
            ("a", true),
            ("my-group_7", true),
            ("", false),
            ("Group", false),
            ("a b", false),
            ("é", false),
            (&*long, false),
        ];
        for (id, good) in cases {
            assert_eq!(is_container_id(id), good, "{id}");
        }
    }

    #[test]
    fn target_faces() {
        let cases = [
            ("10,20,30,40", Some((10, 20, 30, 40))),
            (" 1, 2, 3, 4", Some((1, 2, 3, 4))),
            ("0,00,0000000007,999999999", Some((0, 0, 7, 999_999_999))),
            ("+1,2,3,4", None),
            ("1,2,3,1000000000", None),
            (",2,3,4", None),
            ("1,2,3", None),
            ("1,2,3,4,5", None),
            ("1,2,3,x", None),
            ("-1,2,3,4", None),
            ("1,2,0,4", None),
            ("1.5,2,3,4", None),
            ("99999999999,2,3,4", None),
        ];
        for (text, expected) in cases {
            let rect = target_face(Some(text)).ok().flatten();
            assert_eq!(rect.map(|r| (r.left, r.top, r.width, r.height)), expected, "{text}");
        }
    }
}

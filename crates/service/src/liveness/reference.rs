//! The reference picture of a session with verify: one face, fit to be compared with, or the reason why it is not.

use crate::app::App;
use crate::inference::InferenceError;
use crate::shares::Owner;
use likeness_base::Secret;
use likeness_liveness::{Quality, Rectangle};
use likeness_sight::quality;
use likeness_vision::{
    AttributeSet, DecodeError, DescribeOptions, Flaws, Limits, Picture, RecogniserSet, Search, VisionError,
};

/// What was found in a reference picture.
pub struct ReferencePicture {
    /// The face.
    pub face_rectangle: Rectangle,
    /// How fit it is.
    pub quality: Quality,
    /// Its template.
    pub template: Secret<Vec<f32>>,
    /// The space of that.
    pub space: String,
}

/// Why a picture is no reference.
#[derive(Debug, thiserror::Error)]
pub enum NoReference {
    /// It cannot be decoded.
    #[error(transparent)]
    Unreadable(#[from] DecodeError),
    /// It shows no face, several, or one that is not fit; the text says which and what to do.
    #[error("{0}")]
    Unfit(String),
    /// A network failed.
    #[error(transparent)]
    Vision(#[from] VisionError),
}

/// Flaws for which a reference is refused, with the words for people.
const REFUSED: [(Flaws, &str); 5] = [
    (Flaws::COVERED, "something covers eyes or mouth"),
    (Flaws::DARK, "it is too dim"),
    (Flaws::CUT_OFF, "a part of it is cut off"),
    (Flaws::SMALL, "it is too small: at least 80 pixels wide are needed"),
    (Flaws::BLURRED, "it is blurred"),
];

/// Finds the face of a reference picture, on a worker.
///
/// # Errors
/// [`InferenceError`] when there is no worker; within, why the picture is no reference.
pub async fn read_reference(
    app: &App,
    owner: Owner,
    bytes: Secret<Vec<u8>>,
) -> Result<Result<ReferencePicture, NoReference>, InferenceError> {
    let recogniser = app.recognisers.default_recogniser().clone();
    let number = recogniser.number;
    let work = move |vision: &mut crate::worker_networks::WorkerNetworks| -> Result<ReferencePicture, NoReference> {
        let picture = Picture::decode(bytes.expose(), &Limits::default())?;
        drop(bytes);
        let detections = vision.detect(&picture, Search::default())?;
        let [found] = detections.as_slice() else {
            let text = if detections.is_empty() {
                "No face detected in the image."
            } else {
                "There is more than 1 face in the image."
            };
            return Err(NoReference::Unfit(format!("{text} A reference picture shows exactly one.")));
        };
        let templates = RecogniserSet::NONE.with(number);
        let options = DescribeOptions { templates, attributes: AttributeSet::QUALITY, ..DescribeOptions::default() };
        let face = vision.describe(&picture, found, options)?;
        let flaws = face.flaws.unwrap_or_default();
        let reasons: Vec<&str> =
            REFUSED.iter().filter(|(flaw, _)| flaws.contains(*flaw)).map(|(_, words)| *words).collect();
        if !reasons.is_empty() {
            return Err(NoReference::Unfit(format!(
                "The face of the reference picture cannot be compared: {}. Give another picture.",
                reasons.join("; ")
            )));
        }
        let template = face.template(number).cloned();
        let template = template.ok_or_else(|| NoReference::Unfit("The face cannot be compared.".to_owned()))?;
        let rect = face.rect;
        Ok(ReferencePicture {
            face_rectangle: Rectangle { top: rect.top, left: rect.left, width: rect.width, height: rect.height },
            quality: quality(face.quality),
            template,
            space: recogniser.space_id.to_string(),
        })
    };
    app.inference.run(owner, work).await
}

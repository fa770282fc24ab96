//! The parsers of strangers' bytes by themselves, for tests that throw anything at them. The program has its own ways to
//! them; nothing here is part of its interface.

use crate::face::arguments::{self, DetectionModel, Fields};
use crate::face::attributes::{Allowed, Requested};
use crate::face::json::Body;
use crate::face::query::Query;
use crate::face::routes;
use crate::face::version::Version;
use likeness_vision::AttributeSet;

/// A JSON body, read as every operation reads one. Whether it was accepted.
pub fn json(bytes: &[u8]) -> bool {
    let Ok(body) = Body::parse(bytes) else { return false };
    // Every getter, whatever the property holds: what one operation takes for a number another may take for a text.
    for name in ["faceIds", "faceId", "name", "userData", "url", "confidenceThreshold", "maxNumOfCandidatesReturned"] {
        drop(body.text(name));
        drop(body.integer(name, 1, 1, 100));
        drop(body.share(name));
        drop(body.uuid(name));
        drop(body.uuids(name, 1, 1000));
    }
    drop(Fields::read(&body));
    drop(arguments::user_data(&body, 16));
    true
}

/// The value of `targetFace`.
pub fn target_face(text: &str) -> bool {
    arguments::target_face(Some(text)).is_ok()
}

/// A query string, read as detect and the lists read one.
pub fn query(raw: &str) -> bool {
    let query = Query::parse(Some(raw));
    let detection = DetectionModel::parse(query.text("detectionModel"));
    let recognition = arguments::recognition_model(query.text("recognitionModel"));
    let attributes = query.text("returnFaceAttributes");
    let models = detection.and_then(|detection| Ok((detection, recognition?)));
    let (approved, computable) = (AttributeSet::all(), AttributeSet::all());
    let asked = models.and_then(|(detection, recognition)| {
        let allowed = Allowed { version: Version::V1_2, detection, recognition, approved, computable };
        Requested::parse(attributes, allowed)
    });
    let flags = query.flag("returnFaceId", true).and(query.flag("returnFaceLandmarks", false));
    let numbers = query.integer("faceIdTimeToLive", 60, 60, 86_400).map(drop).and(query.page().map(drop));
    asked.is_ok() && flags.is_ok() && numbers.is_ok()
}

/// A path below the version. Whether a route fits.
pub fn path(text: &str) -> bool {
    let methods = [axum::http::Method::GET, axum::http::Method::POST, axum::http::Method::DELETE];
    methods.iter().any(|method| matches!(routes::find(method, text), routes::Matched::Route(..)))
}

//! Detect: faces in a picture, their attributes, and a `faceId` for later calls.

use super::arguments::{DetectionModel, recognition_model};
use super::attributes::{Allowed, FaceAttributes, Requested};
use super::call::{Admitted, Call, Permitted};
use super::picture;
use crate::azure::Refusal;
use likeness_base::random_bytes;
use likeness_http::Reply;
use likeness_rules::{Gate, RetentionClass};
use likeness_service::templates;
use likeness_store::{DetectedFace, FaceId, FaceIdWrite};
use likeness_vision::{AttributeSet, Depth, DescribeOptions, Face, Landmarks, RecogniserSet, Rect, Search};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::time::Duration;
use uuid::Uuid;

/// Bounds of `faceIdTimeToLive` in seconds; the upper one is also the default.
const TIME_TO_LIVE: (i64, i64) = (60, 86_400);

/// `POST detect`
pub(super) async fn detect(mut call: Call<Admitted>) -> Result<Reply, Refusal> {
    let approved = call.attributes().await?;
    let options = match DetectOptions::read(&call, approved) {
        Ok(options) => options,
        Err(refusal) => {
            // A token that lends less than is requested was used all the same; one sent with a mistyped argument was not.
            if matches!(refusal, Refusal::UnsupportedFeature(_)) {
                call.refuse_approval().await?;
            }
            return Err(refusal);
        }
    };
    let call = call.permit_for(if options.face_id { Gate::Either } else { Gate::Open }).await?;
    let (call, bytes) = picture::bytes(call).await?;
    let templates = if options.face_id { recognisers(&call).await? } else { RecogniserSet::NONE };
    let describe = DescribeOptions {
        landmarks: options.landmarks,
        attributes: options.attributes.measures(),
        templates,
        ..DescribeOptions::default()
    };
    let search = search(options.detection);
    let faces = call
        .app()
        .inference
        .run(call.owner(), move |vision| -> Result<Vec<Face>, Refusal> {
            let picture = picture::decode(&bytes)?;
            drop(bytes);
            let detections = vision.detect(&picture, search)?;
            Ok(detections.iter().map(|found| vision.describe(&picture, found, describe)).collect::<Result<_, _>>()?)
        })
        .await??;

    let ids = if options.face_id { keep_face_ids(&call, &options, &faces).await? } else { Vec::new() };
    let answer: Vec<WireFace<'_>> = faces
        .iter()
        .enumerate()
        .map(|(position, face)| WireFace {
            face_id: ids.get(position).copied(),
            recognition_model: (options.return_recognition_model && options.face_id).then_some(options.recognition),
            face_rectangle: WireRect::from(face.rect),
            face_landmarks: face.landmarks.as_ref().filter(|_| options.landmarks).map(WireLandmarks),
            face_attributes: options.attributes.of(face),
        })
        .collect();
    call.answer(&answer)
}

/// The recognisers of which a new faceId carries a template: that of new containers, and those of the templates that the
/// account holds, so that each of its containers can be searched. A search of one whose pack is not
/// installed is refused.
async fn recognisers(call: &Call<Permitted>) -> Result<RecogniserSet, Refusal> {
    let recognisers = &call.app().recognisers;
    if recognisers.all().len() == 1 {
        return Ok(RecogniserSet::FIRST);
    }
    let spaces = call.store().spaces(call.account(), false).await?;
    let known = spaces.iter().filter_map(|(space, _)| recognisers.by_space(space));
    Ok(known.fold(RecogniserSet::FIRST, |set, recogniser| set.with(recogniser.number)))
}

/// How thoroughly each detection model looks. The second and third promise smaller faces than the first.
pub(super) fn search(model: DetectionModel) -> Search {
    match model {
        DetectionModel::One => Search::default(),
        DetectionModel::Two | DetectionModel::Three => Search { depth: Depth::Deep, ..Search::default() },
    }
}

/// The arguments of detect.
struct DetectOptions {
    face_id: bool,
    landmarks: bool,
    attributes: Requested,
    recognition: &'static str,
    return_recognition_model: bool,
    detection: DetectionModel,
    time_to_live: Duration,
}

impl DetectOptions {
    fn read(call: &Call<Admitted>, approved: AttributeSet) -> Result<Self, Refusal> {
        let query = call.query();
        let face_id = query.flag("returnFaceId", true)?;
        let landmarks = query.flag("returnFaceLandmarks", false)?;
        let recognition = recognition_model(query.text("recognitionModel"))?;
        let return_recognition_model = query.flag("returnRecognitionModel", false)?;
        let detection = DetectionModel::parse(query.text("detectionModel"))?;
        let (least, most) = TIME_TO_LIVE;
        let seconds = query.integer("faceIdTimeToLive", most, least, most)?;
        if landmarks && detection == DetectionModel::Two {
            return Err(Refusal::bad("'returnFaceLandmarks' is not supported by detection_02."));
        }
        let allowed =
            Allowed { version: call.version(), detection, recognition, approved, computable: call.computable() };
        let attributes = Requested::parse(query.text("returnFaceAttributes"), allowed)?;
        let wished = Duration::from_secs(u64::try_from(seconds).unwrap_or(86_400));
        let time_to_live = wished.min(call.retention(RetentionClass::FaceId));
        Ok(Self { face_id, landmarks, attributes, recognition, return_recognition_model, detection, time_to_live })
    }
}

/// Stores the templates behind new face ids and returns the ids in the order of the faces.
async fn keep_face_ids(call: &Call<Permitted>, options: &DetectOptions, faces: &[Face]) -> Result<Vec<Uuid>, Refusal> {
    let expires_at = call.now().plus(options.time_to_live);
    let mut kept = Vec::with_capacity(faces.len());
    for face in faces {
        if face.templates.is_empty() {
            return Err(Refusal::Internal("a face came without its template".to_owned()));
        }
        let (template, space) = templates::encode_all(&face.templates, &call.app().recognisers);
        kept.push(DetectedFace {
            id: FaceId::new(expires_at, random_bytes(&*call.app().randomness)),
            template,
            space,
            model: options.recognition.to_owned(),
            expires_at,
        });
    }
    let ids = kept.iter().map(|face| face.id.as_uuid()).collect();
    if !kept.is_empty() {
        let write = FaceIdWrite::Keep { faces: kept };
        call.write(write).await?;
    }
    Ok(ids)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireFace<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    face_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recognition_model: Option<&'static str>,
    face_rectangle: WireRect,
    #[serde(skip_serializing_if = "Option::is_none")]
    face_landmarks: Option<WireLandmarks<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    face_attributes: Option<FaceAttributes>,
}

/// A rectangle in whole pixels of the upright picture.
#[derive(Serialize)]
pub(super) struct WireRect {
    top: i32,
    left: i32,
    width: i32,
    height: i32,
}

impl From<Rect> for WireRect {
    fn from(rect: Rect) -> Self {
        Self { top: rect.top, left: rect.left, width: rect.width, height: rect.height }
    }
}

struct WireLandmarks<'a>(&'a Landmarks);

#[derive(Serialize)]
struct WirePoint {
    x: f32,
    y: f32,
}

impl Serialize for WireLandmarks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(27))?;
        for (name, point) in self.0.named() {
            // A tenth of a pixel is what clients are used to, and finer than the network is right.
            let tenth = |value: f32| (value * 10.0).round() / 10.0;
            map.serialize_entry(name, &WirePoint { x: tenth(point.x), y: tenth(point.y) })?;
        }
        map.end()
    }
}

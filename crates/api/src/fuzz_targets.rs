//! The parsers of bytes from outside by themselves, for fuzzing: each says whether it took its input. The program has its
//! own ways to them; nothing here is part of its interface.

use crate::face::{
    Allowed, DetectionModel, Face, Fields, Requested, Version, is_new_session, recognition_model,
    target_face as read_target_face, user_data,
};
use crate::management::{Assign, Revoke, moment, whole_days};
use crate::notice::ConsentDecision;
use crate::sts;
use axum::http::{Method, Request};
use likeness_base::Secret;
use likeness_http::{BadValue, Body, Form, Input, PeerAddress, Query, RequestAddress, find};
use likeness_rules::{ResourceId, Settings, parse_network};
use likeness_service::accounts::settings_change::SettingsChange;
use likeness_service::config::AccessConfig;
use likeness_vision::AttributeSet;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

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
    drop(user_data(&body, 16));
    true
}

/// The value of `targetFace`.
pub fn target_face(text: &str) -> bool {
    read_target_face(Some(text)).is_ok()
}

/// A query string, read as detect and the lists read one.
pub fn query(raw: &str) -> bool {
    let query = Query::parse(Some(raw));
    let detection = DetectionModel::parse(query.text("detectionModel"));
    let recognition = recognition_model(query.text("recognitionModel"));
    let attributes = query.text("returnFaceAttributes");
    let models = detection.and_then(|detection| Ok((detection, recognition?)));
    let (approved, computable) = (AttributeSet::all(), AttributeSet::all());
    let asked = models.and_then(|(detection, recognition)| {
        let allowed = Allowed { version: Version::V1_2, detection, recognition, approved, computable };
        Requested::parse(attributes, allowed)
    });
    let rest = || -> Result<(), BadValue> {
        query.flag("returnFaceId", true)?;
        query.flag("returnFaceLandmarks", false)?;
        query.integer("faceIdTimeToLive", 60, 60, 86_400)?;
        query.page().map(drop)
    };
    asked.is_ok() && rest().is_ok()
}

/// A path below the version. Whether a route fits.
pub fn path(text: &str) -> bool {
    [Method::GET, Method::POST, Method::DELETE].iter().any(|method| find::<Face>(method, text).is_ok())
}

/// From where a request comes and whose it is: host, path, then values of `X-Forwarded-For`, a line each, as a proxy in
/// 10.0.0.0/8 sends them. Whether an account was named or the walk went past the proxy.
pub fn place(text: &str) -> bool {
    let mut lines = text.lines();
    let mut request = Request::get(lines.by_ref().nth(1).unwrap_or("/"));
    request = request.header("host", text.lines().next().unwrap_or_default());
    for value in lines {
        request = request.header("x-forwarded-for", value);
    }
    let Ok(request) = request.body(()) else { return false };
    let (mut parts, ()) = request.into_parts();
    let proxy = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    parts.extensions.insert(PeerAddress(proxy));
    let access = AccessConfig {
        domains: vec!["face.example.org".to_owned()],
        trusted_proxies: Some(parse_network("10.0.0.0/8").into_iter().collect()),
        ..AccessConfig::default()
    };
    let address = RequestAddress::read(&parts, &access);
    address.origin.subdomain.is_some() || address.origin.client != proxy
}

/// The body of a decision about a notice.
pub fn decision(bytes: &[u8]) -> bool {
    Body::parse(bytes).is_ok_and(|body| ConsentDecision::read(&body).is_ok())
}

/// The body of `PATCH accounts/{}`, up to the settings that would come of it.
pub fn change(bytes: &[u8]) -> bool {
    let Ok(change) = serde_json::from_slice::<SettingsChange>(bytes) else { return false };
    let Some(resource) = ResourceId::new(uuid::Uuid::nil(), "rg", "account") else { return false };
    let mut settings = Settings::new(resource, "local");
    if change.apply(&mut settings).is_err() || settings.check().is_err() {
        return false;
    }
    // What is taken must be readable again, or the account is lost.
    assert_eq!(Settings::read(&settings.write()), Ok(settings), "settings do not come back as they were written");
    true
}

/// The body that gives a role.
pub fn assign(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Assign>(bytes).is_ok_and(|assign| assign.role().is_ok())
}

/// The body that makes tokens dead.
pub fn revoke(bytes: &[u8]) -> bool {
    let Ok(revoke) = serde_json::from_slice::<Revoke>(bytes) else { return false };
    revoke.token.is_some() != revoke.before.is_some_and(|before| before == "now" || moment(&before).is_some())
}

/// An order for a limited access token: the query string in the first line, then the body.
pub fn limited(bytes: &[u8]) -> bool {
    let (query, body) = first_line(bytes);
    let query = Query::parse(Some(&query));
    Body::parse(body).is_ok_and(|body| sts::read(&query, &body).is_ok())
}

/// A form: its media type in the first line, then the body. Every part is read, and so is the session that it asks for.
pub fn form(bytes: &[u8]) -> bool {
    let (media_type, body) = first_line(bytes);
    let Ok(form) = Form::parse(&media_type, Secret::new(body.to_vec())) else { return false };
    let (parts, is_session) = (form.parts().count(), is_new_session(Input::Form(form)));
    parts > 0 || !is_session
}

/// The JSON body that creates a liveness session.
pub fn new_session(bytes: &[u8]) -> bool {
    Body::parse(bytes).is_ok_and(|body| is_new_session(Input::Json(body)))
}

/// The query string of a report about whole days.
pub fn report(raw: &str) -> bool {
    whole_days(&Query::parse(Some(raw))).is_ok_and(|(from, to)| from < to)
}

/// The first line as text, and what follows it.
fn first_line(bytes: &[u8]) -> (Cow<'_, str>, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    (String::from_utf8_lossy(&bytes[..end]), bytes.get(end + 1..).unwrap_or_default())
}

//! An attempt by requests: start, frames, end; and the opening of a socket.

use super::api::Devices;
use super::{device, key, socket, text, unread};
use crate::azure::{LivenessRefusal, Refusal, audit_body};
use likeness_base::Secret;
use likeness_http::{Call, Head, Input, Reply};
use likeness_liveness::message::{
    AttemptEnd, AttemptStatus, End, FromServer, Hello, Metadata, RequestedOutcome, ResultMessage, Started,
    most_frames_a_request,
};
use likeness_liveness::{Event, Origin};
use likeness_service::liveness::{Beginning, Ended, Running, Whereabouts};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Longest message over a socket: a reference picture.
const LONGEST_MESSAGE: usize = likeness_liveness::MOST_REFERENCE_BYTES;
/// The subprotocol.
const PROTOCOL: &str = "likeness.capture.v1";
/// How long the end of an attempt waits for its verdict at most.
const LONGEST_VERDICT: Duration = Duration::from_secs(20);

fn bad(text: impl Into<String>) -> Refusal {
    LivenessRefusal::InvalidBody(text.into()).into()
}

/// Where an attempt comes from, as its session keeps it.
fn origin(head: &Head<Devices>) -> Origin {
    Origin {
        client_request_id: text(&head.headers, "client-request-id"),
        user_agent: text(&head.headers, "user-agent"),
        client_address: Some(likeness_liveness::SecretText::new(head.address.origin.client.to_string())),
        path: head.address.path.clone(),
        ..Origin::of(head.request_id)
    }
}

/// `POST session/start`
pub(super) async fn start(call: Call<Devices>) -> Result<Reply, Refusal> {
    let device = device(&call)?;
    let Call { head, input, .. } = call;
    let Input::Json(body) = input else { return Err(bad("Request body is invalid. It must be a JSON object.")) };
    let hello = Hello::parse_start(&body.to_bytes()?).map_err(|problem| bad(format!("{problem}.")))?;
    let origin = origin(&head);
    let client = head.address.origin.client;
    let key_origins = key::origins(&head, &device.state);
    let beginning =
        Beginning { account: device.state.clone(), session: device.session, hello, origin, client, key_origins };
    // To its end, even where the device goes away meanwhile: an attempt that begins has somebody who leads it.
    let app = head.app.clone();
    let begun = tokio::spawn(async move { app.captures.begin(&app, beginning).await }).await;
    let running = begun.map_err(|_| Refusal::Internal("the begin of a capture broke off".to_owned()))??;
    let messages = running.messages();
    let ready = messages.iter().find_map(|message| match message {
        FromServer::Ready(ready) => Some(ready.clone()),
        _ => None,
    });
    let ready = ready.ok_or_else(|| Refusal::Internal("a capture began without saying so".to_owned()))?;
    Ok(Reply::json(&Started {
        session_id: ready.session_id,
        liveness_operation_mode: ready.mode,
        model_version: running.model_version,
        attempt_id: ready.attempt_id,
        remaining_attempts: ready.remaining_attempts,
        messages,
    })?)
}

/// The capture that a request is about.
async fn running(call: &Call<Devices>) -> Result<Arc<Running>, Refusal> {
    let device = device(call)?;
    match call.head.app.captures.find(&call.head.app, &device.state, device.session).await? {
        Whereabouts::Here(running) => Ok(running),
        Whereabouts::Elsewhere(address) => {
            let address = address.map(|address| format!("{}{}", address.trim_end_matches('/'), call.head.address.path));
            Err(LivenessRefusal::CaptureOnAnotherNode(address).into())
        }
        Whereabouts::Nowhere => Err(LivenessRefusal::AttemptNotFound.into()),
    }
}

/// `POST detectLiveness/singleModal` and the same with verify
pub(super) async fn frames(call: Call<Devices>) -> Result<Reply, Refusal> {
    let running = running(&call).await?;
    let Call { head, input, .. } = call;
    let Input::Form(form) = input else { return Err(bad("Request body is invalid. It must be a form.")) };
    if form.part("VideoContent").is_some() {
        return Err(Refusal::UnsupportedMediaType("frames as parts 'frame' of JPEG; films are not read"));
    }
    let pictures: Vec<&[u8]> =
        form.parts().filter(|part| part.name.eq_ignore_ascii_case("frame")).map(|part| part.bytes).collect();
    if pictures.len() > most_frames_a_request() {
        return Err(bad(format!("A request brings at most {} frames.", most_frames_a_request())));
    }
    let metadata = form.part("metadata").map(|part| Metadata::parse(part.bytes)).transpose();
    let metadata = metadata.map_err(|problem| unread("The part 'metadata'", problem, "'frames' and 'shown'"))?;
    if let Some(picture) = form.part("VerifyImage") {
        running.reference(&head.app, Secret::new(picture.bytes.to_vec()));
    }
    let Some(metadata) = metadata else {
        for picture in pictures {
            running.frame(&head.app, Secret::new(picture.to_vec()), false);
        }
        return response_without_messages(&running);
    };
    pass(&running, &head.app, &metadata, &pictures)?;
    // What was analysed so far; the rest comes with the next request.
    Ok(Reply::json(&json!({ "messages": messages(&running) }))?)
}

/// Passes frames and steps on in the order of the device's clock.
fn pass(
    running: &Arc<Running>,
    app: &Arc<likeness_service::app::App>,
    metadata: &Metadata,
    pictures: &[&[u8]],
) -> Result<(), Refusal> {
    if metadata.frames.len() != pictures.len() {
        return Err(bad("The part 'metadata' names as many frames as there are parts 'frame'."));
    }
    let mut shown = metadata.shown.iter().peekable();
    for (frame, picture) in metadata.frames.iter().zip(pictures) {
        while let Some(step) = shown.next_if(|step| step.t <= frame.capture_ms) {
            running.handle(Event::Shown { step: step.step, t: step.t });
        }
        match frame.join(picture) {
            Ok(whole) => running.frame(app, Secret::new(whole), true),
            // No frame at all: the protocol is broken.
            Err(_) => running.handle(Event::Frame { bytes: &[] }),
        }
    }
    for step in shown {
        running.handle(Event::Shown { step: step.step, t: step.t });
    }
    Ok(())
}

/// What the server has to say, the end included where it came meanwhile.
fn messages(running: &Running) -> Vec<FromServer> {
    let mut all = running.messages();
    all.extend(running.ended().map(|ended| FromServer::Result(result(&ended))));
    all
}

fn response_without_messages(running: &Running) -> Result<Reply, Refusal> {
    match running.ended() {
        Some(ended) => Ok(Reply::json(&result(&ended))?),
        None => Ok(Reply::no_content()),
    }
}

/// How an attempt ended, as its device may know it.
pub(super) fn result(ended: &Ended) -> ResultMessage {
    let sends_to = ended.session.as_ref().filter(|session| session.request.sends_results);
    ResultMessage {
        status: if ended.code.is_none() { AttemptStatus::Succeeded } else { AttemptStatus::Failed },
        digest: ended.digest.clone(),
        code: ended.code,
        remaining_attempts: ended.remaining_attempts,
        response: sends_to.and_then(|session| session.attempts().last()).map(audit_body),
    }
}

/// `POST session/attempt/end`
pub(super) async fn end(call: Call<Devices>) -> Result<Reply, Refusal> {
    let running = running(&call).await?;
    let Input::Json(body) = call.input else { return Err(bad("Request body is invalid. It must be a JSON object.")) };
    let end = AttemptEnd::parse(&body.to_bytes()?);
    let end = end.map_err(|problem| unread("The request body", problem, "'attemptId' and 'outcome'"))?;
    if end.attempt_id != running.attempt {
        return Err(LivenessRefusal::AttemptNotFound.into());
    }
    match (end.outcome, end.count, end.tail) {
        (RequestedOutcome::Canceled, ..) => running.handle(Event::Cancel { reason: end.reason() }),
        (RequestedOutcome::Completed, Some(count), Some(tail)) => {
            let AttemptEnd { signature, assertion, evidence, .. } = end;
            running.handle_end(End { count, tail, signature, assertion, evidence });
        }
        (RequestedOutcome::Completed, ..) => running.handle(Event::EndOfPictures),
    }
    let ended = tokio::time::timeout(LONGEST_VERDICT, running.wait_for_end()).await;
    let ended = ended.map_err(|_| Refusal::Unavailable)?;
    // Deleted meanwhile: there is nothing that it could be the end of.
    if ended.session.is_none() && call.head.app.liveness.is_gone(&running.account, running.session).await? {
        return Err(LivenessRefusal::SessionNotFound.into());
    }
    Ok(Reply::json(&result(&ended))?)
}

/// `GET detectLiveness/singleModal` and the same with verify, with `Upgrade: websocket`
pub(super) async fn socket(call: Call<Devices>) -> Result<Reply, Refusal> {
    let Call { head, input, .. } = call;
    let refused = || bad(format!("This address answers to POST, and opens sockets of the protocol {PROTOCOL}."));
    let Input::Upgrade(upgrade) = input else { return Err(refused()) };
    let (reply, opening) = upgrade.open(PROTOCOL, LONGEST_MESSAGE).ok_or_else(refused)?;
    let origin = origin(&head);
    tokio::spawn(async move {
        if let Some(opened) = opening.await {
            let own = key::own(&head).to_owned();
            socket::serve(head.app.clone(), opened, head.address.origin.clone(), origin, &own).await;
        }
    });
    Ok(reply)
}

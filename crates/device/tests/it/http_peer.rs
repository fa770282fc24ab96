//! The server's end of requests.

use super::lead::{Heard, Lead, SESSION, Wanted};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use likeness_liveness::Event;
use likeness_liveness::message::{AttemptEnd, CancelReason, FromServer, Hello, Metadata, RequestedOutcome};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::DuplexStream;

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("nobody panics with it")
}

#[derive(Default)]
struct State {
    lead: Option<Lead>,
    /// Messages that wait for the next request.
    waiting: Vec<FromServer>,
}

impl State {
    fn go_on(&mut self) {
        let said = self.lead.as_mut().map(Lead::messages).unwrap_or_default();
        self.waiting.extend(said);
    }

    fn take(&mut self) -> Value {
        self.go_on();
        json!(std::mem::take(&mut self.waiting))
    }
}

pub(crate) async fn serve(stream: DuplexStream, wanted: Wanted) -> Heard {
    let state = Arc::new(Mutex::new(State::default()));
    let shared = state.clone();
    let service = service_fn(move |request| answer(request, shared.clone(), wanted));
    let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    loop {
        tokio::select! {
            _ = &mut serving => break,
            () = tokio::time::sleep(Duration::from_millis(10)) => locked(&state).go_on(),
        }
    }
    let lead = locked(&state).lead.take();
    lead.map_or(Heard { references: Vec::new(), signature: None }, |lead| Heard {
        references: lead.references,
        signature: lead.signature,
    })
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
    wanted: Wanted,
) -> Result<Response<Full<Bytes>>, Infallible> {
    assert_eq!(request.headers()["authorization"], "Bearer a token");
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let reply = match head.uri.path() {
        "/face/v1.2/session/start" => {
            let text = String::from_utf8_lossy(&body);
            assert!(!text.contains("a token"), "{text}");
            let Ok(hello) = Hello::parse_start(&body) else {
                return Ok(Response::builder().status(400).body(Full::default()).expect("an answer"));
            };
            let mut state = locked(&state);
            state.lead = Some(Lead::begin(&hello, wanted));
            json!({ "sessionId": SESSION, "attemptId": 1, "messages": state.take() })
        }
        "/face/v1.2/detectLiveness/singleModal" => {
            let kind = head.headers["content-type"].to_str().expect("a text");
            let boundary = kind.strip_prefix("multipart/form-data; boundary=").expect("a form");
            let mut state = locked(&state);
            pass(state.lead.as_mut().expect("an attempt"), &parts(&body, boundary));
            json!({ "messages": state.take() })
        }
        "/face/v1.2/session/attempt/end" => {
            let end = AttemptEnd::parse(&body).expect("an end");
            assert_eq!(end.attempt_id, 1);
            {
                let mut state = locked(&state);
                let lead = state.lead.as_mut().expect("an attempt");
                lead.signature = end.signature;
                if !lead.is_over() {
                    let _ = lead.handle(match (end.outcome, end.count, end.tail) {
                        (RequestedOutcome::Completed, Some(count), Some(tail)) => Event::End { count, tail },
                        _ => Event::Cancel { reason: CancelReason::Person },
                    });
                }
            }
            loop {
                let mut messages = locked(&state).take();
                let last = messages.as_array_mut().and_then(Vec::pop).filter(|last| last["type"] == "result");
                if let Some(result) = last {
                    break result;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        other => panic!("{other}"),
    };
    let answer = Response::builder().status(StatusCode::OK).body(Full::new(Bytes::from(reply.to_string())));
    Ok(answer.expect("an answer"))
}

/// Frames and steps in the order of the device's clock.
fn pass(lead: &mut Lead, parts: &[(String, &[u8])]) {
    let named = |wanted: &'static str| parts.iter().filter(move |(name, _)| name == wanted).map(|(_, bytes)| *bytes);
    let metadata = Metadata::parse(named("metadata").next().expect("a part")).expect("metadata");
    let pictures: Vec<&[u8]> = named("frame").collect();
    assert_eq!(metadata.frames.len(), pictures.len());
    for picture in named("VerifyImage") {
        lead.bytes(picture);
    }
    let mut shown = metadata.shown.iter().peekable();
    let say = |lead: &mut Lead, step: u16, t: f64| {
        let text = json!({ "type": "shown", "step": step, "t": t }).to_string();
        if !lead.is_over() {
            lead.text(&text);
        }
    };
    for (frame, picture) in metadata.frames.iter().zip(pictures) {
        while let Some(step) = shown.next_if(|step| step.t <= frame.capture_ms) {
            say(lead, step.step, step.t);
        }
        if !lead.is_over() {
            lead.bytes(&frame.join(picture).unwrap_or_default());
        }
    }
    shown.for_each(|step| say(lead, step.step, step.t));
}

/// The parts of a form, as long as no part holds the boundary.
fn parts<'b>(body: &'b [u8], boundary: &str) -> Vec<(String, &'b [u8])> {
    let mark = format!("--{boundary}").into_bytes();
    let find = |from: usize, wanted: &[u8]| {
        body[from..].windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
    };
    let mut parts = Vec::new();
    let mut at = find(0, &mark).expect("a part") + mark.len();
    while let Some(end) = find(at, &mark) {
        let split = find(at, b"\r\n\r\n").expect("the end of a head");
        let head = String::from_utf8_lossy(&body[at..split]);
        let name = head.split('"').nth(1).expect("a name").to_owned();
        parts.push((name, &body[split + 4..end - 2]));
        at = end + mark.len();
    }
    parts
}

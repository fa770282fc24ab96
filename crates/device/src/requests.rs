//! An attempt over requests, where sockets are blocked.
//!
//! Frames are gathered for some tenths of a second. While a request is under way, the camera goes on.

use crate::connection::Stream;
use crate::form::Form;
use crate::{Attempt, Client, ClientError, Outcome, Outgoing, Pace, Refused};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use likeness_liveness::message::{
    AttemptEnd, CancelReason, FrameMetadata, Hello, Metadata, RequestedOutcome, most_frames_a_request,
};
use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::task::JoinSet;
use uuid::Uuid;

/// How long frames are gathered.
const GATHER_MS: f64 = 300.0;
/// The longest answer that is read.
const LONGEST_ANSWER: usize = 1024 * 1024;
/// How long an answer may take. The last one waits for the verdict.
const ANSWER: Duration = Duration::from_secs(60);

pub(crate) async fn run(
    client: &Client,
    stream: impl Stream,
    attempt: &mut Attempt<'_>,
    pace: &impl Pace,
) -> Result<Outcome, ClientError> {
    let mut post = Post::new(client.clone(), stream).await?;
    let mut waiting = VecDeque::from(attempt.due(pace.now_ms(), false)?);
    let Some(Outgoing::Hello(hello)) = waiting.pop_front() else { return Err(ClientError::Closed) };
    let started = post.json("session/start", &body_of(&hello)).await?.value()?;
    hear(attempt, &started["messages"], pace.now_ms())?;
    loop {
        let since_ms = pace.now_ms();
        loop {
            take(attempt, &mut waiting, pace)?;
            if is_due(&waiting, pace.now_ms() - since_ms) {
                break;
            }
            pace.until(attempt.wake_at().min(since_ms + GATHER_MS)).await;
        }
        let part = Part::next(&mut waiting);
        if !part.is_empty() {
            let (kind, body) = part.form();
            let sending = post.send(client.route(), &kind, body);
            let answer = meanwhile(attempt, &mut waiting, pace, sending).await?;
            if !answer.body.is_empty() {
                hear(attempt, &answer.value()?["messages"], pace.now_ms())?;
            }
        }
        // It may have ended with what was sent, whatever waits behind that.
        if let Some(outcome) = attempt.take_outcome() {
            return Ok(outcome);
        }
        let last = match waiting.front() {
            Some(Outgoing::End(end)) => AttemptEnd {
                attempt_id: attempt.number().unwrap_or_default(),
                outcome: RequestedOutcome::Completed,
                error_code: None,
                count: Some(end.count),
                tail: Some(end.tail),
                signature: end.signature,
                assertion: end.assertion.clone(),
                evidence: end.evidence.clone(),
            },
            Some(Outgoing::Cancel(reason)) => canceled(attempt, *reason),
            Some(Outgoing::HangUp) => return Err(ClientError::Closed),
            Some(Outgoing::Beside(hello)) => {
                let mut beside = Post::new(client.clone(), client.connect().await?).await?;
                let answer = beside.json("session/start", &body_of(hello)).await;
                let answer = answer.map_or_else(|error| error.to_string(), |answer| answer.text());
                attempt.heard_aside(answer);
                waiting.pop_front();
                continue;
            }
            _ => continue,
        };
        let body = serde_json::to_value(&last).unwrap_or_default();
        let mut result = post.json("session/attempt/end", &body).await?.value()?;
        result["type"] = "result".into();
        attempt.hear_json(&result, pace.now_ms())?;
        return attempt.take_outcome().ok_or(ClientError::NotOfProtocol("no result"));
    }
}

/// The body of `session/start`: the token is in a header, and a reference comes with the first frames.
fn body_of(hello: &Hello) -> Value {
    let mut body = serde_json::to_value(hello).unwrap_or_default();
    if let Some(members) = body.as_object_mut() {
        members.remove("token");
        members.remove("reference");
    }
    body
}

fn canceled(attempt: &Attempt<'_>, reason: CancelReason) -> AttemptEnd {
    let reason = serde_json::to_value(reason).ok().and_then(|reason| reason.as_str().map(str::to_owned));
    AttemptEnd {
        attempt_id: attempt.number().unwrap_or_default(),
        outcome: RequestedOutcome::Canceled,
        error_code: reason,
        count: None,
        tail: None,
        signature: None,
        assertion: None,
        evidence: None,
    }
}

fn hear(attempt: &mut Attempt<'_>, messages: &Value, now_ms: f64) -> Result<(), ClientError> {
    let messages = messages.as_array().ok_or(ClientError::NotOfProtocol("an answer without messages"))?;
    messages.iter().try_for_each(|message| attempt.hear_json(message, now_ms))
}

fn take(attempt: &mut Attempt<'_>, waiting: &mut VecDeque<Outgoing>, pace: &impl Pace) -> Result<(), ClientError> {
    let now_ms = pace.now_ms();
    if attempt.is_out_of_patience(now_ms) {
        return Err(ClientError::Silent);
    }
    let may_take = count(waiting) < most_frames_a_request();
    waiting.extend(attempt.due(now_ms, may_take)?);
    Ok(())
}

/// Waits for an answer while the camera goes on.
async fn meanwhile<T>(
    attempt: &mut Attempt<'_>,
    waiting: &mut VecDeque<Outgoing>,
    pace: &impl Pace,
    sending: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    tokio::pin!(sending);
    loop {
        tokio::select! {
            answer = &mut sending => return answer,
            () = pace.until(attempt.wake_at()) => take(attempt, waiting, pace)?,
        }
    }
}

fn count(waiting: &VecDeque<Outgoing>) -> usize {
    waiting.iter().filter(|out| matches!(out, Outgoing::Frame { .. })).count()
}

/// What is shown, and what ends the attempt, goes at once.
fn is_due(waiting: &VecDeque<Outgoing>, gathered_ms: f64) -> bool {
    let is_urgent = waiting.iter().any(|out| !matches!(out, Outgoing::Frame { .. }));
    is_urgent || count(waiting) >= most_frames_a_request() || gathered_ms >= GATHER_MS
}

/// What goes in one request.
#[derive(Default)]
struct Part {
    metadata: Metadata,
    pictures: Vec<Vec<u8>>,
    reference: Option<Vec<u8>>,
}

impl Part {
    /// Takes as much as a request may bring.
    fn next(waiting: &mut VecDeque<Outgoing>) -> Self {
        let mut part = Self::default();
        while part.pictures.len() < most_frames_a_request() {
            match waiting.front() {
                Some(Outgoing::End(_) | Outgoing::Cancel(_) | Outgoing::HangUp | Outgoing::Beside(_)) | None => break,
                Some(_) => {}
            }
            match waiting.pop_front() {
                Some(Outgoing::Frame { head, jpeg }) => {
                    let (seq, capture_ms, step, tail) = (head.seq, head.capture_ms, head.step, head.tail);
                    part.metadata.frames.push(FrameMetadata { seq, capture_ms, step, tail });
                    part.pictures.push(jpeg);
                }
                Some(Outgoing::Shown(shown)) => part.metadata.shown.push(shown),
                Some(Outgoing::Reference(picture)) => part.reference = Some(picture),
                _ => {}
            }
        }
        part
    }

    fn is_empty(&self) -> bool {
        self.metadata == Metadata::default() && self.reference.is_none()
    }

    /// The header `Content-Type`, and the body.
    fn form(self) -> (String, Vec<u8>) {
        // The first tail, or no frame: neither is known before.
        let tail = self.metadata.frames.first().map_or([0; 16], |frame| frame.tail);
        let mut form = Form::new(format!("likeness-{}", Uuid::from_bytes(tail).simple()));
        let metadata = serde_json::to_string(&self.metadata).unwrap_or_default();
        form.text("metadata", "application/json", &metadata);
        if let Some(picture) = &self.reference {
            form.file("VerifyImage", "reference.jpg", "application/octet-stream", picture);
        }
        for (picture, head) in self.pictures.iter().zip(&self.metadata.frames) {
            form.file("frame", &format!("{}.jpg", head.seq), "image/jpeg", picture);
        }
        form.finish()
    }
}

/// Requests of one attempt, one after another over one connection.
struct Post {
    client: Client,
    connection: SendRequest<Full<Bytes>>,
    /// Ends with the attempt.
    connections: JoinSet<()>,
}

/// An answer that is no refusal.
struct Answer {
    body: Bytes,
}

impl Answer {
    fn value(&self) -> Result<Value, ClientError> {
        serde_json::from_slice(&self.body).map_err(|_| ClientError::NotOfProtocol("an answer that is no JSON"))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Post {
    async fn new(client: Client, stream: impl Stream) -> Result<Self, ClientError> {
        let mut connections = JoinSet::new();
        let connection = Self::over(stream, &mut connections).await?;
        Ok(Self { client, connection, connections })
    }

    async fn over(stream: impl Stream, connections: &mut JoinSet<()>) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let (connection, driver) = handshake(TokioIo::new(stream)).await.map_err(|_| ClientError::Closed)?;
        connections.spawn(async { drop(driver.await) });
        Ok(connection)
    }

    async fn reconnect(&mut self) -> Result<(), ClientError> {
        let stream = self.client.connect().await?;
        self.connection = Self::over(stream, &mut self.connections).await?;
        Ok(())
    }

    async fn json(&mut self, route: &str, body: &Value) -> Result<Answer, ClientError> {
        self.send(route, "application/json", body.to_string().into_bytes()).await
    }

    /// Sends a request; to another node, once, where this one says that the attempt lives there.
    async fn send(&mut self, route: &str, kind: &str, body: Vec<u8>) -> Result<Answer, ClientError> {
        let body = Bytes::from(body);
        let mut may_move = true;
        loop {
            // Servers end connections that were idle.
            if self.connection.ready().await.is_err() {
                self.reconnect().await?;
            }
            let asking = self.connection.send_request(self.request(route, kind, body.clone())?);
            let answer = tokio::time::timeout(ANSWER, asking).await.map_err(|_| ClientError::Silent)?;
            let answer = answer.map_err(|_| ClientError::Closed)?;
            let status = answer.status().as_u16();
            let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
            let (node, wait) = (text(header::LOCATION), text(header::RETRY_AFTER));
            let reading = Limited::new(answer.into_body(), LONGEST_ANSWER).collect();
            let read = tokio::time::timeout(ANSWER, reading).await.map_err(|_| ClientError::Silent)?;
            let body = read.map_err(|_| ClientError::Closed)?.to_bytes();
            match status {
                200 | 204 => return Ok(Answer { body }),
                409 if may_move && node.is_some() => {
                    let moved = node.and_then(|node| self.client.moved_to(&node));
                    self.client = moved.ok_or(ClientError::NotOfProtocol("the address of another node"))?;
                    self.reconnect().await?;
                    may_move = false;
                }
                _ => return Err(Refused::of_answer(status, wait.as_deref(), &body).into()),
            }
        }
    }

    fn request(&self, route: &str, kind: &str, body: Bytes) -> Result<Request<Full<Bytes>>, ClientError> {
        let address = self.client.address();
        Request::post(address.path(route))
            .header(header::HOST, address.authority())
            .header(header::AUTHORIZATION, format!("Bearer {}", self.client.token()))
            .header(header::CONTENT_TYPE, kind)
            .body(Full::new(body))
            .map_err(|_| ClientError::Address("the token or the address cannot be sent".to_owned()))
    }
}

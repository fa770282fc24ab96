//! An attempt over a socket.

use crate::connection::Stream;
use crate::{Attempt, Client, ClientError, Outcome, Outgoing, Pace, Refused};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use likeness_liveness::message::{FromDevice, Hello};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// The subprotocol.
const PROTOCOL: &str = "likeness.capture.v1";
/// The longest that a server says: a result with its response.
const LONGEST_MESSAGE: usize = 1024 * 1024;
/// Messages that may wait to be sent.
const QUEUE: usize = 512;
/// Messages that may wait while another frame is taken: beyond, frames are left out, not gathered.
const MOST_WAITING: usize = 3;
/// How long the opening of a socket may take.
const OPENING: Duration = Duration::from_secs(20);
/// How long good-byes may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long the answer to a second socket is waited for.
const ASIDE: Duration = Duration::from_secs(5);

pub(crate) async fn run(
    client: &Client,
    stream: impl Stream,
    attempt: &mut Attempt<'_>,
    pace: &impl Pace,
) -> Result<Outcome, ClientError> {
    let (sink, mut incoming) = open(client, stream).await?.split();
    let (queue, waiting) = mpsc::channel(QUEUE);
    // Ends with this function, whatever it waits for.
    let mut writers = JoinSet::new();
    writers.spawn(write(sink, waiting));
    let outcome = converse(client, &queue, &mut incoming, attempt, pace).await;
    if !matches!(outcome, Err(ClientError::Closed)) {
        drop(queue);
        drop(tokio::time::timeout(FAREWELL, writers.join_next()).await);
    }
    outcome
}

async fn converse<S: Stream>(
    client: &Client,
    queue: &mpsc::Sender<Message>,
    incoming: &mut SplitStream<WebSocketStream<S>>,
    attempt: &mut Attempt<'_>,
    pace: &impl Pace,
) -> Result<Outcome, ClientError> {
    loop {
        let now_ms = pace.now_ms();
        if attempt.is_out_of_patience(now_ms) {
            return Err(ClientError::Silent);
        }
        let may_take = queue.capacity() + MOST_WAITING > QUEUE;
        for out in attempt.due(now_ms, may_take)? {
            match out {
                Outgoing::HangUp => return Err(ClientError::Closed),
                Outgoing::Beside(hello) => {
                    let answer = aside(client, *hello).await;
                    attempt.heard_aside(answer);
                }
                // What a server does not take any more is lost with the connection, which the next lines find out.
                other => drop(queue.try_send(message(other))),
            }
        }
        tokio::select! {
            received = incoming.next() => match received {
                Some(Ok(Message::Text(text))) => {
                    let said: Value = serde_json::from_str(&text).map_err(|_| ClientError::NotOfProtocol("no JSON"))?;
                    attempt.hear_json(&said, pace.now_ms())?;
                }
                Some(Ok(Message::Binary(_))) => return Err(ClientError::NotOfProtocol("bytes")),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(ClientError::Closed),
            },
            () = pace.until(attempt.wake_at()) => {}
        }
        if let Some(outcome) = attempt.take_outcome() {
            return Ok(outcome);
        }
    }
}

fn message(out: Outgoing) -> Message {
    let said = |message: FromDevice| Message::text(message.to_json());
    match out {
        Outgoing::Hello(hello) | Outgoing::Beside(hello) => said(FromDevice::Hello(hello)),
        Outgoing::Reference(bytes) | Outgoing::Bytes(bytes) => Message::binary(bytes),
        Outgoing::Frame { head, jpeg } => Message::binary([head.to_bytes().as_slice(), &jpeg].concat()),
        Outgoing::Shown(shown) => said(FromDevice::Shown(shown)),
        Outgoing::End(end) => said(FromDevice::End(end)),
        Outgoing::Cancel(reason) => said(FromDevice::Cancel { reason }),
        Outgoing::Text(text) => Message::text(text),
        Outgoing::HangUp => Message::Close(None),
    }
}

async fn write<S: Stream>(mut sink: SplitSink<WebSocketStream<S>, Message>, mut waiting: mpsc::Receiver<Message>) {
    while let Some(message) = waiting.recv().await {
        if sink.send(message).await.is_err() {
            return;
        }
    }
    drop(sink.close().await);
}

async fn open<S: Stream>(client: &Client, stream: S) -> Result<WebSocketStream<S>, ClientError> {
    let address = client.address();
    let scheme = if address.is_tls { "wss" } else { "ws" };
    let url = format!("{scheme}://{}{}", address.authority(), address.path(client.route()));
    let mut request = url.into_client_request().map_err(|error| ClientError::Address(error.to_string()))?;
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    let config = WebSocketConfig::default().max_message_size(Some(LONGEST_MESSAGE)).max_frame_size(None);
    let opening = client_async_with_config(request, stream, Some(config));
    match tokio::time::timeout(OPENING, opening).await.map_err(|_| ClientError::Silent)? {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(answer)) => {
            let wait = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let body = answer.body().as_deref().unwrap_or_default();
            Err(ClientError::NoSocket(Refused::of_answer(answer.status().as_u16(), wait, body)))
        }
        Err(tungstenite::Error::Io(error)) => Err(ClientError::Connect(address.authority(), error)),
        Err(_) => Err(ClientError::NotOfProtocol("no opening of a socket")),
    }
}

/// Opens another socket with the same token. What it hears first.
async fn aside(client: &Client, hello: Hello) -> String {
    let opening = async {
        let mut socket = open(client, client.connect().await?).await?;
        let hello = message(Outgoing::Hello(Box::new(hello)));
        socket.send(hello).await.map_err(|_| ClientError::Closed)?;
        while let Some(Ok(received)) = socket.next().await {
            if let Message::Text(text) = received {
                return Ok(text.to_string());
            }
        }
        Err(ClientError::Closed)
    };
    match tokio::time::timeout(ASIDE, opening).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => error.to_string(),
        Err(_) => ClientError::Silent.to_string(),
    }
}

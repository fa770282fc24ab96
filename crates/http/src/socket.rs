//! WebSockets (RFC 6455): the opening answer of an upgraded request, and messages after it, bounded.
//!
//! Start at [`Upgrade::open`]. What messages mean is the business of the API whose row the request was for. A socket keeps
//! its seat in the count of connections for as long as it lives and ends with the server.

use crate::body::Upgrade;
use crate::listen::Seat;
use crate::reply::Reply;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use likeness_base::Secret;
use std::time::Duration;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, error::CapacityError};

/// What a request asks for that wants to open a socket.
#[derive(Debug)]
pub(crate) struct Offer {
    key: String,
    protocols: Vec<String>,
}

impl Offer {
    /// Reads it; `None`: the request asks for no socket, or for one of another version.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let is_socket = text(header::UPGRADE).is_some_and(|value| value.trim().eq_ignore_ascii_case("websocket"));
        let is_version = text(header::SEC_WEBSOCKET_VERSION).is_some_and(|value| value.trim() == "13");
        let key = text(header::SEC_WEBSOCKET_KEY)?.trim();
        // 16 bytes in base64.
        let is_key = key.len() == 24 && key.bytes().all(|byte| byte.is_ascii_graphic());
        let protocols = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
        let protocols = protocols.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
        let protocols = protocols.map(|name| name.trim().to_owned()).take(16).collect();
        (is_socket && is_version && is_key).then(|| Self { key: key.to_owned(), protocols })
    }
}

/// An open socket.
pub struct Socket {
    stream: WebSocketStream<TokioIo<Upgraded>>,
    seat: Option<Seat>,
}

/// What came over a socket.
#[derive(Debug)]
pub enum Received {
    /// A text.
    Text(Secret<String>),
    /// Bytes.
    Bytes(Secret<Vec<u8>>),
    /// Something longer than what is read. Nothing more comes.
    TooLong,
    /// The other side closed it, or it broke off.
    Closed,
    /// The server stops.
    Stopped,
}

impl Upgrade {
    /// The answer that opens a socket, and the socket once that is sent. `None`: the request asked for no socket of this
    /// protocol.
    pub fn open(
        self,
        protocol: &'static str,
        longest: usize,
    ) -> Option<(Reply, impl Future<Output = Option<Socket>> + Send + 'static)> {
        let offer = self.offer?;
        if !offer.protocols.iter().any(|offered| offered == protocol) {
            return None;
        }
        let reply = Reply::empty()
            .with_status(StatusCode::SWITCHING_PROTOCOLS)
            .with_header(header::CONNECTION, "Upgrade".to_owned())
            .with_header(header::UPGRADE, "websocket".to_owned())
            .with_header(header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(offer.key.as_bytes()))
            .with_header(header::SEC_WEBSOCKET_PROTOCOL, protocol.to_owned());
        let (connection, seat) = (self.connection, self.seat);
        let opening = async move {
            let upgraded = connection.await.ok()?;
            // A message may come in pieces, and no piece is longer than the whole.
            let config = WebSocketConfig::default()
                .max_message_size(Some(longest))
                .max_frame_size(Some(longest))
                .max_write_buffer_size(1024 * 1024);
            let stream = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
            Some(Socket { stream, seat })
        };
        Some((reply, opening))
    }
}

impl Socket {
    /// The next message. Pings are answered on the way.
    pub async fn receive(&mut self) -> Received {
        loop {
            let next = match &mut self.seat {
                Some(seat) => tokio::select! {
                    next = self.stream.next() => next,
                    () = seat.stopped() => return Received::Stopped,
                },
                None => self.stream.next().await,
            };
            match next {
                Some(Ok(Message::Text(text))) => return Received::Text(Secret::new(text.as_str().to_owned())),
                Some(Ok(Message::Binary(bytes))) => return Received::Bytes(Secret::new(bytes.to_vec())),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. }))) => return Received::TooLong,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Received::Closed,
            }
        }
    }

    /// Sends a text; whether the other side still takes any.
    pub async fn send(&mut self, text: String) -> bool {
        self.stream.send(Message::text(text)).await.is_ok()
    }

    /// Says good-bye and waits a little for the other side to do the same.
    pub async fn close(mut self, is_good: bool) {
        let code = if is_good { CloseCode::Normal } else { CloseCode::Policy };
        let farewell = async {
            if self.stream.close(Some(CloseFrame { code, reason: "".into() })).await.is_ok() {
                while let Some(Ok(_)) = self.stream.next().await {}
            }
        };
        drop(tokio::time::timeout(Duration::from_secs(2), farewell).await);
    }
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Socket(..)")
    }
}

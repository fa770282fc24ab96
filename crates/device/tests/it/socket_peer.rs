//! The server's end of a socket.

use super::lead::{Heard, Lead, Wanted};
use futures_util::{SinkExt as _, StreamExt as _};
use likeness_liveness::message::FromDevice;
use tokio::io::DuplexStream;
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

const NOTHING: Heard = Heard { references: Vec::new(), signature: None };

#[expect(clippy::result_large_err, clippy::unnecessary_wraps, reason = "the shape that the handshake asks for")]
fn opened(
    request: &Request,
    mut answer: Response,
) -> Result<Response, tokio_tungstenite::tungstenite::http::Response<Option<String>>> {
    assert_eq!(request.uri().path(), "/face/v1.2/detectLiveness/singleModal");
    let protocol = request.headers().get(SEC_WEBSOCKET_PROTOCOL).expect("a subprotocol is asked for").clone();
    assert_eq!(protocol, "likeness.capture.v1");
    answer.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    Ok(answer)
}

pub(crate) async fn serve(stream: DuplexStream, wanted: Wanted) -> Heard {
    let config =
        WebSocketConfig::default().max_message_size(Some(6 * 1024 * 1024)).max_frame_size(Some(6 * 1024 * 1024));
    let mut socket = accept_hdr_async_with_config(stream, opened, Some(config)).await.expect("a socket is opened");
    let Some(Ok(Message::Text(first))) = socket.next().await else { return NOTHING };
    let Ok(FromDevice::Hello(hello)) = FromDevice::parse(&first) else { return NOTHING };
    assert_eq!(hello.token.expose(), "a token");
    let mut lead = Lead::begin(&hello, wanted);
    loop {
        for message in lead.messages() {
            if socket.send(Message::text(message.to_json())).await.is_err() {
                return NOTHING;
            }
        }
        if lead.is_over() {
            drop(socket.close(None).await);
            return Heard { references: lead.references, signature: lead.signature };
        }
        tokio::select! {
            received = socket.next() => match received {
                Some(Ok(Message::Text(text))) => lead.text(&text),
                Some(Ok(Message::Binary(bytes))) => lead.bytes(&bytes),
                Some(Err(Error::Capacity(_))) => lead.bytes(&[]),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return NOTHING,
            },
            () = tokio::time::sleep_until(lead.wake_at()) => {}
        }
    }
}

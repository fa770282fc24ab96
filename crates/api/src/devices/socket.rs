//! An attempt over a socket: the usual way.

use super::capture::result;
use crate::azure::Refusal;
use likeness_base::{Clock as _, Secret};
use likeness_http::{Received, Socket};
use likeness_liveness::message::{CancelReason, ErrorMessage, FromDevice, FromServer, Hello};
use likeness_liveness::{AttemptCode, Event, Origin};
use likeness_rules::KeyOrigins;
use likeness_service::access;
use likeness_service::app::App;
use likeness_service::liveness::{Beginning, Running};
use std::sync::Arc;
use std::time::Duration;

/// How long the first message may take.
const HELLO_WAIT: Duration = Duration::from_secs(10);

/// Serves a socket from its first message to the end of the attempt.
/// `own`: the host and port at which the device reached the server.
pub(super) async fn serve(app: Arc<App>, mut socket: Socket, from: access::Origin, origin: Origin, own: &str) {
    let first = tokio::time::timeout(HELLO_WAIT, socket.receive()).await;
    let Ok(Received::Text(text)) = first else { return socket.close(false).await };
    let hello = match FromDevice::parse(text.expose()) {
        Ok(FromDevice::Hello(hello)) => hello,
        _ => {
            let refused = FromServer::Error(ErrorMessage {
                code: AttemptCode::ProtocolBroken.as_text().to_owned(),
                message: "The first message must be hello.".to_owned(),
                may_retry: true,
                retry_after_seconds: None,
            });
            socket.send(refused.to_json()).await;
            return socket.close(false).await;
        }
    };
    match begin(&app, *hello, from, origin, own).await {
        Ok(running) => capture(&app, socket, &running).await,
        Err(refusal) => {
            socket.send(refused(&refusal).to_json()).await;
            socket.close(false).await;
        }
    }
}

async fn begin(
    app: &Arc<App>,
    hello: Hello,
    from: access::Origin,
    origin: Origin,
    own: &str,
) -> Result<Arc<Running>, Refusal> {
    let now = app.clock.now().as_seconds();
    let device = app.access.admit_device_token(&from, hello.token.expose(), now).await?;
    let key_origins = KeyOrigins::new(own, &device.state.settings.cors_origins);
    let (account, session, client) = (device.state, device.session, from.client);
    let beginning = Beginning { account, session, hello, origin, client, key_origins };
    Ok(app.captures.begin(app, beginning).await?)
}

/// A refusal as a message, with the code and the words of the HTTP answer.
fn refused(refusal: &Refusal) -> FromServer {
    let wire = refusal.wire();
    let may_retry = wire.retry_after.is_some()
        || matches!(wire.code.as_str(), "AttemptInProgress" | "CaptureOnAnotherNode" | "NoticeNotAccepted");
    FromServer::Error(ErrorMessage {
        code: wire.code,
        message: wire.message,
        may_retry,
        retry_after_seconds: wire.retry_after,
    })
}

async fn capture(app: &Arc<App>, mut socket: Socket, running: &Arc<Running>) {
    let mut happened = running.watch();
    let mut is_open = true;
    loop {
        happened.mark_unchanged();
        for message in running.messages() {
            if !socket.send(message.to_json()).await {
                running.handle(Event::Cancel { reason: CancelReason::Person });
                return;
            }
        }
        if let Some(ended) = running.ended() {
            socket.send(FromServer::Result(result(&ended)).to_json()).await;
            return socket.close(ended.code.is_none()).await;
        }
        tokio::select! {
            // Whatever has ended says so again at once, for ever: it is asked once, so that others get the thread.
            received = socket.receive(), if is_open => {
                is_open = matches!(received, Received::Text(_) | Received::Bytes(_));
                take(app, running, received);
            }
            _ = happened.changed() => {}
        }
    }
}

/// Passes on what came. Whatever is not of the protocol ends the attempt.
fn take(app: &Arc<App>, running: &Arc<Running>, received: Received) {
    match received {
        Received::Bytes(bytes) if running.awaits_reference() => running.reference(app, bytes),
        Received::Bytes(bytes) => running.frame(app, bytes, true),
        Received::Text(text) => message(running, &text),
        // A frame that is as long as that is one that breaks the bound of frames.
        Received::TooLong => running.handle(Event::Frame { bytes: &[] }),
        // People close pages; what they began is over.
        Received::Closed | Received::Stopped => running.handle(Event::Cancel { reason: CancelReason::Person }),
    }
}

fn message(running: &Running, text: &Secret<String>) {
    match FromDevice::parse(text.expose()) {
        Ok(FromDevice::Shown(shown)) => running.handle(Event::Shown { step: shown.step, t: shown.t }),
        Ok(FromDevice::End(end)) => running.handle_end(end),
        Ok(FromDevice::Cancel { reason }) => running.handle(Event::Cancel { reason }),
        // A second hello, or nothing of the protocol: as good as a frame without a head.
        Ok(FromDevice::Hello(_)) | Err(_) => running.handle(Event::Frame { bytes: &[] }),
    }
}

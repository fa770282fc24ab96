//! Bodies: read within bounds of bytes and time, and wiped when the call ends.

use crate::json::Body as JsonBody;
use crate::listen::Seat;
use crate::pipeline::Api;
use crate::route::BodyKind;
use crate::unicode;
use crate::value::BadValue;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use likeness_base::Secret;
use std::time::{Duration, Instant};

/// A body above this is not even read to its end: 413 and the connection closes.
const HARD_CAP_BYTES: u64 = 16 * 1024 * 1024;
/// A body of this length may be left unread without closing the connection: it came with the head.
const PASSED_OVER_BYTES: u64 = 4 * 1024;
/// Longest wait for the next piece of a body.
const BODY_PATIENCE: Duration = Duration::from_secs(20);
/// Longest time for a whole body: 6 MB over a slow line of 0.5 Mbit/s.
const WHOLE_BODY: Duration = Duration::from_secs(120);

/// What came in the body.
#[derive(Debug)]
pub enum Input {
    /// The route reads nothing.
    Nothing,
    /// Bytes of any kind.
    Bytes(Secret<Vec<u8>>),
    /// A JSON object.
    Json(JsonBody),
    /// The bytes of a picture.
    Picture(Secret<Vec<u8>>),
    /// The connection, to be something else than HTTP.
    Upgrade(Upgrade),
}

/// A connection that becomes something else once the reply is 101.
#[derive(Debug)]
pub struct Upgrade {
    /// Gives the connection after the reply.
    pub connection: hyper::upgrade::OnUpgrade,
    /// Its share of the connection limit, kept for as long as it lives, and the signal to stop.
    pub seat: Option<Seat>,
}

/// Why a body was not taken.
#[derive(Debug)]
pub enum Unread {
    /// Larger than what a route of this kind reads; it was read to its end, so that the caller sees the answer.
    TooLarge(BodyKind),
    /// Larger than anything that is read; the connection closes.
    FarTooLarge,
    /// It did not arrive in time.
    Slow,
    /// It broke off.
    BrokeOff,
    /// It is of another media type; these are taken.
    MediaType(&'static str),
    /// It is no JSON object.
    NoJson(BadValue),
    /// As many pictures are read as memory is set aside for.
    Busy,
}

/// Whether there is more of a body than what came along with the head and costs nothing to pass over.
pub(crate) fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || announced(headers).is_some_and(|length| length > PASSED_OVER_BYTES)
}

/// Reads what a route reads.
pub(crate) async fn read<A: Api>(kind: BodyKind, headers: &HeaderMap, body: Body) -> Result<Input, Unread> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = essence == "application/json" || essence.ends_with("+json");
    let most = A::most_bytes(kind);
    match kind {
        BodyKind::Nothing | BodyKind::Upgrade => Ok(Input::Nothing),
        BodyKind::Bytes => collect(headers, body, most, BodyKind::Bytes).await.map(Input::Bytes),
        BodyKind::Json if is_json => json::<A>(headers, body).await,
        BodyKind::Json => Err(Unread::MediaType("application/json")),
        BodyKind::Picture if is_json => json::<A>(headers, body).await,
        BodyKind::Picture if essence == "application/octet-stream" || essence.starts_with("image/") => {
            collect(headers, body, most, BodyKind::Picture).await.map(Input::Picture)
        }
        BodyKind::Picture => Err(Unread::MediaType("application/octet-stream or application/json")),
    }
}

async fn json<A: Api>(headers: &HeaderMap, body: Body) -> Result<Input, Unread> {
    let most = A::most_bytes(BodyKind::Json);
    let bytes = collect(headers, body, most * unicode::WIDEST, BodyKind::Json).await?;
    match JsonBody::parse_at_most(bytes.expose(), most).map_err(Unread::NoJson)? {
        Some(body) => Ok(Input::Json(body)),
        None => Err(Unread::TooLarge(BodyKind::Json)),
    }
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok())
}

/// Reads a body of at most `most` bytes. What exceeds it is read to the end, so that the client gets to see the
/// refusal, but kept nowhere; what exceeds the hard cap is not read at all.
async fn collect(headers: &HeaderMap, body: Body, most: usize, kind: BodyKind) -> Result<Secret<Vec<u8>>, Unread> {
    let announced = announced(headers);
    if announced.is_some_and(|length| length > HARD_CAP_BYTES) {
        return Err(Unread::FarTooLarge);
    }
    let room = usize::try_from(announced.unwrap_or(0)).unwrap_or(0).min(most);
    let mut bytes = Secret::new(Vec::with_capacity(room));
    let mut seen = 0_u64;
    let mut pieces = body.into_data_stream();
    let deadline = Instant::now() + WHOLE_BODY;
    loop {
        let patience = BODY_PATIENCE.min(deadline.saturating_duration_since(Instant::now()));
        let piece = tokio::time::timeout(patience, pieces.next()).await;
        let piece = piece.map_err(|_| Unread::Slow)?;
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|_| Unread::BrokeOff)?;
        seen += piece.len() as u64;
        if seen > HARD_CAP_BYTES {
            return Err(Unread::FarTooLarge);
        }
        if seen <= most as u64 {
            append(&mut bytes, &piece);
        }
    }
    if seen > most as u64 { Err(Unread::TooLarge(kind)) } else { Ok(bytes) }
}

/// Appends without leaving an unwiped copy behind when the buffer has to grow.
fn append(bytes: &mut Secret<Vec<u8>>, piece: &[u8]) {
    let needed = bytes.expose().len() + piece.len();
    if needed > bytes.expose().capacity() {
        let mut grown = Vec::with_capacity(needed.max(bytes.expose().capacity() * 2));
        grown.extend_from_slice(bytes.expose());
        *bytes = Secret::new(grown);
    }
    bytes.expose_mut().extend_from_slice(piece);
}

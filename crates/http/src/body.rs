//! Bodies: read within bounds of bytes and time, and wiped when the call ends.

use crate::form::{self, Form};
use crate::json::Body as JsonBody;
use crate::listen::Seat;
use crate::pipeline::Api;
use crate::route::BodyKind;
use crate::socket::Offer;
use crate::unicode;
use crate::value::BadValue;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use likeness_base::Secret;
use likeness_service::shares::{FREE_BYTES, Owner, Share};
use likeness_shares::Shares;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A body above this is not even read to its end: 413 and the connection closes.
const HARD_CAP_BYTES: u64 = 16 * 1024 * 1024;
/// A body of this length may be left unread without closing the connection: it came with the head.
const PASSED_OVER_BYTES: u64 = 4 * 1024;
/// A body may pause this long, at its beginning and in all.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes per second that it brings at least beyond that, on average.
const LEAST_RATE: u64 = 8 * 1024;
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
    /// A form of several parts.
    Form(Form),
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
    /// The socket that is asked for, if it is one.
    pub(crate) offer: Option<Offer>,
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
    /// It is no JSON object, or no form.
    Malformed(BadValue),
    /// The caller's account has as many bytes in memory as it may.
    Busy,
}

/// Whether there is more of a body than what came along with the head and costs nothing to pass over.
pub(crate) fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || announced(headers).is_some_and(|length| length > PASSED_OVER_BYTES)
}

/// Reads what a route reads.
pub(crate) async fn read<A: Api>(
    kind: BodyKind,
    headers: &HeaderMap,
    body: Body,
    room: &mut Room<'_>,
) -> Result<Input, Unread> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = essence == "application/json" || essence.ends_with("+json");
    let most = A::most_bytes(kind);
    match kind {
        BodyKind::Nothing | BodyKind::Upgrade => Ok(Input::Nothing),
        BodyKind::Bytes => collect(headers, body, most, BodyKind::Bytes, room).await.map(Input::Bytes),
        BodyKind::Json if is_json => json::<A>(headers, body, room).await,
        BodyKind::Json => Err(Unread::MediaType("application/json")),
        BodyKind::Form | BodyKind::FormOrJson if essence == form::MEDIA_TYPE => {
            let bytes = collect(headers, body, most, kind, room).await?;
            Form::parse(media_type, bytes).map(Input::Form).map_err(Unread::Malformed)
        }
        BodyKind::FormOrJson if is_json => json::<A>(headers, body, room).await,
        BodyKind::Form => Err(Unread::MediaType(form::MEDIA_TYPE)),
        BodyKind::FormOrJson => Err(Unread::MediaType("multipart/form-data or application/json")),
        BodyKind::Picture if is_json => json::<A>(headers, body, room).await,
        BodyKind::Picture if essence == "application/octet-stream" || essence.starts_with("image/") => {
            collect(headers, body, most, BodyKind::Picture, room).await.map(Input::Picture)
        }
        BodyKind::Picture => Err(Unread::MediaType("application/octet-stream or application/json")),
    }
}

async fn json<A: Api>(headers: &HeaderMap, body: Body, room: &mut Room<'_>) -> Result<Input, Unread> {
    let most = A::most_bytes(BodyKind::Json);
    let bytes = collect(headers, body, most * unicode::WIDEST, BodyKind::Json, room).await?;
    match JsonBody::parse_at_most(bytes.expose(), most).map_err(Unread::Malformed)? {
        Some(body) => Ok(Input::Json(body)),
        None => Err(Unread::TooLarge(BodyKind::Json)),
    }
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok())
}

/// The memory that bodies are read into: what goes beyond a little takes a part of what the caller's owner may have.
pub(crate) struct Room<'a> {
    bodies: &'a Arc<Shares<Owner>>,
    owner: Owner,
    /// What the body has taken; kept for as long as the call goes on.
    taken: Option<Share>,
}

impl<'a> Room<'a> {
    /// Room for the body of a call of this owner.
    pub(crate) const fn of(bodies: &'a Arc<Shares<Owner>>, owner: Owner) -> Self {
        Self { bodies, owner, taken: None }
    }

    /// Makes sure that so many bytes are the caller's, and returns how long that took.
    async fn hold(&mut self, bytes: usize) -> Result<Duration, Unread> {
        if bytes <= FREE_BYTES || self.taken.is_some() {
            return Ok(Duration::ZERO);
        }
        let begun = Instant::now();
        let taken = self.bodies.take(self.owner, bytes as u64).await.map_err(|_| Unread::Busy)?;
        self.taken = Some(taken);
        Ok(begun.elapsed())
    }

    /// Gives back what was taken for more than came.
    fn settle(&mut self, bytes: usize) {
        if let Some(taken) = &mut self.taken {
            taken.shrink_to(bytes as u64);
        }
    }
}

/// Until when the next byte must come, where `seen` came since `begun`.
fn deadline(begun: Instant, seen: u64) -> Instant {
    begun + (BODY_PATIENCE + Duration::from_millis(seen * 1_000 / LEAST_RATE)).min(WHOLE_BODY)
}

/// Reads a body of at most `most` bytes. What exceeds it is read to the end, so that the client gets to see the
/// refusal, but kept nowhere; what exceeds the hard cap is left to the connection.
async fn collect(
    headers: &HeaderMap,
    body: Body,
    most: usize,
    kind: BodyKind,
    room: &mut Room<'_>,
) -> Result<Secret<Vec<u8>>, Unread> {
    let announced = announced(headers);
    if announced.is_some_and(|length| length > HARD_CAP_BYTES) {
        return Err(Unread::FarTooLarge);
    }
    // A body that does not say how long it is takes room for the longest once it is longer than what is free.
    let wanted = announced.map_or(most, |length| usize::try_from(length).unwrap_or(most).min(most));
    let mut bytes = Secret::new(Vec::with_capacity(wanted.min(FREE_BYTES)));
    let mut seen = 0_u64;
    let mut pieces = body.into_data_stream();
    let mut begun = Instant::now();
    loop {
        let patience = deadline(begun, seen).saturating_duration_since(Instant::now());
        let piece = tokio::time::timeout(patience, pieces.next()).await;
        let piece = piece.map_err(|_| Unread::Slow)?;
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|_| Unread::BrokeOff)?;
        seen += piece.len() as u64;
        if seen > HARD_CAP_BYTES {
            return Err(Unread::FarTooLarge);
        }
        if seen <= most as u64 {
            if bytes.expose().len() + piece.len() > FREE_BYTES {
                // Our wait is not the client's.
                begun += room.hold(wanted).await?;
            }
            append(&mut bytes, &piece, wanted);
        }
    }
    room.settle(bytes.expose().len());
    if seen > most as u64 { Err(Unread::TooLarge(kind)) } else { Ok(bytes) }
}

/// Appends without leaving an unwiped copy behind when the buffer has to grow.
fn append(bytes: &mut Secret<Vec<u8>>, piece: &[u8], wanted: usize) {
    let needed = bytes.expose().len() + piece.len();
    if needed > bytes.expose().capacity() {
        // Room for all at once, where its length is known.
        let mut grown = Vec::with_capacity(needed.max((bytes.expose().capacity() * 2).min(wanted)));
        grown.extend_from_slice(bytes.expose());
        *bytes = Secret::new(grown);
    }
    bytes.expose_mut().extend_from_slice(piece);
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;
    use likeness_service::config::SharesConfig;
    use likeness_service::shares::FairShares;

    #[test]
    fn a_body_comes_at_the_least_rate() {
        let begun = Instant::now();
        let after = |seen| deadline(begun, seen).duration_since(begun).as_secs();
        assert_eq!([after(0), after(8 * 1024), after(80 * 1024), after(6 * 1024 * 1024)], [10, 11, 20, 120]);
    }

    /// Room is taken for what came, not for what was announced, and nobody has more than a quarter.
    #[tokio::test]
    async fn room_is_taken_once_there_is_something_to_keep() {
        const MEGABYTE: usize = 1024 * 1024;
        let config = SharesConfig { body_megabytes: 32, ..SharesConfig::default() };
        let shares = FairShares::new(&config, Duration::from_millis(20));
        let headers = |length: usize| HeaderMap::from_iter([(header::CONTENT_LENGTH, length.into())]);
        let body = |length: usize| {
            Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![0; length]))]))
        };
        let mut rooms: Vec<Room<'_>> = (0..3).map(|_| Room::of(&shares.bodies, Owner::Program)).collect();
        let [first, second, third] = rooms.as_mut_slice() else { unreachable!() };

        let announced = collect(&headers(6 * MEGABYTE), body(1_000), 6 * MEGABYTE, BodyKind::Picture, first).await;
        assert_eq!(announced.map(|bytes| bytes.expose().len()).ok(), Some(1_000));
        assert_eq!(shares.bodies.held(&Owner::Program), 0);

        let whole = collect(&headers(6 * MEGABYTE), body(6 * MEGABYTE), 6 * MEGABYTE, BodyKind::Picture, first).await;
        assert_eq!(whole.map(|bytes| bytes.expose().len()).ok(), Some(6 * MEGABYTE));
        assert_eq!(shares.bodies.held(&Owner::Program), 6 * MEGABYTE as u64);

        let beyond = collect(&headers(3 * MEGABYTE), body(3 * MEGABYTE), 6 * MEGABYTE, BodyKind::Picture, second).await;
        assert!(matches!(beyond, Err(Unread::Busy)), "a quarter of 32 MB is 8 MB");
        drop(std::mem::replace(first, Room::of(&shares.bodies, Owner::Program)));
        let unannounced = collect(&HeaderMap::new(), body(100_000), 6 * MEGABYTE, BodyKind::Picture, third).await;
        assert_eq!(unannounced.map(|bytes| bytes.expose().len()).ok(), Some(100_000));
        assert_eq!(shares.bodies.held(&Owner::Program), 100_000);
    }
}

//! A good answer, before it is bytes.

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use futures_util::stream::Stream;
use hyper::body::{Frame, SizeHint};
use likeness_service::shares::Share;
use serde::Serialize;
use std::pin::Pin;
use std::task::{Context, Poll};

/// JSON as it is sent.
pub const JSON: &str = "application/json; charset=utf-8";

/// Status, content, and headers beyond those that every answer of an API carries.
pub struct Reply {
    status: StatusCode,
    media: &'static str,
    content: Content,
    /// What the content takes of the memory for answers; given back once it is sent.
    room: Option<Share>,
    headers: Vec<(HeaderName, String)>,
}

enum Content {
    Whole(Vec<u8>),
    InPieces(Body),
}

// What a client gets is personal; a debug print shows nothing of it.
impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reply(..)")
    }
}

impl Reply {
    /// 200 without content.
    pub const fn empty() -> Self {
        Self { status: StatusCode::OK, media: "", content: Content::Whole(Vec::new()), room: None, headers: Vec::new() }
    }

    /// 204.
    pub fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, ..Self::empty() }
    }

    /// 200 with JSON.
    ///
    /// # Errors
    /// When the value has no form in JSON.
    pub fn json(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self::content(JSON, serde_json::to_vec(value)?))
    }

    /// 200 with content.
    pub fn content(media: &'static str, content: Vec<u8>) -> Self {
        Self { media, content: Content::Whole(content), ..Self::empty() }
    }

    /// 200 with content that is made while it is sent. One that fails on the way breaks the answer off, so that nobody takes
    /// what came for all of it. `room` is what a piece of it takes.
    pub fn in_pieces<E>(
        media: &'static str,
        pieces: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
        room: Share,
    ) -> Self
    where
        E: Into<BoxError> + 'static,
    {
        Self { media, content: Content::InPieces(Body::from_stream(pieces)), room: Some(room), ..Self::empty() }
    }

    /// The same answer with another status.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same answer with a header more.
    pub fn with_header(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Bytes of the content that are in memory; what is made while it is sent has its room already.
    pub(crate) const fn bytes_held(&self) -> usize {
        match &self.content {
            Content::Whole(content) if self.room.is_none() => content.len(),
            Content::Whole(_) | Content::InPieces(_) => 0,
        }
    }

    /// The same answer, which gives this back once it is sent.
    pub fn with_room(mut self, room: Share) -> Self {
        self.room = Some(room);
        self
    }

    /// As bytes.
    pub fn into_response(self) -> Response<Body> {
        let (has_content, body) = match self.content {
            Content::Whole(content) if content.is_empty() => (false, Body::empty()),
            Content::Whole(content) => (true, Body::from(content)),
            Content::InPieces(body) => (true, body),
        };
        let body = match self.room {
            Some(room) if has_content => Body::new(Held { content: body, _room: room }),
            _ => body,
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if has_content {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media));
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// Content with what it takes of the memory for answers.
struct Held {
    content: Body,
    _room: Share,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.content).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}

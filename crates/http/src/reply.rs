//! A good answer, before it is bytes.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

/// JSON as it is sent.
pub const JSON: &str = "application/json; charset=utf-8";

/// Status, content, and headers beyond those that every answer of an API carries.
pub struct Reply {
    status: StatusCode,
    media: &'static str,
    content: Vec<u8>,
    headers: Vec<(HeaderName, String)>,
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
        Self { status: StatusCode::OK, media: "", content: Vec::new(), headers: Vec::new() }
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
        Self { media, content, ..Self::empty() }
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

    /// As bytes.
    pub fn into_response(self) -> Response<Body> {
        let has_content = !self.content.is_empty();
        let mut response = Response::new(if has_content { Body::from(self.content) } else { Body::empty() });
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

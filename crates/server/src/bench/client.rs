//! A client of a server on this machine: one connection, kept open, one request at a time.
//!
//! The guarded HTTP client of [`likeness_service::fetch`] fetches strangers' pictures and refuses loopback; this one speaks to
//! loopback and nothing else.

use super::measure::{Clock, Series};
use anyhow::{Context, Result, ensure};
use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use likeness_base::Secret;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::net::TcpStream;

/// One connection with one key. The bench and the privacy report use it.
pub(crate) struct Client {
    connection: SendRequest<Body>,
    address: SocketAddr,
    key: String,
    /// The header `LimitedAccessToken`.
    pub(crate) lent: Option<Secret<String>>,
    /// A liveness token, sent in place of the key.
    pub(crate) bearer: Option<Secret<String>>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there, or it is not this machine.
    pub(crate) async fn connect(address: SocketAddr, key: &str) -> Result<Self> {
        ensure!(address.ip().is_loopback(), "only a server on this machine can be tried");
        let stream = TcpStream::connect(address).await.context("the server does not answer")?;
        stream.set_nodelay(true)?;
        let (connection, task) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move { drop(task.await) });
        Ok(Self { connection, address, key: key.to_owned(), lent: None, bearer: None })
    }

    /// Sends, reads the whole answer, and says how many milliseconds that took.
    ///
    /// # Errors
    /// When the answer is anything but 2xx.
    pub(super) async fn send(
        &mut self,
        method: &str,
        path: &str,
        media_type: &str,
        body: Bytes,
    ) -> Result<(f64, Bytes)> {
        let (status, time, bytes) = self.ask(method, path, media_type, body).await?;
        ensure!((200..300).contains(&status), "{method} {path} answered {status}: {}", String::from_utf8_lossy(&bytes));
        Ok((time, bytes))
    }

    /// Sends and reads the whole answer, whatever it is: status, milliseconds, body.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        media_type: &str,
        body: Bytes,
    ) -> Result<(u16, f64, Bytes)> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string())
            .header("content-type", media_type);
        request = match &self.bearer {
            Some(token) => request.header("authorization", format!("Bearer {}", token.expose())),
            None => request.header("ocp-apim-subscription-key", &self.key),
        };
        if let Some(token) = &self.lent {
            request = request.header("limitedaccesstoken", token.expose());
        }
        let request = request.body(Body::from(body))?;
        let begun = Instant::now();
        self.connection.ready().await.context("the server closed the connection")?;
        let answer = self.connection.send_request(request).await?;
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await?.to_bytes();
        Ok((status, begun.elapsed().as_secs_f64() * 1e3, bytes))
    }

    /// Detects with a faceId of the shortest life.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub(super) async fn detect(&mut self, photo: &Bytes) -> Result<(f64, Value)> {
        let path = "/face/v1.0/detect?recognitionModel=recognition_04&faceIdTimeToLive=60";
        let (time, answer) = self.send("POST", path, "application/octet-stream", photo.clone()).await?;
        Ok((time, serde_json::from_slice(&answer)?))
    }

    /// Milliseconds of each of so many calls with the same photo, sorted.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub(super) async fn latencies(&mut self, path: &str, photo: &Bytes, calls: usize) -> Result<Vec<f64>> {
        let mut seen = Vec::new();
        for _ in 0..calls {
            seen.push(self.send("POST", path, "application/octet-stream", photo.clone()).await?.0);
        }
        seen.sort_by(f64::total_cmp);
        Ok(seen)
    }

    /// Calls of one operation, and what the server spent on one of them in the mean.
    ///
    /// # Errors
    /// Those of the calls, and as [`Client::send`].
    pub(super) async fn server_time<T>(
        &mut self,
        operation: &str,
        calls: impl AsyncFnOnce(&mut Self) -> Result<T>,
    ) -> Result<(T, Series)> {
        let (sum_before, count_before) = self.spent(operation).await?;
        let outcome = calls(self).await?;
        let (sum, count) = self.spent(operation).await?;
        let mean = (sum - sum_before) / (count - count_before) * 1e3;
        Ok((outcome, Series::of("ms", Clock::Wall, vec![mean])))
    }

    /// Sum of seconds and number of the requests of one operation, from the server's own metrics.
    async fn spent(&mut self, operation: &str) -> Result<(f64, f64)> {
        let (_, text) = self.send("GET", "/metrics", "text/plain", Bytes::new()).await?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(&format!("{name}{{operation=\"{operation}\"")))?;
            line.rsplit_once(' ')?.1.parse::<f64>().ok()
        };
        Ok((
            value("likeness_request_seconds_sum").unwrap_or(0.0),
            value("likeness_request_seconds_count").unwrap_or(0.0),
        ))
    }
}

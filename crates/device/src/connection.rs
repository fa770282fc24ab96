//! Connections, plain or with TLS, and slow ones.

use crate::{Address, ClientError};
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::TlsConnector;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// A slow connection takes its bytes so often.
const TURN: Duration = Duration::from_millis(100);

/// Bytes both ways.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// Connects to a server, whose certificate the machine trusts, or the given settings do.
pub(crate) async fn connect(
    address: &Address,
    tls: Option<&Arc<rustls::ClientConfig>>,
) -> Result<Box<dyn Stream>, ClientError> {
    let failed = |error| ClientError::Connect(address.authority(), error);
    let timeout = |_| io::Error::new(io::ErrorKind::TimedOut, "no answer within ten seconds");
    let opening = async {
        let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
        // Frames are sent when they are taken.
        stream.set_nodelay(true)?;
        if !address.is_tls {
            return Ok(Box::new(stream) as Box<dyn Stream>);
        }
        let settings = match tls {
            Some(settings) => settings.clone(),
            None => Arc::new(trusting_the_machine()?),
        };
        let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(settings).connect(name, stream).await?;
        Ok(Box::new(stream) as Box<dyn Stream>)
    };
    let opened = tokio::time::timeout(CONNECT, opening).await.map_err(timeout).map_err(failed)?;
    opened.map_err(failed)
}

fn trusting_the_machine() -> io::Result<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.and_then(BuilderVerifierExt::with_platform_verifier).map_err(io::Error::other)?;
    let mut settings = builder.with_no_client_auth();
    // Sockets need HTTP/1.1, and the requests of one attempt want no more.
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(settings)
}

/// A stream that takes only so many bytes a second.
pub(crate) struct Slow<S> {
    stream: S,
    most_a_turn: Option<usize>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl<S> Slow<S> {
    pub(crate) fn new(stream: S, most_bytes_a_second: Option<u32>) -> Self {
        let most_a_turn = most_bytes_a_second.map(|most| (most as usize / 10).max(1));
        Self { stream, most_a_turn, pause: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Slow<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Slow<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(most) = self.most_a_turn else { return Pin::new(&mut self.stream).poll_write(cx, bytes) };
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(cx));
        }
        let taken = std::task::ready!(Pin::new(&mut self.stream).poll_write(cx, &bytes[..bytes.len().min(most)]));
        self.pause = Some(Box::pin(tokio::time::sleep(TURN)));
        Poll::Ready(taken)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

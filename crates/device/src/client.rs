//! One attempt with the token of a session.

use crate::connection::{Slow, Stream, connect};
use crate::{Address, Attempt, ClientError, Outcome, Pace, Source, Tamper, requests, socket};
use likeness_liveness::SecretText;
use likeness_liveness::message::{Assertion, Attestation, Camera, DeviceWords, Hello, KeyId, Screen};
use std::sync::Arc;

/// Signs the end of an attempt with the key of a registered device: ECDSA P-256 with SHA-256, as 64 bytes r and s.
pub type Signer = Arc<dyn Fn(&[u8]) -> [u8; 64] + Send + Sync>;

/// Proves what an app is: evidence for a statement, as the operator's program takes it.
pub type AppProver = Arc<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// Signs a challenge with one of the keys that the server lists, if it has one of them.
pub type KeySigner = Arc<dyn Fn(&[KeyId], &[u8; 32]) -> Option<Assertion> + Send + Sync>;

/// The way in which messages go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Way {
    /// The usual way.
    #[default]
    Socket,
    /// Where sockets are blocked.
    Requests,
}

/// What a device says of itself, and what it has.
#[derive(Clone)]
pub struct Device {
    /// Columns and rows of the camera's pictures.
    pub camera: (u32, u32),
    /// Columns and rows of the screen.
    pub screen: (u32, u32),
    /// The person wants turns in place of coloured light.
    pub without_light: bool,
    /// The person wants more time.
    pub slow: bool,
    /// The person agreed that a recording is kept.
    pub recording: bool,
    /// A reference picture, for sessions that expect one.
    pub reference: Option<Vec<u8>>,
    /// The device's correlation id, where the session lets clients set it.
    pub device_correlation_id: Option<String>,
    /// The person's correlation id, where the session lets clients set it.
    pub user_correlation_id: Option<String>,
    /// The id of a registered device, and what signs for it.
    pub registered: Option<(String, Signer)>,
    /// The key of an attested app, and what proves it. A registered device is none.
    pub app: Option<(String, AppProver)>,
    /// What signs for a key that was enrolled before.
    pub key: Option<KeySigner>,
}

impl Default for Device {
    fn default() -> Self {
        Self {
            camera: (640, 480),
            screen: (1_280, 720),
            without_light: false,
            slow: false,
            recording: false,
            reference: None,
            device_correlation_id: None,
            user_correlation_id: None,
            registered: None,
            app: None,
            key: None,
        }
    }
}

impl Device {
    /// The first message of an attempt.
    pub fn hello(&self, token: &SecretText) -> Hello {
        let secret = |id: &Option<String>| id.as_deref().map(SecretText::new);
        let ((width, height), screen) = (self.camera, self.screen);
        let camera = Camera { width, height, label: None, facing_mode: None, frame_rate: None };
        Hello {
            token: token.clone(),
            device: DeviceWords {
                camera: Some(camera),
                screen: Some(Screen { width: screen.0, height: screen.1 }),
                without_light: self.without_light,
                slow: self.slow,
                recording: self.recording,
            },
            reference: self.reference.is_some(),
            device_correlation_id: secret(&self.device_correlation_id),
            user_correlation_id: secret(&self.user_correlation_id),
            attestation: {
                let device = self.registered.as_ref().map(|(id, _)| ("device", id));
                let attested = device.or(self.app.as_ref().map(|(id, _)| ("app", id)));
                attested.map(|(kind, id)| Attestation { kind: kind.to_owned(), id: id.clone() })
            },
        }
    }
}

/// The device's end of the protocol, for one session.
#[derive(Clone)]
pub struct Client {
    address: Address,
    token: SecretText,
    way: Way,
    verify: bool,
    device: Device,
    tls: Option<Arc<rustls::ClientConfig>>,
}

impl Client {
    /// A client over a socket.
    pub fn new(address: Address, token: impl Into<String>) -> Self {
        let token = SecretText::new(token);
        Self { address, token, way: Way::default(), verify: false, device: Device::default(), tls: None }
    }

    /// Goes another way.
    #[must_use]
    pub fn by(self, way: Way) -> Self {
        Self { way, ..self }
    }

    /// Uses the route of sessions with verify.
    #[must_use]
    pub fn with_verify(self, verify: bool) -> Self {
        Self { verify, ..self }
    }

    /// Says this of the device.
    #[must_use]
    pub fn with_device(self, device: Device) -> Self {
        Self { device, ..self }
    }

    /// Trusts other certificates than the machine does.
    #[must_use]
    pub fn with_tls(self, settings: Arc<rustls::ClientConfig>) -> Self {
        Self { tls: Some(settings), ..self }
    }

    /// Captures one attempt.
    ///
    /// # Errors
    /// [`ClientError`] when it came to no result.
    pub async fn capture(
        &self,
        source: &mut dyn Source,
        tamper: &mut dyn Tamper,
        pace: &impl Pace,
    ) -> Result<Outcome, ClientError> {
        self.capture_over(self.connect().await?, source, tamper, pace).await
    }

    /// The same over a connection that is open already: a tunnel, or two ends in memory.
    ///
    /// # Errors
    /// [`ClientError`] when it came to no result.
    pub async fn capture_over(
        &self,
        stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
        source: &mut dyn Source,
        tamper: &mut dyn Tamper,
        pace: &impl Pace,
    ) -> Result<Outcome, ClientError> {
        let most = tamper.most_bytes_a_second();
        self.run(Slow::new(stream, most), source, tamper, pace).await
    }

    async fn run(
        &self,
        stream: impl Stream,
        source: &mut dyn Source,
        tamper: &mut dyn Tamper,
        pace: &impl Pace,
    ) -> Result<Outcome, ClientError> {
        let Device { reference, registered, .. } = &self.device;
        let signer = registered.as_ref().map(|(_, signer)| signer.clone());
        let hello = self.device.hello(&self.token);
        let attempt = Attempt::new(hello, reference.clone(), signer, source, tamper, pace.now_ms());
        let prover = self.device.app.as_ref().map(|(_, prover)| prover.clone());
        let mut attempt = attempt.with_key(self.device.key.clone()).with_app(prover);
        match self.way {
            Way::Socket => socket::run(self, stream, &mut attempt, pace).await,
            Way::Requests => requests::run(self, stream, &mut attempt, pace).await,
        }
    }

    pub(crate) async fn connect(&self) -> Result<Box<dyn Stream>, ClientError> {
        connect(&self.address, self.tls.as_ref()).await
    }

    /// The same client on the node of another address.
    pub(crate) fn moved_to(&self, node: &str) -> Option<Self> {
        Some(Self { address: self.address.moved_to(node)?, ..self.clone() })
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn token(&self) -> &str {
        self.token.expose()
    }

    /// The route that takes frames.
    pub(crate) fn route(&self) -> &'static str {
        if self.verify { "detectLivenessWithVerify/singleModal" } else { "detectLiveness/singleModal" }
    }
}

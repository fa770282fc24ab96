//! What an account sets for its liveness sessions.

use crate::NetworkRules;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};

/// A logo is no larger, in bytes: it travels with every capture page.
const LARGEST_LOGO: usize = 48 * 1024;
/// What every PNG begins with.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Characters of a name or of a sentence for people.
const LONGEST_TEXT: usize = 300;
/// Characters of an address.
const LONGEST_ADDRESS: usize = 2_000;
/// Attempts that are counted for a correlation id; it is not closed by more.
const MOST_COUNTED: u32 = 100;
/// Devices of one account.
const MOST_DEVICES: usize = 1_000;
/// Of the public contract's correlation ids; ids of devices follow it.
const LONGEST_DEVICE_ID: usize = 64;

/// What an account sets for its liveness sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LivenessSettings {
    /// Whether a template of every session is kept, sealed, to find the same face behind other correlation ids.
    pub abuse_monitoring: bool,
    /// So many attempts with the decision `spoofface` within 48 hours close their correlation id; 0: none does.
    pub most_spoofs: u32,
    /// So many failed attempts within 48 hours close it; 0: none does.
    pub most_failures: u32,
    /// From where devices may capture. None: from where the account may be called.
    pub devices: Option<NetworkRules>,
    /// Whether the Face Recognizer reads session images too, which the public role does not.
    pub recognizer_reads_images: bool,
    /// Another way for people who cannot or do not want to be captured.
    pub alternative: Option<Alternative>,
    /// How the capture page looks.
    pub branding: Branding,
    /// Devices that the account mounted.
    pub capture_devices: Vec<CaptureDevice>,
}

impl Default for LivenessSettings {
    fn default() -> Self {
        Self {
            abuse_monitoring: false,
            most_spoofs: 3,
            most_failures: 10,
            devices: None,
            recognizer_reads_images: false,
            alternative: None,
            branding: Branding::default(),
            capture_devices: Vec::new(),
        }
    }
}

/// Another way to the same end, without a camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alternative {
    /// What it is, for people: "Call the help desk, extension 12".
    pub text: String,
    /// Where it is, if it is a page.
    #[serde(default)]
    pub url: Option<String>,
}

/// How the capture page looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Branding {
    /// Who asks, for people.
    pub name: Option<String>,
    /// A colour as `#rrggbb`.
    pub colour: Option<String>,
    /// A PNG in base64.
    pub logo: Option<String>,
}

/// A device that the account mounted: a door, a kiosk, a counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaptureDevice {
    /// What the account calls it.
    pub id: String,
    /// Its P-256 public key: `04`, x and y in base64url, as SEC 1 has it.
    pub public_key: String,
}

impl LivenessSettings {
    /// Whether all fields make sense; else the first that does not, and what to write instead.
    pub(crate) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let is_text =
            |text: &str| (1..=LONGEST_TEXT).contains(&text.chars().count()) && !text.contains(char::is_control);
        if let Some(alternative) = &self.alternative {
            if !is_text(&alternative.text) {
                return Err(("liveness.alternative.text", "write 1 to 300 characters without line breaks"));
            }
            let is_address = |url: &String| url.len() <= LONGEST_ADDRESS && url.starts_with("https://");
            if !alternative.url.as_ref().is_none_or(is_address) {
                return Err(("liveness.alternative.url", "write an address that begins with https://"));
            }
        }
        if !self.branding.name.as_deref().is_none_or(is_text) {
            return Err(("liveness.branding.name", "write 1 to 300 characters without line breaks"));
        }
        if !self.branding.colour.as_deref().is_none_or(is_colour) {
            return Err(("liveness.branding.colour", "write a colour as # and six hexadecimal digits"));
        }
        if !self.branding.logo.as_deref().is_none_or(is_logo) {
            return Err(("liveness.branding.logo", "give a PNG of at most 48 KB in base64"));
        }
        if self.most_spoofs > MOST_COUNTED {
            return Err(("liveness.mostSpoofs", "write a number from 0 to 100"));
        }
        if self.most_failures > MOST_COUNTED {
            return Err(("liveness.mostFailures", "write a number from 0 to 100"));
        }
        if self.capture_devices.len() > MOST_DEVICES {
            return Err(("liveness.captureDevices", "keep at most 1000 devices"));
        }
        let is_device = |device: &CaptureDevice| {
            let is_id =
                (1..=LONGEST_DEVICE_ID).contains(&device.id.len()) && device.id.bytes().all(|b| b.is_ascii_graphic());
            is_id && device.key().is_some()
        };
        if !self.capture_devices.iter().all(is_device) {
            return Err((
                "liveness.captureDevices",
                "give each an id of 1 to 64 visible characters and a P-256 public key as uncompressed point in base64url",
            ));
        }
        Ok(())
    }

    /// The device of this id.
    pub fn capture_device(&self, id: &str) -> Option<&CaptureDevice> {
        self.capture_devices.iter().find(|device| device.id == id)
    }
}

impl CaptureDevice {
    /// The point of its key; `None`: it is none.
    fn key(&self) -> Option<VerifyingKey> {
        let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(&self.public_key).ok()?;
        VerifyingKey::from_sec1_bytes(&bytes).ok()
    }

    /// Whether the device signed these bytes: r and s, 32 bytes each, of ECDSA with SHA-256.
    pub fn has_signed(&self, bytes: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_slice(signature);
        self.key().zip(signature.ok()).is_some_and(|(key, signature)| key.verify(bytes, &signature).is_ok())
    }
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_logo(text: &str) -> bool {
    let bytes = BASE64_STANDARD.decode(text).unwrap_or_default();
    bytes.starts_with(PNG) && bytes.len() <= LARGEST_LOGO
}

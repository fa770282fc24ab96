//! Pictures on their way in: as bytes, or by address; bounded, and wiped when the call ends.

use super::call::{Call, Permitted};
use crate::azure::Refusal;
use likeness_base::Secret;
use likeness_http::Input;
use likeness_service::fetch::FetchError;
use likeness_service::inference::InferenceError;
use likeness_service::shares::Share;
use likeness_vision::{DecodeError, Limits, MOST_KEPT, Picture, VisionError};

/// Smallest picture in bytes, inclusive.
pub(super) const LEAST_BYTES: usize = 1024;
/// Largest picture in bytes, inclusive.
pub(super) const MOST_BYTES: usize = 6 * 1024 * 1024;

/// The bytes of a picture. What was fetched takes a part of the memory that the account may have, until it is decoded; what
/// was sent has one for as long as the call goes on.
pub(super) struct PictureBytes {
    bytes: Secret<Vec<u8>>,
    _room: Option<Share>,
}

/// The bytes of the picture that a call is about, and the call without them.
pub(super) async fn bytes(call: Call<Permitted>) -> Result<(Call<Permitted>, PictureBytes), Refusal> {
    let (input, call) = call.take_input();
    let (bytes, room) = match input {
        Input::Picture(bytes) => (bytes, None),
        Input::Json(body) => {
            if let Some(id) = body.text("sessionImageId")? {
                let policy = call.retention_policy();
                let found = call.app().liveness.image(call.account(), id, policy).await?;
                let bytes = found.ok_or(Refusal::SessionImageNotFound)?;
                return Ok((call, PictureBytes { bytes, _room: None }));
            }
            let address = body.text("url")?.ok_or_else(|| Refusal::bad("'url' is missing. Send the address of a picture, or the picture itself as application/octet-stream."))?;
            let app = call.app();
            let fetched =
                app.shares.fetch(&app.fetcher, call.owner(), address, MOST_BYTES).await.map_err(
                    |error| match error {
                        FetchError::TooLarge(_) => too_large(),
                        FetchError::Slow => Refusal::TimedOut,
                        FetchError::Busy => Refusal::Busy,
                        FetchError::Address | FetchError::Forbidden => {
                            Refusal::InvalidUrl(format!("Invalid image URL: {error}."))
                        }
                        // Nothing is wrong with the address as far as we know; the text names the server and what it did.
                        FetchError::Remote { server, fault } => Refusal::InvalidUrl(format!(
                            "The picture could not be downloaded: the server {server} {fault}."
                        )),
                    },
                )?;
            // Whoever owns that address decides how long it takes.
            call.recheck_access().await?;
            (fetched.bytes, Some(fetched.room))
        }
        Input::Nothing | Input::Bytes(_) | Input::Form(_) | Input::Upgrade(_) => {
            return Err(Refusal::InvalidImageSize("The request has no picture.".to_owned()));
        }
    };
    check_size(bytes.expose().len())?;
    Ok((call, PictureBytes { bytes, _room: room }))
}

/// Refuses a picture that is smaller or larger than the contract's.
pub(super) fn check_size(bytes: usize) -> Result<(), Refusal> {
    match bytes {
        ..LEAST_BYTES => Err(Refusal::InvalidImageSize(
            "Image size is too small. The valid image file size is from 1 KB to 6 MB.".to_owned(),
        )),
        LEAST_BYTES..=MOST_BYTES => Ok(()),
        _ => Err(too_large()),
    }
}

/// The refusal of a picture above the limit.
pub(super) fn too_large() -> Refusal {
    Refusal::InvalidImageSize("Image size is too big. The valid image file size is from 1 KB to 6 MB.".to_owned())
}

/// Decodes on the worker thread.
pub(super) fn decode(picture: &PictureBytes) -> Result<Picture, Refusal> {
    let limits = Limits::default();
    Picture::decode(picture.bytes.expose(), &limits).map_err(|error| undecodable(&error))
}

/// The refusal of a picture that cannot be decoded.
pub(super) fn undecodable(error: &DecodeError) -> Refusal {
    let limits = Limits::default();
    match error {
        DecodeError::TooManyPixels { .. } => Refusal::InvalidImageSize(format!(
            "Image size is too big: {error}. Up to {} million pixels are read of a JPEG, and of a PNG that is not interlaced; \
             up to {} million of others; no side may be longer than {} pixels.",
            limits.max_pixels / 1_000_000,
            MOST_KEPT / 1_000_000,
            limits.max_side,
        )),
        DecodeError::Variant { .. } => Refusal::InvalidImage(format!(
            "The picture cannot be decoded: {error}. Send a baseline or progressive JPEG of 8 bits a sample, or PNG."
        )),
        other => Refusal::InvalidImage(format!("The picture cannot be decoded: {other}. Send JPEG, PNG, GIF or BMP.")),
    }
}

impl From<InferenceError> for Refusal {
    fn from(error: InferenceError) -> Self {
        match error {
            InferenceError::Busy => Self::Busy,
            InferenceError::Failed => Self::Internal("an inference worker failed on a picture".to_owned()),
        }
    }
}

impl From<VisionError> for Refusal {
    fn from(error: VisionError) -> Self {
        Self::Internal(error.to_string())
    }
}

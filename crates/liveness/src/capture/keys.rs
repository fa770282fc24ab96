//! Keys with which a device may sign the end of its attempt.

use super::Capture;
use crate::message::{FromServer, KeyId};

impl Capture {
    /// The same for a person for whom keys were enrolled: `ready` lists them, and a person who confirms gets time for that. To be
    /// called before the first message is sent.
    #[must_use]
    pub fn offering_keys(mut self, keys: Vec<KeyId>) -> Self {
        self.waits_for_key = !keys.is_empty();
        if let Some(FromServer::Ready(ready)) = self.messages.front_mut() {
            ready.keys = keys;
        }
        self
    }
}

//! Where a server is.

use crate::ClientError;
use url::Url;

/// A server's address, with the version of the contract that is spoken to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub(crate) is_tls: bool,
    /// Without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Before `/face`, where a proxy serves more than this server; and `/face/v1.2`.
    base: String,
}

/// The version that is spoken unless the address names another.
const VERSION: &str = "v1.2";

impl Address {
    /// Reads `http://host:port`, with or without a path; of one that has `/face/{version}`, the version counts. `ws` and
    /// `wss` are read as `http` and `https`.
    ///
    /// # Errors
    /// [`ClientError::Address`] with what is wrong.
    pub fn parse(text: &str) -> Result<Self, ClientError> {
        let wrong = |what: &str| ClientError::Address(format!("the address {what}"));
        let url = Url::parse(text.trim()).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        let is_tls = match url.scheme() {
            "http" | "ws" => false,
            "https" | "wss" => true,
            _ => return Err(wrong("begins with neither http:// nor https://")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("names a user; a liveness token is all that counts"));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port().unwrap_or(if is_tls { 443 } else { 80 });
        let path = url.path().trim_end_matches('/');
        let lower = path.to_ascii_lowercase();
        let (prefix, version) = match lower.split('/').position(|part| part == "face") {
            Some(at) => {
                let parts: Vec<&str> = path.split('/').collect();
                (parts[..at].join("/"), parts.get(at + 1).copied().unwrap_or(VERSION))
            }
            None => (path.to_owned(), VERSION),
        };
        Ok(Self { is_tls, host, port, base: format!("{prefix}/face/{version}") })
    }

    /// The same routes on the node of another address.
    pub(crate) fn moved_to(&self, node: &str) -> Option<Self> {
        let other = Self::parse(node).ok()?;
        // A token that went over TLS goes over nothing else.
        (other.is_tls || !self.is_tls).then_some(Self { base: self.base.clone(), ..other })
    }

    /// As a header `Host` has it.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.is_tls { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    /// The path of a route.
    pub(crate) fn path(&self, route: &str) -> String {
        format!("{}/{route}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let cases = [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", "/face/v1.2/x"),
            ("https://face.example", "face.example", "/face/v1.2/x"),
            (
                "wss://face.example/face/v1.3-preview.1/detectLiveness/singleModal",
                "face.example",
                "/face/v1.3-preview.1/x",
            ),
            ("http://[::1]:81/below/Face/v1.2/", "[::1]:81", "/below/face/v1.2/x"),
            ("http://face.example/below/", "face.example", "/below/face/v1.2/x"),
        ];
        for (text, authority, path) in cases {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.authority().as_str(), address.path("x").as_str()), (authority, path), "{text}");
        }
        for wrong in ["", "face.example", "ftp://face.example", "http://me@face.example", "http://"] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_does_not_leave_tls() {
        let address = Address::parse("https://face.example").unwrap();
        assert!(address.moved_to("http://other.example/face/v1.2/x").is_none());
        let moved = address.moved_to("https://other.example:444/face/v1.2/x").unwrap();
        assert_eq!((moved.authority().as_str(), moved.path("x").as_str()), ("other.example:444", "/face/v1.2/x"));
    }
}

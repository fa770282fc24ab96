//! From which pages keys are made and used, and for which host.

use crate::parse_origin;

/// The pages of an account that may ask for keys.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeyOrigins(Vec<String>);

impl KeyOrigins {
    /// The server's own pages, by the host and port at which the device reached it, and pages of the account's origins. A
    /// proxy may end TLS before the server, so the browser's word for the scheme counts.
    pub fn new(own: &str, allowed: &[String]) -> Self {
        let own = ["https", "http"].map(|scheme| format!("{scheme}://{own}"));
        // `*` lets any page call, and `null` is many pages: neither is a page that somebody trusts with a key.
        let named = own.iter().chain(allowed).filter_map(|origin| parse_origin(origin));
        Self(named.filter(|origin| origin != "*" && origin != "null").collect())
    }

    /// Whether pages of an origin may ask.
    pub fn allows(&self, origin: &str) -> bool {
        parse_origin(origin).is_some_and(|origin| self.0.contains(&origin))
    }

    /// The host whose keys a page of this origin makes and uses, if it may.
    pub fn host(&self, origin: &str) -> Option<String> {
        let origin = parse_origin(origin).filter(|origin| self.0.contains(origin))?;
        let (scheme, rest) = origin.split_once("://")?;
        // The brackets of an IPv6 address, and numbers, are no name: browsers make no keys for them.
        let host = if rest.starts_with('[') { return None } else { rest.split(':').next()? };
        let is_name = host.parse::<std::net::IpAddr>().is_err();
        let is_here = host == "localhost" || host.ends_with(".localhost");
        (is_name && (scheme == "https" || (scheme == "http" && is_here))).then(|| host.to_owned())
    }
}

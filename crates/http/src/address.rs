//! Request addresses: the client's address, and the account that host or path name.
//!
//! An account with a subdomain of its own is reached in two ways: `https://{subdomain}.{domain}/face/…`, with a domain
//! that the settings name, and `https://{host}/accounts/{subdomain}/face/…` on any host. Both are endpoints that an
//! official SDK takes as they are.

use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Uri, header};
use ipnet::IpNet;
use likeness_rules::client_address;
use likeness_service::access::Origin;
use likeness_service::config::AccessConfig;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

/// Whether a request came over HTTPS; put into the request by the listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scheme(pub &'static str);

/// The other end of the connection; put into the request by the listener.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddress(pub IpAddr);

/// Where a proxy names the address that it was called from.
pub(crate) const FORWARDED_FOR: &str = "x-forwarded-for";
/// The segment before a subdomain in a path.
const ACCOUNTS: &str = "accounts";

/// What the address of a request says beside the route.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestAddress {
    /// The account that host or path name, and the client's address.
    pub origin: Origin,
    /// The path below the account, with a slash in front.
    pub path: String,
    /// Scheme, host and path in front, without a trailing slash: what the client has as its endpoint.
    pub endpoint: String,
}

impl RequestAddress {
    /// Reads it from a request.
    pub fn read(parts: &Parts, access: &AccessConfig) -> Self {
        let peer = parts.extensions.get::<PeerAddress>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0);
        let client = client_of(peer, &parts.headers, access.proxies());
        let scheme = if is_secure(parts) { "https" } else { "http" };
        // A target that names its authority is right, whatever Host says (RFC 9112, 3.2.2).
        let host = parts.uri.authority().map(|authority| authority.as_str());
        let host = host.or_else(|| parts.headers.get(header::HOST)?.to_str().ok()).unwrap_or("localhost");
        let path = parts.uri.path();
        if let Some((subdomain, rest)) = in_path(path) {
            let endpoint = format!("{scheme}://{host}/{}", &path[1..path.len() - rest.len()]);
            return Self { origin: Origin { subdomain: Some(subdomain), client }, path: rest.to_owned(), endpoint };
        }
        let endpoint = format!("{scheme}://{host}");
        let origin = Origin { subdomain: in_host(host, &access.domains), client };
        Self { origin, path: path.to_owned(), endpoint }
    }
}

/// Whether the client's connection is HTTPS. A proxy that ends TLS says so; the header can only turn http into https, and only
/// in the caller's own answer.
pub(crate) fn is_secure(parts: &Parts) -> bool {
    let forwarded = parts.headers.get("x-forwarded-proto");
    forwarded.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"https"))
        || parts.extensions.get::<Scheme>().is_some_and(|scheme| scheme.0 == "https")
}

/// The client's address, behind the proxies that are trusted.
pub(crate) fn client_of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    if trusted.is_empty() {
        return peer.to_canonical();
    }
    let forwarded = values(headers, FORWARDED_FOR);
    let forwarded: Vec<&str> = forwarded.iter().map(|value| &**value).collect();
    client_address(peer, &forwarded, trusted)
}

/// Makes one slash of several: the official Python client sends two where its endpoint ends in a slash, as the portal
/// shows it. An escaped slash belongs to a parameter and stays what it is.
pub(crate) fn merge_slashes(uri: &mut Uri) {
    if !uri.path().contains("//") {
        return;
    }
    let mut path = String::with_capacity(uri.path().len());
    for character in uri.path().chars() {
        if character != '/' || !path.ends_with('/') {
            path.push(character);
        }
    }
    if let Some(query) = uri.query() {
        path.extend(["?", query]);
    }
    let mut parts = uri.clone().into_parts();
    // Nothing was added that could not stand in an address before.
    if let Ok(shorter) = PathAndQuery::try_from(path) {
        parts.path_and_query = Some(shorter);
        *uri = Uri::from_parts(parts).unwrap_or_else(|_| std::mem::take(uri));
    }
}

/// The path of a request below the account that it names.
pub(crate) fn path_of<B>(request: &axum::http::Request<B>) -> String {
    let path = request.uri().path();
    in_path(path).map_or_else(|| path.to_owned(), |(_, rest)| rest.to_owned())
}

/// What a header says. Bytes that are no text stay in their entry: what a proxy appended behind them counts.
fn values<'h>(headers: &'h HeaderMap, name: &str) -> Vec<Cow<'h, str>> {
    headers.get_all(name).into_iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect()
}

/// `/accounts/{subdomain}/rest` in two: the subdomain and `/rest`.
fn in_path(path: &str) -> Option<(String, &str)> {
    let rest = path.strip_prefix('/')?;
    let (first, rest) = rest.split_once('/')?;
    if !first.eq_ignore_ascii_case(ACCOUNTS) {
        return None;
    }
    let end = rest.find('/')?;
    let (subdomain, rest) = rest.split_at(end);
    (!subdomain.is_empty()).then(|| (subdomain.to_ascii_lowercase(), rest))
}

/// The label in front of one of the domains.
fn in_host(host: &str, domains: &[String]) -> Option<String> {
    // IPv6 addresses have colons of their own, and no labels.
    let name = if host.starts_with('[') { return None } else { host.split(':').next()? };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    domains.iter().find_map(|domain| {
        let label = name.strip_suffix(domain.as_str())?.strip_suffix('.')?;
        (!label.is_empty() && !label.contains('.')).then(|| label.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    #[test]
    fn several_slashes_are_one_and_escaped_ones_stay() {
        let cases = [
            ("/face/v1.0/detect", "/face/v1.0/detect"),
            ("//face/v1.0/detect?a=//b", "/face/v1.0/detect?a=//b"),
            ("/face///v1.0//detect//", "/face/v1.0/detect/"),
            ("//", "/"),
            ("///?x", "/?x"),
            ("/a%2F%2Fb//c%2f/d", "/a%2F%2Fb/c%2f/d"),
            ("//accounts//door//face", "/accounts/door/face"),
            ("http://host//face//x?y", "http://host/face/x?y"),
            ("*", "*"),
        ];
        for (given, expected) in cases {
            let mut uri: Uri = given.parse().unwrap();
            merge_slashes(&mut uri);
            assert_eq!(uri.to_string(), expected, "{given}");
        }
    }

    #[test]
    fn an_account_is_named_by_host_or_path() {
        let domains = ["localhost".to_owned(), "face.example.org".to_owned()].to_vec();
        let access = AccessConfig { domains, ..AccessConfig::default() };
        let cases = [
            (
                "door.face.example.org",
                "/face/v1.0/detect",
                Some("door"),
                "/face/v1.0/detect",
                "http://door.face.example.org",
            ),
            (
                "DOOR.localhost:8080",
                "/face/v1.0/detect",
                Some("door"),
                "/face/v1.0/detect",
                "http://DOOR.localhost:8080",
            ),
            ("a.door.localhost", "/x", None, "/x", "http://a.door.localhost"),
            ("doorlocalhost", "/x", None, "/x", "http://doorlocalhost"),
            ("face.example.org", "/x", None, "/x", "http://face.example.org"),
            ("[::1]:8080", "/x", None, "/x", "http://[::1]:8080"),
            (
                "other.org",
                "/accounts/Door/face/v1.0/detect",
                Some("door"),
                "/face/v1.0/detect",
                "http://other.org/accounts/Door",
            ),
            ("other.org", "/accounts//face", None, "/accounts//face", "http://other.org"),
            ("other.org", "/accounts/door", None, "/accounts/door", "http://other.org"),
            ("door.localhost", "/accounts/other/face", Some("other"), "/face", "http://door.localhost/accounts/other"),
        ];
        for (host, path, subdomain, rest, endpoint) in cases {
            let (parts, ()) = Request::get(path).header("host", host).body(()).unwrap().into_parts();
            let address = RequestAddress::read(&parts, &access);
            let found = (address.origin.subdomain.as_deref(), address.path.as_str(), address.endpoint.as_str());
            assert_eq!(found, (subdomain, rest, endpoint), "{host}{path}");
        }
    }
}

//! The one HTTP client: fetches addresses that strangers give us, without giving them access to our network.
//!
//! Start at [`Fetcher::get`]. Only `http` and `https`; names are resolved once and the connection goes to the
//! address that was checked, so that an answer of the name server cannot change between check and use; private,
//! loopback and other special addresses are refused unless the operator allows them; redirects are followed step by step,
//! a few times, each checked anew; size and time are capped, also of what is unpacked. No proxy settings of the
//! environment are honoured.

pub(crate) mod encoding;

use encoding::{Encoding, Undecodable};
use likeness_base::Secret;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Client, Method, Response, StatusCode, Url};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// How many redirects are followed. Browsers follow 20; pictures need two or three, behind link shorteners five.
const MOST_REDIRECTS: usize = 5;
/// Time for the whole fetch, redirects included.
const WHOLE_FETCH: Duration = Duration::from_secs(15);
/// Time until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);
/// Characters of a server's name in a message.
const MOST_NAME_CHARACTERS: usize = 100;

/// Why a fetch failed. The texts say who did what: the caller's address is called wrong only where it is, and what a
/// server did is said of that server, by the name in its address. They never repeat what a server answered.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FetchError {
    /// Not an `http` or `https` address.
    #[error("the address is invalid: it must be an absolute http or https address")]
    Address,
    /// The address points into a network that this installation does not fetch from.
    #[error("the address is not allowed: it points to {SPECIAL}")]
    Forbidden,
    /// A server refused, has not got it, sent us astray, or broke off.
    #[error("the download failed: the server {server} {fault}")]
    Remote {
        /// Its name.
        server: String,
        /// What it did.
        fault: ServerFault,
    },
    /// More bytes than allowed, before or after unpacking.
    #[error("the download is larger than {0} bytes")]
    TooLarge(usize),
    /// Not finished in time.
    #[error("the download took too long")]
    Slow,
    /// Not begun: the account fetches as much already as it may.
    #[error("too many downloads are under way")]
    Busy,
}

const SPECIAL: &str = "a private, loopback or otherwise special network";

/// What a server did that ends a fetch.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ServerFault {
    /// There is no connection to it.
    #[error("cannot be reached, or lies in a network that pictures are not fetched from")]
    Unreachable,
    /// It stopped in the middle.
    #[error("broke off")]
    BrokeOff,
    /// Neither success nor a redirect.
    #[error("answered {0}")]
    Answered(u16),
    /// A redirect without an address.
    #[error("answered {0}, a redirect, but does not say where to")]
    Nowhere(u16),
    /// A redirect to something that is no `http` or `https` address.
    #[error("redirects to something that is no http or https address")]
    Astray,
    /// A redirect into a network that this installation does not fetch from.
    #[error("redirects to an address that is not allowed: it points to {SPECIAL}")]
    Inside,
    /// One redirect more than are followed.
    #[error("redirects once more after {MOST_REDIRECTS} redirects; no more are followed")]
    Onwards,
    /// Packed in a way that we do not read.
    #[error("compressed its answer in a way that is not read here; gzip, deflate and br are")]
    Packed,
    /// Packed, but the stream does not end where or as it should.
    #[error("sent a compressed answer that is damaged or incomplete")]
    Damaged,
}

/// The guarded client. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    client: Client,
    allow_private: bool,
    confidential: bool,
}

impl Fetcher {
    /// A client; `allow_private` admits loopback and private networks.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new(allow_private: bool) -> Result<Self, String> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .dns_resolver(Arc::new(GuardedResolver { allow_private }))
            .user_agent(concat!("Likeness/", env!("CARGO_PKG_VERSION")))
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| format!("the HTTP client cannot be set up: {error}"))?;
        Ok(Self { client, allow_private, confidential: false })
    }

    /// The same client, which sends nothing in the clear but to this machine, at no hop.
    #[must_use]
    pub fn confidential(self) -> Self {
        Self { confidential: true, ..self }
    }

    fn check(&self, address: &Url) -> Result<(), FetchError> {
        if self.confidential && !is_confidential(address) {
            return Err(FetchError::Address);
        }
        check(address, self.allow_private)
    }

    /// Fetches an address into memory, unpacked.
    ///
    /// # Errors
    /// [`FetchError`], see its variants.
    pub async fn get(&self, address: &str, most_bytes: usize) -> Result<Secret<Vec<u8>>, FetchError> {
        tokio::time::timeout(WHOLE_FETCH, self.follow(address, most_bytes)).await.unwrap_or(Err(FetchError::Slow))
    }

    /// Asks a server that an operator named, and gives status and body of its answer. No redirect is followed.
    ///
    /// # Errors
    /// [`FetchError`], see its variants.
    pub async fn ask(
        &self,
        method: &str,
        address: &str,
        (header, value): (&'static str, &Secret<String>),
        body: Option<Secret<Vec<u8>>>,
        most_bytes: usize,
    ) -> Result<(u16, Secret<Vec<u8>>), FetchError> {
        let address = Url::parse(address).map_err(|_| FetchError::Address)?;
        self.check(&address)?;
        let server = server_of(&address);
        let is = |fault| FetchError::Remote { server: server.clone(), fault };
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| FetchError::Address)?;
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| FetchError::Address)?;
        value.set_sensitive(true);
        let mut request = self.client.request(method, address).header(header, value);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.expose().clone());
        }
        let answered = async {
            let response = request.send().await.map_err(|_| is(ServerFault::Unreachable))?;
            Ok((response.status().as_u16(), receive(response, most_bytes, &is).await?))
        };
        tokio::time::timeout(WHOLE_FETCH, answered).await.unwrap_or(Err(FetchError::Slow))
    }

    async fn follow(&self, address: &str, most_bytes: usize) -> Result<Secret<Vec<u8>>, FetchError> {
        let mut address = Url::parse(address).map_err(|_| FetchError::Address)?;
        self.check(&address)?;
        // Who sent us to the address; nobody but the caller at first.
        let mut sender = None;
        for _ in 0..=MOST_REDIRECTS {
            let server = server_of(&address);
            let is = |fault| FetchError::Remote { server: server.clone(), fault };
            // Pictures are compressed as they are; some servers compress them nevertheless.
            let request = self.client.get(address.clone()).header(ACCEPT_ENCODING, "identity");
            // A name that leads into our network is told as one that leads nowhere: which names there are is ours to know.
            let response = request.send().await.map_err(|error| {
                is(if error.is_connect() { ServerFault::Unreachable } else { ServerFault::BrokeOff })
            })?;
            let status = response.status();
            if is_redirect(status) {
                let location = response.headers().get(LOCATION).and_then(location);
                let location = location.ok_or_else(|| is(ServerFault::Nowhere(status.as_u16())))?;
                address = address.join(&location).map_err(|_| is(ServerFault::Astray))?;
                self.check(&address).map_err(|error| match error {
                    FetchError::Forbidden => is(ServerFault::Inside),
                    _ => is(ServerFault::Astray),
                })?;
                sender = Some(server);
                continue;
            }
            if !status.is_success() {
                return Err(is(ServerFault::Answered(status.as_u16())));
            }
            return receive(response, most_bytes, &is).await;
        }
        let server = sender.unwrap_or_else(|| server_of(&address));
        Err(FetchError::Remote { server, fault: ServerFault::Onwards })
    }
}

/// Literal addresses never reach the resolver, so they are checked here.
pub(crate) fn check(address: &Url, allow_private: bool) -> Result<(), FetchError> {
    if !matches!(address.scheme(), "http" | "https") {
        return Err(FetchError::Address);
    }
    let literal = match address.host().ok_or(FetchError::Address)? {
        url::Host::Ipv4(ip) => IpAddr::V4(ip),
        url::Host::Ipv6(ip) => IpAddr::V6(ip),
        url::Host::Domain(_) => return Ok(()),
    };
    if allow_private || may_be_fetched_from(literal) { Ok(()) } else { Err(FetchError::Forbidden) }
}

/// Whether nobody between here and there can read along: over TLS, or on this machine.
pub fn is_confidential(address: &Url) -> bool {
    let is_here = match address.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    address.scheme() == "https" || (address.scheme() == "http" && is_here)
}

/// The name of a server in messages. Neither path nor query: they may be worth as much as a key.
pub(crate) fn server_of(address: &Url) -> String {
    address.host_str().unwrap_or_default().chars().take(MOST_NAME_CHARACTERS).collect()
}

/// The redirects that the standard of browsers knows; 300 offers a choice, 304 answers a question we do not ask.
const fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The text of a `Location`. Servers write letters beyond ASCII as they stand there, in UTF-8 or in something older:
/// UTF-8 is taken as text, other bytes are escaped one by one, as browsers do. Joining escapes the rest, spaces too.
pub(crate) fn location(value: &HeaderValue) -> Option<String> {
    let text = match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().fold(String::new(), |mut text, &byte| {
            if byte.is_ascii() {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("%{byte:02X}"));
            }
            text
        }),
    };
    // An empty one would lead to where we are.
    (!text.trim().is_empty()).then_some(text)
}

/// Takes in an answer and unpacks it.
async fn receive(
    response: Response,
    most_bytes: usize,
    is: &impl Fn(ServerFault) -> FetchError,
) -> Result<Secret<Vec<u8>>, FetchError> {
    let packed = Encoding::read(response.headers().get_all(CONTENT_ENCODING)).ok_or_else(|| is(ServerFault::Packed))?;
    if packed.is_empty() {
        return collect(response, most_bytes, is).await;
    }
    // What cannot be compressed grows by a little.
    let bytes = collect(response, most_bytes + most_bytes / 256 + 1024, is).await?;
    let unpacked = tokio::task::spawn_blocking(move || encoding::unpack(bytes, &packed, most_bytes)).await;
    unpacked.unwrap_or(Err(Undecodable::Damaged)).map_err(|problem| match problem {
        Undecodable::TooLarge => FetchError::TooLarge(most_bytes),
        Undecodable::Damaged => is(ServerFault::Damaged),
    })
}

async fn collect(
    mut response: Response,
    most_bytes: usize,
    is: &impl Fn(ServerFault) -> FetchError,
) -> Result<Secret<Vec<u8>>, FetchError> {
    if response.content_length().is_some_and(|length| length > most_bytes as u64) {
        return Err(FetchError::TooLarge(most_bytes));
    }
    // Room for all at once: a buffer that grows leaves unwiped copies behind.
    let room = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(most_bytes);
    let mut bytes = Secret::new(Vec::with_capacity(room.min(most_bytes)));
    while let Some(chunk) = response.chunk().await.map_err(|_| is(ServerFault::BrokeOff))? {
        if bytes.expose().len() + chunk.len() > most_bytes {
            return Err(FetchError::TooLarge(most_bytes));
        }
        bytes.expose_mut().extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[derive(Debug, thiserror::Error)]
#[error("the name leads to no address that may be fetched from")]
struct ForbiddenName;

struct GuardedResolver {
    allow_private: bool,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|address| allow_private || may_be_fetched_from(address.ip())).collect();
            if allowed.is_empty() {
                return Err(Box::new(ForbiddenName) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is public, and not our own: what this machine offers to its network by its public address is no more
/// meant for strangers than what it offers on loopback.
fn may_be_fetched_from(address: IpAddr) -> bool {
    // Only an address of one of our interfaces can be bound.
    is_public(address) && UdpSocket::bind((address, 0)).is_err()
}

/// Whether an address lies on the public internet, by the special-purpose registries of IANA (RFC 6890 and its
/// updates). Addresses that carry an IPv4 address inside are judged by what they carry.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || a == 0                                  // "this network"
        || a >= 240                                // reserved, broadcast
        || (a == 100 && (64..128).contains(&b))    // shared address space of carriers
        || (a == 192 && b == 0 && (c == 0 || c == 2)) // protocol assignments, documentation
        || (a == 192 && b == 88 && c == 99)        // former 6to4 relay
        || (a == 198 && (18..20).contains(&b))     // benchmarking
        || (a == 198 && b == 51 && c == 100)       // documentation
        || (a == 203 && b == 0 && c == 113); // documentation
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let carried = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] => carried(high, low), // IPv4-mapped
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => carried(high, low), // NAT64
        [0x2002, high, low, ..] => carried(high, low),            // 6to4
        [0x2001, second, ..] if second < 0x0200 => false,         // protocol assignments, Teredo
        [0x2001, 0xdb8, ..] | [0x3fff, ..] => false,              // documentation
        [first, ..] => (first & 0xe000) == 0x2000,                // global unicast is 2000::/3 and nothing else
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        let cases = [
            ("93.184.216.34", true),
            ("2606:2800:220:1::1", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("ff02::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:93.184.216.34", true),
            ("64:ff9b::7f00:1", false),
            ("2002:7f00:1::", false),
            ("::127.0.0.1", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_public(text.parse().unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn addresses_are_refused_before_anything_is_sent() {
        let cases = [
            ("http://127.0.0.1/x", FetchError::Forbidden),
            ("http://2130706433/x", FetchError::Forbidden),
            ("http://0x7f.1/x", FetchError::Forbidden),
            ("http://[::1]/x", FetchError::Forbidden),
            ("ftp://example.org/x", FetchError::Address),
            ("file:///etc/hosts", FetchError::Address),
        ];
        for (text, expected) in cases {
            assert_eq!(check(&Url::parse(text).unwrap(), false), Err(expected), "{text}");
        }
    }
}

//! The one HTTP client: fetches addresses that strangers give us, without becoming their hand inside our network.
//!
//! Start at [`Fetcher::get`]. Only `http` and `https`; names are resolved once and the connection goes to the
//! address that was checked, so that an answer of the name server cannot change between check and use; private,
//! loopback and other special addresses are refused unless the operator allows them; redirects are followed by hand,
//! a few times, each checked anew; size and time are capped. No proxy settings of the environment are honoured.

use likeness_base::Secret;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, StatusCode, Url};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// How many redirects are followed. Browsers follow 20; pictures need two or three.
const MOST_REDIRECTS: usize = 3;
/// Time for the whole fetch, redirects included.
const WHOLE_FETCH: Duration = Duration::from_secs(15);
/// Time until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);

/// Why a fetch failed. The texts name what the caller gave or may know, never what the network answered.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum FetchError {
    /// Not an `http` or `https` address.
    #[error("the address is invalid: it must be an absolute http or https address")]
    Address,
    /// The address points into a network that this installation does not fetch from.
    #[error("the address is not allowed: it points to a private, loopback or otherwise special network")]
    Forbidden,
    /// The other side refused, was not found, or broke off.
    #[error("the download failed: {0}")]
    Remote(String),
    /// Redirected too often.
    #[error("the download failed: too many redirects")]
    Redirects,
    /// More bytes than allowed.
    #[error("the download is larger than {0} bytes")]
    TooLarge(usize),
    /// Not finished in time.
    #[error("the download took too long")]
    Slow,
}

/// The guarded client. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Fetcher {
    client: Client,
    allow_private: bool,
}

impl Fetcher {
    /// A client; `allow_private` admits loopback and private networks.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub(crate) fn new(allow_private: bool) -> Result<Self, String> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .dns_resolver(Arc::new(GuardedResolver { allow_private }))
            .user_agent(concat!("Likeness/", env!("CARGO_PKG_VERSION")))
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| format!("the HTTP client cannot be set up: {error}"))?;
        Ok(Self { client, allow_private })
    }

    /// Fetches an address into memory.
    ///
    /// # Errors
    /// [`FetchError`], see its variants.
    pub(crate) async fn get(&self, address: &str, most_bytes: usize) -> Result<Secret<Vec<u8>>, FetchError> {
        tokio::time::timeout(WHOLE_FETCH, self.follow(address, most_bytes)).await.unwrap_or(Err(FetchError::Slow))
    }

    async fn follow(&self, address: &str, most_bytes: usize) -> Result<Secret<Vec<u8>>, FetchError> {
        let mut address = Url::parse(address).map_err(|_| FetchError::Address)?;
        for _ in 0..=MOST_REDIRECTS {
            self.check(&address)?;
            let response = self.client.get(address.clone()).send().await.map_err(|error| remote(&error))?;
            let status = response.status();
            if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
                let location = response.headers().get("location").and_then(|value| value.to_str().ok());
                address = location.and_then(|text| address.join(text).ok()).ok_or(FetchError::Address)?;
                continue;
            }
            if !status.is_success() {
                return Err(FetchError::Remote(format!("the remote server answered {}", status.as_u16())));
            }
            return collect(response, most_bytes).await;
        }
        Err(FetchError::Redirects)
    }

    /// Literal addresses never reach the resolver, so they are checked here.
    fn check(&self, address: &Url) -> Result<(), FetchError> {
        if !matches!(address.scheme(), "http" | "https") {
            return Err(FetchError::Address);
        }
        let literal = match address.host().ok_or(FetchError::Address)? {
            url::Host::Ipv4(ip) => IpAddr::V4(ip),
            url::Host::Ipv6(ip) => IpAddr::V6(ip),
            url::Host::Domain(_) => return Ok(()),
        };
        if self.allow_private || is_public(literal) { Ok(()) } else { Err(FetchError::Forbidden) }
    }
}

async fn collect(mut response: reqwest::Response, most_bytes: usize) -> Result<Secret<Vec<u8>>, FetchError> {
    if response.content_length().is_some_and(|length| length > most_bytes as u64) {
        return Err(FetchError::TooLarge(most_bytes));
    }
    // Room for all at once: a buffer that grows leaves unwiped copies behind.
    let room = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(most_bytes);
    let mut bytes = Secret::new(Vec::with_capacity(room.min(most_bytes)));
    while let Some(chunk) = response.chunk().await.map_err(|error| remote(&error))? {
        if bytes.expose().len() + chunk.len() > most_bytes {
            return Err(FetchError::TooLarge(most_bytes));
        }
        bytes.expose_mut().extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Says what kind of failure it was, without the address and without what the network told.
fn remote(error: &reqwest::Error) -> FetchError {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.is::<ForbiddenName>() {
            return FetchError::Forbidden;
        }
        cause = inner.source();
    }
    FetchError::Remote(if error.is_connect() {
        "the remote server cannot be reached".to_owned()
    } else {
        "the remote server broke off".to_owned()
    })
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
            let allowed: Vec<SocketAddr> = found.filter(|address| allow_private || is_public(address.ip())).collect();
            if allowed.is_empty() {
                return Err(Box::new(ForbiddenName) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
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
        drop(rustls::crypto::ring::default_provider().install_default());
        let fetcher = Fetcher::new(false).unwrap();
        let cases = [
            ("http://127.0.0.1/x", FetchError::Forbidden),
            ("http://2130706433/x", FetchError::Forbidden),
            ("http://0x7f.1/x", FetchError::Forbidden),
            ("http://[::1]/x", FetchError::Forbidden),
            ("ftp://example.org/x", FetchError::Address),
            ("file:///etc/hosts", FetchError::Address),
        ];
        for (text, expected) in cases {
            assert_eq!(fetcher.check(&Url::parse(text).unwrap()), Err(expected), "{text}");
        }
    }
}

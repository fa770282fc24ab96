//! From where a resource may be called.

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// From where a resource may be called. By default: from everywhere. A misspelt field and one that is not there are
/// refused: to leave them out would allow addresses that were to be denied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkRules {
    /// What happens to an address that no rule names.
    pub default_action: Action,
    /// Which addresses are allowed when the default is to deny.
    pub rules: Vec<NetworkRule>,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// It is allowed.
    #[default]
    Allow,
    /// It is refused.
    Deny,
}

/// Addresses that are allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NetworkRule {
    /// One address or a range of them: `203.0.113.7`, `203.0.113.0/24`.
    Address(#[serde(serialize_with = "write_network", deserialize_with = "read_network")] IpNet),
    /// A subnet that the installation's settings name. A name that they do not have allows no address.
    Subnet(String),
}

impl NetworkRules {
    /// Whether a call from this address is allowed. With [`Action::Allow`] every address is, and the rules have no
    /// effect, as with the cloud service.
    pub fn allows(&self, address: IpAddr, subnets: &BTreeMap<String, Vec<IpNet>>) -> bool {
        let address = address.to_canonical();
        match self.default_action {
            Action::Allow => true,
            Action::Deny => self.rules.iter().any(|rule| match rule {
                NetworkRule::Address(network) => contains(network, address),
                NetworkRule::Subnet(name) => {
                    subnets.get(name).is_some_and(|networks| networks.iter().any(|network| contains(network, address)))
                }
            }),
        }
    }
}

/// Reads one address or a range. Bits beyond the prefix are dropped, and a range of IPv4 addresses mapped
/// to IPv6 becomes a range of IPv4.
pub fn parse_network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    Some(unmapped(network.trunc()))
}

fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(six) = network else { return network };
    // The first 96 bits of `::ffff:1.2.3.4` say that it is IPv4.
    let four = six.addr().to_ipv4_mapped().zip(six.prefix_len().checked_sub(96));
    four.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok()).map_or(network, IpNet::V4)
}

/// The network that counts as one caller: an address of IPv4, a whole /64 of IPv6, because one machine has as many.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        four => four,
    }
}

/// Whether an address lies in a range, each in either of the forms that an IPv4 address has.
pub fn is_within(network: &IpNet, address: IpAddr) -> bool {
    contains(network, address.to_canonical())
}

fn contains(network: &IpNet, canonical: IpAddr) -> bool {
    unmapped(*network).contains(&canonical)
}

fn write_network<S: Serializer>(network: &IpNet, serializer: S) -> Result<S::Ok, S::Error> {
    if network.prefix_len() == network.max_prefix_len() {
        serializer.collect_str(&network.addr())
    } else {
        serializer.collect_str(network)
    }
}

fn read_network<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpNet, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_network(&text).ok_or_else(|| de::Error::custom("not an IP address or a range of them"))
}

/// The address a call came from, when it may have come through proxies.
///
/// `forwarded_for` holds the values of the `X-Forwarded-For` headers in their order. Each proxy appends the address it
/// was called from, so the list is walked from its end, and only for as long as the one who wrote the entry is
/// trusted: the first address that is not a trusted proxy is the caller's. An entry that cannot be read ends the walk
/// at the last trusted proxy, since what stands left of it may have been made up by the caller.
pub fn client_address(peer: IpAddr, forwarded_for: &[&str], trusted: &[IpNet]) -> IpAddr {
    let mut address = peer.to_canonical();
    for entry in forwarded_for.iter().rev().flat_map(|value| value.rsplit(',')) {
        if !trusted.iter().any(|proxy| contains(proxy, address)) {
            break;
        }
        let Some(before) = read_hop(entry) else { break };
        address = before;
    }
    address
}

/// An entry: an address, perhaps with a port, perhaps in brackets, perhaps in quotes.
fn read_hop(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let entry = entry.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(entry);
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(six) => IpAddr::V6(six.parse().ok()?),
        None => entry.parse::<IpAddr>().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?,
    };
    Some(address.to_canonical())
}

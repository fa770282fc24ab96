//! Network rules, and the client address behind trusted proxies.

use likeness_rules::{Action, NetworkRule, NetworkRules, client_address, parse_network};
use std::collections::BTreeMap;
use std::net::IpAddr;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn rules(default_action: Action) -> NetworkRules {
    let address = |text| NetworkRule::Address(parse_network(text).unwrap());
    NetworkRules {
        default_action,
        rules: vec![
            address("203.0.113.7"),
            address("198.51.100.77/24"),
            address("2001:db8::/32"),
            address("::ffff:192.0.2.0/120"),
            NetworkRule::Subnet("office".to_owned()),
            NetworkRule::Subnet("gone".to_owned()),
        ],
    }
}

#[test]
fn who_is_let_in() {
    let subnets = BTreeMap::from([
        ("office".to_owned(), vec![parse_network("10.1.0.0/16").unwrap(), "::ffff:10.2.0.0/112".parse().unwrap()]),
        ("other".to_owned(), vec![parse_network("10.9.0.0/16").unwrap()]),
    ]);
    let cases = [
        ("203.0.113.7", true),
        ("::ffff:203.0.113.7", true),
        ("203.0.113.8", false),
        ("198.51.100.1", true),
        ("198.51.101.1", false),
        ("192.0.2.200", true),
        ("2001:db8:1::1", true),
        ("2001:db9::1", false),
        ("10.1.2.3", true),
        ("10.2.2.3", true),
        ("10.9.2.3", false),
        ("127.0.0.1", false),
        ("::1", false),
    ];
    for (address, admitted) in cases {
        assert_eq!(rules(Action::Deny).allows(ip(address), &subnets), admitted, "{address}");
        assert!(rules(Action::Allow).allows(ip(address), &subnets), "{address}");
        assert!(NetworkRules::default().allows(ip(address), &subnets), "{address}");
        let nobody = NetworkRules { default_action: Action::Deny, rules: Vec::new() };
        assert!(!nobody.allows(ip(address), &subnets), "{address}");
    }
}

#[test]
fn rules_in_json() {
    let json = r#"{"defaultAction":"Deny","rules":[{"address":"203.0.113.7"},{"address":"198.51.100.0/24"},{"address":"2001:db8::/32"},{"address":"192.0.2.0/24"},{"subnet":"office"},{"subnet":"gone"}]}"#;
    assert_eq!(serde_json::to_string(&rules(Action::Deny)).unwrap(), json);
    assert_eq!(serde_json::from_str::<NetworkRules>(json).unwrap(), rules(Action::Deny));
    for wrong in ["1.2.3", "1.2.3.4/33", "host", "", "1.2.3.4/", "1.2.3.4-1.2.3.9"] {
        assert_eq!(parse_network(wrong), None, "{wrong}");
        assert!(serde_json::from_value::<NetworkRule>(serde_json::json!({ "address": wrong })).is_err());
    }
}

#[test]
fn the_caller_behind_proxies() {
    let trusted = ["10.0.0.0/8", "fd00::/8", "192.0.2.1"].map(|text| parse_network(text).unwrap());
    let cases: &[(&str, &[&str], &str)] = &[
        // Nobody in between, or nobody trusted: what they claim does not count.
        ("203.0.113.7", &[], "203.0.113.7"),
        ("203.0.113.7", &["1.1.1.1"], "203.0.113.7"),
        ("::ffff:203.0.113.7", &[], "203.0.113.7"),
        ("10.0.0.1", &[], "10.0.0.1"),
        // One proxy; what stands left of its entry the caller may have made up.
        ("10.0.0.1", &["1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", &["9.9.9.9, 1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", &["9.9.9.9", "1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", &["10.0.0.9,1.1.1.1"], "1.1.1.1"),
        ("::ffff:10.0.0.1", &["::ffff:1.1.1.1"], "1.1.1.1"),
        // Several proxies.
        ("10.0.0.1", &["1.1.1.1, 192.0.2.1 ,10.3.3.3"], "1.1.1.1"),
        ("fd00::1", &["2001:db8::5,10.3.3.3"], "2001:db8::5"),
        ("10.0.0.1", &["1.1.1.1, 192.0.2.2, 10.3.3.3"], "192.0.2.2"),
        ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        // Ports, brackets, quotes.
        ("10.0.0.1", &["1.2.3.4:567"], "1.2.3.4"),
        ("10.0.0.1", &["[2001:db8::5]:567"], "2001:db8::5"),
        ("10.0.0.1", &["[2001:db8::5]"], "2001:db8::5"),
        ("10.0.0.1", &["\"[2001:db8::5]:567\""], "2001:db8::5"),
        ("10.0.0.1", &["\"1.2.3.4\""], "1.2.3.4"),
        // What cannot be read: the last trusted proxy counts.
        ("10.0.0.1", &["1.1.1.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", &["1.1.1.1, , 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", &["1.1.1.1", ""], "10.0.0.1"),
        ("10.0.0.1", &["\"1.1.1.1"], "10.0.0.1"),
        ("10.0.0.1", &["[1.1.1.1]"], "10.0.0.1"),
        ("10.0.0.1", &["1.1.1.1:99999"], "10.0.0.1"),
        ("10.0.0.1", &["01.1.1.1"], "10.0.0.1"),
        ("10.0.0.1", &["for=1.1.1.1"], "10.0.0.1"),
    ];
    for (peer, headers, expected) in cases {
        assert_eq!(client_address(ip(peer), headers, &trusted), ip(expected), "{peer} {headers:?}");
    }
    assert_eq!(client_address(ip("10.0.0.1"), &["1.1.1.1"], &[]), ip("10.0.0.1"));
}

//! What operators and their tools send about accounts, and what is stored of it.

use crate::{Target, text};
use likeness::cli::fuzz_targets as tables;
use likeness_api::fuzz_targets;
use likeness_base::Timestamp;
use likeness_rules::{Installation, ResourceId, Settings, parse_network, parse_origin};

pub(crate) const TARGETS: &[Target] = &[
    Target::of("change", fuzz_targets::change),
    Target::of("assign", fuzz_targets::assign),
    Target::of("revoke", fuzz_targets::revoke),
    Target::of("decision", fuzz_targets::decision),
    Target::of("settings", settings),
    Target::of("installation", installation),
    Target::of("network", network),
    Target::of("origin", origin),
    Target::of("resource_id", resource_id),
    Target::of("moment", moment),
    Target::of("groups", tables::groups),
    Target::of("exclusions", tables::exclusions),
];

/// The settings of an account as they are stored.
fn settings(input: &[u8]) -> bool {
    let Ok(settings) = Settings::read(input) else { return false };
    assert_eq!(Settings::read(&settings.write()), Ok(settings), "they do not come back");
    true
}

/// The settings of the installation as they are stored.
fn installation(input: &[u8]) -> bool {
    let Ok(installation) = Installation::read(input) else { return false };
    assert_eq!(Installation::read(&installation.write()), Ok(installation), "they do not come back");
    true
}

fn network(input: &[u8]) -> bool {
    let Some(network) = parse_network(&text(input)) else { return false };
    assert_eq!(parse_network(&network.to_string()), Some(network), "it does not come back");
    assert!(network.contains(&network.addr()), "it does not contain its own address");
    true
}

fn origin(input: &[u8]) -> bool {
    let Some(origin) = parse_origin(&text(input)) else { return false };
    assert_eq!(parse_origin(&origin).as_ref(), Some(&origin), "it does not come back");
    true
}

fn resource_id(input: &[u8]) -> bool {
    let Some(id) = ResourceId::parse(&text(input)) else { return false };
    assert_eq!(ResourceId::parse(&id.to_string()).as_ref(), Some(&id), "it does not come back");
    assert_eq!(ResourceId::parse(&id.folded()).as_ref(), Some(&id), "letter case counts");
    true
}

fn moment(input: &[u8]) -> bool {
    let Some(moment) = Timestamp::parse(&text(input)) else { return false };
    assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment), "it does not come back");
    true
}

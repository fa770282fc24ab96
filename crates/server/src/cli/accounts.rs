//! `likeness accounts`: whose records an installation holds, and what each may do.

use super::output;
use crate::config::Config;
use crate::start;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use likeness_rules::{
    Action, Approvals, ConfidenceDetail, FeatureFlag, LimitedAttribute, NetworkRule, NetworkRules, RetentionClass,
    parse_network,
};
use likeness_service::access::{AccountState, new_key};
use likeness_service::accounts::lifecycle::AccountSpec;
use likeness_service::accounts::settings_change::SettingsChange;
use likeness_service::accounts::{AccountService, Attribution};
use serde_json::{Map, Value, json};
use std::process::ExitCode;
use uuid::Uuid;

#[derive(Subcommand)]
pub(super) enum Accounts {
    /// Make an account and print its resource id and its two keys. They work at once, also while a server runs.
    Add(Add),
    /// Print all accounts, oldest first. The first is the default account.
    List,
    /// Print one account with all its settings.
    Show {
        /// Its name, subdomain, id or resource id.
        account: String,
    },
    /// Set the approvals of an account: replace them all, or change single ones with + and -.
    Approve {
        /// Its name, subdomain, id or resource id.
        account: String,
        /// `Face.Identification`, `Face.Verification`, `LimitedAccess.HighRisk`, `age`, `smile`, `facialHair`, `hair`,
        /// `everything` or `nothing`.
        #[arg(required = true, allow_hyphen_values = true)]
        features: Vec<String>,
    },
    /// Change an account.
    Set(Set),
    /// Suspend an account at once, and destroy its key and all its data after a grace period.
    Close {
        /// Its name, subdomain, id or resource id.
        account: String,
        /// Days of the grace period, in which `reopen` restores it; at most 30.
        #[arg(long, default_value_t = 0)]
        grace_days: u32,
        /// Confirm. Needed without a grace period, because the data cannot be restored.
        #[arg(long)]
        yes: bool,
    },
    /// Reopen a closed account within its grace period.
    Reopen {
        /// Its id or resource id.
        account: String,
    },
}

#[derive(Args)]
pub(super) struct Add {
    /// Last part of its resource id and, if it is free, its subdomain; random without this option.
    name: Option<String>,
    /// Its approvals, separated by commas; see `approve`.
    #[arg(long, value_delimiter = ',')]
    approve: Vec<String>,
    /// Let it issue limited access tokens to other accounts.
    #[arg(long)]
    vendor: bool,
    /// Subscription in its resource id, a GUID.
    #[arg(long)]
    subscription: Option<Uuid>,
    /// Resource group in its resource id.
    #[arg(long, default_value = "likeness")]
    group: String,
    /// Its region.
    #[arg(long, default_value = "local")]
    location: String,
    /// F0, S0, E0 or unlimited; without it, as LIKENESS_TIER says.
    #[arg(long)]
    tier: Option<String>,
    /// Its subdomain: the first label of its own host name.
    #[arg(long)]
    subdomain: Option<String>,
}

#[derive(Args)]
pub(super) struct Set {
    /// Its name, subdomain, id or resource id.
    account: String,
    /// F0, S0, E0 or unlimited.
    #[arg(long)]
    tier: Option<String>,
    /// Its subdomain: the first label of its own host name.
    #[arg(long)]
    subdomain: Option<String>,
    /// Its region.
    #[arg(long)]
    location: Option<String>,
    /// Whether its keys are accepted: on or off.
    #[arg(long, value_parser = on_or_off)]
    local_auth: Option<bool>,
    /// Whether it may issue limited access tokens: on or off. Off revokes those it issued.
    #[arg(long, value_parser = on_or_off)]
    vendor: Option<bool>,
    /// Which client addresses may call it: `everybody`, or addresses, ranges and names of subnets, separated by commas.
    #[arg(long, value_delimiter = ',')]
    allow: Option<Vec<String>>,
    /// Web pages that may call it from a browser, on its own endpoint: `nobody`, or origins such as
    /// `https://shop.example.org`, separated by commas; `*` for all.
    #[arg(long, value_delimiter = ',', value_name = "ORIGINS")]
    cors: Option<Vec<String>>,
    /// How much answers say about how near two faces are: `exact` (five decimals) or `coarse` (two decimals from the threshold
    /// on, 0 below it).
    #[arg(long, value_parser = confidence, value_name = "DETAIL")]
    confidence: Option<ConfidenceDetail>,
    /// A shorter retention, as `faceId=600` in seconds; `faceId=` restores the longest.
    #[arg(long)]
    retention: Vec<String>,
    /// From which client addresses devices may capture for liveness sessions: `account` for those that may call it, or as with
    /// --allow.
    #[arg(long, value_delimiter = ',', value_name = "ALLOW")]
    devices: Option<Vec<String>>,
    /// What holds for its liveness sessions, as JSON by the names of the management API, such as
    /// `{"alternative": {"text": "Call extension 12"}}`.
    #[arg(long, value_name = "JSON", value_parser = object)]
    liveness: Option<Map<String, Value>>,
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("must be a JSON object: {error}"))
}

fn confidence(text: &str) -> Result<ConfidenceDetail, String> {
    ConfidenceDetail::parse(text).ok_or_else(|| "write exact or coarse".to_owned())
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("write on or off".to_owned()),
    }
}

impl Accounts {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        start::block_on(async {
            let service = start::local_account_service(config).await?;
            let outcome = self.run_with(&service).await;
            service.store.close().await;
            outcome
        })??;
        Ok(ExitCode::SUCCESS)
    }

    async fn run_with(&self, service: &AccountService) -> Result<()> {
        let attribution = &Attribution::of_operator();
        match self {
            Self::Add(add) => add.run(service, attribution).await,
            Self::List => list(service),
            Self::Show { account } => {
                show(&*service.find(account)?);
                Ok(())
            }
            Self::Approve { account, features } => {
                let state = service.find(account)?;
                let detail = json!({ "approve": features });
                let wanted = approvals(&state.settings.approvals, features)?;
                let change = |settings: &mut likeness_rules::Settings| {
                    settings.approvals.clone_from(&wanted);
                    Ok(())
                };
                show(&*service.change(state.id(), attribution, &detail, change).await?);
                Ok(())
            }
            Self::Set(set) => set.run(service, attribution).await,
            Self::Close { account, grace_days, yes } => {
                let state = service.find(account)?;
                if *grace_days == 0 && !yes {
                    bail!(
                        "closing {} without a grace period destroys all its data now, and it cannot be restored; add --yes, or set --grace-days",
                        state.settings.resource
                    );
                }
                service.close(state.id(), attribution, *grace_days).await?;
                output::line(&match grace_days {
                    0 => "destroyed".to_owned(),
                    days => format!("suspended; destroyed in {days} days unless it is reopened"),
                });
                Ok(())
            }
            Self::Reopen { account } => {
                service.reopen(service.find(account)?.id(), attribution).await?;
                output::line("open again");
                Ok(())
            }
        }
    }
}

impl Add {
    async fn run(&self, service: &AccountService, attribution: &Attribution) -> Result<()> {
        let name = self.name.clone().unwrap_or_else(|| {
            format!(
                "account-{}",
                &likeness_service::randomness::random_id(&*service.randomness).simple().to_string()[..8]
            )
        });
        let spec = AccountSpec {
            subscription: self.subscription,
            group: self.group.clone(),
            location: self.location.clone(),
            tier: self.tier.clone(),
            subdomain: self.subdomain.clone(),
            approvals: approvals(&Approvals::default(), &self.approve)?,
            is_vendor: self.vendor,
            ..AccountSpec::named(&name)
        };
        let keys = [new_key(&*service.randomness), new_key(&*service.randomness)];
        let account = service.create(attribution, spec, keys.clone()).await?;
        output::line(&format!("account  {account}"));
        output::line(&format!("key1  {}", keys[0].expose()));
        output::line(&format!("key2  {}", keys[1].expose()));
        let state = service.find(&account.to_string())?;
        output::line(&format!("resource  {}", state.settings.resource));
        if let Some(subdomain) = &state.settings.subdomain {
            output::line(&format!("endpoint path  /accounts/{subdomain}"));
        }
        if state.settings.approvals == Approvals::default() {
            output::hint(
                "This account has no limited-access approvals. `likeness accounts approve` sets them; a limited access token can lend them.",
            );
        }
        Ok(())
    }
}

impl Set {
    async fn run(&self, service: &AccountService, attribution: &Attribution) -> Result<()> {
        let state = service.find(&self.account)?;
        if let Some(may) = self.vendor {
            service.set_vendor_right(state.id(), attribution, may).await?;
        }
        let change = SettingsChange {
            tier: self.tier.clone().map(Some),
            subdomain: self.subdomain.clone().map(Some),
            location: self.location.clone(),
            local_auth: self.local_auth,
            network: self.allow.as_deref().map(network),
            cors_origins: self
                .cors
                .as_ref()
                .map(|names| names.iter().filter(|name| *name != "nobody").cloned().collect()),
            confidence: self.confidence,
            retention: (!self.retention.is_empty()).then(|| lives(&self.retention)).transpose()?,
            liveness: self.liveness()?,
        };
        show(&*service.alter(state.id(), attribution, &change).await?);
        Ok(())
    }
}

impl Set {
    fn liveness(&self) -> Result<Option<Map<String, Value>>> {
        let Some(devices) = &self.devices else { return Ok(self.liveness.clone()) };
        let rules = match devices.as_slice() {
            [only] if only == "account" => Value::Null,
            names => serde_json::to_value(network(names))?,
        };
        let mut change = self.liveness.clone().unwrap_or_default();
        change.insert("devices".to_owned(), rules);
        Ok(Some(change))
    }
}

/// The rules that these words make.
fn network(names: &[String]) -> NetworkRules {
    if names.iter().any(|name| name == "everybody") {
        return NetworkRules::default();
    }
    let rule = |name: &String| match parse_network(name) {
        Some(network) => NetworkRule::Address(network),
        None => NetworkRule::Subnet(name.clone()),
    };
    NetworkRules { default_action: Action::Deny, rules: names.iter().map(rule).collect() }
}

/// Lives by their names, as `faceId=600` says them.
fn lives(wishes: &[String]) -> Result<Map<String, Value>> {
    let life = |spec: &String| {
        let (kept, seconds) = spec.split_once('=').context("write --retention as faceId=600")?;
        let seconds = match seconds {
            "" => Value::Null,
            number => json!(number.parse::<u32>().context("a retention is a number of seconds")?),
        };
        Ok((kept.to_owned(), seconds))
    };
    wishes.iter().map(life).collect()
}

/// The approvals after these words are applied.
pub(super) fn approvals(before: &Approvals, words: &[String]) -> Result<Approvals> {
    let mut approvals =
        if words.iter().all(|word| word.starts_with(['+', '-'])) { before.clone() } else { Approvals::default() };
    for word in words {
        let (gives, name) = match word.strip_prefix('-') {
            Some(name) => (false, name),
            None => (true, word.trim_start_matches('+')),
        };
        if let Some(flag) = FeatureFlag::parse(name) {
            approvals.flags.remove(&flag);
            approvals.flags.extend(gives.then_some(flag));
        } else if let Some(attribute) = LimitedAttribute::parse(name) {
            approvals.attributes.remove(&attribute);
            approvals.attributes.extend(gives.then_some(attribute));
        } else if name == "everything" && gives {
            approvals = Approvals::everything();
        } else if name != "nothing" {
            bail!(
                "{name} is no feature; these are: Face.Identification, Face.Verification, LimitedAccess.HighRisk, age, smile, facialHair, hair, everything, nothing"
            );
        }
    }
    Ok(approvals)
}

fn list(service: &AccountService) -> Result<()> {
    let accounts = service.cache.last_known().all();
    let rows = accounts.iter().map(|state| {
        let closed = match state.account.ends_at {
            Some(ends_at) => format!("closed, destroyed at {ends_at}"),
            None => "open".to_owned(),
        };
        let endpoint = state.settings.subdomain.as_ref().map(|subdomain| format!("/accounts/{subdomain}"));
        vec![
            state.id().to_string(),
            state.account.created_at.to_string(),
            state.settings.resource.to_string(),
            endpoint.unwrap_or_default(),
            closed,
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    output::table(&["account", "made", "resource", "endpoint path", "state"], &rows);
    Ok(())
}

fn show(state: &AccountState) {
    let settings = &state.settings;
    let join = |words: Vec<String>| if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
    let flags = settings.approvals.flags.iter().map(|flag| flag.as_text().to_owned());
    let attributes = settings.approvals.attributes.iter().map(|attribute| attribute.as_text().to_owned());
    let lives =
        RetentionClass::ALL.iter().map(|&kept| format!("{} {} s", kept.as_text(), settings.retention.seconds(kept)));
    let network = match settings.network.default_action {
        Action::Allow => "everybody".to_owned(),
        Action::Deny => join(
            settings
                .network
                .rules
                .iter()
                .map(|rule| match rule {
                    NetworkRule::Address(network) => network.to_string(),
                    NetworkRule::Subnet(name) => name.clone(),
                })
                .collect(),
        ),
    };
    let on = |yes: bool| if yes { "on" } else { "off" }.to_owned();
    let rows = [
        ("resource", settings.resource.to_string()),
        ("account", state.id().to_string()),
        ("state", state.account.ends_at.map_or("open".to_owned(), |at| format!("closed, destroyed at {at}"))),
        ("subdomain", settings.subdomain.clone().unwrap_or_default()),
        ("location", settings.location.clone()),
        ("tier", settings.tier.clone().unwrap_or_else(|| "as the installation".to_owned())),
        ("keys accepted", on(settings.local_auth)),
        ("approvals", join(flags.chain(attributes).collect())),
        ("may issue tokens", on(settings.vendor.may_issue)),
        ("blocked clients", join(settings.vendor.blocked.iter().map(ToString::to_string).collect())),
        ("open to", network),
        (
            "web pages",
            if settings.cors_origins.is_empty() { "nobody".to_owned() } else { settings.cors_origins.join(", ") },
        ),
        ("confidence", settings.confidence.as_text().to_owned()),
        ("retention", join(lives.collect())),
        ("roles", settings.assignments.len().to_string()),
    ];
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    output::table(&["", ""], &rows);
}

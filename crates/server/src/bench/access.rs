//! The cost of access: admitting callers and checking approvals, and sweeping expired records while others call.

use super::Row;
use super::client::Client;
use super::command;
use super::http::Setting;
use super::measure::{Clock, Pace, Series, quantile};
use super::server::{KEY, Server};
use crate::config::Config;
use crate::start::{self, IfMissing, OpenStore};
use anyhow::{Context, Result};
use axum::body::Bytes;
use likeness_base::{Clock as _, Randomness, Secret, Timestamp};
use likeness_rules::{Action, Approvals, FeatureFlag, Gate, NetworkRule, parse_network};
use likeness_service::access::{Access, Caller, CallerCredentials, Origin};
use likeness_service::accounts::lifecycle::AccountSpec;
use likeness_service::accounts::vendors::LimitedTokenRequest;
use likeness_service::accounts::{AccountService, Attribution};
use likeness_service::clock::{SharedClock, SystemClock};
use likeness_service::fetch::Fetcher;
use likeness_service::ledger::Ledger;
use likeness_service::randomness::SystemRandomness;
use likeness_store::{AccountId, DetectedFace, FaceId, FaceIdWrite, Store};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

const PART: &str = "custody";

/// Calls admitted, of each kind.
const CALLS: usize = 20_000;
/// Rules of the account's network, none of which names the caller but the last.
const RULES: u8 = 100;
/// Most microseconds that letting in may take with a key, and with a token that was seen before.
const KEY_BAR: f64 = 50.0;
const BEARER_BAR: f64 = 200.0;

/// Templates that expire in all.
const DUE: usize = 1_000_000;
/// Rounds, each with some of them.
const ROUNDS: usize = 5;
/// Faces that one command keeps.
const AT_ONCE: usize = 500;
/// Calls of an idle round.
const IDLE_CALLS: usize = 150;
/// Time between the moments at which the templates of two rounds expire.
const PERIOD: Duration = Duration::from_secs(60);
/// What filling may take longer than foreseen before the first template expires.
const SLACK: Duration = Duration::from_secs(40);

/// Measures.
///
/// # Errors
/// When the store cannot be made, the server does not start, or a request fails.
pub(crate) async fn measure(setting: &Setting<'_>) -> Result<Vec<Row>> {
    (setting.progress)("letting callers in");
    let mut rows = admission(setting).await?;
    rows.extend(sweeping(setting).await?);
    Ok(rows)
}

/// An installation with one account, in this process.
struct LocalAccess {
    access: Access,
    service: AccountService,
    account: AccountId,
    key: Secret<String>,
}

impl LocalAccess {
    async fn make(folder: &Path) -> Result<Self> {
        let config = Config { data: folder.to_owned(), ..Config::default() };
        let OpenStore { store, key: installation, holders, .. } = start::open_store(&config, IfMissing::Make).await?;
        let ledger = Arc::new(Ledger::without_galleries(store.clone()));
        let clock = Arc::new(SharedClock::default());
        let service = start::account_service(&config, store, ledger, holders, clock, false).await?;
        let new_key = || likeness_service::access::new_key(&SystemRandomness);
        service.make_installation([new_key(), new_key()]).await?;
        service.rotate_due_signing_keys().await?;
        let key = new_key();
        let spec = AccountSpec { approvals: Approvals::everything(), is_vendor: true, ..AccountSpec::named("bench") };
        let account = service.create(&Attribution::of_operator(), spec, [key.clone(), new_key()]).await?;
        let rules = |settings: &mut likeness_rules::Settings| {
            settings.network.default_action = Action::Deny;
            let others = (0..RULES - 1).filter_map(|number| parse_network(&format!("10.{number}.0.0/16")));
            let all = others.chain(parse_network("127.0.0.0/8"));
            settings.network.rules = all.map(NetworkRule::Address).collect();
            Ok(())
        };
        service.change(account, &Attribution::of_operator(), &serde_json::Value::Null, rules).await?;
        let fetcher = Fetcher::new(false).map_err(anyhow::Error::msg)?;
        let access =
            Access::new(service.cache.clone(), installation, service.holders.clone(), &config.access, &fetcher);
        Ok(Self { access, service, account, key })
    }

    fn origin() -> Origin {
        Origin { subdomain: Some("bench".to_owned()), client: IpAddr::V4(Ipv4Addr::LOCALHOST) }
    }

    /// Everything between a request that was read and a handler that may work.
    async fn admit(&self, origin: &Origin, credentials: CallerCredentials) -> Result<Caller> {
        let now = SystemClock.now().as_seconds();
        let caller =
            self.access.admit(origin, &credentials, now).await.map_err(|denied| anyhow::anyhow!("{denied:?}"))?;
        anyhow::ensure!(caller.rights.include(|| "identify/action").is_ok(), "the role is missing");
        anyhow::ensure!(Gate::Identification.allows(&caller.state.settings.approvals.flags), "the approval is missing");
        Ok(caller)
    }

    /// Microseconds of each of many calls.
    async fn times(&self, calls: usize, credentials: impl Fn() -> CallerCredentials) -> Result<Vec<f64>> {
        let origin = Self::origin();
        let mut times = Vec::with_capacity(calls);
        for _ in 0..calls {
            let sent = credentials();
            let begun = Instant::now();
            std::hint::black_box(self.admit(&origin, sent).await?);
            times.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        Ok(times)
    }
}

async fn admission(setting: &Setting<'_>) -> Result<Vec<Row>> {
    let local = LocalAccess::make(&setting.scratch.join("access")).await?;
    // As the server does it: the table is refreshed four times a second.
    let cache = local.service.cache.clone();
    let refreshing = tokio::spawn(async move {
        loop {
            drop(cache.refresh().await);
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    });
    let calls = setting.pace.of(CALLS);
    let key = || CallerCredentials { key: Some(local.key.clone()), ..CallerCredentials::default() };
    let now = SystemClock.now().as_seconds();
    let caller = local.admit(&LocalAccess::origin(), key()).await?;
    let issued = local.access.issue(&caller, &SystemRandomness, now).await;
    let token = issued.map_err(|error| anyhow::anyhow!("a token cannot be issued: {error:?}"))?;
    let token = Secret::new(format!("Bearer {}", token.expose()));
    let bearer = || CallerCredentials { authorization: Some(token.clone()), ..CallerCredentials::default() };
    let asked = LimitedTokenRequest {
        target: caller.state.settings.resource.clone(),
        flags: BTreeSet::from([FeatureFlag::Identification]),
        seconds: 3_600,
    };
    let attribution = Attribution::of_operator();
    let lent = local.service.issue_limited(&caller.state, &attribution, &asked).await;
    let lent = lent.map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
    let lent = format!("Bearer {}", lent.expose());

    let floor: Vec<f64> = (0..calls)
        .map(|_| {
            let begun = Instant::now();
            std::hint::black_box(local.service.installation.lookup_digest(&local.key));
            begun.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    let micros = |values| Series::of("us", Clock::Wall, values);
    let by_key = micros(local.times(calls, key).await?);
    let by_bearer = micros(local.times(calls, bearer).await?);
    let mut by_lent = Vec::with_capacity(calls);
    for _ in 0..calls {
        let begun = Instant::now();
        let found = local.access.check_limited_token(&lent, &caller.state, now).await;
        by_lent.push(begun.elapsed().as_secs_f64() * 1e6);
        found.map_err(|problem| anyhow::anyhow!("{problem:?}"))?;
    }
    refreshing.abort();
    anyhow::ensure!(caller.account() == local.account, "another account");
    local.service.store.close().await;
    let digest = "keyed digest of the key alone";
    Ok(vec![
        Row::alone(PART, format!("let in with a key: {RULES} network rules, rights, gate"), by_key)
            .beside(digest, micros(floor.clone()))
            .at_most(KEY_BAR),
        Row::alone(PART, "let in with a bearer token seen before", by_bearer)
            .beside(digest, micros(floor))
            .at_most(BEARER_BAR),
        Row::alone(PART, "look at a limited access token seen before", micros(by_lent)),
    ])
}

/// Keeps templates that expire within the second before a moment, through the store beside the server; gives the first and the last id.
async fn fill(store: &dyn Store, account: AccountId, count: usize, expires_at: Timestamp) -> Result<[Uuid; 2]> {
    let mut ends = [Uuid::nil(); 2];
    let mut left = count;
    while left > 0 {
        // Within a second, in the order in which they came, as detections of one life do.
        let early = u64::try_from(left * 1_000 / count).unwrap_or(0);
        let expires_at = Timestamp::from_millis(expires_at.as_millis() - i64::try_from(early).unwrap_or(0));
        let faces: Vec<DetectedFace> = (0..left.min(AT_ONCE))
            .map(|_| {
                let mut template = vec![0; 512];
                SystemRandomness.fill(&mut template);
                DetectedFace {
                    id: FaceId::new(expires_at, likeness_base::random_bytes(&SystemRandomness)),
                    template: Secret::new(template),
                    space: "bench/1".to_owned(),
                    model: "recognition_04".to_owned(),
                    expires_at,
                }
            })
            .collect();
        let ids = [faces.first(), faces.last()].map(|face| face.map_or(Uuid::nil(), |face| face.id.as_uuid()));
        if ends[0].is_nil() {
            ends[0] = ids[0];
        }
        ends[1] = ids[1];
        left -= faces.len();
        store.apply(command(account, FaceIdWrite::Keep { faces })).await?;
    }
    Ok(ends)
}

/// Whether any of these rows still exists, expired or not.
async fn is_there(store: &dyn Store, account: AccountId, id: Uuid) -> Result<bool> {
    Ok(store.face_ids(account, &[id], Timestamp::from_millis(0)).await?[0].is_some())
}

fn p95(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    quantile(&times, 0.95)
}

async fn sweeping(setting: &Setting<'_>) -> Result<Vec<Row>> {
    let data = setting.scratch.join("swept");
    let server = Server::start(&setting.cache, &data)?;
    let config = Config { data, ..Config::default() };
    let OpenStore { store, .. } = start::open_store(&config, IfMissing::Refuse).await?;
    let account = store.accounts().await?.first().context("the server made no account")?.id;
    // A first look waits less: a hundredth is due, and sooner.
    let (rounds, due) = (setting.pace.of(ROUNDS).max(2), setting.pace.of(setting.pace.of(DUE)));
    let (period, slack) = match setting.pace {
        Pace::Full => (PERIOD, SLACK),
        Pace::Quick => (PERIOD / 4, SLACK / 4),
    };
    let each = due / rounds;
    // All are there before the first expires; how long that takes is known after a piece.
    let begun = Instant::now();
    fill(&*store, account, each.min(20_000), SystemClock.now().plus(Duration::from_secs(86_000))).await?;
    let filling = begun.elapsed().mul_f64(due as f64 / each.min(20_000) as f64 * 2.0) + slack;
    let first = SystemClock.now().plus(filling);
    let mut batches = Vec::new();
    for round in 0..rounds {
        (setting.progress)(&format!("keeping {} of {due} templates", round * each));
        let expires_at = first.plus(period * u32::try_from(round).unwrap_or(0));
        batches.push((expires_at, fill(&*store, account, each, expires_at).await?));
    }
    let photo = Bytes::from(setting.portrait.bytes.expose().clone());
    let mut client = Client::connect(server.address, KEY).await?;
    let (mut idle, mut swept, mut took) = (Vec::new(), Vec::new(), Vec::new());
    for (round, (expires_at, [first, last])) in batches.into_iter().enumerate() {
        (setting.progress)(&format!("round {} of {rounds}: nothing due", round + 1));
        let mut times = Vec::new();
        for _ in 0..setting.pace.of(IDLE_CALLS) {
            times.push(client.detect(&photo).await?.0);
        }
        idle.push(p95(times));
        (setting.progress)(&format!("round {} of {rounds}: {each} templates due", round + 1));
        // Calls go on all the time; those between the first and the last that goes are the ones that count.
        let mut times = Vec::new();
        let mut sweep_began = None;
        let give_up = SystemClock.now().max(expires_at).plus(Duration::from_secs(90));
        loop {
            let (time, _) = client.detect(&photo).await?;
            if SystemClock.now() < expires_at {
                continue;
            }
            if sweep_began.is_none() && !is_there(&*store, account, first).await? {
                sweep_began = Some(Instant::now());
            }
            if let Some(began) = sweep_began {
                times.push(time);
                if !is_there(&*store, account, last).await? {
                    took.push(began.elapsed().as_secs_f64() * 1e3);
                    break;
                }
            }
            anyhow::ensure!(SystemClock.now() < give_up, "{each} templates were not swept within 90 s");
        }
        swept.push(p95(times));
    }
    store.close().await;
    drop(server);
    let spread = idle.iter().copied().fold(0.0, f64::max) / idle.iter().copied().fold(f64::INFINITY, f64::min);
    let most = spread.max(1.1);
    let text = format!("95th percentile of detect while {due} templates expire, {each} in each of {rounds} rounds");
    Ok(vec![
        Row::alone(PART, text, Series::wall(swept))
            .beside(format!("nothing due; rounds differ by {:.0} %", (spread - 1.0) * 100.0), Series::wall(idle))
            .ratio_at_most((most * 100.0).round() / 100.0),
        Row::alone(PART, format!("sweep {each} templates while detect is called"), Series::wall(took)),
    ])
}
